//! Questions of agents and their answers, and what people tell without being asked.
//!
//! An agent that asks ends its turn. Its attempt keeps the session: it waits for
//! the answer as long as the policy says and is parked then, its worktree left as
//! it is. The answer begins the next turn of that session, under the same lease or
//! under the next one.

use super::{Decision, Scene, TEXT_MAX, bead::note, bead::retry, check_text, work::give_back};
use crate::{
    Asked, Bead, BeadId, Epoch, Event, Fault, FaultClass, Holder, Note, OnQuestion, Phase,
    Rejection,
};

pub(super) fn ask(scene: Scene<'_>, id: BeadId, epoch: Epoch, text: String) -> Decision {
    check_words("the question", &text)?;
    let bead = scene.bead(&id)?;
    let is_asked = bead
        .asked
        .as_ref()
        .is_some_and(|asked| asked.epoch == epoch && asked.answer.is_none() && asked.text == text);
    if is_asked && bead.epoch == epoch && !bead.phase.is_open() {
        return Ok(vec![]);
    }
    let seat = match bead.phase.lease().map(|lease| &lease.holder) {
        Some(Holder::Seat { seat, .. }) if bead.is_for_an_agent() => seat.clone(),
        // Whoever has no session gives the work back.
        _ => return give_back(scene, id, epoch, question(&text)),
    };
    let lease = scene.leased(bead, epoch)?;
    let rules = scene.graph.policy_of(bead).questions;
    let says = |says: &str| Event::NoteAdded {
        bead: id.clone(),
        note: Note {
            by: scene.by.clone(),
            at: scene.now,
            text: format!("{says}: {text}"),
        },
    };
    if rules.on == OnQuestion::Assume {
        return Ok(vec![says("asks, and goes on with its best assumption")]);
    }
    // One at a time: a second one would stand in the place of the first, or of its answer.
    if bead
        .asked
        .as_ref()
        .is_some_and(|asked| asked.epoch == epoch)
    {
        return Err(Rejection::Quota {
            bead: id,
            what: "asked a question in this turn".to_owned(),
            instead: "end your turn: the answer begins the next one".to_owned(),
        });
    }
    if bead.answered_in(epoch) >= Asked::MOST {
        return Err(Rejection::Quota {
            bead: id,
            what: format!("asked {} questions in this attempt", Asked::MOST),
            instead: "go on with your best assumption, and say in your summary what you assumed"
                .to_owned(),
        });
    }
    let asked = Asked {
        epoch,
        seat,
        run: lease.run.clone(),
        text: text.clone(),
        since: scene.now,
        until: scene.now.plus(rules.wait()),
        answer: None,
    };
    let note = says("asks");
    Ok(vec![note, Event::QuestionAsked { bead: id, asked }])
}

pub(super) fn answer(scene: Scene<'_>, id: BeadId, text: String) -> Decision {
    check_words("the answer", &text)?;
    let bead = scene.bead(&id)?;
    let is_said = |note: &Note| note.by == *scene.by && note.text == text;
    let mut events = note(scene, id.clone(), text.clone())?;
    if bead.question().is_some() {
        events.push(Event::QuestionAnswered {
            bead: id.clone(),
            answer: text.clone(),
        });
    }
    match &bead.phase {
        Phase::Leased(_) if bead.question().is_some() => Ok(events),
        Phase::Parked { .. } | Phase::Returned { .. } | Phase::Closed { .. } => {
            events.extend(retry(scene, id)?);
            Ok(events)
        }
        // It has had this answer.
        _ if bead.notes.last().is_some_and(is_said) => Ok(vec![]),
        _ => Err(scene.wrong_phase(bead)),
    }
}

/// Tells something to whoever works: it is a note, and the next turn of each session begins with it.
pub(super) fn tell(scene: Scene<'_>, id: BeadId, text: String) -> Decision {
    check_words("what is told", &text)?;
    let bead = scene.bead(&id)?;
    if bead.phase.is_finished() {
        return Err(scene.wrong_phase(bead));
    }
    let mut events = note(scene, id.clone(), text.clone())?;
    let goal = scene.graph.goal(&id);
    let of_goal = goal.into_iter().flat_map(|goal| &goal.beads);
    let of_goal = of_goal.filter_map(|id| scene.graph.bead(id));
    let listen = std::iter::once(bead).chain(of_goal);
    events.extend(
        listen
            .filter(|bead| has_session(bead))
            .map(|bead| Event::Told {
                bead: bead.id.clone(),
                note: Note {
                    by: scene.by.clone(),
                    at: scene.now,
                    text: text.clone(),
                },
            }),
    );
    Ok(events)
}

/// Tells whether an agent works on a bead now, or would go on in the session that it has.
fn has_session(bead: &Bead) -> bool {
    match bead.phase.lease().map(|lease| &lease.holder) {
        Some(Holder::Seat { .. }) => bead.is_for_an_agent(),
        Some(Holder::Claimant { .. }) => false,
        None => bead.kept_session().is_some(),
    }
}

/// Parks a bead whose attempt comes back with a question that nobody has answered.
pub(super) fn parked(bead: &Bead, why: &Fault) -> Option<Event> {
    let open = bead.question();
    // Whoever gave up waiting may not have heard of the answer yet: it goes into the next attempt.
    let lease = bead.phase.lease();
    let is_answered = bead.asked.as_ref().is_some_and(|asked| {
        asked.answer.is_some() && lease.is_some_and(|lease| lease.epoch == asked.epoch)
    });
    let why = match (&why.class, open) {
        (FaultClass::Question, None) if is_answered => return None,
        (FaultClass::Question, _) => why.clone(),
        (_, Some(asked)) => Fault {
            run: asked.run.clone(),
            ..question(&asked.text)
        },
        (_, None) => return None,
    };
    Some(Event::BeadParked {
        bead: bead.id.clone(),
        why,
    })
}

fn question(text: &str) -> Fault {
    Fault {
        class: FaultClass::Question,
        text: text.to_owned(),
        evidence: String::new(),
        run: None,
    }
}

pub(super) fn check_words(field: &str, text: &str) -> Result<(), Rejection> {
    check_text(field, text, TEXT_MAX)?;
    if text.trim().is_empty() {
        return Err(Rejection::BadText {
            field: field.to_owned(),
            why: "is empty".to_owned(),
        });
    }
    Ok(())
}
