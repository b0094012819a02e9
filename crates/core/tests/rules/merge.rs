//! Candidates, verdicts, suspicion: what the refinery's pen may write.

use gtd_core::{
    BeadId, BudgetRules, Command, FaultClass, GateWhen, HaltKind, Member, Outcome, PauseScope,
    Phase, Queue, RigRules, Verdict,
};

use crate::scene::{Scene, gate, gate_run, oid, rig, rules, target};

fn queue(scene: &Scene) -> &Queue {
    scene.graph.queue(&target()).unwrap()
}

fn red() -> FaultClass {
    FaultClass::Gate {
        gate: "test".to_owned(),
    }
}

/// Beads that were handed in together.
fn submitted(scene: &mut Scene, n: usize) -> (Vec<BeadId>, Vec<Member>) {
    (0..n)
        .map(|n| {
            let bead = scene.bead(&format!("bead {n}"));
            let member = scene.submit(&bead);
            (bead, member)
        })
        .unzip()
}

#[test]
fn a_red_batch_is_suspected_and_a_green_part_lands() {
    let mut scene = Scene::new();
    let (beads, members) = submitted(&mut scene, 4);
    scene.form(&members);
    scene.judge(Verdict::Failed);
    assert_eq!(queue(&scene).suspects, beads);
    assert!(scene.in_test().is_none());
    scene.form(&members[..2]);
    scene.land_candidate();
    assert_eq!(queue(&scene).suspects, beads[2..]);
    let tip = queue(&scene).tip.clone().unwrap();
    let mut command = scene.form_command(&members[2..3]);
    if let Command::Form { base, .. } = &mut command {
        *base = tip;
    }
    scene.tell(command);
    scene.judge(Verdict::Failed);
    assert!(
        scene.in_test().is_some(),
        "a red one waits for who is to blame"
    );
    scene.send_back(&beads[2], red());
    assert!(scene.in_test().is_none());
    assert_eq!(queue(&scene).suspects, beads[3..]);
    assert_eq!(scene.at(&beads[2]).spent, 1);
    scene.land(&beads[3]);
    assert_eq!(queue(&scene).suspects, []);
}

#[test]
fn who_leaves_is_suspected_no_more() {
    let leave: [fn(&mut Scene, &BeadId); 4] = [
        Scene::park,
        Scene::cancel,
        |scene, bead| scene.close(bead, Outcome::Done),
        |scene, bead| scene.send_back(bead, red()),
    ];
    for leave in leave {
        let mut scene = Scene::new();
        let (beads, members) = submitted(&mut scene, 3);
        scene.form(&members);
        scene.judge(Verdict::Failed);
        leave(&mut scene, &beads[1]);
        assert_eq!(queue(&scene).suspects, [beads[0].clone(), beads[2].clone()]);
        assert!(scene.graph.index_is_true());
    }
}

/// The ways in which a bead leaves a candidate.
const LEAVE: [fn(&mut Scene, &BeadId); 4] = [
    Scene::park,
    Scene::cancel,
    |scene, bead| scene.close(bead, Outcome::Done),
    |scene, bead| scene.send_back(bead, red()),
];

#[test]
fn who_leaves_a_candidate_takes_it_apart() {
    for leave in LEAVE {
        let mut scene = Scene::new();
        let (beads, members) = submitted(&mut scene, 2);
        let candidate = scene.form(&members);
        leave(&mut scene, &beads[0]);
        let why = scene.refused(Command::Land { candidate });
        assert_eq!(why.code(), "E0305");
        assert!(matches!(scene.at(&beads[1]).phase, Phase::Submitted { .. }));
    }
}

#[test]
fn what_is_proven_may_be_on_its_target_whoever_leaves_it() {
    for leave in LEAVE {
        let mut scene = Scene::new();
        let (beads, members) = submitted(&mut scene, 2);
        let candidate = scene.form(&members);
        scene.judge(Verdict::Passed);
        leave(&mut scene, &beads[0]);
        // The refinery looks where the target is, and says so.
        scene.tell(Command::Land { candidate });
        for bead in &beads {
            assert!(matches!(scene.at(bead).phase, Phase::Landed { .. }));
        }
        assert!(scene.graph.index_is_true());
    }
    for leave in LEAVE {
        let mut scene = Scene::new();
        let (beads, members) = submitted(&mut scene, 2);
        let candidate = scene.form(&members);
        scene.judge(Verdict::Passed);
        leave(&mut scene, &beads[0]);
        scene.tell(Command::Void {
            candidate,
            why: "not on its target".to_owned(),
        });
        assert!(!matches!(scene.at(&beads[0]).phase, Phase::Landed { .. }));
        assert!(matches!(scene.at(&beads[1]).phase, Phase::Submitted { .. }));
    }
}

#[test]
fn who_was_granted_anew_before_the_report_of_its_landing_is_done() {
    let mut scene = Scene::new();
    let (beads, members) = submitted(&mut scene, 1);
    let candidate = scene.form(&members);
    scene.judge(Verdict::Passed);
    scene.park(&beads[0]);
    scene.tell(Command::RetryBead {
        bead: beads[0].clone(),
    });
    scene.grant(&beads[0]);
    scene.tell(Command::Land { candidate });
    let bead = scene.at(&beads[0]);
    assert!(matches!(bead.phase, Phase::Landed { .. }));
    assert!(bead.attempts.iter().all(|attempt| attempt.ended.is_some()));
    assert!(scene.graph.seats().all(|(_, seat)| seat.bead.is_none()));
}

#[test]
fn nothing_lands_without_proof_of_every_gate_on_that_commit() {
    let mut scene = Scene::new();
    let mut rules = rules();
    rules.gates.push(gate("lint", GateWhen::Both));
    rules.gates.push(gate("worker-only", GateWhen::Worker));
    scene.trust(rules);
    let (_, members) = submitted(&mut scene, 1);
    let candidate = scene.form(&members);
    let commit = queue(&scene).candidate.as_ref().unwrap().commit.clone();
    let lint = gtd_core::GateRun {
        gate: crate::scene::gate_name("lint"),
        ..gate_run(&commit, Verdict::Passed)
    };
    let judge = |gates: Vec<gtd_core::GateRun>| Command::Judge {
        candidate: candidate.clone(),
        verdict: Verdict::Passed,
        gates,
    };
    let land = || Command::Land {
        candidate: candidate.clone(),
    };
    let test = gate_run(&commit, Verdict::Passed);
    for claim in [
        vec![],
        vec![test.clone()],
        vec![lint.clone(), gate_run(&commit, Verdict::Failed)],
        vec![lint.clone(), gate_run(&oid(4), Verdict::Passed)],
    ] {
        assert_eq!(scene.refused(judge(claim)).code(), "E0209");
        assert_eq!(scene.refused(land()).code(), "E0209");
    }
    scene.tell(judge(vec![test, lint]));
    scene.tell(land());
    assert_eq!(scene.tell(land()), vec![], "it has landed");
}

#[test]
fn a_candidate_holds_only_what_was_handed_in_for_its_target() {
    let mut scene = Scene::new();
    let (beads, members) = submitted(&mut scene, 2);
    let open = scene.bead("not handed in");
    let stale = Member {
        epoch: members[0].epoch.next(),
        ..members[0].clone()
    };
    let other_head = Member {
        head: oid(3),
        ..members[0].clone()
    };
    let not_handed_in = Member {
        bead: open,
        ..members[0].clone()
    };
    for (claim, code) in [
        (vec![], "E0103"),
        (vec![members[0].clone(), members[0].clone()], "E0103"),
        (vec![stale], "E0204"),
        (vec![other_head], "E0201"),
        (vec![not_handed_in], "E0204"),
    ] {
        let command = scene.form_command(&claim);
        assert_eq!(scene.refused(command).code(), code);
    }
    let mut elsewhere = scene.form_command(&members);
    if let Command::Form { target, .. } = &mut elsewhere {
        target.r#ref = "refs/heads/main".to_owned();
    }
    assert_eq!(scene.refused(elsewhere).code(), "E0103");
    scene.tell(Command::Pause {
        scope: PauseScope::Bead(beads[0].clone()),
        why: String::new(),
    });
    let command = scene.form_command(&members);
    assert_eq!(scene.refused(command).code(), "E0215");
    scene.form(&members[1..]);
}

#[test]
fn nothing_new_is_formed_while_all_is_stopped_or_the_queue_halted() {
    let mut scene = Scene::new();
    let (_, members) = submitted(&mut scene, 1);
    let mut stopped = scene.clone();
    stopped.tell(Command::Stop { why: String::new() });
    let command = stopped.form_command(&members);
    assert_eq!(stopped.refused(command).code(), "E0214");

    scene.tell(Command::JudgeBase {
        target: target(),
        gate: gate_run(&oid(1), Verdict::Failed),
    });
    let command = scene.form_command(&members);
    assert_eq!(scene.refused(command).code(), "E0215");
}

#[test]
fn a_stop_does_not_hide_what_had_landed() {
    let mut scene = Scene::new();
    let (beads, members) = submitted(&mut scene, 1);
    let candidate = scene.form(&members);
    scene.judge(Verdict::Passed);
    scene.tell(Command::Stop { why: String::new() });
    scene.tell(Command::Land { candidate });
    assert!(matches!(scene.at(&beads[0]).phase, Phase::Landed { .. }));
}

#[test]
fn our_own_commit_on_the_target_is_a_landing() {
    let mut scene = Scene::new();
    let (beads, members) = submitted(&mut scene, 1);
    scene.form(&members);
    scene.judge(Verdict::Passed);
    let tip = queue(&scene).candidate.as_ref().unwrap().commit.clone();
    scene.tell(Command::ObserveTarget {
        target: target(),
        tip: tip.clone(),
    });
    assert!(matches!(&scene.at(&beads[0]).phase, Phase::Landed { commit, .. } if *commit == tip));
    assert_eq!(queue(&scene).tip, Some(tip));
}

#[test]
fn our_own_commit_without_proof_is_a_foreign_move() {
    let mut scene = Scene::new();
    let (beads, members) = submitted(&mut scene, 1);
    scene.form(&members);
    let tip = queue(&scene).candidate.as_ref().unwrap().commit.clone();
    let events = scene.tell(Command::ObserveTarget {
        target: target(),
        tip,
    });
    assert_eq!(events[0].name(), "TargetMoved");
    assert!(matches!(scene.at(&beads[0]).phase, Phase::Submitted { .. }));
}

#[test]
fn a_base_that_nobody_told_of_is_a_foreign_move() {
    let mut scene = Scene::new();
    let (_, members) = submitted(&mut scene, 2);
    scene.tell(Command::ObserveTarget {
        target: target(),
        tip: oid(2),
    });
    scene.tell(Command::JudgeBase {
        target: target(),
        gate: gate_run(&oid(2), Verdict::Passed),
    });
    assert_eq!(queue(&scene).green.len(), 1);
    let command = scene.form_command(&members);
    let events = scene.tell(command);
    assert_eq!(events[0].name(), "TargetMoved");
    assert_eq!(queue(&scene).green, [], "nothing is known of the new tip");
}

#[test]
fn what_a_gate_shows_on_an_old_tip_halts_nothing() {
    let mut scene = Scene::new();
    scene.tell(Command::ObserveTarget {
        target: target(),
        tip: oid(2),
    });
    for verdict in [Verdict::Passed, Verdict::Failed, Verdict::Infra] {
        let events = scene.tell(Command::JudgeBase {
            target: target(),
            gate: gate_run(&oid(1), verdict),
        });
        assert_eq!(events, vec![]);
    }
    assert!(queue(&scene).halt.is_none());
}

#[test]
fn a_verdict_on_a_red_branch_says_nothing_about_the_work() {
    for leave in [
        Command::Resume {
            scope: PauseScope::Rig(rig()),
        },
        Command::ObserveTarget {
            target: target(),
            tip: oid(5),
        },
    ] {
        let mut scene = Scene::new();
        let (beads, members) = submitted(&mut scene, 1);
        scene.form(&members);
        scene.judge(Verdict::Failed);
        scene.tell(Command::JudgeBase {
            target: target(),
            gate: gate_run(&oid(1), Verdict::Failed),
        });
        let halt = queue(&scene).halt.clone().unwrap();
        assert_eq!(halt.kind, HaltKind::MainRed);
        let generation = queue(&scene).generation;
        scene.tell(leave);
        assert!(queue(&scene).halt.is_none());
        assert!(scene.in_test().is_none(), "it is tested anew");
        assert_eq!(queue(&scene).generation, generation + 1);
        assert_eq!(scene.at(&beads[0]).spent, 0);
    }
}

#[test]
fn what_may_be_spent_is_no_matter_of_a_queue() {
    let mut scene = Scene::new();
    let (_, members) = submitted(&mut scene, 1);
    scene.form(&members);
    scene.judge(Verdict::Failed);
    scene.tell(Command::JudgeBase {
        target: target(),
        gate: gate_run(&oid(1), Verdict::Failed),
    });
    let before = queue(&scene).clone();
    let known = scene.graph.rig(&rig()).unwrap().clone();
    let trust = |budget: BudgetRules, limit_ms: u64| {
        let mut rules = RigRules {
            budget,
            ..known.rules.clone()
        };
        rules.worker.limit_ms = limit_ms;
        Command::TrustRig {
            rig: rig(),
            rules,
            digest: known.digest.clone(),
        }
    };
    let limit_ms = known.rules.worker.limit_ms;
    let spare = BudgetRules {
        day: Some(1),
        ..BudgetRules::default()
    };
    scene.tell(trust(spare, limit_ms));
    assert_eq!(*queue(&scene), before);
    scene.tell(trust(BudgetRules::default(), limit_ms + 1));
    assert!(queue(&scene).halt.is_none(), "other rules are tried anew");
}

#[test]
fn a_gate_that_cannot_run_halts_the_second_time() {
    let mut scene = Scene::new();
    let (_, members) = submitted(&mut scene, 1);
    scene.form(&members);
    scene.judge(Verdict::Infra);
    assert!(queue(&scene).halt.is_none());
    assert!(scene.in_test().is_none());
    scene.form(&members);
    scene.judge(Verdict::Infra);
    let halt = queue(&scene).halt.clone().unwrap();
    assert_eq!(halt.kind, HaltKind::GateInfra);
    // The branch moving does not mend a machine.
    scene.tell(Command::ObserveTarget {
        target: target(),
        tip: oid(5),
    });
    assert!(queue(&scene).halt.is_some());
    scene.tell(Command::Resume {
        scope: PauseScope::Town,
    });
    assert!(queue(&scene).halt.is_none());
}

#[test]
fn a_verdict_between_two_failures_of_the_machine_ends_the_count() {
    let mut scene = Scene::new();
    let (beads, members) = submitted(&mut scene, 1);
    scene.form(&members);
    scene.judge(Verdict::Infra);
    scene.form(&members);
    scene.judge(Verdict::Failed);
    scene.send_back(&beads[0], red());
    let (_, members) = submitted(&mut scene, 1);
    scene.form(&members);
    scene.judge(Verdict::Infra);
    assert!(queue(&scene).halt.is_none());
}

#[test]
fn submissions_stand_in_line_by_urgency_and_time() {
    let mut scene = Scene::new();
    let first = scene.bead("first");
    let second = scene.bead("second");
    let urgent = scene.urgent("urgent", 0);
    scene.submit(&second);
    scene.later(1);
    scene.submit(&first);
    scene.later(1);
    scene.submit(&urgent);
    let line: Vec<BeadId> = scene
        .graph
        .queued(&target())
        .map(|bead| bead.id.clone())
        .collect();
    assert_eq!(line, [urgent, second, first]);
    for (place, bead) in line.iter().enumerate() {
        let bead = scene.at(bead);
        assert_eq!(scene.graph.place_in_queue(&target(), bead), (place + 1, 3));
    }
}

#[test]
fn a_resume_says_that_the_alerts_of_its_scope_were_seen() {
    let mut scene = Scene::new();
    for about in ["api", "disk"] {
        scene.tell(Command::Escalate {
            about: about.to_owned(),
            text: "look".to_owned(),
        });
    }
    scene.tell(Command::Degrade {
        role: crate::scene::role("mayor"),
        why: "it panics".to_owned(),
    });
    let resume = |scope| Command::Resume { scope };
    scene.tell(resume(PauseScope::Rig(rig())));
    let about: Vec<&str> = scene
        .graph
        .escalations()
        .iter()
        .map(|known| known.about.as_str())
        .collect();
    assert_eq!(about, ["disk"]);
    assert_eq!(scene.graph.degraded().count(), 1);
    scene.tell(resume(PauseScope::Town));
    assert_eq!(scene.graph.escalations(), []);
    assert_eq!(scene.graph.degraded().count(), 0);
    assert_eq!(scene.tell(resume(PauseScope::Town)), vec![]);
}

#[test]
fn the_breaker_trips_once_and_counts_anew_after_a_resume() {
    let mut scene = Scene::new();
    let mut rules = rules();
    rules.worker.breaker = 2;
    rules.worker.attempts = 50;
    scene.trust(rules);
    let bead = scene.bead("one");
    let trip = || Command::TripBreaker {
        rig: rig(),
        goal: None,
    };
    let fail = |scene: &mut Scene| {
        scene.fail(&bead, FaultClass::Exit { code: 1 });
    };
    fail(&mut scene);
    assert_eq!(scene.tell(trip()), vec![]);
    scene.fail(&bead, FaultClass::Infra);
    assert_eq!(
        scene.graph.streak(&rig()),
        1,
        "a machine's fault is no streak"
    );
    fail(&mut scene);
    assert_eq!(scene.tell(trip()).len(), 1);
    assert_eq!(scene.tell(trip()), vec![]);
    assert_eq!(scene.graph.pauses().len(), 1);
    scene.tell(Command::Resume {
        scope: PauseScope::Town,
    });
    assert_eq!(scene.graph.pauses(), []);
    fail(&mut scene);
    assert_eq!(scene.tell(trip()), vec![]);
    // One success ends the streak.
    scene.submit(&bead);
    assert_eq!(scene.graph.streak(&rig()), 0);
}
