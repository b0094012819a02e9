//! Waits for children, and ends everything that still lives below the shim.
//!
//! The shim is the subreaper of its descendants: whatever lost its parent
//! becomes its own child, so nothing can get out from under it by forking.

use std::{
    collections::HashSet,
    thread,
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    sys::wait::{WaitPidFlag, WaitStatus, waitpid},
    unistd::Pid,
};
use rustix::process::Signal;

use crate::{proc, state::End};

/// How long the shim tries to end what will not die; only the kernel can hold something longer.
const PATIENCE: Duration = Duration::from_secs(10);

/// What became of the children since the last look.
#[derive(Debug, Default)]
pub(super) struct Reaped {
    /// The main process ended so.
    pub(super) end: Option<End>,
    /// The main process was stopped or went on.
    pub(super) pause: Option<Pause>,
    /// There is no child left, hence no descendant.
    pub(super) is_alone: bool,
}

/// A change of the main process between running and stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pause {
    Stopped,
    Continued,
}

/// Collects every child that has something to tell.
pub(super) fn reap(main: Pid) -> Reaped {
    let mut reaped = Reaped::default();
    let flags = WaitPidFlag::WNOHANG | WaitPidFlag::WUNTRACED | WaitPidFlag::WCONTINUED;
    loop {
        match waitpid(None, Some(flags)) {
            Ok(WaitStatus::StillAlive) => return reaped,
            Ok(WaitStatus::Exited(pid, code)) if pid == main => reaped.end = Some(End::Code(code)),
            Ok(WaitStatus::Signaled(pid, signal, _)) if pid == main => {
                reaped.end = Some(End::Signal(signal as i32));
            }
            Ok(WaitStatus::Stopped(pid, _)) if pid == main => {
                reaped.pause = Some(Pause::Stopped);
            }
            Ok(WaitStatus::Continued(pid)) if pid == main => {
                reaped.pause = Some(Pause::Continued);
            }
            Ok(_) | Err(Errno::EINTR) => {}
            Err(_) => {
                reaped.is_alone = true;
                return reaped;
            }
        }
    }
}

/// How a sweep went.
#[derive(Debug, Default)]
pub(super) struct Swept {
    /// How the main process ended, if it did so during the sweep.
    pub(super) end: Option<End>,
    /// How many processes were killed.
    pub(super) killed: u32,
    /// How many would not die.
    pub(super) left: u32,
}

/// Kills everything below this process, again and again until nothing is left.
pub(super) fn sweep(main: Pid) -> Swept {
    let me = Pid::this().as_raw();
    let until = Instant::now() + PATIENCE;
    let mut swept = Swept::default();
    let mut told: HashSet<(i32, u64)> = HashSet::new();
    let mut pause = Duration::from_micros(200);
    loop {
        let reaped = reap(main);
        swept.end = swept.end.or(reaped.end);
        if reaped.is_alone {
            return swept;
        }
        let below = proc::descendants(me).unwrap_or_default();
        if Instant::now() > until {
            swept.left = u32::try_from(below.len()).unwrap_or(u32::MAX);
            return swept;
        }
        for process in below {
            // What cannot be signalled is met again in the next round.
            let is_told = process.signal(Signal::KILL).unwrap_or(false);
            if is_told && told.insert((process.pid, process.start)) {
                swept.killed += 1;
            }
        }
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}

/// Lets everything below this process go on, so that a frozen agent can hear a TERM.
pub(super) fn wake_all() {
    for process in proc::descendants(Pid::this().as_raw()).unwrap_or_default() {
        // One that has just gone needs no waking.
        drop(process.signal(Signal::CONT));
    }
}
