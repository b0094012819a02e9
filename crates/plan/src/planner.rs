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

    /// Adds plans for matters that have nothing to do with each other.
    ///
    /// A step that fails ends the pass. What failed before therefore comes last, and what
    /// failed latest at the very end, so that it holds up nothing else.
    pub(crate) fn join(&mut self, graph: &Graph, mut parts: Vec<Self>) {
        let waits = |part: &Self| {
            let effects = part.steps.iter().filter_map(|step| match step {
                Step::Do(effect) => Some(graph.back_off(&effect.key())?.until),
                Step::Tell(_) => None,
            });
            effects.max()
        };
        parts.sort_by_cached_key(waits);
        for part in parts {
            self.steps.extend(part.steps);
            self.observations.extend(part.observations);
        }
    }
}
