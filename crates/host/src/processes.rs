//! How much processor time a run has used, with all that it started.
//!
//! One look at the table of processes serves all runs that are asked about
//! shortly after.

use std::{
    collections::HashMap,
    fs,
    time::{Duration, Instant},
};

/// How long one look at the table of processes is good for.
const FRESH: Duration = Duration::from_millis(500);

/// The table of processes, as it was a moment ago.
#[derive(Debug, Default)]
pub(crate) struct Processes {
    looked: Option<Instant>,
    ticks: HashMap<i32, u64>,
    children: HashMap<i32, Vec<i32>>,
}

impl Processes {
    /// Returns the processor time of a process and all of its descendants, in clock ticks.
    pub(crate) fn time_below(&mut self, root: i32) -> u64 {
        if self.looked.is_none_or(|looked| looked.elapsed() > FRESH) {
            self.look();
        }
        let mut total = 0;
        let mut open = vec![root];
        while let Some(pid) = open.pop() {
            total += self.ticks.get(&pid).copied().unwrap_or(0);
            open.extend(self.children.get(&pid).into_iter().flatten());
        }
        total
    }

    fn look(&mut self) {
        self.looked = Some(Instant::now());
        self.ticks.clear();
        self.children.clear();
        let Ok(entries) = fs::read_dir("/proc") else {
            return;
        };
        for entry in entries.flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(|n| n.parse().ok()) else {
                continue;
            };
            if let Some((parent, ticks)) = fs::read_to_string(entry.path().join("stat"))
                .ok()
                .as_deref()
                .and_then(parent_and_time)
            {
                self.ticks.insert(pid, ticks);
                self.children.entry(parent).or_default().push(pid);
            }
        }
    }
}

/// Reads the parent and the used ticks (own and reaped children's) off a `stat` line.
fn parent_and_time(stat: &str) -> Option<(i32, u64)> {
    let rest = stat.rsplit_once(')')?.1;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let parent = fields.get(1)?.parse().ok()?;
    let ticks = fields
        .get(11..15)?
        .iter()
        .filter_map(|field| field.parse::<u64>().ok())
        .sum();
    Some((parent, ticks))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stat_line_is_read_whatever_the_program_is_called() {
        let line = "42 (a) b (c) S 7 42 42 0 -1 4194304 1 0 0 0 5 6 7 8 20 0 1 0 100 0 0";
        assert_eq!(parent_and_time(line), Some((7, 26)));
        assert_eq!(parent_and_time("42 (a"), None);
    }

    #[test]
    fn time_is_summed_over_all_descendants() {
        let mut processes = Processes {
            looked: Some(Instant::now()),
            ticks: HashMap::from([(1, 1), (2, 10), (3, 100), (4, 1000)]),
            children: HashMap::from([(1, vec![2]), (2, vec![3])]),
        };
        assert_eq!(processes.time_below(1), 111);
        assert_eq!(processes.time_below(4), 1000);
        assert_eq!(processes.time_below(5), 0);
    }
}
