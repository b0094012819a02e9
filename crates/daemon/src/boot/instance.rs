//! One daemon a town: a lock that names its holder.

use std::{
    fs::{File, OpenOptions},
    io::{Read as _, Seek as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    fcntl::{Flock, FlockArg},
};

use super::BootError;

/// How long the holder has to write its name.
const PATIENCE: Duration = Duration::from_millis(200);

/// The right to be this town's daemon.
#[derive(Debug)]
pub(crate) struct Instance {
    _file: Flock<File>,
}

impl Instance {
    /// Takes the lock, or says who has it.
    pub(crate) fn take(path: &Path) -> Result<Self, BootError> {
        let failed = |source| BootError::File {
            act: "lock",
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
            .map_err(failed)?;
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(mut file) => {
                file.set_len(0)
                    .and_then(|()| file.rewind())
                    .and_then(|()| writeln!(file, "{}", std::process::id()))
                    .map_err(failed)?;
                Ok(Self { _file: file })
            }
            Err((file, Errno::EWOULDBLOCK)) => Err(BootError::Held { pid: holder(file) }),
            Err((_, errno)) => Err(failed(errno.into())),
        }
    }
}

fn holder(mut file: File) -> Option<u32> {
    let until = Instant::now() + PATIENCE;
    loop {
        let mut text = String::new();
        let read = file.rewind().and_then(|()| file.read_to_string(&mut text));
        if let (Ok(_), Ok(pid)) = (read, text.trim().parse()) {
            return Some(pid);
        }
        if Instant::now() >= until {
            return None;
        }
        thread::sleep(Duration::from_millis(5));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_daemon_is_told_who_the_first_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gtdd.lock");
        let first = Instance::take(&path).unwrap();
        let second = Instance::take(&path).unwrap_err();
        let own = std::process::id();
        assert_eq!(
            second.to_string(),
            format!("start gtdd: process {own} runs this town already")
        );
        assert_eq!(second.exit(), 7);
        drop(first);
        Instance::take(&path).unwrap();
    }
}
