//! `gtd report`: what happened, from the log and from nothing else.

mod cost;
mod look_at;
mod time;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use self::{
    cost::ReportCost,
    time::{ReportTime, WaitDoc},
};
use super::{
    Dollars, NeedsYou, View,
    bead::{landed_commit, state},
    needs_you,
    status::{ConvoyRow, convoy_row},
    timeline_doc,
};
use crate::{
    BeadId, CandidateId, Envelope, Event, Moment, Oid, Phase, Revision, Timestamp, Verdict,
    explain, explain::count,
};

/// One record of the log with its place.
pub type Recorded = (Revision, Envelope);

/// A bead that landed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LandedDoc {
    /// The bead.
    pub bead: BeadId,
    /// Its title.
    pub title: String,
    /// The commit on the target.
    pub commit: Oid,
    /// The candidate.
    pub merge: String,
    /// How often it was tried.
    pub attempts: u64,
    /// What went wrong before.
    pub note: String,
    /// When.
    pub at: Moment,
    /// What models used for it in the time of the report.
    #[serde(default)]
    pub usd: Dollars,
    /// Some of that is estimated.
    #[serde(default)]
    pub estimated: bool,
    /// The tokens of that, in and out.
    #[serde(default)]
    pub tokens: u64,
}

/// A bead that did not get there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotDoneDoc {
    /// The bead.
    pub bead: BeadId,
    /// Its title.
    pub title: String,
    /// Its state.
    pub state: String,
    /// The reason's code, or how it ended.
    pub reason: String,
    /// In words.
    pub text: String,
}

/// What was claimed and what was proven.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ProofDoc {
    /// Times that an agent said done.
    pub claimed: usize,
    /// Candidates whose gates were green at once.
    pub gates_green: usize,
    /// Candidates that were red.
    pub gates_red: usize,
    /// Beads that landed.
    pub landed: usize,
    /// Closed well without a change.
    pub no_op: usize,
    /// Submissions sent back.
    pub sent_back: usize,
    /// Attempts that failed before they were handed in.
    pub failed_attempts: usize,
    /// The last landed commits, newest last, by target.
    pub last_commits: Vec<String>,
    /// Foreign moves of a target.
    pub foreign_moves: usize,
    /// The final gates and checks of the goals that ended.
    pub final_gates: Vec<String>,
    /// What should be true at the end of goals that were reached, and no command looks at.
    #[serde(default)]
    pub unverified: Vec<String>,
}

/// The report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportDoc {
    /// From.
    pub since: Moment,
    /// To.
    pub until: Moment,
    /// One line that says how it went.
    pub outcome: String,
    /// The goals.
    pub convoys: Vec<ConvoyRow>,
    /// What needs a person.
    pub needs_you: Vec<NeedsYou>,
    /// What landed.
    pub landed: Vec<LandedDoc>,
    /// Closed well without a change.
    pub no_op: Vec<BeadId>,
    /// What did not get there.
    pub not_done: Vec<NotDoneDoc>,
    /// Claims and proof.
    pub proof: ProofDoc,
    /// What a person should look at.
    pub look_at: Vec<String>,
    /// Where the time went.
    #[serde(default)]
    pub time: ReportTime,
    /// What models used.
    #[serde(default)]
    pub cost: ReportCost,
    /// Commands.
    pub next: Vec<String>,
}

/// Makes the report of what happened from `since` on, for one goal or for all.
///
/// The log may begin earlier: as early as the beads that are open then, so that it can be told how
/// long they waited.
#[must_use]
pub fn report_doc(
    view: View<'_>,
    log: &[Recorded],
    goal: Option<&BeadId>,
    since: Timestamp,
) -> ReportDoc {
    let graph = view.graph;
    let wanted = |id: &BeadId| {
        goal.is_none_or(|goal| {
            id == goal
                || graph
                    .bead(id)
                    .is_some_and(|bead| bead.goal.as_ref() == Some(goal))
        })
    };
    let mut landed: Vec<LandedDoc> = Vec::new();
    let mut no_op: Vec<BeadId> = Vec::new();
    let mut proof = ProofDoc::default();
    let mut look_at = Vec::new();
    let mut goals: Vec<BeadId> = Vec::new();
    let mut targets = BTreeMap::new();
    let carried = carried(log);
    let is_about = |candidate: &CandidateId| {
        let members = carried.get(candidate).into_iter().flatten();
        goal.is_none() || members.copied().any(wanted)
    };
    for (_, record) in log.iter().filter(|(_, record)| record.at >= since) {
        match &record.event {
            Event::GoalOpened { bead, .. } if wanted(&bead.id) => goals.push(bead.id.clone()),
            Event::WorkSubmitted { bead, .. } if wanted(bead) => proof.claimed += 1,
            Event::WorkReturned { bead, .. } | Event::LeaseExpired { bead, .. } if wanted(bead) => {
                proof.failed_attempts += 1;
            }
            Event::SubmissionReturned { bead, .. } if wanted(bead) => proof.sent_back += 1,
            Event::WorkClosed { bead, .. } if wanted(bead) => {
                proof.no_op += 1;
                no_op.push(bead.clone());
            }
            Event::CandidateJudged {
                candidate, verdict, ..
            } if is_about(candidate) => match verdict {
                Verdict::Passed => proof.gates_green += 1,
                Verdict::Failed => proof.gates_red += 1,
                Verdict::Infra => {}
            },
            Event::CandidateLanded { candidate, .. } => {
                for bead in graph
                    .beads_of_candidate(candidate)
                    .filter(|b| wanted(&b.id))
                {
                    let Some(commit) = landed_commit(bead) else {
                        continue;
                    };
                    if let Some(target) = graph.target_of(bead) {
                        targets.insert(target.short_ref().to_owned(), commit.clone());
                    }
                    landed.push(LandedDoc {
                        bead: bead.id.clone(),
                        title: bead.spec.title.clone(),
                        commit,
                        merge: candidate.to_string(),
                        attempts: bead.epoch.0,
                        note: bead
                            .attempts
                            .iter()
                            .rev()
                            .find_map(|attempt| attempt.fault.as_ref())
                            .map(|fault| fault.text.clone())
                            .unwrap_or_default(),
                        at: Moment(record.at),
                        usd: Dollars::default(),
                        estimated: false,
                        tokens: 0,
                    });
                }
            }
            Event::TargetMoved { target, from, to } if from.is_some() => {
                proof.foreign_moves += 1;
                look_at.push(format!(
                    "{} was moved to {} by somebody else",
                    target.short_ref(),
                    to.short()
                ));
            }
            Event::QueueHalted { halt, .. } => look_at.push(halt.text.clone()),
            Event::BreakerTripped { rig, goal, why } => match goal {
                None => look_at.push(format!("{rig} was paused: {why}")),
                Some(goal) if wanted(goal) => {
                    look_at.push(format!("{goal} was stopped by its policy: {why}"));
                }
                Some(_) => {}
            },
            Event::RoleDegraded { role, why } => {
                look_at.push(format!("role {role} kept failing: {why}"));
            }
            Event::GoalClosed {
                goal,
                proof: runs,
                outcome,
                ..
            } if wanted(goal) => {
                if outcome.is_good() {
                    proof.unverified.extend(unverified(graph, goal));
                }
                proof.final_gates.extend(
                    runs.iter()
                        .map(|run| format!("{} {}", run.gate, verdict_word(&run.verdict))),
                );
            }
            _ => {}
        }
    }
    proof.landed = landed.len();
    proof.last_commits = targets
        .into_iter()
        .map(|(branch, commit)| format!("{branch} {commit}"))
        .collect();
    if let Some(goal) = goal
        && !goals.contains(goal)
    {
        goals.push(goal.clone());
    }
    for (id, _) in graph.open_goals() {
        if wanted(id) && !goals.contains(id) {
            goals.push(id.clone());
        }
    }
    let convoys: Vec<ConvoyRow> = goals
        .iter()
        .filter_map(|id| Some(convoy_row(view, graph.bead(id)?, graph.goal(id)?)))
        .collect();
    let not_done = not_done(view, &goals, goal.is_none());
    let total: usize = convoys.iter().map(|row| row.total).sum();
    let done: usize = convoys.iter().map(|row| row.done).sum();
    let needs = needs_you(view, None)
        .into_iter()
        .filter(|item| {
            crate::BeadId::parse(&item.subject)
                .map_or(true, |id| graph.bead(&id).is_none() || wanted(&id))
        })
        .collect::<Vec<_>>();
    let mut next = Vec::new();
    if let Some(first) = needs.first() {
        next.push(first.next.clone());
    }
    for row in &convoys {
        if row.home.is_some() {
            next.push(format!("gtd convoy land {}", row.id));
        }
    }
    let mut look_at = counted(look_at);
    look_at.extend(look_at::notable(log, since, wanted));
    let time = time::time(&timeline_doc(view, log, wanted, since));
    let cost = cost::cost(view, log, since, landed.len(), wanted);
    cost::price(&mut landed, &cost.by_bead);
    ReportDoc {
        since: Moment(since),
        until: Moment(view.now),
        outcome: if total == 0 {
            "nothing was asked for".to_owned()
        } else {
            let needs = match needs.len() {
                0 => "nothing needs you".to_owned(),
                1 => "1 needs you".to_owned(),
                n => format!("{n} need you"),
            };
            format!(
                "{done} of {} done, {} landed, {needs}",
                count(total, "bead"),
                landed.len(),
            )
        },
        convoys,
        needs_you: needs,
        landed,
        no_op,
        not_done,
        proof,
        look_at,
        time,
        cost,
        next,
    }
}

/// Tells for each candidate which beads it carries.
fn carried(log: &[Recorded]) -> BTreeMap<&CandidateId, Vec<&BeadId>> {
    let formed = log.iter().filter_map(|(_, record)| match &record.event {
        Event::CandidateFormed { candidate } => Some(candidate),
        _ => None,
    });
    formed
        .map(|candidate| {
            let members = candidate.members.iter().map(|member| &member.bead);
            (&candidate.id, members.collect())
        })
        .collect()
}

/// Lists the criteria of a goal that no command looks at.
fn unverified(graph: &crate::Graph, goal: &BeadId) -> Vec<String> {
    let acceptance = graph
        .bead(goal)
        .into_iter()
        .flat_map(|bead| &bead.spec.acceptance);
    acceptance
        .filter(|criterion| criterion.check.is_none())
        .map(|criterion| format!("{goal} {}", criterion.text))
        .collect()
}

fn verdict_word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Passed => "passed",
        Verdict::Failed => "failed",
        Verdict::Infra => "could not run",
    }
}

/// Tells what came several times once, with how often.
fn counted(texts: Vec<String>) -> Vec<String> {
    let mut counted: Vec<(String, usize)> = Vec::new();
    for text in texts {
        match counted.iter_mut().find(|(told, _)| *told == text) {
            Some((_, times)) => *times += 1,
            None => counted.push((text, 1)),
        }
    }
    let told = counted.into_iter().map(|(text, times)| match times {
        1 => text,
        times => format!("{text} ({times} times)"),
    });
    told.collect()
}

fn not_done(view: View<'_>, goals: &[BeadId], with_loose: bool) -> Vec<NotDoneDoc> {
    let graph = view.graph;
    let of_goals = goals
        .iter()
        .filter_map(|id| graph.goal(id))
        .flat_map(|goal| goal.beads.iter())
        .filter_map(|id| graph.bead(id));
    let loose = graph
        .unfinished()
        .filter(|bead| with_loose && bead.goal.is_none() && graph.goal(&bead.id).is_none());
    of_goals
        .chain(loose)
        .filter(|bead| !graph.is_settled_well(bead))
        .map(|bead| {
            let why = explain(graph, view.observations, &bead.id, view.now);
            let cause = why.as_ref().and_then(|why| why.chain.first());
            let ended = match &bead.phase {
                Phase::Closed { why, .. } => why.clone(),
                _ => String::new(),
            };
            NotDoneDoc {
                bead: bead.id.clone(),
                title: bead.spec.title.clone(),
                state: state(view, bead),
                reason: cause
                    .map_or_else(|| state(view, bead), |cause| cause.code.code().to_owned()),
                text: cause.map_or(ended, |cause| cause.text.clone()),
            }
        })
        .collect()
}
