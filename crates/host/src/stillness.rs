//! For how long nothing has happened, by the monotonic clock of this process.
//!
//! Nothing here survives a restart: after one, every silence begins anew, so
//! no lease can end within its grace period because a daemon was away.

use std::{
    collections::HashMap,
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    path::Path,
    time::{Duration, Instant, UNIX_EPOCH},
};

/// Files looked at in one worktree at most.
const FILES_MAX: usize = 50_000;

/// What was seen last of each thing, and since when it is so.
#[derive(Debug, Default)]
pub(crate) struct Stillness {
    seen: HashMap<String, (u64, Instant)>,
}

impl Stillness {
    /// Notes a sign and returns for how long it has been the same, in milliseconds.
    pub(crate) fn note(&mut self, key: &str, sign: u64) -> u64 {
        let now = Instant::now();
        match self.seen.get_mut(key) {
            Some((last, since)) if *last == sign => millis(now - *since),
            Some(entry) => {
                *entry = (sign, now);
                0
            }
            None => {
                self.seen.insert(key.to_owned(), (sign, now));
                0
            }
        }
    }

    /// Forgets a thing that has ended.
    pub(crate) fn forget(&mut self, prefix: &str) {
        self.seen.retain(|key, _| !key.starts_with(prefix));
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Returns the processor time of a process and all of its descendants, in clock ticks.
pub(crate) fn processor_time(root: i32) -> u64 {
    let Ok(entries) = fs::read_dir("/proc") else {
        return 0;
    };
    let mut processes: HashMap<i32, (i32, u64)> = HashMap::new();
    for entry in entries.flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|n| n.parse().ok()) else {
            continue;
        };
        if let Some(stat) = fs::read_to_string(entry.path().join("stat"))
            .ok()
            .as_deref()
            .and_then(parent_and_time)
        {
            processes.insert(pid, stat);
        }
    }
    let mut total = 0;
    let mut open = vec![root];
    while let Some(pid) = open.pop() {
        total += processes.get(&pid).map_or(0, |(_, ticks)| *ticks);
        open.extend(
            processes
                .iter()
                .filter(|(_, (parent, _))| *parent == pid)
                .map(|(child, _)| *child),
        );
    }
    total
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

/// Returns a sign that changes when a file below `folder` is written, made or removed.
pub(crate) fn content_sign(folder: &Path) -> u64 {
    let mut hasher = DefaultHasher::new();
    let mut open = vec![folder.to_owned()];
    let mut left = FILES_MAX;
    while let Some(folder) = open.pop() {
        let Ok(entries) = fs::read_dir(&folder) else {
            continue;
        };
        let mut entries: Vec<_> = entries.flatten().collect();
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let Ok(meta) = entry.metadata() else { continue };
            if left == 0 {
                return hasher.finish();
            }
            left -= 1;
            if meta.is_dir() {
                if entry.file_name() != ".git" {
                    open.push(entry.path());
                }
                continue;
            }
            entry.path().hash(&mut hasher);
            meta.len().hash(&mut hasher);
            meta.modified()
                .ok()
                .and_then(|at| at.duration_since(UNIX_EPOCH).ok())
                .hash(&mut hasher);
        }
    }
    hasher.finish()
}
