//! How many beads are how far: kept with every change, never counted at a read.
//!
//! A phase is a fact, so its number can be kept. Ready and queued hang on the
//! moment, on pauses and on the candidate in test as well; they are worked out
//! of the few things that can make the difference.

use std::collections::{BTreeMap, BTreeSet};

use super::{BeadState, Graph};
use crate::{Bead, BeadId, Outcome, PauseScope, Phase, RigName, Timestamp};

/// How many beads are in each phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Part of a plan that nobody approved yet.
    pub draft: usize,
    /// Wait for their turn, whatever holds them back.
    pub open: usize,
    /// At work.
    pub leased: usize,
    /// Handed in.
    pub submitted: usize,
    /// Set aside.
    pub parked: usize,
    /// On the target.
    pub landed: usize,
    /// Ended well without a landing.
    pub closed: usize,
    /// Ended badly.
    pub failed: usize,
    /// Not wanted any more.
    pub cancelled: usize,
}

impl Tally {
    pub(super) fn add(&mut self, phase: &Phase) {
        *self.of(phase) += 1;
    }

    pub(super) fn subtract(&mut self, phase: &Phase) {
        *self.of(phase) -= 1;
    }

    fn of(&mut self, phase: &Phase) -> &mut usize {
        match phase {
            Phase::Draft => &mut self.draft,
            Phase::Open | Phase::Returned { .. } => &mut self.open,
            Phase::Leased(_) => &mut self.leased,
            Phase::Submitted { .. } => &mut self.submitted,
            Phase::Parked { .. } => &mut self.parked,
            Phase::Landed { .. } => &mut self.landed,
            Phase::Closed { outcome, .. } => match outcome {
                Outcome::Done | Outcome::NoOp | Outcome::Duplicate { .. } => &mut self.closed,
                Outcome::Failed => &mut self.failed,
                Outcome::Cancelled => &mut self.cancelled,
            },
        }
    }

    /// Counts all.
    #[must_use]
    pub fn total(&self) -> usize {
        self.unfinished() + self.landed + self.closed + self.failed + self.cancelled
    }

    /// Counts those that have not ended.
    #[must_use]
    pub fn unfinished(&self) -> usize {
        self.draft + self.open + self.leased + self.submitted + self.parked
    }
}

impl Graph {
    /// Counts the beads of a goal by phase.
    #[must_use]
    pub fn tally_of_goal(&self, goal: &BeadId) -> Tally {
        self.index.of_goal.get(goal).copied().unwrap_or_default()
    }

    /// Counts what has not ended, by state: of one rig, or of all. Goals are not counted.
    #[must_use]
    pub fn counts(&self, rig: Option<&RigName>, now: Timestamp) -> BTreeMap<BeadState, usize> {
        let mut counts = BTreeMap::new();
        let is_shown = |name: &RigName| rig.is_none_or(|rig| rig == name);
        for (name, tally) in self.index.of_rig.iter().filter(|(name, _)| is_shown(name)) {
            let ready = self.n_ready(name, now);
            for (state, n) in [
                (BeadState::Draft, tally.draft),
                (BeadState::Ready, ready),
                (BeadState::Waiting, tally.open - ready),
                (BeadState::Running, tally.leased),
                (BeadState::Submitted, tally.submitted),
                (BeadState::Parked, tally.parked),
            ] {
                *counts.entry(state).or_default() += n;
            }
        }
        let in_test = self.queues().filter_map(|queue| queue.candidate.as_ref());
        for member in in_test.flat_map(|candidate| &candidate.members) {
            let queued = self.bead(&member.bead).is_some_and(|bead| {
                is_shown(&bead.rig) && self.state_of(bead, now) == BeadState::Queued
            });
            if queued {
                *counts.entry(BeadState::Submitted).or_default() -= 1;
                *counts.entry(BeadState::Queued).or_default() += 1;
            }
        }
        counts.retain(|_, n| *n > 0);
        counts
    }

    /// Counts the beads of a rig whose state is ready: those without a need, a wait or a pause.
    fn n_ready(&self, rig: &RigName, now: Timestamp) -> usize {
        let holds_all = |scope: &PauseScope| match scope {
            PauseScope::Town => true,
            PauseScope::Rig(name) => name == rig,
            PauseScope::Bead(_) | PauseScope::Role(_) | PauseScope::Runtime(_) => false,
        };
        let is_revoked = self.revoked(rig).is_some();
        if is_revoked
            || self.stop().is_some()
            || self.pauses().iter().any(|pause| holds_all(&pause.scope))
        {
            return 0;
        }
        let listed = self.n_listed_ready(rig, now);
        if listed == 0 {
            return 0;
        }
        let mut held: BTreeSet<&BeadId> = self
            .held_one_by_one(now)
            .filter(|bead| bead.rig == *rig && self.is_listed_ready(bead, now))
            .map(|bead| &bead.id)
            .collect();
        let runtimes = self.held_runtimes(now);
        if !runtimes.is_empty() {
            // Only while nothing begins with some runtime are the beads themselves looked at.
            let waits = |bead: &&Bead| bead.wished_runtime().is_some_and(|r| runtimes.contains(r));
            held.extend(self.hirable(rig, now).filter(waits).map(|bead| &bead.id));
        }
        listed - held.len()
    }

    /// Lists the beads that a pause of their own or of their goal holds back, and those whose
    /// goal's time is over. One may come twice.
    fn held_one_by_one(&self, now: Timestamp) -> impl Iterator<Item = &Bead> {
        let paused = self.pauses().iter().filter_map(|pause| match &pause.scope {
            PauseScope::Bead(id) => Some(id),
            PauseScope::Town
            | PauseScope::Rig(_)
            | PauseScope::Role(_)
            | PauseScope::Runtime(_) => None,
        });
        let over = self
            .open_goals()
            .filter(move |(_, goal)| goal.until.is_some_and(|until| until <= now))
            .map(|(id, _)| id);
        paused
            .chain(over)
            .flat_map(|id| self.open_beads_of(id).chain(self.bead(id)))
    }
}
