//! Standing members: who joins, who is to leave, and what came of it.

use super::{Decision, Scene, TEXT_MAX, check_text};
use crate::{
    Bead, CrewMember, CrewOutcome, CrewState, Event, Holder, Rejection, RigName, SeatName,
};

/// Members of a town at most.
const MAX: usize = 100;

pub(super) fn add(scene: Scene<'_>, rig: RigName, name: SeatName) -> Decision {
    scene.rig(&rig)?;
    let taken = |rig: &RigName| Rejection::SeatTaken {
        seat: name.clone(),
        rig: rig.clone(),
    };
    if let Some(known) = scene.graph.crew_member(&name) {
        let is_same = known.rig == rig && !matches!(known.state, CrewState::Leaving { .. });
        return if is_same {
            Ok(vec![])
        } else {
            Err(taken(&known.rig))
        };
    }
    if let Some(seat) = scene.graph.seat(&name) {
        return Err(taken(&seat.rig));
    }
    if !is_part_of_a_branch(name.as_str()) {
        return Err(Rejection::BadText {
            field: "the name of a crew member".to_owned(),
            why: format!("`{name}` cannot be a part of the name of a branch"),
        });
    }
    if scene.graph.crew().count() >= MAX {
        return Err(Rejection::BadText {
            field: "the crew".to_owned(),
            why: format!("has {MAX} members already"),
        });
    }
    Ok(vec![Event::CrewJoined {
        member: CrewMember {
            name,
            rig,
            by: scene.by.clone(),
            since: scene.now,
            state: CrewState::Coming,
        },
    }])
}

pub(super) fn remove(scene: Scene<'_>, name: SeatName, discard: bool) -> Decision {
    let known = find(scene, &name)?;
    if let Some(bead) = held_by(scene, &name) {
        return Err(Rejection::SeatBusy {
            seat: name,
            bead: bead.id.clone(),
        });
    }
    if known.state == (CrewState::Leaving { discard }) {
        return Ok(vec![]);
    }
    Ok(vec![Event::CrewLeaving {
        member: name,
        discard,
    }])
}

pub(super) fn conclude(
    scene: Scene<'_>,
    member: SeatName,
    outcome: CrewOutcome,
    why: String,
) -> Decision {
    check_text("the reason", &why, TEXT_MAX)?;
    let Some(known) = scene.graph.crew_member(&member) else {
        return Ok(vec![]);
    };
    let is_news = match (&known.state, outcome) {
        (CrewState::Coming, CrewOutcome::Ready)
        | (CrewState::Leaving { .. }, CrewOutcome::Gone | CrewOutcome::Kept) => true,
        (CrewState::Coming | CrewState::Here { .. } | CrewState::Leaving { .. }, _) => false,
    };
    Ok(is_news
        .then_some(Event::CrewConcluded {
            member,
            outcome,
            why,
        })
        .into_iter()
        .collect())
}

/// Finds the bead that somebody has claimed under a member's name.
fn held_by<'a>(scene: Scene<'a>, name: &SeatName) -> Option<&'a Bead> {
    scene.graph.leased().find(|bead| {
        let lease = bead.phase.lease();
        lease.is_some_and(
            |lease| matches!(&lease.holder, Holder::Claimant { name: held } if held == name),
        )
    })
}

/// Tells whether git takes a name as the last part of a branch.
fn is_part_of_a_branch(name: &str) -> bool {
    let ends_badly = name.ends_with('.') || name.ends_with(".lock");
    !name.starts_with('.') && !ends_badly && !name.contains("..")
}

fn find<'a>(scene: Scene<'a>, name: &SeatName) -> Result<&'a CrewMember, Rejection> {
    scene
        .graph
        .crew_member(name)
        .ok_or_else(|| Rejection::NotFound {
            kind: "crew member".to_owned(),
            name: name.to_string(),
        })
}
