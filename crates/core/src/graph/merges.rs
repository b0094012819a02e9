//! What a person's hand on the merges is now.

use super::Graph;
use crate::{
    Bead, BeadId, GateAsk, GateName, GateShown, Guard, GuardPolicy, GuardReport, HoldKind,
    MergeHold, Phase, Rig, RigName, Target, Timestamp, Waived,
};

impl Graph {
    /// Lists the holds on merges, those that are over by themselves included.
    pub fn holds(&self) -> impl Iterator<Item = &MergeHold> {
        self.facts.holds.iter()
    }

    /// Finds what holds back the merges of a rig at `now`.
    #[must_use]
    pub fn hold_of(&self, rig: &RigName, kind: HoldKind, now: Timestamp) -> Option<&MergeHold> {
        self.holds()
            .find(|hold| hold.rig == *rig && hold.kind == kind && hold.holds_at(now))
    }

    /// Finds what a gate of gtd's own found in what was handed in last, while it goes into no
    /// candidate without a person's yes.
    #[must_use]
    pub fn unapproved<'a>(&self, bead: &'a Bead) -> Option<&'a GuardReport> {
        let is_open = matches!(
            bead.phase,
            Phase::Submitted { .. } | Phase::Returned { .. } | Phase::Parked { .. }
        );
        let attempt = bead.attempt(bead.epoch).filter(|_| is_open)?;
        let head = attempt.head.as_ref()?;
        let rules = &self.rig(&bead.rig)?.rules.merge;
        let mut asking = Guard::ALL
            .into_iter()
            .filter(|guard| guard.asks() && rules.policy_of(*guard) == GuardPolicy::Block);
        asking.find_map(|guard| attempt.held_by(guard, head))
    }

    /// Forgets what was found by globs that are others now, and the yes that was given to that:
    /// what has not landed is looked at again.
    pub(super) fn look_again_at_paths(&mut self, rig: &RigName, protect: &[String]) {
        let is_as_it_was = |rig: &Rig| rig.rules.merge.protect == protect;
        if self.rig(rig).is_none_or(is_as_it_was) {
            return;
        }
        let was_looked_at = |bead: &&Bead| {
            let found = bead.attempts.iter().flat_map(|attempt| &attempt.guards);
            let mut found = found.map(|report| report.guard);
            bead.rig == *rig && !bead.phase.is_finished() && found.any(is_by_paths)
        };
        let beads: Vec<BeadId> = self
            .beads()
            .filter(was_looked_at)
            .map(|bead| bead.id.clone())
            .collect();
        for id in beads {
            self.change(&id, |bead| {
                for attempt in &mut bead.attempts {
                    attempt.guards.retain(|report| !is_by_paths(report.guard));
                    let is_yes =
                        |what: &Waived| matches!(what, Waived::Guard(guard) if is_by_paths(*guard));
                    attempt.waivers.retain(|waiver| !is_yes(&waiver.what));
                }
            });
        }
    }

    /// Lists what was handed in, target by target, in the order of the queues.
    pub fn submissions(&self) -> impl Iterator<Item = &Bead> {
        let targets = self.targets_with_submissions();
        targets.flat_map(|target| self.queued(&target).collect::<Vec<_>>())
    }

    /// Lists the submissions that wait for a person's yes.
    pub fn waiting_for_yes(&self) -> impl Iterator<Item = (&Bead, &GuardReport)> {
        self.submissions()
            .filter_map(|bead| Some((bead, self.unapproved(bead)?)))
    }

    /// Lists what a person put first in the queue of a target, in order.
    #[must_use]
    pub fn preferred(&self, target: &Target) -> &[BeadId] {
        self.queue(target).map_or(&[], |queue| &queue.first)
    }

    /// Lists the gates that a person asked for and nobody has answered yet, oldest first.
    pub fn gate_asks(&self) -> impl Iterator<Item = &GateAsk> {
        self.facts.gate_asks.values()
    }

    /// Finds a gate that a person asked for, by its number.
    #[must_use]
    pub fn gate_ask(&self, number: u64) -> Option<&GateAsk> {
        self.facts.gate_asks.get(&number)
    }

    /// Returns the number of the next gate that is asked for.
    #[must_use]
    pub fn next_gate_ask(&self) -> u64 {
        self.facts.gate_asks_made + 1
    }

    /// Lists what a gate showed, the newest last; only the last ones are kept.
    pub fn gate_history(&self, rig: &RigName, gate: &GateName) -> impl Iterator<Item = &GateShown> {
        let of_rig = self.facts.gates.get(rig);
        of_rig
            .and_then(|gates| gates.get(gate))
            .into_iter()
            .flatten()
    }
}

fn is_by_paths(guard: Guard) -> bool {
    guard == Guard::ProtectedPaths
}
