//! Notices an agent that says the same thing over and over.
//!
//! For each period from one to eight lines it counts how many lines in a row
//! equal the line one period before; memory is eight hashes and eight counters.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

const LONGEST: usize = 8;

/// Counts how often the last block of lines came in a row.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    lines: u64,
    last: [u64; LONGEST],
    same: [u64; LONGEST],
}

impl Repeats {
    pub(super) fn push(&mut self, line: &[u8]) {
        let mut hasher = DefaultHasher::new();
        line.hash(&mut hasher);
        let hash = hasher.finish();
        let place = self.lines;
        for (n, same) in self.same.iter_mut().enumerate() {
            let period = n as u64 + 1;
            let is_same = place >= period && self.last[slot(place - period)] == hash;
            *same = if is_same { *same + 1 } else { 0 };
        }
        self.last[slot(place)] = hash;
        self.lines += 1;
    }

    /// 0: no line yet; 1: the last block came once; n: n times in a row.
    pub(super) fn count(&self) -> u32 {
        if self.lines == 0 {
            return 0;
        }
        let most = self
            .same
            .iter()
            .zip(1u64..)
            .map(|(same, period)| same / period + 1)
            .max()
            .unwrap_or(1);
        u32::try_from(most).unwrap_or(u32::MAX)
    }
}

fn slot(place: u64) -> usize {
    usize::try_from(place % LONGEST as u64).expect("it is smaller than eight")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(lines: &str) -> u32 {
        let mut repeats = Repeats::default();
        for line in lines.chars() {
            repeats.push(line.to_string().as_bytes());
        }
        repeats.count()
    }

    #[test]
    fn repeated_lines_and_blocks_are_counted() {
        assert_eq!(count(""), 0);
        assert_eq!(count("a"), 1);
        assert_eq!(count("abcdef"), 1);
        assert_eq!(count("xaaaa"), 4);
        assert_eq!(count("abababab"), 4);
        assert_eq!(count("xyzabcdefghabcdefghabcdefgh"), 3);
        assert_eq!(count("aaaaaab"), 1);
        assert_eq!(count("abcdefghiabcdefghi"), 1);
    }
}
