//! A new plan for what is left of a goal: proposed, put into effect, or set aside.
//!
//! It puts other beads in the place of those whose attempts are spent. What
//! waited for one of these waits for what takes its place; the bead itself
//! ends, and an edge says which beads stand for it. A plan that a person sets
//! aside leaves everything as it was.

use std::collections::BTreeSet;

use super::{Decision, Scene, TEXT_MAX, check_text, goal::drafts_of_plan, work::nothing_asked};
use crate::{
    Approval, Bead, BeadId, EdgeKind, Epoch, Event, Goal, Need, Note, Outcome, Phase, Plan,
    Rejection, SatisfiedBy,
};

pub(super) fn propose(
    scene: Scene<'_>,
    bead: &Bead,
    epoch: Epoch,
    plan: Plan,
    approval: Approval,
) -> Decision {
    scene.leased(bead, epoch)?;
    nothing_asked(scene, bead)?;
    check_text("the summary", &plan.summary, TEXT_MAX)?;
    let id = &bead.id;
    let left = scene.graph.to_replan(id, scene.now);
    if left.is_empty() {
        return Err(Rejection::NotReady {
            bead: id.clone(),
            why: "nothing of it waits for a new plan any more".to_owned(),
        });
    }
    let replaces: Vec<BeadId> = left.into_iter().map(|bead| bead.id.clone()).collect();
    let ordinal = scene.graph.next_ordinal() - 1;
    let drafts = drafts_of_plan(scene, id, &bead.rig, plan.beads, ordinal)?;
    no_wait_for(scene, &replaces, &drafts)?;
    let mut events = vec![Event::PlanRevised {
        goal: id.clone(),
        replaces: replaces.clone(),
        n_beads: u32::try_from(drafts.len()).unwrap_or(u32::MAX),
        summary: plan.summary,
    }];
    let opened = drafts.iter().cloned();
    events.extend(opened.map(|bead| Event::BeadOpened { bead }));
    if approval == Approval::NotNeeded {
        events.extend(put(scene, id, &replaces, &drafts));
    }
    Ok(events)
}

/// Lets a new plan begin that waits for a person.
pub(super) fn approve(scene: Scene<'_>, id: &BeadId, goal: &Goal) -> Decision {
    let drafts: Vec<Bead> = drafts(scene, goal).cloned().collect();
    if drafts.is_empty() {
        let why = "all beads of the new plan were closed".to_owned();
        return Ok(keep(scene, id, goal, why));
    }
    let old = goal.replan.iter().filter_map(|id| scene.graph.bead(id));
    if let Some(old) = old.into_iter().find(|bead| !is_given_up(bead)) {
        return Err(Rejection::NotReady {
            bead: id.clone(),
            why: format!(
                "{} goes on; to leave it at that: gtd reject {id} -m WHY",
                old.id
            ),
        });
    }
    // What they need may wait for more than it did when they were proposed.
    no_wait_for(scene, &goal.replan, &drafts)?;
    Ok(put(scene, id, &goal.replan, &drafts))
}

/// Tells whether others may take the place of a bead: nobody works on it, and it did not end well.
fn is_given_up(bead: &Bead) -> bool {
    let has_failed = bead.phase.is_finished() && !bead.phase.is_good();
    has_failed || matches!(bead.phase, Phase::Parked { .. })
}

/// Refuses a plan whose beads would wait for what they are to stand for.
fn no_wait_for(scene: Scene<'_>, replaces: &[BeadId], drafts: &[Bead]) -> Result<(), Rejection> {
    for draft in drafts {
        for need in &draft.needs {
            let circle = replaces
                .iter()
                .find_map(|old| scene.graph.cycle_through(old, &need.on));
            if let Some(path) = circle {
                return Err(Rejection::Cycle { path });
            }
        }
    }
    Ok(())
}

/// Lists the drafts that wait for a person's yes to a new plan.
fn drafts<'a>(scene: Scene<'a>, goal: &'a Goal) -> impl Iterator<Item = &'a Bead> {
    let beads = goal.beads.iter().filter_map(move |id| scene.graph.bead(id));
    beads.filter(|bead| bead.phase == Phase::Draft)
}

/// Puts the drafts of a new plan in the place of beads that are given up.
fn put(scene: Scene<'_>, goal: &BeadId, replaces: &[BeadId], drafts: &[Bead]) -> Vec<Event> {
    let mut events = vec![Event::PlanApproved { goal: goal.clone() }];
    let old = replaces.iter().filter_map(|id| scene.graph.bead(id));
    let old: Vec<&Bead> = old.filter(|bead| is_given_up(bead)).collect();
    let last = last_of(drafts);
    for bead in &old {
        events.extend(hand_on(scene, bead, &last));
        for draft in drafts {
            // What stood for others before stands for them by those who stand for it.
            let earlier = bead.needs.iter().filter(|need| is_stand_in(need));
            let all = std::iter::once(&bead.id).chain(earlier.map(|need| &need.on));
            events.extend(all.map(|on| Event::EdgeAdded {
                bead: draft.id.clone(),
                need: stands_for(on.clone()),
            }));
        }
        let names: Vec<&str> = drafts.iter().map(|draft| draft.id.as_str()).collect();
        if !bead.phase.is_finished() {
            events.push(Event::BeadClosed {
                bead: bead.id.clone(),
                outcome: Outcome::Cancelled,
                why: format!("planned anew: {}", names.join(", ")),
            });
        }
    }
    each_once(events)
}

/// Leaves out what is there already: one bead may have waited for two that are replaced.
fn each_once(events: Vec<Event>) -> Vec<Event> {
    let mut kept: Vec<Event> = Vec::new();
    for event in events {
        if !kept.contains(&event) {
            kept.push(event);
        }
    }
    kept
}

/// Leaves a goal with the plan that it had: the drafts of the new one end.
///
/// Whoever plans it once more is told why.
pub(super) fn keep(scene: Scene<'_>, id: &BeadId, goal: &Goal, why: String) -> Vec<Event> {
    let mut events = vec![Event::NoteAdded {
        bead: id.clone(),
        note: Note {
            by: scene.by.clone(),
            at: scene.now,
            text: format!("a new plan was set aside: {why}"),
        },
    }];
    for draft in drafts(scene, goal) {
        events.extend(goal.replan.iter().map(|old| Event::EdgeAdded {
            bead: old.clone(),
            need: stands_for(draft.id.clone()),
        }));
        events.push(Event::BeadClosed {
            bead: draft.id.clone(),
            outcome: Outcome::Cancelled,
            why: why.clone(),
        });
    }
    events.push(Event::PlanKept {
        goal: id.clone(),
        why,
    });
    events
}

/// Makes what waits for a bead wait for others in its place.
fn hand_on(scene: Scene<'_>, bead: &Bead, last: &[&BeadId]) -> Vec<Event> {
    let mut events = Vec::new();
    let waiting = scene.graph.dependents(&bead.id);
    let waiting = waiting
        .filter_map(|id| scene.graph.bead(id))
        .filter(|waiting| !waiting.phase.is_finished());
    for waiting in waiting {
        // What waits for a failure too: it is no failure yet when others take its place.
        let needs = waiting.needs.iter();
        let needs = needs.filter(|need| need.on == bead.id && need.acts());
        for need in needs {
            events.push(Event::EdgeRemoved {
                bead: waiting.id.clone(),
                need: need.clone(),
            });
            events.extend(last.iter().map(|on| Event::EdgeAdded {
                bead: waiting.id.clone(),
                need: Need {
                    on: (*on).clone(),
                    ..need.clone()
                },
            }));
        }
    }
    events
}

/// Lists the drafts that no other of them needs: when these have ended, all have.
fn last_of(drafts: &[Bead]) -> Vec<&BeadId> {
    let needed: BTreeSet<&BeadId> = drafts
        .iter()
        .flat_map(|draft| draft.needs.iter().map(|need| &need.on))
        .collect();
    let ids = drafts.iter().map(|draft| &draft.id);
    ids.filter(|id| !needed.contains(id)).collect()
}

fn stands_for(on: BeadId) -> Need {
    Need {
        on,
        kind: EdgeKind::Supersedes,
        satisfied_by: SatisfiedBy::Success,
    }
}

fn is_stand_in(need: &Need) -> bool {
    need.kind == EdgeKind::Supersedes
}
