//! The directory of one run: its file names, and how they are read and written.
//!
//! A file that another process may be reading is always replaced by a rename,
//! never changed in place. Nobody but the owner may look inside.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use gtd_core::RunId;
use serde::{Serialize, de::DeserializeOwned};

use crate::error::RunError;

/// The order: a `RunSpec`.
pub(crate) const SPEC: &str = "spec.json";
/// Who supervises: a `ShimRecord`. From its first byte on nobody may launch again.
pub(crate) const SHIM: &str = "shim.json";
/// How it ended: an `Exit`.
pub(crate) const EXIT: &str = "exit.json";
/// How far it is: a `Progress`.
pub(crate) const PROGRESS: &str = "progress.json";
/// How to end: a `StopOrder`.
pub(crate) const STOP: &str = "stop.json";
/// Present while the run is frozen, so that the shim stops its clock.
pub(crate) const FROZEN: &str = "frozen";
/// Held by a launcher.
pub(crate) const LAUNCH_LOCK: &str = "launch.lock";
/// Held by the shim for all its life.
pub(crate) const SHIM_LOCK: &str = "shim.lock";
/// What the shim itself complains about.
pub(crate) const SHIM_LOG: &str = "shim.log";
/// Why the program could not be started.
pub(crate) const EXEC_ERROR: &str = "exec-error";
/// The raw output; `out.log.1` and so on are what came later.
pub(crate) const OUTPUT: &str = "out.log";
/// The output line by line; numbered like the raw output.
pub(crate) const TRANSCRIPT: &str = "transcript.jsonl";
/// The report that the run left in its worktree.
pub(crate) const REPORT: &str = "report";

/// Says whether `name` belongs to the shim or the launcher.
pub(crate) fn is_reserved(name: &str) -> bool {
    [
        SPEC,
        SHIM,
        EXIT,
        PROGRESS,
        STOP,
        FROZEN,
        LAUNCH_LOCK,
        SHIM_LOCK,
        SHIM_LOG,
        EXEC_ERROR,
        REPORT,
    ]
    .contains(&name)
        || name.starts_with(OUTPUT)
        || name.starts_with(TRANSCRIPT)
}

/// Whether a write must survive a power cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    /// It must.
    Durably,
    /// It need not, but it is whole or not there.
    Wholly,
    /// It need not.
    Lightly,
}

/// The directory of one run.
#[derive(Debug, Clone)]
pub(crate) struct Folder {
    pub(crate) run: RunId,
    pub(crate) path: PathBuf,
}

impl Folder {
    pub(crate) fn new(run: RunId, path: PathBuf) -> Self {
        Self { run, path }
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Makes the directory; the one that makes it has the first right to launch.
    pub(crate) fn create(&self) -> io::Result<()> {
        match fs::DirBuilder::new().mode(0o700).create(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            other => other,
        }
    }

    /// Reads a record; `None` when there is no such file.
    pub(crate) fn read<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, RunError> {
        match fs::read(self.file(name)) {
            Ok(bytes) => {
                serde_json::from_slice(&bytes)
                    .map(Some)
                    .map_err(|source| RunError::Parse {
                        run: self.run.clone(),
                        file: name.to_owned(),
                        source,
                    })
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(self.reading(name, source)),
        }
    }

    /// Replaces a record in one step.
    pub(crate) fn write<T: Serialize>(
        &self,
        name: &str,
        record: &T,
        keep: Keep,
    ) -> Result<(), RunError> {
        let mut bytes = serde_json::to_vec(record).map_err(|source| RunError::Parse {
            run: self.run.clone(),
            file: name.to_owned(),
            source,
        })?;
        bytes.push(b'\n');
        self.write_bytes(name, &bytes, keep)
    }

    /// Replaces a file in one step.
    pub(crate) fn write_bytes(&self, name: &str, bytes: &[u8], keep: Keep) -> Result<(), RunError> {
        replace(&self.path, name, bytes, keep).map_err(|source| RunError::Write {
            run: self.run.clone(),
            file: name.to_owned(),
            source,
        })
    }

    /// Opens a lock file of the run; the lock is gone when the file is dropped.
    pub(crate) fn lock_file(&self, name: &str) -> Result<File, RunError> {
        OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(self.file(name))
            .map_err(|source| self.locking(source))
    }

    /// Waits for a lock of the run.
    pub(crate) fn lock(&self, name: &str) -> Result<File, RunError> {
        let file = self.lock_file(name)?;
        file.lock().map_err(|source| self.locking(source))?;
        Ok(file)
    }

    /// Takes a lock of the run if it is free.
    pub(crate) fn try_lock(&self, name: &str) -> Result<Option<File>, RunError> {
        let file = self.lock_file(name)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(fs::TryLockError::WouldBlock) => Ok(None),
            Err(fs::TryLockError::Error(source)) => Err(self.locking(source)),
        }
    }

    pub(crate) fn reading(&self, name: &str, source: io::Error) -> RunError {
        RunError::Read {
            run: self.run.clone(),
            file: name.to_owned(),
            source,
        }
    }

    fn locking(&self, source: io::Error) -> RunError {
        RunError::Lock {
            run: self.run.clone(),
            source,
        }
    }
}

fn replace(folder: &Path, name: &str, bytes: &[u8], keep: Keep) -> io::Result<()> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let mark = COUNT.fetch_add(1, Ordering::Relaxed);
    let draft = folder.join(format!(".{name}.{}.{mark}", std::process::id()));
    let mode = if Path::new(name).extension().is_some_and(|e| e == "sh") {
        0o700
    } else {
        0o600
    };
    let mut file = OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(mode)
        .open(&draft)?;
    let written = file.write_all(bytes).and_then(|()| match keep {
        Keep::Durably | Keep::Wholly => file.sync_all(),
        Keep::Lightly => Ok(()),
    });
    let done = written.and_then(|()| fs::rename(&draft, folder.join(name)));
    if done.is_err() {
        // The first failure is the one to tell; a draft left behind harms nobody.
        drop(fs::remove_file(&draft));
    } else if keep == Keep::Durably {
        File::open(folder)?.sync_all()?;
    }
    done
}
