//! Goals that are made of beads, and what of a goal a person changes later.

use super::{
    Decision, Scene,
    bead::{check_spec, edit as edit_bead, fresh, goal_of},
    goal::{check_limits, check_policy},
};
use crate::{
    Bead, BeadId, BeadSpec, BeadType, Event, Goal, Landing, PlanState, Rejection, Target, Timestamp,
};

/// Opens a goal that beads answer which exist already.
///
/// Repeated with the same words and the same beads it is the goal that is there.
pub(super) fn open(
    scene: Scene<'_>,
    mut spec: BeadSpec,
    target: Target,
    max: Option<u32>,
    until: Option<Timestamp>,
    beads: &[BeadId],
) -> Decision {
    spec.kind = BeadType::Goal;
    spec.parent = None;
    check_spec(&spec)?;
    let rig = scene.rig(&target.rig)?;
    if beads.is_empty() {
        return Err(Rejection::BadText {
            field: "the list of beads".to_owned(),
            why: "is empty".to_owned(),
        });
    }
    if is_there(scene, &spec, beads) {
        return Ok(vec![]);
    }
    check_policy(rig, &spec)?;
    check_limits(scene, max, until)?;
    let id = scene.free_id(rig, &spec.title, &spec.description, &[].into())?;
    let ordinal = scene.graph.next_ordinal();
    let bead = fresh(scene, id.clone(), rig.name.clone(), spec, ordinal);
    let goal = Goal {
        target,
        max,
        until,
        // The beads are the plan, and whoever names them has seen it.
        plan: PlanState::Approved,
        approval: crate::Approval::NotNeeded,
        replans: 0,
        replan: Vec::new(),
        failures: 0,
        stopped: None,
        beads: Vec::new(),
        proof: Vec::new(),
        landing: Landing::Unasked,
    };
    let mut joined = Vec::new();
    for member in beads {
        may_join(scene, member, &goal.target)?;
        push_once(scene, &mut joined, member, &id);
    }
    let mut events = vec![Event::GoalOpened { bead, goal }];
    events.extend(joined);
    Ok(events)
}

/// Tells whether all of the beads answer one goal that wants just that.
fn is_there(scene: Scene<'_>, spec: &BeadSpec, beads: &[BeadId]) -> bool {
    let goal_of = |id: &BeadId| scene.graph.bead(id)?.goal.as_ref();
    let Some(goal) = beads.first().and_then(goal_of) else {
        return false;
    };
    let is_wanted = |bead: &Bead| bead.spec == *spec && !bead.phase.is_finished();
    scene.graph.bead(goal).is_some_and(is_wanted)
        && beads.iter().all(|bead| goal_of(bead) == Some(goal))
}

/// Has beads answer a goal that is open.
pub(super) fn join(scene: Scene<'_>, id: &BeadId, beads: &[BeadId]) -> Decision {
    let (bead, goal) = goal_of(scene, id)?;
    let mut joined = Vec::new();
    for member in beads {
        if goal.beads.contains(member) {
            continue;
        }
        // What joins a plan that waits for a yes was in no plan that anybody looked at.
        if bead.phase.is_finished() || goal.plan == PlanState::Proposed {
            return Err(scene.wrong_phase(bead));
        }
        may_join(scene, member, &goal.target)?;
        if let Some(path) = scene.graph.cycle_by_joining(member, id) {
            return Err(Rejection::Cycle { path });
        }
        push_once(scene, &mut joined, member, id);
    }
    Ok(joined)
}

fn push_once(scene: Scene<'_>, joined: &mut Vec<Event>, bead: &BeadId, goal: &BeadId) {
    let event = Event::BeadJoined {
        bead: bead.clone(),
        goal: goal.clone(),
    };
    if joined.contains(&event) {
        return;
    }
    joined.push(event);
    // Whoever takes in what an agent found has said yes to it.
    if scene.graph.bead(bead).is_some_and(Bead::is_found_and_waits) {
        joined.push(Event::BeadRetried { bead: bead.clone() });
    }
}

/// Checks that a bead could answer a goal with this target.
fn may_join(scene: Scene<'_>, id: &BeadId, target: &Target) -> Result<(), Rejection> {
    let bead = scene.bead(id)?;
    if bead.spec.kind == BeadType::Goal {
        return Err(Rejection::BadText {
            field: format!("{id}, which is itself a goal,"),
            why: "cannot answer one".to_owned(),
        });
    }
    if bead.rig != target.rig {
        return Err(Rejection::BadText {
            field: format!("{id}, of rig {},", bead.rig),
            why: format!("cannot answer a goal of rig {}", target.rig),
        });
    }
    if bead.phase.is_finished() {
        return Err(scene.wrong_phase(bead));
    }
    if let Some(other) = &bead.goal {
        return Err(Rejection::WrongPhase {
            bead: id.clone(),
            state: format!("part of {other} already"),
            next: format!("gtd convoy show {other}"),
        });
    }
    // Work stands on the branch that it began from, and would bring that along.
    let began_for = scene.graph.target_of(bead);
    if bead.epoch.0 > 0 && began_for.as_ref() != Some(target) {
        let began = began_for.as_ref().map_or("elsewhere", Target::short_ref);
        return Err(Rejection::WrongPhase {
            bead: id.clone(),
            state: format!(
                "begun on {began} already, and the goal lands on {}",
                target.short_ref()
            ),
            next: format!("gtd bead create TITLE --discovered-from {id}"),
        });
    }
    Ok(())
}

/// Changes what is wanted of a goal, and its limits.
pub(super) fn edit(
    scene: Scene<'_>,
    id: BeadId,
    mut spec: BeadSpec,
    max: Option<u32>,
    until: Option<Timestamp>,
) -> Decision {
    let (bead, goal) = goal_of(scene, &id)?;
    spec.kind = BeadType::Goal;
    let limits = (goal.max, goal.until) != (max, until);
    if limits && bead.phase.is_finished() {
        return Err(scene.wrong_phase(bead));
    }
    if spec.policy != bead.spec.policy {
        check_policy(scene.rig(&bead.rig)?, &spec)?;
    }
    // A time that is over is no new wish where it stands already.
    check_limits(scene, max, until.filter(|_| goal.until != until))?;
    let mut events = edit_bead(scene, id.clone(), spec)?;
    if limits {
        events.push(Event::GoalEdited {
            goal: id,
            max,
            until,
        });
    }
    Ok(events)
}
