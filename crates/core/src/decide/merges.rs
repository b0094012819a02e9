//! A person's hand on the merges: what is held, what is first, what is tried again, which gates run.

use super::{Decision, Scene, TEXT_MAX, check_text, flakes, guard};
use crate::{
    Bead, BeadId, BeadType, Event, GateAsk, GateName, GateRun, HoldKind, MergeHold, Oid, Phase,
    Rejection, RigName, Timestamp,
};

/// Gates that may wait for their turn in one rig.
const ASKS_MAX: usize = 100;

pub(super) fn hold(
    scene: Scene<'_>,
    rig: RigName,
    kind: HoldKind,
    until: Option<Timestamp>,
    why: String,
) -> Decision {
    check_text("the reason", &why, TEXT_MAX)?;
    scene.rig(&rig)?;
    let bad = |field: &str, why: &str| Rejection::BadText {
        field: field.to_owned(),
        why: why.to_owned(),
    };
    if kind == HoldKind::Freeze && why.trim().is_empty() {
        return Err(bad("the reason of a freeze", "is empty"));
    }
    if until.is_some_and(|until| until <= scene.now) {
        return Err(bad("the end of the hold", "lies in the past"));
    }
    let known = scene.graph.hold_of(&rig, kind, scene.now);
    if known.is_some_and(|known| known.until == until && known.why == why) {
        return Ok(vec![]);
    }
    Ok(vec![Event::MergesHeld {
        hold: MergeHold {
            rig,
            kind,
            by: scene.by.clone(),
            since: scene.now,
            until,
            why,
        },
    }])
}

pub(super) fn release(scene: Scene<'_>, rig: RigName) -> Decision {
    scene.rig(&rig)?;
    let held = scene.graph.holds().filter(|hold| hold.rig == rig);
    let mut events: Vec<Event> = held
        .map(|hold| Event::MergesReleased {
            rig: rig.clone(),
            kind: hold.kind,
        })
        .collect();
    let halted = scene
        .graph
        .queues()
        .filter(|queue| queue.target.rig == rig && queue.halt.is_some());
    events.extend(halted.map(|queue| Event::QueueResumed {
        target: queue.target.clone(),
    }));
    Ok(events)
}

pub(super) fn prefer(scene: Scene<'_>, id: BeadId) -> Decision {
    let bead = scene.bead(&id)?;
    if !matches!(bead.phase, Phase::Submitted { .. }) {
        return Err(scene.wrong_phase(bead));
    }
    let target = scene.graph.target_of(bead);
    let is_first = target
        .and_then(|target| scene.graph.queued(&target).next())
        .is_some_and(|first| first.id == id);
    if is_first {
        return Ok(vec![]);
    }
    Ok(vec![Event::SubmissionPreferred { bead: id }])
}

pub(super) fn retry(scene: Scene<'_>, id: BeadId) -> Decision {
    let bead = scene.bead(&id)?;
    match &bead.phase {
        // A person's yes is worth that of a reviewer.
        Phase::Submitted { .. } if scene.graph.reviewing(bead).is_waiting() => {
            restored(scene, bead)
        }
        Phase::Submitted { .. } => Ok(resumed(scene, bead).into_iter().collect()),
        Phase::Returned { .. } | Phase::Parked { .. } => restored(scene, bead),
        _ => Err(scene.wrong_phase(bead)),
    }
}

/// Lets the queue of a bead go on when it stands still or suspects the bead: what a gate said
/// against it counts no more, and it runs anew.
fn resumed(scene: Scene<'_>, bead: &Bead) -> Option<Event> {
    let target = scene.graph.target_of(bead)?;
    let queue = scene.graph.queue(&target)?;
    let holds_it_up = queue.halt.is_some() || queue.suspects.contains(&bead.id);
    holds_it_up.then(|| Event::QueueResumed {
        target: queue.target.clone(),
    })
}

/// Puts what was handed in last into the queue again, as it was.
fn restored(scene: Scene<'_>, bead: &Bead) -> Decision {
    let last = bead
        .attempts
        .last()
        .filter(|attempt| attempt.epoch == bead.epoch);
    let handed_in = last.and_then(|attempt| Some((attempt, attempt.head.clone()?)));
    let Some((attempt, head)) = handed_in else {
        return Err(Rejection::NotReady {
            bead: bead.id.clone(),
            why: "its last attempt handed nothing in".to_owned(),
        });
    };
    if bead.spec.kind == BeadType::Goal {
        return Err(scene.wrong_phase(bead));
    }
    // It would come back at once.
    guard::may_be_queued(scene, bead, &head)?;
    let put_back = Event::SubmissionRestored {
        bead: bead.id.clone(),
        epoch: attempt.epoch,
        base: attempt.base.clone().unwrap_or_else(|| head.clone()),
        head,
    };
    Ok(std::iter::once(put_back)
        .chain(resumed(scene, bead))
        .collect())
}

pub(super) fn ask_gate(
    scene: Scene<'_>,
    rig: RigName,
    gate: GateName,
    commit: Oid,
    bead: Option<BeadId>,
) -> Decision {
    let known = scene.rig(&rig)?;
    if known.rules.gates.iter().all(|other| other.name != gate) {
        return Err(Rejection::NotFound {
            kind: "gate".to_owned(),
            name: gate.to_string(),
        });
    }
    if let Some(bead) = &bead {
        scene.bead(bead)?;
    }
    // A gate is a command of the configuration.
    if known.revoked.is_some() {
        return Err(Rejection::Untrusted { rig });
    }
    if let Some(stop) = scene.graph.stop() {
        return Err(Rejection::IsStopped {
            why: stop.why.clone(),
        });
    }
    let waiting = scene.graph.gate_asks().filter(|ask| ask.rig == rig);
    if waiting.count() >= ASKS_MAX {
        return Err(Rejection::BadText {
            field: "the queue of gates that were asked for".to_owned(),
            why: format!("is full ({ASKS_MAX})"),
        });
    }
    Ok(vec![Event::GateAsked {
        ask: GateAsk {
            number: scene.graph.next_gate_ask(),
            rig,
            gate,
            commit,
            bead,
            by: scene.by.clone(),
            since: scene.now,
        },
    }])
}

pub(super) fn answer_gate(scene: Scene<'_>, number: u64, runs: Vec<GateRun>) -> Decision {
    let Some(ask) = scene.graph.gate_ask(number) else {
        return Ok(vec![]);
    };
    let filed = match scene.graph.rig(&ask.rig) {
        Some(rig) => flakes::filed(scene, rig, &runs),
        None => vec![],
    };
    let answered = Event::GateAnswered {
        ask: ask.clone(),
        runs,
    };
    Ok(std::iter::once(answered).chain(filed).collect())
}
