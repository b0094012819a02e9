//! A folder of runs with the real shim, and ways to wait without sleeping.

use std::{
    fs,
    os::fd::AsFd as _,
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use gtd_agent::{
    Exit, RunSpec, RunState, Runs,
    runtime::{BaseEnv, Setting},
};
use gtd_core::{RigName, RunId};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use tempfile::TempDir;

pub(crate) const SHIM: &str = env!("CARGO_BIN_EXE_gtd-shim");
pub(crate) const LONG: Duration = Duration::from_secs(60);

pub(crate) struct Place {
    pub(crate) dir: TempDir,
    pub(crate) runs: Runs,
}

impl Place {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("work")).unwrap();
        let runs = Runs::open(&dir.path().join("runs"), PathBuf::from(SHIM)).unwrap();
        Self { dir, runs }
    }

    pub(crate) fn work(&self) -> PathBuf {
        self.dir.path().join("work")
    }

    pub(crate) fn setting(&self, run: &RunId) -> Setting {
        let base = BaseEnv {
            path: "/usr/local/bin:/usr/bin:/bin".to_owned(),
            home: self.dir.path().display().to_string(),
            lang: "C.UTF-8".to_owned(),
        };
        Setting::new(
            run.clone(),
            RigName::parse("rig").unwrap(),
            self.work(),
            base,
        )
    }

    /// An order for `sh -c`, without any runtime around it.
    pub(crate) fn sh(&self, run: &RunId, script: &str) -> RunSpec {
        let mut spec = RunSpec::new(run.clone(), "/bin/sh", self.work());
        spec.args = vec!["-c".to_owned(), script.to_owned()];
        spec.env
            .insert("PATH".to_owned(), "/usr/bin:/bin".to_owned());
        spec
    }

    pub(crate) fn wait(&self, run: &RunId) -> RunState {
        wait(&self.runs, run)
    }

    pub(crate) fn wait_exit(&self, run: &RunId) -> Exit {
        match self.wait(run) {
            RunState::Exited(exit) => exit,
            other => panic!("{run} is {other:?}"),
        }
    }

    pub(crate) fn run(&self, spec: &RunSpec) -> Exit {
        self.runs.ensure(spec).unwrap();
        self.wait_exit(&spec.run)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.work().join(name)).unwrap_or_default()
    }

    pub(crate) fn texts(&self, run: &RunId) -> Vec<String> {
        let lines = self.runs.transcript(run, 0, usize::MAX).unwrap();
        lines.into_iter().map(|line| line.text).collect()
    }

    /// Launches from another process, which ends at once, as `faults` say.
    pub(crate) fn launch_elsewhere(&self, spec: &RunSpec, faults: &str) -> ExitStatus {
        let file = self.dir.path().join(format!("{}.spec", spec.run));
        fs::write(&file, serde_json::to_vec(spec).unwrap()).unwrap();
        let mut command = Command::new(SHIM);
        command
            .arg("--launch")
            .arg(self.dir.path().join("runs"))
            .arg(file);
        if !faults.is_empty() {
            command.env("GTD_FAULT", faults);
        }
        command.status().unwrap()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        for run in self.runs.list().unwrap_or_default() {
            if let Ok(RunState::Live(_)) = self.runs.state(&run) {
                drop(self.runs.stop(&run, Duration::ZERO));
                if !thread::panicking() {
                    wait(&self.runs, &run);
                }
            }
        }
    }
}

/// A name that no other test uses, so that its processes can be told apart.
pub(crate) fn run_id(what: &str) -> RunId {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let n = COUNT.fetch_add(1, Ordering::Relaxed);
    RunId::parse(&format!("{what}.{}.{n}", std::process::id())).unwrap()
}

/// Waits for the shim by its exit notice; gives the state after it.
pub(crate) fn wait(runs: &Runs, run: &RunId) -> RunState {
    if let Some(notice) = runs.exit_notice(run).unwrap() {
        let mut fds = [PollFd::new(notice.as_fd(), PollFlags::POLLIN)];
        let ready = poll(&mut fds, PollTimeout::try_from(LONG).unwrap()).unwrap();
        assert_eq!(ready, 1, "{run} did not end");
    }
    runs.state(run).unwrap()
}

/// Looks again and again until it is so.
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + LONG;
    while !is_so() {
        assert!(Instant::now() < end, "never: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// The living processes that bear the mark of a run.
pub(crate) fn marked(run: &RunId) -> Vec<i32> {
    let mark = format!("GTD_RUN={run}");
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap() {
        let name = entry.unwrap().file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse::<i32>().ok()) else {
            continue;
        };
        let environ = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        if environ
            .split(|byte| *byte == 0)
            .any(|word| word == mark.as_bytes())
            && !matches!(letter(pid), None | Some('Z' | 'X'))
        {
            found.push(pid);
        }
    }
    found
}

/// The state letter of a process.
pub(crate) fn letter(pid: i32) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat[stat.rfind(')')? + 1..].trim_start().chars().next()
}

pub(crate) fn size_of(folder: &Path) -> u64 {
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().metadata().unwrap().len())
        .sum()
}
