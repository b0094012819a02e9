//! `gtd review`: what an attempt claims, and what is known to be so.
//!
//! Made from the graph and the log of the bead alone. What changed in the files
//! is not in the log: whoever has the repository adds it.

use serde::{Deserialize, Serialize};

use super::{AttemptDoc, ReasonDoc, Recorded, View, bead_doc, merge_of_bead};
use crate::{
    Attempt, Bead, BeadId, CandidateId, Epoch, Event, FaultClass, GateRun, Guard, GuardReport,
    Holder, Member, Moment, NextStep, Note, Oid, Phase, ReviewRecord, RigName, Target, Waiver,
    Weight,
};

/// One thing that must be true, and whether a record shows that it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CriterionSeen {
    /// The criterion in words.
    pub text: String,
    /// The command that proves it.
    pub check: Option<String>,
    /// Whether it was green for this attempt; none when no record tells.
    pub met: Option<bool>,
}

/// One run of a gate over the work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateSeen {
    /// The attempt.
    pub attempt: u64,
    /// The candidate that it ran on; none when a person asked for it.
    pub candidate: Option<CandidateId>,
    /// How many beads that candidate had.
    pub batch: usize,
    /// When it was recorded.
    pub at: Moment,
    /// What it showed.
    #[serde(flatten)]
    pub run: GateRun,
}

/// One attempt, as it is looked at before a decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewDoc {
    /// The bead.
    pub bead: BeadId,
    /// Its repository.
    pub rig: RigName,
    /// The goal.
    pub convoy: Option<BeadId>,
    /// Its title.
    pub title: String,
    /// Its state, in a word.
    pub state: String,
    /// Why it waits, while it does.
    pub reason: Option<ReasonDoc>,
    /// Where it lands.
    pub target: Option<Target>,
    /// The attempt that is looked at; none when nobody has worked on it.
    pub attempt: Option<u64>,
    /// Who worked.
    pub agent: Option<String>,
    /// What they say about it.
    pub claim: String,
    /// When it was handed in, or ended.
    pub ended_at: Option<Moment>,
    /// Its branch.
    pub branch: Option<String>,
    /// The commit that the work began from.
    pub base: Option<Oid>,
    /// The commit that was handed in.
    pub head: Option<Oid>,
    /// The commit on the target.
    pub landed: Option<Oid>,
    /// What must be true.
    pub acceptance: Vec<CriterionSeen>,
    /// What the gates said, oldest first.
    pub gates: Vec<GateSeen>,
    /// What gtd's own gates found in what was handed in.
    #[serde(default)]
    pub guards: Vec<GuardReport>,
    /// The gate of gtd's own whose findings keep it out of every candidate until a person says yes.
    #[serde(default)]
    pub unapproved: Option<Guard>,
    /// Whether it waits for a reviewer, in whose place a person may say yes.
    #[serde(default)]
    pub waits_for_reviewer: bool,
    /// What a person takes as it is in what was handed in.
    #[serde(default)]
    pub waivers: Vec<Waiver>,
    /// How much was handed in, and what of it is risky, where somebody has looked.
    #[serde(default)]
    pub weight: Option<Weight>,
    /// What reviewers said of it, oldest first.
    #[serde(default)]
    pub reviews: Vec<ReviewRecord>,
    /// Every try that is remembered.
    pub attempts: Vec<AttemptDoc>,
    /// Files that it may touch.
    pub scope: Vec<String>,
    /// Remarks.
    pub notes: Vec<Note>,
    /// Whether it stands in the merge queue.
    #[serde(default)]
    pub is_queued: bool,
    /// Whether `--approve` has something to say yes to.
    pub may_approve: bool,
    /// Whether it can be sent back with what is to be otherwise.
    pub may_send_back: bool,
    /// What one could do.
    pub next: Vec<NextStep>,
    /// The revision that this shows; a decision is bound to it.
    pub revision: u64,
}

/// Makes the review of a bead from its log, which begins no later than the bead.
#[must_use]
pub fn review_doc(view: View<'_>, bead: &Bead, log: &[Recorded]) -> ReviewDoc {
    let doc = bead_doc(view, bead);
    let attempt = looked_at(bead);
    let unapproved = view.graph.unapproved(bead).map(|report| report.guard);
    let is_queued = matches!(bead.phase, Phase::Submitted { .. });
    let may_approve = may_approve(view, bead) || (is_queued && unapproved.is_some());
    let may_send_back = may_send_back(view, bead);
    ReviewDoc {
        bead: bead.id.clone(),
        rig: bead.rig.clone(),
        convoy: bead.goal.clone(),
        title: doc.title,
        state: doc.state,
        reason: doc.reason,
        target: view.graph.target_of(bead),
        attempt: attempt.map(|attempt| attempt.epoch.0),
        agent: attempt.map(|attempt| attempt.holder.to_string()),
        claim: attempt.map_or_else(String::new, |attempt| attempt.summary.clone()),
        ended_at: attempt.and_then(|attempt| attempt.ended).map(Moment),
        branch: attempt.map(|attempt| format!("gtd/{}/e{}", bead.id, attempt.epoch)),
        base: attempt.and_then(|attempt| attempt.base.clone()),
        head: attempt.and_then(|attempt| attempt.head.clone()),
        landed: match &bead.phase {
            Phase::Landed { commit, .. } => Some(commit.clone()),
            _ => None,
        },
        acceptance: acceptance(bead, attempt, log),
        gates: gates(bead, log),
        unapproved,
        waits_for_reviewer: view.graph.reviewing(bead).is_waiting(),
        waivers: attempt.map_or_else(Vec::new, |attempt| attempt.waivers.clone()),
        guards: attempt.map_or_else(Vec::new, |attempt| attempt.guards.clone()),
        weight: attempt.and_then(|attempt| attempt.weight.as_deref().cloned()),
        reviews: attempt.map_or_else(Vec::new, |attempt| {
            ReviewRecord::of(view.graph, &bead.id, attempt)
        }),
        attempts: doc.attempts,
        scope: doc.scope,
        notes: doc.notes,
        is_queued,
        may_approve,
        may_send_back,
        next: next(view, bead, may_approve, may_send_back),
        revision: view.graph.revision().0,
    }
}

/// Chooses what is looked at: what was handed in last, else the last attempt.
fn looked_at(bead: &Bead) -> Option<&Attempt> {
    let handed_in = bead.attempts.iter().rev().find(|a| a.head.is_some());
    handed_in.or_else(|| bead.attempts.last())
}

/// Tells whether what was handed in last could be put into the queue as it is.
fn may_approve(view: View<'_>, bead: &Bead) -> bool {
    let last = bead.attempts.last();
    let is_handed_in = last.is_some_and(|a| a.epoch == bead.epoch && a.head.is_some());
    is_handed_in
        && match bead.phase {
            Phase::Returned { .. } | Phase::Parked { .. } => true,
            // In the place of a reviewer.
            Phase::Submitted { .. } => view.graph.reviewing(bead).is_waiting(),
            _ => false,
        }
}

fn may_send_back(view: View<'_>, bead: &Bead) -> bool {
    let goal = bead.goal.as_ref().and_then(|goal| view.graph.bead(goal));
    let goal_is_open = goal.is_none_or(|goal| !goal.phase.is_finished());
    !bead.attempts.is_empty()
        && match &bead.phase {
            Phase::Submitted { .. } | Phase::Returned { .. } | Phase::Parked { .. } => true,
            Phase::Closed { outcome, .. } => !outcome.is_good() && goal_is_open,
            Phase::Draft | Phase::Open | Phase::Leased(_) | Phase::Landed { .. } => false,
        }
}

fn next(view: View<'_>, bead: &Bead, may_approve: bool, may_send_back: bool) -> Vec<NextStep> {
    let id = &bead.id;
    let step = |cmd: String, text: &str| NextStep {
        cmd,
        text: text.to_owned(),
    };
    let mut next = Vec::new();
    if may_approve {
        next.push(step(
            format!("gtd review {id} --approve"),
            match view.graph.unapproved(bead) {
                Some(_) => "let what it changes through, and put it into the next candidate",
                None => "put it into the merge queue as it is",
            },
        ));
    }
    if may_send_back {
        next.push(step(
            format!("gtd review {id} --changes TEXT"),
            "send it back with what is to be otherwise",
        ));
    }
    if next.is_empty() {
        next.extend(merge_of_bead(view, bead).next);
    }
    next
}

/// Says of each criterion whether a record shows that it holds.
///
/// The worker of a seat hands in only what was green in all checks; somebody
/// outside of gtd says so themselves, which is no record.
fn acceptance(bead: &Bead, attempt: Option<&Attempt>, log: &[Recorded]) -> Vec<CriterionSeen> {
    let is_of_seat = attempt.is_some_and(|attempt| {
        log.iter().any(|(_, record)| match &record.event {
            Event::LeaseGranted { bead: of, lease } => {
                *of == bead.id
                    && lease.epoch == attempt.epoch
                    && matches!(lease.holder, Holder::Seat { .. })
            }
            _ => false,
        })
    });
    let red = attempt.and_then(|attempt| match &attempt.fault.as_ref()?.class {
        FaultClass::Check { criterion } => Some(criterion.as_str()),
        _ => None,
    });
    let is_handed_in = attempt.is_some_and(|attempt| attempt.head.is_some());
    let seen = bead.spec.acceptance.iter().map(|criterion| CriterionSeen {
        text: criterion.text.clone(),
        check: criterion.check.clone(),
        met: match (&criterion.check, red) {
            (None, _) => None,
            (Some(_), Some(red)) if red == criterion.text => Some(false),
            (Some(_), None) if is_of_seat && is_handed_in => Some(true),
            _ => None,
        },
    });
    seen.collect()
}

/// Lists what the gates said of the bead's work.
fn gates(bead: &Bead, log: &[Recorded]) -> Vec<GateSeen> {
    let mut formed: Vec<(&CandidateId, &[Member])> = Vec::new();
    let mut seen: Vec<GateSeen> = Vec::new();
    for (_, record) in log {
        let at = Moment(record.at);
        match &record.event {
            Event::CandidateFormed { candidate } => {
                formed.retain(|(id, _)| **id != candidate.id);
                formed.push((&candidate.id, &candidate.members));
            }
            Event::CandidateJudged {
                candidate, gates, ..
            } => {
                let Some((_, members)) = formed.iter().find(|(id, _)| *id == candidate) else {
                    continue;
                };
                let Some(member) = members.iter().find(|member| member.bead == bead.id) else {
                    continue;
                };
                seen.extend(gates.iter().map(|run| GateSeen {
                    attempt: member.epoch.0,
                    candidate: Some(candidate.clone()),
                    batch: members.len(),
                    at,
                    run: run.clone(),
                }));
            }
            Event::GateAnswered { ask, runs } if ask.bead.as_ref() == Some(&bead.id) => {
                let attempt = attempt_of(bead, &ask.commit);
                seen.extend(runs.iter().map(|run| GateSeen {
                    attempt: attempt.0,
                    candidate: None,
                    batch: 1,
                    at,
                    run: run.clone(),
                }));
            }
            _ => {}
        }
    }
    seen
}

fn attempt_of(bead: &Bead, commit: &Oid) -> Epoch {
    let attempt = bead.attempts.iter().rev();
    let mut made = attempt.filter(|attempt| attempt.head.as_ref() == Some(commit));
    made.next().map_or(bead.epoch, |attempt| attempt.epoch)
}
