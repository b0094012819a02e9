//! Tests that are red and then green on one tree.

use gtd_core::{BeadId, BeadType, Command, Event, GateRun};

use crate::scene::{Scene, flaky_run, gate_name, oid, rig, rules};

const TEST: &str = "core::clock::ticks";
const DAY: u64 = 24 * 3_600;

/// Has a person ask for the gate, and the refinery answer with this run.
fn seen(scene: &mut Scene, run: GateRun) -> Vec<Event> {
    scene.tell(Command::AskGate {
        rig: rig(),
        gate: gate_name("test"),
        commit: run.commit.clone(),
        bead: None,
    });
    let number = scene.graph.gate_asks().next().unwrap().number;
    let runs = vec![run];
    scene.tell(Command::AnswerGate { number, runs })
}

fn filed(events: &[Event]) -> Option<BeadId> {
    events.iter().find_map(|event| match event {
        Event::FlakyTestFiled { bead, test, .. } => {
            assert_eq!(test, TEST);
            Some(bead.clone())
        }
        _ => None,
    })
}

fn flip(scene: &mut Scene, run: &str) -> Option<BeadId> {
    filed(&seen(scene, flaky_run(&oid(1), TEST, run)))
}

#[test]
fn a_test_that_is_flaky_three_times_in_a_week_is_asked_about_by_one_bead() {
    let mut scene = Scene::new();
    assert_eq!(flip(&mut scene, "one"), None);
    scene.later(DAY);
    assert_eq!(flip(&mut scene, "two"), None);
    scene.later(DAY);
    let bead = flip(&mut scene, "three").expect("the third is once too often");
    let found = scene.at(&bead);
    assert_eq!(found.spec.kind, BeadType::Bug);
    assert!(found.spec.title.contains(TEST), "{}", found.spec.title);
    assert!(
        found.spec.run.is_none(),
        "nobody but a person sets a script"
    );
    // While it is open there is no second one.
    for run in ["four", "five", "six", "seven"] {
        assert_eq!(flip(&mut scene, run), None);
    }
    let record = scene.graph.test_record(&rig(), &gate_name("test"), TEST);
    let record = record.unwrap();
    assert_eq!((record.flaky, record.bead.as_ref()), (7, Some(&bead)));
    // It was mended, or so it seemed.
    scene.close(&bead, gtd_core::Outcome::Done);
    let next = flip(&mut scene, "eight").expect("it goes on all the same");
    assert_ne!(next, bead);
}

#[test]
fn what_was_long_ago_or_seen_before_does_not_count() {
    let mut scene = Scene::new();
    for _ in 0..5 {
        assert_eq!(flip(&mut scene, "one"), None, "it is one and the same run");
    }
    assert_eq!(flip(&mut scene, "two"), None);
    scene.later(8 * DAY);
    assert_eq!(flip(&mut scene, "three"), None);
    assert_eq!(flip(&mut scene, "four"), None);
    assert!(flip(&mut scene, "five").is_some());
}

#[test]
fn how_often_is_too_often_is_a_persons_choice() {
    let mut choice = rules();
    choice.merge.flakes = 1;
    let mut scene = Scene::with_rules(choice.clone());
    assert!(flip(&mut scene, "one").is_some());
    choice.merge.flakes = 0;
    let mut scene = Scene::with_rules(choice);
    for run in ["one", "two", "three", "four"] {
        assert_eq!(flip(&mut scene, run), None);
    }
}
