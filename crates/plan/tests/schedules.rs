//! Goals that come by the clock: the mayor sees which time is due, and tells it once.

mod scene;

use gtd_core::{BeadSpec, Command, Cron, ScheduleName, ScheduledGoal, Timestamp, Zone};
use gtd_plan::{Answer, Planner, Question, Seen, Step};
use scene::{NOW, Scene, mayor, target};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

fn name() -> ScheduleName {
    ScheduleName::parse("hourly").expect("a valid scene")
}

/// A town whose one schedule was made at `NOW`, which is 00:16:40 in 1970.
fn scheduled(cron: &str) -> Scene {
    let mut scene = Scene::new(1);
    scene.tell(Command::AddSchedule {
        rig: target().rig,
        schedule: name(),
        cron: Cron::parse(cron).expect("a valid scene"),
        goal: ScheduledGoal::of_script(BeadSpec::titled("by the clock"), "true"),
    });
    scene
}

/// What the mayor tells of schedules: when it was due, and what was missed.
fn told(scene: &Scene) -> Vec<(i64, u32)> {
    let world = |question: &Question| match question {
        Question::Zone => Answer::Zone(Zone::utc()),
        other => panic!("the mayor looks at nothing else: {other:?}"),
    };
    let steps = scene.steps(&mayor(), world);
    steps
        .into_iter()
        .map(|step| match step {
            Step::Tell(Command::FireSchedule { due, missed, .. }) => {
                ((due.expect("a time").0 - NOW.0) / MINUTE, missed)
            }
            other => panic!("{other:?}"),
        })
        .collect()
}

fn take(scene: &mut Scene) {
    scene.take(&mayor(), |_| Answer::Zone(Zone::utc()));
}

fn made(scene: &Scene) -> usize {
    scene.graph.goals().count() - 1
}

fn cancel_what_came(scene: &mut Scene) {
    let schedule = scene.graph.schedule(&target().rig, &name());
    let last = schedule.and_then(|schedule| schedule.last.clone());
    scene.tell(Command::Cancel {
        bead: last.expect("it came").goal,
        why: String::new(),
    });
}

#[test]
fn a_time_that_has_come_is_told_once() {
    let mut scene = scheduled("0 * * * *");
    assert_eq!(told(&scene), []);
    scene.now = Timestamp(HOUR);
    assert_eq!(told(&scene), [(43, 0)]);
    take(&mut scene);
    assert_eq!(made(&scene), 1);
    for later in [0, MINUTE, 30 * MINUTE] {
        scene.now = Timestamp(HOUR + later);
        assert_eq!(told(&scene), []);
        // Neither does what another pass had planned before make a second one.
        scene.tell(Command::FireSchedule {
            rig: target().rig,
            schedule: name(),
            due: Some(Timestamp(HOUR)),
            missed: 0,
            target: None,
        });
        assert_eq!(made(&scene), 1);
    }
}

#[test]
fn what_was_missed_while_nobody_looked_comes_once_and_is_counted() {
    let mut scene = scheduled("0 * * * *");
    scene.now = Timestamp(9 * HOUR + MINUTE);
    assert_eq!(told(&scene), [(523, 8)]);
    take(&mut scene);
    assert_eq!(made(&scene), 1);
    assert_eq!(told(&scene), []);
}

#[test]
fn a_clock_that_jumps_makes_no_time_come_twice() {
    let mut scene = scheduled("0 * * * *");
    scene.now = Timestamp(HOUR);
    take(&mut scene);
    cancel_what_came(&mut scene);
    // Back by an hour, and over the same time again.
    scene.now = Timestamp(20 * MINUTE);
    assert_eq!(told(&scene), []);
    scene.now = Timestamp(HOUR + MINUTE);
    assert_eq!(told(&scene), []);
    scene.now = Timestamp(2 * HOUR);
    assert_eq!(told(&scene), [(103, 0)]);
}

#[test]
fn a_clock_that_was_far_ahead_is_forgiven() {
    let mut scene = scheduled("0 * * * *");
    scene.now = Timestamp(1_000 * HOUR);
    take(&mut scene);
    cancel_what_came(&mut scene);
    scene.now = Timestamp(2 * HOUR + MINUTE);
    take(&mut scene);
    assert_eq!(told(&scene), []);
    scene.now = Timestamp(3 * HOUR);
    assert_eq!(told(&scene).len(), 1);
}

#[test]
fn a_schedule_that_is_held_back_is_not_even_looked_at() {
    let mut scene = scheduled("0 * * * *");
    scene.tell(Command::PauseSchedule {
        rig: target().rig,
        schedule: name(),
        why: String::new(),
    });
    scene.now = Timestamp(5 * HOUR);
    let questions = mayor().look(&scene.graph, &Seen::default(), scene.now);
    assert_eq!(questions, []);
    assert_eq!(told(&scene), []);
}

#[test]
fn a_goal_that_has_not_ended_holds_back_the_next_of_its_kind() {
    let mut scene = scheduled("0 * * * *");
    scene.now = Timestamp(HOUR);
    take(&mut scene);
    scene.now = Timestamp(4 * HOUR);
    assert_eq!(told(&scene), []);
    cancel_what_came(&mut scene);
    assert_eq!(told(&scene), [(223, 2)]);
}
