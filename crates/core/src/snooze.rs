//! A decision that a person does not want to see for a while.
//!
//! Nothing is answered by it: what waits goes on waiting, and is counted. It is
//! seen again when the time is over, and at once when the matter is a new one.

use serde::{Deserialize, Serialize};

use crate::{Actor, Timestamp};

/// A decision that is out of sight until a moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snooze {
    /// The kind of the decision, such as `question`.
    pub kind: String,
    /// What it is about, as the inbox names it.
    pub subject: String,
    /// Who does not want to see it.
    pub by: Actor,
    /// Since when.
    pub at: Timestamp,
    /// Until when.
    pub until: Timestamp,
}

impl Snooze {
    /// Tells whether it is about a decision.
    #[must_use]
    pub fn is_about(&self, kind: &str, subject: &str) -> bool {
        self.kind == kind && self.subject == subject
    }

    /// Tells whether it hides what has waited since `since`: not what came up after it.
    #[must_use]
    pub fn hides(&self, since: Timestamp, now: Timestamp) -> bool {
        since <= self.at && now < self.until
    }
}
