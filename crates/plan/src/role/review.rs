//! What the prompt of a reviewer may speak about, gathered from the graph.

use gtd_core::{Attempt, Bead, Graph, Purse};

use super::{
    context::{PromptContext, PromptMerge, PromptSubmission, PromptText},
    scene::{WorkerScene, context_of_place, prompt_attempt, prompt_bead, said_by},
};

/// Where and as whom a submission is reviewed, and what it changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReviewerScene<'a> {
    /// The place.
    pub place: WorkerScene<'a>,
    /// What the submission changes; empty where nobody has looked.
    pub diff: &'a str,
}

/// Gathers what a reviewer of what was handed in for `bead` is told.
///
/// The change and whatever its author says of it are marked as foreign.
#[must_use]
pub fn reviewer_context(graph: &Graph, bead: &Bead, scene: &ReviewerScene<'_>) -> PromptContext {
    let mut context = context_of_place(graph, bead, &scene.place);
    let attempt = bead.attempts.iter().rev().find(|a| a.head.is_some());
    if let Some(left) = left(graph, bead, scene) {
        context.budget.left_usd = left;
    }
    context.branch = Some(scene.place.branch.to_owned());
    let base = attempt.and_then(|attempt| attempt.base.as_ref());
    context.base = context.base.or_else(|| Some(base?.to_string()));
    context.bead = Some(prompt_bead(bead));
    context.attempt = Some(prompt_attempt(bead));
    let target = graph.target_of(bead);
    context.merge = Some(PromptMerge {
        candidate: bead.id.to_string(),
        target: target.map_or_else(String::new, |target| target.r#ref),
        commit: attempt
            .and_then(|attempt| attempt.head.as_ref())
            .map_or_else(String::new, ToString::to_string),
        diff: foreign("the change", scene.diff),
    });
    context.submission = Some(PromptSubmission {
        claim: attempt.map_or_else(PromptText::default, |attempt| {
            foreign("whoever made the change", &attempt.summary)
        }),
        proof: attempt.map_or_else(Vec::new, |attempt| proof(bead, attempt)),
        risks: attempt
            .and_then(|attempt| attempt.weight.as_ref())
            .map_or_else(Vec::new, |weight| weight.risks.clone()),
    });
    context
}

/// Returns the dollars that the review that goes on may still use.
fn left(graph: &Graph, bead: &Bead, scene: &ReviewerScene<'_>) -> Option<f64> {
    let purse = Purse::new(graph, scene.place.now);
    let open = bead.open_reviews().last();
    let allowance = open.and_then(|(epoch, review)| purse.allowance_of_review(bead, epoch, review));
    #[expect(clippy::cast_precision_loss, reason = "money for display")]
    allowance.map(|allowance| allowance.left() as f64 / 1e6)
}

fn foreign(origin: &str, text: &str) -> PromptText {
    match text.trim() {
        "" => PromptText::default(),
        text => PromptText::foreign(origin, text),
    }
}

/// Lists what records show of what was handed in.
fn proof(bead: &Bead, attempt: &Attempt) -> Vec<PromptText> {
    let checks = attempt.checks.iter().map(|check| {
        let text = format!("the check `{}` was green", check.command);
        said_by(bead, &text)
    });
    let guards = attempt.guards.iter().map(|report| {
        let text = format!("{}: {}", report.guard.word(), report.summary());
        PromptText::foreign("what the change does to tests", &text)
    });
    checks.chain(guards).collect()
}
