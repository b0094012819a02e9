//! Demos that were killed: their folders and towns are taken away.
//!
//! Whoever plays holds a lock on a file of its folder. A folder whose lock can
//! be had belongs to nobody; one that is to stay says so in a file of its own.

use std::{
    fs::{self, File},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use crate::error::CliError;

/// What the folders of demos are called before the number of the process.
pub(super) const PREFIX: &str = "gtd-demo-";
const LOCK: &str = "demo.lock";
const KEPT: &str = "kept";

/// Holds the folder of a demo until it is dropped.
///
/// # Errors
/// When the file cannot be written or locked.
pub(super) fn hold(folder: &Path) -> Result<File, CliError> {
    let draft = folder.join(".demo.lock");
    let path = folder.join(LOCK);
    let held = || -> std::io::Result<File> {
        let file = File::create(&draft)?;
        file.try_lock()?;
        // It has its name only when it is locked: nobody meets it in between.
        fs::rename(&draft, &path)?;
        Ok(file)
    };
    held().map_err(|error| CliError::io(format!("lock {}", path.display()), error))
}

/// Lets a folder stay when its demo has ended.
///
/// # Errors
/// When the file cannot be written.
pub(super) fn keep(folder: &Path) -> Result<(), CliError> {
    let path = folder.join(KEPT);
    fs::write(&path, "").map_err(|error| CliError::io(format!("write {}", path.display()), error))
}

/// Lists the folders of demos of this user that nobody plays and nobody wants.
pub(crate) fn leftovers() -> Vec<PathBuf> {
    let user = nix::unistd::getuid().as_raw();
    let entries = fs::read_dir(std::env::temp_dir());
    let mut found: Vec<PathBuf> = entries
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(PREFIX))
        .map(|entry| entry.path())
        .filter(|folder| {
            let is_ours = fs::symlink_metadata(folder)
                .is_ok_and(|found| found.is_dir() && found.uid() == user);
            is_ours && !folder.join(KEPT).exists() && is_left(folder)
        })
        .collect();
    found.sort();
    found
}

/// Tells whether nobody holds a folder; one without a lock is somebody else's matter.
fn is_left(folder: &Path) -> bool {
    File::open(folder.join(LOCK)).is_ok_and(|file| file.try_lock().is_ok())
}
