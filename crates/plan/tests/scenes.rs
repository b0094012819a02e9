//! Scenes: a graph, what the hands saw, and the plan that follows.
//!
//! The graph is built by the ledger's own rules, so no scene can show what
//! could not be.

use std::collections::BTreeSet;

use expect_test::{Expect, expect};
use gtd_core::{
    Actor, Approval, Ask, BeadId, BeadSpec, Command, Envelope, Epoch, Fault, FaultClass, Gate,
    GateName, GateWhen, Graph, HostName, LandMode, Oid, Plan as GoalPlan, PlannedBead, Reserved,
    RigName, RigRules, RuntimeName, SeatName, Target, Timestamp, Verdict, decide,
};
use gtd_plan::{
    Answer, AssemblySeen, Crew, EndSeen, LiveSeen, MachineSeen, Planner, Question, Refinery,
    RunSeen, Seen, Step, TipSeen, Witness, Worker, WorktreeSeen,
};

const NOW: Timestamp = Timestamp(1_000_000);

fn oid(digit: char) -> Oid {
    Oid::parse(&digit.to_string().repeat(40)).expect("a valid scene")
}

fn target() -> Target {
    Target {
        rig: RigName::parse("repo").expect("a valid scene"),
        r#ref: "refs/heads/main".to_owned(),
        mode: LandMode::Local,
        branch: "main".to_owned(),
    }
}

fn host() -> HostName {
    HostName::parse("local").expect("a valid scene")
}

/// A town with one rig, built by decisions.
struct Scene {
    graph: Graph,
    beads: Vec<BeadId>,
}

impl Scene {
    /// A goal of `n` beads that are open and ready.
    fn new(n: usize) -> Self {
        let mut scene = Self {
            graph: Graph::default(),
            beads: Vec::new(),
        };
        let gate = Gate {
            name: GateName::parse("test").expect("a valid scene"),
            run: "make test".to_owned(),
            when: GateWhen::Merge,
            timeout_ms: 60_000,
            env: Default::default(),
        };
        scene.tell(Command::TrustRig {
            rig: target().rig,
            rules: RigRules {
                prefix: "gt".to_owned(),
                branch: "main".to_owned(),
                gates: vec![gate],
                worker: gtd_core::WorkerRules {
                    max: 2,
                    ..Default::default()
                },
                merge: Default::default(),
            },
            digest: String::new(),
        });
        let spec = |title: String| BeadSpec {
            title,
            run: Some("true".to_owned()),
            ..BeadSpec::default()
        };
        scene.tell(Command::OpenGoal {
            spec: spec("goal".to_owned()),
            target: target(),
            max: None,
            until: None,
            plan: Some(GoalPlan {
                beads: (0..n)
                    .map(|n| PlannedBead {
                        local_id: format!("b{n}"),
                        spec: spec(format!("bead {n}")),
                        needs: vec![],
                    })
                    .collect(),
                ..GoalPlan::default()
            }),
            approval: Approval::NotNeeded,
        });
        let (_, goal) = scene.graph.goals().next().expect("a valid scene");
        scene.beads = goal.beads.clone();
        scene
    }

    fn tell(&mut self, command: Command) {
        let ask = Ask {
            by: Actor::Daemon,
            request: None,
            expected: None,
            command,
        };
        for event in decide(&self.graph, &ask, NOW).expect("a valid scene") {
            let envelope = Envelope {
                at: NOW,
                by: Actor::Daemon,
                request: None,
                cause: None,
                event,
            };
            self.graph.apply(self.graph.revision().next(), &envelope);
        }
    }

    /// Grants bead `n` to a seat.
    fn lease(&mut self, n: usize) -> Epoch {
        let seat = SeatName::parse(&format!("seat{n}")).expect("a valid scene");
        let bead = self.beads[n].clone();
        let epoch = self.graph.bead(&bead).expect("a valid scene").epoch.next();
        self.tell(Command::OpenSeat {
            seat: seat.clone(),
            rig: target().rig,
            host: host(),
        });
        self.tell(Command::Grant {
            bead,
            seat,
            epoch,
            reserved: Reserved::default(),
        });
        epoch
    }

    /// Hands bead `n` in at a commit.
    fn submit(&mut self, n: usize, head: char) {
        let epoch = self.lease(n);
        self.tell(Command::Submit {
            bead: self.beads[n].clone(),
            epoch,
            head: oid(head),
            base: oid('0'),
            summary: String::new(),
        });
    }

    /// The first `n` beads, put onto `0` as one candidate `f`.
    fn assembly(&self, n: usize) -> Answer {
        Answer::Assembly(AssemblySeen {
            joined: self.beads[..n].to_vec(),
            conflicts: vec![],
            commit: oid('f'),
            tree: oid('e'),
        })
    }

    /// Plans a pass; the answers come from `world` by the question asked.
    fn plan(&self, planner: &impl Planner, world: impl Fn(&Question) -> Answer) -> String {
        let mut seen = Seen::default();
        loop {
            let questions: Vec<Question> = planner
                .look(&self.graph, &seen, NOW)
                .into_iter()
                .filter(|question| !seen.knows(question))
                .collect();
            if questions.is_empty() {
                break;
            }
            for question in questions {
                let answer = world(&question);
                seen.put(question, answer);
            }
        }
        let plan = planner.plan(&self.graph, &seen, NOW);
        let mut lines: Vec<String> = plan.steps.iter().map(describe).collect();
        lines.extend(
            plan.observations
                .iter()
                .map(|seen| format!("saw {}: {}", seen.reason.code(), seen.text)),
        );
        let mut text = lines.join("\n");
        for (n, bead) in self.beads.iter().enumerate() {
            text = text.replace(bead.as_str(), &format!("<b{n}>"));
        }
        text
    }
}

fn describe(step: &Step) -> String {
    match step {
        Step::Do(effect) => format!("do {}", effect.key()),
        Step::Tell(command) => match command {
            Command::Grant { bead, seat, .. } => format!("grant {bead} to {seat}"),
            Command::OpenSeat { seat, .. } => format!("open seat {seat}"),
            Command::Return { why, .. } => format!("return: {}", why.text),
            Command::Expire { why, .. } => format!("expire {:?}: {}", why.class, why.text),
            Command::Submit { head, .. } => format!("submit {head:?}"),
            Command::Finish { outcome, .. } => format!("finish {outcome:?}"),
            Command::Started { .. } => "started".to_owned(),
            Command::Form { members, base, .. } => {
                format!("form {} on {base:?}", members.len())
            }
            Command::Judge { verdict, .. } => format!("judge {verdict:?}"),
            Command::Land { .. } => "land".to_owned(),
            Command::Void { why, .. } => format!("void: {why}"),
            Command::SendBack { bead, why, .. } => format!("send back {bead}: {}", why.text),
            Command::ObserveTarget { tip, .. } => format!("observe {tip:?}"),
            Command::JudgeBase { gate, .. } => format!("judge base {:?}", gate.verdict),
            other => format!("{other:?}"),
        },
    }
}

fn check(found: String, expected: Expect) {
    expected.assert_eq(&found);
}

fn tip(at: char) -> Answer {
    Answer::Tip(TipSeen {
        at: Some(oid(at)),
        branch: Some(oid(at)),
        branch_is_ahead: false,
    })
}

fn ended(code: i32) -> Answer {
    Answer::Run(RunSeen::Ended(EndSeen {
        code: Some(code),
        tail: "the output".to_owned(),
        ..EndSeen::default()
    }))
}

fn crew() -> Crew {
    Crew {
        host: host(),
        runtimes: BTreeSet::from([RuntimeName::parse("shell").expect("a valid scene")]),
    }
}

fn refinery() -> Refinery {
    Refinery { rig: target().rig }
}

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
fn the_crew_hires_nobody_when_the_machine_is_short() {
    let scene = Scene::new(1);
    let plan = scene.plan(&crew(), |_| {
        Answer::Machine(MachineSeen::Short("the disk is nearly full".to_owned()))
    });
    check(plan, expect!["saw resources: the disk is nearly full"]);
}

fn worker(scene: &Scene, epoch: Epoch) -> Worker {
    Worker {
        bead: scene.beads[0].clone(),
        epoch,
        host: host(),
    }
}

/// The worktree of the first bead's first attempt.
fn worktree(scene: &Scene, dirty: bool, changed: bool) -> Answer {
    Answer::Worktree(Some(WorktreeSeen {
        owner: format!("{}.e1", scene.beads[0]),
        start: Some(oid('0')),
        head: oid('a'),
        dirty,
        changed,
    }))
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

/// A candidate of the first `n` beads in test on `0`.
fn in_test(n: usize) -> Scene {
    let mut scene = Scene::new(n);
    for (index, head) in ['a', 'b', 'c', 'd'].into_iter().enumerate().take(n) {
        scene.submit(index, head);
    }
    scene.tell(Command::ObserveTarget {
        target: target(),
        tip: oid('0'),
    });
    let members = scene
        .beads
        .iter()
        .zip(['a', 'b', 'c', 'd'])
        .map(|(bead, head)| gtd_core::Member {
            bead: bead.clone(),
            epoch: Epoch(1),
            head: oid(head),
        })
        .collect();
    scene.tell(Command::Form {
        id: gtd_plan::candidate_id(&oid('f'), 0),
        target: target(),
        base: oid('0'),
        members,
        commit: oid('f'),
        tree: oid('e'),
        retry: 0,
    });
    scene
}

/// The verdict of the candidate's gate.
fn judge(scene: &mut Scene, verdict: Verdict) {
    scene.tell(Command::Judge {
        candidate: gtd_plan::candidate_id(&oid('f'), 0),
        verdict,
        gates: vec![gtd_core::GateRun {
            gate: GateName::parse("test").expect("a valid scene"),
            commit: oid('f'),
            verdict,
            detail: "exit 1".to_owned(),
            took_ms: 1,
            run: gtd_core::RunId::parse("mr-ffffffffff.g0.test").expect("a valid scene"),
            evidence: "the output".to_owned(),
        }],
    });
}

fn world(
    at: char,
    contains: bool,
    run: Answer,
    assembly: Option<Answer>,
) -> impl Fn(&Question) -> Answer {
    move |question| match question {
        Question::Tip(_) => tip(at),
        Question::Contains { .. } => Answer::Contains(contains),
        Question::Run(_) => run.clone(),
        Question::Assembly(_) => assembly.clone().expect("a valid scene"),
        _ => Answer::Worktree(None),
    }
}

fn absent() -> Answer {
    Answer::Run(RunSeen::Absent { for_ms: 0 })
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
        expect!["land"],
    );
    // Even when somebody has pushed on top of it meanwhile.
    check(
        scene.plan(&refinery(), world('9', true, ended(0), None)),
        expect!["land"],
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
        conflicts: vec![(scene.beads[0].clone(), vec!["src/lib.rs".to_owned()])],
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
                class: FaultClass::Conflict { files: vec![] },
                text: "it does not merge".to_owned(),
                evidence: String::new(),
                run: None,
            },
        });
    }
    let bead = scene.graph.bead(&scene.beads[0]).expect("a valid scene");
    assert_eq!((bead.spent, bead.epoch), (0, Epoch(5)));
    assert!(scene.graph.is_ready(bead, NOW));
}
