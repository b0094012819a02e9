//! Attempts at the plan of a goal.
//!
//! An attempt at a plan is an attempt at the goal itself: it has a lease and an
//! epoch as every attempt has, and what is written under it carries the epoch.
//! It ends with the plan, or it comes back with its reason.

use std::time::Duration;

use super::{Decision, Scene, bead::goal_of, holds, seat::over_budget};
use crate::{
    BeadId, Epoch, Event, Holder, HostName, Lease, PlanState, Purse, Rejection, RuntimeName,
    SeatName,
};

pub(super) fn begin(
    scene: Scene<'_>,
    id: BeadId,
    seat: SeatName,
    host: HostName,
    runtime: RuntimeName,
    epoch: Epoch,
) -> Decision {
    let (bead, goal) = goal_of(scene, &id)?;
    if holds(bead, &seat, epoch)? {
        return Ok(vec![]);
    }
    let is_wanted =
        goal.plan == PlanState::Wanted || !scene.graph.to_replan(&id, scene.now).is_empty();
    if !is_wanted || !bead.phase.is_open() {
        return Err(scene.wrong_phase(bead));
    }
    if let Some(stop) = scene.graph.stop() {
        return Err(Rejection::IsStopped {
            why: stop.why.clone(),
        });
    }
    if scene.graph.pause_of(bead).is_some() {
        return Err(Rejection::IsPaused {
            scope: id.to_string(),
        });
    }
    if let Some(why) = not_yet(scene, &id) {
        return Err(Rejection::NotReady { bead: id, why });
    }
    if let Some(taken) = scene.graph.seat(&seat) {
        return Err(Rejection::SeatTaken {
            seat,
            rig: taken.rig.clone(),
        });
    }
    // One worktree for each: what stands in it belongs to one attempt.
    let holds = |other: &&crate::Bead| {
        other.rig == bead.rig
            && other
                .phase
                .lease()
                .is_some_and(|lease| *lease.holder.name() == seat)
    };
    if let Some(other) = scene.graph.planning().find(holds) {
        return Err(Rejection::SeatBusy {
            seat,
            bead: other.id.clone(),
        });
    }
    let reserved = Purse::new(scene.graph, scene.now)
        .reserve_plan(bead, &runtime)
        .map_err(|short| over_budget(&id, &short))?;
    let rules = &scene.rig(&bead.rig)?.rules.worker;
    let until = scene.now.plus(Duration::from_millis(rules.limit_ms));
    Ok(vec![Event::LeaseGranted {
        bead: id,
        lease: Lease {
            holder: Holder::Seat { seat, host },
            epoch,
            granted_at: scene.now,
            until,
            reserved,
            run: None,
            runtime: Some(runtime),
        },
    }])
}

/// Says why no attempt at the plan of a goal may begin now, if none may.
fn not_yet(scene: Scene<'_>, id: &BeadId) -> Option<String> {
    let (graph, now) = (scene.graph, scene.now);
    let (bead, goal) = (graph.bead(id)?, graph.goal(id)?);
    if let Some((_, need)) = graph.unmet_needs(bead).next() {
        return Some(format!("it waits for {}", need.on));
    }
    if graph.is_spent(bead) {
        return Some("all of its attempts are spent".to_owned());
    }
    if goal.until.is_some_and(|until| until <= now) {
        return Some("its time is over".to_owned());
    }
    let is_early = bead.waits_until().is_some_and(|until| until > now);
    is_early.then(|| "its time has not come".to_owned())
}
