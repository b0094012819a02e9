//! Which goals want a new plan for what is left of them.
//!
//! Nothing says so but the state of their beads: the attempts at one are spent,
//! and nothing else of the goal goes on. So whoever gives the bead new attempts,
//! or ends it, takes the wish back by that.

use super::Graph;
use crate::{
    Bead, BeadId, EdgeKind, Epoch, FaultClass, Need, Outcome, Phase, PlanState, Timestamp,
};

impl Graph {
    /// Lists the beads of a goal in whose place a new plan is to put others: their attempts are
    /// spent, nothing else of the goal goes on, and the rules let it be planned once more.
    #[must_use]
    pub fn to_replan(&self, id: &BeadId, now: Timestamp) -> Vec<&Bead> {
        if !self.may_replan(id, now) {
            return Vec::new();
        }
        let mut spent = Vec::new();
        for open in self.open_beads_of(id) {
            match &open.phase {
                phase if is_parked_as_spent(phase) => spent.push(open),
                Phase::Parked { .. } => {}
                phase if phase.is_open() && self.unmet_needs(open).next().is_some() => {}
                // It may tell more about what is left.
                _ => return Vec::new(),
            }
        }
        spent
    }

    /// Tells whether a new plan is to put others in the place of a bead, or waits for a person
    /// with them.
    #[must_use]
    pub fn is_replanned(&self, bead: &Bead, now: Timestamp) -> bool {
        let (Some(id), true) = (&bead.goal, is_parked_as_spent(&bead.phase)) else {
            return false;
        };
        let waits = self
            .goal(id)
            .is_some_and(|goal| goal.replan.contains(&bead.id));
        waits
            || self
                .to_replan(id, now)
                .iter()
                .any(|left| left.id == bead.id)
    }

    /// Tells whether a bead ended well, or another of its goal that ended well stands for it.
    #[must_use]
    pub fn is_settled_well(&self, bead: &Bead) -> bool {
        let is_cancelled = matches!(
            bead.phase,
            Phase::Closed {
                outcome: Outcome::Cancelled,
                ..
            }
        );
        bead.phase.is_good() || (is_cancelled && self.stand_ins(bead).next().is_some())
    }

    /// Lists the beads of the same goal that ended well and stand for this one.
    fn stand_ins<'a>(&'a self, bead: &'a Bead) -> impl Iterator<Item = &'a Bead> {
        let goal = bead.goal.as_ref().and_then(|goal| self.goal(goal));
        let beads = goal.into_iter().flat_map(|goal| &goal.beads);
        beads.filter_map(|id| self.bead(id)).filter(|other| {
            let stands = |need: &Need| need.kind == EdgeKind::Supersedes && need.on == bead.id;
            other.phase.is_good() && other.needs.iter().any(stands)
        })
    }

    /// Tells whether the rules let a goal be planned anew, whatever its beads do.
    fn may_replan(&self, id: &BeadId, now: Timestamp) -> bool {
        let (Some(bead), Some(goal)) = (self.bead(id), self.goal(id)) else {
            return false;
        };
        let Some(rig) = self.rig(&bead.rig) else {
            return false;
        };
        let rules = self.policy_of(bead).replans;
        // Whose plan an agent made has had an attempt at it.
        let is_given = bead.epoch == Epoch(0);
        goal.replans < rules.most
            && goal.plan == PlanState::Approved
            && goal.replan.is_empty()
            && !bead.phase.is_finished()
            && (rules.given || !is_given)
            && rig.rules.budget.plan != Some(0)
            && goal.until.is_none_or(|until| until > now)
    }
}

fn is_parked_as_spent(phase: &Phase) -> bool {
    matches!(phase, Phase::Parked { why } if why.class == FaultClass::Attempts)
}
