//! The person's own edits of beads and edges.

use std::collections::BTreeSet;

use super::{BODY_MAX, Decision, Scene, TEXT_MAX, TITLE_MAX, by_person, check_need, check_text};
use crate::{
    Bead, BeadId, BeadSpec, BeadType, EdgeKind, Epoch, Event, Fault, Goal, Need, Note, Outcome,
    Phase, PlanState, Rejection, Revision, RigName, SatisfiedBy, Timestamp,
};

/// Checks the texts of a bead's wishes.
///
/// # Errors
/// When a text is empty where it must not be, too long, or holds a NUL.
pub fn check_spec(spec: &BeadSpec) -> Result<(), Rejection> {
    if spec.title.trim().is_empty() {
        return Err(Rejection::BadText {
            field: "the title".to_owned(),
            why: "is empty".to_owned(),
        });
    }
    check_text("the title", &spec.title, TITLE_MAX)?;
    if spec.title.contains(['\n', '\r']) {
        return Err(Rejection::BadText {
            field: "the title".to_owned(),
            why: "has more than one line".to_owned(),
        });
    }
    check_text("the description", &spec.description, BODY_MAX)?;
    check_text("the script", spec.run.as_deref().unwrap_or(""), BODY_MAX)?;
    for criterion in &spec.acceptance {
        check_text("a criterion", &criterion.text, TEXT_MAX)?;
        check_text(
            "a check",
            criterion.check.as_deref().unwrap_or(""),
            TEXT_MAX,
        )?;
    }
    for word in spec.labels.iter().chain(&spec.scope) {
        check_text("a label or scope", word, TITLE_MAX)?;
    }
    Ok(())
}

/// Makes a bead that has just been opened.
pub(super) fn fresh(
    scene: Scene<'_>,
    id: BeadId,
    rig: RigName,
    spec: BeadSpec,
    ordinal: u64,
) -> Bead {
    Bead {
        id,
        rig,
        goal: None,
        local_id: None,
        spec,
        needs: Vec::new(),
        notes: Vec::new(),
        unheard: Vec::new(),
        asked: None,
        phase: Phase::Open,
        since: scene.now,
        epoch: Epoch(0),
        spent: 0,
        not_before: None,
        attempts: Vec::new(),
        created_by: scene.by.clone(),
        created_at: scene.now,
        ordinal,
        changed: Revision(0),
    }
}

pub(super) fn create(
    scene: Scene<'_>,
    rig: &RigName,
    goal: Option<BeadId>,
    spec: BeadSpec,
    needs: Vec<Need>,
) -> Decision {
    check_spec(&spec)?;
    let rig = scene.rig(rig)?;
    if spec.kind == BeadType::Goal {
        return Err(Rejection::BadText {
            field: "the type `goal`".to_owned(),
            why: "is made with `gtd goal`".to_owned(),
        });
    }
    let needs = one_of_each_key(needs)?;
    for need in &needs {
        scene.bead(&need.on)?;
    }
    if let Some(parent) = &spec.parent {
        scene.bead(parent)?;
    }
    let mut phase = Phase::Open;
    if let Some(goal) = &goal {
        let (bead, record) = goal_of(scene, goal)?;
        if bead.phase.is_finished() {
            return Err(scene.wrong_phase(bead));
        }
        if bead.rig != rig.name {
            return Err(Rejection::BadText {
                field: format!("rig {}", rig.name),
                why: format!("is not the rig of {goal}, which is {}", bead.rig),
            });
        }
        joins_without_circle(scene, goal, &needs, spec.parent.as_ref())?;
        if record.plan == PlanState::Proposed {
            phase = Phase::Draft;
        }
    }
    let id = scene.free_id(rig, &spec.title, &spec.description, &BTreeSet::new())?;
    let mut bead = fresh(
        scene,
        id,
        rig.name.clone(),
        spec,
        scene.graph.next_ordinal(),
    );
    bead.goal = goal;
    bead.phase = phase;
    bead.needs = needs;
    Ok(vec![Event::BeadOpened { bead }])
}

/// Finds a goal.
pub(super) fn goal_of<'a>(
    scene: Scene<'a>,
    id: &BeadId,
) -> Result<(&'a Bead, &'a Goal), Rejection> {
    let bead = scene.bead(id)?;
    let goal = scene
        .graph
        .goal(id)
        .ok_or_else(|| Rejection::NotAGoal { bead: id.clone() })?;
    Ok((bead, goal))
}

/// Keeps the last edge of each key, which is the pair and the kind.
fn one_of_each_key(needs: Vec<Need>) -> Result<Vec<Need>, Rejection> {
    let mut kept: Vec<Need> = Vec::new();
    for need in needs {
        let need = check_need(need)?;
        kept.retain(|old| old.on != need.on || old.kind != need.kind);
        kept.push(need);
    }
    Ok(kept)
}

/// Checks that a new bead of `goal` would not wait for what waits for the goal.
pub(super) fn joins_without_circle(
    scene: Scene<'_>,
    goal: &BeadId,
    needs: &[Need],
    parent: Option<&BeadId>,
) -> Result<(), Rejection> {
    let by_needs = needs
        .iter()
        .filter(|need| need.acts())
        .find_map(|need| scene.graph.cycle_through_goal(goal, &need.on));
    let by_parent = || parent.and_then(|parent| scene.graph.cycle_by_goal_and_parent(goal, parent));
    match by_needs.or_else(by_parent) {
        Some(path) => Err(Rejection::Cycle { path }),
        None => Ok(()),
    }
}

pub(super) fn edit(scene: Scene<'_>, id: BeadId, spec: BeadSpec) -> Decision {
    check_spec(&spec)?;
    let bead = scene.bead(&id)?;
    if bead.spec == spec {
        return Ok(vec![]);
    }
    if bead.phase.is_finished() {
        return Err(scene.wrong_phase(bead));
    }
    if (bead.spec.kind == BeadType::Goal) != (spec.kind == BeadType::Goal) {
        return Err(Rejection::BadText {
            field: format!("the type of {id}"),
            why: "can be changed neither to nor from `goal`".to_owned(),
        });
    }
    if let Some(parent) = &spec.parent
        && spec.parent != bead.spec.parent
    {
        scene.bead(parent)?;
        if let Some(path) = scene.graph.cycle_by_parent(&id, parent) {
            return Err(Rejection::Cycle { path });
        }
    }
    Ok(vec![Event::BeadEdited { bead: id, spec }])
}

pub(super) fn link(scene: Scene<'_>, id: BeadId, need: Need) -> Decision {
    let need = check_need(need)?;
    let bead = scene.bead(&id)?;
    scene.bead(&need.on)?;
    if bead.needs.contains(&need) {
        return Ok(vec![]);
    }
    if need.acts()
        && let Some(path) = scene.graph.cycle_through(&id, &need.on)
    {
        return Err(Rejection::Cycle { path });
    }
    let mut events = Vec::new();
    // The key of an edge is the pair and the kind: other ends replace the old ones.
    if let Some(old) = bead
        .needs
        .iter()
        .find(|old| old.on == need.on && old.kind == need.kind)
    {
        events.push(Event::EdgeRemoved {
            bead: id.clone(),
            need: old.clone(),
        });
    }
    events.push(Event::EdgeAdded { bead: id, need });
    Ok(events)
}

pub(super) fn unlink(scene: Scene<'_>, id: BeadId, need: Need) -> Decision {
    let need = check_need(need)?;
    let bead = scene.bead(&id)?;
    Ok(bead
        .needs
        .iter()
        .filter(|old| old.on == need.on && old.kind == need.kind)
        .map(|old| Event::EdgeRemoved {
            bead: id.clone(),
            need: old.clone(),
        })
        .collect())
}

pub(super) fn note(scene: Scene<'_>, id: BeadId, text: String) -> Decision {
    scene.bead(&id)?;
    check_text("the note", &text, TEXT_MAX)?;
    Ok(vec![Event::NoteAdded {
        bead: id,
        note: Note {
            by: scene.by.clone(),
            at: scene.now,
            text,
        },
    }])
}

pub(super) fn close(scene: Scene<'_>, id: BeadId, outcome: Outcome, why: String) -> Decision {
    let bead = scene.bead(&id)?;
    check_text("the reason", &why, TEXT_MAX)?;
    match &bead.phase {
        Phase::Closed { outcome: was, .. } if *was == outcome => Ok(vec![]),
        Phase::Landed { .. } | Phase::Closed { .. } => Err(scene.wrong_phase(bead)),
        _ if bead.spec.kind == BeadType::Goal => {
            let open = scene.graph.open_in_goal(&id);
            if open > 0 {
                return Err(Rejection::GoalUnfinished { goal: id, open });
            }
            Ok(vec![Event::GoalClosed {
                goal: id,
                outcome,
                why,
                proof: vec![],
            }])
        }
        _ => {
            let mut events = hand_over(scene, bead, &outcome)?;
            events.push(Event::BeadClosed {
                bead: id,
                outcome,
                why,
            });
            Ok(events)
        }
    }
}

/// Makes what waits for a duplicate wait for the original: nothing landed yet.
pub(super) fn hand_over(scene: Scene<'_>, bead: &Bead, outcome: &Outcome) -> Decision {
    let Outcome::Duplicate { of } = outcome else {
        return Ok(vec![]);
    };
    let mut original = scene.bead(of)?;
    let mut seen = BTreeSet::from([&bead.id]);
    loop {
        if !seen.insert(&original.id) {
            return Err(Rejection::BadText {
                field: bead.id.to_string(),
                why: format!("cannot be a duplicate of {of}, which is a duplicate of it"),
            });
        }
        match &original.phase {
            Phase::Closed {
                outcome: Outcome::Duplicate { of },
                ..
            } => original = scene.bead(of)?,
            phase if phase.is_good() => return Ok(vec![]),
            _ => break,
        }
    }
    let waiting = scene
        .graph
        .dependents(&bead.id)
        .filter_map(|id| scene.graph.bead(id))
        .filter(|waiting| !waiting.phase.is_finished());
    let mut events = Vec::new();
    for waiting in waiting {
        let need = Need::blocks(original.id.clone());
        let waits = waiting.needs.iter().any(|need| {
            need.on == bead.id
                && need.kind == EdgeKind::Blocks
                && need.wanted_end() == SatisfiedBy::Success
        });
        let has_edge = waiting
            .needs
            .iter()
            .any(|known| known.on == need.on && known.kind == need.kind);
        let closes = scene
            .graph
            .cycle_through(&waiting.id, &original.id)
            .is_some();
        if waits && !has_edge && !closes {
            events.push(Event::EdgeAdded {
                bead: waiting.id.clone(),
                need,
            });
        }
    }
    Ok(events)
}

pub(super) fn retry(scene: Scene<'_>, id: BeadId) -> Decision {
    let bead = scene.bead(&id)?;
    let may = match &bead.phase {
        Phase::Parked { .. } | Phase::Returned { .. } => true,
        // A goal has attempts while it has no plan.
        Phase::Open if wants_its_plan(scene, bead) => return Ok(vec![]),
        _ if bead.spec.kind == BeadType::Goal => false,
        Phase::Closed { outcome, .. } => !outcome.is_good() && goal_is_open(scene, bead),
        // It has all of its attempts already.
        Phase::Draft | Phase::Open => return Ok(vec![]),
        Phase::Leased(_) | Phase::Submitted { .. } | Phase::Landed { .. } => false,
    };
    if !may {
        return Err(scene.wrong_phase(bead));
    }
    Ok(vec![Event::BeadRetried { bead: id }])
}

/// Lets a bead begin anew that ended without a landing, however it ended.
pub(super) fn reopen(scene: Scene<'_>, id: BeadId) -> Decision {
    let bead = scene.bead(&id)?;
    match &bead.phase {
        Phase::Draft | Phase::Open => Ok(vec![]),
        Phase::Closed { .. } if bead.spec.kind != BeadType::Goal => {
            let ended = bead.goal.as_ref().filter(|_| !goal_is_open(scene, bead));
            match ended {
                None => Ok(vec![Event::BeadReopened { bead: id }]),
                Some(goal) => Err(Rejection::WrongPhase {
                    state: format!("part of {goal}, which has ended"),
                    next: format!("gtd bead create TITLE --discovered-from {id}"),
                    bead: id,
                }),
            }
        }
        _ => Err(scene.wrong_phase(bead)),
    }
}

fn wants_its_plan(scene: Scene<'_>, bead: &Bead) -> bool {
    let goal = scene.graph.goal(&bead.id);
    goal.is_some_and(|goal| goal.plan == PlanState::Wanted)
}

/// Sends the work of the last attempt back; the next attempt has what a person said about it.
pub(super) fn want_changes(
    scene: Scene<'_>,
    id: BeadId,
    why: String,
    comments: String,
) -> Decision {
    check_text("what is to be otherwise", &why, TEXT_MAX)?;
    check_text("the comments", &comments, TEXT_MAX)?;
    if why.trim().is_empty() && comments.trim().is_empty() {
        return Err(Rejection::BadText {
            field: "what is to be otherwise".to_owned(),
            why: "is empty".to_owned(),
        });
    }
    let bead = scene.bead(&id)?;
    let may = match &bead.phase {
        _ if bead.spec.kind == BeadType::Goal => false,
        Phase::Submitted { .. } | Phase::Returned { .. } | Phase::Parked { .. } => true,
        Phase::Closed { outcome, .. } => !outcome.is_good() && goal_is_open(scene, bead),
        Phase::Draft | Phase::Open | Phase::Leased(_) | Phase::Landed { .. } => false,
    };
    if !may {
        return Err(scene.wrong_phase(bead));
    }
    if bead.attempts.is_empty() {
        return Err(Rejection::NotReady {
            bead: id,
            why: "nobody has worked on it yet".to_owned(),
        });
    }
    let mut lines = why.trim().lines();
    let text = match lines.next() {
        Some(first) => format!("{} wants it otherwise: {first}", scene.by),
        None => format!("{} commented on it", scene.by),
    };
    let rest: Vec<&str> = lines.collect();
    let evidence = [rest.join("\n"), comments.trim().to_owned()];
    let evidence = evidence
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join("\n");
    let fault = Fault {
        evidence,
        ..by_person(text)
    };
    if matches!(&bead.phase, Phase::Returned { why } if **why == fault) {
        return Ok(vec![]);
    }
    Ok(vec![Event::ChangesWanted {
        epoch: bead.epoch,
        bead: id,
        why: fault,
    }])
}

fn goal_is_open(scene: Scene<'_>, bead: &Bead) -> bool {
    bead.goal
        .as_ref()
        .and_then(|goal| scene.graph.bead(goal))
        .is_none_or(|goal| !goal.phase.is_finished())
}

pub(super) fn park(scene: Scene<'_>, id: BeadId, why: String) -> Decision {
    let bead = scene.bead(&id)?;
    check_text("the reason", &why, TEXT_MAX)?;
    let why = if why.trim().is_empty() {
        format!("set aside by {}", scene.by)
    } else {
        why
    };
    if let Some(goal) = scene.graph.goal(&id)
        && !goal.replan.is_empty()
    {
        return Ok(super::replan::keep(scene, &id, goal, why));
    }
    match &bead.phase {
        Phase::Parked { .. } => Ok(vec![]),
        _ if bead.phase.is_finished()
            || bead.phase == Phase::Draft
            || bead.spec.kind == BeadType::Goal =>
        {
            Err(scene.wrong_phase(bead))
        }
        _ => Ok(vec![Event::BeadParked {
            bead: id,
            why: by_person(why),
        }]),
    }
}

/// Tells whether `moment` lies in the past; for waits that a person set.
pub(super) fn is_past(scene: Scene<'_>, moment: Timestamp) -> bool {
    moment <= scene.now
}
