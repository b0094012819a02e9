//! The caller's side of runs: one folder that holds a directory per run.
//!
//! Everything here may be called by several threads and by several processes at
//! once, and everything may be called again after a crash in the middle.

mod control;
mod launch;
mod output;
mod sweep;

use std::{
    fs::{self, DirBuilder},
    io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use gtd_core::RunId;

use crate::{
    error::RunError,
    folder::{self, Folder},
    proc::{self, Process},
    spec::RunSpec,
    state::{Child, Exit, Live, RunState, ShimRecord},
};

/// All runs of one town on this machine.
#[derive(Debug, Clone)]
pub struct Runs {
    dir: PathBuf,
    shim: PathBuf,
}

impl Runs {
    /// Opens the folder of runs and makes it if it is missing; `shim` is the `gtd-shim` program.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn open(dir: &Path, shim: PathBuf) -> Result<Self, RunError> {
        let failed = |source| RunError::Open {
            path: dir.to_owned(),
            source,
        };
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(dir)
            .map_err(failed)?;
        let dir = fs::canonicalize(dir).map_err(failed)?;
        Ok(Self { dir, shim })
    }

    /// Returns the directory of a run, whether it exists or not.
    #[must_use]
    pub fn run_dir(&self, run: &RunId) -> PathBuf {
        self.dir.join(run.as_str())
    }

    /// Returns the shim program.
    #[must_use]
    pub fn shim_program(&self) -> &Path {
        &self.shim
    }

    /// Says where a run stands.
    ///
    /// # Errors
    /// When its records or the table of processes cannot be read; a run that
    /// cannot be looked at is never called lost.
    pub fn state(&self, run: &RunId) -> Result<RunState, RunError> {
        state_of(&self.folder(run))
    }

    /// Lists the runs that have a directory, in the order of their names.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn list(&self) -> Result<Vec<RunId>, RunError> {
        let failed = |source| RunError::Open {
            path: self.dir.clone(),
            source,
        };
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.dir).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            found.extend(name.to_str().and_then(|name| RunId::parse(name).ok()));
        }
        found.sort();
        Ok(found)
    }

    /// Reads the order of a run.
    ///
    /// # Errors
    /// When there is none, or it cannot be read.
    pub fn spec(&self, run: &RunId) -> Result<RunSpec, RunError> {
        self.folder(run)
            .read(folder::SPEC)?
            .ok_or_else(|| RunError::Unknown { run: run.clone() })
    }

    /// Removes the directory of a run that has ended; an absent run is fine.
    ///
    /// # Errors
    /// When the run has not ended, or its directory cannot be removed.
    pub fn prune(&self, run: &RunId) -> Result<(), RunError> {
        match self.state(run)? {
            RunState::Absent => return Ok(()),
            RunState::Exited(_) | RunState::Lost => {}
            RunState::Prepared | RunState::Live(_) => {
                return Err(RunError::NotEnded { run: run.clone() });
            }
        }
        // Out of sight in one step, so that a crash leaves no half of a run behind.
        let away = self.dir.join(format!(".gone-{run}"));
        let done = remove_all(&away)
            .and_then(|()| fs::rename(self.run_dir(run), &away))
            .and_then(|()| remove_all(&away));
        done.map_err(|source| RunError::Write {
            run: run.clone(),
            file: "the directory".to_owned(),
            source,
        })
    }

    fn folder(&self, run: &RunId) -> Folder {
        Folder::new(run.clone(), self.run_dir(run))
    }

    /// Reads the record and the process of a live shim.
    fn live(&self, run: &RunId) -> Result<Option<(Folder, ShimRecord)>, RunError> {
        let folder = self.folder(run);
        let record = match folder.read::<ShimRecord>(folder::SHIM) {
            Ok(Some(record)) if living(&folder, &record)?.is_some() => record,
            Ok(_) => return Ok(None),
            // Half a record, see `state_of`.
            Err(RunError::Parse { .. }) if state_of(&folder)? == RunState::Lost => {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        Ok(Some((folder, record)))
    }
}

fn remove_all(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Says where the run in `folder` stands.
pub(crate) fn state_of(folder: &Folder) -> Result<RunState, RunError> {
    if let Some(exit) = folder.read::<Exit>(folder::EXIT)? {
        return Ok(RunState::Exited(exit));
    }
    let record = match folder.read::<ShimRecord>(folder::SHIM) {
        // Half a record is what a power cut leaves. A shim that lives holds its lock.
        Err(RunError::Parse { .. }) if folder.try_lock(folder::SHIM_LOCK)?.is_some() => {
            return Ok(RunState::Lost);
        }
        other => other?,
    };
    let Some(record) = record else {
        return match fs::symlink_metadata(&folder.path) {
            Ok(_) => Ok(RunState::Prepared),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(RunState::Absent),
            Err(source) => Err(folder.reading("the directory", source)),
        };
    };
    if living(folder, &record)?.is_some() {
        return Ok(RunState::Live(Live {
            pid: record.pid,
            started_at: record.started_at_ms,
            child: record
                .child_pid
                .zip(record.child_pgid)
                .map(|(pid, pgid)| Child { pid, pgid }),
        }));
    }
    // It may have written its last word between the first look and this one.
    Ok(match folder.read::<Exit>(folder::EXIT)? {
        Some(exit) => RunState::Exited(exit),
        None => RunState::Lost,
    })
}

/// Finds the process of a record, by id, start time and boot.
fn living(folder: &Folder, record: &ShimRecord) -> Result<Option<Process>, RunError> {
    let look = |source| RunError::Look {
        run: folder.run.clone(),
        source,
    };
    if proc::boot_id().map_err(look)? != record.boot_id {
        return Ok(None);
    }
    Ok(proc::read(record.pid)
        .map_err(look)?
        .filter(|process| process.start == record.pid_start_time && process.is_alive()))
}
