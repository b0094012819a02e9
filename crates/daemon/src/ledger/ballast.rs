//! The ballast: disk space that is held for the log, and given up when the disk is full.
//!
//! sled cannot even be opened again on a full disk. What the ballast frees is
//! enough to note how things end; whatever would begin or grow something is
//! refused until there is room and the ballast lies there again.
//!
//! | ballast | writes |
//! |---|---|
//! | lies there, or none is wanted | all |
//! | given up | those that end something |
//! | given up, and the disk is full again | none |

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt as _,
    path::PathBuf,
};

use gtd_core::config::bytes_text;
use nix::sys::statvfs::statvfs;

/// Space for the log, kept as a file of its own.
#[derive(Debug)]
pub(crate) struct Ballast {
    path: PathBuf,
    /// In bytes; 0 is none.
    size: u64,
    /// It was given up, and there was no room for it since.
    is_spent: bool,
}

impl Ballast {
    /// Describes the ballast of a town; makes nothing.
    pub(crate) fn new(path: PathBuf, size: u64) -> Self {
        Self {
            path,
            size,
            is_spent: false,
        }
    }

    /// Gives it up before a start that would fail for lack of space.
    pub(crate) fn make_way(&mut self) {
        if self.free().is_some_and(|free| free < self.size / 4) {
            self.give_up();
        }
    }

    /// Frees its space; false when there is nothing to free.
    pub(crate) fn give_up(&mut self) -> bool {
        if fs::remove_file(&self.path).is_err() {
            return false;
        }
        self.is_spent = true;
        let freed = bytes_text(self.size);
        tracing::error!(
            freed,
            "the disk is full: the reserve of the log was given up"
        );
        true
    }

    /// Tells whether it was given up and does not lie there again.
    pub(crate) fn is_spent(&self) -> bool {
        self.is_spent
    }

    /// Makes it unless it lies there, when as much again stays free; tells whether it does now.
    pub(crate) fn renew(&mut self) -> bool {
        let is_there = || fs::metadata(&self.path).is_ok_and(|file| file.len() == self.size);
        if self.size == 0 {
            // Somebody who does not want it any more gets the space.
            let _none = fs::remove_file(&self.path);
            self.is_spent = false;
            return true;
        }
        if !is_there() {
            let has_room = self.free().is_some_and(|free| free / 2 >= self.size);
            if !has_room {
                return false;
            }
            if let Err(error) = self.make() {
                let _half = fs::remove_file(&self.path);
                tracing::debug!(%error, "the reserve of the log cannot be made yet");
                return false;
            }
        }
        if self.is_spent {
            self.is_spent = false;
            tracing::info!("the reserve of the log lies there again");
        }
        true
    }

    /// Says why writes that begin something are refused.
    pub(crate) fn why(&self) -> String {
        let left = self.free().map_or_else(String::new, |free| {
            format!(" ({} left on {})", bytes_text(free), self.path.display())
        });
        format!(
            "the disk is full{left}: until there is room, only what ends something is noted; see gtd doctor --only host"
        )
    }

    fn make(&self) -> io::Result<()> {
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&self.path)?;
        // A file of nothing but a length would hold no space.
        fill(&file, self.size)?;
        file.sync_all()
    }

    fn free(&self) -> Option<u64> {
        let disk = statvfs(self.path.parent()?).ok()?;
        Some(disk.blocks_available().saturating_mul(disk.fragment_size()))
    }
}

#[cfg(target_os = "linux")]
fn fill(file: &File, size: u64) -> io::Result<()> {
    let size = i64::try_from(size).unwrap_or(i64::MAX);
    nix::fcntl::posix_fallocate(file, 0, size).map_err(io::Error::from)
}

#[cfg(not(target_os = "linux"))]
fn fill(mut file: &File, size: u64) -> io::Result<()> {
    io::copy(&mut io::Read::take(io::repeat(0), size), &mut file).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ballast_lies_there_until_it_is_given_up_and_then_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ballast");
        let mut ballast = Ballast::new(path.clone(), 1 << 20);
        assert!(!ballast.give_up(), "there is nothing to give up");
        assert!(!ballast.is_spent());
        assert!(ballast.renew());
        let blocks = std::os::unix::fs::MetadataExt::blocks(&fs::metadata(&path).unwrap());
        assert!(blocks * 512 >= 1 << 20, "it holds space, not only a length");
        ballast.make_way();
        assert!(path.exists(), "nothing is given up while there is room");
        assert!(ballast.give_up());
        assert!(ballast.is_spent() && !path.exists());
        assert!(ballast.renew());
        assert!(!ballast.is_spent() && path.exists());
    }

    #[test]
    fn whoever_wants_no_ballast_has_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ballast");
        assert!(Ballast::new(path.clone(), 4096).renew());
        assert!(Ballast::new(path.clone(), 0).renew());
        assert!(!path.exists());
    }

    #[test]
    fn a_ballast_that_leaves_no_room_is_not_made() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ballast");
        assert!(!Ballast::new(path.clone(), u64::MAX / 2).renew());
        assert!(!path.exists());
    }
}
