//! Taking a bead apart: its parts come first, and the bead itself is what is left then.
//!
//! The bead keeps its acceptance and whatever waits for it: it needs its parts
//! now, and its checks prove the whole once they have landed. So nothing that
//! was promised is lost by making the work smaller.

use super::{Decision, Scene, bead::joins_without_circle, by_person, goal::beads_named};
use crate::{Bead, BeadId, BeadSpec, BeadType, Event, Phase, PlannedBead, Priority, Rejection};

/// What is left of a script once others have done its work.
const NOTHING_LEFT: &str = "true";

pub(super) fn split(
    scene: Scene<'_>,
    id: BeadId,
    parts: Vec<PlannedBead>,
    rest: Option<String>,
) -> Decision {
    let bead = scene.bead(&id)?;
    if bead.phase.is_finished() || bead.spec.kind == BeadType::Goal {
        return Err(scene.wrong_phase(bead));
    }
    let parts = parts
        .into_iter()
        .map(|part| PlannedBead {
            spec: inherited(part.spec, &bead.spec),
            ..part
        })
        .collect();
    let ordinal = scene.graph.next_ordinal() - 1;
    let parts = beads_named(scene, &id, scene.rig(&bead.rig)?, parts, ordinal)?;
    let mut events = Vec::new();
    // Whoever is at work on the whole begins anew with what is left of it.
    if matches!(bead.phase, Phase::Leased(_) | Phase::Submitted { .. }) {
        events.push(Event::BeadParked {
            bead: id.clone(),
            why: by_person("split into parts".to_owned()),
        });
    }
    let mut ids = Vec::new();
    for part in parts {
        let part = placed(scene, part, bead)?;
        ids.push(part.id.clone());
        events.push(Event::BeadOpened { bead: part });
    }
    events.push(Event::BeadSplit {
        bead: id.clone(),
        parts: ids,
    });
    let spec = left_of(&bead.spec, rest);
    if spec != bead.spec {
        super::check_spec(&spec)?;
        events.push(Event::BeadEdited {
            bead: id.clone(),
            spec,
        });
    }
    if !matches!(bead.phase, Phase::Draft | Phase::Open) {
        events.push(Event::BeadRetried { bead: id });
    }
    Ok(events)
}

/// Says of a part what the whole says, where the part says nothing.
fn inherited(part: BeadSpec, whole: &BeadSpec) -> BeadSpec {
    let runtime = match &part.run {
        Some(_) => part.runtime,
        None => part.runtime.or_else(|| whole.runtime.clone()),
    };
    BeadSpec {
        priority: match part.priority == Priority::default() {
            true => whole.priority,
            false => part.priority,
        },
        labels: match part.labels.is_empty() {
            true => whole.labels.clone(),
            false => part.labels,
        },
        scope: match part.scope.is_empty() {
            true => whole.scope.clone(),
            false => part.scope,
        },
        role: part.role.or_else(|| whole.role.clone()),
        parent: whole.parent.clone(),
        runtime,
        ..part
    }
}

/// Puts a part where the whole stands: in its goal, behind what the whole needs.
fn placed(scene: Scene<'_>, mut part: Bead, whole: &Bead) -> Result<Bead, Rejection> {
    for need in &part.needs {
        // The whole needs its part, so the part may need nothing that waits for the whole.
        if scene.graph.bead(&need.on).is_some()
            && let Some(path) = scene.graph.cycle_through(&whole.id, &need.on)
        {
            return Err(Rejection::Cycle { path });
        }
    }
    for need in whole.needs.iter().filter(|need| need.acts()) {
        let is_known = |known: &crate::Need| known.on == need.on && known.kind == need.kind;
        if !part.needs.iter().any(is_known) {
            part.needs.push(need.clone());
        }
    }
    if let Some(goal) = &whole.goal {
        joins_without_circle(scene, goal, &part.needs, None)?;
    }
    part.goal.clone_from(&whole.goal);
    part.local_id = None;
    if whole.phase == Phase::Draft {
        part.phase = Phase::Draft;
    }
    Ok(part)
}

fn left_of(whole: &BeadSpec, rest: Option<String>) -> BeadSpec {
    let run = whole
        .run
        .as_ref()
        .map(|_| rest.unwrap_or_else(|| NOTHING_LEFT.to_owned()));
    BeadSpec {
        run,
        ..whole.clone()
    }
}
