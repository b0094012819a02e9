//! What concerns the whole town: rigs, pauses, the stop, mail, and every role's line.

use std::time::Duration;

use super::{Decision, Scene, TEXT_MAX, WORD_MAX, check_text};
use crate::{BackOff, Event, MailItem, PauseScope, Rejection, RigName, RigRules, RoleName};

pub(super) fn trust_rig(
    scene: Scene<'_>,
    rig: RigName,
    rules: RigRules,
    digest: String,
) -> Decision {
    if let Some(known) = scene.graph.rig(&rig) {
        let is_person = matches!(scene.by, crate::Actor::Person(_));
        if known.revoked.is_some() && !is_person {
            // The rules follow the user's files by themselves; trust never comes back by itself.
            return Err(Rejection::Untrusted { rig });
        }
        if known.revoked.is_none() && known.rules == rules && known.digest == digest {
            return Ok(vec![]);
        }
    }
    super::schedule::check_rules(scene, &rig, &rules)?;
    Ok(vec![Event::RigTrusted { rig, rules, digest }])
}

/// Takes the trust in a rig back: nothing of it begins until a person trusts it again.
pub(super) fn revoke_trust(scene: Scene<'_>, rig: RigName, why: String) -> Decision {
    check_text("the reason", &why, TEXT_MAX)?;
    Ok(match scene.rig(&rig)?.revoked {
        Some(_) => vec![],
        None => vec![Event::TrustRevoked { rig, why }],
    })
}

pub(super) fn remove_rig(scene: Scene<'_>, rig: RigName) -> Decision {
    if scene.graph.rig(&rig).is_none() {
        return Ok(vec![]);
    }
    if let Some(bead) = scene
        .graph
        .leased()
        .chain(scene.graph.planning())
        .chain(scene.graph.in_review())
        .find(|bead| bead.rig == rig)
    {
        return Err(scene.wrong_phase(bead));
    }
    let in_test = scene
        .graph
        .queues()
        .filter(|queue| queue.target.rig == rig)
        .find_map(|queue| queue.candidate.as_ref());
    if let Some(candidate) = in_test {
        return Err(Rejection::CandidateBusy {
            candidate: candidate.id.clone(),
        });
    }
    // Where the worktree of a member is would be forgotten with the rig.
    if let Some(member) = scene.graph.crew().find(|member| member.rig == rig) {
        let name = &member.name;
        return Err(Rejection::BadText {
            field: format!("the crew of {rig}"),
            why: format!("has {name}, who must leave first: gtd crew remove {name}"),
        });
    }
    // Its beads stay, and wait for it; its seats are empty.
    let mut events: Vec<Event> = scene
        .graph
        .seats()
        .filter(|(_, seat)| seat.rig == rig)
        .map(|(name, _)| Event::SeatClosed { seat: name.clone() })
        .collect();
    events.push(Event::RigRemoved { rig });
    Ok(events)
}

pub(super) fn pause(scene: Scene<'_>, scope: PauseScope, why: String) -> Decision {
    check_text("the reason", &why, TEXT_MAX)?;
    match &scope {
        PauseScope::Bead(id) => {
            let bead = scene.bead(id)?;
            if bead.phase.is_finished() {
                return Err(scene.wrong_phase(bead));
            }
        }
        PauseScope::Rig(rig) => {
            scene.rig(rig)?;
        }
        PauseScope::Town | PauseScope::Role(_) | PauseScope::Runtime(_) => {}
    }
    if scene
        .graph
        .pauses()
        .iter()
        .any(|known| known.scope == scope)
    {
        return Ok(vec![]);
    }
    Ok(vec![Event::Paused { scope, why }])
}

pub(super) fn resume(scene: Scene<'_>, scope: PauseScope) -> Decision {
    let mut events: Vec<Event> = scene
        .graph
        .queues()
        .filter(|queue| queue.halt.is_some())
        .filter(|queue| match &scope {
            PauseScope::Town => true,
            PauseScope::Rig(rig) => *rig == queue.target.rig,
            PauseScope::Bead(_) | PauseScope::Role(_) | PauseScope::Runtime(_) => false,
        })
        .map(|queue| Event::QueueResumed {
            target: queue.target.clone(),
        })
        .collect();
    // A resume of the town ends the pauses of its rigs too: the person said "go on".
    let ended = scene.graph.pauses().iter().filter(|pause| {
        pause.scope != scope
            && scope == PauseScope::Town
            && matches!(pause.scope, PauseScope::Rig(_))
    });
    events.extend(ended.map(|pause| Event::Resumed {
        scope: pause.scope.clone(),
    }));
    let is_paused = scene
        .graph
        .pauses()
        .iter()
        .any(|pause| pause.scope == scope);
    if is_paused || alerts(scene, &scope) {
        events.push(Event::Resumed { scope });
    }
    Ok(events)
}

/// Tells whether something in the scope waits for a person who says "I have seen it".
fn alerts(scene: Scene<'_>, scope: &PauseScope) -> bool {
    let is_told = |about: &str| {
        scene
            .graph
            .escalations()
            .iter()
            .any(|known| known.about == about)
    };
    match scope {
        PauseScope::Town => {
            !scene.graph.escalations().is_empty() || scene.graph.degraded().next().is_some()
        }
        PauseScope::Rig(rig) => is_told(rig.as_str()),
        PauseScope::Bead(bead) => is_told(bead.as_str()),
        PauseScope::Role(role) => {
            is_told(role.as_str()) || scene.graph.degraded().any(|(known, _)| known == role)
        }
        PauseScope::Runtime(runtime) => {
            let hold = scene.graph.runtime_hold(runtime.as_str());
            hold.is_some_and(|hold| !hold.is_over(scene.now))
        }
    }
}

pub(super) fn stop(scene: Scene<'_>, why: String) -> Decision {
    check_text("the reason", &why, TEXT_MAX)?;
    if scene.graph.stop().is_some() {
        return Ok(vec![]);
    }
    Ok(vec![Event::Stopped { why }])
}

pub(super) fn thaw(scene: Scene<'_>) -> Decision {
    if scene.graph.stop().is_none() {
        return Ok(vec![]);
    }
    Ok(vec![Event::Thawed])
}

pub(super) fn back_off(scene: Scene<'_>, key: String, why: String) -> Decision {
    check_text("the reason", &why, TEXT_MAX)?;
    let failures = scene.graph.back_off(&key).map_or(0, |known| known.failures) + 1;
    let wait = Duration::from_secs(1 << failures.min(6)).min(BackOff::MAX);
    Ok(vec![Event::EffectBackedOff {
        key,
        failures,
        until: scene.now.plus(wait),
        why,
    }])
}

pub(super) fn recover(scene: Scene<'_>, key: String) -> Decision {
    if scene.graph.back_off(&key).is_none() {
        return Ok(vec![]);
    }
    Ok(vec![Event::EffectRecovered { key }])
}

pub(super) fn degrade(scene: Scene<'_>, role: RoleName, why: String) -> Decision {
    check_text("the reason", &why, TEXT_MAX)?;
    if scene
        .graph
        .degraded()
        .any(|(known, text)| *known == role && *text == why)
    {
        return Ok(vec![]);
    }
    Ok(vec![Event::RoleDegraded { role, why }])
}

pub(super) fn send_mail(
    scene: Scene<'_>,
    to: String,
    thread: Option<u64>,
    text: String,
) -> Decision {
    check_text("the message", &text, TEXT_MAX)?;
    check_text("the reader", &to, WORD_MAX)?;
    if let Some(first) = thread {
        known_mail(scene, first)?;
    }
    Ok(vec![Event::MailSent {
        mail: MailItem {
            number: scene.graph.next_mail(),
            from: scene.by.clone(),
            to,
            thread,
            text,
            at: scene.now,
            acked: false,
        },
    }])
}

pub(super) fn ack_mail(scene: Scene<'_>, number: u64) -> Decision {
    if known_mail(scene, number)?.acked {
        return Ok(vec![]);
    }
    Ok(vec![Event::MailAcked { mail: number }])
}

fn known_mail(scene: Scene<'_>, number: u64) -> Result<&MailItem, Rejection> {
    scene
        .graph
        .mail_item(number)
        .ok_or_else(|| Rejection::NotFound {
            kind: "message".to_owned(),
            name: number.to_string(),
        })
}
