//! The crew's pen: seats, and the one place where a lease begins for an agent.

use super::{Decision, Scene, holds};
use crate::{
    BeadId, Epoch, Event, Holder, HostName, Lease, Purse, Rejection, Reserved, RigName, SeatName,
    Shortage,
};

pub(super) fn open(scene: Scene<'_>, seat: SeatName, rig: RigName, host: HostName) -> Decision {
    scene.rig(&rig)?;
    if let Some(member) = scene.graph.crew_member(&seat) {
        return Err(Rejection::SeatTaken {
            seat,
            rig: member.rig.clone(),
        });
    }
    match scene.graph.seat(&seat) {
        Some(known) if known.rig == rig && known.host == host => Ok(vec![]),
        Some(known) => Err(Rejection::SeatTaken {
            seat,
            rig: known.rig.clone(),
        }),
        None => match scene
            .graph
            .leased()
            .chain(scene.graph.planning())
            .find(|bead| bead.phase.lease().map(|lease| lease.holder.name()) == Some(&seat))
        {
            Some(claimed) => Err(Rejection::SeatTaken {
                seat,
                rig: claimed.rig.clone(),
            }),
            None => Ok(vec![Event::SeatOpened { seat, rig, host }]),
        },
    }
}

pub(super) fn close(scene: Scene<'_>, seat: SeatName) -> Decision {
    match scene.graph.seat(&seat) {
        None => Ok(vec![]),
        Some(known) => match &known.bead {
            Some(bead) => Err(Rejection::SeatBusy {
                seat,
                bead: bead.clone(),
            }),
            None => Ok(vec![Event::SeatClosed { seat }]),
        },
    }
}

pub(super) fn grant(
    scene: Scene<'_>,
    id: BeadId,
    seat: SeatName,
    epoch: Epoch,
    reserved: Reserved,
) -> Decision {
    let bead = scene.bead(&id)?;
    let place = scene
        .graph
        .seat(&seat)
        .ok_or_else(|| Rejection::NoSeat { seat: seat.clone() })?;
    if holds(bead, &seat, epoch)? {
        return Ok(vec![]);
    }
    if let Some(held) = &place.bead {
        return Err(Rejection::SeatBusy {
            seat,
            bead: held.clone(),
        });
    }
    if place.rig != bead.rig {
        return Err(Rejection::SeatTaken {
            seat,
            rig: place.rig.clone(),
        });
    }
    may_begin(scene, &id)?;
    Purse::new(scene.graph, scene.now)
        .check(bead, reserved)
        .map_err(|short| over_budget(&id, &short))?;
    let rules = &scene.rig(&bead.rig)?.rules.worker;
    let holder = Holder::Seat {
        seat,
        host: place.host.clone(),
    };
    let until = scene
        .now
        .plus(std::time::Duration::from_millis(rules.limit_ms));
    Ok(vec![Event::LeaseGranted {
        bead: id,
        lease: Lease {
            holder,
            epoch,
            granted_at: scene.now,
            until,
            reserved,
            run: None,
            runtime: None,
        },
    }])
}

/// Refuses an attempt that a cap has not enough left for.
pub(super) fn over_budget(bead: &BeadId, short: &Shortage) -> Rejection {
    Rejection::OverBudget {
        bead: bead.clone(),
        why: short.text(),
        next: short.next().cmd,
    }
}

/// Checks that an attempt at a bead may begin now.
pub(super) fn may_begin(scene: Scene<'_>, id: &BeadId) -> Result<(), Rejection> {
    let bead = scene.bead(id)?;
    if let Some(stop) = scene.graph.stop() {
        return Err(Rejection::IsStopped {
            why: stop.why.clone(),
        });
    }
    if !bead.phase.is_open() || bead.spec.kind == crate::BeadType::Goal {
        return Err(scene.wrong_phase(bead));
    }
    if scene.rig(&bead.rig)?.revoked.is_some() {
        return Err(Rejection::Untrusted {
            rig: bead.rig.clone(),
        });
    }
    if scene.graph.pause_of(bead).is_some() {
        return Err(Rejection::IsPaused {
            scope: bead.id.to_string(),
        });
    }
    if let Some(goal) = &bead.goal
        && scene.graph.stops_goal(goal, scene.now).is_some()
    {
        // The witness is about to say so.
        return Err(Rejection::IsPaused {
            scope: goal.to_string(),
        });
    }
    if !scene.graph.is_ready(bead, scene.now) {
        let why = if scene.graph.is_over(bead, scene.now) {
            "its goal's time is over".to_owned()
        } else if let Some(blocker) = scene.graph.blockers(bead).first() {
            format!("it waits for {}", blocker.id)
        } else if scene.graph.is_spent(bead) {
            "all of its attempts are spent".to_owned()
        } else {
            "its time has not come".to_owned()
        };
        return Err(Rejection::NotReady {
            bead: bead.id.clone(),
            why,
        });
    }
    Ok(())
}
