//! Work that agents find on the way: what they may file, how much of it, and whom it waits for.

use gtd_core::{
    Actor, BeadId, BeadSpec, BeadState, BeadType, Command, Criterion, Decision, DiscoveryRules,
    Event, OnDiscovery, Rejection, RuntimeName, SPEC_TASK, WaitReason, needs_you,
};

use crate::scene::{Scene, rules, spec};

fn town(discovery: DiscoveryRules) -> Scene {
    let mut rules = rules();
    rules.discovery = discovery;
    Scene::with_rules(rules)
}

fn plain(title: &str) -> BeadSpec {
    BeadSpec {
        title: title.to_owned(),
        ..BeadSpec::default()
    }
}

/// Files something as the agent of a bead, which is given to a seat first if nobody has it.
fn try_find(scene: &mut Scene, bead: &BeadId, spec: BeadSpec) -> Decision {
    let epoch = match scene.at(bead).phase.lease() {
        Some(lease) => lease.epoch,
        None => scene.grant(bead),
    };
    let by = Actor::Lease {
        bead: bead.clone(),
        epoch,
    };
    let command = Command::Discover {
        bead: bead.clone(),
        epoch,
        spec,
    };
    scene.ask_as(by, command)
}

#[track_caller]
fn find(scene: &mut Scene, bead: &BeadId, title: &str) -> BeadId {
    match try_find(scene, bead, plain(title)).unwrap().as_slice() {
        [gtd_core::Event::BeadOpened { bead }] => bead.id.clone(),
        other => panic!("{other:?}"),
    }
}

fn refused(scene: &mut Scene, bead: &BeadId) -> Rejection {
    try_find(scene, bead, plain("one more")).unwrap_err()
}

#[test]
fn an_agent_files_no_goal_no_script_no_check_and_chooses_nobody() {
    let mut scene = Scene::new();
    let bead = scene.bead("one");
    let goal = BeadSpec {
        kind: BeadType::Goal,
        ..plain("a goal")
    };
    let check = BeadSpec {
        acceptance: vec![Criterion {
            text: "it is so".to_owned(),
            check: Some("true".to_owned()),
        }],
        ..plain("a check")
    };
    let runtime = BeadSpec {
        runtime: Some(RuntimeName::parse("claude").unwrap()),
        ..plain("a runtime")
    };
    for spec in [goal, check, runtime, spec("a script")] {
        let why = try_find(&mut scene, &bead, spec).unwrap_err();
        assert_eq!(why.code(), "E0401");
    }
    assert_eq!(scene.graph.found_at(&bead).count(), 0);
}

#[test]
fn what_was_found_waits_for_a_yes_and_joins_its_goal_then() {
    let mut scene = Scene::new();
    let goal = scene.goal(&[("a", &[])]);
    let a = scene.in_goal(&goal, "a");
    let found = find(&mut scene, &a, "a slow test");
    assert_eq!(scene.state(&found), BeadState::Draft);
    assert_eq!(
        scene.graph.open_in_goal(&goal),
        1,
        "the goal does not wait for it"
    );
    let why = scene.why(&found);
    assert_eq!(why.reason(), Some(WaitReason::Approval));
    assert_eq!(why.next[0].cmd, format!("gtd approve {found}"));
    let items = needs_you(scene.view(), None);
    assert_eq!(
        (items[0].kind.as_str(), items[0].subject.as_str()),
        ("found", found.as_str())
    );
    let yes = Command::ApprovePlan {
        goal: found.clone(),
    };
    scene.tell(yes.clone());
    assert_eq!(scene.at(&found).goal, Some(goal.clone()));
    assert_ne!(scene.state(&found), BeadState::Draft);
    assert_eq!(scene.graph.open_in_goal(&goal), 2);
    assert_eq!(needs_you(scene.view(), None), vec![]);
    // Once it has begun there is no second yes to be given.
    assert_eq!(scene.refused(yes).code(), "E0302");
}

#[test]
fn what_is_wanted_no_more_is_closed_and_the_yes_of_a_goal_that_ended_lets_it_begin_alone() {
    let mut scene = Scene::new();
    let goal = scene.goal(&[("a", &[])]);
    let a = scene.in_goal(&goal, "a");
    let (no, late) = (find(&mut scene, &a, "no"), find(&mut scene, &a, "late"));
    scene.cancel(&no);
    assert_eq!(scene.state(&no), BeadState::Cancelled);
    scene.cancel(&goal);
    scene.tell(Command::ApprovePlan { goal: late.clone() });
    assert_eq!(scene.at(&late).goal, None);
    assert_ne!(scene.state(&late), BeadState::Draft);
}

#[test]
fn where_the_policy_lets_it_join_it_begins_with_the_program_that_found_it() {
    let mut scene = town(DiscoveryRules {
        on: OnDiscovery::Join,
        ..DiscoveryRules::default()
    });
    let goal = scene.open_goal(None, gtd_core::Approval::NotNeeded);
    let claude = RuntimeName::parse("claude").unwrap();
    let at = scene.create_in(
        Some(&goal),
        BeadSpec {
            run: None,
            runtime: Some(claude.clone()),
            ..spec("at work")
        },
        &[],
    );
    let found = find(&mut scene, &at, "a slow test");
    assert_eq!(scene.at(&found).goal, Some(goal));
    assert_eq!(scene.at(&found).spec.runtime, Some(claude));
}

#[test]
fn a_bead_has_so_many_finds_over_all_of_its_attempts_and_is_told_what_to_do_instead() {
    let mut scene = town(DiscoveryRules {
        per_bead: 3,
        ..DiscoveryRules::default()
    });
    let bead = scene.bead("one");
    find(&mut scene, &bead, "first");
    find(&mut scene, &bead, "second");
    scene.fail(&bead, gtd_core::FaultClass::Killed);
    // A person's own does not count.
    scene.create(
        spec("by a person"),
        &[gtd_core::Need {
            on: bead.clone(),
            kind: gtd_core::EdgeKind::DiscoveredFrom,
            satisfied_by: gtd_core::SatisfiedBy::Finish,
        }],
    );
    find(&mut scene, &bead, "third");
    let why = refused(&mut scene, &bead);
    assert_eq!(why.code(), "E0403");
    assert_eq!(
        why.to_string(),
        format!("{bead} has found 3 already (discovered.per_bead = 3), and no more is taken")
    );
    assert!(
        why.next().contains(&format!("gtd bead note {bead}")),
        "{}",
        why.next()
    );
}

#[test]
fn an_agent_does_not_say_by_what_others_know_its_find() {
    let mut scene = Scene::new();
    let bead = scene.bead("one");
    let claimed = BeadSpec {
        metadata: [(SPEC_TASK.to_owned(), "specs/001/T005".into())].into(),
        extra: [("external_ref".to_owned(), "gh-9".into())].into(),
        ..plain("T005 Log in")
    };
    let events = try_find(&mut scene, &bead, claimed).unwrap();
    let [Event::BeadOpened { bead: found }] = events.as_slice() else {
        panic!("{events:?}");
    };
    assert!(found.spec.metadata.is_empty() && found.spec.extra.is_empty());
}

#[test]
fn finds_of_finds_end_at_their_depth() {
    let mut scene = town(DiscoveryRules {
        on: OnDiscovery::Join,
        depth: 2,
        ..DiscoveryRules::default()
    });
    let mut at = scene.bead("one");
    for n in 0..2 {
        at = find(&mut scene, &at, &format!("found {n}"));
    }
    let why = refused(&mut scene, &at);
    assert_eq!(why.code(), "E0403");
    assert!(why.to_string().contains("discovered.depth = 2"), "{why}");
    let mut none = town(DiscoveryRules {
        depth: 0,
        ..DiscoveryRules::default()
    });
    let bead = none.bead("one");
    assert!(
        refused(&mut none, &bead)
            .to_string()
            .contains("discovered.depth = 0")
    );
}

#[test]
fn a_goal_has_so_many_finds_an_hour_wherever_in_it_they_are_made() {
    let mut scene = town(DiscoveryRules {
        per_hour: 3,
        ..DiscoveryRules::default()
    });
    let goal = scene.goal(&[("a", &[]), ("b", &[])]);
    let other = scene.goal(&[("c", &[])]);
    let (a, b) = (scene.in_goal(&goal, "a"), scene.in_goal(&goal, "b"));
    let c = scene.in_goal(&other, "c");
    let found = find(&mut scene, &a, "first");
    // What was found there belongs there, joined or not.
    scene.tell(Command::ApprovePlan {
        goal: found.clone(),
    });
    find(&mut scene, &found, "second");
    find(&mut scene, &b, "third");
    for bead in [&a, &b, &found] {
        let why = refused(&mut scene, bead);
        assert!(why.to_string().contains("discovered.per_hour = 3"), "{why}");
    }
    find(&mut scene, &c, "elsewhere");
    scene.later(3_600);
    find(&mut scene, &a, "an hour later");
}

#[test]
fn whoever_takes_it_into_a_goal_has_said_yes() {
    let mut scene = Scene::new();
    let bead = scene.bead("one");
    let found = find(&mut scene, &bead, "two");
    let goal = scene.goal(&[("a", &[])]);
    scene.tell(Command::JoinGoal {
        goal: goal.clone(),
        beads: vec![found.clone()],
    });
    assert_eq!(scene.at(&found).goal, Some(goal));
    assert_ne!(scene.state(&found), BeadState::Draft);
}
