//! Standing members: who joins, who is to leave, and what came of it.

use super::{
    Decision, Scene, TEXT_MAX, WORD_MAX, check_text, question::check_words, work::sign_of_life,
};
use crate::{
    Bead, BeadId, CrewAgent, CrewMember, CrewOutcome, CrewState, Epoch, Event, Holder, Note,
    Rejection, RigName, RuntimeName, SeatName, UsageDelta, crew_run,
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
            agent: None,
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
    if known
        .agent
        .as_ref()
        .is_some_and(|agent| agent.turn.is_some())
    {
        return Err(in_a_turn(name));
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

pub(super) fn start(scene: Scene<'_>, name: SeatName, runtime: RuntimeName) -> Decision {
    let known = find(scene, &name)?;
    if matches!(known.state, CrewState::Leaving { .. }) {
        return Err(Rejection::MemberState {
            next: format!("gtd crew add {name}"),
            member: name,
            state: "is leaving".to_owned(),
        });
    }
    if let Some(agent) = &known.agent {
        if !agent.stopped && agent.runtime == runtime {
            return Ok(vec![]);
        }
        if agent.turn.is_some() && agent.runtime != runtime {
            return Err(in_a_turn(name));
        }
    }
    Ok(vec![Event::CrewStarted {
        member: name,
        runtime,
    }])
}

pub(super) fn stop(scene: Scene<'_>, name: SeatName) -> Decision {
    let agent = agent(scene, &name)?;
    if agent.stopped {
        return Ok(vec![]);
    }
    Ok(vec![Event::CrewStopped { member: name }])
}

/// Most of what waits for the next turn of one member.
const UNHEARD: usize = 100;

pub(super) fn tell(scene: Scene<'_>, name: SeatName, text: String) -> Decision {
    check_words("what is told", &text)?;
    let agent = agent(scene, &name)?;
    if agent.stopped {
        return Err(Rejection::MemberState {
            next: format!("gtd crew start {name}"),
            member: name,
            state: "is stopped".to_owned(),
        });
    }
    if agent.unheard.len() >= UNHEARD {
        return Err(Rejection::MemberState {
            next: format!("gtd crew attach {name}"),
            member: name,
            state: format!("has not heard the last {UNHEARD} things that it was told"),
        });
    }
    Ok(vec![Event::CrewTold {
        member: name,
        note: Note {
            by: scene.by.clone(),
            at: scene.now,
            text,
        },
    }])
}

pub(super) fn begin_turn(
    scene: Scene<'_>,
    name: SeatName,
    turn: u64,
    told: u32,
    bead: Option<BeadId>,
) -> Decision {
    let member = find(scene, &name)?;
    let agent = agent(scene, &name)?;
    if turn <= agent.turns {
        return Ok(vec![]);
    }
    if let Some(stop) = scene.graph.stop() {
        return Err(Rejection::IsStopped {
            why: stop.why.clone(),
        });
    }
    if scene.rig(&member.rig)?.revoked.is_some() {
        return Err(Rejection::Untrusted {
            rig: member.rig.clone(),
        });
    }
    let n_told = usize::try_from(told).unwrap_or(usize::MAX);
    let is_free = agent.turn.is_none() && !agent.stopped;
    let is_here = matches!(member.state, CrewState::Here { .. });
    let has_cause = n_told <= agent.unheard.len() && (n_told > 0 || bead.is_some());
    if turn != agent.turns + 1 || !is_free || !is_here || !has_cause {
        return Err(Rejection::MemberState {
            next: "gtd crew list".to_owned(),
            member: name,
            state: "takes no turn now".to_owned(),
        });
    }
    let bead = bead.map(|id| claimed(scene, &name, id)).transpose()?;
    let mut events = signs_of_life(scene, &name);
    events.push(Event::CrewTurnBegan {
        run: crew_run(&name, turn, scene.now),
        member: name,
        turn,
        told,
        bead,
    });
    Ok(events)
}

/// How a turn ended.
pub(super) struct Ended {
    pub(super) session: Option<String>,
    pub(super) fault: Option<String>,
    pub(super) unsaid: bool,
    pub(super) usage: Option<UsageDelta>,
}

pub(super) fn end_turn(scene: Scene<'_>, name: SeatName, turn: u64, ended: Ended) -> Decision {
    let Ended {
        session,
        fault,
        unsaid,
        usage,
    } = ended;
    check_text("the session", session.as_deref().unwrap_or(""), WORD_MAX)?;
    check_text("the fault", fault.as_deref().unwrap_or(""), TEXT_MAX)?;
    let member = find(scene, &name)?;
    let goes_on = agent(scene, &name)?.turn.as_ref();
    if goes_on.is_none_or(|goes_on| goes_on.number != turn) {
        return Ok(vec![]);
    }
    let mut events = signs_of_life(scene, &name);
    events.push(Event::CrewTurnEnded {
        rig: member.rig.clone(),
        member: name,
        turn,
        session,
        fault,
        unsaid,
        usage,
    });
    Ok(events)
}

/// Renews what is claimed under a member's name and would run out: its agent is at work.
fn signs_of_life(scene: Scene<'_>, name: &SeatName) -> Vec<Event> {
    let held = scene.graph.leased().filter(|bead| is_held_by(bead, name));
    held.filter_map(|bead| sign_of_life(scene, bead)).collect()
}

fn claimed(scene: Scene<'_>, name: &SeatName, id: BeadId) -> Result<(BeadId, Epoch), Rejection> {
    let bead = scene.bead(&id)?;
    match bead.phase.lease() {
        Some(lease) if is_held_by(bead, name) => Ok((id, lease.epoch)),
        _ => Err(scene.wrong_phase(bead)),
    }
}

fn in_a_turn(name: SeatName) -> Rejection {
    Rejection::MemberState {
        next: format!("gtd crew stop {name}"),
        member: name,
        state: "is in the middle of a turn".to_owned(),
    }
}

fn agent<'a>(scene: Scene<'a>, name: &SeatName) -> Result<&'a CrewAgent, Rejection> {
    let member = find(scene, name)?;
    member
        .agent
        .as_deref()
        .ok_or_else(|| Rejection::MemberState {
            member: name.clone(),
            state: "has no agent".to_owned(),
            next: format!("gtd crew start {name}"),
        })
}

/// Finds the bead that somebody has claimed under a member's name.
fn held_by<'a>(scene: Scene<'a>, name: &SeatName) -> Option<&'a Bead> {
    scene.graph.leased().find(|bead| is_held_by(bead, name))
}

fn is_held_by(bead: &Bead, name: &SeatName) -> bool {
    let lease = bead.phase.lease();
    lease.is_some_and(
        |lease| matches!(&lease.holder, Holder::Claimant { name: held } if held == name),
    )
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
