//! Locks of two kinds: our own, which serialise work on a slot or repository
//! across threads and processes, and git's lock files, which a killed git
//! leaves behind.

use std::{
    fs::{self, File},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{error::GitError, process};

/// Without `/proc`, a git lock file of this age has no living holder.
const OLD: Duration = Duration::from_secs(600);

/// An exclusive lock, held until it is dropped or its process dies.
#[derive(Debug)]
pub(crate) struct Hold {
    _file: File,
}

impl Hold {
    /// Waits for the lock.
    pub(crate) fn wait(path: &Path) -> Result<Self, GitError> {
        let file = open(path)?;
        file.lock().map_err(GitError::io("lock", path))?;
        Ok(Self { _file: file })
    }

    /// Takes the lock if nobody has it.
    pub(crate) fn take(path: &Path) -> Result<Option<Self>, GitError> {
        let file = open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { _file: file })),
            Err(fs::TryLockError::WouldBlock) => Ok(None),
            Err(fs::TryLockError::Error(error)) => Err(GitError::io("lock", path)(error)),
        }
    }
}

fn open(path: &Path) -> Result<File, GitError> {
    File::options()
        .create(true)
        .append(true)
        .open(path)
        .map_err(GitError::io("open", path))
}

/// What was found when git's lock files in a worktree's git folder were looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Locks {
    /// None is left.
    Clear,
    /// A living process holds this one.
    Held(PathBuf),
}

/// Takes away the lock files that dead processes left in one of our worktrees.
pub(crate) fn clear_stale(worktree: &Path, git_dir: &Path) -> Result<Locks, GitError> {
    for name in ["index.lock", "HEAD.lock", "config.worktree.lock"] {
        let lock = git_dir.join(name);
        let Some(seen) = identity(&lock) else {
            continue;
        };
        let is_held = process::is_held(&lock, worktree, git_dir).unwrap_or_else(|| !is_old(&lock));
        match identity(&lock) {
            None => {}
            // Another holder took it while we looked.
            Some(now) if is_held || now != seen => return Ok(Locks::Held(lock)),
            Some(_) => match fs::remove_file(&lock) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(GitError::io("remove", lock)(error));
                }
                _ => {}
            },
        }
    }
    Ok(Locks::Clear)
}

fn identity(path: &Path) -> Option<(u64, i64, i64)> {
    let meta = fs::symlink_metadata(path).ok()?;
    Some((meta.ino(), meta.ctime(), meta.ctime_nsec()))
}

fn is_old(path: &Path) -> bool {
    fs::symlink_metadata(path)
        .and_then(|meta| meta.modified())
        .ok()
        .and_then(|modified| modified.elapsed().ok())
        .is_some_and(|age| age > OLD)
}
