//! A whole town in a temporary directory: real binaries, real git, real sockets.
//!
//! Nothing outside the directory is read or written: the town has its own
//! home, its own git configuration and its own repository. When it is dropped
//! its daemon and its runs are killed.

mod binaries;
mod claude;
mod daemon;
mod mounts;
mod output;
mod repository;
mod wait;

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs,
    path::PathBuf,
    process::{Command, Stdio},
};

use serde_json::Value;

pub use self::{
    binaries::binary,
    claude::{claude_begins, claude_says, claude_uses},
    daemon::Daemon,
    mounts::{fill_up, small_disk, with_mounts},
    output::Output,
    wait::until,
};

/// A town with one repository, before its daemon is started.
#[derive(Debug)]
pub struct Town {
    folder: tempfile::TempDir,
    env: BTreeMap<String, String>,
}

impl Default for Town {
    fn default() -> Self {
        Self::new()
    }
}

impl Town {
    /// Makes a town with an empty home and a repository with one commit on `main`.
    ///
    /// The repository's own checkout stands on a detached head, so that work lands on `main`.
    #[must_use]
    pub fn new() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("gtd-town-")
            .tempdir()
            .expect("make a temporary directory");
        let town = Self {
            env: BTreeMap::from([
                ("GTD_ROLES__WORKER__BACKOFF".to_owned(), "0s".to_owned()),
                // Tests want nothing of the machine that they run on.
                ("GTD_TOWN__KEEP_AWAKE".to_owned(), "false".to_owned()),
                // Many towns at once would hold much disk space that nobody needs.
                ("GTD_RESOURCES__BALLAST".to_owned(), "1MiB".to_owned()),
            ]),
            folder,
        };
        for name in ["home", "user", "repo"] {
            fs::create_dir(town.path(name)).expect("make a folder");
        }
        town.make_repository();
        town
    }

    /// Sets a variable for every program of this town that is started from now on.
    #[must_use]
    pub fn with_env(mut self, name: &str, value: &str) -> Self {
        self.env.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Returns a path below the town's directory.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Returns the repository.
    #[must_use]
    pub fn repo(&self) -> PathBuf {
        self.path("repo")
    }

    /// Returns the folder of all runs.
    #[must_use]
    pub fn runs(&self) -> PathBuf {
        self.path("home/state/runs")
    }

    /// Makes a program that runs in this town.
    #[must_use]
    pub fn program(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env(
                "PATH",
                std::env::var_os("PATH").unwrap_or_else(|| "/usr/bin:/bin".into()),
            )
            .env("HOME", self.path("user"))
            .env("LANG", "C.UTF-8")
            .env("GTD_HOME", self.path("home"))
            .env("GTD_GTDD", binary("gtdd"))
            .env("GTD_SHIM", binary("gtd-shim"))
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_AUTHOR_NAME", "Pat Person")
            .env("GIT_AUTHOR_EMAIL", "pat@example.invalid")
            .env("GIT_COMMITTER_NAME", "Pat Person")
            .env("GIT_COMMITTER_EMAIL", "pat@example.invalid")
            .envs(&self.env)
            .current_dir(self.repo())
            .stdin(Stdio::null());
        command
    }

    /// Runs `gtd` and returns what it said, whatever its exit code.
    pub fn gtd(&self, args: &[&str]) -> Output {
        Output::of(self.program(binary("gtd")).args(args))
    }

    /// Runs `gtd`, which must succeed, and returns its standard output.
    ///
    /// # Panics
    /// When it ends with another code than 0.
    pub fn gtd_ok(&self, args: &[&str]) -> String {
        let output = self.gtd(args);
        assert_eq!(output.code, Some(0), "gtd {args:?}: {output}");
        output.stdout
    }

    /// Runs `gtd … --json` and returns the document, whatever the exit code.
    ///
    /// # Panics
    /// When the standard output is not one JSON document.
    pub fn json(&self, args: &[&str]) -> Value {
        let output = self.gtd(&[args, &["--json"]].concat());
        serde_json::from_str(&output.stdout)
            .unwrap_or_else(|error| panic!("gtd {args:?} --json: {error}: {output}"))
    }

    /// Makes the repository a rig of the town, with these gates, and starts the daemon for it.
    ///
    /// # Panics
    /// When `gtd init` fails.
    pub fn init(&self, gates: &[(&str, &str)]) {
        let mut text = "schema = 1\n\n[rig]\nname = \"repo\"\nbranch = \"main\"\n".to_owned();
        for (name, run) in gates {
            text.push_str(&format!(
                "\n[[gate]]\nname = \"{name}\"\nrun = {}\nwhen = \"merge\"\n",
                Value::from(*run)
            ));
        }
        fs::write(self.repo().join("gtd.toml"), text).expect("write gtd.toml");
        self.gtd_ok(&["init", "--no-detect"]);
    }

    /// Writes a plan file and returns its path.
    pub fn plan(&self, text: &str) -> String {
        let path = self.path("plan.toml");
        fs::write(&path, text).expect("write the plan");
        path.display().to_string()
    }

    /// Sets the goal of a plan and returns its id.
    ///
    /// # Panics
    /// When the goal is refused.
    pub fn goal(&self, plan: &str) -> String {
        let path = self.plan(plan);
        let document = self.json(&["goal", "--plan", &path]);
        document["id"]
            .as_str()
            .unwrap_or_else(|| panic!("no goal: {document}"))
            .to_owned()
    }

    /// Waits until a goal has ended or stands still; returns the exit code and the document.
    ///
    /// # Panics
    /// When `gtd wait` prints no document.
    pub fn wait(&self, goal: &str) -> (Option<i32>, Value) {
        let output = self.gtd(&["wait", goal, "--timeout", "90s", "--json"]);
        let document = serde_json::from_str(&output.stdout)
            .unwrap_or_else(|error| panic!("gtd wait {goal}: {error}: {output}"));
        (output.code, document)
    }

    /// Reads the event log, oldest first: the body of each line of the journal.
    #[must_use]
    pub fn log(&self) -> Vec<Value> {
        fs::read_to_string(self.path("home/data/store/journal.jsonl"))
            .unwrap_or_default()
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .filter_map(|line| line.get("body").cloned())
            .collect()
    }

    /// Counts the events of one kind in the log.
    #[must_use]
    pub fn count(&self, event: &str) -> usize {
        self.log()
            .iter()
            .filter(|record| is_event(record, event))
            .count()
    }

    /// Reads a file of lines that scripts wrote, sorted; empty when there is none.
    #[must_use]
    pub fn lines(&self, name: &str) -> Vec<String> {
        let mut lines: Vec<String> = fs::read_to_string(self.path(name))
            .unwrap_or_default()
            .lines()
            .map(str::to_owned)
            .collect();
        lines.sort();
        lines
    }

    /// Makes an empty file, for scripts that wait for one.
    pub fn touch(&self, name: &str) {
        fs::write(self.path(name), "").expect("write a file");
    }

    /// Returns the process id of the daemon, when one answers.
    #[must_use]
    pub fn daemon_pid(&self) -> Option<i32> {
        let document = self.json(&["version"]);
        document["daemon"]["pid"]
            .as_i64()
            .and_then(|pid| i32::try_from(pid).ok())
    }
}

/// Tells whether a record of the log is an event of this kind.
#[must_use]
pub fn is_event(record: &Value, event: &str) -> bool {
    match &record["event"] {
        Value::String(name) => name == event,
        Value::Object(map) => map.contains_key(event),
        _ => false,
    }
}

impl Town {
    /// Prints the ends of the logs, for the reader of a failed test.
    #[expect(clippy::print_stderr, reason = "a failed test speaks to a person")]
    fn print_logs(&self) {
        eprintln!("--- logs of the town that failed ---");
        for name in ["daemon", "mayor", "crew", "worker", "refinery", "witness"] {
            let path = self.path("home/state/logs").join(format!("{name}.log"));
            let text = fs::read_to_string(path).unwrap_or_default();
            let lines: Vec<&str> = text.lines().collect();
            eprintln!("== {name}");
            for line in lines.iter().rev().take(25).rev() {
                eprintln!("{line}");
            }
        }
    }
}

impl Drop for Town {
    fn drop(&mut self) {
        daemon::kill_all_of(self);
        if std::thread::panicking() {
            self.print_logs();
        }
    }
}
