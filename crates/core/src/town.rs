//! The rest of a town's state: goals, seats, candidates, queues, pauses, mail.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    Actor, Approval, BeadId, CandidateId, ContextUse, Epoch, GateName, GateRun, HostName, Oid,
    QueueMemory, RigName, RunId, Target, Timestamp, Verdict,
};

/// What is special about a goal, beside its bead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Goal {
    /// Where its work lands.
    pub target: Target,
    /// Seats at most for this goal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<u32>,
    /// No new attempt begins after this moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// How far its plan is.
    pub plan: PlanState,
    /// Whether the plan that the mayor makes waits for a person.
    #[serde(default, skip_serializing_if = "Approval::is_not_needed")]
    pub approval: Approval,
    /// How often what is left of it was planned anew, or given up to be.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub replans: u32,
    /// The beads in whose place a new plan would put its drafts, while it waits for a person.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replan: Vec<BeadId>,
    /// Failed attempts at its beads in a row, without one success.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub failures: u32,
    /// When its policy stopped it last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<Timestamp>,
    /// The beads that answer it, in the order of the plan.
    #[serde(default)]
    pub beads: Vec<BeadId>,
    /// What was run on the target at the end.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub proof: Vec<GateRun>,
    /// A person's wish to bring the integration branch further.
    #[serde(default)]
    pub landing: Landing,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// How far the plan of a goal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlanState {
    /// The mayor has to make one.
    Wanted,
    /// Waits for a person.
    Proposed,
    /// May begin.
    Approved,
}

/// How far a person's wish to bring the integration branch further is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Landing {
    /// Nobody asked.
    #[default]
    Unasked,
    /// The refinery has to do it.
    Asked {
        /// Since when.
        since: Timestamp,
    },
    /// The branch is there now.
    Done {
        /// The commit.
        commit: Oid,
    },
    /// It could not be done.
    Refused {
        /// Why.
        why: String,
    },
}

/// A place for one agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seat {
    /// The rig that it works on.
    pub rig: RigName,
    /// The machine that it is on.
    pub host: HostName,
    /// The bead that it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bead: Option<BeadId>,
}

/// One submission inside a candidate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The bead.
    pub bead: BeadId,
    /// The epoch that handed it in.
    pub epoch: Epoch,
    /// The commit.
    pub head: Oid,
}

/// Ordered submissions put onto a base by the refinery, tested as one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// Its name.
    pub id: CandidateId,
    /// Where it is to land.
    pub target: Target,
    /// The tip that it stands on.
    pub base: Oid,
    /// The submissions, in order.
    pub members: Vec<Member>,
    /// The first-parent commit that would land.
    pub commit: Oid,
    /// The tree that the gates run on.
    pub tree: Oid,
    /// How often this base and these members were tried before.
    #[serde(default)]
    pub retry: u32,
    /// The gates' verdict, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// Each gate's run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gates: Vec<GateRun>,
    /// When it was formed.
    pub formed_at: Timestamp,
}

/// The merge queue of one target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Queue {
    /// The target.
    pub target: Target,
    /// Rises when a person restarts the queue, so that gates run anew.
    #[serde(default)]
    pub generation: u32,
    /// Where the refinery left the target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tip: Option<Oid>,
    /// The candidate in test.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub candidate: Option<Candidate>,
    /// Members of a red candidate, in order, that are still under suspicion.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub suspects: Vec<BeadId>,
    /// Submissions that a person put before all others, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub first: Vec<BeadId>,
    /// Gates that were green on the present tip.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub green: Vec<GateName>,
    /// Why it stands still.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub halt: Option<Halt>,
    /// Infrastructure failures in a row.
    #[serde(default)]
    pub infra: u32,
    /// How many candidates landed here.
    #[serde(default)]
    pub landings: u64,
    /// What it has learnt.
    #[serde(default, skip_serializing_if = "QueueMemory::is_empty")]
    pub memory: QueueMemory,
}

impl Queue {
    /// Tells whether a run showed something of exactly what a candidate would land: of its commit,
    /// or of another with the same tree.
    #[must_use]
    pub fn is_about(&self, candidate: &Candidate, run: &GateRun) -> bool {
        run.commit == candidate.commit || self.memory.knows(&candidate.tree, run)
    }

    /// Makes the empty queue of a target.
    #[must_use]
    pub fn new(target: Target) -> Self {
        Self {
            target,
            generation: 0,
            tip: None,
            candidate: None,
            suspects: Vec::new(),
            first: Vec::new(),
            green: Vec::new(),
            halt: None,
            infra: 0,
            landings: 0,
            memory: QueueMemory::default(),
        }
    }
}

/// Why a queue stands still until a person acts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Halt {
    /// The class.
    pub kind: HaltKind,
    /// The gate.
    pub gate: GateName,
    /// In words.
    pub text: String,
    /// The commit that shows it.
    pub commit: Oid,
    /// The run that shows it.
    pub run: RunId,
    /// Since when.
    pub since: Timestamp,
}

/// The classes of halts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HaltKind {
    /// The target fails a gate without us.
    MainRed,
    /// A gate could not run.
    GateInfra,
}

/// What a pause holds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PauseScope {
    /// Everything.
    Town,
    /// One rig.
    Rig(RigName),
    /// One goal or bead.
    Bead(BeadId),
    /// One role.
    Role(crate::RoleName),
    /// One runtime.
    Runtime(crate::RuntimeName),
}

impl PauseScope {
    /// Returns what a breaker pauses: a goal, or the whole rig.
    #[must_use]
    pub fn of_breaker(rig: &RigName, goal: Option<&BeadId>) -> Self {
        match goal {
            Some(goal) => Self::Bead(goal.clone()),
            None => Self::Rig(rig.clone()),
        }
    }
}

/// A pause in effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// What is paused.
    pub scope: PauseScope,
    /// Who paused it.
    pub by: Actor,
    /// Since when.
    pub since: Timestamp,
    /// Why.
    pub why: String,
}

/// A stop of everything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stop {
    /// Who stopped it.
    pub by: Actor,
    /// Since when.
    pub since: Timestamp,
    /// Why.
    pub why: String,
}

/// A durable message between roles, agents and people: words for a reader, never control flow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailItem {
    /// Its number.
    pub number: u64,
    /// The sender.
    pub from: Actor,
    /// The reader: a role, a seat, a login name.
    pub to: String,
    /// The thread's first message, when it answers one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<u64>,
    /// The words.
    pub text: String,
    /// When.
    pub at: Timestamp,
    /// Whether the reader has read it.
    #[serde(default)]
    pub acked: bool,
}

/// What was used of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens in, without cached ones.
    pub input: u64,
    /// Tokens out.
    pub output: u64,
    /// Tokens read from the cache.
    pub cache_read: u64,
    /// Tokens written to the cache.
    pub cache_write: u64,
    /// Millionths of a dollar, where the program names a price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usd_micros: Option<u64>,
}

impl Usage {
    /// Returns what was used since `before`; nothing is ever given back.
    #[must_use]
    pub fn since(&self, before: &Self) -> Self {
        Self {
            input: self.input.saturating_sub(before.input),
            output: self.output.saturating_sub(before.output),
            cache_read: self.cache_read.saturating_sub(before.cache_read),
            cache_write: self.cache_write.saturating_sub(before.cache_write),
            usd_micros: self
                .usd_micros
                .map(|usd| usd.saturating_sub(before.usd_micros.unwrap_or(0))),
        }
    }

    /// Counts the tokens, whatever they are.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        self.input + self.output + self.cache_read + self.cache_write
    }

    /// Adds what another part used; a part without a price adds none.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        Self {
            input: self.input + other.input,
            output: self.output + other.output,
            cache_read: self.cache_read + other.cache_read,
            cache_write: self.cache_write + other.cache_write,
            usd_micros: match (self.usd_micros, other.usd_micros) {
                (None, None) => None,
                (one, two) => Some(one.unwrap_or(0) + two.unwrap_or(0)),
            },
        }
    }
}

/// What a run used of a model since its last record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageDelta {
    /// The run.
    pub run: RunId,
    /// The number of this record within the run; a repeat is not counted twice.
    pub sequence: u64,
    /// Tokens in, without cached ones.
    pub input: u64,
    /// Tokens out.
    pub output: u64,
    /// Tokens read from the cache.
    pub cache_read: u64,
    /// Tokens written to the cache.
    pub cache_write: u64,
    /// Millionths of a dollar.
    pub usd_micros: u64,
    /// The program named no price: these are prices of a list or of the configuration.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub estimated: bool,
    /// How full the context of its session was then, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<ContextUse>,
}

/// Something that needs a person and is no bead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Escalation {
    /// What it is about.
    pub about: String,
    /// In words.
    pub text: String,
    /// Since when.
    pub since: Timestamp,
}

/// An effect that failed and waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackOff {
    /// How often it failed in a row.
    pub failures: u32,
    /// Not before this moment.
    pub until: Timestamp,
    /// What it said.
    pub why: String,
}

impl BackOff {
    /// The longest wait.
    pub const MAX: Duration = Duration::from_mins(1);

    /// Tells whether the effect waits at `now`.
    ///
    /// Who would wait for longer than the longest wait was set back by a clock, and does not.
    #[must_use]
    pub fn waits_at(&self, now: Timestamp) -> bool {
        self.until > now && self.until <= now.plus(Self::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_set_back_makes_no_effect_wait_for_hours() {
        let now = Timestamp(10_000_000);
        let wait = |until: Timestamp| BackOff {
            failures: 3,
            until,
            why: "no space".to_owned(),
        };
        assert!(wait(now.plus(Duration::from_secs(8))).waits_at(now));
        assert!(!wait(now).waits_at(now));
        assert!(!wait(now.plus(Duration::from_hours(1))).waits_at(now));
    }
}
