//! The log of each released format folds to its graph for ever.
//!
//! The files are written anew with `GTD_UPDATE=1`, and only before a format is
//! released. A released one is never touched again: add the next.

use std::{collections::BTreeSet, fs, path::PathBuf};

use gtd_core::{
    Actor, Approval, BeadSpec, BeadType, Command, Criterion, EdgeKind, Envelope, Epoch, FORMAT,
    FaultClass, GateWhen, Graph, Handover, HoldKind, Need, Origin, Outcome, PauseScope, Plan,
    Priority, RedTest, Revision, RigName, RuntimeName, SatisfiedBy, Target, TestReport, Timestamp,
    UsageDelta, Verdict,
};
use serde::{Deserialize, Serialize};

use crate::scene::{
    BEGIN, Scene, context, fault, flaky_run, gate, gate_name, gate_run, guard_report, host, oid,
    opinion, person, planned, rig, role, rules, run_id, seat, spec, target, weight,
};

names!(EVENTS, event_name: Event {
    RigTrusted, TrustRevoked, RigRemoved, GoalOpened, PlanProposed, PlanApproved, PlanRevised, PlanKept, GoalClosed, LandRequested,
    LandConcluded, BeadOpened, BeadJoined, GoalEdited, BeadSplit, BeadReopened, BeadEdited, EdgeAdded, EdgeRemoved, NoteAdded, BeadClosed,
    BeadRetried, ChangesWanted, BeadParked, QuestionAsked, QuestionAnswered, Told, SeatOpened, SeatClosed, LeaseGranted, RunStarted, HandoverAsked, HandoverGiven, LeaseRenewed,
    UsageRecorded, WorkSubmitted, WorkReturned, WorkClosed, LeaseExpired, BeadQuarantined,
    BreakerTripped, CandidateFormed, CandidateJudged, CandidateLanded, CandidateVoided,
    SubmissionReturned, SubmissionGuarded, SubmissionWaived, SubmissionWeighed, ReviewBegan, ReviewEnded, TargetMoved, BaseJudged, QueueHalted, QueueResumed, MergesHeld, MergesReleased,
    SubmissionPreferred, SubmissionRestored, GateAsked, GateAnswered, FlakyTestFiled, Escalated, Paused,
    Resumed, Stopped, Thawed, MailSent, MailAcked, RoleDegraded, EffectBackedOff,
    EffectRecovered, TownRestored, OperationUndone, ScheduleAdded, ScheduleRemoved,
    SchedulePaused, ScheduleResumed, ScheduleFired, DecisionSnoozed, DecisionWoken, CrewJoined, CrewLeaving, CrewConcluded,
    CrewStarted, CrewStopped, CrewTold, CrewTurnBegan, CrewTurnEnded,
});

/// The events that follow from a command: all but the one that a restore writes.
pub(crate) fn decided() -> BTreeSet<&'static str> {
    let all = EVENTS.iter().copied();
    all.filter(|name| *name != "TownRestored").collect()
}

/// A spec in which no field has its default.
fn full_spec() -> BeadSpec {
    BeadSpec {
        title: "Mend the parser ✂".to_owned(),
        description: "All of it.\n\"Quotes\" too.".to_owned(),
        kind: BeadType::Bug,
        priority: Priority::new(0).unwrap(),
        acceptance: vec![
            Criterion {
                text: "tests are green".to_owned(),
                check: Some("make test".to_owned()),
            },
            Criterion {
                text: "it reads well".to_owned(),
                check: None,
            },
        ],
        labels: ["a".to_owned(), "b".to_owned()].into(),
        scope: vec!["src/**".to_owned()],
        run: Some("echo hi\n".to_owned()),
        runtime: Some(RuntimeName::parse("shell").unwrap()),
        role: Some(role("worker")),
        parent: None,
        estimate_minutes: Some(90),
        defer_until: Some(Timestamp(BEGIN.0 + 1)),
        budget_micros: None,
        policy: None,
        origin: Some(Box::new(Origin {
            formula: Some("release".to_owned()),
            step: Some("mend".to_owned()),
            vars: [("version".to_owned(), "1.0".to_owned())].into(),
        })),
        metadata: [("tenth".to_owned(), serde_json::json!(0.1))].into(),
        extra: [("deep".to_owned(), serde_json::json!({"a": [null, true, 1]}))].into(),
    }
}

/// A story in which everything happens at least once, and much is left undone.
pub(crate) fn long_story() -> Scene {
    let mut scene = Scene::empty();
    let mut rules = rules();
    rules.worker.breaker = 4;
    rules.merge.flakes = 1;
    rules.gates.push(gate("whole", GateWhen::Goal));
    scene.trust(rules);
    second_rig(&mut scene);
    let goal = goal_and_plan(&mut scene);
    work(&mut scene, &goal);
    merge(&mut scene, &goal);
    failures(&mut scene);
    town(&mut scene);
    hand_on_the_merges(&mut scene);
    leave_undone(&mut scene);
    plan_anew(&mut scene);
    scene
}

/// A goal that is planned anew twice: one plan is put aside, and one waits.
fn plan_anew(scene: &mut Scene) {
    let mut rules = scene.graph.rig(&rig()).unwrap().rules.clone();
    rules.replans = gtd_core::ReplanRules {
        most: 2,
        given: true,
        approval: Approval::Needed,
    };
    scene.trust(rules);
    let goal = scene.goal(&[("steep", &[])]);
    let steep = scene.in_goal(&goal, "steep");
    for _ in 0..3 {
        scene.fail(&steep, FaultClass::Exit { code: 2 });
    }
    scene.tell(Command::Quarantine { bead: steep });
    for step in ["around", "over"] {
        let epoch = scene.at(&goal).epoch.next();
        scene.tell(Command::BeginPlan {
            goal: goal.clone(),
            seat: seat("plan-9"),
            host: host(),
            runtime: RuntimeName::parse("claude").unwrap(),
            epoch,
        });
        scene.tell(Command::ProposePlan {
            goal: goal.clone(),
            epoch,
            plan: Plan {
                summary: "another way".to_owned(),
                ..crate::scene::plan(&[(step, &[])])
            },
            approval: Approval::Needed,
        });
        if step == "around" {
            scene.tell(Command::ParkBead {
                bead: goal.clone(),
                why: "too far".to_owned(),
            });
        }
    }
}

/// A red run whose report names its red test.
fn red_run() -> gtd_core::GateRun {
    gtd_core::GateRun {
        tests: Some(Box::new(TestReport {
            passed: 1,
            failed: 1,
            skipped: 1,
            red: vec![RedTest {
                name: "parser::numbers".to_owned(),
                file: "src/parser.rs".to_owned(),
                message: "left: 1, right: 2".to_owned(),
            }],
            remark: "it breaks off before its end".to_owned(),
            ..TestReport::default()
        })),
        ..gate_run(&oid(7), Verdict::Failed)
    }
}

fn second_rig(scene: &mut Scene) {
    let web = RigName::parse("web").unwrap();
    scene.tell(Command::TrustRig {
        rig: web.clone(),
        rules: gtd_core::RigRules {
            prefix: "web".to_owned(),
            gates: vec![],
            ..rules()
        },
        digest: String::new(),
    });
    scene.tell(Command::OpenSeat {
        seat: seat("onyx"),
        rig: web.clone(),
        host: host(),
    });
    scene.tell(Command::RemoveRig { rig: web });
}

fn goal_and_plan(scene: &mut Scene) -> gtd_core::BeadId {
    let events = scene.tell(Command::OpenGoal {
        spec: BeadSpec {
            description: "so that people may log in".to_owned(),
            ..spec("add a login")
        },
        target: target(),
        max: Some(3),
        until: Some(scene.now.plus(std::time::Duration::from_hours(12))),
        plan: None,
        approval: Approval::Needed,
    });
    let Some(gtd_core::Event::GoalOpened { bead, .. }) = events.first() else {
        panic!("{events:?}")
    };
    let goal = bead.id.clone();
    scene.later(5);
    let by = Actor::Role(role("mayor"));
    let mut mend = planned("mend", &[]);
    mend.spec = full_spec();
    let propose = Command::ProposePlan {
        goal: goal.clone(),
        epoch: Epoch(0),
        plan: Plan {
            title: "a login".to_owned(),
            acceptance: vec![Criterion {
                text: "one can log in".to_owned(),
                check: Some("make login".to_owned()),
            }],
            beads: vec![
                mend,
                planned("form", &["mend"]),
                planned("docs", &["mend"]),
                planned("polish", &["form", "docs"]),
            ],
            summary: String::new(),
        },
        approval: Approval::Needed,
    };
    scene.ask_as(by, propose).unwrap();
    scene.later(60);
    let docs = scene.in_goal(&goal, "docs");
    scene.tell(Command::EditBead {
        bead: docs.clone(),
        spec: BeadSpec {
            parent: Some(goal.clone()),
            ..spec("write it down")
        },
    });
    scene.tell(Command::ApprovePlan { goal: goal.clone() });
    scene.tell(Command::AddNote {
        bead: docs.clone(),
        text: "mind the tone".to_owned(),
    });
    let polish = scene.in_goal(&goal, "polish");
    scene.tell(Command::Unlink {
        bead: polish.clone(),
        need: Need::blocks(docs.clone()),
    });
    scene.tell(Command::Link {
        bead: polish,
        need: Need {
            on: docs,
            kind: EdgeKind::Custom("inspired-by".to_owned()),
            satisfied_by: SatisfiedBy::Finish,
        },
    });
    goal
}

fn work(scene: &mut Scene, goal: &gtd_core::BeadId) {
    let mend = scene.in_goal(goal, "mend");
    let quartz = scene.open_seat("quartz");
    let epoch = scene.grant_to(&mend, &quartz);
    scene.later(1);
    scene.tell(Command::Started {
        bead: mend.clone(),
        epoch,
        run: run_id("mend-1"),
        told: 0,
    });
    scene.tell(Command::RecordUsage {
        bead: mend.clone(),
        epoch,
        usage: UsageDelta {
            run: run_id("mend-1"),
            sequence: 1,
            input: 100,
            output: 20,
            cache_read: 3,
            cache_write: 4,
            usd_micros: 5_000,
            estimated: false,
            context: Some(context()),
        },
    });
    scene.tell(Command::AskHandover {
        bead: mend.clone(),
        epoch,
        run: run_id("mend-1"),
        full: context(),
    });
    scene.tell(Command::GiveHandover {
        bead: mend.clone(),
        epoch,
        run: run_id("mend-1"),
        handover: Handover {
            done: vec!["the parser".to_owned()],
            left: vec!["its tests".to_owned()],
            decisions: vec!["no table".to_owned()],
            pitfalls: vec!["the lexer leaks".to_owned()],
            files: vec!["src/parser.rs".to_owned()],
            missing: "it could not".to_owned(),
            tail: "so far".to_owned(),
        },
    });
    let by = Actor::Lease {
        bead: mend.clone(),
        epoch,
    };
    let discover = Command::Discover {
        bead: mend.clone(),
        epoch,
        spec: BeadSpec {
            title: "the lexer leaks".to_owned(),
            ..BeadSpec::default()
        },
    };
    scene.ask_as(by, discover).unwrap();
    scene.later(30);
    scene.fail(
        &mend,
        FaultClass::Check {
            criterion: "tests are green".to_owned(),
        },
    );
    let epoch = scene.grant_to(&mend, &quartz);
    scene.tell(Command::Expire {
        bead: mend.clone(),
        epoch,
        why: fault(FaultClass::Lost),
    });
    scene.later(600);
    scene.grant_to(&mend, &quartz);
    scene.submit(&mend);
    scene.tell(Command::CloseSeat { seat: quartz });
    scene.land(&mend);

    // Somebody takes one by hand, gives signs of life, and finds nothing to do.
    let form = scene.in_goal(goal, "form");
    scene.tell(Command::Claim {
        bead: form.clone(),
        name: seat("eve"),
    });
    scene.later(5 * 3_600);
    scene.tell(Command::Heartbeat {
        bead: form.clone(),
        epoch: Epoch(1),
    });
    scene.finish(&form);
}

fn merge(scene: &mut Scene, goal: &gtd_core::BeadId) {
    let docs = scene.in_goal(goal, "docs");
    let polish = scene.in_goal(goal, "polish");
    let members = [scene.submit(&docs), scene.submit(&polish)];
    let tip = scene.graph.queue(&target()).unwrap().tip.clone().unwrap();
    let form = |scene: &mut Scene, members: &[gtd_core::Member], base: &gtd_core::Oid| {
        let mut command = scene.form_command(members);
        if let Command::Form { base: at, .. } = &mut command {
            *at = base.clone();
        }
        scene.tell(command);
    };
    form(scene, &members, &tip);
    scene.tell(Command::Void {
        candidate: scene.in_test().unwrap(),
        why: "the branch moved".to_owned(),
    });
    scene.tell(Command::ObserveTarget {
        target: target(),
        tip: oid(7),
    });
    form(scene, &members, &oid(7));
    scene.judge(Verdict::Failed);
    scene.tell(Command::JudgeBase {
        target: target(),
        gate: gate_run(&oid(7), Verdict::Failed),
    });
    scene.tell(Command::Resume {
        scope: PauseScope::Rig(rig()),
    });
    scene.tell(Command::JudgeBase {
        target: target(),
        gate: gate_run(&oid(7), Verdict::Passed),
    });
    form(scene, &members[..1], &oid(7));
    scene.judge(Verdict::Failed);
    scene.send_back(
        &docs,
        FaultClass::Gate {
            gate: "test".to_owned(),
        },
    );
    scene.land(&polish);
    scene.later(600);
    scene.land(&docs);
    scene.tell(Command::CloseGoal {
        goal: goal.clone(),
        outcome: Outcome::Done,
        why: "all of it".to_owned(),
        proof: vec![gate_run(&oid(8), Verdict::Passed)],
    });
    scene.tell(Command::RequestLanding { goal: goal.clone() });
    scene.tell(Command::ConcludeLanding {
        goal: goal.clone(),
        commit: Some(oid(9)),
        why: String::new(),
    });
}

fn failures(scene: &mut Scene) {
    let bad = scene.bead("cannot work");
    for class in [
        FaultClass::Exit { code: 3 },
        FaultClass::Killed,
        FaultClass::Silent,
    ] {
        scene.fail(&bad, class);
    }
    scene.tell(Command::Quarantine { bead: bad.clone() });
    let worse = scene.bead("cannot work either");
    scene.fail(&worse, FaultClass::NoProgress);
    scene.tell(Command::TripBreaker {
        rig: rig(),
        goal: None,
    });
    scene.tell(Command::Resume {
        scope: PauseScope::Town,
    });
    scene.close(&worse, Outcome::Failed);
    scene.retry(&worse);
    let same = scene.bead("cannot work, again");
    scene.close(&same, Outcome::Duplicate { of: worse });
    let asks = scene.bead("which colour?");
    scene.give_back(&asks, FaultClass::Question);
}

fn town(scene: &mut Scene) {
    scene.tell(Command::Pause {
        scope: PauseScope::Role(role("crew")),
        why: "look first".to_owned(),
    });
    scene.tell(Command::Stop {
        why: "smoke".to_owned(),
    });
    scene.later(20);
    scene.tell(Command::Thaw);
    let mail = Command::SendMail {
        to: "ada".to_owned(),
        thread: None,
        text: "blue or red?".to_owned(),
    };
    scene.ask_as(Actor::Daemon, mail).unwrap();
    scene.tell(Command::SendMail {
        to: "worker".to_owned(),
        thread: Some(1),
        text: "blue".to_owned(),
    });
    scene.tell(Command::AckMail { mail: 1 });
    scene.tell(Command::Degrade {
        role: role("witness"),
        why: "it panics".to_owned(),
    });
    scene.tell(Command::Escalate {
        about: "disk".to_owned(),
        text: "2 GiB are left".to_owned(),
    });
    for key in ["worktree", "push"] {
        scene.tell(Command::BackOff {
            key: key.to_owned(),
            why: "no space".to_owned(),
        });
    }
    scene.tell(Command::Recover {
        key: "push".to_owned(),
    });
}

/// A person holds, prefers, tries again and asks.
fn hand_on_the_merges(scene: &mut Scene) {
    for (kind, until) in [
        (
            HoldKind::Pause,
            Some(scene.now.plus(std::time::Duration::from_hours(1))),
        ),
        (HoldKind::Freeze, None),
    ] {
        scene.tell(Command::HoldMerges {
            rig: rig(),
            kind,
            until,
            why: "a release".to_owned(),
        });
    }
    scene.tell(Command::ReleaseMerges { rig: rig() });
    let (early, late) = (scene.bead("handed in early"), scene.bead("handed in late"));
    scene.submit(&early);
    scene.submit(&late);
    scene.guard(&late, guard_report());
    scene.waive(&late, gtd_core::Waived::Guard(gtd_core::Guard::TestGuard));
    scene.tell(Command::PreferSubmission { bead: late.clone() });
    scene.send_back(
        &late,
        FaultClass::Gate {
            gate: "test".to_owned(),
        },
    );
    scene.tell(Command::RetrySubmission { bead: late.clone() });
    scene.tell(Command::PreferSubmission { bead: late });
    scene.cancel(&early);
    for _ in 0..2 {
        scene.tell(Command::AskGate {
            rig: rig(),
            gate: gate_name("test"),
            commit: oid(7),
            bead: None,
        });
    }
    scene.tell(Command::AnswerGate {
        number: 1,
        runs: vec![red_run(), flaky_run(&oid(7), "parser::numbers", "asked-1")],
    });
    let looked_at = scene.bead("looked at");
    scene.submit(&looked_at);
    scene.tell(Command::WantChanges {
        bead: looked_at.clone(),
        why: "say it in one line\nand twice".to_owned(),
        comments: "src/lib.rs:7: why twice?".to_owned(),
    });
    scene.cancel(&looked_at);
    reviews(scene);
    scene.tell(Command::HoldMerges {
        rig: rig(),
        kind: HoldKind::Freeze,
        until: None,
        why: "the night".to_owned(),
    });
}

/// Reviewers fail, want changes, and say yes.
fn reviews(scene: &mut Scene) {
    let before = scene.graph.rig(&rig()).unwrap().rules.clone();
    let mut rules = before.clone();
    rules.merge.review.policy = gtd_core::ReviewPolicy::Always;
    scene.trust(rules);
    let read = scene.bead("read by a reviewer");
    scene.submit(&read);
    scene.weigh(&read, weight());
    scene.begin_review(&read, 1);
    let lost = fault(FaultClass::Lost);
    scene.end_review(&read, 1, gtd_core::ReviewOutcome::Failed(lost));
    scene.begin_review(&read, 2);
    let changes = opinion(gtd_core::OpinionVerdict::Changes);
    scene.end_review(&read, 2, gtd_core::ReviewOutcome::Said(changes));
    scene.later(60);
    scene.submit(&read);
    scene.weigh(&read, weight());
    scene.begin_review(&read, 1);
    let yes = opinion(gtd_core::OpinionVerdict::Approve);
    scene.end_review(&read, 1, gtd_core::ReviewOutcome::Said(yes));
    scene.cancel(&read);
    scene.trust(before);
}

/// Work in every phase, so that the graph at the end has all of them.
fn leave_undone(scene: &mut Scene) {
    let epic = scene.create(
        BeadSpec {
            kind: BeadType::Epic,
            ..spec("the epic")
        },
        &[],
    );
    let part = scene.create(
        BeadSpec {
            parent: Some(epic.clone()),
            ..spec("a part")
        },
        &[],
    );
    scene.tell(Command::Link {
        bead: part,
        need: Need {
            on: epic,
            kind: EdgeKind::ConditionalBlocks,
            satisfied_by: SatisfiedBy::Failure,
        },
    });
    scene.open_goal(
        Some(crate::scene::plan(&[("draft", &[])])),
        Approval::Needed,
    );
    let cancelled = scene.goal(&[("never", &[])]);
    scene.cancel(&cancelled);
    let (one, two) = (scene.bead("in test"), scene.bead("in line"));
    let member = scene.submit(&one);
    scene.submit(&two);
    let mut command = scene.form_command(&[member]);
    if let Command::Form { base, retry, .. } = &mut command {
        *base = scene.graph.queue(&target()).unwrap().tip.clone().unwrap();
        *retry = 1;
    }
    scene.tell(command);
    let at_work = scene.bead("at work");
    scene.grant(&at_work);
    let late = scene.bead("failed once");
    scene.give_back(
        &late,
        FaultClass::Conflict {
            files: vec!["src/lib.rs".to_owned()],
        },
    );
    let parked = scene.bead("set aside");
    scene.park(&parked);
    scene.tell(Command::Pause {
        scope: PauseScope::Bead(late),
        why: "not now".to_owned(),
    });
    scene.bead("a slip of the hand");
    scene.undo_last().unwrap();
    scene.close(&parked, Outcome::Cancelled);
    scene.undo_last().unwrap();
    questions(scene);
    by_the_clock(scene);
}

/// A question that was answered and went on, one that waits, and one that is parked with its session.
fn questions(scene: &mut Scene) {
    use crate::questions::{agent_bead, answer, ask, start};
    let answered = agent_bead(scene, "answered");
    start(scene, &answered, "work");
    ask(scene, &answered, "left or right?");
    answer(scene, &answered, "left");
    start(scene, &answered, "work.t1");
    for text in ["mind the gap", "and the step"] {
        scene.tell(Command::Tell {
            bead: answered.clone(),
            text: text.to_owned(),
        });
    }
    scene.tell(Command::Started {
        bead: answered.clone(),
        epoch: Epoch(1),
        run: run_id("work.t2"),
        told: 1,
    });
    for name in ["waits for an answer", "parked with a question"] {
        let bead = agent_bead(scene, name);
        start(scene, &bead, "work");
        ask(scene, &bead, "red or blue?");
    }
    let parked = scene.graph.asked().last().unwrap().id.clone();
    scene.give_back(&parked, FaultClass::Question);
    scene.cancel(&answered);
}

/// Goals that come by the clock: one that came and is held back, one that was taken away again.
fn by_the_clock(scene: &mut Scene) {
    crate::schedules::add(scene, "nightly", "0 2 * * *");
    let due = Timestamp(scene.now.0 + 86_400_000);
    scene.now = due;
    scene.tell(crate::schedules::fire("nightly", Some(due), 1));
    crate::schedules::pause(scene, "nightly");
    crate::schedules::resume(scene, "nightly");
    crate::schedules::pause(scene, "nightly");
    crate::schedules::add(scene, "weekly", "0 2 * * MON");
    scene.undo_last().unwrap();
    crate::schedules::add(scene, "weekly", "0 3 * * MON");
    crate::schedules::remove(scene, "weekly");
    standing(scene);
}

/// Standing members: one that is ready, one that stays because of what it holds, one that left,
/// one that is to leave.
fn standing(scene: &mut Scene) {
    use gtd_core::CrewOutcome::{Gone, Kept, Ready};
    for name in ["ada", "bob", "cy", "dee"] {
        scene.tell(crate::crew::add(name));
        scene.tell(crate::crew::conclude(name, Ready, ""));
    }
    scene.tell(crate::crew::remove("bob", false));
    scene.tell(crate::crew::conclude(
        "bob",
        Kept,
        "1 commit that has not landed",
    ));
    scene.tell(crate::crew::remove("cy", true));
    scene.tell(crate::crew::conclude("cy", Gone, "refs/gtd/snap/crew-cy/1"));
    scene.tell(crate::crew::remove("dee", false));
    crate::crew::some_turns(scene, "ada");
    regrouped(scene);
}

/// Beads that become a convoy, one that joins it, one that is taken apart, one that begins anew.
fn regrouped(scene: &mut Scene) {
    let (one, two) = (scene.bead("by hand"), scene.bead("by hand, too"));
    let convoy = crate::convoys::open(scene, "what was made by hand", &[&one]);
    scene.tell(crate::convoys::join(&convoy, &[&two]));
    scene.tell(Command::EditGoal {
        goal: convoy,
        spec: BeadSpec {
            kind: BeadType::Goal,
            ..spec("what was made by hand, and soon")
        },
        max: Some(2),
        until: Some(scene.now.plus(std::time::Duration::from_hours(1))),
    });
    scene.tell(crate::convoys::split(
        &two,
        &[("half", &[]), ("other half", &["half"])],
    ));
    scene.close(&one, Outcome::Done);
    scene.tell(Command::ReopenBead { bead: one });
    for subject in ["api", "disk"] {
        let until = Some(scene.now.plus(std::time::Duration::from_hours(1)));
        scene.tell(crate::inbox::snooze("alert", subject, until));
    }
    scene.tell(crate::inbox::snooze("alert", "disk", None));
    scene.tell(Command::RevokeTrust {
        rig: rig(),
        why: "somebody else wrote to it".to_owned(),
    });
}

#[derive(Serialize, Deserialize)]
struct Line {
    revision: Revision,
    #[serde(flatten)]
    envelope: Envelope,
}

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name)
}

#[test]
fn everything_happens_in_the_story() {
    let story = long_story();
    let seen: BTreeSet<&str> = story
        .log
        .iter()
        .map(|(_, e)| event_name(&e.event))
        .collect();
    assert_eq!(seen, decided());
    for (_, envelope) in &story.log {
        assert_eq!(envelope.event.name(), event_name(&envelope.event));
    }
}

#[test]
fn the_golden_log_of_format_1_folds_to_its_golden_graph() {
    assert_eq!(FORMAT, 1, "a new format needs a golden log of its own");
    let (log, graph) = (file("format-1.jsonl"), file("format-1.graph.json"));
    if std::env::var_os("GTD_UPDATE").is_some() {
        let story = long_story();
        let lines: Vec<String> = story
            .log
            .iter()
            .map(|(revision, envelope)| Line {
                revision: *revision,
                envelope: envelope.clone(),
            })
            .map(|line| serde_json::to_string(&line).unwrap() + "\n")
            .collect();
        fs::create_dir_all(log.parent().unwrap()).unwrap();
        fs::write(&log, lines.concat()).unwrap();
        let text = serde_json::to_string_pretty(&story.graph).unwrap() + "\n";
        fs::write(&graph, text).unwrap();
    }
    let mut folded = Graph::default();
    let mut seen = BTreeSet::new();
    for line in fs::read_to_string(&log).unwrap().lines() {
        let Line { revision, envelope } = serde_json::from_str(line).unwrap();
        assert_eq!(revision, folded.revision().next(), "no record is left out");
        seen.insert(event_name(&envelope.event));
        folded.apply(revision, &envelope);
    }
    assert_eq!(seen, decided());
    let text = fs::read_to_string(&graph).unwrap();
    let expected: Graph = serde_json::from_str(&text).unwrap();
    assert_eq!(folded, expected);
    // The words of the graph are kept too: a snapshot of this format is read for ever.
    let said = serde_json::to_string_pretty(&folded).unwrap() + "\n";
    assert_eq!(said, text);
    assert!(folded.index_is_true());
}

#[test]
fn the_keys_that_a_later_town_needs_are_in_the_first_format() {
    // Architecture, section 12: because a log is for ever.
    let story = long_story();
    let events: Vec<serde_json::Value> = story
        .log
        .iter()
        .map(|(_, envelope)| serde_json::to_value(&envelope.event).unwrap())
        .collect();
    let has = |pointer: &str| events.iter().any(|event| event.pointer(pointer).is_some());
    for pointer in [
        "/GoalOpened/bead/rig",
        "/GoalOpened/goal/target/rig",
        "/GoalOpened/goal/target/ref",
        "/GoalOpened/goal/target/mode",
        "/BeadOpened/bead/rig",
        "/BeadOpened/bead/created_by/lease/epoch",
        "/BeadOpened/bead/spec/origin/formula",
        "/BeadOpened/bead/spec/metadata",
        "/BeadOpened/bead/spec/extra",
        "/EdgeAdded/need/kind",
        "/EdgeAdded/need/satisfied_by",
        "/SeatOpened/rig",
        "/SeatOpened/host",
        "/LeaseGranted/lease/holder/seat/host",
        "/LeaseGranted/lease/holder/claimant/name",
        "/LeaseGranted/lease/reserved/usd_micros",
        "/LeaseGranted/lease/reserved/tokens",
        "/LeaseGranted/lease/reserved/window",
        "/UsageRecorded/usage/run",
        "/UsageRecorded/usage/sequence",
        "/CandidateFormed/candidate/target/rig",
    ] {
        assert!(has(pointer), "{pointer}");
    }
    assert!(
        story
            .log
            .iter()
            .all(|(_, e)| e.by == person() || e.by != Actor::Person(String::new()))
    );
}

#[test]
fn targets_are_named_without_a_path() {
    let Target { r#ref, .. } = target();
    assert!(r#ref.starts_with("refs/heads/"));
    let text = serde_json::to_string(&long_story().graph).unwrap();
    assert!(!text.contains("\"/"), "no absolute path is in the graph");
}
