//! The graph: everything that is true now, as the fold of the event log.
//!
//! Two parts: facts, which events set and snapshots keep, and an index, which
//! is derived from the facts and never stored. Planners read the index and
//! never scan all beads.

mod admission;
mod allowance;
mod apply;
mod change;
#[cfg(test)]
mod cost_tests;
mod crew;
mod cycle;
mod index;
mod merges;
mod metered;
mod money;
mod parts;
mod policy;
mod purse;
mod replan;
mod reviews;
mod runtimes;
mod schedules;
mod state;
mod tally;
mod tests_seen;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

pub use self::{
    admission::Admission,
    allowance::Allowance,
    index::ReadyKey,
    metered::Metered,
    money::Spent,
    parts::Frame,
    purse::Purse,
    reviews::Reviewing,
    state::{BeadState, GoalState},
    tally::Tally,
};
use crate::{
    BackOff, Bead, BeadId, CrewMember, Escalation, GateAsk, GateName, GateShown, Goal, MailItem,
    MergeHold, Pause, PauseScope, Queue, Revision, Rig, RigName, RoleName, Schedule, ScheduleName,
    Seat, SeatName, Snooze, Stop, Target,
};

/// Everything that is true now.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(from = "Facts")]
pub struct Graph {
    facts: Facts,
    index: index::Index,
    /// The beads that the last record changed.
    changed: Vec<BeadId>,
}

impl Serialize for Graph {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.facts.serialize(serializer)
    }
}

/// What events set and snapshots keep.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Facts {
    revision: Revision,
    ordinals: u64,
    #[serde(default)]
    rigs: BTreeMap<RigName, Rig>,
    #[serde(default)]
    beads: BTreeMap<BeadId, Arc<Bead>>,
    #[serde(default)]
    goals: BTreeMap<BeadId, Goal>,
    #[serde(default)]
    seats: BTreeMap<SeatName, Seat>,
    #[serde(default)]
    queues: BTreeMap<String, Queue>,
    #[serde(default)]
    pauses: Vec<Pause>,
    #[serde(default)]
    stop: Option<Stop>,
    #[serde(default)]
    mail: BTreeMap<u64, MailItem>,
    #[serde(default)]
    escalations: Vec<Escalation>,
    #[serde(default)]
    back_offs: BTreeMap<String, BackOff>,
    #[serde(default)]
    degraded: BTreeMap<RoleName, String>,
    #[serde(default)]
    streaks: BTreeMap<RigName, u32>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    holds: Vec<MergeHold>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    gate_asks: BTreeMap<u64, GateAsk>,
    #[serde(default, skip_serializing_if = "is_zero")]
    gate_asks_made: u64,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    gates: BTreeMap<RigName, BTreeMap<GateName, VecDeque<GateShown>>>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    tests: BTreeMap<RigName, BTreeMap<GateName, BTreeMap<String, crate::TestRecord>>>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    schedules: BTreeMap<RigName, BTreeMap<ScheduleName, Schedule>>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    crew: BTreeMap<SeatName, CrewMember>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    snoozes: Vec<Snooze>,
    #[serde(default)]
    usage: BTreeMap<crate::RunId, Metered>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    runtime_holds: BTreeMap<crate::RuntimeName, crate::RuntimeHold>,
    #[serde(default)]
    spend: Spend,
    #[serde(default)]
    money: money::Money,
}

impl Facts {
    fn bead(&self, id: &BeadId) -> Option<&Bead> {
        self.beads.get(id).map(Arc::as_ref)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// What models used, summed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Spend {
    /// Tokens in, cached ones included.
    pub input: u64,
    /// Tokens out.
    pub output: u64,
    /// Millionths of a dollar.
    pub usd_micros: u64,
    /// What of them is estimated.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub estimated_micros: u64,
}

impl From<Facts> for Graph {
    fn from(mut facts: Facts) -> Self {
        // Nearly all of them have ended, and what is read grows by halves and fours.
        for bead in facts.beads.values_mut().filter_map(Arc::get_mut) {
            bead.pack();
        }
        let index = index::Index::of(&facts);
        Self {
            facts,
            index,
            changed: Vec::new(),
        }
    }
}

impl PartialEq for Graph {
    fn eq(&self, other: &Self) -> bool {
        self.facts == other.facts
    }
}

impl Eq for Graph {}

impl Graph {
    /// Returns the revision of the last event in this graph.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.facts.revision
    }

    /// Finds a bead.
    #[must_use]
    pub fn bead(&self, id: &BeadId) -> Option<&Bead> {
        self.facts.bead(id)
    }

    /// Lists all beads, by id. For lists that a person asks for; no planner calls it.
    pub fn beads(&self) -> impl Iterator<Item = &Bead> {
        self.facts.beads.values().map(Arc::as_ref)
    }

    /// Lists all beads with an id behind `after`, by id.
    pub fn beads_after(&self, after: &str) -> impl Iterator<Item = &Bead> {
        let behind = (std::ops::Bound::Excluded(after), std::ops::Bound::Unbounded);
        self.facts
            .beads
            .range::<str, _>(behind)
            .map(|(_, bead)| bead.as_ref())
    }

    /// Counts all beads.
    #[must_use]
    pub fn n_beads(&self) -> usize {
        self.facts.beads.len()
    }

    /// Finds a goal.
    #[must_use]
    pub fn goal(&self, id: &BeadId) -> Option<&Goal> {
        self.facts.goals.get(id)
    }

    /// Lists all goals with an id behind `after`, by id.
    pub fn goals_after(&self, after: &str) -> impl Iterator<Item = (&BeadId, &Goal)> {
        let behind = (std::ops::Bound::Excluded(after), std::ops::Bound::Unbounded);
        self.facts.goals.range::<str, _>(behind)
    }

    /// Lists all goals with their ids, by id.
    pub fn goals(&self) -> impl Iterator<Item = (&BeadId, &Goal)> {
        self.facts.goals.iter()
    }

    /// Finds a rig.
    #[must_use]
    pub fn rig(&self, name: &RigName) -> Option<&Rig> {
        self.facts.rigs.get(name)
    }

    /// Lists all rigs, by name.
    pub fn rigs(&self) -> impl Iterator<Item = &Rig> {
        self.facts.rigs.values()
    }

    /// Lists all seats, by name.
    pub fn seats(&self) -> impl Iterator<Item = (&SeatName, &Seat)> {
        self.facts.seats.iter()
    }

    /// Finds a seat.
    #[must_use]
    pub fn seat(&self, name: &SeatName) -> Option<&Seat> {
        self.facts.seats.get(name)
    }

    /// Lists all merge queues.
    pub fn queues(&self) -> impl Iterator<Item = &Queue> {
        self.facts.queues.values()
    }

    /// Finds the merge queue of a target.
    #[must_use]
    pub fn queue(&self, target: &Target) -> Option<&Queue> {
        self.facts.queues.get(&target.key())
    }

    /// Returns the stop in effect.
    #[must_use]
    pub fn stop(&self) -> Option<&Stop> {
        self.facts.stop.as_ref()
    }

    /// Lists the pauses in effect.
    #[must_use]
    pub fn pauses(&self) -> &[Pause] {
        &self.facts.pauses
    }

    /// Lists what needs a person and is no bead.
    #[must_use]
    pub fn escalations(&self) -> &[Escalation] {
        &self.facts.escalations
    }

    /// Finds what a person put out of sight, whether or not its time is over.
    #[must_use]
    pub fn snooze_of(&self, kind: &str, subject: &str) -> Option<&Snooze> {
        self.facts
            .snoozes
            .iter()
            .find(|snooze| snooze.is_about(kind, subject))
    }

    /// Lists all messages, oldest first.
    pub fn mail(&self) -> impl Iterator<Item = &MailItem> {
        self.facts.mail.values()
    }

    /// Finds a message.
    #[must_use]
    pub fn mail_item(&self, number: u64) -> Option<&MailItem> {
        self.facts.mail.get(&number)
    }

    /// Returns the number of the next message.
    #[must_use]
    pub fn next_mail(&self) -> u64 {
        self.facts
            .mail
            .last_key_value()
            .map_or(0, |(last, _)| *last)
            + 1
    }

    /// Lists the effects that failed and wait, by key.
    pub fn back_offs(&self) -> impl Iterator<Item = (&String, &BackOff)> {
        self.facts.back_offs.iter()
    }

    /// Finds the wait of an effect.
    #[must_use]
    pub fn back_off(&self, key: &str) -> Option<&BackOff> {
        self.facts.back_offs.get(key)
    }

    /// Lists the roles that keep failing, with what each said last.
    pub fn degraded(&self) -> impl Iterator<Item = (&RoleName, &String)> {
        self.facts.degraded.iter()
    }

    /// Counts the failed attempts in a row on a rig.
    #[must_use]
    pub fn streak(&self, rig: &RigName) -> u32 {
        self.facts.streaks.get(rig).copied().unwrap_or(0)
    }

    /// Returns what models used, summed.
    #[must_use]
    pub fn spend(&self) -> Spend {
        self.facts.spend
    }

    /// Returns the target that a bead's work lands on: its goal's, else its rig's branch.
    #[must_use]
    pub fn target_of(&self, bead: &Bead) -> Option<Target> {
        if let Some(goal) = bead.goal.as_ref().and_then(|goal| self.goal(goal)) {
            return Some(goal.target.clone());
        }
        self.rig(&bead.rig).map(Rig::usual_target)
    }

    /// Finds the pause of a role by itself.
    #[must_use]
    pub fn pause_of_role(&self, role: &str) -> Option<&Pause> {
        self.facts
            .pauses
            .iter()
            .find(|pause| matches!(&pause.scope, PauseScope::Role(name) if name.as_str() == role))
    }

    /// Finds the pause that holds a bead back.
    #[must_use]
    pub fn pause_of(&self, bead: &Bead) -> Option<&Pause> {
        let paused = self.facts.pauses.iter().find(|pause| match &pause.scope {
            PauseScope::Town => true,
            PauseScope::Rig(rig) => *rig == bead.rig,
            PauseScope::Bead(id) => *id == bead.id || bead.goal.as_ref() == Some(id),
            PauseScope::Role(_) | PauseScope::Runtime(_) => false,
        });
        paused.or_else(|| self.revoked(&bead.rig))
    }

    /// Tells who does not trust a rig any more, and since when.
    #[must_use]
    pub fn revoked(&self, rig: &RigName) -> Option<&Pause> {
        self.rig(rig)?.revoked.as_ref()
    }

    /// Tells whether a role is paused by itself.
    #[must_use]
    pub fn is_role_paused(&self, role: &str) -> bool {
        self.pause_of_role(role).is_some()
    }

    /// Lists the beads that a candidate carried to its target.
    pub fn beads_of_candidate<'a>(
        &'a self,
        candidate: &'a crate::CandidateId,
    ) -> impl Iterator<Item = &'a Bead> {
        self.index
            .landed_by(candidate)
            .filter_map(|id| self.bead(id))
    }

    /// Finds the beads whose id begins with `prefix`, at most `limit`.
    #[must_use]
    pub fn beads_with_prefix(&self, prefix: &str, limit: usize) -> Vec<&Bead> {
        self.facts
            .beads
            .range::<str, _>((
                std::ops::Bound::Included(prefix),
                std::ops::Bound::Unbounded,
            ))
            .take_while(|(id, _)| id.as_str().starts_with(prefix))
            .take(limit)
            .map(|(_, bead)| bead.as_ref())
            .collect()
    }

    /// Tells whether the derived index equals one made anew from the facts.
    #[must_use]
    pub fn index_is_true(&self) -> bool {
        self.index == index::Index::of(&self.facts)
    }
}
