//! How a session whose context is full gives its work to a fresh one.
//!
//! A program keeps all that was said in its context, and grows worse and dearer as that fills up.
//! At a share of the window that the role says, its session is asked for a handover, and a
//! successor goes on with it: another session in the same worktree, under the same lease. It is
//! no other attempt.

use serde::{Deserialize, Serialize};

use crate::{RunId, Timestamp};

/// How full the context of a session is, in tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContextUse {
    /// What the last call of the model had before it.
    pub used: u64,
    /// What it can have before it at most.
    pub window: u64,
}

impl ContextUse {
    /// Returns the share that is used, in percent.
    #[must_use]
    pub fn percent(self) -> u64 {
        self.used
            .saturating_mul(100)
            .checked_div(self.window)
            .unwrap_or(0)
    }

    /// Says how full it is.
    #[must_use]
    pub fn told(self) -> String {
        format!("{} % of {} tokens", self.percent(), thousands(self.window))
    }
}

fn thousands(tokens: u64) -> String {
    match tokens {
        0..1_000 => tokens.to_string(),
        1_000..1_000_000 => format!("{}k", tokens / 1_000),
        _ if tokens % 1_000_000 < 100_000 => format!("{}M", tokens / 1_000_000),
        _ => format!("{}.{}M", tokens / 1_000_000, tokens % 1_000_000 / 100_000),
    }
}

/// What a session leaves to the one that goes on with its work.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Handover {
    /// What is done.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub done: Vec<String>,
    /// What is left to do, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left: Vec<String>,
    /// What was decided, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub decisions: Vec<String>,
    /// What did not work, and what to look out for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pitfalls: Vec<String>,
    /// The files that matter.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
    /// Why the session wrote none of this itself; empty when it did.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub missing: String,
    /// The end of what it said, where it wrote none of this itself.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub tail: String,
}

impl Handover {
    /// The longest that all of it may be together, in bytes.
    pub const LONGEST: usize = 32 * 1024;

    /// Returns its lists with what they are called.
    #[must_use]
    pub fn lists(&self) -> [(&'static str, &[String]); 5] {
        [
            ("Done", &self.done),
            ("Left to do", &self.left),
            ("Decided", &self.decisions),
            ("Pitfalls", &self.pitfalls),
            ("Files that matter", &self.files),
        ]
    }

    /// Says all of it, for people and for whoever goes on.
    #[must_use]
    pub fn told(&self) -> String {
        let lists = self.lists().into_iter();
        let said = lists.filter(|(_, list)| !list.is_empty());
        let said = said.map(|(name, list)| format!("{name}:\n- {}\n", list.join("\n- ")));
        let said: Vec<String> = said.collect();
        match self.missing.as_str() {
            "" => said.join("\n"),
            missing => format!("It wrote no handover: {missing}\n{}", self.tail),
        }
    }

    /// Counts its bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        let lists = self.lists().into_iter();
        let lists: usize = lists.flat_map(|(_, list)| list).map(String::len).sum();
        lists + self.missing.len() + self.tail.len()
    }

    /// Tells whether nothing is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// One change of sessions within an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refresh {
    /// The last turn of the session at its own work.
    pub run: RunId,
    /// How full its context was; none when the program itself said that it is full.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<ContextUse>,
    /// When the handover was asked for.
    pub since: Timestamp,
    /// The turn after which the successor begins, once there is something to begin with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<RunId>,
    /// What was handed over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handover: Option<Box<Handover>>,
}

impl Refresh {
    /// Changes of sessions within one attempt, at most.
    pub const MOST: usize = 3;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_full_a_context_is_is_said_in_a_few_words() {
        let told = |used, window| ContextUse { used, window }.told();
        assert_eq!(told(140_000, 200_000), "70 % of 200k tokens");
        assert_eq!(told(999, 1_000_000), "0 % of 1M tokens");
        assert_eq!(told(9, 1_250_000), "0 % of 1.2M tokens");
        assert_eq!(told(9, 0), "0 % of 0 tokens");
    }
}
