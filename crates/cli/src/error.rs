//! Why a command failed, for a person and for a program.
//!
//! The kind decides the code, the reason and the exit; nothing else does.

use std::{error::Error, io, path::PathBuf, time::Duration};

use gtd_client::{ClientError, PlacesError, RigFoldersError};
use gtd_core::{Diagnostic, Rejection, RejectionKind};
use serde_json::{Value, json};

use crate::{
    exit::Exit,
    output::{Look, State},
};

/// Why a command failed.
#[derive(Debug)]
pub(crate) struct CliError {
    /// The class, which decides everything that programs see.
    pub(crate) kind: Kind,
    /// What stands behind it.
    pub(crate) source: Option<Box<dyn Error + Send + Sync>>,
    /// What helps.
    pub(crate) hints: Box<Hints>,
}

/// What helps after a failure.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Hints {
    /// What was being done, to fit after "cannot".
    pub(crate) doing: Option<String>,
    /// What to do about it, as half a sentence.
    pub(crate) help: Option<String>,
    /// What may have been meant.
    pub(crate) candidates: Vec<Candidate>,
    /// Commands to run next.
    pub(crate) next: Vec<String>,
}

/// Something that may have been meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Candidate {
    /// Its id.
    pub(crate) id: String,
    /// The word of its state, when that is known.
    pub(crate) state: Option<String>,
    /// Its title.
    pub(crate) title: String,
}

/// The classes of failures.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Kind {
    /// The command line is wrong.
    #[error("{0}")]
    Usage(String),
    /// A plan file is wrong.
    #[error("{0}")]
    Plan(Box<Diagnostic>),
    /// Nothing here could do a bead of a plan.
    #[error("{0}")]
    NoRuntime(Box<Diagnostic>),
    /// A configuration is wrong.
    #[error("{0}")]
    Config(Box<Diagnostic>),
    /// There is no such configuration key.
    #[error("there is no key `{0}`")]
    NoKey(String),
    /// The daemon says no.
    #[error("{0}")]
    Rejected(Rejection),
    /// The expression of `--jq`, or the template of `--template`, is wrong.
    #[error("{0}")]
    Expression(Box<Diagnostic>),
    /// Something that was named is not there.
    #[error("there is no {kind} `{name}`")]
    NotFound {
        /// The kind of thing.
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// The folder is in no git repository.
    #[error("{} is not in a git repository", .0.display())]
    NotARepository(PathBuf),
    /// The folder is in no rig.
    #[error("{} is not in a rig", .0.display())]
    NotARig(PathBuf),
    /// An edge between beads would make a circle.
    #[error("{0}")]
    Circle(Rejection),
    /// The state does not allow it.
    #[error("{0}")]
    State(String),
    /// The town's folders cannot be told or used.
    #[error("{0}")]
    Places(String),
    /// The program of the daemon is nowhere.
    #[error("the program `gtdd` is not beside gtd and not on PATH")]
    NoDaemonProgram,
    /// The daemon was started and did not answer.
    #[error("gtdd did not become ready{0}")]
    DidNotStart(String),
    /// No daemon runs.
    #[error("the daemon is not running (nobody listens at {})", socket.display())]
    NotRunning {
        /// Where it would listen.
        socket: PathBuf,
    },
    /// The daemon does not answer.
    #[error("{0}")]
    Silent(String),
    /// The daemon has too much to do.
    #[error("the daemon has too much to do")]
    Overloaded {
        /// Not before this long.
        retry_after: Duration,
    },
    /// The daemon speaks another version of the protocol.
    #[error("{text}")]
    OtherVersion {
        /// The daemon's version.
        version: String,
        /// Its process.
        pid: u32,
        /// What both said.
        text: String,
    },
    /// The daemon failed, or answered what cannot be read.
    #[error("{0}")]
    Daemon(String),
    /// A file or a program could not be used.
    #[error("cannot {act}")]
    Io {
        /// What was being done.
        act: String,
    },
    /// A person ended it.
    #[error("interrupted")]
    Interrupted,
}

impl Kind {
    /// Returns the stable code.
    #[must_use]
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Rejected(rejection) | Self::Circle(rejection) => rejection.code(),
            Self::Usage(_) => "E0100",
            Self::Plan(_) => "E0102",
            Self::NoRuntime(_) => "E0104",
            Self::Config(_) => "E0105",
            Self::NoKey(_) => "E0308",
            Self::Expression(_) => "E0107",
            Self::NotFound { .. } => "E0306",
            Self::NotARepository(_) => "E0216",
            Self::NotARig(_) => "E0303",
            Self::State(_) => "E0217",
            Self::Places(_) => "E0106",
            Self::NoDaemonProgram => "E0604",
            Self::DidNotStart(_) => "E0603",
            Self::NotRunning { .. } => "E0601",
            Self::Silent(_) => "E0602",
            Self::Overloaded { .. } => "E0605",
            Self::OtherVersion { .. } => "E0606",
            Self::Daemon(_) => "E0607",
            Self::Io { .. } => "E0701",
            Self::Interrupted => "E0702",
        }
    }

    /// Returns the stable word.
    #[must_use]
    pub(crate) fn reason(&self) -> String {
        let word = match self {
            Self::Rejected(rejection) | Self::Circle(rejection) => return rejection.reason(),
            Self::Usage(_) => "USAGE",
            Self::Plan(_) => "BAD_PLAN",
            Self::NoRuntime(_) => "NO_RUNTIME",
            Self::Config(_) => "BAD_CONFIG",
            Self::NoKey(_) => "NO_KEY",
            Self::Expression(_) => "BAD_EXPRESSION",
            Self::NotFound { .. } => "NOT_FOUND",
            Self::NotARepository(_) => "NOT_A_REPOSITORY",
            Self::NotARig(_) => "NO_RIG",
            Self::State(_) => "WRONG_STATE",
            Self::Places(_) => "NO_PLACES",
            Self::NoDaemonProgram => "NO_DAEMON_PROGRAM",
            Self::DidNotStart(_) => "DAEMON_DID_NOT_START",
            Self::NotRunning { .. } => "DAEMON_NOT_RUNNING",
            Self::Silent(_) => "DAEMON_SILENT",
            Self::Overloaded { .. } => "OVERLOADED",
            Self::OtherVersion { .. } => "OTHER_VERSION",
            Self::Daemon(_) => "DAEMON_FAILED",
            Self::Io { .. } => "IO",
            Self::Interrupted => "INTERRUPTED",
        };
        word.to_owned()
    }

    /// Returns how the program ends.
    #[must_use]
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) | Self::Plan(_) | Self::Expression(_) => Exit::Usage,
            Self::NoRuntime(_) | Self::Config(_) | Self::Places(_) => Exit::Config,
            Self::NotFound { .. } | Self::NotARig(_) | Self::NoKey(_) => Exit::NotFound,
            Self::NotARepository(_)
            | Self::Circle(_)
            | Self::State(_)
            | Self::OtherVersion { .. } => Exit::State,
            Self::NotRunning { .. } | Self::Silent(_) => Exit::Unreachable,
            Self::Overloaded { .. } => Exit::Again,
            Self::NoDaemonProgram | Self::DidNotStart(_) | Self::Daemon(_) | Self::Io { .. } => {
                Exit::Failed
            }
            Self::Interrupted => Exit::Interrupted,
            Self::Rejected(rejection) => match rejection.kind() {
                RejectionKind::Usage => Exit::Usage,
                RejectionKind::NotFound => Exit::NotFound,
                RejectionKind::State => Exit::State,
                RejectionKind::Config => Exit::Config,
                RejectionKind::Permission => Exit::Denied,
                RejectionKind::Busy => Exit::Again,
            },
        }
    }

    fn diagnostic(&self) -> Option<&Diagnostic> {
        match self {
            Self::Plan(diagnostic)
            | Self::NoRuntime(diagnostic)
            | Self::Config(diagnostic)
            | Self::Expression(diagnostic) => Some(diagnostic),
            _ => None,
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Overloaded { retry_after } => Some(*retry_after),
            Self::Rejected(rejection) if rejection.kind() == RejectionKind::Busy => {
                Some(Duration::from_secs(5))
            }
            _ => None,
        }
    }
}

impl CliError {
    /// Makes an error of a kind, with what usually helps.
    pub(crate) fn new(kind: Kind) -> Self {
        let mut hints = Hints::default();
        match &kind {
            Kind::NotRunning { .. } => {
                hints.help = Some("gtd up".to_owned());
                hints.next.push("gtd up".to_owned());
            }
            Kind::Silent(_) => {
                hints.help = Some("gtd logs daemon, or stop everything: gtd stop --all".to_owned());
            }
            Kind::Overloaded { .. } => hints.help = Some("try again in a moment".to_owned()),
            Kind::NotARepository(_) => hints.help = Some("git init, then: gtd init".to_owned()),
            Kind::NotARig(_) => {
                hints.help = Some("in the repository: gtd init, or name one: -r RIG".to_owned());
                hints.next.push("gtd init".to_owned());
            }
            Kind::NoDaemonProgram => {
                hints.help = Some("install gtdd beside gtd, or set GTD_GTDD to it".to_owned());
            }
            Kind::OtherVersion { version, pid, .. } => {
                // This program cannot ask it to end.
                hints.help = Some(format!(
                    "use the gtd of version {version}, or start the daemon of this one: kill {pid} && gtd up"
                ));
            }
            Kind::Rejected(rejection) => {
                let next = rejection.next();
                if next.starts_with("gtd ") {
                    hints.next.push(next.clone());
                }
                hints.help = Some(next);
                let candidate = |id: &String| Candidate {
                    id: id.clone(),
                    state: None,
                    title: String::new(),
                };
                match rejection {
                    Rejection::NoBead { similar, .. } => {
                        hints.candidates = similar.iter().map(candidate).collect();
                    }
                    Rejection::AmbiguousId { candidates, .. } => {
                        hints.candidates = candidates.iter().map(candidate).collect();
                        hints.help = Some("use more characters".to_owned());
                        hints.next = candidates
                            .iter()
                            .map(|id| format!("gtd bead show {id}"))
                            .collect();
                    }
                    _ => {}
                }
            }
            _ => {}
        }
        if let Some(diagnostic) = kind.diagnostic() {
            hints.help.clone_from(&diagnostic.help);
        }
        Self {
            kind,
            source: None,
            hints: Box::new(hints),
        }
    }

    /// Says that the command line is wrong.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Kind::Usage(message.into()))
    }

    /// Says that a file or a program could not be used.
    pub(crate) fn io(act: impl Into<String>, source: io::Error) -> Self {
        Self {
            source: Some(Box::new(source)),
            ..Self::new(Kind::Io { act: act.into() })
        }
    }

    /// Says that a file or a folder that the caller named could not be used.
    pub(crate) fn given(act: impl Into<String>, source: io::Error) -> Self {
        let error = Self::io(act, source);
        let is_ours = error
            .source
            .as_deref()
            .and_then(|source| source.downcast_ref::<io::Error>())
            .is_some_and(|source| {
                matches!(
                    source.kind(),
                    io::ErrorKind::NotFound
                        | io::ErrorKind::NotADirectory
                        | io::ErrorKind::IsADirectory
                        | io::ErrorKind::InvalidData
                )
            });
        if is_ours {
            Self::usage(error.message())
        } else {
            error
        }
    }

    /// Adds what to do about it.
    #[must_use]
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.hints.help = Some(help.into());
        self
    }

    /// Adds what was being done; fits after "cannot".
    #[must_use]
    pub(crate) fn doing(mut self, what: impl Into<String>) -> Self {
        self.hints.doing.get_or_insert(what.into());
        self
    }

    /// Tells whether the daemon may come back by itself.
    pub(crate) fn is_lost(&self) -> bool {
        matches!(
            self.kind,
            Kind::NotRunning { .. } | Kind::Silent(_) | Kind::Overloaded { .. }
        )
    }

    /// Tells whether something that was named is not there.
    pub(crate) fn is_not_found(&self) -> bool {
        self.kind.exit() == Exit::NotFound
    }

    /// Returns what happened, in one sentence without the code.
    pub(crate) fn message(&self) -> String {
        let mut text = match &self.hints.doing {
            Some(doing) => format!("cannot {doing}: {}", self.kind),
            None => self.kind.to_string(),
        };
        let mut source: Option<&(dyn Error + 'static)> = self.source.as_deref().map(|e| e as _);
        while let Some(error) = source {
            text.push_str(&format!(": {error}"));
            source = error.source();
        }
        text
    }

    /// Renders the form for people: a coded line, the place or the candidates, the help.
    pub(crate) fn render(&self, look: Look) -> String {
        let code = self.kind.code();
        let mut lines = Vec::new();
        match self.kind.diagnostic() {
            Some(diagnostic) => lines.push(format!("error[{code}]: {}", diagnostic.render())),
            None => {
                lines.push(format!("error[{code}]: {}", self.message()));
                let wide = self.hints.candidates.iter().map(|c| c.id.len()).max();
                for candidate in &self.hints.candidates {
                    let state = candidate.state.as_deref().map(State::of);
                    let line = format!(
                        "   {:wide$}  {:<11}  {}",
                        candidate.id,
                        state.map_or_else(String::new, |state| state.text(look)),
                        candidate.title,
                        wide = wide.unwrap_or(0)
                    );
                    lines.push(line.trim_end().to_owned());
                }
                if let Some(help) = &self.hints.help {
                    lines.push(format!("  help: {help}"));
                }
            }
        }
        lines.join("\n")
    }

    /// Makes the document of `--json`.
    pub(crate) fn document(&self) -> Value {
        let code = self.kind.code();
        let mut document = json!({
            "kind": "Error",
            "api": gtd_core::API,
            "code": code,
            "reason": self.kind.reason(),
            "message": self.message(),
            "hint": self.hints.help,
            "candidates": self.hints.candidates.iter().map(|c| c.id.as_str()).collect::<Vec<_>>(),
            "next": self.hints.next,
            "retry_after_s": self.kind.retry_after().map(|after| after.as_secs()),
            "help": format!("gtd help {code}"),
            "exit": self.kind.exit().code(),
        });
        if let Some(diagnostic) = self.kind.diagnostic() {
            document["place"] = json!({
                "file": diagnostic.file,
                "line": diagnostic.line,
                "column": diagnostic.column,
                "excerpt": diagnostic.excerpt,
            });
        }
        document
    }
}

impl From<Rejection> for CliError {
    fn from(rejection: Rejection) -> Self {
        Self::new(Kind::Rejected(rejection))
    }
}

impl From<ClientError> for CliError {
    fn from(error: ClientError) -> Self {
        let kind = match &error {
            ClientError::Rejected(rejection) => return rejection.clone().into(),
            ClientError::NotRunning { socket, .. } => Kind::NotRunning {
                socket: socket.clone(),
            },
            ClientError::Silent { .. } | ClientError::Broken { .. } => {
                Kind::Silent(error.to_string())
            }
            ClientError::Overloaded { retry_after } => Kind::Overloaded {
                retry_after: *retry_after,
            },
            ClientError::OtherApi { version, pid, .. } => Kind::OtherVersion {
                version: version.clone(),
                pid: *pid,
                text: error.to_string(),
            },
            ClientError::Unreadable { .. } | ClientError::Unsendable(_) => {
                Kind::Daemon(format!("cannot {error}"))
            }
            ClientError::FellBehind | ClientError::Failed { .. } => Kind::Daemon(error.to_string()),
        };
        Self::new(kind)
    }
}

impl From<PlacesError> for CliError {
    fn from(error: PlacesError) -> Self {
        let mut made = Self::new(Kind::Places(format!("cannot {error}")));
        made.source = match error {
            PlacesError::Make { source, .. } => Some(Box::new(source)),
            _ => None,
        };
        made
    }
}

impl From<RigFoldersError> for CliError {
    fn from(error: RigFoldersError) -> Self {
        Self {
            ..Self::new(Kind::Io {
                act: format!("{error}"),
            })
        }
    }
}

/// Adds to a failure what was being done.
pub(crate) trait Doing<T> {
    /// Adds what was being done; fits after "cannot".
    ///
    /// # Errors
    /// With the same failure as before.
    fn doing(self, what: impl FnOnce() -> String) -> Result<T, CliError>;
}

impl<T, E: Into<CliError>> Doing<T> for Result<T, E> {
    fn doing(self, what: impl FnOnce() -> String) -> Result<T, CliError> {
        self.map_err(|error| error.into().doing(what()))
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use gtd_core::{BeadId, Epoch};

    use super::*;
    use crate::output::Wishes;

    fn look() -> Look {
        Look::of(Wishes::default(), |_| None, false, false)
    }

    #[test]
    fn an_error_says_what_why_and_the_next_command() {
        let rejection = Rejection::StaleEpoch {
            bead: BeadId::parse("gt-7f3k").unwrap(),
            current: Epoch(3),
            yours: Epoch(2),
        };
        let error = CliError::from(rejection).doing("submit gt-7f3k");
        expect![[r#"
            error[E0204]: cannot submit gt-7f3k: the lease of gt-7f3k passed on (epoch 3, yours 2)
              help: gtd bead show gt-7f3k"#]]
        .assert_eq(&error.render(look()));
        expect![[r#"{"api":"gtd/v1","candidates":[],"code":"E0204","exit":7,"help":"gtd help E0204","hint":"gtd bead show gt-7f3k","kind":"Error","message":"cannot submit gt-7f3k: the lease of gt-7f3k passed on (epoch 3, yours 2)","next":["gtd bead show gt-7f3k"],"reason":"STALE_EPOCH","retry_after_s":null}"#]]
        .assert_eq(&error.document().to_string());
    }

    #[test]
    fn several_beads_for_one_beginning_are_candidates() {
        let error = CliError::from(Rejection::AmbiguousId {
            text: "api-7".to_owned(),
            candidates: vec!["api-7k2m".to_owned(), "api-7xq0".to_owned()],
        });
        assert_eq!(error.kind.exit(), Exit::NotFound);
        expect![[r#"
            error[E0307]: `api-7` matches 2 things
               api-7k2m
               api-7xq0
              help: use more characters"#]]
        .assert_eq(&error.render(look()));
    }

    #[test]
    fn a_mistake_in_a_plan_shows_its_line() {
        let text = "titel = \"x\"\n";
        let mistake = Diagnostic::at("plan.toml", text, 0..5, "unknown key `titel` in a plan")
            .with_help("did you mean `title`?");
        let error = CliError::new(Kind::Plan(Box::new(mistake)));
        assert_eq!(error.kind.exit(), Exit::Usage);
        expect![[r#"
            error[E0102]: plan.toml: unknown key `titel` in a plan
             --> plan.toml:1:1
              |
            1 | titel = "x"
              | ^^^^^
              help: did you mean `title`?"#]]
        .assert_eq(&error.render(look()));
    }

    #[test]
    fn each_kind_of_refusal_has_its_exit() {
        let rig = gtd_core::RigName::parse("api").unwrap();
        for (rejection, exit) in [
            (
                Rejection::BadPlan {
                    what: String::new(),
                },
                Exit::Usage,
            ),
            (Rejection::NoRig { rig: rig.clone() }, Exit::NotFound),
            (Rejection::Untrusted { rig }, Exit::Denied),
            (
                Rejection::NoRuntime {
                    what: String::new(),
                    usable: vec![],
                },
                Exit::Config,
            ),
            (Rejection::IsStopped { why: String::new() }, Exit::State),
            (Rejection::ReadOnly { why: String::new() }, Exit::Again),
        ] {
            assert_eq!(CliError::from(rejection).kind.exit(), exit);
        }
    }
}
