//! Each command comes out of its request as it went in, over real bytes.

#![expect(clippy::unwrap_used, reason = "a test says so when it fails")]

use gtd_core::{
    Approval, BeadId, BeadSpec, BeadType, CandidateId, CheckRun, Command, ContextUse, Criterion,
    CriterionOpinion, Cron, EdgeKind, Epoch, Fault, FaultClass, Finding, FindingKind, GateName,
    GateRun, Guard, GuardReport, Handover, HoldKind, HostName, LandMode, Member, MergeRules, Need,
    Oid, Opinion, OpinionVerdict, Origin, Outcome, PauseScope, Plan, PlannedBead, Priority,
    RequestId, Reserved, ReviewComment, ReviewOutcome, Revision, RigName, RigRules, RoleName,
    RunId, RuntimeFault, RuntimeName, SatisfiedBy, ScheduleName, ScheduledGoal, SeatName, Target,
    Timestamp, UsageDelta, Verdict, Waived, Weight, WorkerRules,
};
use gtd_wire::{
    ApprovalWish, Caller, GoalWish, LandWish, Malformed, Token, Unsendable, Write, WriteContext,
    WriteRequest, Written, pb,
};
use prost::Message;

fn bead(text: &str) -> BeadId {
    BeadId::parse(text).unwrap()
}

fn oid(digit: char) -> Oid {
    Oid::parse(&digit.to_string().repeat(40)).unwrap()
}

fn run() -> RunId {
    RunId::parse("gt-7f3k-3-agent").unwrap()
}

fn rig() -> RigName {
    RigName::parse("api").unwrap()
}

fn seat() -> SeatName {
    SeatName::parse("quartz").unwrap()
}

fn target(mode: LandMode) -> Target {
    Target {
        rig: rig(),
        r#ref: "refs/heads/gtd/integration/main".into(),
        mode,
        branch: "main".into(),
    }
}

fn gate(verdict: Verdict) -> GateRun {
    GateRun {
        gate: GateName::parse("test").unwrap(),
        commit: oid('b'),
        verdict,
        detail: "exit 1".into(),
        took_ms: 1_234,
        run: run(),
        evidence: "one\ntwo ü".into(),
        code: Some(1),
        output: "ab".repeat(32),
        tests: Some(Box::new(gtd_core::TestReport {
            passed: 1,
            failed: 2,
            skipped: 3,
            red: vec![gtd_core::RedTest {
                name: "a::b".to_owned(),
                file: "src/a.rs".to_owned(),
                message: "boom".to_owned(),
            }],
            flaky: vec!["c".to_owned()],
            remark: "it breaks off".to_owned(),
        })),
    }
}

/// A spec in which no field has its default.
fn full_spec() -> BeadSpec {
    BeadSpec {
        title: "Mend the parser ✂".into(),
        description: "All of it.\n".into(),
        kind: BeadType::Bug,
        priority: Priority::new(0).unwrap(),
        acceptance: vec![
            Criterion {
                text: "tests are green".into(),
                check: Some("cargo test".into()),
            },
            Criterion {
                text: "it reads well".into(),
                check: None,
            },
        ],
        labels: ["a".to_owned(), "b".to_owned()].into(),
        scope: vec!["src/**".into()],
        run: Some("echo hi\n".into()),
        runtime: Some(RuntimeName::parse("shell").unwrap()),
        role: Some(RoleName::parse("worker").unwrap()),
        parent: Some(bead("gt-1")),
        estimate_minutes: Some(90),
        defer_until: Some(Timestamp(-5)),
        budget_micros: Some(2_500_000),
        policy: Some(gtd_core::PolicyName::parse("overnight").expect("it is one")),
        origin: Some(Box::new(Origin {
            formula: Some("release".into()),
            step: None,
            vars: [("version".to_owned(), "1.0".to_owned())].into(),
        })),
        metadata: [
            ("n".to_owned(), serde_json::json!(-1.5)),
            (
                "deep".to_owned(),
                serde_json::json!({"a": [null, true, "x"]}),
            ),
        ]
        .into(),
        extra: [("big".to_owned(), serde_json::json!(u64::MAX))].into(),
    }
}

fn specs() -> Vec<BeadSpec> {
    let plain = BeadSpec {
        title: "plain".into(),
        ..BeadSpec::default()
    };
    let mut specs = vec![full_spec(), plain.clone(), BeadSpec::default()];
    specs.extend(BeadType::WORDS.map(|(_, kind)| BeadSpec {
        kind,
        ..plain.clone()
    }));
    specs
}

fn needs() -> Vec<Need> {
    let kinds = [
        EdgeKind::Blocks,
        EdgeKind::ConditionalBlocks,
        EdgeKind::WaitsFor,
        EdgeKind::Related,
        EdgeKind::DiscoveredFrom,
        EdgeKind::Duplicates,
        EdgeKind::Supersedes,
        EdgeKind::Custom("blocks".into()),
        EdgeKind::Custom(String::new()),
    ];
    let ends = [
        SatisfiedBy::Success,
        SatisfiedBy::Failure,
        SatisfiedBy::Finish,
    ];
    kinds
        .into_iter()
        .zip(ends.into_iter().cycle())
        .map(|(kind, satisfied_by)| Need {
            on: bead("gt-2"),
            kind,
            satisfied_by,
        })
        .collect()
}

fn faults() -> Vec<Fault> {
    let classes = [
        FaultClass::Exit { code: -7 },
        FaultClass::Check {
            criterion: "c".into(),
        },
        FaultClass::Gate {
            gate: "test".into(),
        },
        FaultClass::Conflict {
            files: vec!["a".into(), "b".into()],
        },
        FaultClass::Conflict { files: vec![] },
        FaultClass::Killed,
        FaultClass::Lost,
        FaultClass::Silent,
        FaultClass::NoProgress,
        FaultClass::TimedOut,
        FaultClass::Stopped,
        FaultClass::Infra,
        FaultClass::Question,
        FaultClass::GivenBack,
        FaultClass::Attempts,
        FaultClass::Person,
        runtime_fault(RuntimeFault::Auth),
        runtime_fault(RuntimeFault::RateLimited { until: None }),
        runtime_fault(RuntimeFault::RateLimited {
            until: Some(Timestamp(7)),
        }),
        runtime_fault(RuntimeFault::Overloaded),
        runtime_fault(RuntimeFault::ContextFull),
        runtime_fault(RuntimeFault::Billing),
        runtime_fault(RuntimeFault::ModelMissing),
        runtime_fault(RuntimeFault::Refusal),
        runtime_fault(RuntimeFault::Network),
        runtime_fault(RuntimeFault::LimitReached),
        runtime_fault(RuntimeFault::Interrupted),
        runtime_fault(RuntimeFault::Crashed),
    ];
    classes
        .into_iter()
        .enumerate()
        .map(|(index, class)| Fault {
            class,
            text: "what it said".into(),
            evidence: "the end".into(),
            run: (index % 2 == 0).then(run),
        })
        .collect()
}

fn runtime_fault(fault: RuntimeFault) -> FaultClass {
    FaultClass::Runtime {
        runtime: RuntimeName::parse("claude").unwrap(),
        fault,
    }
}

fn outcomes() -> Vec<Outcome> {
    vec![
        Outcome::Done,
        Outcome::NoOp,
        Outcome::Duplicate { of: bead("gt-9") },
        Outcome::Cancelled,
        Outcome::Failed,
    ]
}

fn plan() -> Plan {
    Plan {
        title: "a plan".into(),
        acceptance: full_spec().acceptance,
        beads: vec![PlannedBead {
            local_id: "one".into(),
            spec: full_spec(),
            needs: vec!["two".into(), "gt-3".into()],
        }],
        summary: "two steps".into(),
    }
}

fn schedule() -> ScheduleName {
    ScheduleName::parse("nightly").unwrap()
}

/// The commands that callers cannot send.
fn unsendable() -> Vec<Command> {
    vec![
        Command::OpenGoal {
            spec: full_spec(),
            target: target(LandMode::Local),
            max: None,
            until: None,
            plan: None,
            approval: Approval::Needed,
        },
        Command::OpenConvoy {
            spec: full_spec(),
            target: target(LandMode::Local),
            max: None,
            until: None,
            beads: vec![bead("gt-1")],
        },
        Command::TrustRig {
            rig: rig(),
            rules: RigRules {
                prefix: "gt".into(),
                branch: "main".into(),
                gates: vec![],
                worker: WorkerRules::default(),
                merge: MergeRules::default(),
                schedules: vec![],
                questions: gtd_core::QuestionRules::default(),
                discovery: gtd_core::DiscoveryRules::default(),
                budget: Default::default(),
                replans: Default::default(),
                policies: Default::default(),
            },
            digest: String::new(),
        },
        Command::AskGate {
            rig: rig(),
            gate: GateName::parse("test").unwrap(),
            commit: oid('a'),
            bead: None,
        },
        Command::Undo {
            reversal: Box::default(),
        },
    ]
}

/// At least one value for each command that callers can send.
#[expect(clippy::too_many_lines, reason = "one value for each variant")]
fn sendable() -> Vec<Command> {
    let why = || "because".to_owned();
    let goal = || bead("gt-7f3k");
    let epoch = Epoch(u64::MAX);
    let name = seat;
    let mut commands = vec![
        Command::RemoveRig { rig: rig() },
        Command::RevokeTrust {
            rig: rig(),
            why: why(),
        },
        Command::ApprovePlan { goal: goal() },
        Command::Cancel {
            bead: goal(),
            why: why(),
        },
        Command::CreateBead {
            rig: rig(),
            goal: None,
            spec: full_spec(),
            needs: vec![],
        },
        Command::CreateBead {
            rig: rig(),
            goal: Some(goal()),
            spec: full_spec(),
            needs: needs(),
        },
        Command::AddNote {
            bead: goal(),
            text: why(),
        },
        Command::RetryBead { bead: goal() },
        Command::ReopenBead { bead: goal() },
        Command::SplitBead {
            bead: goal(),
            parts: plan().beads,
            rest: Some("make".into()),
        },
        Command::SplitBead {
            bead: goal(),
            parts: vec![],
            rest: None,
        },
        Command::ImportBeads {
            rig: rig(),
            beads: gtd_core::read_beads("f", "{\"id\":\"bd-1\",\"title\":\"t\",\"x\":0.1}")
                .unwrap()
                .beads,
        },
        Command::SnoozeDecision {
            kind: "question".into(),
            subject: why(),
            until: Some(Timestamp(7)),
        },
        Command::SnoozeDecision {
            kind: "question".into(),
            subject: why(),
            until: None,
        },
        Command::JoinGoal {
            goal: goal(),
            beads: vec![bead("gt-1"), bead("gt-2")],
        },
        Command::EditGoal {
            goal: goal(),
            spec: full_spec(),
            max: Some(2),
            until: Some(Timestamp(7)),
        },
        Command::EditGoal {
            goal: goal(),
            spec: full_spec(),
            max: None,
            until: None,
        },
        Command::Answer {
            bead: goal(),
            text: why(),
        },
        Command::ParkBead {
            bead: goal(),
            why: why(),
        },
        Command::Tell {
            bead: goal(),
            text: why(),
        },
        Command::RequestLanding { goal: goal() },
        Command::Stop { why: why() },
        Command::Thaw,
        Command::OpenSeat {
            seat: seat(),
            rig: rig(),
            host: HostName::parse("here").unwrap(),
        },
        Command::CloseSeat { seat: seat() },
        Command::AddCrew {
            rig: rig(),
            member: seat(),
        },
        Command::RemoveCrew {
            member: seat(),
            discard: true,
        },
        Command::ConcludeCrew {
            member: seat(),
            outcome: gtd_core::CrewOutcome::Kept,
            why: why(),
        },
        Command::StartCrew {
            member: seat(),
            runtime: RuntimeName::parse("claude").unwrap(),
        },
        Command::StopCrew { member: seat() },
        Command::TellCrew {
            member: seat(),
            text: why(),
        },
        Command::BeginCrewTurn {
            member: seat(),
            turn: 3,
            told: 2,
            bead: Some(goal()),
        },
        Command::EndCrewTurn {
            member: seat(),
            turn: 3,
            session: Some(why()),
            fault: Some(why()),
            unsaid: true,
            usage: Some(UsageDelta {
                run: run(),
                sequence: 1,
                input: 2,
                output: 3,
                cache_read: 4,
                cache_write: 5,
                usd_micros: 6,
                estimated: true,
                context: None,
            }),
        },
        Command::Grant {
            bead: goal(),
            seat: seat(),
            epoch,
            reserved: Reserved {
                usd_micros: 1,
                tokens: 2,
                window: 3,
            },
        },
        Command::Claim {
            bead: goal(),
            name: name(),
        },
        Command::ClaimNext {
            rig: rig(),
            name: name(),
        },
        Command::Started {
            bead: goal(),
            epoch,
            run: run(),
            told: 2,
        },
        Command::AskHandover {
            bead: goal(),
            epoch,
            run: run(),
            full: ContextUse {
                used: 150_000,
                window: 200_000,
            },
        },
        Command::GiveHandover {
            bead: goal(),
            epoch,
            run: run(),
            handover: Handover {
                done: vec!["the parser".into()],
                left: vec!["its tests".into(), "its page".into()],
                decisions: vec!["no table".into()],
                pitfalls: vec!["the lexer leaks".into()],
                files: vec!["src/parser.rs".into()],
                missing: "it could not".into(),
                tail: "so far".into(),
            },
        },
        Command::Heartbeat {
            bead: goal(),
            epoch,
        },
        Command::RecordUsage {
            bead: goal(),
            epoch,
            usage: UsageDelta {
                run: run(),
                sequence: 1,
                input: 2,
                output: 3,
                cache_read: 4,
                cache_write: 5,
                usd_micros: 6,
                estimated: true,
                context: Some(ContextUse {
                    used: 7,
                    window: 10,
                }),
            },
        },
        Command::Submit {
            bead: goal(),
            epoch,
            head: oid('a'),
            base: Oid::parse(&"c".repeat(64)).unwrap(),
            summary: why(),
            checks: vec![CheckRun {
                command: "make test".into(),
                run: run(),
                took_ms: 7,
                output: "cd".repeat(32),
            }],
        },
        Command::Form {
            id: CandidateId::parse("api-main-1").unwrap(),
            target: target(LandMode::Integration),
            base: oid('a'),
            members: vec![
                Member {
                    bead: goal(),
                    epoch,
                    head: oid('d'),
                },
                Member {
                    bead: bead("gt-2"),
                    epoch: Epoch(0),
                    head: oid('e'),
                },
            ],
            commit: oid('b'),
            tree: oid('c'),
            retry: 4,
        },
        Command::Land {
            candidate: CandidateId::parse("api-main-1").unwrap(),
        },
        Command::Void {
            candidate: CandidateId::parse("api-main-1").unwrap(),
            why: why(),
        },
        Command::JudgeBase {
            target: target(LandMode::Local),
            gate: gate(Verdict::Failed),
        },
        Command::ConcludeLanding {
            goal: goal(),
            commit: Some(oid('1')),
            why: String::new(),
        },
        Command::ConcludeLanding {
            goal: goal(),
            commit: None,
            why: why(),
        },
        Command::Quarantine { bead: goal() },
        Command::TripBreaker {
            rig: rig(),
            goal: None,
        },
        Command::Escalate {
            about: "disk".into(),
            text: why(),
        },
        Command::BackOff {
            key: "ensure-run/gt-1".into(),
            why: why(),
        },
        Command::Recover {
            key: "ensure-run/gt-1".into(),
        },
        Command::Degrade {
            role: RoleName::parse("mayor").unwrap(),
            why: why(),
        },
        Command::SendMail {
            to: "anna".into(),
            thread: None,
            text: why(),
        },
        Command::SendMail {
            to: "anna".into(),
            thread: Some(0),
            text: why(),
        },
        Command::AckMail { mail: 7 },
        Command::ReleaseMerges { rig: rig() },
        Command::RemoveSchedule {
            rig: rig(),
            schedule: schedule(),
        },
        Command::PauseSchedule {
            rig: rig(),
            schedule: schedule(),
            why: why(),
        },
        Command::ResumeSchedule {
            rig: rig(),
            schedule: schedule(),
        },
        Command::PreferSubmission { bead: goal() },
        Command::Waive {
            bead: goal(),
            head: oid('d'),
            what: Waived::Guard(Guard::TestGuard),
            why: why(),
        },
        Command::Waive {
            bead: goal(),
            head: oid('d'),
            what: Waived::Guard(Guard::ProofOfTest),
            why: why(),
        },
        Command::Waive {
            bead: goal(),
            head: oid('d'),
            what: Waived::Guard(Guard::ProtectedPaths),
            why: why(),
        },
        Command::Waive {
            bead: goal(),
            head: oid('d'),
            what: Waived::Criterion("it reads well".into()),
            why: why(),
        },
        Command::RecordGuard {
            bead: goal(),
            epoch,
            head: oid('d'),
            report: guard_report(),
        },
        Command::Weigh {
            bead: goal(),
            epoch,
            head: oid('d'),
            weight: Weight {
                files: 2,
                lines: 41,
                areas: vec!["src".into()],
                risks: vec!["protected: gtd.toml".into()],
            },
        },
        Command::BeginReview {
            bead: goal(),
            epoch,
            head: oid('d'),
            number: 2,
            seat: seat(),
            runtime: RuntimeName::parse("codex").unwrap(),
        },
        Command::EndReview {
            bead: goal(),
            epoch,
            number: 2,
            model: "gpt".into(),
            outcome: ReviewOutcome::Said(opinion(OpinionVerdict::Approve)),
        },
        Command::EndReview {
            bead: goal(),
            epoch,
            number: 2,
            model: String::new(),
            outcome: ReviewOutcome::Said(opinion(OpinionVerdict::Changes)),
        },
        Command::EndReview {
            bead: goal(),
            epoch,
            number: 2,
            model: String::new(),
            outcome: ReviewOutcome::Failed(faults().remove(0)),
        },
        Command::RetrySubmission { bead: goal() },
        Command::WantChanges {
            bead: goal(),
            why: why(),
            comments: "src/lib.rs:7: why twice?".into(),
        },
        Command::AnswerGate {
            number: 7,
            runs: vec![gate(Verdict::Failed), gate(Verdict::Passed)],
        },
    ];
    for (plan, max, due, target) in [
        (None, None, None, None),
        (
            Some(plan()),
            Some(3),
            Some(Timestamp(-5)),
            Some(target(LandMode::Local)),
        ),
    ] {
        commands.push(Command::AddSchedule {
            rig: rig(),
            schedule: schedule(),
            cron: Cron::parse("0 6 * * MON").unwrap(),
            goal: ScheduledGoal {
                spec: full_spec(),
                plan,
                max,
            },
        });
        commands.push(Command::FireSchedule {
            rig: rig(),
            schedule: schedule(),
            due,
            missed: 7,
            target,
        });
    }
    for (kind, until) in [
        (HoldKind::Pause, None),
        (HoldKind::Freeze, Some(Timestamp(-5))),
    ] {
        commands.push(Command::HoldMerges {
            rig: rig(),
            kind,
            until,
            why: why(),
        });
    }
    commands.extend(specs().into_iter().flat_map(|spec| {
        [
            Command::EditBead {
                bead: goal(),
                spec: spec.clone(),
            },
            Command::Ask {
                bead: goal(),
                epoch,
                text: why(),
            },
            Command::Discover {
                bead: goal(),
                epoch,
                spec,
            },
        ]
    }));
    commands.extend(needs().into_iter().flat_map(|need| {
        [
            Command::Link {
                bead: goal(),
                need: need.clone(),
            },
            Command::Unlink { bead: goal(), need },
        ]
    }));
    commands.extend(outcomes().into_iter().flat_map(|outcome| {
        [
            Command::CloseBead {
                bead: goal(),
                outcome: outcome.clone(),
                why: why(),
            },
            Command::CloseGoal {
                goal: goal(),
                outcome: outcome.clone(),
                why: why(),
                proof: vec![gate(Verdict::Passed), gate(Verdict::Infra)],
            },
            Command::Finish {
                bead: goal(),
                epoch,
                outcome,
                why: why(),
            },
        ]
    }));
    commands.extend(faults().into_iter().flat_map(|fault| {
        [
            Command::Return {
                bead: goal(),
                epoch,
                why: fault.clone(),
            },
            Command::SendBack {
                bead: goal(),
                epoch,
                why: fault.clone(),
            },
            Command::Expire {
                bead: goal(),
                epoch,
                why: fault,
            },
        ]
    }));
    let scopes = [
        PauseScope::Town,
        PauseScope::Rig(rig()),
        PauseScope::Bead(goal()),
        PauseScope::Role(RoleName::parse("crew").unwrap()),
        PauseScope::Runtime(RuntimeName::parse("claude").unwrap()),
    ];
    commands.extend(scopes.into_iter().flat_map(|scope| {
        [
            Command::Pause {
                scope: scope.clone(),
                why: why(),
            },
            Command::Resume { scope },
        ]
    }));
    commands.push(Command::BeginPlan {
        goal: goal(),
        seat: SeatName::parse("plan-1").unwrap(),
        host: HostName::parse("local").unwrap(),
        runtime: RuntimeName::parse("claude").unwrap(),
        epoch: Epoch(1),
    });
    for approval in [Approval::Needed, Approval::NotNeeded] {
        commands.push(Command::ProposePlan {
            goal: goal(),
            epoch: Epoch(0),
            plan: plan(),
            approval,
        });
    }
    for verdict in [Verdict::Passed, Verdict::Failed, Verdict::Infra] {
        commands.push(Command::Judge {
            candidate: CandidateId::parse("api-main-1").unwrap(),
            verdict,
            gates: vec![gate(verdict)],
        });
    }
    for mode in [
        LandMode::Local,
        LandMode::Integration,
        LandMode::PullRequest,
    ] {
        commands.push(Command::ObserveTarget {
            target: target(mode),
            tip: oid('f'),
        });
    }
    commands
}

/// What a reviewer says.
fn opinion(verdict: OpinionVerdict) -> Opinion {
    Opinion {
        verdict,
        summary: "It is nearly right.".into(),
        comments: vec![ReviewComment {
            file: "src/a.rs".into(),
            line: 7,
            text: "why twice?".into(),
        }],
        criteria: vec![CriterionOpinion {
            text: "it is fast".into(),
            met: verdict == OpinionVerdict::Approve,
            why: "I ran it".into(),
        }],
    }
}

/// A report with a finding of each kind.
fn guard_report() -> GuardReport {
    let kinds = [
        FindingKind::FileRemoved,
        FindingKind::TestRemoved,
        FindingKind::TestSkipped,
        FindingKind::TestFocused,
        FindingKind::AssertionsRemoved,
        FindingKind::AssertionsLoosened,
        FindingKind::AlwaysTrue,
        FindingKind::ProvesNothing,
        FindingKind::ProtectedPath,
        FindingKind::LineDropped,
    ];
    GuardReport {
        guard: Guard::TestGuard,
        findings: kinds
            .into_iter()
            .map(|kind| Finding {
                kind,
                file: "tests/a.rs".into(),
                line: 7,
                test: "adds".into(),
                text: "an assertion is gone: assert!(x)".into(),
            })
            .collect(),
        remark: "2 more were found".into(),
    }
}

macro_rules! variants {
    ($($name:ident),* $(,)?) => {
        /// Names the variant; does not compile when one is missing.
        fn variant(command: &Command) -> &'static str {
            match command { $( Command::$name { .. } => stringify!($name), )* }
        }
        const VARIANTS: &[&str] = &[$(stringify!($name)),*];
    };
}

variants!(
    TrustRig,
    RevokeTrust,
    RemoveRig,
    OpenGoal,
    OpenConvoy,
    JoinGoal,
    EditGoal,
    ReopenBead,
    SplitBead,
    SnoozeDecision,
    ImportBeads,
    ApprovePlan,
    Cancel,
    CreateBead,
    EditBead,
    Link,
    Unlink,
    AddNote,
    CloseBead,
    RetryBead,
    WantChanges,
    Answer,
    ParkBead,
    Tell,
    RequestLanding,
    Pause,
    Resume,
    Stop,
    Thaw,
    HoldMerges,
    ReleaseMerges,
    PreferSubmission,
    RetrySubmission,
    AskGate,
    AnswerGate,
    Undo,
    AddCrew,
    RemoveCrew,
    ConcludeCrew,
    StartCrew,
    StopCrew,
    TellCrew,
    BeginCrewTurn,
    EndCrewTurn,
    AddSchedule,
    RemoveSchedule,
    PauseSchedule,
    ResumeSchedule,
    FireSchedule,
    BeginPlan,
    ProposePlan,
    CloseGoal,
    OpenSeat,
    CloseSeat,
    Grant,
    Claim,
    ClaimNext,
    Started,
    AskHandover,
    GiveHandover,
    Heartbeat,
    RecordUsage,
    Submit,
    Return,
    Finish,
    Ask,
    Discover,
    Form,
    Judge,
    Land,
    Void,
    SendBack,
    RecordGuard,
    Weigh,
    BeginReview,
    EndReview,
    Waive,
    ObserveTarget,
    JudgeBase,
    ConcludeLanding,
    Expire,
    Quarantine,
    TripBreaker,
    Escalate,
    BackOff,
    Recover,
    Degrade,
    SendMail,
    AckMail,
);

fn person() -> Caller {
    Caller::Person {
        name: "anna".into(),
    }
}

fn contexts() -> [WriteContext; 2] {
    [
        WriteContext::default(),
        WriteContext {
            request: Some(RequestId::parse("0197-abc").unwrap()),
            expected: Some(Revision(0)),
        },
    ]
}

#[test]
fn no_command_is_missing_from_the_samples() {
    let mut seen: Vec<_> = sendable()
        .iter()
        .chain(&unsendable())
        .map(variant)
        .collect();
    seen.sort_unstable();
    seen.dedup();
    let mut all = VARIANTS.to_vec();
    all.sort_unstable();
    assert_eq!(seen, all);
}

#[test]
fn every_command_comes_out_of_its_request_as_it_went_in() {
    for command in sendable() {
        for context in contexts() {
            let write = Write::new(command.clone(), context.clone(), &person()).unwrap();
            assert_eq!(write.command(), Ok((command.clone(), context)));
        }
    }
}

#[test]
fn every_rpc_is_named_by_service_and_method() {
    let name = |command| {
        let write = Write::new(command, WriteContext::default(), &person());
        write.unwrap().name()
    };
    assert_eq!(name(Command::Thaw), "town.thaw");
    let given_back = sendable()
        .into_iter()
        .find(|command| variant(command) == "Return");
    assert_eq!(name(given_back.unwrap()), "work.return");
}

#[test]
fn what_only_the_daemon_makes_cannot_be_sent() {
    for command in unsendable() {
        let name = variant(&command);
        let refused = Write::new(command, WriteContext::default(), &person());
        assert_eq!(refused, Err(Unsendable(name)));
    }
}

#[test]
fn a_message_survives_its_bytes() {
    let request = pb::merge::v1::JudgeRequest {
        context: Some(contexts()[1].clone().into()),
        candidate: "api-main-1".into(),
        verdict: pb::common::v1::Verdict::Failed.into(),
        gates: vec![gate(Verdict::Failed).into()],
    };
    let bytes = request.encode_to_vec();
    assert_eq!(
        pb::merge::v1::JudgeRequest::decode(bytes.as_slice()),
        Ok(request)
    );
    let spec: pb::common::v1::BeadSpec = full_spec().into();
    let decoded = pb::common::v1::BeadSpec::decode(spec.encode_to_vec().as_slice()).unwrap();
    assert_eq!(BeadSpec::try_from(decoded), Ok(full_spec()));
}

#[test]
fn a_lease_holder_notes_with_its_own_pen() {
    let holder = Caller::Lease {
        bead: bead("gt-1"),
        epoch: Epoch(3),
        token: Token::parse("abc").unwrap(),
    };
    let command = Command::AddNote {
        bead: bead("gt-1"),
        text: "half way".into(),
    };
    let write = Write::new(command.clone(), WriteContext::default(), &holder).unwrap();
    assert!(matches!(&write, Write::WorkNote(request) if request.epoch == 3));
    assert_eq!(write.command(), Ok((command, WriteContext::default())));
}

#[test]
fn a_question_is_asked_under_the_lease_and_gives_nothing_back() {
    let request = pb::work::v1::AskRequest {
        context: None,
        bead: "gt-1".into(),
        epoch: 2,
        text: "which one?".into(),
    };
    let (command, _) = request.command().unwrap();
    assert!(
        matches!(&command, Command::Ask { bead, epoch: Epoch(2), text } if bead.as_str() == "gt-1" && text == "which one?"),
        "{command:?}"
    );
}

#[test]
fn a_wish_comes_out_of_its_request_as_it_went_in() {
    let mut wish = GoalWish::new(rig(), full_spec());
    let context = contexts()[1].clone();
    let check = |wish: &GoalWish| {
        let request = wish.clone().into_request(context.clone());
        assert_eq!(GoalWish::take(request), Ok((wish.clone(), context.clone())));
    };
    check(&wish);
    wish.plan = Some(plan());
    wish.branch = Some("release".into());
    wish.max = Some(3);
    wish.until = Some(Timestamp(1_700_000_000_000));
    wish.validate_only = true;
    for land in [
        LandWish::Auto,
        LandWish::Main,
        LandWish::Integration,
        LandWish::PullRequest,
    ] {
        for approval in [
            ApprovalWish::Default,
            ApprovalWish::Needed,
            ApprovalWish::NotNeeded,
        ] {
            wish.land = land;
            wish.approval = approval;
            check(&wish);
        }
    }
}

#[test]
fn an_answer_comes_out_as_it_went_in() {
    let written = Written {
        revision: Revision(12),
        ids: vec!["gt-1".into()],
        epoch: Some(Epoch(1)),
        lease_token: Some(Token::parse("00ff").unwrap()),
    };
    let wire: pb::common::v1::Written = written.clone().into();
    assert_eq!(Written::try_from(wire), Ok(written));
    let wire: pb::common::v1::Written = Written::default().into();
    assert_eq!(Written::try_from(wire), Ok(Written::default()));
}

#[test]
fn a_malformed_field_is_named_with_its_path() {
    let check = |request: pb::merge::v1::FormRequest, field: &str| {
        let error = request.command().unwrap_err();
        assert_eq!(error.field, field, "{error}");
    };
    let good = pb::merge::v1::FormRequest {
        context: None,
        id: "c-1".into(),
        target: Some(target(LandMode::Local).into()),
        base: oid('a').to_string(),
        members: vec![],
        commit: oid('b').to_string(),
        tree: oid('c').to_string(),
        retry: 0,
    };
    assert!(good.clone().command().is_ok());
    check(
        pb::merge::v1::FormRequest {
            base: "HEAD".into(),
            ..good.clone()
        },
        "base",
    );
    check(
        pb::merge::v1::FormRequest {
            target: None,
            ..good.clone()
        },
        "target",
    );
    let mut unknown_mode = good.clone();
    unknown_mode.target.as_mut().unwrap().mode = 99;
    check(unknown_mode, "target.mode");
    let mut no_mode = good.clone();
    no_mode.target.as_mut().unwrap().mode = 0;
    check(no_mode, "target.mode");
    let mut bad_member = good;
    bad_member.members.push(pb::common::v1::Member {
        bead: "../x".into(),
        epoch: 1,
        head: oid('a').to_string(),
    });
    check(bad_member, "members[0].bead");
}

#[test]
fn a_malformed_spec_is_refused() {
    let check = |change: fn(&mut pb::common::v1::BeadSpec), field: &str| {
        let mut spec: pb::common::v1::BeadSpec = full_spec().into();
        change(&mut spec);
        let error: Malformed = BeadSpec::try_from(spec).unwrap_err();
        assert_eq!(error.field, field, "{error}");
    };
    check(|spec| spec.priority = Some(5), "priority");
    check(|spec| spec.priority = Some(256), "priority");
    check(|spec| spec.r#type = 77, "type");
    check(|spec| spec.parent = Some(String::new()), "parent");
    check(
        |spec| {
            spec.extra.insert("k".into(), "{".into());
        },
        "extra[k]",
    );
}
