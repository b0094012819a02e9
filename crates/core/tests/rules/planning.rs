//! Attempts at the plan of a goal: who may begin one, what ends it, and what is told meanwhile.

use gtd_core::{
    Approval, BeadId, Command, Epoch, Fault, FaultClass, Oid, Phase, PlanState, Rejection,
    RuntimeFault, RuntimeName, UsageDelta, WaitReason, needs_you,
};

use crate::scene::{Scene, fault, host, oid, plan, role, run_id, seat};

fn claude() -> RuntimeName {
    RuntimeName::parse("claude").unwrap()
}

/// A goal without a plan.
fn wanted() -> (Scene, BeadId) {
    let mut scene = Scene::new();
    let goal = scene.open_goal(None, Approval::NotNeeded);
    (scene, goal)
}

fn begin(scene: &Scene, goal: &BeadId) -> Command {
    Command::BeginPlan {
        goal: goal.clone(),
        seat: seat("plan-1"),
        host: host(),
        runtime: claude(),
        epoch: scene.at(goal).epoch.next(),
    }
}

/// A goal whose plan is being made, and the epoch of that.
fn at_work() -> (Scene, BeadId, Epoch) {
    let (mut scene, goal) = wanted();
    let command = begin(&scene, &goal);
    scene.tell(command);
    (scene, goal, Epoch(1))
}

fn propose(goal: &BeadId, epoch: Epoch) -> Command {
    Command::ProposePlan {
        goal: goal.clone(),
        epoch,
        plan: gtd_core::Plan {
            summary: "two steps".to_owned(),
            ..plan(&[("one", &[]), ("two", &["one"])])
        },
        approval: Approval::NotNeeded,
    }
}

fn give_back(scene: &mut Scene, goal: &BeadId, why: Fault) {
    let epoch = scene.at(goal).epoch;
    scene.tell(Command::Return {
        bead: goal.clone(),
        epoch,
        why,
    });
}

fn failed(fault: RuntimeFault) -> Fault {
    Fault {
        text: format!("claude: {}", fault.text()),
        ..crate::scene::fault(FaultClass::Runtime {
            runtime: claude(),
            fault,
        })
    }
}

#[test]
fn a_plan_is_made_under_a_lease_and_ends_it() {
    let (mut scene, goal, epoch) = at_work();
    assert_eq!(scene.graph.planning().count(), 1);
    assert_eq!(scene.graph.leased().count(), 0, "nobody does a goal");
    let why = scene.why(&goal);
    assert_eq!(why.reason(), Some(WaitReason::Working));
    assert_eq!(why.state, "planning");
    assert!(why.clears_by_itself);
    scene.tell(propose(&goal, epoch));
    assert_eq!(scene.graph.planning().count(), 0);
    let bead = scene.at(&goal);
    assert_eq!(bead.phase, Phase::Open);
    assert_eq!(bead.attempts[0].summary, "two steps");
    assert!(bead.attempts[0].ended.is_some());
    let record = scene.graph.goal(&goal).unwrap();
    assert_eq!(record.plan, PlanState::Approved);
    assert_eq!(record.beads.len(), 2);
    assert!(scene.graph.index_is_true());
}

#[test]
fn only_the_attempt_at_work_proposes() {
    let (mut scene, goal, _) = at_work();
    for stale in [Epoch(0), Epoch(2)] {
        let refused = scene.refused(propose(&goal, stale));
        assert!(matches!(refused, Rejection::StaleEpoch { .. }), "{refused}");
    }
    give_back(&mut scene, &goal, fault(FaultClass::Lost));
    let late = scene.refused(propose(&goal, Epoch(1)));
    assert!(matches!(late, Rejection::WrongPhase { .. }), "{late}");
    // A person's plan needs no attempt.
    scene.tell(propose(&goal, Epoch(0)));
    assert_eq!(scene.graph.goal(&goal).unwrap().beads.len(), 2);
}

#[test]
fn one_goal_is_planned_once_at_a_time_and_one_seat_plans_one_goal() {
    let (mut scene, goal, _) = at_work();
    let again = Command::BeginPlan {
        goal: goal.clone(),
        seat: seat("plan-1"),
        host: host(),
        runtime: claude(),
        epoch: Epoch(1),
    };
    assert_eq!(scene.tell(again), [], "it is so already");
    let other = Command::BeginPlan {
        goal: goal.clone(),
        seat: seat("plan-2"),
        host: host(),
        runtime: claude(),
        epoch: Epoch(2),
    };
    let held = scene.refused(other);
    assert!(matches!(held, Rejection::AlreadyHeld { .. }), "{held}");
    let second = scene.open_goal(None, Approval::NotNeeded);
    let busy = begin(&scene, &second);
    let busy = scene.refused(busy);
    assert!(matches!(busy, Rejection::SeatBusy { .. }), "{busy}");
}

#[test]
fn nothing_of_a_goal_is_handed_in() {
    let (mut scene, goal, epoch) = at_work();
    let head: Oid = oid(7);
    let submit = Command::Submit {
        bead: goal.clone(),
        epoch,
        head: head.clone(),
        base: head,
        summary: String::new(),
        checks: vec![],
    };
    let finish = Command::Finish {
        bead: goal.clone(),
        epoch,
        outcome: gtd_core::Outcome::Done,
        why: String::new(),
    };
    for command in [submit, finish] {
        let refused = scene.refused(command);
        assert!(matches!(refused, Rejection::NotYours { .. }), "{refused}");
    }
}

#[test]
fn a_question_of_whoever_plans_waits_for_a_person_and_its_answer_begins_the_plan_anew() {
    let (mut scene, goal, _) = at_work();
    let question = Fault {
        text: "Which database?".to_owned(),
        ..fault(FaultClass::Question)
    };
    give_back(&mut scene, &goal, question);
    let why = scene.why(&goal);
    assert_eq!(why.reason(), Some(WaitReason::Question));
    assert_eq!(why.chain[0].text, "Which database?");
    assert_eq!(why.state, "needs_you");
    let inbox = needs_you(scene.view(), None);
    let [item] = inbox.as_slice() else {
        panic!("{inbox:?}")
    };
    assert_eq!(
        (item.kind.as_str(), item.subject.as_str()),
        ("question", goal.as_str())
    );
    assert!(
        item.next.starts_with(&format!("gtd answer {goal}")),
        "{item:?}"
    );
    scene.retry(&goal);
    let command = begin(&scene, &goal);
    scene.tell(command);
    assert_eq!(scene.at(&goal).epoch, Epoch(2));
}

#[test]
fn a_plan_whose_attempts_are_spent_is_set_aside() {
    let (mut scene, goal) = wanted();
    for _ in 0..3 {
        let command = begin(&scene, &goal);
        scene.tell(command);
        give_back(&mut scene, &goal, fault(FaultClass::TimedOut));
        scene.later(3_600);
    }
    let spent: Vec<&BeadId> = scene.graph.spent().map(|bead| &bead.id).collect();
    assert_eq!(spent, [&goal]);
    let more = begin(&scene, &goal);
    let more = scene.refused(more);
    assert!(matches!(more, Rejection::NotReady { .. }), "{more}");
    scene.tell(Command::Quarantine { bead: goal.clone() });
    assert_eq!(scene.reason(&goal), Some(WaitReason::Attempts));
    assert!(scene.graph.index_is_true());
    scene.retry(&goal);
    assert_eq!(scene.at(&goal).spent, 0);
}

#[test]
fn a_plan_that_meets_a_limit_holds_up_its_runtime_and_a_plan_that_is_made_frees_it() {
    let (mut scene, goal, _) = at_work();
    give_back(&mut scene, &goal, failed(RuntimeFault::Overloaded));
    let hold = scene.graph.runtime_hold("claude").unwrap();
    assert_eq!(hold.bead, goal);
    let until = hold.until;
    let why = scene.why(&goal);
    assert_eq!(why.reason(), Some(WaitReason::RuntimeDown));
    assert!(why.clears_by_itself);
    assert!(why.eta.map(|eta| eta.0) >= until);
    assert_eq!(scene.at(&goal).spent, 0);
    scene.later(3_600);
    let command = begin(&scene, &goal);
    scene.tell(command);
    assert_eq!(
        scene.graph.trial_of("claude").map(|bead| &bead.id),
        Some(&goal)
    );
    scene.tell(propose(&goal, Epoch(2)));
    assert!(scene.graph.runtime_hold("claude").is_none());
}

#[test]
fn what_a_plan_used_is_counted_on_its_goal() {
    let (mut scene, goal, epoch) = at_work();
    let record = Command::RecordUsage {
        bead: goal.clone(),
        epoch,
        usage: UsageDelta {
            run: run_id("the-plan"),
            sequence: 3,
            input: 900,
            output: 80,
            cache_read: 0,
            cache_write: 0,
            usd_micros: 250_000,
            estimated: false,
            context: None,
        },
    };
    assert_eq!(scene.tell(record.clone()).len(), 1);
    assert_eq!(scene.tell(record), [], "it was counted");
}

#[test]
fn a_stop_a_pause_and_an_open_need_keep_a_plan_from_beginning() {
    let (mut scene, goal) = wanted();
    let first = scene.bead("first");
    scene.tell(Command::Link {
        bead: goal.clone(),
        need: gtd_core::Need::blocks(first.clone()),
    });
    let early = begin(&scene, &goal);
    let early = scene.refused(early);
    assert!(matches!(early, Rejection::NotReady { .. }), "{early}");
    assert_eq!(scene.reason(&goal), Some(WaitReason::Dependency));
    scene.close(&first, gtd_core::Outcome::Done);
    scene.tell(Command::Pause {
        scope: gtd_core::PauseScope::Role(role("mayor")),
        why: String::new(),
    });
    assert_eq!(scene.reason(&goal), Some(WaitReason::Paused));
    scene.tell(Command::Stop { why: String::new() });
    let stopped = begin(&scene, &goal);
    let stopped = scene.refused(stopped);
    assert!(matches!(stopped, Rejection::IsStopped { .. }), "{stopped}");
}

#[test]
fn a_goal_that_is_cancelled_while_it_is_planned_has_no_lease() {
    let (mut scene, goal, _) = at_work();
    scene.cancel(&goal);
    assert_eq!(scene.graph.planning().count(), 0);
    assert!(scene.graph.index_is_true());
}
