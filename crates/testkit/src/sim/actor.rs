//! One role actor, in steps between which anything may happen.
//!
//! The same pass as that of `gtd-host`: look until nothing new is asked, plan,
//! take the steps in order; a step that fails ends the pass, and the next wake
//! is the retry.

use std::collections::VecDeque;

use gtd_core::{Actor as Pen, BeadId, Epoch, Revision};
use gtd_plan::{Plan, Planner, Question, Seen};

/// Rounds of questions in one pass at most.
pub(super) const ROUNDS: usize = 32;
/// The longest wait of a role that has nothing at work, in milliseconds.
pub(super) const IDLE: u64 = 30_000;
/// The longest wait of a role that has something at work.
pub(super) const BUSY: u64 = 2_000;
/// The wait after a pass that failed, or that planned the same again.
pub(super) const AGAIN: u64 = 500;

/// One role actor.
pub(super) struct Role {
    pub(super) planner: Box<dyn Planner>,
    pub(super) pen: Pen,
    /// The lease that a worker works under.
    pub(super) lease: Option<(BeadId, Epoch)>,
    /// When it does its next step.
    pub(super) at: u64,
    pub(super) stage: Stage,
    /// The mirror that it looks through.
    pub(super) mirror: usize,
    pub(super) last_write: Revision,
    pub(super) last_plan: Option<Plan>,
    /// Whether something could not be seen in this pass.
    pub(super) is_blind: bool,
    /// The revision of its last pass without a step.
    pub(super) quiet_at: Option<Revision>,
    /// How often it planned the same while nothing changed, and what "nothing" is.
    pub(super) same: (u32, Revision, u64),
}

/// Where a role is in its pass.
pub(super) enum Stage {
    Asleep,
    Looking {
        seen: Seen,
        open: VecDeque<Question>,
        rounds: usize,
    },
    Taking {
        plan: Plan,
        next: usize,
    },
}

impl Role {
    pub(super) fn new(planner: Box<dyn Planner>, pen: Pen, at: u64, mirror: usize) -> Self {
        Self {
            planner,
            pen,
            lease: None,
            at,
            stage: Stage::Asleep,
            mirror,
            last_write: Revision(0),
            last_plan: None,
            is_blind: false,
            quiet_at: None,
            same: (0, Revision(0), 0),
        }
    }

    /// Wakes it, if it sleeps longer than until `at`.
    pub(super) fn wake(&mut self, at: u64) {
        if matches!(self.stage, Stage::Asleep) {
            self.at = self.at.min(at);
        }
    }
}
