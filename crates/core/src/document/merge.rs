//! `gtd merge`: what waits to be merged, in which order, and what its gates said.

use serde::{Deserialize, Serialize};

use super::{AttemptDoc, ReasonDoc, View, bead_doc};
use crate::{
    Bead, BeadId, Candidate, Evidence, GateRun, GuardReport, HoldKind, MergeHold, Moment, NextStep,
    Oid, Phase, Queue, ReviewRecord, RigName, Target, Verdict, Waiver, Weight, explain,
};

/// One submission in a merge queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MergeRow {
    /// The bead.
    pub bead: BeadId,
    /// The rig.
    pub rig: RigName,
    /// The title.
    pub title: String,
    /// Where it lands.
    pub branch: String,
    /// Its place in the queue, from 1; none when it is in none.
    pub position: Option<usize>,
    /// `in_test`, `proven`, `red`, `suspect`, `waiting`, `landed`, `returned`, or the bead's state.
    pub state: String,
    /// The candidate that holds it.
    pub candidate: Option<String>,
    /// How many submissions that candidate has.
    pub batch: usize,
    /// What was handed in, or what landed.
    pub commit: Option<Oid>,
    /// The tip that the candidate stands on.
    pub base: Option<Oid>,
    /// What the gates said of the candidate so far.
    pub gates: Vec<GateRun>,
    /// What gtd's own gates found in what was handed in last.
    #[serde(default)]
    pub guards: Vec<GuardReport>,
    /// What a person takes as it is in it.
    #[serde(default)]
    pub waivers: Vec<Waiver>,
    /// How much was handed in, and what of it is risky, where somebody has looked.
    #[serde(default)]
    pub weight: Option<Weight>,
    /// What reviewers said of it, oldest first.
    #[serde(default)]
    pub reviews: Vec<ReviewRecord>,
    /// How many attempts there were.
    pub attempts: usize,
    /// Why it waits.
    pub reason: Option<ReasonDoc>,
    /// Since when.
    pub since: Moment,
}

/// One or several submissions with all that is known of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MergeShownDoc {
    /// What was asked about.
    pub id: String,
    /// The submissions.
    pub members: Vec<MergeRow>,
    /// The attempts at the bead, when it is one.
    pub attempts: Vec<AttemptDoc>,
    /// What the landing is proven by; none before it, and for those of before evidence was kept.
    #[serde(default)]
    pub evidence: Option<Evidence>,
    /// What one could do.
    pub next: Vec<NextStep>,
}

/// A hold on the merges of a rig.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldDoc {
    /// What is held.
    pub kind: HoldKind,
    /// Who holds it.
    pub by: String,
    /// Why.
    pub why: String,
    /// Since when.
    pub since: Moment,
    /// When it ends by itself.
    pub until: Option<Moment>,
}

impl HoldDoc {
    fn of(hold: &MergeHold) -> Self {
        Self {
            kind: hold.kind,
            by: hold.by.to_string(),
            why: hold.why.clone(),
            since: Moment(hold.since),
            until: hold.until.map(Moment),
        }
    }
}

/// Lists what holds back the merges of a rig now.
pub(super) fn holds(view: View<'_>, rig: &RigName) -> Vec<HoldDoc> {
    view.graph
        .holds()
        .filter(|hold| hold.rig == *rig && hold.holds_at(view.now))
        .map(HoldDoc::of)
        .collect()
}

/// Lists what was handed in and has not landed, queue by queue, in merge order.
#[must_use]
pub fn merge_rows(view: View<'_>, rig: Option<&RigName>) -> Vec<MergeRow> {
    let targets = view.graph.targets_with_submissions();
    targets
        .filter(|target| rig.is_none_or(|rig| *rig == target.rig))
        .flat_map(|target| {
            let beads = view.graph.queued(&target);
            beads.map(|bead| row(view, bead)).collect::<Vec<_>>()
        })
        .collect()
}

/// Makes the document of one submission.
#[must_use]
pub fn merge_of_bead(view: View<'_>, bead: &Bead) -> MergeShownDoc {
    MergeShownDoc {
        id: bead.id.to_string(),
        members: vec![row(view, bead)],
        attempts: bead_doc(view, bead).attempts,
        evidence: None,
        next: next(view, bead),
    }
}

/// Makes the document of a candidate: in test, or landed; none when it is neither.
#[must_use]
pub fn merge_of_candidate(view: View<'_>, id: &str) -> Option<MergeShownDoc> {
    let id = crate::CandidateId::parse(id).ok()?;
    let in_test = view
        .graph
        .queues()
        .filter_map(|queue| queue.candidate.as_ref())
        .find(|candidate| candidate.id == id);
    let members: Vec<MergeRow> = match in_test {
        Some(candidate) => {
            let beads = candidate.members.iter();
            beads
                .filter_map(|member| view.graph.bead(&member.bead))
                .map(|bead| row(view, bead))
                .collect()
        }
        None => view
            .graph
            .beads_of_candidate(&id)
            .map(|bead| row(view, bead))
            .collect(),
    };
    let first = members.first().and_then(|row| view.graph.bead(&row.bead));
    Some(MergeShownDoc {
        id: id.to_string(),
        next: next(view, first?),
        members,
        attempts: Vec::new(),
        evidence: None,
    })
}

fn row(view: View<'_>, bead: &Bead) -> MergeRow {
    let target = view.graph.target_of(bead);
    let queue = target.as_ref().and_then(|target| view.graph.queue(target));
    let candidate = queue
        .and_then(|queue| queue.candidate.as_ref())
        .filter(|candidate| candidate.members.iter().any(|m| m.bead == bead.id));
    let landed = match &bead.phase {
        Phase::Landed { candidate, .. } => Some(candidate.to_string()),
        _ => None,
    };
    let doc = bead_doc(view, bead);
    MergeRow {
        bead: bead.id.clone(),
        rig: bead.rig.clone(),
        title: bead.spec.title.clone(),
        branch: target
            .as_ref()
            .map_or_else(String::new, |target| target.short_ref().to_owned()),
        position: place(view, bead, target.as_ref()),
        state: state(bead, queue, candidate).unwrap_or_else(|| doc.state.clone()),
        candidate: candidate.map(|c| c.id.to_string()).or(landed),
        batch: candidate.map_or(0, |candidate| candidate.members.len()),
        commit: doc
            .commit
            .clone()
            .or_else(|| bead.attempts.last()?.head.clone()),
        base: candidate.map(|candidate| candidate.base.clone()),
        gates: candidate.map_or_else(Vec::new, |candidate| candidate.gates.clone()),
        guards: bead
            .attempts
            .last()
            .map_or_else(Vec::new, |attempt| attempt.guards.clone()),
        waivers: bead
            .attempts
            .last()
            .map_or_else(Vec::new, |attempt| attempt.waivers.clone()),
        weight: bead
            .attempts
            .last()
            .and_then(|last| last.weight.as_deref().cloned()),
        reviews: bead.attempts.last().map_or_else(Vec::new, |attempt| {
            ReviewRecord::of(view.graph, &bead.id, attempt)
        }),
        attempts: bead.attempts.len(),
        reason: doc.reason,
        since: Moment(bead.since),
    }
}

fn place(view: View<'_>, bead: &Bead, target: Option<&Target>) -> Option<usize> {
    let is_in = matches!(bead.phase, Phase::Submitted { .. });
    let target = target.filter(|_| is_in)?;
    Some(view.graph.place_in_queue(target, bead).0)
}

fn state(bead: &Bead, queue: Option<&Queue>, candidate: Option<&Candidate>) -> Option<String> {
    if !matches!(bead.phase, Phase::Submitted { .. }) {
        return None;
    }
    let word = match candidate.map(|candidate| candidate.verdict) {
        Some(Some(Verdict::Passed)) => "proven",
        Some(Some(Verdict::Failed | Verdict::Infra)) => "red",
        Some(None) => "in_test",
        None if queue.is_some_and(|queue| queue.suspects.contains(&bead.id)) => "suspect",
        None => "waiting",
    };
    Some(word.to_owned())
}

fn next(view: View<'_>, bead: &Bead) -> Vec<NextStep> {
    let id = &bead.id;
    let step = |cmd: String, text: &str| NextStep {
        cmd,
        text: text.to_owned(),
    };
    match &bead.phase {
        Phase::Submitted { .. } => {
            let why = explain(view.graph, view.observations, id, view.now);
            let mut next: Vec<NextStep> = why.into_iter().flat_map(|why| why.next).collect();
            next.push(step(format!("gtd merge first {id}"), "merge it next"));
            next.push(step(format!("gtd merge drop {id} -m WHY"), "take it out"));
            next
        }
        Phase::Returned { .. } | Phase::Parked { .. } => vec![
            step(
                format!("gtd merge retry {id}"),
                "put the same commit in again",
            ),
            step(format!("gtd bead retry {id}"), "have it worked on anew"),
        ],
        _ => vec![step(format!("gtd bead show {id}"), "all of the bead")],
    }
}
