//! Scenes at the edge: what is broken, gone, late, too long or in the way.

mod scene;

use expect_test::expect;
use gtd_core::{Command, Epoch, Fault, FaultClass, Phase, SeatName, Verdict};
use gtd_plan::{
    Answer, AssemblySeen, ConflictSeen, Effect, EndSeen, MachineSeen, OwnerSeen, Question, RunSeen,
    Step, TipSeen, Witness, accept_owner,
};
use scene::{
    NOW, Scene, absent, check, crew, ended, host, in_test, judge, mayor, oid, refinery, target,
    tip, worker, worktree, world,
};

fn infra(why: &str) -> Answer {
    Answer::Run(RunSeen::Ended(EndSeen {
        signal: Some(9),
        infra: Some(why.to_owned()),
        ..EndSeen::default()
    }))
}

fn witness() -> Witness {
    Witness { host: host() }
}

/// The phase of a bead, in a word, and the attempts that count.
fn spent(scene: &Scene, n: usize) -> (bool, u32) {
    let bead = scene.graph.bead(&scene.beads[n]).expect("a valid scene");
    (matches!(bead.phase, Phase::Returned { .. }), bead.spent)
}

#[test]
fn an_output_with_nul_or_without_end_is_a_report_that_the_ledger_takes() {
    for tail in ["binary \0 output", &"é".repeat(200_000)] {
        let mut scene = Scene::new(1);
        let epoch = scene.lease(0);
        let worker = worker(&scene, epoch);
        scene.take(&worker, |question| match question {
            Question::Run(_) => Answer::Run(RunSeen::Ended(EndSeen {
                code: Some(1),
                tail: tail.to_owned(),
                ..EndSeen::default()
            })),
            _ => Answer::Worktree(None),
        });
        assert_eq!(spent(&scene, 0), (true, 1));
    }
}

#[test]
fn a_conflict_in_very_many_files_is_a_report_that_the_ledger_takes() {
    let mut scene = Scene::new(1);
    scene.submit(0, 'a');
    scene.tell(Command::ObserveTarget {
        target: target(),
        tip: oid('0'),
    });
    let files = (0..5_000)
        .map(|n| format!("a/folder/with/a/long/name/file-{n}.rs"))
        .collect();
    let conflict = Answer::Assembly(AssemblySeen {
        joined: vec![],
        conflicts: vec![ConflictSeen {
            bead: scene.beads[0].clone(),
            files,
            theirs: vec![],
            diff: String::new(),
        }],
        behind: vec![],
        commit: oid('0'),
        tree: oid('e'),
    });
    scene.take(&refinery(), world('0', false, absent(), Some(conflict)));
    assert_eq!(spent(&scene, 0), (true, 0));
}

#[test]
fn work_that_shares_no_history_counts_as_a_failed_attempt() {
    let mut scene = Scene::new(1);
    scene.submit(0, 'a');
    scene.tell(Command::ObserveTarget {
        target: target(),
        tip: oid('0'),
    });
    let unrelated = Answer::Assembly(AssemblySeen {
        joined: vec![],
        conflicts: vec![ConflictSeen {
            bead: scene.beads[0].clone(),
            files: vec![],
            theirs: vec![],
            diff: String::new(),
        }],
        behind: vec![],
        commit: oid('0'),
        tree: oid('e'),
    });
    scene.take(&refinery(), world('0', false, absent(), Some(unrelated)));
    assert_eq!(spent(&scene, 0), (true, 1), "or it would be tried for ever");
}

#[test]
fn an_agent_that_removed_its_worktree_has_failed() {
    let mut scene = Scene::new(1);
    let epoch = scene.lease(0);
    let worker = worker(&scene, epoch);
    let world = |question: &Question| match question {
        Question::Run(_) => ended(0),
        _ => Answer::Worktree(None),
    };
    check(
        scene.plan(&worker, world),
        expect![[r#"
            started
            return: its worktree is gone or is none any more"#]],
    );
    scene.take(&worker, world);
    assert_eq!(spent(&scene, 0), (true, 1));
}

#[test]
fn nothing_is_concluded_from_what_cannot_be_seen() {
    let mut scene = Scene::new(1);
    let epoch = scene.lease(0);
    let blind = |question: &Question| match question {
        Question::Run(_) => Some(ended(0)),
        _ => None,
    };
    check(
        scene.plan_of_what_is_seen(&worker(&scene, epoch), blind),
        expect!["started"],
    );
    let mut scene = in_test(1);
    judge(&mut scene, Verdict::Passed);
    let world = world('9', false, ended(0), None);
    check(
        scene.plan_of_what_is_seen(&refinery(), |question| match question {
            Question::Contains { .. } => None,
            other => Some(world(other)),
        }),
        expect![""],
    );
}

#[test]
fn a_check_that_says_nothing_is_run_again_and_then_given_back() {
    let mut scene = Scene::with_checks(1);
    let epoch = scene.lease(0);
    let tree = worktree(&scene, false, true);
    let worker = worker(&scene, epoch);
    let plan = |n_lost: usize| {
        let tree = tree.clone();
        scene.plan(&worker, move |question| match question {
            Question::Run(run) if run.as_str().ends_with(".work") => ended(0),
            Question::Run(run) => {
                let retry = run
                    .as_str()
                    .rsplit_once(".r")
                    .map_or(0, |(_, retry)| retry.parse().unwrap_or(0));
                if retry < n_lost {
                    infra("signal 9 killed it")
                } else {
                    absent()
                }
            }
            _ => tree.clone(),
        })
    };
    check(
        plan(1),
        expect![[r#"
            started
            do run <b0>.e1.check0-efaa2c54.r1"#]],
    );
    check(
        plan(3),
        expect![[r#"
            started
            return: an acceptance check could not run: signal 9 killed it"#]],
    );
}

#[test]
fn a_check_that_was_edited_is_not_proven_by_a_run_of_the_old_one() {
    let mut scene = Scene::with_checks(1);
    let epoch = scene.lease(0);
    let worker = worker(&scene, epoch);
    let check_of = |scene: &Scene| {
        let tree = worktree(scene, false, true);
        scene.plan(&worker, move |question| match question {
            Question::Run(run) if run.as_str().ends_with(".work") => ended(0),
            Question::Run(_) => absent(),
            _ => tree.clone(),
        })
    };
    let before = check_of(&scene);
    let id = scene.beads[0].clone();
    let mut spec = scene.graph.bead(&id).expect("a valid scene").spec.clone();
    spec.acceptance[0].check = Some("make another check".to_owned());
    scene.tell(Command::EditBead { bead: id, spec });
    assert_ne!(check_of(&scene), before);
}

#[test]
fn what_is_nobodys_fault_is_not_tried_for_ever() {
    let mut scene = Scene::new(1);
    for _ in 0..4 {
        scene.now = scene.now.plus(std::time::Duration::from_hours(1));
        let epoch = scene.lease(0);
        scene.tell(Command::Expire {
            bead: scene.beads[0].clone(),
            epoch,
            why: Fault {
                class: FaultClass::Lost,
                text: "its process vanished".to_owned(),
                evidence: String::new(),
                run: None,
            },
        });
    }
    assert_eq!(spent(&scene, 0), (true, 0));
    scene.now = scene.now.plus(std::time::Duration::from_hours(1));
    scene.lease(0);
    check(
        scene.plan(&witness(), |_| Answer::Run(RunSeen::Lost)),
        expect![[r#"
            do sweep <b0>.e5.work
            expire Killed: its process vanished without a record of its end"#]],
    );
}

#[test]
fn a_lease_waits_while_workers_are_paused() {
    let mut scene = Scene::new(1);
    scene.lease(0);
    let late = |question: &Question| match question {
        Question::Machine => Answer::Machine(MachineSeen::Roomy),
        _ => Answer::Run(RunSeen::Absent { for_ms: 3_600_000 }),
    };
    check(
        scene.plan(&witness(), late),
        expect!["expire Lost: its process never began"],
    );
    scene.pause_role("worker");
    check(scene.plan(&witness(), late), expect![""]);
}

#[test]
fn a_lease_waits_while_the_machine_has_no_room_for_its_process() {
    let mut scene = Scene::new(1);
    scene.lease(0);
    let short = |question: &Question| match question {
        Question::Machine => Answer::Machine(MachineSeen::Short("the disk is full".to_owned())),
        _ => Answer::Run(RunSeen::Absent { for_ms: 3_600_000 }),
    };
    check(scene.plan(&witness(), short), expect![""]);
}

#[test]
fn the_wait_of_an_effect_that_nobody_wants_any_more_is_forgotten() {
    let mut scene = Scene::new(1);
    scene.tell(Command::BackOff {
        key: "worktree repo/quartz".to_owned(),
        why: "the disk is full".to_owned(),
    });
    check(scene.plan(&witness(), |_| absent()), expect![""]);
    scene.now = NOW.plus(std::time::Duration::from_hours(1));
    check(
        scene.plan(&witness(), |_| absent()),
        expect!["recover worktree repo/quartz"],
    );
}

#[test]
fn nobody_is_hired_before_the_machine_was_looked_at() {
    let scene = Scene::new(1);
    check(scene.plan_of_what_is_seen(&crew(), |_| None), expect![""]);
}

#[test]
fn nobody_is_hired_for_a_script_that_does_not_exist() {
    let mut scene = Scene::new(1);
    let mut spec = scene
        .graph
        .bead(&scene.beads[0])
        .expect("a valid scene")
        .spec
        .clone();
    spec.run = None;
    spec.runtime = Some(gtd_core::RuntimeName::parse("shell").expect("a valid scene"));
    scene.tell(Command::EditBead {
        bead: scene.beads[0].clone(),
        spec,
    });
    check(
        scene.plan(&crew(), |_| Answer::Machine(MachineSeen::Roomy)),
        expect!["saw runtime_down: it has no script that could be run"],
    );
}

#[test]
fn a_claimed_name_is_no_seat_and_its_bead_no_workers() {
    let mut scene = Scene::new(2);
    scene.tell(Command::Claim {
        bead: scene.beads[0].clone(),
        name: SeatName::parse("quartz").expect("a valid scene"),
    });
    check(
        scene.plan(&crew(), |_| Answer::Machine(MachineSeen::Roomy)),
        expect![[r#"
            open seat onyx
            grant <b1> to onyx"#]],
    );
    check(
        scene.plan(&worker(&scene, Epoch(1)), |_| absent()),
        expect![""],
    );
    check(scene.plan(&witness(), |_| absent()), expect![""]);
}

#[test]
fn a_target_without_a_commit_is_told_to_a_person() {
    let mut scene = Scene::new(1);
    scene.submit(0, 'a');
    let nothing = |_: &Question| {
        Answer::Tip(TipSeen {
            at: None,
            branch: None,
            branch_is_ahead: false,
        })
    };
    check(
        scene.plan(&refinery(), nothing),
        expect!["escalate repo refs/heads/main: main has no commit that work could land on"],
    );
    let mut scene = Scene::new(1);
    let epoch = scene.lease(0);
    check(
        scene.plan(&worker(&scene, epoch), |question| match question {
            Question::Run(_) => absent(),
            Question::Owner { .. } => Answer::Owner(None),
            other => nothing(other),
        }),
        expect!["saw stuck: main has no commit to begin from"],
    );
}

#[test]
fn a_green_candidate_is_given_up_when_a_gate_was_added() {
    let mut scene = in_test(1);
    judge(&mut scene, Verdict::Passed);
    let mut rules = scene
        .graph
        .rig(&target().rig)
        .expect("a valid scene")
        .rules
        .clone();
    let mut gate = rules.gates[0].clone();
    gate.name = gtd_core::GateName::parse("lint").expect("a valid scene");
    rules.gates.push(gate);
    scene.tell(Command::TrustRig {
        rig: target().rig,
        rules,
        digest: "new".to_owned(),
    });
    check(
        scene.plan(&refinery(), world('0', false, ended(0), None)),
        expect!["void: its gates have changed since they ran"],
    );
    check(
        scene.plan(&refinery(), world('f', true, ended(0), None)),
        expect![[r#"
            do note repo ffffffffffffffffffffffffffffffffffffffff
            land"#]],
    );
}

#[test]
fn a_green_candidate_is_given_up_when_what_it_changes_came_to_be_protected() {
    let mut scene = in_test(1);
    judge(&mut scene, Verdict::Passed);
    let mut rules = scene
        .graph
        .rig(&target().rig)
        .expect("a valid scene")
        .rules
        .clone();
    rules.merge.protect = vec!["src".to_owned()];
    let report = gtd_core::protected_paths(&rules.merge.protect, &["src/lib.rs".to_owned()]);
    scene.tell(Command::TrustRig {
        rig: target().rig,
        rules,
        digest: "new".to_owned(),
    });
    scene.tell(Command::RecordGuard {
        bead: scene.beads[0].clone(),
        epoch: Epoch(1),
        head: oid('a'),
        report,
    });
    check(
        scene.plan(&refinery(), world('0', false, ended(0), None)),
        expect!["void: a part of it waits for the yes of a person or a reviewer"],
    );
}

#[test]
fn a_green_candidate_is_given_up_when_it_came_to_need_a_review() {
    let mut scene = in_test(1);
    judge(&mut scene, Verdict::Passed);
    let mut rules = scene
        .graph
        .rig(&target().rig)
        .expect("a valid scene")
        .rules
        .clone();
    rules.merge.review.policy = gtd_core::ReviewPolicy::Always;
    scene.tell(Command::TrustRig {
        rig: target().rig,
        rules,
        digest: "new".to_owned(),
    });
    check(
        scene.plan(&refinery(), world('0', false, ended(0), None)),
        expect!["void: a part of it waits for the yes of a person or a reviewer"],
    );
}

#[test]
fn main_that_went_ahead_takes_the_integration_branch_along_from_below_a_candidate() {
    let scene = gtd_scene_in_integration();
    let ahead = |question: &Question| match question {
        Question::Tip(_) => Answer::Tip(TipSeen {
            at: Some(oid('0')),
            branch: Some(oid('9')),
            branch_is_ahead: true,
        }),
        Question::Contains { .. } => Answer::Contains(false),
        Question::Run(_) => absent(),
        _ => Answer::Worktree(None),
    };
    check(
        scene.plan(&refinery(), ahead),
        expect![[r#"
            void: main moved to 9999999
            do ref repo refs/heads/gtd/integration/main 9999999999999999999999999999999999999999"#]],
    );
}

/// A candidate of one bead in test on the integration branch.
fn gtd_scene_in_integration() -> Scene {
    let mut target = target();
    target.mode = gtd_core::LandMode::Integration;
    target.r#ref = "refs/heads/gtd/integration/main".to_owned();
    let mut scene = Scene::onto(target.clone(), 1, |_| {});
    scene.submit(0, 'a');
    scene.tell(Command::ObserveTarget {
        target: target.clone(),
        tip: oid('0'),
    });
    scene.tell(Command::Form {
        id: gtd_plan::candidate_id(&oid('f'), 0),
        target,
        base: oid('0'),
        members: vec![gtd_core::Member {
            bead: scene.beads[0].clone(),
            epoch: Epoch(1),
            head: oid('a'),
        }],
        commit: oid('f'),
        tree: oid('e'),
        retry: 0,
    });
    scene
}

/// A goal with a check of its own whose only bead has ended well.
fn to_be_accepted() -> Scene {
    let mut scene = Scene::with_checks(1);
    let epoch = scene.lease(0);
    scene.tell(Command::Finish {
        bead: scene.beads[0].clone(),
        epoch,
        outcome: gtd_core::Outcome::NoOp,
        why: String::new(),
    });
    scene
}

fn accept_worktree(owner: String, start: char) -> Answer {
    Answer::Owner(Some(OwnerSeen {
        owner,
        start: Some(oid(start)),
    }))
}

#[test]
fn a_target_that_moves_on_does_not_begin_the_acceptance_anew() {
    let scene = to_be_accepted();
    let goal = scene.goal().expect("a valid scene");
    let as_of = scene.graph.revision();
    let world = |started: bool, run: Answer| {
        let owner = accept_owner(&goal, &oid('1'), as_of);
        move |question: &Question| match question {
            Question::Tip(_) => tip('2'),
            Question::Owner { .. } if started => accept_worktree(owner.clone(), '1'),
            Question::Owner { .. } => Answer::Owner(None),
            _ => run.clone(),
        }
    };
    let begun = scene.plan(&mayor(), world(false, absent()));
    assert!(begun.contains("do run <goal>.accept-2222222222"), "{begun}");
    let going_on = scene.plan(&mayor(), world(true, absent()));
    assert!(
        going_on.starts_with("do run <goal>.accept-1111111111"),
        "{going_on}"
    );
    check(
        scene.plan(&mayor(), world(true, ended(0))),
        expect!["close Done: all of its beads ended well and its own acceptance is green"],
    );
}

#[test]
fn an_acceptance_that_was_begun_before_a_bead_changed_is_begun_anew() {
    let mut scene = to_be_accepted();
    let goal = scene.goal().expect("a valid scene");
    let old = accept_owner(&goal, &oid('1'), scene.graph.revision());
    scene.tell(Command::AddNote {
        bead: goal,
        text: "look again".to_owned(),
    });
    let plan = scene.plan(&mayor(), |question| match question {
        Question::Tip(_) => tip('2'),
        Question::Owner { .. } => accept_worktree(old.clone(), '1'),
        _ => absent(),
    });
    assert!(plan.contains("accept-2222222222"), "{plan}");
}

#[test]
fn one_broken_rig_holds_up_no_other_goal() {
    let mut scene = to_be_accepted();
    let other = scene.goal_elsewhere();
    let plan = scene.plan_of_what_is_seen(&mayor(), |question| match question {
        Question::Tip(target) if target.rig.as_str() == "other" => None,
        Question::Owner { rig, .. } if rig.as_str() == "other" => None,
        Question::Tip(_) => Some(tip('0')),
        Question::Owner { .. } => Some(Answer::Owner(None)),
        _ => Some(ended(0)),
    });
    assert!(
        plan.contains("close Done") && !plan.contains(other.as_str()),
        "{plan}"
    );
}

#[test]
fn two_goals_on_one_target_are_checked_one_after_the_other() {
    let mut scene = to_be_accepted();
    let first = scene.goal().expect("a valid scene");
    scene.second_goal();
    let second = scene
        .graph
        .goals()
        .map(|(id, _)| id.clone())
        .find(|id| *id != first)
        .expect("a valid scene");
    // Whichever has the worktree goes on, whatever its name is.
    for (mine, other) in [(&first, &second), (&second, &first)] {
        let as_of = scene.as_of(mine);
        let owner = accept_owner(mine, &oid('1'), as_of);
        let plan = scene.steps(&mayor(), |question| match question {
            Question::Tip(_) => tip('1'),
            Question::Owner { .. } => accept_worktree(owner.clone(), '1'),
            _ => absent(),
        });
        let runs: Vec<&str> = plan
            .iter()
            .filter_map(|step| match step {
                Step::Do(Effect::EnsureRun(order)) => Some(order.run.as_str()),
                _ => None,
            })
            .collect();
        assert_eq!(runs.len(), 1, "{plan:?}");
        assert!(runs[0].starts_with(mine.as_str()), "{runs:?}, not {other}");
    }
}
