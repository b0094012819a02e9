//! Which traces may go, and which never do.

mod scene;

use std::time::Duration;

use gtd_core::{BeadId, Command, Outcome, RunId, Timestamp, config::Retention};
use gtd_plan::{KeptRun, is_spent_candidate, spent_runs};
use scene::{NOW, Scene, absent, refinery, world};

const DAY_MS: i64 = 24 * 3_600_000;

fn kept(name: &str, bead: Option<&BeadId>, days_ago: i64) -> KeptRun {
    KeptRun {
        run: RunId::parse(name).expect("a name"),
        bead: bead.cloned(),
        ended_at: Timestamp(now().0 - days_ago * DAY_MS),
        bytes: 100,
    }
}

fn now() -> Timestamp {
    Timestamp(NOW.0 + 1_000 * DAY_MS)
}

fn rules(days: u64, size: Option<u64>) -> Retention {
    Retention {
        age: Duration::from_hours(24 * days),
        size,
    }
}

fn spent(scene: &Scene, runs: &[KeptRun], rules: Retention) -> Vec<String> {
    let spent = spent_runs(&scene.graph, runs, &rules, now());
    spent.iter().map(ToString::to_string).collect()
}

/// Ends a bead without a landing.
fn close(scene: &mut Scene, bead: usize) {
    scene.tell(Command::CloseBead {
        bead: scene.beads[bead].clone(),
        outcome: Outcome::Done,
        why: String::new(),
    });
}

#[test]
fn only_runs_of_what_has_ended_go_and_only_after_their_time() {
    let mut scene = Scene::new(2);
    let beads = scene.beads.clone();
    let goal = scene.graph.goals().next().expect("the goal").0.clone();
    let unknown = BeadId::parse("gt-zzzz").expect("an id");
    let runs = [
        kept("a.e1.work", Some(&beads[0]), 40),
        kept("b.e1.work", Some(&beads[1]), 40),
        kept("goal-check", Some(&goal), 40),
        kept("stranger.e1.work", Some(&unknown), 40),
    ];
    assert_eq!(spent(&scene, &runs, rules(30, None)), [""; 0]);
    close(&mut scene, 0);
    assert_eq!(
        spent(&scene, &runs, rules(0, Some(0))),
        [""; 0],
        "its goal is open: what it showed is evidence"
    );
    close(&mut scene, 1);
    scene.tell(Command::CloseGoal {
        goal,
        outcome: Outcome::Done,
        why: String::new(),
        proof: vec![],
    });
    assert_eq!(
        spent(&scene, &runs, rules(30, None)),
        ["a.e1.work", "b.e1.work", "goal-check"]
    );
    assert_eq!(spent(&scene, &runs, rules(50, None)), [""; 0]);
}

#[test]
fn of_too_much_the_oldest_goes_first_and_what_just_ended_stays() {
    let mut scene = Scene::new(1);
    let bead = scene.beads[0].clone();
    let goal = scene.graph.goals().next().expect("the goal").0.clone();
    close(&mut scene, 0);
    scene.tell(Command::CloseGoal {
        goal,
        outcome: Outcome::Done,
        why: String::new(),
        proof: vec![],
    });
    let runs = [
        kept("new", Some(&bead), 0),
        kept("old", Some(&bead), 9),
        kept("older", Some(&bead), 10),
    ];
    assert_eq!(spent(&scene, &runs, rules(30, Some(300))), [""; 0]);
    assert_eq!(spent(&scene, &runs, rules(30, Some(250))), ["older"]);
    assert_eq!(spent(&scene, &runs, rules(30, Some(1))), ["older", "old"]);
}

#[test]
fn a_parked_bead_keeps_its_last_attempt() {
    let mut scene = Scene::new(1);
    let bead = scene.beads[0].clone();
    scene.tell(Command::ParkBead {
        bead: bead.clone(),
        why: "not now".to_owned(),
    });
    let runs = [kept("a.e1.work", Some(&bead), 400)];
    assert_eq!(spent(&scene, &runs, rules(0, Some(1))), [""; 0]);
}

#[test]
fn gates_of_a_candidate_go_with_it_and_not_before() {
    let mut scene = Scene::new(1);
    let gate = |name: &str| kept(name, None, 40);
    assert_eq!(
        spent(&scene, &[gate("mr-0123456789.g0.test")], rules(30, None)),
        ["mr-0123456789.g0.test"],
        "nobody knows this candidate any more"
    );
    scene.submit(0, 'a');
    let assembly = scene.assembly(1);
    // It looks at the target first.
    for _ in 0..3 {
        scene.take(
            &refinery(),
            world('0', false, absent(), Some(assembly.clone())),
        );
    }
    let candidate = scene
        .graph
        .queues()
        .find_map(|queue| queue.candidate.as_ref())
        .expect("a candidate")
        .id
        .clone();
    let name = format!("{candidate}.g0.test");
    assert_eq!(spent(&scene, &[gate(&name)], rules(0, Some(1))), [""; 0]);
    assert!(!is_spent_candidate(&scene.graph, candidate.as_str()));
    assert!(is_spent_candidate(&scene.graph, "mr-0123456789"));
    let of_base = gate("base-repo-0123456789.g0.test");
    assert_eq!(
        spent(&scene, &[of_base], rules(0, Some(1))),
        [""; 0],
        "a candidate is being judged against the base"
    );
}

#[test]
fn a_notice_stays_for_a_month_however_much_there_is() {
    let scene = Scene::new(1);
    let runs = [kept("notice-0a1b", None, 20), kept("notice-2c3d", None, 32)];
    // Without its run, the same thing would be told once more.
    assert_eq!(spent(&scene, &runs, rules(1, Some(0))), ["notice-2c3d"]);
}
