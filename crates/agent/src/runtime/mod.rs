//! Runtimes: how a piece of work becomes the order for one run.
//!
//! Each runtime is a file of its own with one function that turns a [`Setting`]
//! and its own input into a [`RunSpec`]: [`shell_run`], [`command_run`],
//! [`demo_run`]. Text that came from people or agents goes by file or standard
//! input, never through a command line.
//!
//! Agent programs (claude, codex and the like) are data: a [`Preset`] says how one
//! is started, [`agent_run`] makes the order for one turn, and [`crate::stream`]
//! reads what it says. One that can only be talked to by the Agent Client Protocol has a
//! driver inside of its run, which is the shim's program too.

mod acp;
mod command;
mod demo;
mod preset;
mod shell;

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use gtd_core::{BeadId, Epoch, RigName, RunId, RuntimeName};

pub(crate) use acp::acp_main;
pub use command::command_run;
pub(crate) use demo::demo_main;
pub use demo::{ASK_CODE, ASK_MARK, demo_run};
pub use preset::{PRESETS, Preset, Resumed, Turn, agent_run};
pub use shell::shell_run;

use crate::spec::{DEFAULT_OUTPUT_CAP, RunSpec, Stdin};

/// The programs that an agent can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Runtime {
    /// A script of the bead, run by `sh -eu`.
    Shell,
    /// The scripted agent that is built into the shim, for trials and tests.
    Demo,
}

impl Runtime {
    /// All runtimes that this build can drive.
    pub const ALL: [Self; 2] = [Self::Shell, Self::Demo];

    /// Finds a runtime by its name.
    #[must_use]
    pub fn find(name: &RuntimeName) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|runtime| runtime.name() == name.as_str())
    }

    /// Returns its name, as it stands in plans and configuration.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Shell => "shell",
            Self::Demo => "demo",
        }
    }
}

/// The three variables that every run gets, whatever it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseEnv {
    /// Where programs are looked for.
    pub path: String,
    /// The home directory.
    pub home: String,
    /// The language and encoding.
    pub lang: String,
}

impl BaseEnv {
    /// Takes the three from this process; what is missing gets a plain default.
    #[must_use]
    pub fn of_this_process() -> Self {
        let or = |name, default: &str| std::env::var(name).unwrap_or_else(|_| default.to_owned());
        Self {
            path: or("PATH", "/usr/local/bin:/usr/bin:/bin"),
            home: or("HOME", "/"),
            lang: or("LANG", "C.UTF-8"),
        }
    }

    /// Returns the three by their names.
    #[must_use]
    pub fn variables(self) -> BTreeMap<String, String> {
        let all = [
            ("PATH", self.path),
            ("HOME", self.home),
            ("LANG", self.lang),
        ];
        all.map(|(name, value)| (name.to_owned(), value)).into()
    }
}

/// Where, for whom and within which limits a run takes place, whatever it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The name of the run.
    pub run: RunId,
    /// The worktree to work in.
    pub cwd: PathBuf,
    /// What every run gets.
    pub base: BaseEnv,
    /// The rig that it works for.
    pub rig: RigName,
    /// The bead that it works on; a candidate's gate has none.
    pub bead: Option<BeadId>,
    /// The epoch of the lease; 0 without a lease.
    pub epoch: Epoch,
    /// Further variables, such as those that tame git; the later name wins.
    pub env: BTreeMap<String, String>,
    /// The limit on wall-clock time.
    pub limit: Option<Duration>,
    /// How many bytes of output to keep.
    pub output_cap: u64,
    /// How much to yield to others.
    pub nice: i8,
    /// A file of the worktree that the run leaves there.
    pub report: Option<PathBuf>,
    /// Free words of the caller.
    pub labels: BTreeMap<String, String>,
}

impl Setting {
    /// Makes a setting without a bead, further variables or limits.
    #[must_use]
    pub fn new(run: RunId, rig: RigName, cwd: impl Into<PathBuf>, base: BaseEnv) -> Self {
        Self {
            run,
            cwd: cwd.into(),
            base,
            rig,
            bead: None,
            epoch: Epoch::default(),
            env: BTreeMap::new(),
            limit: None,
            output_cap: DEFAULT_OUTPUT_CAP,
            nice: 0,
            report: None,
            labels: BTreeMap::new(),
        }
    }

    /// Puts a launch into this setting.
    #[must_use]
    pub fn order(&self, launch: Launch) -> RunSpec {
        let mut env = self.base.clone().variables();
        env.insert("GTD_RIG".to_owned(), self.rig.to_string());
        env.insert("GTD_EPOCH".to_owned(), self.epoch.to_string());
        if let Some(bead) = &self.bead {
            env.insert("GTD_BEAD".to_owned(), bead.to_string());
        }
        env.extend(launch.env);
        env.extend(self.env.clone());
        RunSpec {
            run: self.run.clone(),
            program: launch.program,
            args: launch.args,
            env,
            secret: std::collections::BTreeSet::new(),
            secrets: crate::SecretValues::default(),
            cwd: self.cwd.clone(),
            files: launch.files,
            stdin: launch.stdin,
            limit_ms: self
                .limit
                .map(|limit| u64::try_from(limit.as_millis()).unwrap_or(u64::MAX)),
            output_cap: self.output_cap,
            nice: self.nice,
            epoch: self.epoch,
            report: self.report.clone(),
            labels: self.labels.clone(),
        }
    }
}

/// What a runtime adds to a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launch {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<String>,
    /// Files for the run directory.
    pub files: BTreeMap<String, String>,
    /// Further variables.
    pub env: BTreeMap<String, String>,
    /// Where standard input comes from.
    pub stdin: Stdin,
}
