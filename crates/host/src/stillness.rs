//! For how long nothing has happened, by the monotonic clock of this process.
//!
//! Only what was watched counts. Nothing here survives a restart, and a thing
//! that nobody looked at for a while begins anew: after a restart, a stop or a
//! machine that stood still, no lease can end because nobody was there to see.

use std::{
    collections::HashMap,
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    path::Path,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// Files looked at in one worktree at most.
const FILES_MAX: usize = 50_000;
/// The longest time between two looks over which a silence goes on.
const GAP: Duration = Duration::from_mins(1);
/// Things that are remembered before those that nobody looks at any more are dropped.
const KEPT: usize = 1_000;

/// What was seen last of each thing, and since when it is so.
#[derive(Debug, Default)]
pub(crate) struct Stillness {
    seen: HashMap<String, Sight>,
}

#[derive(Debug)]
struct Sight {
    sign: u64,
    since: Instant,
    looked: Instant,
}

impl Stillness {
    /// Notes a sign and returns for how long it has been the same, in milliseconds.
    pub(crate) fn note(&mut self, key: &str, sign: u64) -> u64 {
        self.note_at(key, sign, Instant::now())
    }

    fn note_at(&mut self, key: &str, sign: u64, now: Instant) -> u64 {
        let is_gap = is_injected_gap();
        let is_watched = |sight: &Sight| !is_gap && now.duration_since(sight.looked) <= GAP;
        if self.seen.len() >= KEPT {
            self.seen.retain(|_, sight| is_watched(sight));
        }
        match self.seen.get_mut(key) {
            Some(sight) if sight.sign == sign && is_watched(sight) => {
                sight.looked = now;
                millis(now - sight.since)
            }
            _ => {
                let sight = Sight {
                    sign,
                    since: now,
                    looked: now,
                };
                self.seen.insert(key.to_owned(), sight);
                0
            }
        }
    }

    /// Forgets all things whose key begins so.
    pub(crate) fn forget(&mut self, prefix: &str) {
        self.seen.retain(|key, _| !key.starts_with(prefix));
    }
}

/// Tells whether a test wants this look to come after a gap.
fn is_injected_gap() -> bool {
    gtd_fault::point_result("host.gap").is_err()
}

/// For how long the machine has been awake and somebody has looked.
///
/// A gap is a machine that slept (the wall clock went on, the monotonic one did not), a process
/// that stood still (nobody looked), or a wall clock that was set.
#[derive(Debug)]
pub(crate) struct Awake {
    since: Instant,
    looked: Option<(Instant, SystemTime)>,
}

impl Default for Awake {
    fn default() -> Self {
        Self {
            since: Instant::now(),
            looked: None,
        }
    }
}

impl Awake {
    /// Notes a look; returns for how long there has been no gap, in milliseconds.
    pub(crate) fn note(&mut self) -> u64 {
        self.note_at(Instant::now(), SystemTime::now())
    }

    fn note_at(&mut self, now: Instant, wall: SystemTime) -> u64 {
        let is_gap = match self.looked.replace((now, wall)) {
            // What happened before the first look is not known.
            None => true,
            Some((looked, wall_then)) => {
                let went_by = now.duration_since(looked);
                let jump = match wall.duration_since(wall_then) {
                    Ok(by_wall) => by_wall.abs_diff(went_by),
                    Err(back) => back.duration() + went_by,
                };
                went_by > GAP || jump > GAP
            }
        };
        if is_gap || is_injected_gap() {
            self.since = now;
        }
        millis(now.duration_since(self.since))
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_of_either_clock_begins_the_grace_anew() {
        let (start, wall) = (Instant::now(), SystemTime::now());
        let second = Duration::from_secs(1);
        let hours = Duration::from_hours(8);
        let mut awake = Awake::default();
        let mut at =
            |mono: Duration, by_wall: Duration| awake.note_at(start + mono, wall + by_wall);
        assert_eq!(
            at(second, second),
            0,
            "the first look knows nothing of before"
        );
        assert_eq!(at(31 * second, 31 * second), 30_000);
        assert_eq!(at(32 * second, hours), 0, "the machine slept");
        assert_eq!(at(42 * second, hours + 10 * second), 10_000);
        assert_eq!(at(43 * second, 12 * second), 0, "the clock was set back");
        assert_eq!(at(53 * second, 22 * second), 10_000);
        assert_eq!(at(hours, hours), 0, "the process stood still");
    }

    #[test]
    fn silence_is_counted_from_the_first_look_and_ends_with_a_sign() {
        let mut stillness = Stillness::default();
        let begin = Instant::now();
        let at = |seconds| begin + Duration::from_secs(seconds);
        assert_eq!(stillness.note_at("run x output", 7, at(0)), 0);
        assert_eq!(stillness.note_at("run x output", 7, at(30)), 30_000);
        assert_eq!(stillness.note_at("run x output", 7, at(60)), 60_000);
        assert_eq!(stillness.note_at("run x output", 8, at(61)), 0);
        stillness.forget("run x ");
        assert_eq!(stillness.note_at("run x output", 8, at(62)), 0);
    }

    #[test]
    fn silence_that_nobody_watched_does_not_count() {
        let mut stillness = Stillness::default();
        let begin = Instant::now();
        assert_eq!(stillness.note_at("run x output", 7, begin), 0);
        let after_a_night = begin + Duration::from_hours(8);
        assert_eq!(stillness.note_at("run x output", 7, after_a_night), 0);
    }

    #[test]
    fn what_nobody_looks_at_is_dropped() {
        let mut stillness = Stillness::default();
        let begin = Instant::now();
        for n in 0..KEPT {
            stillness.note_at(&format!("run {n}"), 0, begin);
        }
        stillness.note_at("run next", 0, begin + GAP + GAP);
        assert_eq!(stillness.seen.len(), 1);
    }

    #[test]
    fn a_worktree_is_still_until_a_file_is_written_or_removed() {
        let folder = tempfile::tempdir().expect("a folder");
        let sign = || content_sign(folder.path());
        let empty = sign();
        fs::create_dir(folder.path().join(".git")).expect("a folder");
        fs::write(folder.path().join(".git/index"), "x").expect("a file");
        assert_eq!(sign(), empty, "git's own files do not count");
        fs::write(folder.path().join("file"), "x").expect("a file");
        let one = sign();
        assert_ne!(one, empty);
        assert_eq!(sign(), one);
        fs::remove_file(folder.path().join("file")).expect("a file");
        assert_eq!(sign(), empty);
    }
}
