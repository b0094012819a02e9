//! Reviews: what is weighed, who begins to look, and what comes of it.
//!
//! A review is bound to one commit of one attempt. While it goes on it holds back what it may cost;
//! it ends once, whatever became of its bead meanwhile.

use super::{Decision, Scene, TEXT_MAX, WORD_MAX, check_text, seat::over_budget};
use crate::{
    Attempt, Bead, BeadId, Epoch, Event, Fault, FaultClass, Oid, Opinion, OpinionVerdict, Phase,
    Purse, REVIEW, Rejection, Review, ReviewOutcome, Reviewing, RuntimeName, SeatName, Weight,
};

/// Bytes of what a reviewer wants otherwise that stand in the brief.
const TOLD_MAX: usize = 16 * 1024;

pub(super) fn weigh(
    scene: Scene<'_>,
    id: BeadId,
    epoch: Epoch,
    head: Oid,
    weight: Weight,
) -> Decision {
    check_text("what is risky", &weight.risks.join("\n"), TEXT_MAX)?;
    check_text("the areas", &weight.areas.join("\n"), TEXT_MAX)?;
    let bead = scene.handed_in(&id, epoch, &head)?;
    let attempt = bead.attempt(epoch);
    let known = attempt.and_then(|attempt| attempt.weight.as_deref());
    if known == Some(&weight) {
        return Ok(vec![]);
    }
    Ok(vec![Event::SubmissionWeighed {
        bead: id,
        epoch,
        head,
        weight,
    }])
}

pub(super) fn begin(
    scene: Scene<'_>,
    id: BeadId,
    epoch: Epoch,
    head: Oid,
    number: u32,
    seat: SeatName,
    runtime: RuntimeName,
) -> Decision {
    let bead = scene.handed_in(&id, epoch, &head)?;
    let attempt = bead.attempt(epoch);
    let reviews = attempt.map_or(&[][..], |attempt| &attempt.reviews);
    let is_this = |review: &Review| review.number == number && review.seat == seat;
    if reviews
        .last()
        .is_some_and(|last| last.is_open() && is_this(last))
    {
        return Ok(vec![]);
    }
    let not_ready = |why: String| Rejection::NotReady {
        bead: id.clone(),
        why,
    };
    let next = attempt.map_or(1, Attempt::next_review);
    if number != next {
        return Err(not_ready(format!("its next review is number {next}")));
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
    if scene.rig(&bead.rig)?.revoked.is_some() {
        return Err(Rejection::Untrusted {
            rig: bead.rig.clone(),
        });
    }
    match scene.graph.reviewing(bead) {
        Reviewing::Wanted => {}
        other => return Err(not_ready(other.text())),
    }
    if let Some(taken) = scene.graph.seat(&seat) {
        return Err(Rejection::SeatTaken {
            seat,
            rig: taken.rig.clone(),
        });
    }
    // One worktree for each: what stands in it belongs to one review.
    let holds = |other: &&Bead| {
        let mut open = other.open_reviews();
        other.rig == bead.rig && open.any(|(_, review)| review.seat == seat)
    };
    if let Some(other) = scene.graph.in_review().find(holds) {
        return Err(Rejection::SeatBusy {
            seat,
            bead: other.id.clone(),
        });
    }
    let reserved = Purse::new(scene.graph, scene.now)
        .reserve_review(bead, &runtime)
        .map_err(|short| over_budget(&id, &short))?;
    Ok(vec![Event::ReviewBegan {
        bead: id,
        epoch,
        head,
        review: Review {
            number,
            seat,
            runtime,
            began: scene.now,
            reserved,
            ended: None,
            model: String::new(),
            outcome: None,
        },
    }])
}

pub(super) fn end(
    scene: Scene<'_>,
    id: BeadId,
    epoch: Epoch,
    number: u32,
    model: String,
    outcome: ReviewOutcome,
) -> Decision {
    check_text("the model", &model, WORD_MAX)?;
    match &outcome {
        ReviewOutcome::Said(opinion) => check_opinion(opinion)?,
        ReviewOutcome::Failed(fault) => {
            check_text("the reason", &fault.text, TEXT_MAX)?;
            check_text("the evidence", &fault.evidence, TEXT_MAX)?;
        }
    }
    let bead = scene.bead(&id)?;
    let review = bead
        .attempt(epoch)
        .and_then(|attempt| attempt.review(number));
    let Some(review) = review else {
        return Err(scene.stale(bead, epoch));
    };
    if !review.is_open() {
        return Ok(vec![]);
    }
    let ended = Event::ReviewEnded {
        bead: id.clone(),
        epoch,
        number,
        model: model.clone(),
        outcome: outcome.clone(),
    };
    let is_handed_in =
        matches!(&bead.phase, Phase::Submitted { epoch: current, .. } if *current == epoch);
    let back = match &outcome {
        // Whom a person has overruled meanwhile sends nothing back.
        ReviewOutcome::Said(opinion)
            if opinion.verdict == OpinionVerdict::Changes
                && is_handed_in
                && scene.graph.reviewing(bead).is_waiting() =>
        {
            let by = Review {
                model,
                ..review.clone()
            };
            let why = sent_back(&by, opinion);
            let not_before = scene.not_before(bead, &why);
            Some(Event::SubmissionReturned {
                bead: id,
                epoch,
                why,
                not_before,
            })
        }
        _ => None,
    };
    Ok(std::iter::once(ended).chain(back).collect())
}

fn check_opinion(opinion: &Opinion) -> Result<(), Rejection> {
    check_text("the summary", &opinion.summary, TEXT_MAX)?;
    check_text("what is to be otherwise", &opinion.told(), TEXT_MAX)?;
    let places = opinion.comments.iter();
    let is_nowhere = |file: &str, line: u32| file.trim().is_empty() || line == 0;
    if places
        .into_iter()
        .any(|comment| is_nowhere(&comment.file, comment.line))
    {
        return Err(Rejection::BadText {
            field: "a comment".to_owned(),
            why: "names no line of a file".to_owned(),
        });
    }
    Ok(())
}

/// Makes what a reviewer wants otherwise into the story of the next attempt.
fn sent_back(review: &Review, opinion: &Opinion) -> Fault {
    let text = match opinion.first_line() {
        "" => format!("the reviewer {} commented on it", review.by()),
        first => format!("the reviewer {} wants it otherwise: {first}", review.by()),
    };
    let rest = opinion.summary.trim().lines().skip(1);
    let rest = rest.collect::<Vec<_>>().join("\n");
    let told = [rest.trim(), &opinion.told()].map(str::to_owned);
    let told: Vec<String> = told.into_iter().filter(|part| !part.is_empty()).collect();
    let mut evidence = told.join("\n");
    if evidence.len() > TOLD_MAX {
        evidence.truncate(evidence.floor_char_boundary(TOLD_MAX));
        evidence.push_str(" …");
    }
    Fault {
        class: FaultClass::Gate {
            gate: REVIEW.to_owned(),
        },
        text,
        evidence,
        run: None,
    }
}

/// Refuses a submission that waits for a reviewer, or for a person in its place.
pub(super) fn lets_through(scene: Scene<'_>, bead: &Bead) -> Result<(), Rejection> {
    let reviewing = scene.graph.reviewing(bead);
    if !reviewing.is_waiting() {
        return Ok(());
    }
    Err(Rejection::NotReady {
        bead: bead.id.clone(),
        why: reviewing.text(),
    })
}
