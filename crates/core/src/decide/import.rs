//! Taking in the beads of an interchange file: what is new is made, what changed there follows.
//!
//! All of a file or nothing: circles are looked for once everything is in its
//! place. What is here and not in the file stays, because a file says nothing
//! about what it leaves out.

use super::{Decision, Scene, TEXT_MAX, bead::fresh, check_spec, check_text};
use crate::{
    Bead, BeadSpec, BeadType, Envelope, Event, Graph, ImportedBead, Phase, Rejection, RigName,
};

pub(super) fn import(scene: Scene<'_>, rig: &RigName, beads: Vec<ImportedBead>) -> Decision {
    let rig = scene.rig(rig)?;
    let mut graph = scene.graph.clone();
    let mut events = Vec::new();
    let ids: Vec<crate::BeadId> = beads.iter().map(|bead| bead.id.clone()).collect();
    for imported in beads {
        check(&imported)?;
        let found = match graph.bead(&imported.id) {
            None => vec![Event::BeadOpened {
                bead: made(scene, &graph, &rig.name, imported),
            }],
            Some(known) if known.rig != rig.name => {
                return Err(Rejection::BadText {
                    field: imported.id.to_string(),
                    why: format!("is a bead of rig {} already", known.rig),
                });
            }
            Some(known) => followed(known, imported),
        };
        for event in found {
            let envelope = Envelope {
                at: scene.now,
                by: scene.by.clone(),
                request: None,
                cause: None,
                event: event.clone(),
            };
            let revision = graph.revision().next();
            graph.apply(revision, &envelope);
            events.push(event);
        }
    }
    if !events.is_empty() {
        check_circles(&graph, &ids)?;
    }
    Ok(events)
}

/// Refuses what a file may not bring: scripts, checks and goals.
fn check(imported: &ImportedBead) -> Result<(), Rejection> {
    let spec = &imported.spec;
    check_spec(spec)?;
    let runs = spec.run.is_some() || spec.acceptance.iter().any(|c| c.check.is_some());
    if runs || spec.kind == BeadType::Goal {
        return Err(Rejection::NotYours {
            caller: "an import".to_owned(),
            verb: format!("set a script, a check or a goal ({})", imported.id),
        });
    }
    for note in &imported.notes {
        check_text("a remark", &note.text, TEXT_MAX)?;
    }
    Ok(())
}

fn made(scene: Scene<'_>, graph: &Graph, rig: &RigName, imported: ImportedBead) -> Bead {
    let ordinal = graph.next_ordinal();
    let mut bead = fresh(scene, imported.id, rig.clone(), imported.spec, ordinal);
    bead.needs = imported.needs;
    bead.notes = imported.notes;
    bead.created_at = imported.created_at.unwrap_or(scene.now);
    if let Some(end) = imported.end {
        bead.since = end.at.unwrap_or(scene.now);
        bead.phase = Phase::Closed {
            outcome: end.outcome,
            why: end.why,
        };
    }
    bead
}

/// Lets a bead that is here follow the issue that it came from, where that has changed.
fn followed(known: &Bead, imported: ImportedBead) -> Vec<Event> {
    // The issue as it stood says whether anything happened there since.
    let is_same = known.spec.extra == imported.spec.extra
        && known.spec.title == imported.spec.title
        && known.spec.description == imported.spec.description
        && known.spec.priority == imported.spec.priority;
    // What was made here is not the file's to change, whoever wrote it out.
    let is_ours = known.spec.extra.is_empty();
    if is_ours || is_same || known.phase.is_finished() {
        return Vec::new();
    }
    let id = &known.id;
    let mut events = Vec::new();
    let spec = BeadSpec {
        // What people here have said about how it is done stays.
        run: known.spec.run.clone(),
        runtime: known.spec.runtime.clone(),
        role: known.spec.role.clone(),
        scope: known.spec.scope.clone(),
        origin: known.spec.origin.clone(),
        acceptance: match known.spec.acceptance.iter().any(|c| c.check.is_some()) {
            true => known.spec.acceptance.clone(),
            false => imported.spec.acceptance.clone(),
        },
        ..imported.spec
    };
    if spec != known.spec {
        events.push(Event::BeadEdited {
            bead: id.clone(),
            spec,
        });
    }
    for need in imported.needs {
        if !known.needs.contains(&need) {
            events.push(Event::EdgeAdded {
                bead: id.clone(),
                need,
            });
        }
    }
    for note in imported.notes {
        if !known.notes.contains(&note) {
            events.push(Event::NoteAdded {
                bead: id.clone(),
                note,
            });
        }
    }
    let is_idle = known.phase.is_open() || matches!(known.phase, Phase::Parked { .. });
    if let Some(end) = imported.end.filter(|_| is_idle) {
        events.push(Event::BeadClosed {
            bead: id.clone(),
            outcome: end.outcome,
            why: end.why,
        });
    }
    events
}

fn check_circles(graph: &Graph, ids: &[crate::BeadId]) -> Result<(), Rejection> {
    for bead in ids.iter().filter_map(|id| graph.bead(id)) {
        let id = &bead.id;
        let acting = bead.needs.iter().filter(|need| need.acts());
        let by_need = acting.map(|need| graph.cycle_through(id, &need.on));
        let by_parent = bead.spec.parent.iter();
        let by_parent = by_parent.map(|parent| graph.cycle_by_parent(id, parent));
        if let Some(path) = by_need.chain(by_parent).flatten().next() {
            return Err(Rejection::Cycle { path });
        }
    }
    Ok(())
}
