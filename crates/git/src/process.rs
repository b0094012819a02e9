//! Which processes work in a folder or hold a lock file, as `/proc` tells it.
//!
//! Where there is no `/proc` the answer is "unknown", and callers must be
//! careful.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Lists the processes whose working folder lies in `folder`.
pub(crate) fn processes_in(folder: &Path) -> Option<Vec<u32>> {
    let found = processes()?
        .filter(|(_, proc)| works_in(proc, folder))
        .map(|(pid, _)| pid)
        .collect();
    Some(found)
}

/// Says whether a living process holds a lock file: it has the file open, or
/// it is a git at work in that worktree.
pub(crate) fn is_held(lock: &Path, worktree: &Path, git_dir: &Path) -> Option<bool> {
    let held = processes()?.any(|(_, proc)| {
        let is_git = fs::read(proc.join("comm")).is_ok_and(|name| name.starts_with(b"git"));
        (is_git && (works_in(&proc, worktree) || works_in(&proc, git_dir))) || has_open(&proc, lock)
    });
    Some(held)
}

fn processes() -> Option<impl Iterator<Item = (u32, PathBuf)>> {
    let entries = fs::read_dir("/proc").ok()?;
    fs::read_link("/proc/self").ok()?;
    Some(entries.flatten().filter_map(|entry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        Some((pid, entry.path()))
    }))
}

fn works_in(proc: &Path, folder: &Path) -> bool {
    fs::read_link(proc.join("cwd")).is_ok_and(|cwd| cwd.starts_with(folder))
}

fn has_open(proc: &Path, file: &Path) -> bool {
    let Ok(entries) = fs::read_dir(proc.join("fd")) else {
        return false;
    };
    entries
        .flatten()
        .any(|entry| fs::read_link(entry.path()).is_ok_and(|target| target == file))
}
