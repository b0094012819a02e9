//! What one check says, and the few things that may be mended without a question.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    process::{Command, Output, Stdio},
};

use crate::{context::Context, error::CliError};

/// What a check is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub(super) enum Category {
    /// Disk, inodes, memory, open files
    Host,
    /// The git program and who commits
    Git,
    /// The log and its backups
    Store,
    /// Who runs, in which version, and who may reach it
    Daemon,
    /// The rigs: folder, branch, trust
    Config,
    /// Whether gates can be started
    Gates,
    /// Whether a signature would wait for a passphrase
    Signing,
    /// The agent programs
    Runtime,
    /// The ways in which you are told what needs you
    Notify,
    /// Runs and worktrees that nobody owns
    Leftovers,
    /// What would hold work up while nobody looks
    Night,
}

impl Category {
    /// All but the night, in the order in which they are looked at.
    pub(super) const ALL: [Self; 10] = [
        Self::Host,
        Self::Git,
        Self::Store,
        Self::Daemon,
        Self::Config,
        Self::Gates,
        Self::Signing,
        Self::Runtime,
        Self::Notify,
        Self::Leftovers,
    ];

    /// Returns the word for `--only`.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Git => "git",
            Self::Store => "store",
            Self::Daemon => "daemon",
            Self::Config => "config",
            Self::Gates => "gates",
            Self::Signing => "signing",
            Self::Runtime => "runtime",
            Self::Notify => "notify",
            Self::Leftovers => "leftovers",
            Self::Night => "night",
        }
    }
}

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Status {
    /// As it should be.
    Ok,
    /// Work goes on, and it should be looked at.
    Warn,
    /// Work fails or stands still.
    Fail,
}

impl Status {
    /// Returns the word of the document.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

/// What one check says.
#[derive(Debug)]
pub(super) struct Check {
    /// Its name for ever.
    pub(super) id: String,
    /// What it is about.
    pub(super) category: Category,
    /// How it came out.
    pub(super) status: Status,
    /// In words.
    pub(super) text: String,
    /// The command that mends it.
    pub(super) fix: Option<String>,
    /// What `--fix` does about it.
    pub(super) mend: Option<Mend>,
    /// How long its category took.
    pub(super) ms: u64,
}

impl Check {
    fn new(id: impl Into<String>, status: Status, text: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            category: Category::Host,
            status,
            text: text.into(),
            fix: None,
            mend: None,
            ms: 0,
        }
    }

    /// Says that something is as it should be.
    pub(super) fn good(id: impl Into<String>, text: impl Into<String>) -> Self {
        Self::new(id, Status::Ok, text)
    }

    /// Says that something should be looked at.
    pub(super) fn warn(
        id: impl Into<String>,
        text: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self {
            fix: Some(fix.into()),
            ..Self::new(id, Status::Warn, text)
        }
    }

    /// Says that something is wrong.
    pub(super) fn fail(
        id: impl Into<String>,
        text: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self {
            fix: Some(fix.into()),
            ..Self::new(id, Status::Fail, text)
        }
    }

    /// Adds what may be done about it without a question.
    pub(super) fn mended_by(self, mend: Mend) -> Self {
        Self {
            mend: Some(mend),
            ..self
        }
    }
}

/// What may be done without a question: it takes nothing away that somebody wrote.
#[derive(Debug)]
pub(super) enum Mend {
    /// Makes the folders of the town.
    Folders,
    /// Closes a file or folder to others.
    Close {
        /// Which.
        path: PathBuf,
        /// The mode it should have.
        mode: u32,
    },
    /// Removes what a daemon that died left for callers.
    StaleSocket,
    /// Forgets worktrees whose folder is gone.
    PruneWorktrees {
        /// The repository.
        folder: PathBuf,
    },
}

impl Mend {
    /// Does it, and says what was done.
    pub(super) fn apply(&self, ctx: &Context) -> Result<String, CliError> {
        match self {
            Self::Folders => {
                ctx.places.prepare()?;
                Ok("made the folders of the town".to_owned())
            }
            Self::Close { path, mode } => {
                fs::set_permissions(path, fs::Permissions::from_mode(*mode))
                    .map_err(|error| CliError::io(format!("close {}", path.display()), error))?;
                Ok(format!(
                    "{} is for you alone now ({mode:o})",
                    path.display()
                ))
            }
            Self::StaleSocket => {
                for path in [
                    ctx.places.socket().to_owned(),
                    ctx.places.run.join("daemon.json"),
                ] {
                    match fs::remove_file(&path) {
                        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                            return Err(CliError::io(format!("remove {}", path.display()), error));
                        }
                        _ => {}
                    }
                }
                Ok("removed the socket of a daemon that is gone".to_owned())
            }
            Self::PruneWorktrees { folder } => {
                let path = folder.to_string_lossy();
                match ask("git", &["-C", &path, "worktree", "prune"]) {
                    Some(output) if output.status.success() => Ok(format!(
                        "forgot the worktrees of {path} whose folder is gone"
                    )),
                    _ => Err(CliError::io(
                        format!("prune the worktrees of {path}"),
                        std::io::Error::other("git failed"),
                    )),
                }
            }
        }
    }
}

/// Asks a program something; none when it cannot be started.
pub(super) fn ask(program: &str, words: &[&str]) -> Option<Output> {
    Command::new(program)
        .args(words)
        .env("GIT_TERMINAL_PROMPT", "0")
        .stdin(Stdio::null())
        .output()
        .ok()
}

/// Asks a program something that it answers with one line; none when it fails.
pub(super) fn line_of(program: &str, words: &[&str]) -> Option<String> {
    let output = ask(program, words).filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned()).filter(|line| !line.is_empty())
}
