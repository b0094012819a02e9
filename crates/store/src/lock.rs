//! One process at a time: an exclusive `flock` on a file that names its holder.
//!
//! The system gives the lock back when its holder dies, so there is no stale
//! lock to take away; the text in the file is only for the refusal. A holder
//! that was killed keeps the lock until its memory has been taken down, which
//! takes as long as that is large: it is waited for, so that a daemon can be
//! started right after another one was killed.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Seek as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    fcntl::{Flock, FlockArg},
};

use crate::error::StoreError;

/// A holder needs a moment between taking the lock and writing its name.
const NAME_PATIENCE: Duration = Duration::from_millis(300);
/// How long a holder that was killed is waited for. A start is waited for longer.
const END_PATIENCE: Duration = Duration::from_secs(8);
/// How long a holder is waited for that is not in the table of processes: it has just gone, or it
/// is one that cannot be seen from here.
const UNSEEN_PATIENCE: Duration = Duration::from_secs(1);
const LOOK: Duration = Duration::from_millis(5);

/// Why a lock was not taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process has it.
    #[error("another process has the lock")]
    Held {
        /// The process, where it could be read.
        pid: Option<u32>,
    },
    /// The file cannot be opened, locked or written.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Held until it is dropped, or the process ends.
#[derive(Debug)]
pub struct ProcessLock {
    _file: Flock<File>,
}

impl ProcessLock {
    /// Takes the lock and writes the id of this process into its file, which is made if need be.
    ///
    /// # Errors
    /// [`LockError::Held`] when another process has it and is not about to end; otherwise what
    /// the system said.
    pub fn take(path: &Path) -> Result<Self, LockError> {
        let began = Instant::now();
        Self::take_after(path, |pid| match end_of(pid) {
            End::None => false,
            End::Unseen => began.elapsed() < UNSEEN_PATIENCE,
            End::Near => began.elapsed() < END_PATIENCE,
        })
    }

    /// Takes the lock of a store.
    pub(crate) fn take_store(path: &Path) -> Result<Self, StoreError> {
        Self::take(path).map_err(|error| match error {
            LockError::Held { pid } => StoreError::Held {
                path: path.to_owned(),
                pid,
            },
            LockError::Io(source) => StoreError::io("take the lock", path, source),
        })
    }

    fn take_after(path: &Path, mut is_ending: impl FnMut(u32) -> bool) -> Result<Self, LockError> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)?;
        loop {
            file = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
                Ok(mut locked) => {
                    write_name(&mut locked)?;
                    return Ok(Self { _file: locked });
                }
                Err((file, Errno::EWOULDBLOCK)) => file,
                Err((_, errno)) => return Err(LockError::Io(errno.into())),
            };
            let pid = holder(&mut file);
            if !pid.is_some_and(&mut is_ending) {
                return Err(LockError::Held { pid });
            }
            thread::sleep(LOOK);
        }
    }
}

fn write_name(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(format!("{}\n", std::process::id()).as_bytes())
}

fn holder(file: &mut File) -> Option<u32> {
    let deadline = Instant::now() + NAME_PATIENCE;
    loop {
        let mut text = String::new();
        let is_read = file.rewind().and_then(|()| file.read_to_string(&mut text));
        if let (Ok(_), Ok(pid)) = (is_read, text.trim().parse()) {
            return Some(pid);
        }
        if Instant::now() >= deadline {
            return None;
        }
        thread::sleep(LOOK);
    }
}

/// Whether a holder is about to give its lock back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    None,
    /// It was killed, or ends by itself, and only has not been taken down yet.
    Near,
    /// The table of processes does not have it.
    Unseen,
}

fn end_of(pid: u32) -> End {
    let Ok(status) = fs::read_to_string(format!("/proc/{pid}/status")) else {
        return match cfg!(target_os = "linux") {
            true => End::Unseen,
            false => End::None,
        };
    };
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    match tells_an_end(&status, &stat) {
        true => End::Near,
        false => End::None,
    }
}

/// Reads `/proc/<pid>/status` and `/proc/<pid>/stat`.
fn tells_an_end(status: &str, stat: &str) -> bool {
    const SIGKILL_PENDS: u64 = 1 << 8;
    /// `PF_EXITING` of `include/linux/sched.h`.
    const EXITING: u64 = 0x4;
    let field = |name: &str| {
        let rest = status.lines().find_map(|line| line.strip_prefix(name))?;
        rest.strip_prefix(':').map(str::trim)
    };
    let pends = |name| u64::from_str_radix(field(name).unwrap_or_default(), 16).unwrap_or(0);
    // The name in parentheses may hold anything, so count from its end.
    let rest = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let flags = rest.split_ascii_whitespace().nth(6);
    field("State").is_some_and(|state| state.starts_with(['Z', 'X']))
        || (pends("SigPnd") | pends("ShdPnd")) & SIGKILL_PENDS != 0
        || flags.and_then(|flags| flags.parse().ok()).unwrap_or(0) & EXITING != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_process_is_told_who_the_first_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let first = ProcessLock::take(&path).unwrap();
        let second = ProcessLock::take(&path).unwrap_err();
        let own = std::process::id();
        assert!(
            matches!(second, LockError::Held { pid: Some(pid) } if pid == own),
            "{second:?}"
        );
        drop(first);
        ProcessLock::take(&path).unwrap();
    }

    #[test]
    fn a_holder_that_was_killed_is_waited_for_until_it_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let mut first = Some(ProcessLock::take(&path).unwrap());
        let mut n_looks = 0;
        ProcessLock::take_after(&path, |_| {
            n_looks += 1;
            if n_looks == 3 {
                first = None;
            }
            true
        })
        .unwrap();
        assert_eq!(n_looks, 3);
    }

    #[test]
    fn only_who_was_killed_or_ends_is_taken_to_be_ending() {
        assert_eq!(end_of(std::process::id()), End::None);
        let status = |state: &str, pends: &str| {
            format!("Name:\tgtdd\nState:\t{state}\nSigPnd:\t0000000000000000\nShdPnd:\t{pends}\n")
        };
        let (idle, killed) = ("0000000000000000", "0000000000000100");
        let stat = |flags: u64| format!("71 (a) b) S 1 71 71 0 -1 {flags} 5012 0 0");
        for (status, stat, is_ending) in [
            (status("S (sleeping)", idle), stat(4_194_560), false),
            (status("S (sleeping)", idle), stat(4_194_564), true),
            (status("S (sleeping)", killed), stat(4_194_560), true),
            (status("Z (zombie)", idle), stat(4_194_560), true),
        ] {
            assert_eq!(tells_an_end(&status, &stat), is_ending, "{status}{stat}");
        }
    }
}
