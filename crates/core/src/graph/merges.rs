//! What a person's hand on the merges is now.

use super::Graph;
use crate::{
    BeadId, GateAsk, GateName, GateShown, HoldKind, MergeHold, RigName, Target, Timestamp,
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
