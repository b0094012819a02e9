//! The daemon of a town as a child of the test, so that its death is seen.

use std::{
    fs,
    os::unix::process::ExitStatusExt,
    process::{Child, Stdio},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::{Town, binary, until};

/// A daemon in the foreground; killed when it is dropped.
#[derive(Debug)]
pub struct Daemon {
    child: Child,
}

impl Town {
    /// Starts the daemon and waits until it is ready. `faults` is the value of `GTD_FAULT`.
    ///
    /// # Panics
    /// When it does not come up.
    pub fn start(&self, faults: &str) -> Daemon {
        let mut daemon = self.spawn(faults);
        until("the daemon is ready", || {
            let said = self.daemon_said();
            if said.contains(" is ready: ") {
                return Some(());
            }
            if let Ok(Some(status)) = daemon.child.try_wait() {
                panic!("gtdd ended with {status} before it was ready:\n{said}");
            }
            None
        });
        daemon
    }

    /// Starts the daemon and waits for nothing.
    ///
    /// # Panics
    /// When the program cannot be started.
    pub fn spawn(&self, faults: &str) -> Daemon {
        let out = fs::File::create(self.path("gtdd.out")).expect("make a file");
        let err = out.try_clone().expect("copy a descriptor");
        let mut command = self.program(binary("gtdd"));
        if !faults.is_empty() {
            command.env("GTD_FAULT", faults);
        }
        let child = command
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            .spawn()
            .expect("start gtdd");
        Daemon { child }
    }

    /// Returns what the daemon that was started last wrote to its terminal.
    #[must_use]
    pub fn daemon_said(&self) -> String {
        fs::read_to_string(self.path("gtdd.out")).unwrap_or_default()
    }

    /// Ends the daemon in good order and waits for it.
    pub fn down(&self) {
        self.gtd_ok(&["down", "--now"]);
    }
}

impl Daemon {
    /// Returns its process id.
    #[must_use]
    pub fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).expect("a process id")
    }

    /// Kills it at once.
    pub fn kill(mut self) {
        self.child.kill().expect("kill gtdd");
        self.child.wait().expect("wait for gtdd");
    }

    /// Waits until it is killed by a fail point.
    ///
    /// # Panics
    /// When it does not die, or ends in another way.
    pub fn dies(mut self) {
        let status = until("the daemon dies at its fail point", || {
            self.child.try_wait().expect("ask for its end")
        });
        assert_eq!(status.signal(), Some(9), "it ended with {status}");
    }

    /// Asks it to end and returns its exit code.
    ///
    /// # Panics
    /// When it does not end.
    pub fn terminate(self) -> Option<i32> {
        kill(Pid::from_raw(self.pid()), Signal::SIGTERM).expect("signal gtdd");
        self.ends()
    }

    /// Waits until it ends by itself and returns its exit code.
    ///
    /// # Panics
    /// When it does not end.
    pub fn ends(mut self) -> Option<i32> {
        until("the daemon ends", || {
            self.child.try_wait().expect("ask for its end")
        })
        .code()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            drop(self.child.kill());
            drop(self.child.wait());
        }
    }
}

/// Kills every process whose environment names the town's home: its daemon, its shims, its agents.
pub(super) fn kill_all_of(town: &Town) {
    let mark = format!("GTD_HOME={}", town.path("home").display());
    let home = town.path("").display().to_string();
    for _ in 0..3 {
        let mut found = false;
        for pid in processes() {
            let environ = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            let is_ours = environ
                .split(|byte| *byte == 0)
                .any(|entry| entry == mark.as_bytes())
                || fs::read(format!("/proc/{pid}/cmdline"))
                    .unwrap_or_default()
                    .windows(home.len())
                    .any(|window| window == home.as_bytes());
            if is_ours && Pid::from_raw(pid) != Pid::this() {
                found = true;
                // It may have ended meanwhile.
                kill(Pid::from_raw(pid), Signal::SIGKILL).ok();
            }
        }
        if !found {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(30));
    }
}

/// Lists the process ids of this machine.
fn processes() -> Vec<i32> {
    fs::read_dir("/proc")
        .map(|entries| {
            entries
                .flatten()
                .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
                .collect()
        })
        .unwrap_or_default()
}
