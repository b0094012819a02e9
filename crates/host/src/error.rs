//! What can go wrong while a role looks or acts.

use std::path::PathBuf;

use gtd_agent::{RunError, SecretError};
use gtd_client::{ClientError, PlacesError, RigFoldersError, TownConfigError};
use gtd_core::{Oid, Rejection, RigName, RunId, RuntimeName, Timestamp};
use gtd_git::GitError;

/// What can go wrong in a role host.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The daemon could not be asked or told.
    #[error("speak with the daemon")]
    Client(#[source] ClientError),
    /// Git said no.
    #[error("look at or change the repository of {rig}")]
    Git {
        /// The rig.
        rig: RigName,
        /// What git said.
        #[source]
        source: GitError,
    },
    /// The folder is no repository that can be used.
    #[error("use {path} as a repository")]
    Repository {
        /// The folder.
        path: PathBuf,
        /// What git said.
        #[source]
        source: GitError,
    },
    /// A run could not be begun, seen or ended.
    #[error("begin, see or end a run")]
    Run(#[source] RunError),
    /// The folders of the town could not be made.
    #[error("prepare the folders of the town")]
    Places(#[source] PlacesError),
    /// The list of rigs could not be read.
    #[error("read the list of rigs")]
    Rigs(#[source] RigFoldersError),
    /// The configuration of the town cannot be read.
    #[error("read the configuration")]
    Config(#[source] TownConfigError),
    /// The configuration names no such agent program, or none that can be driven.
    #[error("start {runtime}: the configuration has no runtime of that name that can be driven")]
    NoRuntime {
        /// The runtime.
        runtime: RuntimeName,
    },
    /// A secret that a runtime is to have is not where it should be.
    #[error("find the secret {name} of the runtime {runtime}")]
    Secret {
        /// The runtime.
        runtime: RuntimeName,
        /// The name of its variable.
        name: String,
        /// Why.
        #[source]
        source: SecretError,
    },
    /// The rig has no folder here.
    #[error("find the folder of rig {rig}")]
    NoFolder {
        /// The rig.
        rig: RigName,
    },
    /// A ref is neither where it was nor where it should go.
    #[error("move {name}: it is at {} now", at.as_ref().map_or("nothing", |oid| oid.short()))]
    RefMoved {
        /// The ref.
        name: String,
        /// Where it is.
        at: Option<Oid>,
    },
    /// A branch that is to be moved is checked out.
    #[error("move {name}: it is checked out at {at}")]
    CheckedOut {
        /// The ref.
        name: String,
        /// Where.
        at: PathBuf,
    },
    /// A worktree belongs to somebody else by now.
    #[error("work in {slot}: it has passed on to another owner")]
    PassedOn {
        /// The worktree's name in the pool.
        slot: String,
    },
    /// A run goes on although it was asked to end.
    #[error("end run {run}: it goes on")]
    DoesNotEnd {
        /// The run.
        run: RunId,
    },
    /// A remote does not take a branch.
    #[error("push {branch} to {remote}: {why}")]
    NotPushed {
        /// The branch.
        branch: String,
        /// The remote.
        remote: String,
        /// What it said.
        why: String,
    },
    /// An effect that failed waits until it is tried again.
    #[error("try {key} again before its time: {why}")]
    Waits {
        /// The effect's key.
        key: String,
        /// What it said when it failed.
        why: String,
        /// When it is tried again.
        until: Timestamp,
    },
    /// The host is not in the town, so that it cannot ask whether it may act.
    #[error("ask whether branches may move: the host is not in the town")]
    Away,
    /// The machine is short of something, and nothing new begins.
    #[error("begin {key}: {why}")]
    Short {
        /// What would have begun, by the effect's key.
        key: String,
        /// Of what, and how much is left.
        why: String,
    },
    /// Everything is stopped.
    #[error("act: everything is stopped")]
    Stopped,
    /// A file of the town could not be read or written.
    #[error("use {path}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The shim was not found.
    #[error("find gtd-shim: not in GTD_SHIM, not beside this program, not on PATH")]
    NoShim,
    /// Work on a thread of its own came to no end.
    #[error("end what was begun on another thread: {what}")]
    Broken {
        /// What was wrong.
        what: String,
    },
}

impl HostError {
    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, source }
    }

    /// Tells whether the world merely moved on: the next pass sees where to, and nothing waits.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(
            self,
            Self::Stopped
                | Self::Short { .. }
                | Self::Away
                | Self::RefMoved { .. }
                | Self::PassedOn { .. }
                | Self::Client(ClientError::Rejected(Rejection::MergesHeld { .. }))
        )
    }

    /// Returns the whole chain of causes on one line.
    #[must_use]
    pub fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut source = std::error::Error::source(self);
        while let Some(cause) = source {
            text.push_str(": ");
            text.push_str(&cause.to_string());
            source = cause.source();
        }
        text
    }
}
