//! A decision that is put out of sight comes back by itself, is counted, and is never lost.

use std::time::Duration;

use gtd_core::{Command, FaultClass, NeedsYou, Timestamp, needs_you, status_doc};

use crate::scene::Scene;

pub(crate) fn snooze(kind: &str, subject: &str, until: Option<Timestamp>) -> Command {
    Command::SnoozeDecision {
        kind: kind.to_owned(),
        subject: subject.to_owned(),
        until,
    }
}

/// A town in which a bead asks and another needs help.
fn town() -> (Scene, String) {
    let mut scene = Scene::new();
    let asks = scene.bead("which colour?");
    scene.give_back(&asks, FaultClass::Question);
    scene.park(&asks);
    let other = scene.bead("set aside");
    scene.park(&other);
    (scene, asks.to_string())
}

fn items(scene: &Scene) -> Vec<NeedsYou> {
    needs_you(scene.view(), None)
}

fn kind_of(scene: &Scene, subject: &str) -> String {
    let found = items(scene)
        .into_iter()
        .find(|item| item.subject == subject);
    found.unwrap().kind
}

fn in_sight(scene: &Scene) -> usize {
    let status = status_doc(scene.view(), None);
    let items = items(scene);
    let awake = items.iter().filter(|item| !item.is_snoozed()).count();
    assert_eq!(status.needs_you.len(), awake);
    assert_eq!(
        status.snoozed,
        items.len() - awake,
        "counted, wherever it is"
    );
    assert_eq!(
        status.snoozed_until,
        items.iter().filter_map(|item| item.snoozed_until).min()
    );
    awake
}

#[test]
fn a_snoozed_decision_comes_back_by_itself() {
    let (mut scene, asks) = town();
    let kind = kind_of(&scene, &asks);
    assert_eq!(in_sight(&scene), 2);
    let until = scene.now.plus(Duration::from_hours(1));
    scene.tell(snooze(&kind, &asks, Some(until)));
    assert_eq!(scene.tell(snooze(&kind, &asks, Some(until))), vec![]);
    assert_eq!(in_sight(&scene), 1);
    assert_eq!(items(&scene).len(), 2, "nothing is lost");
    assert!(items(&scene)[1].is_snoozed(), "what is snoozed comes last");
    scene.later(3_600);
    assert_eq!(in_sight(&scene), 2);
}

#[test]
fn a_snoozed_decision_is_woken_by_hand_and_by_a_new_matter() {
    let (mut scene, asks) = town();
    let kind = kind_of(&scene, &asks);
    let until = Some(scene.now.plus(Duration::from_hours(8)));
    scene.tell(snooze(&kind, &asks, until));
    scene.tell(snooze(&kind, &asks, None));
    assert_eq!(scene.tell(snooze(&kind, &asks, None)), vec![]);
    assert_eq!(in_sight(&scene), 2);
    scene.tell(snooze(&kind, &asks, until));
    assert_eq!(in_sight(&scene), 1);
    // It goes on, and needs somebody for something else.
    scene.later(60);
    let bead = crate::scene::bead_id(&asks);
    scene.retry(&bead);
    scene.park(&bead);
    assert_eq!(in_sight(&scene), 2, "a new question is seen at once");
}

#[test]
fn a_moment_that_has_passed_hides_nothing() {
    let (mut scene, asks) = town();
    for (command, code) in [
        (snooze("question", &asks, Some(scene.now)), "E0103"),
        (snooze("", &asks, None), "E0103"),
        (snooze("question", " ", None), "E0103"),
    ] {
        assert_eq!(scene.refused(command).code(), code);
    }
    let until = Some(scene.now.plus(Duration::from_secs(60)));
    scene.tell(snooze("question", &asks, until));
    let why = scene.undo_last().unwrap_err();
    assert_eq!(why.next(), format!("gtd inbox --wake {asks}"));
}
