//! A question of an agent: what happens to it, and how far its answer is.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Epoch, RunId, SeatName, Timestamp};

/// What happens to a question of an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnQuestion {
    /// Its attempt waits for the answer, and is parked when none comes in time.
    #[default]
    Ask,
    /// Its attempt is parked when its turn has ended, and its seat is free.
    Park,
    /// It goes on with its best assumption.
    Assume,
}

/// What the policy of a rig says of questions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuestionRules {
    /// What happens to one.
    pub on: OnQuestion,
    /// How long an attempt waits for its answer, in milliseconds.
    pub wait_ms: u64,
}

impl Default for QuestionRules {
    fn default() -> Self {
        Self {
            on: OnQuestion::default(),
            wait_ms: 30 * 60_000,
        }
    }
}

impl QuestionRules {
    /// Tells whether they are what holds when nobody says otherwise.
    #[must_use]
    pub fn is_usual(&self) -> bool {
        *self == Self::default()
    }

    /// Returns how long an attempt waits for an answer before it is parked.
    #[must_use]
    pub fn wait(&self) -> Duration {
        match self.on {
            OnQuestion::Ask => Duration::from_millis(self.wait_ms),
            OnQuestion::Park | OnQuestion::Assume => Duration::ZERO,
        }
    }
}

/// A question that an agent asked in a session which can go on.
///
/// It is there from the question until the turn that begins with its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// The attempt that asked.
    pub epoch: Epoch,
    /// Its seat, in whose worktree the session is.
    pub seat: SeatName,
    /// The turn that asked, once it was seen to begin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    /// The question.
    pub text: String,
    /// When it was asked.
    pub since: Timestamp,
    /// How long the attempt waits for the answer; then it is parked.
    pub until: Timestamp,
    /// The answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
}

impl Asked {
    /// Questions that one attempt may have answered at most.
    pub const MOST: u32 = 10;
}
