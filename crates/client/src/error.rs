//! Why a call did not do what it should.

use std::{error::Error, io, path::PathBuf, time::Duration};

use gtd_core::Rejection;
use gtd_wire::{Malformed, Refusal, Unsendable};
use tonic::{Code, Status};

use crate::channel::Unreachable;

/// Why a call did not do what it should.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The daemon says no.
    #[error(transparent)]
    Rejected(Rejection),
    /// No daemon listens.
    #[error("no daemon listens at {}", socket.display())]
    NotRunning {
        /// Where it should.
        socket: PathBuf,
        /// What was seen.
        #[source]
        source: io::Error,
    },
    /// The daemon did not answer in time.
    #[error("the daemon did not answer {method} within {} s", within.as_secs_f64())]
    Silent {
        /// What was asked.
        method: &'static str,
        /// The deadline.
        within: Duration,
    },
    /// Too much waits at the daemon.
    #[error("the daemon has too much to do")]
    Overloaded {
        /// Not before this long.
        retry_after: Duration,
    },
    /// The daemon does not keep the records that follow any more.
    #[error("the records that follow are not kept any more")]
    FellBehind,
    /// The connection broke before the answer came; a write may or may not have been done.
    #[error("the connection broke before {method} was answered")]
    Broken {
        /// What was asked.
        method: &'static str,
        /// What was seen.
        #[source]
        source: Box<Status>,
    },
    /// The daemon answers what this client cannot read.
    #[error("understand the answer to {method}: {why}")]
    Unreadable {
        /// What was asked.
        method: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// The daemon could not do it, for a reason of its own.
    #[error("the daemon could not do {method} ({code:?}): {text}")]
    Failed {
        /// What was asked.
        method: &'static str,
        /// The code.
        code: Code,
        /// What it said.
        text: String,
    },
    /// The daemon speaks another version of the protocol.
    #[error(
        "the daemon (version {version}, process {pid}) speaks API level {theirs}, and this program works with {}",
        range(*ours)
    )]
    OtherApi {
        /// The daemon's version.
        version: String,
        /// The daemon's process.
        pid: u32,
        /// The daemon's level.
        theirs: u32,
        /// This program's level.
        ours: u32,
    },
    /// No caller can send such a command.
    #[error("send the command")]
    Unsendable(#[source] Unsendable),
}

impl ClientError {
    pub(crate) fn of(status: Status, method: &'static str, within: Duration) -> Self {
        match Refusal::of(&status) {
            Some(Refusal::Rejected(rejection)) => return Self::Rejected(rejection),
            Some(Refusal::Overloaded { retry_after }) => return Self::Overloaded { retry_after },
            Some(Refusal::FellBehind) => return Self::FellBehind,
            Some(Refusal::Deadline) => return Self::Silent { method, within },
            Some(Refusal::Leaving) => {
                let source = Box::new(status);
                return Self::Broken { method, source };
            }
            None => {}
        }
        // Only a status that was made on this side has a source.
        let mut cause = status.source();
        if cause.is_none() {
            return Self::Failed {
                method,
                code: status.code(),
                text: status.message().to_owned(),
            };
        }
        while let Some(error) = cause {
            if let Some(Unreachable { socket, source }) = error.downcast_ref() {
                return Self::NotRunning {
                    socket: socket.clone(),
                    source: io::Error::new(source.kind(), source.to_string()),
                };
            }
            cause = error.source();
        }
        if status.message().contains("keep-alive timed out") {
            return Self::Silent { method, within };
        }
        Self::Broken {
            method,
            source: Box::new(status),
        }
    }

    pub(crate) fn unreadable(method: &'static str, malformed: &Malformed) -> Self {
        Self::Unreadable {
            method,
            why: malformed.to_string(),
        }
    }

    /// Returns the refusal, if the daemon said no.
    #[must_use]
    pub fn rejection(&self) -> Option<&Rejection> {
        match self {
            Self::Rejected(rejection) => Some(rejection),
            _ => None,
        }
    }
}

/// Tells which levels a program of one level works with.
fn range(level: u32) -> String {
    format!("{} to {}", level.saturating_sub(1).max(1), level + 1)
}
