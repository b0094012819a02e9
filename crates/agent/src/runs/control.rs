//! Stops, freezes and thaws runs, and tells when one ends.
//!
//! Only the shim ends a run; this side asks. A frozen run keeps its shim awake,
//! so that it can still be stopped and its clock can stand still.

use std::{
    collections::HashSet,
    fs, io,
    os::fd::OwnedFd,
    thread,
    time::{Duration, Instant},
};

use gtd_core::RunId;
use rustix::process::Signal;

use crate::{
    error::RunError,
    folder::{self, Folder, Keep},
    proc,
    runs::{Runs, state_of},
    state::{End, Exit, RunState, ShimRecord, StopOrder},
};

/// How long a freeze tries to catch processes that keep forking.
const PATIENCE: Duration = Duration::from_secs(5);

impl Runs {
    /// Asks a run to end: TERM to the agent, KILL of everything that is left after `grace`.
    ///
    /// Returns at once; [`Runs::exit_notice`] and [`Runs::state`] tell the end. A
    /// run that was prepared and not begun never begins. An ended run is left alone.
    ///
    /// # Errors
    /// When the order cannot be left or the shim cannot be signalled.
    pub fn stop(&self, run: &RunId, grace: Duration) -> Result<(), RunError> {
        let folder = self.folder(run);
        if state_of(&folder)? == RunState::Prepared && forbid(&folder)? {
            return Ok(());
        }
        let Some((folder, record)) = self.live(run)? else {
            return Ok(());
        };
        let order = StopOrder {
            grace_ms: u64::try_from(grace.as_millis()).unwrap_or(u64::MAX),
        };
        folder.write(folder::STOP, &order, Keep::Lightly)?;
        let signalled = match proc::open(record.pid, record.pid_start_time) {
            Ok(Some(shim)) => proc::send(&shim, Signal::TERM),
            Ok(None) => Ok(false),
            Err(error) => Err(error),
        };
        signalled.map(drop).map_err(signalling(run))
    }

    /// Asks every run to end, as [`Runs::stop`] does; goes through all of them and
    /// then tells the first failure.
    ///
    /// # Errors
    /// When a run could not be asked.
    pub fn stop_all(&self, grace: Duration) -> Result<(), RunError> {
        self.for_all(|run| self.stop(run, grace))
    }

    /// Stops the clock of a run: SIGSTOP to the agent and everything below it.
    ///
    /// # Errors
    /// When the processes cannot be found or signalled, or keep multiplying.
    pub fn freeze(&self, run: &RunId) -> Result<(), RunError> {
        let Some((folder, record)) = self.live(run)? else {
            return Ok(());
        };
        folder.write_bytes(folder::FROZEN, b"", Keep::Lightly)?;
        let until = Instant::now() + PATIENCE;
        let mut told: HashSet<(i32, u64)> = HashSet::new();
        loop {
            let mut is_calm = true;
            for process in proc::descendants(record.pid).map_err(looking(run))? {
                let is_new = told.insert((process.pid, process.start));
                if is_new {
                    process.signal(Signal::STOP).map_err(signalling(run))?;
                }
                // A process in the disk wait (`D`) stops before it does anything else.
                is_calm &= !is_new && matches!(process.state, b'T' | b't' | b'D');
            }
            if is_calm {
                return Ok(());
            }
            if Instant::now() > until {
                return Err(RunError::Restless { run: run.clone() });
            }
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Lets a frozen run go on.
    ///
    /// # Errors
    /// When the processes cannot be found or signalled.
    pub fn thaw(&self, run: &RunId) -> Result<(), RunError> {
        let Some((folder, record)) = self.live(run)? else {
            return Ok(());
        };
        match fs::remove_file(folder.file(folder::FROZEN)) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                return Err(RunError::Write {
                    run: run.clone(),
                    file: folder::FROZEN.to_owned(),
                    source,
                });
            }
            _ => {}
        }
        for process in proc::descendants(record.pid).map_err(looking(run))? {
            process.signal(Signal::CONT).map_err(signalling(run))?;
        }
        Ok(())
    }

    /// Freezes every live run; goes through all of them and then tells the first failure.
    ///
    /// # Errors
    /// When a run could not be frozen.
    pub fn freeze_all(&self) -> Result<(), RunError> {
        self.for_all(|run| self.freeze(run))
    }

    /// Thaws every live run; goes through all of them and then tells the first failure.
    ///
    /// # Errors
    /// When a run could not be thawed.
    pub fn thaw_all(&self) -> Result<(), RunError> {
        self.for_all(|run| self.thaw(run))
    }

    /// Gives a descriptor that becomes readable when the shim ends; `None` when it does not live.
    ///
    /// # Errors
    /// When the run or its process cannot be looked at.
    pub fn exit_notice(&self, run: &RunId) -> Result<Option<OwnedFd>, RunError> {
        match self.live(run)? {
            Some((_, record)) => {
                proc::open(record.pid, record.pid_start_time).map_err(looking(run))
            }
            None => Ok(None),
        }
    }

    fn for_all(&self, act: impl Fn(&RunId) -> Result<(), RunError>) -> Result<(), RunError> {
        let mut first = Ok(());
        for run in self.list()? {
            let done = act(&run);
            if first.is_ok() {
                first = done;
            }
        }
        first
    }
}

/// Writes the end of a run that has not begun; says whether it had indeed not begun.
fn forbid(folder: &Folder) -> Result<bool, RunError> {
    let _only_launcher = folder.lock(folder::LAUNCH_LOCK)?;
    let until = Instant::now() + PATIENCE;
    loop {
        // Whoever holds this lock is the only one that may begin the run.
        if let Some(_no_shim) = folder.try_lock(folder::SHIM_LOCK)? {
            if folder.read::<ShimRecord>(folder::SHIM)?.is_some() {
                return Ok(false);
            }
            let now = crate::shim::now();
            let exit = Exit {
                end: End::Signal(nix::libc::SIGTERM),
                timed_out: false,
                stopped: true,
                started_at: now,
                ended_at: now,
                output_bytes: 0,
                dropped_bytes: 0,
                left_behind: 0,
                output_sha256: String::new(),
                report: None,
            };
            folder.write(folder::EXIT, &exit, Keep::Durably)?;
            return Ok(true);
        }
        if state_of(folder)? != RunState::Prepared || Instant::now() > until {
            return Ok(false);
        }
        thread::sleep(Duration::from_millis(2));
    }
}

fn looking(run: &RunId) -> impl Fn(io::Error) -> RunError {
    move |source| RunError::Look {
        run: run.clone(),
        source,
    }
}

fn signalling(run: &RunId) -> impl Fn(io::Error) -> RunError {
    move |source| RunError::Signal {
        run: run.clone(),
        source,
    }
}
