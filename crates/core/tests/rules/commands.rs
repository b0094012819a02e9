//! One command of each kind about one bead and its goal.

use gtd_core::{
    Actor, Approval, Bead, BeadSpec, Command, EdgeKind, Epoch, FaultClass, Handover, HoldKind,
    Need, Oid, Outcome, PauseScope, Phase, Reserved, Reversal, Revision, SatisfiedBy, UsageDelta,
    Verdict,
};

use crate::{
    scene::{
        context, fault, gate_name, gate_run, guard_report, host, oid, opinion, plan, rig, role,
        rules, run_id, seat, spec, target, weight,
    },
    world::World,
};

names!(COMMANDS, command_name: Command {
    TrustRig, RevokeTrust, RemoveRig, OpenGoal, OpenConvoy, JoinGoal, EditGoal, ApprovePlan, Cancel, CreateBead, ImportBeads, EditBead, Link, Unlink,
    AddNote, CloseBead, RetryBead, ReopenBead, SplitBead, WantChanges, Answer, ParkBead, Tell, RequestLanding, Pause, Resume, Stop, Thaw, Undo,
    HoldMerges, ReleaseMerges, PreferSubmission, RetrySubmission, AskGate,
    BeginPlan, ProposePlan, CloseGoal, OpenSeat, CloseSeat, Grant, Claim, ClaimNext, Started, AskHandover, GiveHandover, Heartbeat,
    RecordUsage, Submit, Return, Finish, Ask, Discover, Form, Judge, Land, Void, SendBack, Waive, RecordGuard,
    Weigh, BeginReview, EndReview,
    ObserveTarget, JudgeBase, ConcludeLanding, AnswerGate, Expire, Quarantine, TripBreaker, Escalate,
    BackOff, Recover, Degrade, SendMail, AckMail, AddSchedule, RemoveSchedule, PauseSchedule,
    ResumeSchedule, FireSchedule, AddCrew, RemoveCrew, ConcludeCrew, StartCrew, StopCrew, TellCrew, BeginCrewTurn, EndCrewTurn, SnoozeDecision,
});

/// One relation that never acts, between the bead of a world and its friend.
pub(crate) fn related(world: &World) -> Need {
    Need {
        on: world.friend.clone(),
        kind: EdgeKind::Related,
        satisfied_by: SatisfiedBy::Finish,
    }
}

fn tip(world: &World) -> Oid {
    let queue = world.scene.graph.queue(&target());
    queue
        .and_then(|queue| queue.tip.clone())
        .unwrap_or_else(|| oid(1))
}

/// One of each command, about the bead of `world`, with its present epoch.
pub(crate) fn all_commands(world: &World) -> Vec<Command> {
    let bead = || world.bead.clone();
    let goal = || world.goal.clone();
    let why = || "because".to_owned();
    let now = world.scene.at(&world.bead);
    let epoch = now.epoch;
    let head = match &now.phase {
        Phase::Submitted { head, .. } => head.clone(),
        _ => oid(50),
    };
    let candidate = world
        .scene
        .in_test()
        .unwrap_or_else(|| crate::scene::candidate_id("mr-none"));
    let tested = world
        .scene
        .graph
        .queue(&target())
        .and_then(|queue| Some(queue.candidate.as_ref()?.commit.clone()))
        .unwrap_or_else(|| oid(60));
    vec![
        Command::TrustRig {
            rig: rig(),
            rules: rules(),
            digest: "new".to_owned(),
        },
        Command::RevokeTrust {
            rig: rig(),
            why: why(),
        },
        Command::RemoveRig { rig: rig() },
        Command::OpenGoal {
            spec: spec("another goal"),
            target: target(),
            max: None,
            until: None,
            plan: Some(plan(&[("one", &[])])),
            approval: Approval::Needed,
        },
        Command::OpenConvoy {
            spec: spec("a convoy"),
            target: target(),
            max: Some(2),
            until: None,
            beads: vec![world.friend.clone()],
        },
        Command::JoinGoal {
            goal: goal(),
            beads: vec![world.friend.clone()],
        },
        Command::EditGoal {
            goal: goal(),
            spec: spec("another goal"),
            max: Some(1),
            until: None,
        },
        Command::ApprovePlan { goal: goal() },
        Command::Cancel {
            bead: bead(),
            why: why(),
        },
        Command::CreateBead {
            rig: rig(),
            goal: Some(goal()),
            spec: spec("one more"),
            needs: vec![],
        },
        crate::imports::import(r#"{"id":"bd-1","title":"from elsewhere","status":"open"}"#),
        Command::EditBead {
            bead: bead(),
            spec: spec("another title"),
        },
        Command::Link {
            bead: bead(),
            need: Need::blocks(world.friend.clone()),
        },
        Command::Unlink {
            bead: bead(),
            need: related(world),
        },
        Command::AddNote {
            bead: bead(),
            text: "look".to_owned(),
        },
        Command::CloseBead {
            bead: bead(),
            outcome: Outcome::Done,
            why: why(),
        },
        Command::RetryBead { bead: bead() },
        Command::ReopenBead { bead: bead() },
        Command::SplitBead {
            bead: bead(),
            parts: plan(&[("first", &[]), ("second", &["first"])]).beads,
            rest: None,
        },
        Command::WantChanges {
            bead: bead(),
            why: why(),
            comments: String::new(),
        },
        Command::Answer {
            bead: bead(),
            text: "the left one".to_owned(),
        },
        Command::ParkBead {
            bead: bead(),
            why: why(),
        },
        Command::Tell {
            bead: bead(),
            text: "mind the gap".to_owned(),
        },
        Command::RequestLanding { goal: goal() },
        Command::Pause {
            scope: PauseScope::Bead(bead()),
            why: why(),
        },
        Command::Resume {
            scope: PauseScope::Bead(bead()),
        },
        Command::Stop { why: why() },
        Command::Thaw,
        Command::Undo {
            reversal: Box::new(Reversal {
                op: Revision(1),
                last: Revision(1),
                until: world.scene.graph.revision(),
                what: "edit gt-1".to_owned(),
                beads: vec![Bead {
                    spec: BeadSpec {
                        title: "as it was called before".to_owned(),
                        ..now.spec.clone()
                    },
                    ..now.clone()
                }],
                ..Reversal::default()
            }),
        },
        Command::HoldMerges {
            rig: rig(),
            kind: HoldKind::Freeze,
            until: None,
            why: why(),
        },
        Command::ReleaseMerges { rig: rig() },
        Command::PreferSubmission { bead: bead() },
        Command::RetrySubmission { bead: bead() },
        Command::AskGate {
            rig: rig(),
            gate: gate_name("test"),
            commit: oid(1),
            bead: Some(bead()),
        },
        Command::BeginPlan {
            goal: goal(),
            seat: seat("plan-1"),
            host: host(),
            runtime: gtd_core::RuntimeName::parse("claude").unwrap(),
            epoch: Epoch(1),
        },
        Command::ProposePlan {
            goal: goal(),
            epoch: Epoch(0),
            plan: plan(&[("one", &[])]),
            approval: Approval::Needed,
        },
        Command::CloseGoal {
            goal: goal(),
            outcome: Outcome::Done,
            why: why(),
            proof: vec![],
        },
        Command::OpenSeat {
            seat: seat("new"),
            rig: rig(),
            host: host(),
        },
        Command::CloseSeat {
            seat: seat("spare"),
        },
        Command::Grant {
            bead: bead(),
            seat: seat("spare"),
            epoch: epoch.next(),
            reserved: Reserved::default(),
        },
        Command::Claim {
            bead: bead(),
            name: seat("eve"),
        },
        Command::ClaimNext {
            rig: rig(),
            name: seat("eve"),
        },
        Command::Started {
            bead: bead(),
            epoch,
            run: run_id("a-run"),
            told: 0,
        },
        Command::AskHandover {
            bead: bead(),
            epoch,
            run: run_id("a-run"),
            full: context(),
        },
        Command::GiveHandover {
            bead: bead(),
            epoch,
            run: run_id("a-run"),
            handover: Handover::default(),
        },
        Command::Heartbeat {
            bead: bead(),
            epoch,
        },
        Command::RecordUsage {
            bead: bead(),
            epoch,
            usage: UsageDelta {
                run: run_id("a-run"),
                sequence: 1,
                input: 10,
                output: 20,
                cache_read: 30,
                cache_write: 40,
                usd_micros: 50,
                estimated: false,
                context: None,
            },
        },
        Command::Submit {
            bead: bead(),
            epoch,
            head: oid(51),
            base: oid(1),
            summary: "done".to_owned(),
            checks: vec![],
        },
        Command::Return {
            bead: bead(),
            epoch,
            why: fault(FaultClass::Exit { code: 1 }),
        },
        Command::Finish {
            bead: bead(),
            epoch,
            outcome: Outcome::NoOp,
            why: why(),
        },
        Command::Ask {
            bead: bead(),
            epoch,
            text: "left or right?".to_owned(),
        },
        Command::Discover {
            bead: bead(),
            epoch,
            spec: BeadSpec {
                title: "found on the way".to_owned(),
                ..BeadSpec::default()
            },
        },
        Command::Form {
            id: crate::scene::candidate_id("mr-new"),
            target: target(),
            base: tip(world),
            members: vec![gtd_core::Member {
                bead: bead(),
                epoch,
                head: head.clone(),
            }],
            commit: oid(70),
            tree: oid(71),
            retry: 0,
        },
        Command::Judge {
            candidate: candidate.clone(),
            verdict: Verdict::Passed,
            gates: vec![gate_run(&tested, Verdict::Passed)],
        },
        Command::Land {
            candidate: candidate.clone(),
        },
        Command::Void {
            candidate,
            why: why(),
        },
        Command::SendBack {
            bead: bead(),
            epoch,
            why: fault(FaultClass::Gate {
                gate: "test".to_owned(),
            }),
        },
        Command::Waive {
            bead: bead(),
            head: head.clone(),
            what: gtd_core::Waived::Guard(gtd_core::Guard::TestGuard),
            why: why(),
        },
        Command::RecordGuard {
            bead: bead(),
            epoch,
            head: head.clone(),
            report: guard_report(),
        },
        Command::Weigh {
            bead: bead(),
            epoch,
            head: head.clone(),
            weight: weight(),
        },
        Command::BeginReview {
            bead: bead(),
            epoch,
            head,
            number: 1,
            seat: seat("review-1"),
            runtime: gtd_core::RuntimeName::parse("codex").unwrap(),
        },
        Command::EndReview {
            bead: bead(),
            epoch,
            number: 1,
            model: "m".to_owned(),
            outcome: gtd_core::ReviewOutcome::Said(opinion(gtd_core::OpinionVerdict::Changes)),
        },
        Command::ObserveTarget {
            target: target(),
            tip: oid(80),
        },
        Command::JudgeBase {
            target: target(),
            gate: gate_run(&tip(world), Verdict::Failed),
        },
        Command::ConcludeLanding {
            goal: goal(),
            commit: Some(oid(90)),
            why: String::new(),
        },
        Command::AnswerGate {
            number: 1,
            runs: vec![gate_run(&oid(1), Verdict::Passed)],
        },
        Command::Expire {
            bead: bead(),
            epoch,
            why: fault(FaultClass::Lost),
        },
        Command::Quarantine { bead: bead() },
        Command::TripBreaker {
            rig: rig(),
            goal: None,
        },
        Command::Escalate {
            about: "disk".to_owned(),
            text: "it is full".to_owned(),
        },
        Command::BackOff {
            key: "worktree".to_owned(),
            why: why(),
        },
        Command::Recover {
            key: "worktree".to_owned(),
        },
        Command::Degrade {
            role: role("mayor"),
            why: why(),
        },
        Command::SendMail {
            to: "ada".to_owned(),
            thread: None,
            text: "hello".to_owned(),
        },
        Command::AckMail { mail: 1 },
        Command::AddSchedule {
            rig: rig(),
            schedule: gtd_core::ScheduleName::parse("nightly").unwrap(),
            cron: gtd_core::Cron::parse("@daily").unwrap(),
            goal: gtd_core::ScheduledGoal::of_script(spec("by night"), "true"),
        },
        Command::RemoveSchedule {
            rig: rig(),
            schedule: gtd_core::ScheduleName::parse("nightly").unwrap(),
        },
        Command::PauseSchedule {
            rig: rig(),
            schedule: gtd_core::ScheduleName::parse("nightly").unwrap(),
            why: why(),
        },
        Command::ResumeSchedule {
            rig: rig(),
            schedule: gtd_core::ScheduleName::parse("nightly").unwrap(),
        },
        crate::schedules::fire("nightly", None, 0),
        crate::crew::add("ada"),
        crate::crew::remove("ada", true),
        crate::crew::conclude("ada", gtd_core::CrewOutcome::Ready, ""),
        crate::crew::start("ada"),
        crate::crew::stop("ada"),
        crate::crew::say("ada", "hello"),
        crate::crew::begin("ada", 1, 1),
        crate::crew::end("ada", 1, None),
        crate::inbox::snooze("question", world.bead.as_str(), {
            Some(world.scene.now.plus(std::time::Duration::from_hours(1)))
        }),
    ]
}

#[test]
fn every_command_has_a_sample() {
    let world = World::open();
    let names: Vec<&str> = all_commands(&world).iter().map(command_name).collect();
    assert_eq!(names, COMMANDS);
}

#[test]
fn who_asks_is_written_into_the_log() {
    let mut world = World::open();
    let by = Actor::Role(role("crew"));
    world
        .scene
        .ask_as(by.clone(), Command::Stop { why: String::new() })
        .unwrap();
    assert_eq!(world.scene.log.last().unwrap().1.by, by);
    assert_eq!(world.scene.graph.stop().unwrap().by, by);
}
