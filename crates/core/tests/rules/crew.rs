//! Standing members: who joins, who leaves, and who may be called what.

use gtd_core::{Command, CrewOutcome, CrewState};

use crate::scene::{Scene, host, rig, seat};

pub(crate) fn add(name: &str) -> Command {
    Command::AddCrew {
        rig: rig(),
        member: seat(name),
    }
}

pub(crate) fn remove(name: &str, discard: bool) -> Command {
    Command::RemoveCrew {
        member: seat(name),
        discard,
    }
}

pub(crate) fn conclude(name: &str, outcome: CrewOutcome, why: &str) -> Command {
    Command::ConcludeCrew {
        member: seat(name),
        outcome,
        why: why.to_owned(),
    }
}

fn state(scene: &Scene, name: &str) -> Option<CrewState> {
    let member = scene.graph.crew_member(&seat(name));
    member.map(|member| member.state.clone())
}

#[test]
fn a_member_that_is_kept_stays_with_the_reason_until_it_leaves() {
    let mut scene = Scene::new();
    scene.tell(add("ada"));
    assert_eq!(state(&scene, "ada"), Some(CrewState::Coming));
    // Nobody has asked for its end.
    scene.tell(conclude("ada", CrewOutcome::Gone, ""));
    assert_eq!(state(&scene, "ada"), Some(CrewState::Coming));
    scene.tell(conclude("ada", CrewOutcome::Ready, ""));
    scene.tell(remove("ada", false));
    // What was seen before the wish is no answer to it.
    scene.tell(conclude("ada", CrewOutcome::Ready, ""));
    assert_eq!(
        state(&scene, "ada"),
        Some(CrewState::Leaving { discard: false })
    );
    scene.tell(conclude("ada", CrewOutcome::Kept, "a commit"));
    let kept = Some("a commit".to_owned());
    assert_eq!(state(&scene, "ada"), Some(CrewState::Here { kept }));
    scene.tell(remove("ada", true));
    scene.tell(conclude("ada", CrewOutcome::Gone, ""));
    assert_eq!(state(&scene, "ada"), None);
}

#[test]
fn a_name_is_of_one_member_or_one_seat() {
    let mut scene = Scene::new();
    scene.tell(add("ada"));
    let before = scene.graph.revision();
    scene.tell(add("ada"));
    assert_eq!(scene.graph.revision(), before);
    let refused = scene.refused(Command::OpenSeat {
        seat: seat("ada"),
        rig: rig(),
        host: host(),
    });
    assert_eq!(refused.code(), "E0207");
    assert_eq!(scene.refused(add("ada.lock")).code(), "E0103");
}

#[test]
fn a_rig_with_a_member_is_not_removed() {
    let mut scene = Scene::new();
    scene.tell(add("ada"));
    let refused = scene.refused(Command::RemoveRig { rig: rig() });
    assert!(
        refused.to_string().contains("gtd crew remove ada"),
        "{refused}"
    );
}

#[test]
fn joining_and_leaving_are_not_undone_and_another_way_is_named() {
    let mut scene = Scene::new();
    scene.tell(add("ada"));
    let refused = scene.undo_last().unwrap_err().to_string();
    assert!(refused.contains("looked at first"), "{refused}");
    scene.tell(remove("ada", false));
    let refused = scene.undo_last().unwrap_err().to_string();
    assert!(refused.contains("made anew"), "{refused}");
}
