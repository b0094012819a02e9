//! The word for how far something is, computed for every surface in one place.

use serde::{Deserialize, Serialize};

use super::Graph;
use crate::{Bead, BeadType, Goal, Outcome, Phase, PlanState, Timestamp};

/// How far a bead is, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BeadState {
    /// Part of a plan that nobody approved yet.
    Draft,
    /// Could begin now.
    Ready,
    /// Waits for something.
    Waiting,
    /// Somebody works on it.
    Running,
    /// Handed in; its gates have not begun.
    Submitted,
    /// In the candidate that is in test.
    Queued,
    /// On the target, proven.
    Landed,
    /// Ended well without a landing.
    Closed,
    /// Needs a person.
    Parked,
    /// Cannot be done.
    Failed,
    /// Not wanted any more.
    Cancelled,
}

impl BeadState {
    /// Every state with its word.
    pub const WORDS: [(&'static str, Self); 11] = [
        ("draft", Self::Draft),
        ("ready", Self::Ready),
        ("waiting", Self::Waiting),
        ("running", Self::Running),
        ("submitted", Self::Submitted),
        ("queued", Self::Queued),
        ("landed", Self::Landed),
        ("closed", Self::Closed),
        ("parked", Self::Parked),
        ("failed", Self::Failed),
        ("cancelled", Self::Cancelled),
    ];

    /// Tells whether a bead in this state has ended, well or not.
    #[must_use]
    pub fn is_finished(self) -> bool {
        matches!(
            self,
            Self::Landed | Self::Closed | Self::Failed | Self::Cancelled
        )
    }

    /// Returns the word.
    #[must_use]
    pub fn word(self) -> &'static str {
        Self::WORDS
            .iter()
            .find(|(_, state)| *state == self)
            .map_or("unknown", |(word, _)| word)
    }
}

/// How far a goal is, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GoalState {
    /// The mayor makes the plan.
    Planning,
    /// The plan waits for a person.
    Draft,
    /// Beads are worked on.
    Running,
    /// Nothing can move without a person.
    NeedsYou,
    /// All beads ended well.
    Closed,
    /// The goal was not reached.
    Failed,
    /// Not wanted any more.
    Cancelled,
}

impl GoalState {
    /// Returns the word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Planning => "planning",
            Self::Draft => "draft",
            Self::Running => "running",
            Self::NeedsYou => "needs_you",
            Self::Closed => "closed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

impl Graph {
    /// Returns the state of a bead.
    #[must_use]
    pub fn state_of(&self, bead: &Bead, now: Timestamp) -> BeadState {
        match &bead.phase {
            Phase::Draft => BeadState::Draft,
            Phase::Leased(_) => BeadState::Running,
            Phase::Submitted { .. } => {
                let in_test = self
                    .target_of(bead)
                    .and_then(|target| self.queue(&target)?.candidate.as_ref())
                    .is_some_and(|candidate| {
                        candidate
                            .members
                            .iter()
                            .any(|member| member.bead == bead.id)
                    });
                if in_test {
                    BeadState::Queued
                } else {
                    BeadState::Submitted
                }
            }
            Phase::Landed { .. } => BeadState::Landed,
            Phase::Parked { .. } => BeadState::Parked,
            Phase::Closed { outcome, .. } => match outcome {
                Outcome::Done | Outcome::NoOp | Outcome::Duplicate { .. } => BeadState::Closed,
                Outcome::Cancelled => BeadState::Cancelled,
                Outcome::Failed => BeadState::Failed,
            },
            Phase::Open | Phase::Returned { .. } => {
                if bead.spec.kind == BeadType::Goal {
                    return BeadState::Running;
                }
                if self.is_ready(bead, now)
                    && self.pause_of(bead).is_none()
                    && self.stop().is_none()
                    && !self.is_runtime_held(bead, now)
                {
                    BeadState::Ready
                } else {
                    BeadState::Waiting
                }
            }
        }
    }

    /// Returns the state of a goal; `stands_still` says that nothing of it can move without a person.
    #[must_use]
    pub fn goal_state(&self, bead: &Bead, goal: &Goal, stands_still: bool) -> GoalState {
        match &bead.phase {
            Phase::Closed { outcome, .. } => match outcome {
                Outcome::Cancelled => GoalState::Cancelled,
                Outcome::Failed => GoalState::Failed,
                _ => GoalState::Closed,
            },
            _ => match goal.plan {
                PlanState::Wanted if stands_still => GoalState::NeedsYou,
                PlanState::Wanted => GoalState::Planning,
                PlanState::Proposed => GoalState::Draft,
                PlanState::Approved if !goal.replan.is_empty() => GoalState::Draft,
                PlanState::Approved if stands_still => GoalState::NeedsYou,
                PlanState::Approved => GoalState::Running,
            },
        }
    }
}
