//! The stop of everything, and its end. Works without a daemon and beside a wedged one.
//!
//! A file says that everything is stopped; a lock says that an effect is in
//! flight. Whoever moves a ref or starts a process holds the lock and looks at
//! the file first: at most one effect is in flight, and once the stop has had
//! the lock, nothing begins.

use std::{
    fs::{self, File, OpenOptions},
    path::Path,
    time::{Duration, Instant},
};

use gtd_client::Places;
use nix::fcntl::{Flock, FlockArg};

use crate::{HostError, survey::runs};

/// How long the stop waits for an effect in flight.
const PATIENCE: Duration = Duration::from_millis(500);

/// What a stop did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StopReport {
    /// How many runs stand still now.
    pub frozen: usize,
    /// Whether an effect that had begun may still come to its end.
    pub in_flight: bool,
}

/// Stops everything: no effect begins after this, and every run is frozen.
///
/// # Errors
/// When the stop file cannot be written or the runs cannot be reached.
pub fn stop_everything(places: &Places, why: &str) -> Result<StopReport, HostError> {
    places.prepare().map_err(HostError::Places)?;
    let file = places.stop_file();
    let draft = file.with_extension("new");
    fs::write(&draft, why).map_err(HostError::file(&draft))?;
    fs::rename(&draft, &file).map_err(HostError::file(&file))?;
    let in_flight = !wait_alone(&places.stop_lock())?;
    let runs = runs(places)?;
    runs.freeze_all().map_err(HostError::Run)?;
    let mut frozen = 0;
    for run in runs.list().map_err(HostError::Run)? {
        if matches!(runs.state(&run), Ok(gtd_agent::RunState::Live(_))) {
            frozen += 1;
        }
    }
    Ok(StopReport { frozen, in_flight })
}

/// Ends the stop: the runs go on, and effects may begin.
///
/// # Errors
/// When the stop file cannot be removed or the runs cannot be reached.
pub fn thaw_everything(places: &Places) -> Result<(), HostError> {
    let file = places.stop_file();
    match fs::remove_file(&file) {
        Ok(()) => {}
        Err(source) if source.kind() == std::io::ErrorKind::NotFound => {}
        Err(source) => return Err(HostError::File { path: file, source }),
    }
    runs(places)?.thaw_all().map_err(HostError::Run)
}

fn open_lock(path: &Path) -> Result<File, HostError> {
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .map_err(HostError::file(path))
}

/// Waits until nobody holds the lock; false when somebody still does after a while.
fn wait_alone(path: &Path) -> Result<bool, HostError> {
    let until = Instant::now() + PATIENCE;
    let mut file = open_lock(path)?;
    loop {
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(_held) => return Ok(true),
            Err((back, _)) if Instant::now() < until => {
                file = back;
                std::thread::sleep(Duration::from_millis(10));
            }
            Err(_) => return Ok(false),
        }
    }
}

/// Waits until no effect is in flight; false when one still is after a while. Blocks.
///
/// # Errors
/// When the lock cannot be used.
pub fn effects_have_ended(places: &Places) -> Result<bool, HostError> {
    places.prepare().map_err(HostError::Places)?;
    wait_alone(&places.stop_lock())
}

/// Proof that an effect may take place: held while it does, by one at a time.
#[derive(Debug)]
pub(crate) struct MayAct {
    _lock: Flock<File>,
}

/// Checks that not everything is stopped.
pub(crate) fn check_not_stopped(places: &Places) -> Result<(), HostError> {
    if places.stop_file().exists() {
        return Err(HostError::Stopped);
    }
    Ok(())
}

impl MayAct {
    /// Takes the right to act, unless everything is stopped.
    pub(crate) fn take(places: &Places) -> Result<Self, HostError> {
        let path = places.stop_lock();
        let lock =
            Flock::lock(open_lock(&path)?, FlockArg::LockExclusive).map_err(|(_, errno)| {
                HostError::File {
                    path,
                    source: errno.into(),
                }
            })?;
        check_not_stopped(places)?;
        Ok(Self { _lock: lock })
    }
}
