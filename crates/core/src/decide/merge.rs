//! The refinery's pen: candidates, verdicts, landings.

use std::collections::BTreeSet;

use super::{Decision, Scene, TEXT_MAX, check_text, flakes, guard};
use crate::{
    BeadId, Candidate, CandidateId, Epoch, Event, Evidence, Fault, GateRun, Halt, HaltKind,
    HoldKind, Member, Oid, Phase, Queue, Rejection, Target, Verdict,
};

/// Infrastructure failures in a row after which a person is asked.
const INFRA_MAX: u32 = 2;

#[expect(clippy::too_many_arguments, reason = "they are the command's fields")]
pub(super) fn form(
    scene: Scene<'_>,
    id: CandidateId,
    target: Target,
    base: Oid,
    members: Vec<Member>,
    commit: Oid,
    tree: Oid,
    retry: u32,
) -> Decision {
    scene.rig(&target.rig)?;
    if let Some(current) = scene
        .graph
        .queue(&target)
        .and_then(|queue| queue.candidate.as_ref())
    {
        return if current.id == id {
            Ok(vec![])
        } else {
            Err(Rejection::CandidateBusy {
                candidate: current.id.clone(),
            })
        };
    }
    let bad = |why: String| Rejection::BadText {
        field: "a candidate".to_owned(),
        why,
    };
    if members.is_empty() {
        return Err(bad("has no members".to_owned()));
    }
    if let Some(stop) = scene.graph.stop() {
        return Err(Rejection::IsStopped {
            why: stop.why.clone(),
        });
    }
    if let Some(hold) = scene.graph.hold_of(&target.rig, HoldKind::Pause, scene.now) {
        return Err(hold.refusal());
    }
    let queue = scene.graph.queue(&target);
    if queue.is_some_and(|queue| queue.halt.is_some()) {
        return Err(Rejection::IsPaused {
            scope: target.short_ref().to_owned(),
        });
    }
    let mut seen = BTreeSet::new();
    for member in &members {
        let bead = scene.bead(&member.bead)?;
        if !seen.insert(&member.bead) {
            return Err(bad(format!("holds {} twice", bead.id)));
        }
        if scene.graph.target_of(bead).as_ref() != Some(&target) {
            return Err(bad(format!("holds {}, which lands elsewhere", bead.id)));
        }
        if scene.graph.pause_of(bead).is_some() {
            return Err(Rejection::IsPaused {
                scope: bead.id.to_string(),
            });
        }
        match &bead.phase {
            Phase::Submitted { epoch, head, .. }
                if *epoch == member.epoch && *head == member.head =>
            {
                guard::lets_through(scene, bead, head)?;
            }
            _ => return Err(scene.stale(bead, member.epoch)),
        }
    }
    let mut events = Vec::new();
    if let Some(tip) = queue.and_then(|queue| queue.tip.as_ref())
        && *tip != base
    {
        events.push(Event::TargetMoved {
            target: target.clone(),
            from: Some(tip.clone()),
            to: base.clone(),
        });
    }
    events.push(Event::CandidateFormed {
        candidate: Candidate {
            id,
            target,
            base,
            members,
            commit,
            tree,
            retry,
            verdict: None,
            gates: vec![],
            formed_at: scene.now,
        },
    });
    Ok(events)
}

fn has_landed(scene: Scene<'_>, id: &CandidateId) -> bool {
    scene.graph.beads_of_candidate(id).next().is_some()
}

fn in_test<'a>(scene: Scene<'a>, id: &CandidateId) -> Option<(&'a Queue, &'a Candidate)> {
    scene.graph.queues().find_map(|queue| {
        let candidate = queue.candidate.as_ref()?;
        (candidate.id == *id).then_some((queue, candidate))
    })
}

pub(super) fn judge(
    scene: Scene<'_>,
    id: CandidateId,
    verdict: Verdict,
    gates: Vec<GateRun>,
) -> Decision {
    let Some((queue, candidate)) = in_test(scene, &id) else {
        return if verdict == Verdict::Passed && has_landed(scene, &id) {
            Ok(vec![])
        } else {
            Err(Rejection::NoCandidate { candidate: id })
        };
    };
    if candidate.verdict.as_ref() == Some(&verdict) {
        return Ok(vec![]);
    }
    if candidate.verdict.is_some() {
        return Err(Rejection::CandidateBusy { candidate: id });
    }
    let rig = scene.rig(&candidate.target.rig)?;
    let proven = rig
        .rules
        .gates
        .iter()
        .filter(|gate| gate.when.is_for_merge())
        .all(|gate| {
            gates.iter().any(|run| {
                run.gate == gate.name
                    && run.verdict == Verdict::Passed
                    && queue.is_about(candidate, run)
            })
        });
    if verdict == Verdict::Passed && !proven {
        return Err(Rejection::NotProven { candidate: id });
    }
    let mut events = vec![Event::CandidateJudged {
        candidate: id,
        verdict,
        gates: gates.clone(),
    }];
    if verdict == Verdict::Infra
        && queue.infra + 1 >= INFRA_MAX
        && let Some(run) = gates.iter().find(|run| run.verdict == Verdict::Infra)
    {
        events.push(halted(scene, &queue.target, HaltKind::GateInfra, run));
    }
    events.extend(flakes::filed(scene, rig, &gates));
    Ok(events)
}

fn halted(scene: Scene<'_>, target: &Target, kind: HaltKind, run: &GateRun) -> Event {
    let text = match kind {
        HaltKind::MainRed => format!(
            "{} fails `{}` without us ({})",
            target.short_ref(),
            run.gate,
            run.detail
        ),
        HaltKind::GateInfra => format!("gate `{}` could not run ({})", run.gate, run.detail),
    };
    Event::QueueHalted {
        target: target.clone(),
        halt: Halt {
            kind,
            gate: run.gate.clone(),
            text,
            commit: run.commit.clone(),
            run: run.run.clone(),
            since: scene.now,
        },
    }
}

pub(super) fn land(scene: Scene<'_>, id: CandidateId) -> Decision {
    let Some((_, candidate)) = in_test(scene, &id) else {
        return if has_landed(scene, &id) {
            Ok(vec![])
        } else {
            Err(Rejection::NoCandidate { candidate: id })
        };
    };
    if candidate.verdict != Some(Verdict::Passed) {
        return Err(Rejection::NotProven { candidate: id });
    }
    Ok(vec![landed(scene, candidate)])
}

fn landed(scene: Scene<'_>, candidate: &Candidate) -> Event {
    Event::CandidateLanded {
        candidate: candidate.id.clone(),
        evidence: Some(Box::new(Evidence::of(scene.graph, candidate))),
    }
}

pub(super) fn void(scene: Scene<'_>, id: CandidateId, why: String) -> Decision {
    if in_test(scene, &id).is_none() {
        return Ok(vec![]);
    }
    Ok(vec![Event::CandidateVoided { candidate: id, why }])
}

pub(super) fn send_back(scene: Scene<'_>, id: BeadId, epoch: Epoch, why: Fault) -> Decision {
    check_text("the reason", &why.text, TEXT_MAX)?;
    check_text("the evidence", &why.evidence, TEXT_MAX)?;
    let bead = scene.bead(&id)?;
    match &bead.phase {
        Phase::Submitted { epoch: current, .. } if *current == epoch => {}
        Phase::Returned { .. } if bead.epoch == epoch => return Ok(vec![]),
        _ => return Err(scene.stale(bead, epoch)),
    }
    let not_before = scene.not_before(bead, &why);
    Ok(vec![Event::SubmissionReturned {
        bead: id,
        epoch,
        why,
        not_before,
    }])
}

pub(super) fn observe_target(scene: Scene<'_>, target: Target, tip: Oid) -> Decision {
    scene.rig(&target.rig)?;
    let queue = scene.graph.queue(&target);
    let from = queue.and_then(|queue| queue.tip.clone());
    if from.as_ref() == Some(&tip) {
        return Ok(vec![]);
    }
    // Our own proven commit on the target is a landing that nobody recorded yet.
    if let Some(candidate) = queue.and_then(|queue| queue.candidate.as_ref())
        && candidate.commit == tip
        && candidate.verdict == Some(Verdict::Passed)
    {
        return Ok(vec![landed(scene, candidate)]);
    }
    Ok(vec![Event::TargetMoved {
        target,
        from,
        to: tip,
    }])
}

pub(super) fn judge_base(scene: Scene<'_>, target: Target, gate: GateRun) -> Decision {
    let rig = scene.rig(&target.rig)?;
    let queue = scene.graph.queue(&target);
    let tip = queue.and_then(|queue| queue.tip.as_ref());
    // What a gate showed elsewhere says nothing about the present tip.
    let is_stale = match (tip, gate.verdict) {
        (Some(tip), _) => *tip != gate.commit,
        (None, Verdict::Passed) => true,
        (None, Verdict::Failed | Verdict::Infra) => false,
    };
    let known = queue.is_some_and(|queue| {
        queue.halt.is_some()
            || (gate.verdict == Verdict::Passed && queue.green.contains(&gate.gate))
    });
    if known || is_stale {
        return Ok(vec![]);
    }
    let mut events = vec![Event::BaseJudged {
        target: target.clone(),
        gate: gate.clone(),
    }];
    match gate.verdict {
        Verdict::Passed => {}
        Verdict::Failed => events.push(halted(scene, &target, HaltKind::MainRed, &gate)),
        Verdict::Infra => events.push(halted(scene, &target, HaltKind::GateInfra, &gate)),
    }
    events.extend(flakes::filed(scene, rig, std::slice::from_ref(&gate)));
    Ok(events)
}
