//! Questions of agents: who waits, and where the session goes on with the answer.

mod scene;

use expect_test::expect;
use gtd_core::{Command, Epoch, RuntimeFault, RuntimeName, SeatName};
use gtd_plan::{
    AgentSeen, Answer, Effect, EndSeen, MachineSeen, OwnerSeen, Question, RunSeen, Step, Task, Work,
};
use scene::{Scene, absent, check, crew, oid, target, tip, worker, worktree};

/// A scene whose first bead is at work in `seat0`, and has asked.
fn asked() -> (Scene, Epoch) {
    let mut scene = Scene::onto(target(), 2, |spec| {
        spec.run = None;
        spec.runtime = Some(RuntimeName::parse("claude").expect("a name"));
    });
    let epoch = scene.lease(0);
    started(&mut scene, epoch, "work");
    scene.tell(Command::Ask {
        bead: scene.beads[0].clone(),
        epoch,
        text: "which one?".to_owned(),
    });
    (scene, epoch)
}

fn started(scene: &mut Scene, epoch: Epoch, turn: &str) {
    let bead = scene.beads[0].clone();
    let run = format!("{bead}.e{epoch}.{turn}");
    scene.tell(Command::Started {
        bead,
        epoch,
        run: gtd_core::RunId::parse(&run).expect("a name"),
        told: 0,
    });
}

fn answer(scene: &mut Scene) {
    scene.tell(Command::Answer {
        bead: scene.beads[0].clone(),
        text: "the left one".to_owned(),
    });
}

fn agent(fault: Option<RuntimeFault>) -> Answer {
    Answer::Run(RunSeen::Ended(EndSeen {
        code: Some(0),
        agent: Some(Box::new(AgentSeen {
            session: Some("s-1".to_owned()),
            fault: fault.map(|fault| (fault, "No conversation found".to_owned())),
            ..AgentSeen::default()
        })),
        ..EndSeen::default()
    }))
}

/// The turn of `run` has ended and nothing else was begun; the worktree is that of `owner`.
fn after(scene: &Scene, run: &str, owner: &str) -> impl Fn(&Question) -> Answer + use<> {
    let run = run.replace("<b0>", scene.beads[0].as_str());
    let owner = owner.replace("<b0>", scene.beads[0].as_str());
    let tree = worktree(scene, true, false);
    move |question| match question {
        Question::Run(asked) if asked.as_str() == run => agent(None),
        Question::Run(_) => absent(),
        Question::Tip(_) => tip('0'),
        Question::Owner { .. } => Answer::Owner(Some(OwnerSeen {
            owner: owner.clone(),
            start: Some(oid('0')),
        })),
        Question::Machine => Answer::Machine(MachineSeen::Roomy),
        Question::Runtimes => Answer::Runtimes(vec![RuntimeName::parse("claude").expect("a name")]),
        _ => tree.clone(),
    }
}

/// The turn that is ordered: its session, the run before it, and what it is told.
fn ordered(steps: &[Step]) -> (Option<String>, String, String) {
    let again = steps.iter().find_map(|step| match step {
        Step::Do(Effect::EnsureRun(order)) => match &order.work {
            Work::Agent(turn) if turn.task == Task::Work => turn.again.clone(),
            _ => None,
        },
        _ => None,
    });
    let again = again.expect("a turn that goes on");
    (again.session, again.after.to_string(), again.words)
}

#[test]
fn an_attempt_waits_for_its_answer_without_a_process_and_goes_on_in_its_session() {
    let (mut scene, epoch) = asked();
    let world = after(&scene, "<b0>.e1.work", "<b0>.e1");
    check(scene.plan(&worker(&scene, epoch), &world), expect![""]);
    answer(&mut scene);
    check(
        scene.plan(&worker(&scene, epoch), &world),
        expect![[r#"
            do run <b0>.e1.work.t1
            started"#]],
    );
    let (session, before, words) = ordered(&scene.steps(&worker(&scene, epoch), &world));
    assert_eq!(session.as_deref(), Some("s-1"));
    assert!(before.ends_with(".e1.work"), "{before}");
    assert!(words.contains("You asked:\n\nwhich one?"), "{words}");
    assert!(words.contains("The answer:\n\nthe left one"), "{words}");
}

#[test]
fn an_answer_that_comes_while_the_turn_still_runs_waits_for_its_end() {
    let (mut scene, epoch) = asked();
    answer(&mut scene);
    let plan = scene.plan(&worker(&scene, epoch), |question| match question {
        Question::Run(_) => Answer::Run(RunSeen::Live(gtd_plan::LiveSeen::default())),
        _ => worktree(&scene, true, false),
    });
    check(plan, expect![""]);
}

#[test]
fn without_an_answer_in_time_the_work_comes_back_with_the_question() {
    let (mut scene, epoch) = asked();
    scene.now = scene.now.plus(std::time::Duration::from_mins(31));
    let world = after(&scene, "<b0>.e1.work", "<b0>.e1");
    check(
        scene.plan(&worker(&scene, epoch), world),
        expect!["return: which one?"],
    );
}

#[test]
fn a_red_check_after_the_answer_has_all_of_its_turns() {
    let (mut scene, epoch) = asked();
    answer(&mut scene);
    started(&mut scene, epoch, "work.t1");
    // Three turns without a question: the one that asked is not one of them.
    for (at, is_left) in [(1, true), (2, true), (3, false)] {
        started(&mut scene, epoch, &format!("work.t{at}"));
        let run = format!("<b0>.e1.work.t{at}");
        let tree = Answer::Worktree(Some(gtd_plan::WorktreeSeen {
            owner: format!("{}.e1", scene.beads[0]),
            start: Some(oid('0')),
            head: oid('0'),
            dirty: false,
            changed: false,
        }));
        let ended = after(&scene, &run, "<b0>.e1");
        let plan = scene.plan(&worker(&scene, epoch), |question| match question {
            Question::Worktree { .. } => tree.clone(),
            other => ended(other),
        });
        assert_eq!(plan.starts_with("do run"), is_left, "{at}: {plan}");
    }
}

/// A scene whose first bead was parked with its question and is answered; its seat is gone.
fn parked_and_answered() -> Scene {
    let (mut scene, epoch) = asked();
    scene.now = scene.now.plus(std::time::Duration::from_mins(31));
    let world = after(&scene, "<b0>.e1.work", "<b0>.e1");
    let worker = worker(&scene, epoch);
    scene.take(&worker, world);
    scene
}

#[test]
fn nobody_else_works_where_a_session_waits_and_the_answer_finds_it_there() {
    let mut scene = parked_and_answered();
    let world = after(&scene, "<b0>.e1.work", "<b0>.e1");
    // The seat is free, and another bead gets another one.
    check(
        scene.plan(&crew(), &world),
        expect![[r#"
            CloseSeat { seat: seat0 }
            open seat quartz
            grant <b1> to quartz"#]],
    );
    scene.take(&crew(), &world);
    answer(&mut scene);
    check(
        scene.plan(&crew(), &world),
        expect![[r#"
            open seat seat0
            grant <b0> to seat0"#]],
    );
}

fn granted_again() -> (Scene, Epoch) {
    let mut scene = parked_and_answered();
    answer(&mut scene);
    let bead = scene.beads[0].clone();
    scene.tell(Command::Grant {
        bead,
        seat: SeatName::parse("seat0").expect("a name"),
        epoch: Epoch(2),
        reserved: Default::default(),
    });
    (scene, Epoch(2))
}

#[test]
fn the_next_attempt_goes_on_in_the_session_and_worktree_that_asked() {
    let (scene, epoch) = granted_again();
    let world = after(&scene, "<b0>.e1.work", "<b0>.e1");
    check(
        scene.plan(&worker(&scene, epoch), &world),
        expect![[r#"
            do worktree repo/seat0
            do run <b0>.e2.work
            started"#]],
    );
    let steps = scene.steps(&worker(&scene, epoch), &world);
    let is_continued = steps.iter().any(|step| {
        matches!(step, Step::Do(Effect::EnsureWorktree { checkout, .. })
            if matches!(checkout, gtd_plan::Checkout::Continued { after: Epoch(1), .. }))
    });
    assert!(is_continued, "{steps:?}");
    let (session, before, words) = ordered(&steps);
    assert_eq!(session.as_deref(), Some("s-1"));
    assert!(before.ends_with(".e1.work"), "{before}");
    assert!(words.contains("the left one"), "{words}");
    // Killed between the worktree and the run: the worktree is its own by then.
    let world = after(&scene, "<b0>.e1.work", "<b0>.e2");
    check(
        scene.plan(&worker(&scene, epoch), &world),
        expect![[r#"
            do run <b0>.e2.work
            started"#]],
    );
}

#[test]
fn a_session_whose_worktree_has_passed_on_is_not_gone_on_with() {
    let (scene, epoch) = granted_again();
    let world = after(&scene, "<b0>.e1.work", "somebody.e1");
    let steps = scene.steps(&worker(&scene, epoch), &world);
    let orders = steps.iter().filter_map(|step| match step {
        Step::Do(Effect::EnsureRun(order)) => Some(order),
        _ => None,
    });
    let fresh: Vec<bool> = orders
        .map(|order| matches!(&order.work, Work::Agent(turn) if turn.again.is_none()))
        .collect();
    assert_eq!(fresh, [true], "its brief has question and answer");
}

#[test]
fn a_session_that_is_gone_costs_no_attempt() {
    let (mut scene, epoch) = granted_again();
    started(&mut scene, epoch, "work");
    let plan = scene.plan(&worker(&scene, epoch), |question| match question {
        Question::Run(_) => agent(Some(RuntimeFault::Crashed)),
        _ => worktree(&scene, true, false),
    });
    check(
        plan,
        expect![
            "return: its session could not go on, and the next attempt begins a new one: No conversation found"
        ],
    );
    let crashed = scene.steps(&worker(&scene, epoch), |question| match question {
        Question::Run(_) => agent(Some(RuntimeFault::Crashed)),
        _ => worktree(&scene, true, false),
    });
    let counts = crashed
        .iter()
        .any(|step| matches!(step, Step::Tell(Command::Return { why, .. }) if why.class.counts()));
    assert!(!counts);
}

#[test]
fn what_a_person_tells_is_the_next_turn_before_anything_is_handed_in() {
    let (mut scene, epoch) = asked();
    answer(&mut scene);
    started(&mut scene, epoch, "work.t1");
    scene.tell(Command::Tell {
        bead: scene.beads[0].clone(),
        text: "use tabs".to_owned(),
    });
    let ended = after(&scene, "<b0>.e1.work.t1", "<b0>.e1");
    let tree = worktree(&scene, false, true);
    let world = |question: &Question| match question {
        Question::Worktree { .. } => tree.clone(),
        question => ended(question),
    };
    check(
        scene.plan(&worker(&scene, epoch), world),
        expect![[r#"
            do run <b0>.e1.work.t2
            started"#]],
    );
    let steps = scene.steps(&worker(&scene, epoch), world);
    let (session, before, words) = ordered(&steps);
    assert_eq!(session.as_deref(), Some("s-1"));
    assert!(before.ends_with(".e1.work.t1"), "{before}");
    assert!(words.contains("You were told meanwhile"), "{words}");
    assert!(words.contains("use tabs"), "{words}");
    let told = steps.iter().find_map(|step| match step {
        Step::Tell(Command::Started { told, .. }) => Some(*told),
        _ => None,
    });
    assert_eq!(told, Some(1), "the record says that the turn has it");
}
