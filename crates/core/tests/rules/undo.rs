//! What a person did is taken back, unless something was built upon it.

use gtd_core::{
    Approval, BeadSpec, BeadState, Command, FaultClass, Need, Outcome, PauseScope, Phase,
    PlanState, Priority, Rejection, operations,
};

use crate::scene::{Scene, plan, rig, spec};

#[track_caller]
fn refused(scene: &mut Scene) -> (String, String) {
    match scene.undo_last() {
        Err(why @ Rejection::CannotUndo { .. }) => (why.to_string(), why.next()),
        other => panic!("{other:?}"),
    }
}

fn last(scene: &Scene) -> String {
    operations(&scene.log).pop().unwrap().what()
}

#[test]
fn a_bead_that_was_made_is_gone_again() {
    let mut scene = Scene::new();
    let bead = scene.bead("a slip");
    assert_eq!(last(&scene), format!("create {bead} a slip"));
    scene.undo_last().unwrap();
    assert!(scene.graph.bead(&bead).is_none());
    assert!(scene.graph.index_is_true());
    // And what was undone can be done again.
    assert_eq!(last(&scene), format!("undo create {bead} a slip"));
    scene.undo_last().unwrap();
    assert_eq!(scene.state(&bead), BeadState::Ready);
    assert!(scene.graph.index_is_true());
}

#[test]
fn a_bead_that_others_need_is_not_taken_away() {
    let mut scene = Scene::new();
    let one = scene.bead("one");
    let op = operations(&scene.log).pop().unwrap();
    let two = scene.bead_after("two", &[&one]);
    let Err(why) = scene.undo(&op) else {
        panic!("it was taken away")
    };
    assert!(
        why.to_string().contains(&format!("{two} refers to {one}")),
        "{why}"
    );
    assert_eq!(why.next(), format!("gtd bead close {one} -m WHY"));
}

#[test]
fn an_edit_and_an_edge_are_as_before() {
    let mut scene = Scene::new();
    let (one, two) = (scene.bead("one"), scene.bead("two"));
    scene.tell(Command::EditBead {
        bead: one.clone(),
        spec: BeadSpec {
            priority: Priority::new(0).unwrap(),
            ..spec("one, urgently")
        },
    });
    scene.undo_last().unwrap();
    assert_eq!(scene.at(&one).spec, spec("one"));
    scene.tell(Command::Link {
        bead: one.clone(),
        need: Need::blocks(two),
    });
    scene.undo_last().unwrap();
    assert_eq!(scene.state(&one), BeadState::Ready);
}

#[test]
fn a_closed_bead_is_where_it_was_with_its_story() {
    let mut scene = Scene::new();
    let bead = scene.bead("one");
    scene.give_back(&bead, FaultClass::Exit { code: 1 });
    let before = scene.at(&bead).clone();
    scene.close(&bead, Outcome::Cancelled);
    scene.undo_last().unwrap();
    let after = scene.at(&bead);
    assert_eq!((&after.phase, after.spent), (&before.phase, before.spent));
    assert_eq!(after.attempts, before.attempts);
}

#[test]
fn work_that_an_operation_ended_goes_back_to_the_line() {
    let mut scene = Scene::new();
    let bead = scene.bead("one");
    scene.grant(&bead);
    scene.cancel(&bead);
    scene.undo_last().unwrap();
    let Phase::Returned { why } = &scene.at(&bead).phase else {
        panic!("{:?}", scene.at(&bead).phase)
    };
    assert_eq!(why.class, FaultClass::Stopped);
    assert_eq!(scene.at(&bead).spent, 0);
}

#[test]
fn an_approval_is_taken_back_until_somebody_begins() {
    let mut scene = Scene::new();
    let goal = scene.open_goal(Some(plan(&[("a", &[])])), Approval::Needed);
    let bead = scene.in_goal(&goal, "a");
    scene.tell(Command::ApprovePlan { goal: goal.clone() });
    scene.undo_last().unwrap();
    assert_eq!(scene.graph.goal(&goal).unwrap().plan, PlanState::Proposed);
    assert_eq!(scene.state(&bead), BeadState::Draft);
    scene.tell(Command::ApprovePlan { goal });
    let op = operations(&scene.log).pop().unwrap();
    scene.grant(&bead);
    let why = scene.undo(&op).unwrap_err();
    assert!(
        why.to_string().contains(&format!("{bead} changed since")),
        "{why}"
    );
    assert_eq!(why.next(), format!("gtd stop {bead}"));
}

#[test]
fn an_answer_is_taken_back_until_it_is_taken() {
    let mut scene = Scene::new();
    let bead = scene.bead("which colour?");
    scene.give_back(&bead, FaultClass::Question);
    scene.park(&bead);
    let parked = scene.at(&bead).phase.clone();
    scene.retry(&bead);
    scene.undo_last().unwrap();
    assert_eq!(scene.at(&bead).phase, parked);
    scene.retry(&bead);
    let op = operations(&scene.log).pop().unwrap();
    scene.grant(&bead);
    assert_eq!(scene.undo(&op).unwrap_err().code(), "E0219");
}

#[test]
fn a_pause_is_taken_back_and_a_resume_is_not() {
    let mut scene = Scene::new();
    let pause = Command::Pause {
        scope: PauseScope::Rig(rig()),
        why: "look".to_owned(),
    };
    scene.tell(pause.clone());
    scene.undo_last().unwrap();
    assert!(scene.graph.pauses().is_empty());
    scene.tell(pause);
    scene.tell(Command::Resume {
        scope: PauseScope::Rig(rig()),
    });
    let (_, next) = refused(&mut scene);
    assert_eq!(next, "gtd pause");
}

#[test]
fn what_depends_on_an_end_and_has_begun_keeps_it() {
    let mut scene = Scene::new();
    let one = scene.bead("one");
    let two = scene.bead_after("two", &[&one]);
    scene.close(&one, Outcome::Done);
    let op = operations(&scene.log).pop().unwrap();
    scene.grant(&two);
    let why = scene.undo(&op).unwrap_err();
    assert!(
        why.to_string().contains(&format!("{two} has begun since")),
        "{why}"
    );
}

#[test]
fn what_no_undo_takes_back_names_another_way() {
    let mut scene = Scene::new();
    let (why, next) = refused(&mut scene);
    assert!(why.contains("trust api"), "{why}");
    assert!(next.contains("gtd trust"), "{next}");
    scene.tell(Command::Stop {
        why: "smoke".to_owned(),
    });
    let (_, next) = refused(&mut scene);
    assert_eq!(next, "gtd resume --all");
}
