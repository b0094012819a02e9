//! What the prompt of a worker may speak about, gathered from the graph.

use gtd_core::{
    Actor, Attempt, Bead, EdgeKind, Fault, FaultClass, Gate, Graph, Note, Phase, Purse, RigName,
    Timestamp,
};

use super::context::{
    PromptAttempt, PromptBead, PromptContext, PromptConvoy, PromptGate, PromptRig, PromptSibling,
    PromptText,
};

/// Siblings that a prompt names at most.
const SIBLINGS: usize = 12;

/// Where and as whom a worker does a bead: what the graph alone does not say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerScene<'a> {
    /// The name of the seat.
    pub agent: &'a str,
    /// The town.
    pub town: &'a str,
    /// The worktree.
    pub worktree: &'a str,
    /// The branch of the attempt.
    pub branch: &'a str,
    /// The commit that the work stands on.
    pub base: Option<&'a str>,
    /// Files with the instructions of the repository.
    pub instructions: &'a [String],
    /// The moment.
    pub now: Timestamp,
    /// The moment as a person of this town would write it.
    pub now_text: &'a str,
}

/// Gathers what a worker on `bead` is told, as far as the graph knows it.
///
/// What an agent or an import wrote is marked as foreign; what a person or an
/// approved plan says is not.
#[must_use]
pub fn worker_context(graph: &Graph, bead: &Bead, scene: &WorkerScene<'_>) -> PromptContext {
    let mut context = context_of_place(graph, bead, scene);
    context.branch = Some(scene.branch.to_owned());
    context.gates = gates(graph, &bead.rig, Gate::for_worker);
    context.bead = Some(prompt_bead(bead));
    context.attempt = Some(prompt_attempt(bead));
    if let Some(goal) = bead.goal.as_ref().and_then(|goal| graph.bead(goal)) {
        context.convoy = Some(PromptConvoy {
            id: goal.id.to_string(),
            title: said_by(goal, &goal.spec.title),
            notes: notes(goal),
        });
        context.siblings = graph
            .leased()
            .filter(|other| other.goal == bead.goal && other.id != bead.id)
            .take(SIBLINGS)
            .map(|other| prompt_sibling(graph, other, scene.now))
            .collect();
    }
    context
}

/// Gathers what everybody is told who works in a worktree of a rig.
pub(super) fn context_of_place(
    graph: &Graph,
    bead: &Bead,
    scene: &WorkerScene<'_>,
) -> PromptContext {
    let mut context = context_of_rig(graph, &bead.rig, scene);
    context.budget.left_usd = left_usd(graph, bead, scene.now);
    context
}

/// Gathers what a standing member is told who has no bead: what people say comes with each turn.
#[must_use]
pub fn member_context(graph: &Graph, rig: &RigName, scene: &WorkerScene<'_>) -> PromptContext {
    let mut context = context_of_rig(graph, rig, scene);
    context.branch = Some(scene.branch.to_owned());
    context
}

fn context_of_rig(graph: &Graph, name: &RigName, scene: &WorkerScene<'_>) -> PromptContext {
    let rules = graph.rig(name).map(|rig| &rig.rules);
    let rig = PromptRig {
        name: name.to_string(),
        branch: rules.map_or_else(String::new, |rules| rules.branch.clone()),
        instructions: scene.instructions.to_vec(),
    };
    let mut context = PromptContext::new(scene.agent, rig, scene.town, scene.now_text);
    context.worktree = Some(scene.worktree.to_owned());
    context.base = scene.base.map(str::to_owned);
    context.gates = gates(graph, name, |gate| &gate.run);
    context
}

fn gates(graph: &Graph, rig: &RigName, command: impl Fn(&Gate) -> &str) -> Vec<PromptGate> {
    let rig = graph.rig(rig).into_iter();
    let gates = rig.flat_map(|rig| &rig.rules.gates);
    let told = gates.map(|gate| PromptGate {
        name: gate.name.to_string(),
        run: command(gate).to_owned(),
        when: when_word(gate.when).to_owned(),
    });
    told.collect()
}

/// Returns the dollars that the attempt at work may still use, or that the next one might.
fn left_usd(graph: &Graph, bead: &Bead, now: Timestamp) -> f64 {
    let purse = Purse::new(graph, now);
    let left = match &bead.phase {
        Phase::Leased(_) => purse.allowance(bead).map(|allowance| allowance.left()),
        _ => match purse.reserve(bead) {
            Ok(reserved) => Some(reserved.usd_micros).filter(|usd| *usd > 0),
            Err(short) => Some(short.cap.free()),
        },
    };
    #[expect(clippy::cast_precision_loss, reason = "money for display")]
    left.map_or(f64::INFINITY, |micros| micros as f64 / 1e6)
}

/// Tells of another bead, in a line.
pub(super) fn prompt_sibling(graph: &Graph, other: &Bead, now: Timestamp) -> PromptSibling {
    PromptSibling {
        id: other.id.to_string(),
        title: said_by(other, &other.spec.title),
        state: graph.state_of(other, now).word().to_owned(),
        scope: other.spec.scope.clone(),
    }
}

/// Lists what must be true of a bead or a goal at its end.
pub(super) fn criteria(bead: &Bead) -> Vec<PromptText> {
    let criteria = bead.spec.acceptance.iter();
    criteria
        .map(|criterion| {
            let text = match &criterion.check {
                Some(check) => format!("{} (checked by `{check}`)", criterion.text),
                None => criterion.text.clone(),
            };
            said_by(bead, &text)
        })
        .collect()
}

pub(super) fn prompt_bead(bead: &Bead) -> PromptBead {
    PromptBead {
        id: bead.id.to_string(),
        title: said_by(bead, &bead.spec.title),
        description: said_by(bead, &bead.spec.description),
        acceptance: criteria(bead),
        scope: bead.spec.scope.clone(),
        labels: bead.spec.labels.iter().cloned().collect(),
        notes: notes(bead),
    }
}

/// Lists the latest remarks on a bead or a goal, oldest first.
pub(super) fn notes(bead: &Bead) -> Vec<PromptText> {
    /// Remarks that a prompt tells at most.
    const MOST: usize = 12;
    let n = bead.notes.len();
    let latest = bead.notes.iter().skip(n.saturating_sub(MOST));
    latest.map(prompt_note).collect()
}

/// What a person says is theirs; what others said is material.
fn prompt_note(note: &Note) -> PromptText {
    match &note.by {
        Actor::Person(_) => PromptText::Own(note.text.clone()),
        other => PromptText::foreign(&other.to_string(), &note.text),
    }
}

/// Marks a text of a bead with where the bead came from, unless a person or a plan made it.
pub(crate) fn said_by(bead: &Bead, text: &str) -> PromptText {
    let is_found = bead
        .needs
        .iter()
        .any(|need| need.kind == EdgeKind::DiscoveredFrom);
    match &bead.created_by {
        Actor::Lease { bead: finder, .. } => {
            PromptText::foreign(&format!("the agent of {finder}"), text)
        }
        Actor::Role(_) if is_found => PromptText::foreign("another agent", text),
        _ if !bead.spec.extra.is_empty() => PromptText::foreign("an import", text),
        _ => PromptText::Own(text.to_owned()),
    }
}

pub(super) fn prompt_attempt(bead: &Bead) -> PromptAttempt {
    let mut attempts = bead.attempts.iter().rev();
    let last_attempt = attempts.find(|attempt| attempt.fault.is_some());
    let last = last_attempt.and_then(|attempt| attempt.fault.as_deref());
    // After a person gave new attempts the count begins anew; what came back before is still told.
    let least = if last.is_some() { 2 } else { 1 };
    PromptAttempt {
        number: bead.spent.saturating_add(1).max(least),
        last_gate: last.map_or_else(String::new, failed_at),
        last_output: last.map_or_else(PromptText::default, |fault| {
            let said = [fault.text.as_str(), fault.evidence.as_str()];
            let said: Vec<&str> = said.into_iter().filter(|text| !text.is_empty()).collect();
            PromptText::foreign("the last attempt", &said.join("\n"))
        }),
        last_summary: last_attempt.map_or_else(PromptText::default, summary),
    }
}

/// Tells what an attempt said of its work: when it handed in, and when its session was full.
fn summary(attempt: &Attempt) -> PromptText {
    let handovers = attempt.refreshes.iter().rev();
    let handover = handovers.filter_map(|refresh| refresh.handover.as_deref());
    let mut written = handover.filter(|handover| handover.missing.is_empty());
    let handover = written.next().map(gtd_core::Handover::told);
    let said = [Some(attempt.summary.clone()), handover];
    let said: Vec<String> = said.into_iter().flatten().collect();
    let said = said.join("\n\n");
    match said.trim() {
        "" => PromptText::default(),
        said => PromptText::foreign("the last attempt", said),
    }
}

/// Names what an attempt failed at, where it was something with a name.
fn failed_at(fault: &Fault) -> String {
    match &fault.class {
        FaultClass::Gate { gate } => gate.clone(),
        FaultClass::Check { criterion } => criterion.clone(),
        FaultClass::Conflict { files } => format!("merge with {}", files.join(", ")),
        _ => String::new(),
    }
}

fn when_word(when: gtd_core::GateWhen) -> &'static str {
    match when {
        gtd_core::GateWhen::Worker => "worker",
        gtd_core::GateWhen::Merge => "merge",
        gtd_core::GateWhen::Both => "both",
        gtd_core::GateWhen::Goal => "goal",
    }
}
