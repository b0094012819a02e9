//! What a person does with the decisions that wait for them, short of deciding.

use super::{Decision, Scene, WORD_MAX, bead::is_past, check_text};
use crate::{Event, Rejection, Snooze, Timestamp};

/// Puts a decision out of sight until a moment, or back into it.
pub(super) fn snooze(
    scene: Scene<'_>,
    kind: String,
    subject: String,
    until: Option<Timestamp>,
) -> Decision {
    for (field, text) in [("the kind", &kind), ("the subject", &subject)] {
        check_text(field, text, WORD_MAX)?;
        if text.trim().is_empty() {
            return Err(Rejection::BadText {
                field: field.to_owned(),
                why: "is empty".to_owned(),
            });
        }
    }
    let known = scene.graph.snooze_of(&kind, &subject);
    let Some(until) = until else {
        return Ok(match known {
            Some(_) => vec![Event::DecisionWoken { kind, subject }],
            None => vec![],
        });
    };
    if known.is_some_and(|known| known.until == until) {
        return Ok(vec![]);
    }
    if is_past(scene, until) {
        return Err(Rejection::BadText {
            field: "the moment at which it comes back".to_owned(),
            why: "lies in the past".to_owned(),
        });
    }
    let snooze = Snooze {
        kind,
        subject,
        by: scene.by.clone(),
        at: scene.now,
        until,
    };
    Ok(vec![Event::DecisionSnoozed { snooze }])
}
