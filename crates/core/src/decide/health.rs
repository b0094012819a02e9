//! The witness's pen: it ends what is dead and sets aside what keeps failing.

use super::{Decision, Scene, TEXT_MAX, check_text, question};
use crate::{
    BeadId, Epoch, Event, Fault, FaultClass, PauseScope, Phase, PlanState, Rejection, RigName,
};

pub(super) fn expire(scene: Scene<'_>, id: BeadId, epoch: Epoch, why: Fault) -> Decision {
    check_text("the reason", &why.text, TEXT_MAX)?;
    let bead = scene.bead(&id)?;
    if bead.epoch == epoch && bead.phase.lease().is_none() {
        return Ok(vec![]);
    }
    scene.leased(bead, epoch)?;
    let not_before = scene.not_before(bead, &why);
    let asks = question::parked(bead, &why);
    let mut events = vec![Event::LeaseExpired {
        bead: id,
        epoch,
        why,
        not_before,
    }];
    events.extend(asks);
    Ok(events)
}

pub(super) fn quarantine(scene: Scene<'_>, id: BeadId) -> Decision {
    let bead = scene.bead(&id)?;
    let limit = scene.rig(&bead.rig)?.rules.worker.attempts;
    match &bead.phase {
        Phase::Parked { .. } => return Ok(vec![]),
        Phase::Open | Phase::Returned { .. } => {}
        _ => return Err(scene.wrong_phase(bead)),
    }
    if !scene.graph.is_spent(bead) {
        return Err(Rejection::NotSpent {
            bead: id,
            spent: bead.spent,
            limit,
        });
    }
    let last = match &bead.phase {
        Phase::Returned { why } => Fault::clone(why),
        _ => Fault {
            class: FaultClass::Attempts,
            text: "no attempt is left".to_owned(),
            evidence: String::new(),
            run: None,
        },
    };
    let text = match (bead.spent, limit) {
        (1, 1) => format!("its only attempt failed: {}", last.text),
        (spent, limit) => {
            format!(
                "{spent} of {limit} attempts failed; the last: {}",
                last.text
            )
        }
    };
    let goal = scene.graph.goal(&id);
    if goal.is_some_and(|goal| goal.plan == PlanState::Approved) {
        // It has a plan: what is parked in it is a person's again.
        return Ok(vec![Event::PlanKept {
            goal: id,
            why: format!("no new plan was made: {text}"),
        }]);
    }
    Ok(vec![Event::BeadQuarantined {
        bead: id,
        why: Fault {
            class: FaultClass::Attempts,
            text,
            ..last
        },
    }])
}

pub(super) fn trip_breaker(scene: Scene<'_>, rig: RigName) -> Decision {
    let limit = scene.rig(&rig)?.rules.worker.breaker;
    let streak = scene.graph.streak(&rig);
    let scope = PauseScope::Rig(rig.clone());
    let is_paused = scene
        .graph
        .pauses()
        .iter()
        .any(|pause| pause.scope == scope);
    if limit == 0 || streak < limit || is_paused {
        return Ok(vec![]);
    }
    Ok(vec![Event::BreakerTripped {
        rig,
        goal: None,
        why: format!("{streak} attempts in a row failed and none succeeded"),
    }])
}

/// Pauses a goal that its policy stops now.
pub(super) fn stop_goal(scene: Scene<'_>, rig: RigName, id: BeadId) -> Decision {
    super::bead::goal_of(scene, &id)?;
    let stops = scene.graph.stops_goal(&id, scene.now);
    let stopped = stops.map(|why| Event::BreakerTripped {
        rig,
        goal: Some(id),
        why,
    });
    Ok(stopped.into_iter().collect())
}

pub(super) fn escalate(scene: Scene<'_>, about: String, text: String) -> Decision {
    check_text("the text", &text, TEXT_MAX)?;
    let known = scene
        .graph
        .escalations()
        .iter()
        .any(|known| known.about == about);
    if known {
        return Ok(vec![]);
    }
    Ok(vec![Event::Escalated { about, text }])
}
