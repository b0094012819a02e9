//! Ends what outlived its shim.
//!
//! The agent's main process dies with the shim, but its children may not. They
//! are known by `GTD_RUN` in their environment, by the session and group that
//! the shim recorded, or by descent from one of those. A process that another
//! living shim supervises is never touched, whatever its environment says.

use std::{
    collections::HashSet,
    io,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use gtd_core::RunId;
use rustix::process::Signal;

use crate::{
    error::RunError,
    folder::{self, Folder},
    proc::{self, Process},
    runs::Runs,
    state::{RunState, ShimRecord},
};

const PATIENCE: Duration = Duration::from_secs(5);

impl Runs {
    /// Kills what a lost run left behind; returns how many processes that were.
    ///
    /// A run in any other state is left alone.
    ///
    /// # Errors
    /// When the processes cannot be found or killed.
    pub fn sweep_lost(&self, run: &RunId) -> Result<usize, RunError> {
        if self.state(run)? != RunState::Lost {
            return Ok(0);
        }
        let folder = self.folder(run);
        let record = match folder.read::<ShimRecord>(folder::SHIM) {
            // A power cut left half a record, and no process.
            Ok(None) | Err(RunError::Parse { .. }) => return Ok(0),
            Ok(Some(record)) => record,
            Err(error) => return Err(error),
        };
        let look = |source| RunError::Look {
            run: run.clone(),
            source,
        };
        if proc::boot_id().map_err(look)? != record.boot_id {
            return Ok(0);
        }
        let until = Instant::now() + PATIENCE;
        let mut killed: HashSet<(i32, u64)> = HashSet::new();
        loop {
            let left = survivors(&folder, &record).map_err(look)?;
            if left.is_empty() {
                return Ok(killed.len());
            }
            if Instant::now() > until {
                return Err(RunError::Restless { run: run.clone() });
            }
            for process in left {
                process
                    .signal(Signal::KILL)
                    .map_err(|source| RunError::Signal {
                        run: run.clone(),
                        source,
                    })?;
                killed.insert((process.pid, process.start));
            }
            thread::sleep(Duration::from_millis(2));
        }
    }
}

fn survivors(folder: &Folder, record: &ShimRecord) -> io::Result<Vec<Process>> {
    let table = proc::all()?;
    let me = std::process::id();
    let mark = format!("GTD_RUN={}", folder.run).into_bytes();
    let is_ours = |process: &&Process| {
        process.is_alive()
            && process.start >= record.pid_start_time
            && u32::try_from(process.pid) != Ok(me)
            && (is_in_recorded_group(process, record)
                || proc::words(process.pid, "environ").contains(&mark))
    };
    let others: Vec<i32> = table
        .iter()
        .filter(|process| process.is_alive() && is_other_shim(process.pid, &folder.path))
        .map(|process| process.pid)
        .collect();
    let foreign: HashSet<i32> = proc::below(&table, &others)
        .iter()
        .map(|process| process.pid)
        .chain(others)
        .collect();
    let mut found: Vec<Process> = table.iter().filter(is_ours).copied().collect();
    let roots: Vec<i32> = found.iter().map(|process| process.pid).collect();
    found.extend(proc::below(&table, &roots));
    found.retain(|process| {
        process.is_alive()
            && u32::try_from(process.pid) != Ok(me)
            && !foreign.contains(&process.pid)
    });
    Ok(found)
}

/// Both numbers at once: neither is given out anew while a process still bears it.
fn is_in_recorded_group(process: &Process, record: &ShimRecord) -> bool {
    process.session == record.pid && record.child_pgid == Some(process.group)
}

fn is_other_shim(pid: i32, ours: &Path) -> bool {
    let words = proc::words(pid, "cmdline");
    let is_shim = words.first().is_some_and(|program| {
        program.ends_with(b"/gtd-shim") || program.as_slice() == b"gtd-shim"
    });
    is_shim
        && words.get(1).is_some_and(|dir| {
            dir.first() == Some(&b'/') && dir.as_slice() != ours.as_os_str().as_encoded_bytes()
        })
}
