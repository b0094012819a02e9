//! Scenes: a graph, what the hands saw, and the plan that follows.

mod scene;

use expect_test::expect;
use gtd_core::{Command, Epoch, Fault, FaultClass, GateName, Verdict};
use gtd_plan::{
    Answer, AssemblySeen, ConflictSeen, LineCommit, LiveSeen, MachineSeen, Question, RunSeen,
    Witness,
};
use scene::{
    NOW, Scene, absent, check, crew, ended, host, in_test, judge, oid, refinery, target, tip,
    worker, worktree, world,
};

#[test]
fn the_crew_fills_the_seats_and_no_more() {
    let scene = Scene::new(3);
    let plan = scene.plan(&crew(), |_| Answer::Machine(MachineSeen::Roomy));
    check(
        plan,
        expect![[r#"
            open seat quartz
            grant <b0> to quartz
            open seat onyx
            grant <b1> to onyx"#]],
    );
}

#[test]
fn the_crew_begins_less_the_more_waits_for_the_gates() {
    let mut scene = Scene::new(8);
    let rig = target().rig;
    let mut rules = scene.graph.rig(&rig).unwrap().rules.clone();
    rules.merge.backlog = 4;
    scene.tell(Command::TrustRig {
        rig,
        rules,
        digest: "2".to_owned(),
    });
    let n_granted = |scene: &Scene| {
        let plan = scene.plan(&crew(), |_| Answer::Machine(MachineSeen::Roomy));
        plan.lines()
            .filter(|line| line.starts_with("grant"))
            .count()
    };
    let seen: Vec<usize> = (0..6)
        .map(|n| {
            let granted = n_granted(&scene);
            scene.submit(n, 'a');
            granted
        })
        .collect();
    assert_eq!(seen, [2, 2, 2, 1, 1, 1]);
}

#[test]
fn the_crew_hires_nobody_when_the_machine_is_short() {
    let scene = Scene::new(1);
    let plan = scene.plan(&crew(), |_| {
        Answer::Machine(MachineSeen::Short("the disk is nearly full".to_owned()))
    });
    check(plan, expect!["saw resources: the disk is nearly full"]);
}

#[test]
fn a_worker_begins_with_its_worktree_and_its_run() {
    let mut scene = Scene::new(1);
    let epoch = scene.lease(0);
    let plan = scene.plan(&worker(&scene, epoch), |question| match question {
        Question::Run(_) => Answer::Run(RunSeen::Absent { for_ms: 0 }),
        Question::Tip(_) => tip('0'),
        _ => Answer::Worktree(None),
    });
    check(
        plan,
        expect![[r#"
            do worktree repo/seat0
            do run <b0>.e1.work
            started"#]],
    );
}

#[test]
fn a_worker_commits_then_hands_in() {
    let mut scene = Scene::new(1);
    let epoch = scene.lease(0);
    let world = |dirty: bool| {
        let tree = worktree(&scene, dirty, true);
        move |question: &Question| match question {
            Question::Run(_) => ended(0),
            _ => tree.clone(),
        }
    };
    check(
        scene.plan(&worker(&scene, epoch), world(true)),
        expect![[r#"
            started
            do commit <b0>.e1"#]],
    );
    check(
        scene.plan(&worker(&scene, epoch), world(false)),
        expect![[r#"
            started
            submit aaaaaaa"#]],
    );
}

#[test]
fn a_worker_that_changed_nothing_finishes_as_no_op() {
    let mut scene = Scene::new(1);
    let epoch = scene.lease(0);
    let tree = worktree(&scene, false, false);
    let plan = scene.plan(&worker(&scene, epoch), |question| match question {
        Question::Run(_) => ended(0),
        _ => tree.clone(),
    });
    check(
        plan,
        expect![[r#"
            started
            finish NoOp"#]],
    );
}

#[test]
fn a_worker_without_its_lease_only_ends_what_still_runs() {
    let mut scene = Scene::new(1);
    let epoch = scene.lease(0);
    scene.tell(Command::ParkBead {
        bead: scene.beads[0].clone(),
        why: "enough".to_owned(),
    });
    let plan = scene.plan(&worker(&scene, epoch), |_| {
        Answer::Run(RunSeen::Live(LiveSeen::default()))
    });
    check(plan, expect!["do stop <b0>.e1.work"]);
}

#[test]
fn the_witness_needs_two_signals() {
    let mut scene = Scene::new(1);
    scene.lease(0);
    let witness = Witness { host: host() };
    let live = |quiet_ms, idle_ms, repeats| {
        move |question: &Question| match question {
            Question::Run(_) => Answer::Run(RunSeen::Live(LiveSeen {
                quiet_ms,
                idle_ms,
                repeats,
                last_line: String::new(),
                used: None,
            })),
            _ => Answer::Stillness(60_000),
        }
    };
    let hour = 3_600_000;
    check(scene.plan(&witness, live(1_000, 0, 3)), expect![""]);
    check(
        scene.plan(&witness, live(hour, 0, 0)),
        expect!["saw stuck: no output for 60 min; the witness looks"],
    );
    check(
        scene.plan(&witness, live(hour, hour, 0)),
        expect![[r#"
            do stop <b0>.e1.work
            saw stuck: no output and no activity"#]],
    );
    check(
        scene.plan(&witness, live(0, 0, 5_000)),
        expect![[r#"
            do stop <b0>.e1.work
            saw stuck: it printed the same 5000 times in a row and changed nothing"#]],
    );
}

#[test]
fn the_witness_ends_a_lease_only_when_the_process_is_gone() {
    let mut scene = Scene::new(1);
    scene.lease(0);
    let witness = Witness { host: host() };
    check(
        scene.plan(&witness, |_| {
            Answer::Run(RunSeen::Absent { for_ms: 120_000 })
        }),
        expect![""],
    );
    check(
        scene.plan(&witness, |_| Answer::Run(RunSeen::Lost)),
        expect![[r#"
            do sweep <b0>.e1.work
            expire Lost: its process vanished without a record of its end"#]],
    );
}

#[test]
fn the_refinery_puts_submissions_together_and_gates_them() {
    let mut scene = Scene::new(2);
    scene.submit(0, 'a');
    scene.submit(1, 'b');
    check(
        scene.plan(
            &refinery(),
            world('0', false, absent(), Some(scene.assembly(2))),
        ),
        expect!["observe 0000000"],
    );
    scene.tell(Command::ObserveTarget {
        target: target(),
        tip: oid('0'),
    });
    check(
        scene.plan(
            &refinery(),
            world('0', false, absent(), Some(scene.assembly(2))),
        ),
        expect![[r#"
            do ref repo refs/gtd/candidates/mr-ffffffffff ffffffffffffffffffffffffffffffffffffffff
            form 2 on 0000000"#]],
    );
    check(
        in_test(2).plan(&refinery(), world('0', false, absent(), None)),
        expect![[r#"
            do worktree repo/refinery-main
            do run mr-ffffffffff.g0.test"#]],
    );
    check(
        in_test(2).plan(&refinery(), world('0', false, ended(0), None)),
        expect!["judge Passed"],
    );
}

#[test]
fn the_refinery_moves_the_ref_then_records() {
    let mut scene = in_test(1);
    judge(&mut scene, Verdict::Passed);
    check(
        scene.plan(&refinery(), world('0', false, ended(0), None)),
        expect![[r#"
            do note repo ffffffffffffffffffffffffffffffffffffffff
            do ref repo refs/heads/main ffffffffffffffffffffffffffffffffffffffff
            land"#]],
    );
}

#[test]
fn the_refinery_adopts_a_landing_before_anything_else() {
    let mut scene = in_test(1);
    judge(&mut scene, Verdict::Passed);
    check(
        scene.plan(&refinery(), world('f', true, ended(0), None)),
        expect![[r#"
            do note repo ffffffffffffffffffffffffffffffffffffffff
            land"#]],
    );
    // Even when somebody has pushed on top of it meanwhile.
    check(
        scene.plan(&refinery(), world('9', true, ended(0), None)),
        expect![[r#"
            do note repo ffffffffffffffffffffffffffffffffffffffff
            land"#]],
    );
}

#[test]
fn the_refinery_gives_a_candidate_up_when_the_target_moved() {
    check(
        in_test(1).plan(&refinery(), world('9', false, absent(), None)),
        expect![[r#"
            void: main moved to 9999999
            observe 9999999"#]],
    );
}

#[test]
fn a_red_batch_is_halved() {
    let mut scene = in_test(4);
    judge(&mut scene, Verdict::Failed);
    let plan = scene.plan(
        &refinery(),
        world('0', false, absent(), Some(scene.assembly(2))),
    );
    check(
        plan,
        expect![[r#"
            do ref repo refs/gtd/candidates/mr-ffffffffff ffffffffffffffffffffffffffffffffffffffff
            form 2 on 0000000"#]],
    );
}

#[test]
fn red_alone_is_blamed_only_when_the_base_is_green() {
    let mut scene = in_test(1);
    judge(&mut scene, Verdict::Failed);
    check(
        scene.plan(&refinery(), world('0', false, absent(), None)),
        expect![[r#"
            do worktree repo/refinery-main
            do run base-repo-0000000000.g0.test"#]],
    );
    check(
        scene.plan(&refinery(), world('0', false, ended(1), None)),
        expect!["judge base Failed"],
    );
    scene.tell(Command::JudgeBase {
        target: target(),
        gate: gtd_core::GateRun {
            gate: GateName::parse("test").expect("a valid scene"),
            commit: oid('0'),
            verdict: Verdict::Passed,
            detail: "exit 0".to_owned(),
            took_ms: 1,
            run: gtd_core::RunId::parse("base").expect("a valid scene"),
            evidence: String::new(),
            code: None,
            output: String::new(),
            tests: None,
        },
    });
    check(
        scene.plan(&refinery(), world('0', false, ended(0), None)),
        expect![
            "send back <b0>: gate test is red on the merged tree (exit 1) and green on main without it"
        ],
    );
}

#[test]
fn a_conflict_goes_back_at_once() {
    let mut scene = Scene::new(1);
    scene.submit(0, 'a');
    scene.tell(Command::ObserveTarget {
        target: target(),
        tip: oid('0'),
    });
    let conflict = Answer::Assembly(AssemblySeen {
        joined: vec![],
        conflicts: vec![ConflictSeen {
            bead: scene.beads[0].clone(),
            files: vec!["src/lib.rs".to_owned()],
            theirs: vec![],
            diff: String::new(),
        }],
        behind: vec![],
        commit: oid('0'),
        tree: oid('e'),
    });
    check(
        scene.plan(&refinery(), world('0', false, absent(), Some(conflict))),
        expect!["send back <b0>: it does not merge onto main: src/lib.rs"],
    );
}

#[test]
fn a_pause_of_a_role_keeps_it_still() {
    let mut scene = Scene::new(1);
    scene.tell(Command::Pause {
        scope: gtd_core::PauseScope::Role(
            gtd_core::RoleName::parse("crew").expect("a valid scene"),
        ),
        why: String::new(),
    });
    check(
        scene.plan(&crew(), |_| Answer::Machine(MachineSeen::Roomy)),
        expect![""],
    );
}

#[test]
fn a_fault_that_does_not_count_burns_no_attempt() {
    let mut scene = Scene::new(1);
    for _ in 0..5 {
        let epoch = scene.lease(0);
        scene.tell(Command::Return {
            bead: scene.beads[0].clone(),
            epoch,
            why: Fault {
                class: FaultClass::Stopped,
                text: "a person stopped it".to_owned(),
                evidence: String::new(),
                run: None,
            },
        });
    }
    let bead = scene.graph.bead(&scene.beads[0]).expect("a valid scene");
    assert_eq!((bead.spent, bead.epoch), (0, Epoch(5)));
    assert!(scene.graph.is_ready(bead, NOW));
}

/// A town of three beads of one runtime, the first of which ran into `cause`.
fn held_up(cause: gtd_core::RuntimeFault) -> Scene {
    let mut scene = Scene::new(3);
    let epoch = scene.lease(0);
    scene.tell(Command::Return {
        bead: scene.beads[0].clone(),
        epoch,
        why: Fault {
            class: FaultClass::Runtime {
                runtime: gtd_core::RuntimeName::parse("shell").expect("a valid scene"),
                fault: cause,
            },
            text: "it cannot go on".to_owned(),
            evidence: String::new(),
            run: None,
        },
    });
    scene
}

#[test]
fn the_crew_grants_no_bead_to_a_runtime_that_is_held_up() {
    for cause in [
        gtd_core::RuntimeFault::RateLimited { until: None },
        gtd_core::RuntimeFault::Auth,
    ] {
        let scene = held_up(cause);
        let plan = scene.plan(&crew(), |_| Answer::Machine(MachineSeen::Roomy));
        check(plan, expect![""]);
    }
}

#[test]
fn the_crew_lets_one_bead_try_when_the_hold_is_over() {
    let mut scene = held_up(gtd_core::RuntimeFault::Network);
    scene.now = scene.now.plus(std::time::Duration::from_secs(31));
    let pass = |scene: &Scene| scene.plan(&crew(), |_| Answer::Machine(MachineSeen::Roomy));
    check(pass(&scene), expect!["grant <b0> to seat0"]);
    scene.take(&crew(), |_| Answer::Machine(MachineSeen::Roomy));
    check(pass(&scene), expect![""]);
    let epoch = scene
        .graph
        .bead(&scene.beads[0])
        .expect("a valid scene")
        .epoch;
    scene.tell(Command::Submit {
        bead: scene.beads[0].clone(),
        epoch,
        head: oid('a'),
        base: oid('0'),
        summary: String::new(),
        checks: vec![],
    });
    check(
        pass(&scene),
        expect![[r#"
            grant <b1> to seat0
            open seat quartz
            grant <b2> to quartz"#]],
    );
}

/// A queue that stands still because its target is red, with four commits since the last proven one.
fn red_main() -> Scene {
    let mut scene = in_test(1);
    judge(&mut scene, Verdict::Failed);
    scene.tell(Command::JudgeBase {
        target: target(),
        gate: gtd_core::GateRun {
            gate: GateName::parse("test").expect("a valid scene"),
            commit: oid('0'),
            verdict: Verdict::Failed,
            detail: "exit 1".to_owned(),
            took_ms: 1,
            run: gtd_core::RunId::parse("base").expect("a valid scene"),
            evidence: String::new(),
            code: Some(1),
            output: String::new(),
            tests: None,
        },
    });
    scene
}

/// The line `0 1 2 3 4`, newest first, of which `4` is proven; the gate is red on those of `red`.
fn line_of(red: &'static str) -> impl Fn(&Question) -> Answer {
    move |question| match question {
        Question::Tip(_) => tip('0'),
        Question::Line { .. } => Answer::Line(
            ('0'..='4')
                .map(|at| LineCommit {
                    oid: oid(at),
                    subject: format!("change {at}"),
                    author: "Ann".to_owned(),
                    is_proven: at == '4',
                })
                .collect(),
        ),
        Question::Run(run) => {
            let at = run.as_str().trim_start_matches("base-repo-").chars().next();
            ended(i32::from(red.contains(at.expect("a valid scene"))))
        }
        _ => Answer::Owner(None),
    }
}

#[test]
fn a_red_target_is_searched_for_the_commit_that_made_it_red() {
    let scene = red_main();
    check(
        scene.plan(&refinery(), line_of("012")),
        expect![
            "saw main_red: gate test is red since 2222222 by Ann: change 2; it is green on 3333333 before it"
        ],
    );
    check(
        scene.plan(&refinery(), line_of("01234")),
        expect![
            "saw main_red: 4444444 was green when it landed and is red now: gate test or what it needs has changed outside of the repository"
        ],
    );
    let alone = |is_proven| {
        move |question: &Question| match (question, line_of("0")(question)) {
            (Question::Line { .. }, Answer::Line(line)) => Answer::Line(
                line.into_iter()
                    .take(1)
                    .map(|c| LineCommit { is_proven, ..c })
                    .collect(),
            ),
            (_, other) => other,
        }
    };
    check(
        scene.plan(&refinery(), alone(true)),
        expect![
            "saw main_red: 0000000 was green when it landed and is red now: gate test is flaky, or what it needs has changed outside of the repository"
        ],
    );
    check(
        scene.plan(&refinery(), alone(false)),
        expect![
            "saw main_red: gate test is red on the first commit there is, 0000000 (change 0): it has never been green here"
        ],
    );
    let begun = |question: &Question| match question {
        Question::Run(_) => absent(),
        other => line_of("")(other),
    };
    check(
        scene.plan(&refinery(), begun),
        expect![[r#"
            do worktree repo/refinery-main
            do run base-repo-4444444444.g0.test"#]],
    );
}
