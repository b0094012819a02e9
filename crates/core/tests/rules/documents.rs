//! The documents that scripts rely on.

use expect_test::expect;
use gtd_core::{
    Approval, BeadState, Command, CostBy, Document, FaultClass, Outcome, PauseScope, WaitReason,
    bead_doc, convoy_doc, needs_you, status_doc,
};

use crate::scene::{Scene, rig};

fn convoy(scene: &Scene, goal: &gtd_core::BeadId) -> gtd_core::ConvoyDoc {
    convoy_doc(
        scene.view(),
        scene.at(goal),
        scene.graph.goal(goal).unwrap(),
    )
}

/// The code that a wait for the goal ends with.
fn exit(scene: &Scene, goal: &gtd_core::BeadId) -> Option<u8> {
    convoy(scene, goal).exit
}

fn keys(value: &serde_json::Value) -> Vec<&str> {
    value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}

#[test]
fn a_convoy_has_the_keys_of_the_contract() {
    let mut scene = Scene::new();
    let goal = scene.goal(&[("one", &[])]);
    let document = Document::new("Convoy", convoy(&scene, &goal));
    let json = serde_json::to_value(&document).unwrap();
    for key in ["kind", "api", "id", "title", "state", "target", "beads"] {
        assert!(json.get(key).is_some(), "{key}");
    }
    let bead = &json["beads"][0];
    for key in [
        "id", "local_id", "title", "state", "reason", "attempts", "commit",
    ] {
        assert!(bead.get(key).is_some(), "{key}");
    }
    // Keys are only ever added.
    expect![[r#"
        (
            [
                "acceptance",
                "api",
                "beads",
                "budget_usd",
                "conclusion",
                "created_at",
                "exit",
                "id",
                "kind",
                "landing",
                "landing_text",
                "proof",
                "question",
                "replaces",
                "replans",
                "revision",
                "spent_estimated",
                "spent_usd",
                "state",
                "target",
                "title",
                "until",
            ],
            [
                "attempts",
                "clears_by_itself",
                "commit",
                "id",
                "local_id",
                "needs",
                "reason",
                "state",
                "text",
                "title",
            ],
            [
                "branch",
                "into",
                "mode",
                "rig",
            ],
        )"#]]
    .assert_eq(&format!(
        "{:#?}",
        (keys(&json), keys(bead), keys(&json["target"]))
    ));
    let back: Document<gtd_core::ConvoyDoc> = serde_json::from_value(json).unwrap();
    assert_eq!(back, document);
}

#[test]
fn the_words_for_states_are_those_of_the_contract() {
    let words: Vec<&str> = BeadState::WORDS.iter().map(|(word, _)| *word).collect();
    assert_eq!(
        words.join(" "),
        "draft ready waiting running submitted queued landed closed parked failed cancelled"
    );
    for (word, state) in BeadState::WORDS {
        assert_eq!(state.word(), word);
        assert_eq!(serde_json::to_value(state).unwrap(), word);
    }
}

#[test]
fn nothing_to_tell_while_something_moves() {
    let mut scene = Scene::new();
    let goal = scene.goal(&[("one", &[]), ("two", &[])]);
    assert_eq!(exit(&scene, &goal), None);
    let one = scene.in_goal(&goal, "one");
    scene.park(&one);
    assert_eq!(exit(&scene, &goal), None, "the other is ready");
    let two = scene.in_goal(&goal, "two");
    scene.grant(&two);
    assert_eq!(exit(&scene, &goal), None, "the other is at work");
    scene.submit(&two);
    assert_eq!(exit(&scene, &goal), None, "the other is in the queue");
    scene.land(&two);
    assert_eq!(exit(&scene, &goal), Some(4), "only the parked one is left");
}

#[test]
fn exit_0_when_all_ended_well() {
    let mut scene = Scene::new();
    let goal = scene.goal(&[("one", &[]), ("two", &[])]);
    let (one, two) = (scene.in_goal(&goal, "one"), scene.in_goal(&goal, "two"));
    scene.land(&one);
    scene.finish(&two);
    assert_eq!(
        exit(&scene, &goal),
        None,
        "its own acceptance is still checked"
    );
    scene.tell(Command::CloseGoal {
        goal: goal.clone(),
        outcome: Outcome::Done,
        why: "all of it".to_owned(),
        proof: vec![],
    });
    assert_eq!(exit(&scene, &goal), Some(0));
}

#[test]
fn exit_4_when_nothing_moves_without_a_person() {
    let mut scene = Scene::new();
    let goal = scene.open_goal(
        Some(crate::scene::plan(&[("one", &[]), ("two", &["one"])])),
        Approval::Needed,
    );
    assert_eq!(exit(&scene, &goal), Some(4), "the plan waits for a yes");
    scene.tell(Command::ApprovePlan { goal: goal.clone() });
    assert_eq!(exit(&scene, &goal), None);

    let one = scene.in_goal(&goal, "one");
    let mut spent = scene.clone();
    for _ in 0..3 {
        spent.fail(&one, FaultClass::Exit { code: 1 });
    }
    assert_eq!(
        exit(&spent, &goal),
        None,
        "the witness has yet to set it aside"
    );
    spent.tell(Command::Quarantine { bead: one.clone() });
    assert_eq!(exit(&spent, &goal), Some(4), "the attempts are spent");
    spent.retry(&one);
    assert_eq!(exit(&spent, &goal), None);

    let mut paused = scene.clone();
    paused.tell(Command::Pause {
        scope: PauseScope::Town,
        why: String::new(),
    });
    assert_eq!(exit(&paused, &goal), Some(4));

    scene.tell(Command::Stop { why: String::new() });
    assert_eq!(exit(&scene, &goal), Some(4));
}

#[test]
fn exit_4_when_the_first_of_a_long_chain_is_parked() {
    let names: Vec<String> = (0..40).map(|n| format!("b{n}")).collect();
    let beads = names
        .iter()
        .enumerate()
        .map(|(n, name)| {
            let needs: Vec<&str> = n
                .checked_sub(1)
                .map(|n| names[n].as_str())
                .into_iter()
                .collect();
            crate::scene::planned(name, &needs)
        })
        .collect();
    let mut scene = Scene::new();
    let plan = gtd_core::Plan {
        beads,
        ..gtd_core::Plan::default()
    };
    let goal = scene.open_goal(Some(plan), Approval::NotNeeded);
    assert_eq!(exit(&scene, &goal), None);
    let first = scene.in_goal(&goal, "b0");
    scene.park(&first);
    assert_eq!(exit(&scene, &goal), Some(4));
    let last = scene.why(&scene.in_goal(&goal, "b39"));
    assert!(!last.clears_by_itself);
    assert_eq!(last.next[0].cmd, format!("gtd bead retry {first}"));
}

#[test]
fn exit_5_when_the_goal_failed_or_was_cancelled() {
    let mut scene = Scene::new();
    let goal = scene.goal(&[("one", &[])]);
    let mut failed = scene.clone();
    let one = scene.in_goal(&goal, "one");
    failed.close(&one, Outcome::Failed);
    failed.tell(Command::CloseGoal {
        goal: goal.clone(),
        outcome: Outcome::Failed,
        why: "one failed".to_owned(),
        proof: vec![],
    });
    assert_eq!(exit(&failed, &goal), Some(5));
    scene.cancel(&goal);
    assert_eq!(exit(&scene, &goal), Some(5));
}

#[test]
fn exit_6_when_the_time_or_the_money_is_over() {
    let mut scene = Scene::new();
    let until = scene.now.plus(std::time::Duration::from_secs(60));
    let goal = scene.open_goal_until(
        Some(crate::scene::plan(&[("one", &[]), ("two", &[])])),
        Approval::NotNeeded,
        Some(until),
    );
    let (one, two) = (scene.in_goal(&goal, "one"), scene.in_goal(&goal, "two"));
    scene.grant(&one);
    scene.later(60);
    assert_eq!(
        scene.state(&two),
        BeadState::Waiting,
        "no new attempt begins"
    );
    assert_eq!(scene.ready(), vec![]);
    assert_eq!(exit(&scene, &goal), None, "what runs may end");
    scene.land(&one);
    assert_eq!(exit(&scene, &goal), Some(6));
    let why = scene.refused(Command::Claim {
        bead: two,
        name: crate::scene::seat("eve"),
    });
    assert_eq!(why.code(), "E0202", "{why}");

    let mut scene = Scene::new();
    let goal = scene.goal(&[("one", &[])]);
    let one = scene.in_goal(&goal, "one");
    scene.observe(one.as_str(), WaitReason::Budget);
    assert_eq!(exit(&scene, &goal), Some(6));
}

#[test]
fn the_inbox_names_what_needs_a_person_and_nothing_else() {
    let mut scene = Scene::new();
    assert_eq!(needs_you(scene.view(), None), vec![]);
    let goal = scene.goal(&[("one", &[]), ("two", &["one"])]);
    assert_eq!(needs_you(scene.view(), None), vec![]);
    let kinds = |scene: &Scene| -> Vec<(String, String)> {
        needs_you(scene.view(), None)
            .into_iter()
            .map(|item| {
                assert!(!item.next.is_empty(), "{item:?}");
                assert!(!item.text.is_empty(), "{item:?}");
                (item.kind, item.subject)
            })
            .collect()
    };
    let one = scene.in_goal(&goal, "one");
    let mut parked = scene.clone();
    parked.park(&one);
    assert_eq!(kinds(&parked), [("failure".to_owned(), one.to_string())]);

    // A bead that failed blocks the rest, and no bead is parked: the goal itself is named.
    let mut failed = scene.clone();
    failed.close(&one, Outcome::Failed);
    assert_eq!(kinds(&failed), [("failure".to_owned(), goal.to_string())]);
    let item = &needs_you(failed.view(), None)[0];
    assert_eq!(item.next, format!("gtd bead retry {one}"));

    let mut paused = scene.clone();
    paused.tell(Command::Pause {
        scope: PauseScope::Bead(goal.clone()),
        why: "later".to_owned(),
    });
    assert_eq!(kinds(&paused), [("pause".to_owned(), goal.to_string())]);
    assert_eq!(
        needs_you(paused.view(), None)[0].next,
        format!("gtd resume {goal}")
    );
    paused.cancel(&goal);
    assert_eq!(kinds(&paused), [], "an ended goal is not paused");
}

#[test]
fn a_queue_that_stands_still_is_told_once_with_what_is_known_of_it() {
    let mut scene = Scene::new();
    let goal = scene.goal(&[("one", &[])]);
    let one = scene.in_goal(&goal, "one");
    scene.submit(&one);
    for _ in 0..2 {
        scene.tell(Command::JudgeBase {
            target: crate::scene::target(),
            gate: crate::scene::gate_run(&crate::scene::oid(1), gtd_core::Verdict::Failed),
        });
        scene.observe(&crate::scene::target().key(), WaitReason::MainRed);
        let items = needs_you(scene.view(), None);
        let kinds: Vec<&str> = items.iter().map(|item| item.kind.as_str()).collect();
        assert_eq!(kinds, ["gate"], "{items:?}");
        scene.tell(Command::Resume {
            scope: PauseScope::Rig(rig()),
        });
    }
    let report = gtd_core::report_doc(scene.view(), &scene.log, None, gtd_core::Timestamp(0));
    assert_eq!(report.look_at.len(), 1, "{:?}", report.look_at);
    assert!(
        report.look_at[0].ends_with("(2 times)"),
        "{:?}",
        report.look_at
    );
}

#[test]
fn the_inbox_of_a_rig_is_about_that_rig() {
    let mut scene = Scene::new();
    let web = gtd_core::RigName::parse("web").unwrap();
    scene.tell(Command::TrustRig {
        rig: web.clone(),
        rules: crate::scene::rules(),
        digest: String::new(),
    });
    let one = scene.bead("one");
    scene.park(&one);
    scene.tell(Command::Pause {
        scope: PauseScope::Rig(rig()),
        why: "later".to_owned(),
    });
    assert_eq!(needs_you(scene.view(), Some(&rig())).len(), 2);
    assert_eq!(needs_you(scene.view(), Some(&web)), vec![]);
}

#[test]
fn the_status_of_a_long_story_is_whole() {
    let story = crate::golden::long_story();
    let status = status_doc(story.view(), None);
    let json = serde_json::to_string(&status).unwrap();
    assert_eq!(
        serde_json::from_str::<gtd_core::StatusDoc>(&json).unwrap(),
        status
    );
    assert_eq!(status.idle_tokens, 0);
    for bead in story.graph.beads() {
        let doc = bead_doc(story.view(), bead);
        assert_eq!(doc.reason.is_none(), bead.phase.is_finished(), "{doc:?}");
        let json = serde_json::to_string(&doc).unwrap();
        assert_eq!(
            serde_json::from_str::<gtd_core::BeadDoc>(&json).unwrap(),
            doc
        );
    }
}

#[test]
fn a_report_counts_what_the_log_tells() {
    let story = crate::golden::long_story();
    let report = gtd_core::report_doc(story.view(), &story.log, None, gtd_core::Timestamp(0));
    assert_eq!(report.landed.len(), report.proof.landed);
    assert_eq!(report.proof.landed, 3);
    assert_eq!(report.proof.sent_back, 3);
    assert_eq!(report.proof.no_op, 1);
    assert_eq!(report.proof.foreign_moves, 1);
    let landed: usize = story
        .graph
        .beads()
        .filter(|bead| matches!(bead.phase, gtd_core::Phase::Landed { .. }))
        .count();
    assert_eq!(report.landed.len(), landed);
}

#[test]
fn a_cost_page_sums_each_record_once_and_says_which_runs_named_no_price() {
    let mut scene = Scene::new();
    let (one, two) = (scene.bead("one"), scene.bead("two"));
    for (bead, run, sequence, usd_micros, estimated) in [
        (&one, "a", 1, 900_000, true),
        // What the program tells takes the place of what was estimated.
        (&one, "a", 2, 250_000, false),
        (&one, "a", 3, 500_000, false),
        (&two, "b", 1, 0, false),
    ] {
        let epoch = match scene.at(bead).phase.lease() {
            Some(lease) => lease.epoch,
            None => scene.grant(bead),
        };
        scene.tell(Command::RecordUsage {
            bead: bead.clone(),
            epoch,
            usage: gtd_core::UsageDelta {
                run: crate::scene::run_id(run),
                sequence,
                input: 10,
                output: 1,
                cache_read: 80,
                cache_write: 10,
                usd_micros,
                estimated,
                context: None,
            },
        });
    }
    let cost = |by, only: Option<&gtd_core::BeadId>| {
        let is_wanted = |of: gtd_core::CostOf<'_>| match of {
            gtd_core::CostOf::Bead(bead) => only.is_none_or(|id| bead.id == *id),
            gtd_core::CostOf::Crew(..) => only.is_none(),
        };
        let since = gtd_core::Timestamp(0);
        gtd_core::cost_doc(scene.view(), &scene.log, by, since, is_wanted)
    };
    let by_bead = cost(CostBy::Bead, None);
    let keys: Vec<&str> = by_bead.groups.iter().map(|row| row.key.as_str()).collect();
    assert_eq!(keys, [one.as_str(), two.as_str()], "the dearest first");
    assert_eq!(by_bead.groups[0].usd.0, 750_000);
    assert_eq!(by_bead.groups[0].runs, 1);
    assert_eq!(by_bead.total_usd.0, scene.graph.spend().usd_micros);
    assert_eq!((by_bead.runs, by_bead.unpriced_runs), (2, 1));
    assert_eq!(by_bead.tokens.all_input(), 400);
    assert!(!by_bead.estimated, "{by_bead:?}");
    assert_eq!(cost(CostBy::Bead, Some(&two)).groups.len(), 1);
    for by in CostBy::ALL {
        let groups = cost(by, None).groups;
        let sum: u64 = groups.iter().map(|row| row.usd.0).sum();
        assert_eq!(sum, 750_000, "{by:?}");
        assert_eq!(CostBy::of_word(by.word()), Some(by));
    }
    assert_eq!(cost(CostBy::Rig, None).groups.len(), 1);
}

/// The branches that wait to be brought home, by the goals that say so.
fn homes(scene: &Scene) -> Vec<(gtd_core::BeadId, Option<String>)> {
    let mut rows = status_doc(scene.view(), None).convoys;
    rows.sort_by_key(|row| scene.at(&row.id).ordinal);
    rows.into_iter().map(|row| (row.id, row.home)).collect()
}

#[test]
fn the_way_home_is_told_once_per_branch_until_the_work_is_there() {
    let mut scene = Scene::new();
    let old = scene.goal(&[("one", &[])]);
    let new = scene.goal(&[("two", &[]), ("three", &[])]);
    let one = scene.in_goal(&old, "one");
    let (two, three) = (scene.in_goal(&new, "two"), scene.in_goal(&new, "three"));
    let main = || Some("main".to_owned());
    scene.land(&one);
    scene.tell(Command::CloseGoal {
        goal: old.clone(),
        outcome: Outcome::Done,
        why: String::new(),
        proof: vec![],
    });
    assert_eq!(homes(&scene), [(old.clone(), main()), (new.clone(), None)]);
    scene.land(&two);
    assert_eq!(
        homes(&scene),
        [(old.clone(), None), (new.clone(), None)],
        "the newer one tells it, and not while it moves"
    );
    scene.park(&three);
    assert_eq!(homes(&scene), [(old.clone(), None), (new.clone(), main())]);
    scene.tell(Command::RequestLanding { goal: new.clone() });
    let tip = scene
        .graph
        .queue(&crate::scene::target())
        .unwrap()
        .tip
        .clone();
    scene.tell(Command::ConcludeLanding {
        goal: new.clone(),
        commit: tip,
        why: String::new(),
    });
    assert_eq!(homes(&scene), [(old, None), (new, None)]);
}

#[test]
fn a_queue_that_stands_still_is_told_once() {
    let mut scene = Scene::new();
    let goal = scene.goal(&[("one", &[])]);
    let one = scene.in_goal(&goal, "one");
    let member = scene.submit(&one);
    scene.form(&[member]);
    scene.judge(gtd_core::Verdict::Failed);
    scene.tell(Command::JudgeBase {
        target: crate::scene::target(),
        gate: crate::scene::gate_run(&crate::scene::oid(1), gtd_core::Verdict::Failed),
    });
    let items = needs_you(scene.view(), None);
    let kinds: Vec<&str> = items.iter().map(|item| item.kind.as_str()).collect();
    assert_eq!(kinds, ["gate"]);
}

#[test]
fn a_pause_without_a_reason_is_told_in_whole_words() {
    let mut scene = Scene::new();
    for (why, text) in [("", "no reason was given"), ("coffee", "coffee")] {
        scene.tell(Command::Pause {
            scope: PauseScope::Town,
            why: why.to_owned(),
        });
        let item = needs_you(scene.view(), None).remove(0);
        assert!(item.title.starts_with("is paused by "), "{}", item.title);
        assert_eq!(item.text, text);
        scene.tell(Command::Resume {
            scope: PauseScope::Town,
        });
    }
}
