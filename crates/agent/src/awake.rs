//! A lock on sleep, where `systemd-inhibit` can take one.
//!
//! It is a process that reads from a pipe of ours, so it ends with whoever holds it, however that ends.

use std::{
    env, io,
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
};

const PROGRAM: &str = "systemd-inhibit";

/// Keeps the machine from falling asleep until it is dropped.
#[derive(Debug)]
pub struct SleepLock(Child);

impl SleepLock {
    /// Looks for the program that takes such locks.
    #[must_use]
    pub fn program() -> Option<PathBuf> {
        let folders = env::var_os("PATH")?;
        let mut programs = env::split_paths(&folders).map(|folder| folder.join(PROGRAM));
        programs.find(|path| path.is_file())
    }

    /// Takes a lock.
    ///
    /// # Errors
    /// When the program cannot be started. Where it starts and gets none, it [has ended](Self::ended) soon.
    pub fn take(program: PathBuf) -> io::Result<Self> {
        let taken = Command::new(program)
            .args(["--what=sleep:idle", "--mode=block", "--who=gtd"])
            .args(["--why=agents are at work", "cat"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        taken.map(Self)
    }

    /// Tells how it ended, if it did by itself.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.0.try_wait().ok().flatten()
    }
}

impl Drop for SleepLock {
    fn drop(&mut self) {
        // Its `cat` hears of the end by the pipe, and it itself by this.
        drop(self.0.stdin.take());
        drop(self.0.kill());
        drop(self.0.wait());
    }
}
