//! How a full session gives its work to a fresh one, within one attempt.
//!
//! | what is known of the last change of sessions | ask | give |
//! |---|---|---|
//! | there is none, or the successor is at work | asked | taken: the program itself says that it is full |
//! | asked for this turn | is so already | taken |
//! | given after this turn | refused | is so already |

use super::{Decision, Scene};
use crate::{Bead, BeadId, ContextUse, Epoch, Event, Handover, Refresh, Rejection, RunId};

pub(super) fn ask(
    scene: Scene<'_>,
    id: BeadId,
    epoch: Epoch,
    run: RunId,
    context: ContextUse,
) -> Decision {
    let bead = scene.bead(&id)?;
    let lease = scene.leased(bead, epoch)?;
    let refreshes = bead.refreshes_in(epoch);
    if refreshes.last().is_some_and(|last| last.run == run) {
        return Ok(vec![]);
    }
    let is_open = refreshes.last().is_some_and(|last| last.last.is_none());
    if is_open || lease.run.as_ref() != Some(&run) {
        return Err(scene.wrong_phase(bead));
    }
    within_most(bead, epoch)?;
    Ok(vec![Event::HandoverAsked {
        bead: id,
        epoch,
        run,
        context,
    }])
}

pub(super) fn give(
    scene: Scene<'_>,
    id: BeadId,
    epoch: Epoch,
    run: RunId,
    handover: Handover,
) -> Decision {
    if handover.len() > Handover::LONGEST {
        return Err(Rejection::BadText {
            field: "the handover".to_owned(),
            why: format!("is longer than {} bytes", Handover::LONGEST),
        });
    }
    let bead = scene.bead(&id)?;
    let lease = scene.leased(bead, epoch)?;
    let last = bead.refreshes_in(epoch).last();
    if last.is_some_and(|last| last.last.as_ref() == Some(&run)) {
        return Ok(vec![]);
    }
    if lease.run.as_ref() != Some(&run) {
        return Err(scene.wrong_phase(bead));
    }
    if last.is_none_or(|last| last.last.is_some()) {
        within_most(bead, epoch)?;
    }
    Ok(vec![Event::HandoverGiven {
        bead: id,
        epoch,
        run,
        handover,
    }])
}

fn within_most(bead: &Bead, epoch: Epoch) -> Result<(), Rejection> {
    if bead.refreshes_in(epoch).len() < Refresh::MOST {
        return Ok(());
    }
    Err(Rejection::Quota {
        bead: bead.id.clone(),
        what: format!("begun {} fresh sessions in this attempt", Refresh::MOST),
        instead: "end the attempt: the next one begins anew".to_owned(),
    })
}
