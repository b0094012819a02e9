//! What gtd's own gates find in submissions, and what is held back by it.

use super::{Decision, Scene, TEXT_MAX, check_text, reviewing};
use crate::{
    Bead, BeadId, Epoch, Event, Guard, GuardPolicy, GuardReport, Oid, Phase, Rejection, Waived,
};

pub(super) fn record(
    scene: Scene<'_>,
    id: BeadId,
    epoch: Epoch,
    head: Oid,
    report: GuardReport,
) -> Decision {
    check_text("what was found", &report.told(), TEXT_MAX)?;
    let bead = scene.handed_in(&id, epoch, &head)?;
    let attempt = bead.attempt(epoch);
    let known = attempt.and_then(|attempt| attempt.guarded(report.guard, &head));
    if known == Some(&report) {
        return Ok(vec![]);
    }
    Ok(vec![Event::SubmissionGuarded {
        bead: id,
        epoch,
        head,
        report,
    }])
}

pub(super) fn waive(
    scene: Scene<'_>,
    id: BeadId,
    head: Oid,
    what: Waived,
    why: String,
) -> Decision {
    check_text("the reason", &why, TEXT_MAX)?;
    check_text("what is waived", what.told(), TEXT_MAX)?;
    if why.trim().is_empty() {
        return Err(Rejection::BadText {
            field: "the reason of a waiver".to_owned(),
            why: "is empty".to_owned(),
        });
    }
    let bead = scene.bead(&id)?;
    let is_open = matches!(
        bead.phase,
        Phase::Submitted { .. } | Phase::Returned { .. } | Phase::Parked { .. }
    );
    let not_ready = |why: String| Rejection::NotReady {
        bead: id.clone(),
        why,
    };
    let attempt = bead.attempt(bead.epoch).filter(|_| is_open);
    let Some((attempt, now)) = attempt.and_then(|attempt| Some((attempt, attempt.head.as_ref()?)))
    else {
        return Err(scene.wrong_phase(bead));
    };
    if *now != head {
        let why = format!("{} is handed in now, and not {}", now.short(), head.short());
        return Err(not_ready(why));
    }
    match &what {
        Waived::Guard(guard) => match attempt.guarded(*guard, &head) {
            None => return Err(not_ready(format!("{} has not looked at it", guard.word()))),
            Some(report) if report.is_clean() => {
                return Err(not_ready(format!("{} found nothing in it", guard.word())));
            }
            Some(_) => {}
        },
        Waived::Criterion(text) => {
            let mut criteria = bead.spec.acceptance.iter();
            if !criteria.any(|criterion| criterion.text == *text) {
                return Err(Rejection::NotFound {
                    kind: "criterion".to_owned(),
                    name: text.clone(),
                });
            }
        }
    }
    let known = attempt.waived(&what, &head);
    if known.is_some_and(|known| known.why == why) {
        return Ok(vec![]);
    }
    Ok(vec![Event::SubmissionWaived {
        bead: id,
        epoch: attempt.epoch,
        head,
        what,
        why,
    }])
}

/// Refuses a submission that a gate of gtd's own holds back, or that it has not looked at, and one
/// that waits for a reviewer.
pub(super) fn lets_through(scene: Scene<'_>, bead: &Bead, head: &Oid) -> Result<(), Rejection> {
    is_not_held(scene, bead, head)?;
    if scene.graph.policy_of(bead).lands_nothing() {
        return Err(Rejection::NotReady {
            bead: bead.id.clone(),
            why: "the policy of its goal lands nothing".to_owned(),
        });
    }
    let attempt = bead.attempt(bead.epoch);
    for guard in blocking(scene, bead)? {
        if attempt.is_none_or(|attempt| attempt.guarded(guard, head).is_none()) {
            return Err(Rejection::NotReady {
                bead: bead.id.clone(),
                why: format!("{} has not looked at it", guard.word()),
            });
        }
    }
    reviewing::lets_through(scene, bead)
}

/// Refuses a submission that a gate of gtd's own holds back.
fn is_not_held(scene: Scene<'_>, bead: &Bead, head: &Oid) -> Result<(), Rejection> {
    match held(scene, bead, head)?.first() {
        Some(report) => Err(refused(bead, head, report)),
        None => Ok(()),
    }
}

/// Refuses a submission that would come back at once. One that waits for a yes waits in the queue.
pub(super) fn may_be_queued(scene: Scene<'_>, bead: &Bead, head: &Oid) -> Result<(), Rejection> {
    let held = held(scene, bead, head)?;
    match held.iter().find(|report| !report.guard.asks()) {
        Some(report) => Err(refused(bead, head, report)),
        None => Ok(()),
    }
}

fn held<'a>(
    scene: Scene<'_>,
    bead: &'a Bead,
    head: &Oid,
) -> Result<Vec<&'a GuardReport>, Rejection> {
    let attempt = bead.attempt(bead.epoch);
    let blocking = blocking(scene, bead)?.into_iter();
    let held = blocking.filter_map(|guard| attempt?.held_by(guard, head));
    Ok(held.collect())
}

fn refused(bead: &Bead, head: &Oid, report: &GuardReport) -> Rejection {
    let (id, word) = (&bead.id, report.guard.word());
    Rejection::WrongPhase {
        bead: id.clone(),
        state: format!("held back by {word}: {}", report.summary()),
        next: if report.guard.asks() {
            format!("gtd approve {id} --at {}", head.short())
        } else {
            format!("gtd merge waive {id} --gate {word} --reason WHY")
        },
    }
}

fn blocking(scene: Scene<'_>, bead: &Bead) -> Result<Vec<Guard>, Rejection> {
    let rules = &scene.rig(&bead.rig)?.rules.merge;
    let all = Guard::ALL.into_iter();
    let blocking = all.filter(|guard| rules.policy_for(*guard, bead) == GuardPolicy::Block);
    Ok(blocking.collect())
}
