//! A new plan for what is left of a goal: when it is wanted, what it puts in whose place, and how
//! a person has their way.

use gtd_core::{
    Approval, BeadId, BeadState, Command, Epoch, FaultClass, Outcome, Phase, Plan, Rejection,
    ReplanRules, RuntimeName, WaitReason, needs_you,
};

use crate::scene::{Scene, fault, host, plan, planned, rules, seat};

/// A town that plans anew so often, for goals that came with their plan too.
fn town(most: u32) -> Scene {
    let mut rules = rules();
    rules.replans = ReplanRules {
        most,
        given: true,
        approval: Approval::NotNeeded,
    };
    Scene::with_rules(rules)
}

fn spend(scene: &mut Scene, bead: &BeadId) {
    for _ in 0..3 {
        scene.fail(bead, FaultClass::Exit { code: 1 });
    }
    scene.tell(Command::Quarantine { bead: bead.clone() });
}

/// A goal of which `first` has landed, `hard` is given up and `last` waits for that.
fn stuck(most: u32) -> (Scene, BeadId) {
    let mut scene = town(most);
    let goal = scene.goal(&[("first", &[]), ("hard", &[]), ("last", &["hard"])]);
    let first = scene.in_goal(&goal, "first");
    let hard = scene.in_goal(&goal, "hard");
    spend(&mut scene, &hard);
    assert!(
        scene.graph.to_replan(&goal, scene.now).is_empty(),
        "something of it goes on"
    );
    scene.land(&first);
    (scene, goal)
}

fn begin(scene: &mut Scene, goal: &BeadId) -> Epoch {
    let epoch = scene.at(goal).epoch.next();
    scene.tell(Command::BeginPlan {
        goal: goal.clone(),
        seat: seat("plan-1"),
        host: host(),
        runtime: RuntimeName::parse("claude").unwrap(),
        epoch,
    });
    epoch
}

fn propose(goal: &BeadId, epoch: Epoch, plan: Plan, approval: Approval) -> Command {
    Command::ProposePlan {
        goal: goal.clone(),
        epoch,
        plan,
        approval,
    }
}

fn two() -> Plan {
    plan(&[("small", &[]), ("rest", &["small"])])
}

fn needs(scene: &Scene, bead: &BeadId) -> Vec<BeadId> {
    let needs = scene.at(bead).needs.iter().filter(|need| need.acts());
    needs.map(|need| need.on.clone()).collect()
}

#[test]
fn a_goal_is_planned_anew_when_a_bead_is_given_up_and_nothing_else_goes_on() {
    let (scene, goal) = stuck(1);
    let hard = scene.in_goal(&goal, "hard");
    let left = scene.graph.to_replan(&goal, scene.now);
    let left: Vec<&BeadId> = left.into_iter().map(|bead| &bead.id).collect();
    assert_eq!(left, [&hard]);
    for id in [&hard, &goal] {
        let why = scene.why(id);
        assert!(why.clears_by_itself, "{why:#?}");
        let text = &why.chain[0].text;
        assert!(text.contains("a new plan for what is left"), "{text}");
    }
    assert!(needs_you(scene.view(), None).is_empty(), "nobody is asked");
}

#[test]
fn the_beads_of_a_new_plan_take_the_place_of_what_was_given_up() {
    let (mut scene, goal) = stuck(1);
    let epoch = begin(&mut scene, &goal);
    assert_eq!(scene.reason(&goal), Some(WaitReason::Working));
    scene.tell(propose(&goal, epoch, two(), Approval::NotNeeded));
    let [hard, last, small, rest] =
        ["hard", "last", "small", "rest"].map(|name| scene.in_goal(&goal, name));
    assert_eq!(scene.state(&hard), BeadState::Cancelled);
    assert_eq!(needs(&scene, &last), std::slice::from_ref(&rest));
    assert_eq!(scene.state(&small), BeadState::Ready);
    assert_eq!(scene.at(&goal).phase, Phase::Open);
    assert_eq!(scene.graph.goal(&goal).unwrap().replans, 1);
    assert!(scene.graph.index_is_true());
    assert!(!scene.graph.is_settled_well(scene.at(&hard)));
    for bead in [&small, &rest] {
        scene.land(bead);
    }
    assert!(scene.graph.is_settled_well(scene.at(&hard)));
    assert!(!scene.at(&hard).phase.is_good());
    scene.land(&last);
    assert_eq!(scene.graph.open_in_goal(&goal), 0);
}

#[test]
fn a_new_plan_that_needs_a_yes_changes_nothing_before_it_and_a_yes_is_undone() {
    let (mut scene, goal) = stuck(1);
    scene.name_asks();
    let epoch = begin(&mut scene, &goal);
    scene.tell(propose(&goal, epoch, two(), Approval::Needed));
    let [hard, small] = ["hard", "small"].map(|name| scene.in_goal(&goal, name));
    assert_eq!(scene.state(&hard), BeadState::Parked);
    assert_eq!(scene.state(&small), BeadState::Draft);
    let inbox = needs_you(scene.view(), None);
    let [item] = inbox.as_slice() else {
        panic!("{inbox:#?}")
    };
    assert_eq!(item.kind, "plan");
    assert_eq!(
        item.text,
        format!("may its new plan begin: 2 beads in the place of {hard}?")
    );
    assert_eq!(scene.why(&goal).state, "draft");
    assert_eq!(scene.reason(&goal), Some(WaitReason::Approval));
    let before = scene.graph.clone();
    scene.tell(Command::ApprovePlan { goal: goal.clone() });
    assert_eq!(scene.state(&hard), BeadState::Cancelled);
    assert_eq!(scene.state(&small), BeadState::Ready);
    scene.undo_last().unwrap();
    assert_eq!(scene.state(&hard), BeadState::Parked);
    assert_eq!(scene.state(&small), BeadState::Draft);
    assert_eq!(scene.graph.goal(&goal), before.goal(&goal));
}

#[test]
fn a_person_who_says_no_to_a_new_plan_has_the_old_one_and_may_still_reach_the_goal() {
    let (mut scene, goal) = stuck(2);
    let epoch = begin(&mut scene, &goal);
    scene.tell(propose(&goal, epoch, two(), Approval::Needed));
    scene.tell(Command::ParkBead {
        bead: goal.clone(),
        why: "the first way was right".to_owned(),
    });
    let [hard, last, small, rest] =
        ["hard", "last", "small", "rest"].map(|name| scene.in_goal(&goal, name));
    for draft in [&small, &rest] {
        assert_eq!(scene.state(draft), BeadState::Cancelled);
    }
    assert_eq!(scene.graph.goal(&goal).unwrap().replans, 1);
    assert_eq!(needs(&scene, &last), std::slice::from_ref(&hard));
    scene.retry(&hard);
    assert_eq!(scene.state(&hard), BeadState::Ready);
    scene.land(&hard);
    scene.land(&last);
    let beads = scene.graph.goal(&goal).unwrap().beads.clone();
    assert!(
        beads
            .iter()
            .all(|bead| scene.graph.is_settled_well(scene.at(bead)))
    );
    assert!(scene.graph.index_is_true());
}

#[test]
fn a_goal_is_planned_anew_so_often_and_no_more() {
    let (mut scene, goal) = stuck(1);
    let epoch = begin(&mut scene, &goal);
    scene.tell(propose(&goal, epoch, two(), Approval::NotNeeded));
    let small = scene.in_goal(&goal, "small");
    spend(&mut scene, &small);
    assert!(scene.graph.to_replan(&goal, scene.now).is_empty());
    let why = scene.why(&small);
    assert!(!why.clears_by_itself);
    let text = &why.chain[0].text;
    assert!(
        text.ends_with("a new plan of its goal was tried once, and is not any more"),
        "{text}"
    );
    let inbox = needs_you(scene.view(), None);
    let [item] = inbox.as_slice() else {
        panic!("{inbox:#?}")
    };
    assert_eq!(item.subject, small.as_str());
    let more = scene.refused(Command::BeginPlan {
        goal: goal.clone(),
        seat: seat("plan-1"),
        host: host(),
        runtime: RuntimeName::parse("claude").unwrap(),
        epoch: scene.at(&goal).epoch.next(),
    });
    assert!(matches!(more, Rejection::WrongPhase { .. }), "{more}");
}

#[test]
fn what_stands_for_a_bead_that_stood_for_another_stands_for_both() {
    let (mut scene, goal) = stuck(2);
    let epoch = begin(&mut scene, &goal);
    let first = plan(&[("small", &[])]);
    scene.tell(propose(&goal, epoch, first, Approval::NotNeeded));
    let small = scene.in_goal(&goal, "small");
    spend(&mut scene, &small);
    let epoch = begin(&mut scene, &goal);
    let second = plan(&[("other", &[])]);
    scene.tell(propose(&goal, epoch, second, Approval::NotNeeded));
    let [hard, last, other] = ["hard", "last", "other"].map(|name| scene.in_goal(&goal, name));
    assert_eq!(needs(&scene, &last), std::slice::from_ref(&other));
    scene.land(&other);
    for given_up in [&hard, &small] {
        assert!(scene.graph.is_settled_well(scene.at(given_up)));
    }
}

#[test]
fn attempts_at_a_new_plan_that_are_spent_leave_the_goal_with_its_plan() {
    let (mut scene, goal) = stuck(1);
    for _ in 0..3 {
        let epoch = begin(&mut scene, &goal);
        scene.tell(Command::Return {
            bead: goal.clone(),
            epoch,
            why: fault(FaultClass::TimedOut),
        });
        scene.later(3_600);
    }
    scene.tell(Command::Quarantine { bead: goal.clone() });
    assert_eq!(scene.at(&goal).phase, Phase::Open);
    assert!(scene.graph.to_replan(&goal, scene.now).is_empty());
    let hard = scene.in_goal(&goal, "hard");
    let inbox = needs_you(scene.view(), None);
    let subjects: Vec<&str> = inbox.iter().map(|item| item.subject.as_str()).collect();
    assert_eq!(
        subjects,
        [hard.as_str()],
        "a person is asked of the bead alone"
    );
}

#[test]
fn a_question_at_a_new_plan_is_one_thing_that_waits_and_a_person_may_help_otherwise() {
    let (mut scene, goal) = stuck(1);
    let epoch = begin(&mut scene, &goal);
    scene.tell(Command::Return {
        bead: goal.clone(),
        epoch,
        why: gtd_core::Fault {
            text: "Which database?".to_owned(),
            ..fault(FaultClass::Question)
        },
    });
    let inbox = needs_you(scene.view(), None);
    let [item] = inbox.as_slice() else {
        panic!("{inbox:#?}")
    };
    assert_eq!(
        (item.kind.as_str(), item.text.as_str()),
        ("question", "Which database?")
    );
    let hard = scene.in_goal(&goal, "hard");
    scene.retry(&hard);
    assert!(needs_you(scene.view(), None).is_empty(), "it is moot");
}

#[test]
fn a_plan_that_comes_too_late_is_refused() {
    let (mut scene, goal) = stuck(1);
    let epoch = begin(&mut scene, &goal);
    let hard = scene.in_goal(&goal, "hard");
    scene.retry(&hard);
    let late = scene.refused(propose(&goal, epoch, two(), Approval::NotNeeded));
    assert!(matches!(late, Rejection::NotReady { .. }), "{late}");
}

#[test]
fn a_new_plan_does_not_wait_for_what_it_stands_for() {
    let (mut scene, goal) = stuck(1);
    let epoch = begin(&mut scene, &goal);
    for name in ["hard", "last"] {
        let on = scene.in_goal(&goal, name);
        let waits = Plan {
            beads: vec![planned("small", &[on.as_str()])],
            ..Plan::default()
        };
        let circle = scene.refused(propose(&goal, epoch, waits, Approval::NotNeeded));
        assert!(matches!(circle, Rejection::Cycle { .. }), "{circle}");
    }
    let first = scene.in_goal(&goal, "first");
    let fine = Plan {
        beads: vec![planned("small", &[first.as_str()])],
        ..Plan::default()
    };
    scene.tell(propose(&goal, epoch, fine, Approval::NotNeeded));
}

#[test]
fn a_goal_that_came_with_its_plan_is_planned_anew_only_where_that_is_said() {
    let (mut scene, goal) = stuck(1);
    let mut rules = rules();
    rules.replans = ReplanRules {
        most: 1,
        given: false,
        approval: Approval::NotNeeded,
    };
    scene.trust(rules.clone());
    assert!(scene.graph.to_replan(&goal, scene.now).is_empty());
    rules.replans.given = true;
    scene.trust(rules.clone());
    assert_eq!(scene.graph.to_replan(&goal, scene.now).len(), 1);
    rules.budget.plan = Some(0);
    scene.trust(rules);
    assert!(
        scene.graph.to_replan(&goal, scene.now).is_empty(),
        "who plans may spend nothing"
    );
}

#[test]
fn a_goal_that_is_cancelled_with_a_new_plan_waiting_has_nothing_left() {
    let (mut scene, goal) = stuck(1);
    let epoch = begin(&mut scene, &goal);
    scene.tell(propose(&goal, epoch, two(), Approval::Needed));
    scene.cancel(&goal);
    assert_eq!(scene.graph.open_in_goal(&goal), 0);
    assert!(
        scene
            .tell(Command::ApprovePlan { goal: goal.clone() })
            .is_empty()
    );
    assert!(matches!(
        scene.at(&goal).phase,
        Phase::Closed {
            outcome: Outcome::Cancelled,
            ..
        }
    ));
    assert!(scene.graph.index_is_true());
}

/// A goal whose new plan waits for a person.
fn waiting() -> (Scene, BeadId, BeadId) {
    let (mut scene, goal) = stuck(1);
    let epoch = begin(&mut scene, &goal);
    scene.tell(propose(&goal, epoch, two(), Approval::Needed));
    let hard = scene.in_goal(&goal, "hard");
    (scene, goal, hard)
}

#[test]
fn a_new_plan_is_not_let_begin_beside_a_bead_that_goes_on_again() {
    let (mut scene, goal, hard) = waiting();
    scene.retry(&hard);
    let refused = scene.refused(Command::ApprovePlan { goal: goal.clone() });
    assert!(matches!(refused, Rejection::NotReady { .. }), "{refused}");
    assert!(refused.to_string().contains("gtd reject"), "{refused}");
}

#[test]
fn a_bead_that_was_given_up_by_hand_meanwhile_is_replaced_as_well() {
    let (mut scene, goal, hard) = waiting();
    scene.close(&hard, Outcome::Cancelled);
    scene.tell(Command::ApprovePlan { goal: goal.clone() });
    let [last, rest] = ["last", "rest"].map(|name| scene.in_goal(&goal, name));
    assert_eq!(needs(&scene, &last), std::slice::from_ref(&rest));
    scene.land(&scene.in_goal(&goal, "small"));
    scene.land(&rest);
    assert!(scene.graph.is_settled_well(scene.at(&hard)));
}

#[test]
fn a_yes_to_a_new_plan_whose_beads_were_all_closed_leaves_the_old_one() {
    let (mut scene, goal, hard) = waiting();
    for name in ["small", "rest"] {
        let draft = scene.in_goal(&goal, name);
        scene.close(&draft, Outcome::Cancelled);
    }
    scene.tell(Command::ApprovePlan { goal: goal.clone() });
    assert_eq!(scene.state(&hard), BeadState::Parked);
    let last = scene.in_goal(&goal, "last");
    assert_eq!(needs(&scene, &last), [hard]);
}

#[test]
fn a_question_of_a_bead_that_was_tried_again_is_asked_although_a_new_plan_waits() {
    let (mut scene, _goal, hard) = waiting();
    scene.retry(&hard);
    scene.fail(&hard, FaultClass::Question);
    let inbox = needs_you(scene.view(), None);
    let about: Vec<_> = inbox
        .iter()
        .filter(|item| item.subject == hard.as_str())
        .collect();
    assert_eq!(about.len(), 1, "{inbox:#?}");
    assert_eq!(about[0].kind, "question");
}
