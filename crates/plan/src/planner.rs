//! The seam between deciding and doing.

use gtd_core::{Command, Graph, Observation, Timestamp};

use crate::{Effect, Question, Seen};

/// Decides what one role does next. No clock, no I/O, no event: only state.
pub trait Planner {
    /// Names the role.
    fn role(&self) -> &'static str;

    /// Asks what the hands must look at before a plan can be made.
    ///
    /// Asked again with the answers so far until nothing new is asked: what a
    /// target's tip is decides which merge is worth looking at.
    fn look(&self, graph: &Graph, seen: &Seen, now: Timestamp) -> Vec<Question>;

    /// Plans one pass. Looks for finished work first and begins new work second.
    fn plan(&self, graph: &Graph, seen: &Seen, now: Timestamp) -> Plan;
}

/// What one pass does, in order. A step that fails ends the pass; the next wake is the retry.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// The steps.
    pub steps: Vec<Step>,
    /// What `why` should know and the graph does not hold.
    pub observations: Vec<Observation>,
}

/// One step.
#[expect(clippy::large_enum_variant, reason = "a plan has few steps")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Tells the ledger.
    Tell(Command),
    /// Acts on the world, idempotently.
    Do(Effect),
}

impl Plan {
    /// Adds a word to the ledger.
    pub(crate) fn tell(&mut self, command: Command) {
        self.steps.push(Step::Tell(command));
    }

    /// Adds an act.
    pub(crate) fn act(&mut self, effect: Effect) {
        self.steps.push(Step::Do(effect));
    }
}
