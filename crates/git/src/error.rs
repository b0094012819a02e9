//! What can go wrong with git, as one enum for the whole crate.

use std::{io, path::PathBuf};

use gtd_core::Oid;

use crate::{operation::Operation, run::GitRun};

/// Says which act failed and on what.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GitError {
    /// The git program is older than what gtd needs.
    #[error("use git {found}: gtd needs git {needed} or newer")]
    TooOld {
        /// The version that was found.
        found: String,
        /// The oldest version that will do.
        needed: &'static str,
    },
    /// No repository is at this path or above it.
    #[error("open {path}: it is not inside a git repository")]
    NotARepository {
        /// The path that was asked for.
        path: PathBuf,
    },
    /// The branch has no commit yet.
    #[error("read the head of {path}: its branch has no commit yet")]
    UnbornBranch {
        /// The repository or worktree.
        path: PathBuf,
    },
    /// An object name that is no commit of this repository.
    #[error("find commit {oid}: the repository does not hold it")]
    MissingCommit {
        /// The object name.
        oid: Oid,
    },
    /// A branch or slot name that is refused before git sees it.
    #[error("use `{name}` as a {kind}: {why}")]
    InvalidName {
        /// What the name was meant to be.
        kind: &'static str,
        /// The refused name.
        name: String,
        /// The rule that it breaks.
        why: &'static str,
    },
    /// Git printed something that cannot be read.
    #[error("read what `git {command}` printed: {output:?}")]
    Unreadable {
        /// The git command.
        command: &'static str,
        /// The start of its output.
        output: String,
    },
    /// A pool may not lie inside the repository that it serves.
    #[error("open the worktree pool at {path}: it lies inside the repository")]
    PoolInsideRepository {
        /// The folder of the pool.
        path: PathBuf,
    },
    /// A branch is checked out where gtd must not move it away.
    #[error("check out {branch}: it is checked out at {at}")]
    BranchHeld {
        /// The branch.
        branch: String,
        /// The worktree that holds it.
        at: PathBuf,
    },
    /// A lock file whose holder lives.
    #[error("use the worktree at {path}: a living git process holds {lock}")]
    Locked {
        /// The worktree.
        path: PathBuf,
        /// The lock file.
        lock: PathBuf,
    },
    /// A slot without a worktree.
    #[error("use slot {slot}: it holds no worktree")]
    NoSuchSlot {
        /// The slot.
        slot: String,
    },
    /// A slot whose folder is not, or no longer, a worktree of this repository.
    #[error("use slot {slot} at {path}: {why}")]
    DamagedSlot {
        /// The slot.
        slot: String,
        /// Its folder.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A slot that is not the one's from whom it was to be handed on.
    #[error("hand on slot {slot}: {owner} has it")]
    NotTheirs {
        /// The slot.
        slot: String,
        /// The key of its owner.
        owner: String,
    },
    /// A slot that still has an owner.
    #[error("remove slot {slot}: {owner} owns it")]
    SlotOwned {
        /// The slot.
        slot: String,
        /// The key of its owner.
        owner: String,
    },
    /// A slot in which processes live.
    #[error("remove slot {slot}: processes work in it: {pids:?}")]
    SlotBusy {
        /// The slot.
        slot: String,
        /// Their ids.
        pids: Vec<u32>,
    },
    /// Files with unresolved conflicts, which no commit may hold.
    #[error("commit {path}: conflicts are unresolved in {files:?}")]
    Unmerged {
        /// The worktree.
        path: PathBuf,
        /// The files.
        files: Vec<String>,
    },
    /// A worktree in the middle of something that must end before its head means anything.
    #[error("commit {path}: {operation} was left unfinished")]
    Unfinished {
        /// The worktree.
        path: PathBuf,
        /// What it is in the middle of.
        operation: Operation,
    },
    /// A file or folder could not be worked on.
    #[error("{act} {path}")]
    Io {
        /// What was tried.
        act: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// A git command failed in a way that has no name of its own.
    #[error(transparent)]
    Run(#[from] GitRun),
}

impl GitError {
    pub(crate) fn io(
        act: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { act, path, source }
    }

    pub(crate) fn unreadable(command: &'static str, output: &[u8]) -> Self {
        let start = &output[..output.len().min(200)];
        Self::Unreadable {
            command,
            output: String::from_utf8_lossy(start).into_owned(),
        }
    }
}
