//! How goals, plans and duplicates come and go.

use gtd_core::{BeadId, BeadState, Command, Outcome, Phase};

use crate::scene::{Scene, bead_id, rig, spec};

#[test]
fn what_waits_for_a_duplicate_waits_for_the_original() {
    let mut scene = Scene::new();
    let original = scene.bead("original");
    let copy = scene.bead("copy");
    let last = scene.bead_after("last", &[&copy]);
    scene.close(
        &copy,
        Outcome::Duplicate {
            of: original.clone(),
        },
    );
    assert!(!scene.ready().contains(&last), "nothing landed yet");
    scene.land(&original);
    assert!(scene.ready().contains(&last));

    // Of something that is done: nothing is left to wait for.
    let second = scene.bead("second copy");
    let then = scene.bead_after("then", &[&second]);
    scene.close(
        &second,
        Outcome::Duplicate {
            of: original.clone(),
        },
    );
    assert!(scene.ready().contains(&then));
}

#[test]
fn two_beads_are_not_duplicates_of_each_other() {
    let mut scene = Scene::new();
    let (one, two) = (scene.bead("one"), scene.bead("two"));
    let duplicate = |bead: &BeadId, of: &BeadId| Command::CloseBead {
        bead: bead.clone(),
        outcome: Outcome::Duplicate { of: of.clone() },
        why: String::new(),
    };
    assert_eq!(scene.refused(duplicate(&one, &one)).code(), "E0103");
    scene.tell(duplicate(&one, &two));
    assert_eq!(scene.refused(duplicate(&two, &one)).code(), "E0103");
    let nobody = bead_id("gt-none");
    assert_eq!(scene.refused(duplicate(&two, &nobody)).code(), "E0301");
}

#[test]
fn a_cancelled_goal_frees_its_seats_and_ends_its_work() {
    let mut scene = Scene::new();
    let goal = scene.goal(&[
        ("a", &[]),
        ("b", &[]),
        ("c", &["a"]),
        ("d", &[]),
        ("e", &[]),
    ]);
    let bead = |name: &str| scene.in_goal(&goal, name);
    let [a, b, c, d, e] = ["a", "b", "c", "d", "e"].map(bead);
    scene.grant(&a);
    scene.land(&d);
    let member = scene.submit(&b);
    scene.form(&[member]);
    scene.park(&e);
    scene.cancel(&goal);
    for id in [&a, &b, &c, &e] {
        assert_eq!(scene.state(id), BeadState::Cancelled);
    }
    assert_eq!(scene.state(&d), BeadState::Landed);
    assert!(scene.graph.seats().all(|(_, seat)| seat.bead.is_none()));
    assert!(scene.in_test().is_none());
    assert_eq!(scene.graph.open_in_goal(&goal), 0);
    // Nothing comes back into it.
    for command in [
        Command::RetryBead { bead: a.clone() },
        Command::CreateBead {
            rig: rig(),
            goal: Some(goal.clone()),
            spec: spec("late"),
            needs: vec![],
        },
    ] {
        assert_eq!(scene.refused(command).code(), "E0201");
    }
}

#[test]
fn a_draft_that_comes_back_is_still_a_draft() {
    let mut scene = Scene::new();
    let goal = scene.open_goal(
        Some(crate::scene::plan(&[("one", &[])])),
        gtd_core::Approval::Needed,
    );
    let one = scene.in_goal(&goal, "one");
    scene.cancel(&one);
    scene.retry(&one);
    assert_eq!(scene.at(&one).phase, Phase::Draft);
    scene.tell(Command::ApprovePlan { goal });
    assert_eq!(scene.at(&one).phase, Phase::Open);
}

#[test]
fn a_plan_brings_the_acceptance_of_its_goal() {
    let mut scene = Scene::new();
    let criterion = |text: &str| gtd_core::Criterion {
        text: text.to_owned(),
        check: Some("true".to_owned()),
    };
    let plan = gtd_core::Plan {
        acceptance: vec![criterion("first"), criterion("second")],
        ..crate::scene::plan(&[("one", &[])])
    };
    let given = scene.open_goal(Some(plan.clone()), gtd_core::Approval::Needed);
    assert_eq!(scene.at(&given).spec.acceptance, plan.acceptance);
    let planned = scene.open_goal(None, gtd_core::Approval::Needed);
    scene.tell(Command::ProposePlan {
        goal: planned.clone(),
        epoch: gtd_core::Epoch(0),
        plan: plan.clone(),
        approval: gtd_core::Approval::Needed,
    });
    assert_eq!(scene.at(&planned).spec.acceptance, plan.acceptance);
}

#[test]
fn a_goal_without_a_plan_is_not_reached() {
    let mut scene = Scene::new();
    let goal = scene.open_goal(None, gtd_core::Approval::Needed);
    let close = |outcome| Command::CloseGoal {
        goal: goal.clone(),
        outcome,
        why: String::new(),
        proof: vec![],
    };
    assert_eq!(scene.refused(close(Outcome::Done)).code(), "E0201");
    scene.tell(close(Outcome::Failed));
}

#[test]
fn many_beads_of_one_title_find_their_ids() {
    let mut scene = Scene::new();
    for _ in 0..200 {
        scene.bead("the same");
    }
    assert_eq!(scene.graph.n_beads(), 200);
}
