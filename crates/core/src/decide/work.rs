//! The lease holder's pen. Every write carries the epoch, and a stale one can do nothing.

use std::time::Duration;

use super::{Decision, Scene, TEXT_MAX, bead::hand_over, check_text, question, seat::may_begin};
use crate::{
    Actor, Bead, BeadId, BeadType, CheckRun, Epoch, Event, Fault, FaultClass, Holder, Lease, Oid,
    Outcome, Phase, Rejection, Reserved, RigName, RunId, SeatName, UsageDelta,
};

/// How long a claim lasts without a sign of life.
const CLAIM: Duration = Duration::from_hours(8);

pub(super) fn claim(scene: Scene<'_>, id: BeadId, name: SeatName) -> Decision {
    let bead = scene.bead(&id)?;
    if let Phase::Leased(lease) = &bead.phase {
        let claimed = Holder::Claimant { name };
        return if lease.holder == claimed {
            Ok(vec![])
        } else {
            Err(Rejection::AlreadyHeld {
                bead: id,
                holder: lease.holder.name().clone(),
            })
        };
    }
    if scene.graph.seat(&name).is_some() {
        return Err(Rejection::SeatTaken {
            rig: bead.rig.clone(),
            seat: name,
        });
    }
    may_begin(scene, &id)?;
    Ok(vec![Event::LeaseGranted {
        lease: Lease {
            holder: Holder::Claimant { name },
            epoch: bead.epoch.next(),
            granted_at: scene.now,
            until: scene.now.plus(CLAIM),
            reserved: Reserved::default(),
            run: None,
            runtime: None,
        },
        bead: id,
    }])
}

pub(super) fn claim_next(scene: Scene<'_>, rig: RigName, name: SeatName) -> Decision {
    scene.rig(&rig)?;
    let next = scene
        .graph
        .ready(&rig, scene.now)
        .find(|bead| may_begin(scene, &bead.id).is_ok())
        .map(|bead| bead.id.clone());
    match next {
        Some(bead) => claim(scene, bead, name),
        None => Err(Rejection::NothingReady { rig }),
    }
}

pub(super) fn started(
    scene: Scene<'_>,
    id: BeadId,
    epoch: Epoch,
    run: RunId,
    told: u32,
) -> Decision {
    let bead = scene.bead(&id)?;
    let lease = scene.leased(bead, epoch)?;
    if lease.run.as_ref() == Some(&run) {
        return Ok(vec![]);
    }
    Ok(vec![Event::RunStarted {
        bead: id,
        epoch,
        run,
        told,
    }])
}

pub(super) fn heartbeat(scene: Scene<'_>, id: BeadId, epoch: Epoch) -> Decision {
    let bead = scene.bead(&id)?;
    scene.leased(bead, epoch)?;
    Ok(sign_of_life(scene, bead).into_iter().collect())
}

/// Renews a claim. A sign of life is no event by itself; only a lease about to run out is renewed.
pub(super) fn sign_of_life(scene: Scene<'_>, bead: &Bead) -> Option<Event> {
    let lease = bead.phase.lease()?;
    let is_claim = matches!(lease.holder, Holder::Claimant { .. });
    let is_due = lease.until <= scene.now.plus(CLAIM / 2);
    (is_claim && is_due).then(|| Event::LeaseRenewed {
        bead: bead.id.clone(),
        epoch: lease.epoch,
        until: scene.now.plus(CLAIM),
    })
}

pub(super) fn record_usage(
    scene: Scene<'_>,
    id: BeadId,
    epoch: Epoch,
    usage: UsageDelta,
) -> Decision {
    let bead = scene.bead(&id)?;
    if epoch > bead.epoch || epoch == Epoch(0) {
        return Err(scene.stale(bead, epoch));
    }
    let is_review = crate::review_of_run(&usage.run).is_some_and(|(of, ..)| of == id);
    if let Actor::Role(name) = scene.by
        && name.as_str() == "refinery"
        && !is_review
    {
        return Err(Rejection::NotYours {
            caller: scene.by.to_string(),
            verb: format!("tell what {} has used", usage.run),
        });
    }
    if usage.sequence <= scene.graph.metered(&usage.run).sequence {
        return Ok(vec![]);
    }
    Ok(vec![Event::UsageRecorded { bead: id, usage }])
}

/// Refuses what is for beads alone: whoever plans a goal hands in a plan and no work.
fn hands_in(bead: &Bead, verb: &str) -> Result<(), Rejection> {
    if bead.spec.kind != BeadType::Goal {
        return Ok(());
    }
    Err(Rejection::NotYours {
        caller: format!("whoever plans {}", bead.id),
        verb: verb.to_owned(),
    })
}

/// Tells whether the attempt of `epoch` has ended in the way that is asked for.
fn already(bead: &Bead, epoch: Epoch, ended: impl Fn(&Bead) -> bool) -> bool {
    bead.epoch == epoch && bead.phase.lease().is_none() && ended(bead)
}

/// Refuses the end of an attempt whose agent has asked: whoever saw it end has not seen that yet.
pub(super) fn nothing_asked(scene: Scene<'_>, bead: &Bead) -> Result<(), Rejection> {
    match bead.question() {
        Some(_) => Err(scene.wrong_phase(bead)),
        None => Ok(()),
    }
}

pub(super) fn submit(
    scene: Scene<'_>,
    id: BeadId,
    epoch: Epoch,
    head: Oid,
    base: Oid,
    summary: String,
    checks: Vec<CheckRun>,
) -> Decision {
    check_text("the summary", &summary, TEXT_MAX)?;
    let bead = scene.bead(&id)?;
    let handed_in = |bead: &Bead| {
        bead.attempts
            .last()
            .is_some_and(|attempt| attempt.epoch == epoch && attempt.head.as_ref() == Some(&head))
    };
    if already(bead, epoch, handed_in) {
        return Ok(vec![]);
    }
    let lease = scene.leased(bead, epoch)?;
    nothing_asked(scene, bead)?;
    // Whoever works outside of gtd vouches for its checks alone, which is no record.
    let checks = match lease.holder {
        Holder::Seat { .. } => checks,
        Holder::Claimant { .. } => vec![],
    };
    hands_in(bead, "hand in work")?;
    Ok(vec![Event::WorkSubmitted {
        bead: id,
        epoch,
        head,
        base,
        summary,
        checks,
    }])
}

pub(super) fn give_back(scene: Scene<'_>, id: BeadId, epoch: Epoch, why: Fault) -> Decision {
    check_text("the reason", &why.text, TEXT_MAX)?;
    check_text("the evidence", &why.evidence, TEXT_MAX)?;
    let bead = scene.bead(&id)?;
    if already(bead, epoch, |bead| {
        matches!(bead.phase, Phase::Returned { .. } | Phase::Parked { .. })
    }) {
        return Ok(vec![]);
    }
    scene.leased(bead, epoch)?;
    let not_before = scene.not_before(bead, &why);
    let asks = question::parked(bead, &why).or_else(|| needs_somebody(bead, &why));
    let mut events = vec![Event::WorkReturned {
        bead: id,
        epoch,
        why,
        not_before,
    }];
    events.extend(asks);
    Ok(events)
}

/// Parks a bead whose script met a conflict: it would meet the same one again.
fn needs_somebody(bead: &Bead, why: &Fault) -> Option<Event> {
    let is_conflict = matches!(why.class, FaultClass::Conflict { .. });
    (is_conflict && !bead.is_for_an_agent()).then(|| Event::BeadParked {
        bead: bead.id.clone(),
        why: why.clone(),
    })
}

pub(super) fn finish(
    scene: Scene<'_>,
    id: BeadId,
    epoch: Epoch,
    outcome: Outcome,
    why: String,
) -> Decision {
    check_text("the reason", &why, TEXT_MAX)?;
    let bead = scene.bead(&id)?;
    if !outcome.is_good() {
        return Err(Rejection::NotYours {
            caller: format!("the holder of {id}"),
            verb: "give up on it for ever".to_owned(),
        });
    }
    let finished =
        |bead: &Bead| matches!(&bead.phase, Phase::Closed { outcome: was, .. } if *was == outcome);
    if already(bead, epoch, finished) {
        return Ok(vec![]);
    }
    scene.leased(bead, epoch)?;
    nothing_asked(scene, bead)?;
    hands_in(bead, "end it")?;
    let mut events = hand_over(scene, bead, &outcome)?;
    events.push(Event::WorkClosed {
        bead: id,
        epoch,
        outcome,
        why,
    });
    Ok(events)
}
