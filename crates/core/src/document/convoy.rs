//! `gtd goal --json` and `gtd convoy show`.

use serde::{Deserialize, Serialize};

use super::{
    Dollars, View,
    bead::{QuestionDoc, landed_commit, question_doc, state},
};
use crate::{
    Bead, BeadId, Criterion, GateRun, Goal, Landing, Moment, Oid, Outcome, Phase, PolicyName,
    WaitReason, explain, stands_still,
};

/// Where a goal's work lands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetDoc {
    /// The repository.
    pub rig: String,
    /// The branch that moves.
    pub branch: String,
    /// `local`, `integration` or `pull_request`.
    pub mode: String,
    /// The branch that the work is meant for in the end.
    pub into: String,
}

/// One bead of a goal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConvoyBead {
    /// The id.
    pub id: BeadId,
    /// The name in the plan.
    pub local_id: Option<String>,
    /// The title.
    pub title: String,
    /// The state, in a word.
    pub state: String,
    /// The reason's code, while it has not ended.
    pub reason: Option<String>,
    /// The reason in words, or how it ended.
    pub text: String,
    /// Whether the reason clears without a person.
    pub clears_by_itself: bool,
    /// How often it was tried.
    pub attempts: u64,
    /// The commit on the target.
    pub commit: Option<Oid>,
    /// What it needs, by id.
    pub needs: Vec<BeadId>,
}

/// A goal with the beads that answer it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConvoyDoc {
    /// The goal's id.
    pub id: BeadId,
    /// The goal's title.
    pub title: String,
    /// The state, in a word.
    pub state: String,
    /// The policy that it names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<PolicyName>,
    /// Where it lands.
    pub target: TargetDoc,
    /// The beads, in the order of the plan.
    pub beads: Vec<ConvoyBead>,
    /// How often what was left of it was planned anew.
    #[serde(default)]
    pub replans: u32,
    /// The beads in whose place its drafts would be, while that new plan waits for a yes.
    #[serde(default)]
    pub replaces: Vec<BeadId>,
    /// What must be true at the end.
    pub acceptance: Vec<Criterion>,
    /// What was run on the target at the end.
    pub proof: Vec<GateRun>,
    /// How it ended, in words.
    pub conclusion: Option<String>,
    /// How bringing it further stands: `unasked`, `asked`, `done` or `refused`.
    pub landing: String,
    /// What was said about bringing it further.
    pub landing_text: Option<String>,
    /// What whoever makes its plan asks.
    #[serde(default)]
    pub question: Option<QuestionDoc>,
    /// The code that `gtd goal --wait` ends with; none while something can move.
    pub exit: Option<u8>,
    /// When it was set.
    pub created_at: Moment,
    /// Not after.
    pub until: Option<Moment>,
    /// What it may cost, where that was said of it alone.
    #[serde(default)]
    pub budget_usd: Option<Dollars>,
    /// What counts as spent on it, its beads and its plan.
    #[serde(default)]
    pub spent_usd: Dollars,
    /// Some of that is estimated.
    #[serde(default)]
    pub spent_estimated: bool,
    /// Where to go on.
    pub revision: u64,
}

/// Makes the document of a goal.
#[must_use]
pub fn convoy_doc(view: View<'_>, bead: &Bead, goal: &Goal) -> ConvoyDoc {
    let beads = goal
        .beads
        .iter()
        .filter_map(|id| view.graph.bead(id))
        .map(|bead| row(view, bead))
        .collect();
    let spent = view.graph.spent_on_goal(&bead.id);
    let still = stands_still(view.graph, view.observations, &bead.id, view.now);
    let over = goal.until.is_some_and(|until| until <= view.now);
    let (landing, landing_text) = match &goal.landing {
        Landing::Unasked => ("unasked", None),
        Landing::Asked { .. } => ("asked", None),
        Landing::Done { commit } => ("done", Some(commit.to_string())),
        Landing::Refused { why } => ("refused", Some(why.clone())),
    };
    ConvoyDoc {
        id: bead.id.clone(),
        title: bead.spec.title.clone(),
        state: view.graph.goal_state(bead, goal, still).word().to_owned(),
        policy: bead.spec.policy.clone(),
        target: TargetDoc {
            rig: goal.target.rig.to_string(),
            branch: goal.target.short_ref().to_owned(),
            mode: match goal.target.mode {
                crate::LandMode::Local => "local",
                crate::LandMode::Integration => "integration",
                crate::LandMode::PullRequest => "pull_request",
            }
            .to_owned(),
            into: goal.target.branch.clone(),
        },
        beads,
        replans: goal.replans,
        replaces: goal.replan.clone(),
        acceptance: bead.spec.acceptance.clone(),
        proof: goal.proof.clone(),
        conclusion: match &bead.phase {
            Phase::Closed { why, .. } => Some(why.clone()),
            _ => None,
        },
        landing: landing.to_owned(),
        landing_text,
        question: question_doc(bead),
        exit: match &bead.phase {
            Phase::Closed { outcome, .. } => Some(match outcome {
                Outcome::Cancelled | Outcome::Failed => 5,
                _ => 0,
            }),
            _ if still && (over || is_out_of_budget(view, goal)) => Some(6),
            _ if still => Some(4),
            _ => None,
        },
        created_at: Moment(bead.created_at),
        until: goal.until.map(Moment),
        budget_usd: bead.spec.budget_micros.map(Dollars),
        spent_usd: Dollars(spent.usd),
        spent_estimated: spent.is_estimate(),
        revision: view.graph.revision().0,
    }
}

/// Tells whether a budget is what something of a goal waits for.
fn is_out_of_budget(view: View<'_>, goal: &Goal) -> bool {
    goal.beads
        .iter()
        .filter_map(|id| explain(view.graph, view.observations, id, view.now))
        .flat_map(|why| why.chain)
        .any(|cause| cause.code == WaitReason::Budget)
}

fn row(view: View<'_>, bead: &Bead) -> ConvoyBead {
    let why = explain(view.graph, view.observations, &bead.id, view.now);
    let cause = why.as_ref().and_then(|why| why.chain.first());
    ConvoyBead {
        id: bead.id.clone(),
        local_id: bead.local_id.clone(),
        title: bead.spec.title.clone(),
        state: state(view, bead),
        reason: cause.map(|cause| cause.code.code().to_owned()),
        text: cause.map_or_else(
            || why.as_ref().map(|why| why.then.clone()).unwrap_or_default(),
            |cause| cause.text.clone(),
        ),
        clears_by_itself: why.as_ref().is_some_and(|why| why.clears_by_itself),
        attempts: bead.epoch.0,
        commit: landed_commit(bead),
        needs: bead
            .needs
            .iter()
            .filter(|need| need.acts())
            .map(|need| need.on.clone())
            .collect(),
    }
}
