//! A person's word that something is taken as it is.
//!
//! It holds for one commit: whatever is handed in after that is looked at anew. Of a gate that is a
//! command nobody can say it: what is on a target is green.

use serde::{Deserialize, Serialize};

use crate::{Actor, Guard, Timestamp};

/// What is taken as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Waived {
    /// What a gate of gtd's own found.
    Guard(Guard),
    /// A criterion that no record shows, by its words.
    Criterion(String),
}

impl Waived {
    /// Says what it is.
    #[must_use]
    pub fn told(&self) -> &str {
        match self {
            Self::Guard(guard) => guard.word(),
            Self::Criterion(text) => text,
        }
    }
}

/// A person's word that something is taken as it is, in one commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiver {
    /// What is taken as it is.
    pub what: Waived,
    /// Who says so.
    pub by: Actor,
    /// When.
    pub at: Timestamp,
    /// Why.
    pub why: String,
}

impl Waiver {
    /// Says who took it as it is, and why.
    #[must_use]
    pub fn told(&self) -> String {
        let word = match self.what {
            Waived::Guard(guard) if guard.asks() => "approved",
            Waived::Guard(_) | Waived::Criterion(_) => "waived",
        };
        format!("{word} by {}: {}", self.by, self.why)
    }
}
