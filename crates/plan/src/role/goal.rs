//! What the prompt of whoever plans a goal may speak about, gathered from the graph.

use gtd_core::{Bead, BeadType, Graph, Phase, Timestamp};

use super::{
    context::{PromptContext, PromptGoal, PromptMail, PromptParked, PromptSibling, PromptText},
    scene::{WorkerScene, context_of_place, criteria, notes, prompt_sibling, said_by},
};

/// Open beads that a prompt names at most.
const OPEN_BEADS: usize = 30;
/// Attempts that a prompt tells of at most.
const ATTEMPTS: usize = 3;
/// Beads that a prompt tells all about at most.
const PARKED: usize = 6;
/// How much of the output of an attempt is told, in bytes.
const OUTPUT: usize = 2_000;

/// Where and as whom a goal is planned, and what was seen of the repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MayorScene<'a> {
    /// The place; the branch in it means nothing.
    pub place: WorkerScene<'a>,
    /// What is where in the repository; empty where nobody has looked.
    pub map: &'a str,
    /// How the town stands, for whoever is asked.
    pub state: &'a str,
}

/// Gathers what whoever plans `goal` is told, as far as the graph knows it.
///
/// What the repository holds is marked as foreign: whoever commits there says much.
#[must_use]
pub fn mayor_context(graph: &Graph, goal: &Bead, scene: &MayorScene<'_>) -> PromptContext {
    let mut context = context_of_place(graph, goal, &scene.place);
    if goal.is_for_the_mayor() {
        context.mail = Some(PromptMail {
            number: goal.ordinal,
            from: goal.created_by.to_string(),
            text: said_by(goal, asked(goal)),
            state: PromptText::foreign("the state of the town", scene.state),
        });
        if !scene.map.is_empty() {
            let map = PromptText::foreign("the files and commits of the repository", scene.map);
            context.repo_map = Some(map);
        }
        return context;
    }
    context.goal = Some(PromptGoal {
        id: goal.id.to_string(),
        title: said_by(goal, &goal.spec.title),
        description: said_by(goal, &goal.spec.description),
        acceptance: criteria(goal),
        notes: notes(goal),
    });
    let left = graph.to_replan(&goal.id, scene.place.now);
    if !left.is_empty() {
        context.landed = landed(graph, goal, scene.place.now);
    }
    let is_left = |bead: &&Bead| left.iter().any(|parked| parked.id == bead.id);
    context.open_beads = graph
        .unfinished()
        .filter(|bead| bead.rig == goal.rig && bead.spec.kind != BeadType::Goal)
        .filter(|bead| !is_left(bead))
        .take(OPEN_BEADS)
        .map(|bead| prompt_sibling(graph, bead, scene.place.now))
        .collect();
    if !scene.map.is_empty() {
        let map = PromptText::foreign("the files and commits of the repository", scene.map);
        context.repo_map = Some(map);
    }
    context.parked = left.iter().take(PARKED).map(|bead| parked(bead)).collect();
    context.history = history(goal);
    context
}

/// Returns all that a person asks: where it is more than a title, the whole of it is the story.
fn asked(goal: &Bead) -> &str {
    match goal.spec.description.as_str() {
        "" => &goal.spec.title,
        whole => whole,
    }
}

/// Lists what has landed of a goal, the latest first.
fn landed(graph: &Graph, goal: &Bead, now: Timestamp) -> Vec<PromptSibling> {
    let beads = graph
        .goal(&goal.id)
        .into_iter()
        .flat_map(|goal| &goal.beads);
    let beads = beads.rev().filter_map(|id| graph.bead(id));
    beads
        .filter(|bead| bead.phase.is_good())
        .take(OPEN_BEADS)
        .map(|bead| prompt_sibling(graph, bead, now))
        .collect()
}

/// Tells all that was learned of a bead whose attempts are spent.
fn parked(bead: &Bead) -> PromptParked {
    let reason = match &bead.phase {
        Phase::Parked { why } => why.text.as_str(),
        _ => "",
    };
    PromptParked {
        id: bead.id.to_string(),
        title: said_by(bead, &bead.spec.title),
        description: said_by(bead, &bead.spec.description),
        acceptance: criteria(bead),
        scope: bead.spec.scope.clone(),
        reason: PromptText::foreign("the attempts at it", reason),
        tries: PromptText::foreign("the attempts at it", &tries(bead)),
        notes: notes(bead),
    }
}

/// Tells what each of the last attempts at a bead did, and what showed that it was wrong.
fn tries(bead: &Bead) -> String {
    let told = bead.attempts.iter().rev().take(ATTEMPTS).map(|attempt| {
        let fault = attempt.fault.as_ref();
        let failed = fault.map(|fault| (fault.text.as_str(), end(&fault.evidence)));
        let (text, evidence) = failed.unwrap_or_default();
        let parts = [attempt.summary.as_str(), text, evidence];
        let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        format!("Attempt {}: {}", attempt.epoch, parts.join("\n"))
    });
    told.collect::<Vec<_>>().join("\n\n")
}

/// Returns the end of an output.
fn end(text: &str) -> &str {
    let mut from = text.len().saturating_sub(OUTPUT);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    &text[from..]
}

/// Tells what came of earlier attempts at the plan, the latest first.
fn history(goal: &Bead) -> Option<PromptText> {
    let faults = goal.attempts.iter().rev();
    let faults = faults.filter_map(|attempt| Some((attempt.epoch, attempt.fault.as_ref()?)));
    let told: Vec<String> = faults
        .take(ATTEMPTS)
        .map(|(epoch, fault)| {
            let said = [fault.text.as_str(), fault.evidence.as_str()];
            let said: Vec<&str> = said.into_iter().filter(|text| !text.is_empty()).collect();
            format!("Attempt {epoch}: {}", said.join("\n"))
        })
        .collect();
    (!told.is_empty()).then(|| PromptText::foreign("earlier attempts", &told.join("\n\n")))
}
