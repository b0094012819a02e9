//! A goal that comes by the clock comes once for each time, and never when it is held back.

use gtd_core::{
    Actor, BeadId, BeadSpec, Command, Cron, Event, Outcome, Phase, Rejection, Schedule,
    ScheduleName, ScheduleOrigin, ScheduleRule, ScheduledGoal, Timestamp,
};

use crate::scene::{Scene, person, rig, role, rules};

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

fn name(text: &str) -> ScheduleName {
    ScheduleName::parse(text).unwrap()
}

fn wish(title: &str) -> ScheduledGoal {
    ScheduledGoal::of_script(BeadSpec::titled(title), "true")
}

pub(crate) fn add_command(schedule: &str, cron: &str) -> Command {
    Command::AddSchedule {
        rig: rig(),
        schedule: name(schedule),
        cron: Cron::parse(cron).unwrap(),
        goal: wish("Update the dependencies"),
    }
}

pub(crate) fn fire(schedule: &str, due: Option<Timestamp>, missed: u32) -> Command {
    Command::FireSchedule {
        rig: rig(),
        schedule: name(schedule),
        due,
        missed,
        target: None,
    }
}

#[track_caller]
pub(crate) fn add(scene: &mut Scene, schedule: &str, cron: &str) {
    scene.tell(add_command(schedule, cron));
}

#[track_caller]
pub(crate) fn pause(scene: &mut Scene, schedule: &str) {
    scene.tell(Command::PauseSchedule {
        rig: rig(),
        schedule: name(schedule),
        why: "the release".to_owned(),
    });
}

#[track_caller]
pub(crate) fn resume(scene: &mut Scene, schedule: &str) {
    scene.tell(Command::ResumeSchedule {
        rig: rig(),
        schedule: name(schedule),
    });
}

#[track_caller]
pub(crate) fn remove(scene: &mut Scene, schedule: &str) {
    scene.tell(Command::RemoveSchedule {
        rig: rig(),
        schedule: name(schedule),
    });
}

fn at<'a>(scene: &'a Scene, schedule: &str) -> &'a Schedule {
    scene.graph.schedule(&rig(), &name(schedule)).unwrap()
}

/// Lets a day pass and tells the ledger as the mayor does; returns the goal, if one was made.
fn a_day_later(scene: &mut Scene) -> Option<BeadId> {
    scene.now = Timestamp(scene.now.0 + DAY);
    let due = scene.now;
    let told = scene.ask_as(Actor::Role(role("mayor")), fire("nightly", Some(due), 0));
    told.unwrap().into_iter().find_map(|event| match event {
        Event::ScheduleFired { goal, .. } => Some(goal),
        _ => None,
    })
}

#[test]
fn a_time_makes_one_goal_however_often_it_is_told() {
    let mut scene = Scene::new();
    add(&mut scene, "nightly", "0 2 * * *");
    let goal = a_day_later(&mut scene).unwrap();
    assert_eq!(scene.at(&goal).spec.title, "Update the dependencies");
    let due = scene.now;
    scene.cancel(&goal);
    // Told again, and of a time before and of one that is still to come.
    for due in [due, Timestamp(due.0 - 1), Timestamp(due.0 + HOUR)] {
        assert_eq!(scene.tell(fire("nightly", Some(due), 0)), []);
    }
    assert_eq!(at(&scene, "nightly").last.as_ref().unwrap().due, Some(due));
    assert!(a_day_later(&mut scene).is_some());
}

#[test]
fn a_second_goal_waits_for_the_end_of_the_first() {
    let mut scene = Scene::new();
    add(&mut scene, "nightly", "0 2 * * *");
    let first = a_day_later(&mut scene).unwrap();
    assert_eq!(a_day_later(&mut scene), None);
    scene.cancel(&first);
    assert!(a_day_later(&mut scene).is_some());
}

#[test]
fn what_is_held_back_comes_when_a_person_wants_it_and_never_by_itself() {
    let mut scene = Scene::new();
    add(&mut scene, "nightly", "0 2 * * *");
    pause(&mut scene, "nightly");
    assert_eq!(a_day_later(&mut scene), None);
    let by_hand = scene.tell(fire("nightly", None, 0));
    assert!(matches!(by_hand.first(), Some(Event::GoalOpened { .. })));
    let last = at(&scene, "nightly").last.clone().unwrap();
    assert_eq!(last.due, None);
    scene.cancel(&last.goal);
    // Only the person who holds it back lets it go on, and what passed meanwhile is gone.
    let mayor = Actor::Role(role("mayor"));
    let resume_command = Command::ResumeSchedule {
        rig: rig(),
        schedule: name("nightly"),
    };
    assert_eq!(scene.ask_as(mayor, resume_command), Ok(vec![]));
    let before = scene.now;
    scene.now = Timestamp(before.0 + HOUR);
    resume(&mut scene, "nightly");
    assert_eq!(scene.tell(fire("nightly", Some(before), 0)), []);
    assert!(a_day_later(&mut scene).is_some());
}

#[test]
fn a_schedule_that_cannot_be_is_refused() {
    let mut scene = Scene::new();
    add(&mut scene, "nightly", "0 2 * * *");
    assert_eq!(scene.tell(add_command("nightly", "0 2 * * *")), []);
    let why = scene
        .refused(add_command("nightly", "0 3 * * *"))
        .to_string();
    assert!(why.contains("gtd schedule remove nightly"), "{why}");
    let why = scene.refused(fire("weekly", None, 0));
    assert!(matches!(why, Rejection::NotFound { .. }), "{why}");
    let command = Command::AddSchedule {
        rig: rig(),
        schedule: name("empty"),
        cron: Cron::parse("@daily").unwrap(),
        goal: wish(""),
    };
    let why = scene.refused(command);
    assert!(matches!(why, Rejection::BadText { .. }), "{why}");
}

#[test]
fn what_a_person_did_to_a_schedule_is_undone_unless_it_has_come_since() {
    let mut scene = Scene::new();
    add(&mut scene, "nightly", "0 2 * * *");
    scene.undo_last().unwrap();
    assert_eq!(scene.graph.schedules().count(), 0);
    add(&mut scene, "nightly", "0 2 * * *");
    let made = at(&scene, "nightly").clone();
    scene.now = Timestamp(scene.now.0 + HOUR);
    remove(&mut scene, "nightly");
    scene.undo_last().unwrap();
    // What it would have made meanwhile is gone.
    let again = Schedule {
        since: scene.now,
        ..made
    };
    assert_eq!(*at(&scene, "nightly"), again);
    let op = gtd_core::operations(&scene.log)
        .into_iter()
        .rev()
        .find(|op| op.what() == "schedule nightly")
        .unwrap();
    a_day_later(&mut scene).unwrap();
    let why = scene.undo(&op).unwrap_err();
    assert!(why.to_string().contains("changed since"), "{why}");
    assert_eq!(why.next(), "gtd schedule remove nightly");
}

#[test]
fn schedules_of_the_trusted_file_follow_it_and_keep_what_they_did() {
    let mut scene = Scene::new();
    let rule = |schedule: &str, cron: &str| ScheduleRule {
        name: name(schedule),
        cron: Cron::parse(cron).unwrap(),
        goal: wish("Update the dependencies"),
    };
    let mut trusted = rules();
    trusted.schedules = vec![rule("nightly", "0 2 * * *"), rule("weekly", "0 2 * * MON")];
    scene.trust(trusted.clone());
    let goal = a_day_later(&mut scene).unwrap();
    scene.cancel(&goal);
    let before = at(&scene, "nightly").clone();
    assert_eq!(before.origin, ScheduleOrigin::File);
    // It cannot be removed by command, but held back.
    let why = scene.refused(Command::RemoveSchedule {
        rig: rig(),
        schedule: name("nightly"),
    });
    assert!(why.to_string().contains("gtd trust"), "{why}");
    // The same again changes nothing; what changed counts from now on; what is gone is gone.
    scene.now = Timestamp(scene.now.0 + HOUR);
    trusted.schedules = vec![rule("nightly", "0 2 * * *"), rule("weekly", "0 4 * * MON")];
    scene.trust(trusted.clone());
    assert_eq!(*at(&scene, "nightly"), before);
    assert_eq!(at(&scene, "weekly").since, scene.now);
    trusted.schedules.truncate(1);
    scene.trust(trusted.clone());
    assert!(scene.graph.schedule(&rig(), &name("weekly")).is_none());
    // Two of one name would be one too many.
    add(&mut scene, "monthly", "@monthly");
    trusted.schedules.push(rule("monthly", "0 0 1 * *"));
    let why = scene.refused(Command::TrustRig {
        rig: rig(),
        rules: trusted,
        digest: "new".to_owned(),
    });
    assert!(
        why.to_string().contains("gtd schedule remove monthly"),
        "{why}"
    );
}

#[test]
fn a_clock_that_was_a_year_ahead_silences_no_schedule() {
    let mut scene = Scene::new();
    let right = scene.now;
    scene.now = Timestamp(right.0 + 365 * DAY);
    add(&mut scene, "nightly", "0 2 * * *");
    assert!(!at(&scene, "nightly").waits_for_a_wrong_clock(scene.now));
    scene.now = right;
    assert!(at(&scene, "nightly").waits_for_a_wrong_clock(right));
    let command = Command::ResumeSchedule {
        rig: rig(),
        schedule: name("nightly"),
    };
    scene.ask_as(Actor::Role(role("mayor")), command).unwrap();
    assert_eq!(at(&scene, "nightly").since, right);
    assert!(a_day_later(&mut scene).is_some());
}

#[test]
fn a_goal_of_the_clock_runs_and_ends_as_any_other() {
    let mut scene = Scene::new();
    add(&mut scene, "nightly", "0 2 * * *");
    let goal = a_day_later(&mut scene).unwrap();
    let beads = scene.graph.goal(&goal).unwrap().beads.clone();
    assert!(beads.iter().all(|bead| scene.at(bead).phase == Phase::Open));
    for bead in &beads {
        scene.close(bead, Outcome::Done);
    }
    assert_eq!(scene.graph.open_in_goal(&goal), 0);
    assert_eq!(at(&scene, "nightly").by, person());
}

#[test]
fn the_run_before_is_the_last_one_again_when_a_run_is_taken_back() {
    let mut scene = Scene::new();
    scene.name_asks();
    add(&mut scene, "nightly", "0 2 * * *");
    let last = |scene: &Scene| -> Option<BeadId> {
        let schedule = scene.graph.schedule(&rig(), &name("nightly"))?;
        Some(schedule.last.as_ref()?.goal.clone())
    };
    let mut goals = Vec::new();
    for _ in 0..2 {
        scene.tell(fire("nightly", None, 0));
        goals.push(last(&scene).unwrap());
        scene.cancel(&goals[goals.len() - 1]);
        scene.later(60);
    }
    scene.tell(fire("nightly", None, 0));
    scene.undo_last().unwrap();
    assert_eq!(last(&scene).as_ref(), goals.last());
}
