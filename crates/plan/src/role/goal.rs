//! What the prompt of whoever plans a goal may speak about, gathered from the graph.

use gtd_core::{Bead, BeadType, Graph};

use super::{
    context::{PromptContext, PromptGoal, PromptText},
    scene::{WorkerScene, context_of_place, criteria, notes, prompt_sibling, said_by},
};

/// Open beads that a prompt names at most.
const OPEN_BEADS: usize = 30;
/// Attempts that a prompt tells of at most.
const ATTEMPTS: usize = 3;

/// Where and as whom a goal is planned, and what was seen of the repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MayorScene<'a> {
    /// The place; the branch in it means nothing.
    pub place: WorkerScene<'a>,
    /// What is where in the repository; empty where nobody has looked.
    pub map: &'a str,
}

/// Gathers what whoever plans `goal` is told, as far as the graph knows it.
///
/// What the repository holds is marked as foreign: whoever commits there says much.
#[must_use]
pub fn mayor_context(graph: &Graph, goal: &Bead, scene: &MayorScene<'_>) -> PromptContext {
    let mut context = context_of_place(graph, goal, &scene.place);
    context.goal = Some(PromptGoal {
        id: goal.id.to_string(),
        title: said_by(goal, &goal.spec.title),
        description: said_by(goal, &goal.spec.description),
        acceptance: criteria(goal),
        notes: notes(goal),
    });
    context.open_beads = graph
        .unfinished()
        .filter(|bead| bead.rig == goal.rig && bead.spec.kind != BeadType::Goal)
        .take(OPEN_BEADS)
        .map(|bead| prompt_sibling(graph, bead, scene.place.now))
        .collect();
    if !scene.map.is_empty() {
        let map = PromptText::foreign("the files and commits of the repository", scene.map);
        context.repo_map = Some(map);
    }
    context.history = history(goal);
    context
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
