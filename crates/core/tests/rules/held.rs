//! What a pause, a role or a rig that left holds back.

use gtd_core::{BeadState, Command, FaultClass, PauseScope, WaitReason};

use crate::scene::{Scene, rig, rules, seat};

#[test]
fn what_is_paused_is_no_offer() {
    let mut scene = Scene::new();
    let goal = scene.goal(&[("one", &[])]);
    let one = scene.in_goal(&goal, "one");
    for scope in [
        PauseScope::Town,
        PauseScope::Rig(rig()),
        PauseScope::Bead(goal.clone()),
        PauseScope::Bead(one.clone()),
    ] {
        let mut scene = scene.clone();
        scene.tell(Command::Pause {
            scope: scope.clone(),
            why: String::new(),
        });
        assert_eq!(scene.state(&one), BeadState::Waiting);
        assert_eq!(scene.reason(&one), Some(WaitReason::Paused));
        let why = scene.refused(Command::ClaimNext {
            rig: rig(),
            name: seat("eve"),
        });
        assert_eq!(why.code(), "E0203");
        scene.tell(Command::Resume { scope });
        assert_eq!(scene.state(&one), BeadState::Ready);
    }
}

#[test]
fn a_role_that_is_paused_is_told_of() {
    let mut scene = Scene::new();
    let bead = scene.bead("one");
    let handed_in = scene.bead("two");
    scene.submit(&handed_in);
    let pause = |name: &str| PauseScope::Role(crate::scene::role(name));
    for (role, held, free) in [("crew", &bead, &handed_in), ("refinery", &handed_in, &bead)] {
        let mut scene = scene.clone();
        scene.tell(Command::Pause {
            scope: pause(role),
            why: String::new(),
        });
        let why = scene.why(held);
        assert_eq!(why.reason(), Some(WaitReason::Paused));
        assert_eq!(why.next[0].cmd, format!("gtd resume {role}"));
        assert_ne!(scene.reason(free), Some(WaitReason::Paused));
    }
}

#[test]
fn a_rig_that_left_offers_nothing_and_comes_back_with_its_beads() {
    let mut scene = Scene::new();
    let bead = scene.bead("one");
    scene.open_seat("quartz");
    scene.tell(Command::RemoveRig { rig: rig() });
    assert_eq!(scene.ready(), vec![]);
    assert_eq!(scene.graph.seats().count(), 0);
    assert_eq!(scene.state(&bead), BeadState::Waiting);
    let why = scene.refused(Command::Claim {
        bead: bead.clone(),
        name: seat("eve"),
    });
    assert_eq!(why.code(), "E0303");
    scene.trust(rules());
    assert_eq!(scene.ready(), [bead]);
}

#[test]
fn a_rig_at_work_does_not_leave() {
    let mut scene = Scene::new();
    let bead = scene.bead("one");
    scene.grant(&bead);
    let leave = || Command::RemoveRig { rig: rig() };
    assert_eq!(scene.refused(leave()).code(), "E0201");
    let member = scene.submit(&bead);
    scene.form(&[member]);
    assert_eq!(scene.refused(leave()).code(), "E0208");
    scene.land_candidate();
    scene.tell(leave());
}

#[test]
fn more_attempts_by_new_rules_make_a_spent_bead_ready() {
    let mut scene = Scene::new();
    let bead = scene.bead("one");
    for _ in 0..3 {
        scene.fail(&bead, FaultClass::Exit { code: 1 });
    }
    assert_eq!(scene.ready(), vec![]);
    assert_eq!(scene.graph.spent().count(), 1);
    let mut rules = rules();
    rules.worker.attempts = 4;
    scene.trust(rules);
    assert_eq!(scene.ready(), [bead]);
}
