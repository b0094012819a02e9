//! What a goal may do without a person: each goal follows its own policy, and no other.

use gtd_core::{
    Approval, BeadId, BeadSpec, Command, Event, FaultClass, Goal, LandPolicy, OnQuestion,
    OnRateLimit, PauseScope, PolicyName, PolicyRules, Rejection, ReplanRules, ReviewPolicy,
    RuntimeFault, RuntimeName, WaitReason, needs_you,
};

use crate::scene::{Scene, plan, rig, rules, target};

fn name(text: &str) -> PolicyName {
    PolicyName::parse(text).unwrap()
}

/// A town that knows these policies, besides one without a rule that goals usually follow.
fn town(policies: &[(&str, PolicyRules)]) -> Scene {
    let mut rules = rules();
    rules.worker.attempts = 50;
    rules.policies.usual = Some(name("usual"));
    let known = policies.iter().map(|(text, rules)| (name(text), *rules));
    rules.policies.known = known.collect();
    rules
        .policies
        .known
        .insert(name("usual"), PolicyRules::default());
    Scene::with_rules(rules)
}

fn open(policy: Option<&str>, beads: &[(&str, &[&str])]) -> Command {
    Command::OpenGoal {
        spec: BeadSpec {
            title: "the goal".to_owned(),
            policy: policy.map(name),
            ..BeadSpec::default()
        },
        target: target(),
        max: None,
        until: None,
        plan: Some(plan(beads)),
        approval: Approval::NotNeeded,
    }
}

#[track_caller]
fn goal(scene: &mut Scene, policy: Option<&str>, beads: &[(&str, &[&str])]) -> BeadId {
    match scene.tell(open(policy, beads)).first() {
        Some(Event::GoalOpened { bead, .. }) => bead.id.clone(),
        other => panic!("{other:?}"),
    }
}

fn stop(goal: &BeadId) -> Command {
    Command::TripBreaker {
        rig: rig(),
        goal: Some(goal.clone()),
    }
}

#[test]
fn a_policy_that_the_rig_does_not_know_is_refused_with_those_that_it_knows() {
    let mut scene = town(&[("night", PolicyRules::default())]);
    let refused = scene.refused(open(Some("nihgt"), &[("a", &[])]));
    assert!(matches!(refused, Rejection::BadText { .. }), "{refused:?}");
    let told = refused.to_string();
    assert!(
        told.contains("`nihgt`") && told.contains("has night, usual"),
        "{told}"
    );
}

#[test]
fn what_a_policy_says_counts_for_the_goals_that_name_it_alone() {
    let night = PolicyRules {
        questions: gtd_core::QuestionRules {
            on: OnQuestion::Park,
            ..gtd_core::QuestionRules::default()
        },
        replans: ReplanRules {
            most: 2,
            ..ReplanRules::default()
        },
        review: ReviewPolicy::Always,
        ..PolicyRules::default()
    };
    let mut scene = town(&[("night", night)]);
    let named = goal(&mut scene, Some("night"), &[("a", &[])]);
    let other = goal(&mut scene, None, &[("b", &[])]);
    let of = |goal: &BeadId, bead: &str| {
        let bead = scene.in_goal(goal, bead);
        scene.graph.policy_of(scene.at(&bead))
    };
    assert_eq!(of(&named, "a"), night);
    assert_eq!(of(&other, "b").questions.on, OnQuestion::Ask);
    assert_eq!(of(&other, "b").review, ReviewPolicy::Off);
    assert_eq!(of(&other, "b").replans.most, 0);
}

#[test]
fn a_log_from_before_there_were_policies_reads_as_the_rules_that_it_has() {
    let mut old = rules();
    old.questions.on = OnQuestion::Park;
    old.replans.most = 3;
    old.merge.review.policy = ReviewPolicy::Risky;
    let text = serde_json::to_string(&old).unwrap();
    assert!(!text.contains("policies"), "{text}");
    let read: gtd_core::RigRules = serde_json::from_str(&text).unwrap();
    let usual = read.policy(None);
    assert_eq!(usual.questions.on, OnQuestion::Park);
    assert_eq!(usual.replans.most, 3);
    assert_eq!(usual.review, ReviewPolicy::Risky);
    assert_eq!(usual.on_rate_limit, OnRateLimit::Wait);
    // What a goal named then is not known any more.
    assert_eq!(read.policy(Some(&name("gone"))), usual);
}

#[test]
fn a_goal_has_the_smaller_number_of_seats_that_anybody_said() {
    let few = PolicyRules {
        max_parallel: Some(2),
        ..PolicyRules::default()
    };
    let mut scene = town(&[("few", few)]);
    let id = goal(&mut scene, Some("few"), &[("a", &[])]);
    let seats = |scene: &Scene| scene.graph.seats_of(&id);
    assert_eq!(seats(&scene), Some(2));
    for (said, expected) in [(Some(1), Some(1)), (Some(5), Some(2)), (None, Some(2))] {
        let spec = scene.at(&id).spec.clone();
        scene.tell(Command::EditGoal {
            goal: id.clone(),
            spec,
            max: said,
            until: None,
        });
        assert_eq!(seats(&scene), expected);
    }
    let free = goal(&mut scene, None, &[("b", &[])]);
    assert_eq!(scene.graph.seats_of(&free), None);
}

#[test]
fn failures_in_a_row_stop_their_goal_alone_until_a_person_resumes_it() {
    let careful = PolicyRules {
        failures: Some(2),
        ..PolicyRules::default()
    };
    let mut scene = town(&[("careful", careful)]);
    let id = goal(&mut scene, Some("careful"), &[("a", &[]), ("b", &[])]);
    let free = goal(&mut scene, None, &[("c", &[])]);
    let (a, b) = (scene.in_goal(&id, "a"), scene.in_goal(&id, "b"));
    let c = scene.in_goal(&free, "c");
    let failures = |scene: &Scene| scene.graph.goal(&id).map(|goal: &Goal| goal.failures);
    scene.fail(&a, FaultClass::Exit { code: 1 });
    scene.fail(&b, FaultClass::Infra);
    assert_eq!(failures(&scene), Some(1), "a machine's fault is no streak");
    assert_eq!(scene.tell(stop(&id)), vec![]);
    // What was handed in ends the streak.
    scene.submit(&b);
    assert_eq!(failures(&scene), Some(0));
    for _ in 0..2 {
        scene.fail(&a, FaultClass::Exit { code: 1 });
        scene.fail(&c, FaultClass::Exit { code: 1 });
    }
    assert_eq!(scene.tell(stop(&free)), vec![], "its policy has no limit");
    assert_eq!(scene.tell(stop(&id)).len(), 1);
    assert_eq!(scene.tell(stop(&id)), vec![], "once");
    assert_eq!(scene.reason(&a), Some(WaitReason::Paused));
    assert_eq!(scene.why(&a).next[0].cmd, format!("gtd resume {id}"));
    assert_ne!(scene.reason(&c), Some(WaitReason::Paused));
    let needs = needs_you(scene.view(), None);
    let item = needs.iter().find(|item| item.subject == id.as_str());
    let item = item.unwrap();
    assert_eq!(item.next, format!("gtd resume {id}"));
    assert!(
        item.text
            .contains("2 attempts in a row failed and none succeeded"),
        "{}",
        item.text
    );
    scene.tell(Command::Resume {
        scope: PauseScope::Bead(id.clone()),
    });
    assert_eq!(failures(&scene), Some(0));
    assert_eq!(scene.tell(stop(&id)), vec![]);
}

#[test]
fn a_rate_limit_stops_a_goal_whose_policy_says_so_once_for_each_time() {
    let stops = PolicyRules {
        on_rate_limit: OnRateLimit::Stop,
        ..PolicyRules::default()
    };
    let mut scene = town(&[("stops", stops)]);
    let id = goal(&mut scene, Some("stops"), &[("a", &[])]);
    let waits = goal(&mut scene, None, &[("b", &[])]);
    let a = scene.in_goal(&id, "a");
    let runtime = scene.at(&a).wished_runtime().unwrap().to_owned();
    let limit = FaultClass::Runtime {
        runtime: RuntimeName::parse(&runtime).unwrap(),
        fault: RuntimeFault::RateLimited { until: None },
    };
    scene.give_back(&a, limit);
    let events = scene.tell(stop(&id));
    let [Event::BreakerTripped { why, .. }] = events.as_slice() else {
        panic!("{events:?}");
    };
    assert!(
        why.starts_with(&format!("{runtime} is at a limit")),
        "{why}"
    );
    assert_eq!(scene.tell(stop(&waits)), vec![]);
    scene.tell(Command::Resume {
        scope: PauseScope::Bead(id.clone()),
    });
    assert_eq!(scene.tell(stop(&id)), vec![], "a person has seen this one");
}

#[test]
fn under_a_policy_that_lands_nothing_what_is_handed_in_stays_in_the_queue() {
    let dry = PolicyRules {
        land: Some(LandPolicy::Nowhere),
        ..PolicyRules::default()
    };
    let mut scene = town(&[("dry", dry)]);
    let id = goal(&mut scene, Some("dry"), &[("a", &[])]);
    let a = scene.in_goal(&id, "a");
    scene.submit(&a);
    assert_eq!(scene.reason(&a), Some(WaitReason::Approval));
    let why = scene.why(&a);
    assert!(
        why.chain[0]
            .text
            .contains("the policy dry of its goal lands nothing"),
        "{why:?}"
    );
    let mut spec = scene.at(&id).spec.clone();
    spec.policy = Some(name("usual"));
    scene.tell(Command::EditGoal {
        goal: id,
        spec,
        max: None,
        until: None,
    });
    assert_eq!(scene.reason(&a), Some(WaitReason::MergeQueue));
}
