//! One process at a time: an exclusive `flock` on a file that names its holder.
//!
//! The system gives the lock back when its holder dies, so there is no stale
//! lock to take away; the text in the file is only for the refusal.

use std::{
    fs::{File, OpenOptions},
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

/// Holds the folder until it is dropped.
#[derive(Debug)]
pub(crate) struct DirLock {
    _file: Flock<File>,
}

impl DirLock {
    pub(crate) fn take(path: &Path) -> Result<Self, StoreError> {
        let fail = |source| StoreError::Io {
            act: "take the lock",
            path: path.to_owned(),
            source,
        };
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)
            .map_err(fail)?;
        let mut locked = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(locked) => locked,
            Err((file, Errno::EWOULDBLOCK)) => {
                return Err(StoreError::Held {
                    path: path.to_owned(),
                    pid: holder(file),
                });
            }
            Err((_, errno)) => return Err(fail(errno.into())),
        };
        write_name(&mut locked).map_err(fail)?;
        Ok(Self { _file: locked })
    }
}

fn write_name(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(format!("{}\n", std::process::id()).as_bytes())
}

fn holder(mut file: File) -> Option<u32> {
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
        thread::sleep(Duration::from_millis(10));
    }
}
