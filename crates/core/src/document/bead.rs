//! `gtd bead show` and `gtd bead list`.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Dollars, View};
use crate::{
    Bead, BeadId, Criterion, EdgeKind, Fault, Moment, Note, Oid, Phase, Refresh, RigName, explain,
};

/// Why a bead waits, in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReasonDoc {
    /// The stable code.
    pub code: String,
    /// In words.
    pub text: String,
    /// Since when.
    pub since: Moment,
    /// When it is expected to clear.
    pub eta: Option<Moment>,
    /// Whether it clears without a person.
    pub clears_by_itself: bool,
}

/// One line of a list of beads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BeadRow {
    /// The id.
    pub id: BeadId,
    /// The repository.
    pub rig: RigName,
    /// The goal.
    pub convoy: Option<BeadId>,
    /// The name in the plan.
    pub local_id: Option<String>,
    /// The title.
    pub title: String,
    /// The kind of work.
    #[serde(rename = "type")]
    pub kind: String,
    /// The urgency.
    pub priority: u8,
    /// The state, in a word.
    pub state: String,
    /// The reason, while it has not ended.
    pub reason: Option<ReasonDoc>,
    /// Who holds it.
    pub assignee: Option<String>,
    /// How often it was tried.
    pub attempts: u64,
    /// The commit on the target.
    pub commit: Option<Oid>,
    /// The last change.
    pub updated_at: Moment,
}

/// One try.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptDoc {
    /// The epoch.
    pub epoch: u64,
    /// Who tried.
    pub agent: String,
    /// When it began.
    pub began_at: Moment,
    /// When it ended.
    pub ended_at: Option<Moment>,
    /// What was handed in.
    pub head: Option<Oid>,
    /// What the holder said.
    pub summary: String,
    /// Why it did not land.
    pub fault: Option<Fault>,
    /// Each session of it that was full and had a successor, in order.
    #[serde(default)]
    pub refreshes: Vec<Refresh>,
}

/// A question of an agent that nobody has answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuestionDoc {
    /// The question.
    pub text: String,
    /// When it was asked.
    pub asked_at: Moment,
    /// Until when its attempt waits; then the bead is parked, and its session is kept.
    pub waits_until: Moment,
}

/// One edge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EdgeDoc {
    /// The other bead.
    pub id: BeadId,
    /// The relation.
    #[serde(rename = "type")]
    pub kind: EdgeKind,
    /// The other's state, in a word.
    pub state: String,
    /// The other's title.
    pub title: String,
}

/// One bead of a drawing: how far it is, and what it needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GraphRow {
    /// The id.
    pub id: BeadId,
    /// The title.
    pub title: String,
    /// The state, in a word.
    pub state: String,
    /// What it needs.
    pub needs: Vec<EdgeDoc>,
}

/// One bead, whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BeadDoc {
    /// The id.
    pub id: BeadId,
    /// The repository.
    pub rig: RigName,
    /// The goal.
    pub convoy: Option<BeadId>,
    /// The name in the plan.
    pub local_id: Option<String>,
    /// The title.
    pub title: String,
    /// The whole story.
    pub description: String,
    /// What must be true at the end.
    pub acceptance: Vec<Criterion>,
    /// The kind of work.
    #[serde(rename = "type")]
    pub kind: String,
    /// The urgency.
    pub priority: u8,
    /// The state, in a word.
    pub state: String,
    /// The reason, while it has not ended.
    pub reason: Option<ReasonDoc>,
    /// Who holds it.
    pub assignee: Option<String>,
    /// The last epoch.
    pub epoch: u64,
    /// The latest attempts.
    pub attempts: Vec<AttemptDoc>,
    /// What it needs.
    pub needs: Vec<EdgeDoc>,
    /// What needs it.
    pub blocks: Vec<EdgeDoc>,
    /// What it is a part of.
    pub parent: Option<BeadId>,
    /// Its parts.
    pub children: Vec<BeadId>,
    /// Relations that do not act.
    pub links: Vec<EdgeDoc>,
    /// Free words.
    pub labels: BTreeSet<String>,
    /// Files that it may touch.
    pub scope: Vec<String>,
    /// The script.
    pub run: Option<String>,
    /// The runtime that works on it.
    pub runtime: Option<String>,
    /// Remarks.
    pub notes: Vec<Note>,
    /// How much of what people told its agent has not heard yet.
    #[serde(default)]
    pub unheard: usize,
    /// What its agent asked, while nobody has answered.
    #[serde(default)]
    pub question: Option<QuestionDoc>,
    /// The branch of the last attempt.
    pub branch: Option<String>,
    /// The commit on the target, or the one handed in.
    pub commit: Option<Oid>,
    /// How it ended, in words.
    pub close_reason: Option<String>,
    /// What it may cost, where that was said of it alone.
    #[serde(default)]
    pub budget_usd: Option<Dollars>,
    /// What it has cost, as metered.
    #[serde(default)]
    pub spent_usd: Dollars,
    /// Some of that is estimated.
    #[serde(default)]
    pub spent_estimated: bool,
    /// How long it may take.
    pub estimated_minutes: Option<u32>,
    /// Not before.
    pub defer_until: Option<Moment>,
    /// When it was made.
    pub created_at: Moment,
    /// Who made it.
    pub created_by: String,
    /// The last change of its phase.
    pub updated_at: Moment,
    /// Keys of other programs.
    pub metadata: BTreeMap<String, serde_json::Value>,
}

pub(super) fn reason(view: View<'_>, bead: &Bead) -> Option<ReasonDoc> {
    let why = explain(view.graph, view.observations, &bead.id, view.now)?;
    let first = why.chain.first()?;
    Some(ReasonDoc {
        code: first.code.code().to_owned(),
        text: first.text.clone(),
        since: first.since,
        eta: why.eta,
        clears_by_itself: why.clears_by_itself,
    })
}

pub(super) fn state(view: View<'_>, bead: &Bead) -> String {
    match view.graph.goal(&bead.id) {
        Some(goal) => {
            let still = crate::stands_still(view.graph, view.observations, &bead.id, view.now);
            view.graph.goal_state(bead, goal, still).word().to_owned()
        }
        None => view.graph.state_of(bead, view.now).word().to_owned(),
    }
}

pub(super) fn landed_commit(bead: &Bead) -> Option<Oid> {
    match &bead.phase {
        Phase::Landed { commit, .. } => Some(commit.clone()),
        _ => None,
    }
}

fn assignee(bead: &Bead) -> Option<String> {
    bead.phase
        .lease()
        .map(|lease| lease.holder.name().to_string())
}

/// Makes one line of a list.
#[must_use]
pub fn bead_row(view: View<'_>, bead: &Bead) -> BeadRow {
    BeadRow {
        id: bead.id.clone(),
        rig: bead.rig.clone(),
        convoy: bead.goal.clone(),
        local_id: bead.local_id.clone(),
        title: bead.spec.title.clone(),
        kind: bead.spec.kind.word().to_owned(),
        priority: bead.spec.priority.number(),
        state: state(view, bead),
        reason: reason(view, bead),
        assignee: assignee(bead),
        attempts: bead.epoch.0,
        commit: landed_commit(bead),
        updated_at: Moment(bead.since),
    }
}

fn edge(view: View<'_>, id: &BeadId, kind: &EdgeKind) -> EdgeDoc {
    let other = view.graph.bead(id);
    EdgeDoc {
        id: id.clone(),
        kind: kind.clone(),
        state: other.map_or_else(|| "unknown".to_owned(), |other| state(view, other)),
        title: other.map_or_else(String::new, |other| other.spec.title.clone()),
    }
}

/// Tells what its agent asked, while nobody has answered.
pub(super) fn question_doc(bead: &Bead) -> Option<QuestionDoc> {
    let asked = bead.question()?;
    Some(QuestionDoc {
        text: asked.text.clone(),
        asked_at: Moment(asked.since),
        waits_until: Moment(asked.until),
    })
}

/// Makes one bead of a drawing.
#[must_use]
pub fn graph_row(view: View<'_>, bead: &Bead) -> GraphRow {
    let needs = bead.needs.iter().filter(|need| need.acts());
    GraphRow {
        id: bead.id.clone(),
        title: bead.spec.title.clone(),
        state: state(view, bead),
        needs: needs.map(|need| edge(view, &need.on, &need.kind)).collect(),
    }
}

/// Makes the document of one bead.
#[must_use]
pub fn bead_doc(view: View<'_>, bead: &Bead) -> BeadDoc {
    let edge = |id: &BeadId, kind: &EdgeKind| edge(view, id, kind);
    let spec = &bead.spec;
    let spent = view.graph.spent_on_bead(&bead.id);
    let (needs, links): (Vec<_>, Vec<_>) = bead.needs.iter().partition(|need| need.acts());
    BeadDoc {
        id: bead.id.clone(),
        rig: bead.rig.clone(),
        convoy: bead.goal.clone(),
        local_id: bead.local_id.clone(),
        title: spec.title.clone(),
        description: spec.description.clone(),
        acceptance: spec.acceptance.clone(),
        kind: spec.kind.word().to_owned(),
        priority: spec.priority.number(),
        state: state(view, bead),
        reason: reason(view, bead),
        assignee: assignee(bead),
        epoch: bead.epoch.0,
        attempts: bead
            .attempts
            .iter()
            .map(|attempt| AttemptDoc {
                epoch: attempt.epoch.0,
                agent: attempt.holder.to_string(),
                began_at: Moment(attempt.began),
                ended_at: attempt.ended.map(Moment),
                head: attempt.head.clone(),
                summary: attempt.summary.clone(),
                fault: attempt.fault.as_deref().cloned(),
                refreshes: attempt.refreshes.clone(),
            })
            .collect(),
        needs: needs
            .iter()
            .map(|need| edge(&need.on, &need.kind))
            .collect(),
        blocks: view
            .graph
            .dependents(&bead.id)
            .map(|id| edge(id, &EdgeKind::Blocks))
            .collect(),
        parent: spec.parent.clone(),
        children: view.graph.children(&bead.id).cloned().collect(),
        links: links
            .iter()
            .map(|need| edge(&need.on, &need.kind))
            .collect(),
        labels: spec.labels.clone(),
        scope: spec.scope.clone(),
        run: spec.run.clone(),
        runtime: bead.wished_runtime().map(str::to_owned),
        notes: bead.notes.clone(),
        unheard: bead.unheard.len(),
        question: question_doc(bead),
        branch: (bead.epoch.0 > 0).then(|| format!("gtd/{}/e{}", bead.id, bead.epoch)),
        commit: match &bead.phase {
            Phase::Submitted { head, .. } => Some(head.clone()),
            _ => landed_commit(bead),
        },
        close_reason: match &bead.phase {
            Phase::Closed { why, .. } => Some(why.clone()),
            _ => None,
        },
        budget_usd: spec.budget_micros.map(Dollars),
        spent_usd: Dollars(spent.usd),
        spent_estimated: spent.is_estimate(),
        estimated_minutes: spec.estimate_minutes,
        defer_until: spec.defer_until.map(Moment),
        created_at: Moment(bead.created_at),
        created_by: bead.created_by.to_string(),
        updated_at: Moment(bead.since),
        metadata: spec.metadata.clone(),
    }
}
