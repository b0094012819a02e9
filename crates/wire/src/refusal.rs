//! What a call can be refused with, as a `Status` and back.
//!
//! | refusal | code | reason in `ErrorInfo` |
//! |---|---|---|
//! | `Rejected`, usage | `INVALID_ARGUMENT` | the rejection's own |
//! | `Rejected`, not found | `NOT_FOUND` | the rejection's own |
//! | `Rejected`, state or configuration | `FAILED_PRECONDITION` | the rejection's own |
//! | `Rejected`, permission | `PERMISSION_DENIED` | the rejection's own |
//! | `Rejected`, busy | `UNAVAILABLE` | the rejection's own, with `RetryInfo` |
//! | `Overloaded` | `RESOURCE_EXHAUSTED` | `OVERLOADED`, with `RetryInfo` |
//! | `FellBehind` | `OUT_OF_RANGE` | `FELL_BEHIND` |
//! | `Leaving` | `UNAVAILABLE` | `LEAVING` |
//! | `Deadline` | `DEADLINE_EXCEEDED` | none |
//!
//! A deadline that passes in the server's transport comes as `CANCELLED` with
//! the words "Timeout expired"; it is read as `Deadline` too.

use std::{collections::HashMap, time::Duration};

use gtd_core::{Rejection, RejectionKind};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

const DOMAIN: &str = "gtd";
const OVERLOADED: &str = "OVERLOADED";
const FELL_BEHIND: &str = "FELL_BEHIND";
const LEAVING: &str = "LEAVING";
const REJECTION_KEY: &str = "rejection";
const BUSY_RETRY: Duration = Duration::from_secs(5);
const MAX_TEXT: usize = 2_000;

/// Why a call was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The ledger says no.
    Rejected(Rejection),
    /// Too much waits already.
    Overloaded {
        /// Not before this long.
        retry_after: Duration,
    },
    /// The reader is behind what the daemon still holds: it has to take a snapshot again.
    FellBehind,
    /// The daemon ends.
    Leaving,
    /// The deadline passed.
    Deadline,
}

impl Refusal {
    /// Makes the status that carries this refusal.
    #[must_use]
    pub fn to_status(&self) -> Status {
        match self {
            Self::Rejected(rejection) => to_status(rejection),
            Self::Overloaded { retry_after } => {
                let mut details = ErrorDetails::new();
                details.set_error_info(OVERLOADED, DOMAIN, HashMap::new());
                details.set_retry_info(Some(*retry_after));
                let text = "too much waits already, try again later";
                Status::with_error_details(Code::ResourceExhausted, text, details)
            }
            Self::FellBehind => Status::with_error_details(
                Code::OutOfRange,
                "the records that follow are not kept any more, take a snapshot",
                ErrorDetails::with_error_info(FELL_BEHIND, DOMAIN, HashMap::new()),
            ),
            Self::Leaving => Status::with_error_details(
                Code::Unavailable,
                "the daemon ends",
                ErrorDetails::with_error_info(LEAVING, DOMAIN, HashMap::new()),
            ),
            Self::Deadline => Status::deadline_exceeded("the deadline passed"),
        }
    }

    /// Reads the refusal out of a status; nothing when the status is no refusal of a daemon.
    #[must_use]
    pub fn of(status: &Status) -> Option<Self> {
        if let Some(info) = status
            .get_details_error_info()
            .filter(|i| i.domain == DOMAIN)
        {
            return match info.reason.as_str() {
                OVERLOADED => Some(Self::Overloaded {
                    retry_after: status
                        .get_details_retry_info()
                        .and_then(|retry| retry.retry_delay)
                        .unwrap_or(BUSY_RETRY),
                }),
                FELL_BEHIND => Some(Self::FellBehind),
                LEAVING => Some(Self::Leaving),
                _ => serde_json::from_str(info.metadata.get(REJECTION_KEY)?)
                    .ok()
                    .map(Self::Rejected),
            };
        }
        let expired = status.code() == Code::DeadlineExceeded
            || (status.code() == Code::Cancelled && status.message().contains("Timeout expired"));
        expired.then_some(Self::Deadline)
    }
}

/// Makes the status that carries a rejection.
#[must_use]
pub fn to_status(rejection: &Rejection) -> Status {
    let code = match rejection.kind() {
        RejectionKind::Usage => Code::InvalidArgument,
        RejectionKind::NotFound => Code::NotFound,
        RejectionKind::State | RejectionKind::Config => Code::FailedPrecondition,
        RejectionKind::Permission => Code::PermissionDenied,
        RejectionKind::Busy => Code::Unavailable,
    };
    let json = serde_json::to_string(rejection).expect("a rejection holds only texts and numbers");
    let metadata = HashMap::from([
        ("code".to_owned(), rejection.code().to_owned()),
        (REJECTION_KEY.to_owned(), json),
    ]);
    let mut details = ErrorDetails::with_error_info(rejection.reason(), DOMAIN, metadata);
    if let Rejection::BadText { field, why } = rejection {
        details.add_bad_request_violation(field, why);
    }
    if rejection.kind() == RejectionKind::Busy {
        details.set_retry_info(Some(BUSY_RETRY));
    }
    let text: String = rejection.to_string().chars().take(MAX_TEXT).collect();
    Status::with_error_details(code, text, details)
}

/// Reads a rejection out of a status, exactly as it went in.
#[must_use]
pub fn from_status(status: &Status) -> Option<Rejection> {
    match Refusal::of(status)? {
        Refusal::Rejected(rejection) => Some(rejection),
        Refusal::Overloaded { .. } | Refusal::FellBehind | Refusal::Leaving | Refusal::Deadline => {
            None
        }
    }
}
