//! What stands still, for goals that hang on each other.

use gtd_core::{Approval, BeadId, Command, Need, PauseScope, Standing, WaitReason, stands_still};

use crate::scene::{Scene, plan};

fn still(scene: &Scene, goal: &BeadId) -> bool {
    stands_still(&scene.graph, &scene.observations, goal, scene.now)
}

#[test]
fn a_goal_whose_mayor_cannot_plan_stands_still() {
    let mut scene = Scene::new();
    let goal = scene.open_goal(None, Approval::Needed);
    assert!(!still(&scene, &goal));
    assert_eq!(scene.reason(&goal), Some(WaitReason::Working));
    scene.observe(goal.as_str(), WaitReason::RuntimeDown);
    assert!(still(&scene, &goal));
    let why = scene.why(&goal);
    assert_eq!(why.verdict, Standing::NeedsYou);
    assert_eq!(why.state, "needs_you");
    scene.observations.publish("witness", vec![]);
    scene.tell(Command::Pause {
        scope: PauseScope::Role(crate::scene::role("mayor")),
        why: String::new(),
    });
    assert!(still(&scene, &goal));
    assert_eq!(scene.reason(&goal), Some(WaitReason::Paused));
}

#[test]
fn a_goal_whose_acceptance_cannot_be_checked_stands_still() {
    let mut scene = Scene::new();
    let goal = scene.goal(&[("one", &[])]);
    let one = scene.in_goal(&goal, "one");
    scene.land(&one);
    assert!(!still(&scene, &goal));
    scene.observe(goal.as_str(), WaitReason::GateInfra);
    assert!(still(&scene, &goal));
    assert_eq!(scene.reason(&goal), Some(WaitReason::GateInfra));
}

#[test]
fn a_goal_that_waits_for_a_goal_that_stands_still_stands_still() {
    let mut scene = Scene::new();
    // Each bead of a goal waits for the next goal: as many ways as there are paths.
    let names = ["a", "b", "c", "d", "e", "f"];
    let beads: Vec<(&str, &[&str])> = names.iter().map(|name| (*name, &[][..])).collect();
    let goals: Vec<BeadId> = (0..12)
        .map(|_| scene.open_goal(Some(plan(&beads)), Approval::NotNeeded))
        .collect();
    for pair in goals.windows(2) {
        for name in names {
            let bead = scene.in_goal(&pair[0], name);
            scene.tell(Command::Link {
                bead,
                need: Need::blocks(pair[1].clone()),
            });
        }
    }
    let (first, last) = (&goals[0], &goals[11]);
    assert!(!still(&scene, first));
    for name in names {
        let bead = scene.in_goal(last, name);
        scene.park(&bead);
    }
    assert!(still(&scene, first));
    let why = scene.why(first);
    assert_eq!(why.verdict, Standing::NeedsYou);
    let one = scene.in_goal(last, "a");
    scene.retry(&one);
    assert!(!still(&scene, first));
    assert!(scene.why(first).clears_by_itself);
}

#[test]
fn a_plan_that_waits_for_a_yes_holds_up_who_waits_for_it() {
    let mut scene = Scene::new();
    let goal = scene.open_goal(Some(plan(&[("one", &[])])), Approval::Needed);
    let after = scene.bead_after("after", &[&goal]);
    let why = scene.why(&after);
    assert_eq!(why.verdict, Standing::NeedsYou);
    assert_eq!(why.chain[1].code, WaitReason::Approval);
    assert_eq!(why.next[0].cmd, format!("gtd approve {goal}"));
}

#[test]
fn a_bead_beside_a_plan_that_is_being_made_begins_at_once() {
    let mut scene = Scene::new();
    let goal = scene.open_goal(None, Approval::Needed);
    let own = scene.create_in(Some(&goal), crate::scene::spec("by hand"), &[]);
    assert_eq!(scene.ready(), std::slice::from_ref(&own));
    assert_eq!(scene.reason(&own), Some(WaitReason::Priority));
}

#[test]
fn a_goal_that_may_have_no_more_seats_says_so() {
    let mut scene = Scene::new();
    let events = scene.tell(Command::OpenGoal {
        spec: crate::scene::spec("goal"),
        target: crate::scene::target(),
        max: Some(1),
        until: None,
        plan: Some(plan(&[("one", &[]), ("two", &[])])),
        approval: Approval::NotNeeded,
    });
    let Some(gtd_core::Event::GoalOpened { bead, .. }) = events.first() else {
        panic!("{events:?}")
    };
    let goal = bead.id.clone();
    let (one, two) = (scene.in_goal(&goal, "one"), scene.in_goal(&goal, "two"));
    scene.grant(&one);
    assert_eq!(scene.reason(&two), Some(WaitReason::Capacity));
    scene.finish(&one);
    assert_eq!(scene.reason(&two), Some(WaitReason::Priority));
}

#[test]
fn a_queue_that_grows_faster_than_it_lands_says_that_it_holds_workers_back() {
    let mut scene = Scene::new();
    let mut rules = scene.graph.rig(&crate::scene::rig()).unwrap().rules.clone();
    rules.merge.backlog = 4;
    scene.trust(rules);
    let first = scene.bead("handed in");
    scene.submit(&first);
    for n in 0..2 {
        let bead = scene.bead(&format!("handed in {n}"));
        scene.submit(&bead);
    }
    for n in 0..2 {
        let bead = scene.bead(&format!("at work {n}"));
        scene.grant(&bead);
    }
    let next = scene.bead("next");
    assert_eq!(scene.reason(&next), Some(WaitReason::Capacity));
    assert_eq!(
        scene.why(&next).chain[0].text,
        "3 submissions wait for the gates, more than land: 2 of 4 worker slots are open; 1st in line"
    );
    scene.land(&first);
    assert_eq!(scene.reason(&next), Some(WaitReason::Priority));
}

#[test]
fn a_claim_takes_no_seat() {
    let mut scene = Scene::new();
    for n in 0..4 {
        let bead = scene.bead(&format!("claimed {n}"));
        scene.tell(Command::Claim {
            bead,
            name: crate::scene::seat("eve"),
        });
    }
    let bead = scene.bead("one");
    assert_eq!(scene.reason(&bead), Some(WaitReason::Priority));
    let why = scene.refused(Command::OpenSeat {
        seat: crate::scene::seat("eve"),
        rig: crate::scene::rig(),
        host: crate::scene::host(),
    });
    assert_eq!(why.code(), "E0207", "two holders of one name");
}

#[test]
fn who_parks_without_a_word_still_leaves_one() {
    let mut scene = Scene::new();
    let bead = scene.bead("one");
    scene.tell(Command::ParkBead {
        bead: bead.clone(),
        why: String::new(),
    });
    assert_eq!(scene.why(&bead).chain[0].text, "set aside by ada");
}
