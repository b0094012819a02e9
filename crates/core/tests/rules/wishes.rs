//! Chance: numbers that become what somebody asks of a town.

use gtd_core::{
    Approval, BeadId, BeadSpec, BeadType, CandidateId, Command, EdgeKind, Epoch, Event, Fault,
    FaultClass, Graph, HoldKind, Member, Need, Outcome, PauseScope, Phase, Plan, Priority,
    Rejection, Reserved, RuntimeName, SatisfiedBy, SeatName, UsageDelta, Verdict, operations,
};
use proptest::prelude::*;

use crate::scene::{
    Scene, candidate_id, flaky_run, gate_name, gate_run, host, oid, planned, rig, role, rules,
    run_id, seat, spec, target,
};

/// One wish of somebody: what, and three numbers that choose about what.
pub(crate) type Wish = (u8, u8, u8, u8);

pub(crate) fn wishes(most: usize) -> impl Strategy<Value = Vec<Wish>> {
    prop::collection::vec(any::<Wish>(), 1..most)
}

/// Chooses among what there is.
fn choose(graph: &Graph, number: u8) -> BeadId {
    let ids: Vec<&BeadId> = graph.beads().map(|bead| &bead.id).collect();
    match ids.len() {
        0 => BeadId::parse("gt-none").unwrap(),
        n => ids[usize::from(number) % n].clone(),
    }
}

/// Chooses a bead to which the wish applies, mostly.
fn choose_for(graph: &Graph, what: u8, now: gtd_core::Timestamp, number: u8) -> BeadId {
    let fits = |bead: &&gtd_core::Bead| match what % 64 {
        _ if (245..=247).contains(&what) => matches!(bead.phase, Phase::Submitted { .. }),
        32..=37 => graph.is_ready(bead, now),
        39..=49 | 61 => bead.phase.lease().is_some(),
        58 | 59 => matches!(bead.phase, Phase::Submitted { .. }),
        19 | 20 => matches!(bead.phase, Phase::Parked { .. } | Phase::Closed { .. }),
        62 => graph.is_spent(bead),
        _ => true,
    };
    let ids: Vec<&BeadId> = graph.beads().filter(fits).map(|bead| &bead.id).collect();
    if ids.is_empty() || number >= 240 {
        return choose(graph, number);
    }
    ids[usize::from(number) % ids.len()].clone()
}

fn choose_goal(graph: &Graph, number: u8) -> BeadId {
    let ids: Vec<&BeadId> = graph.goals().map(|(id, _)| id).collect();
    match ids.len() {
        0 => choose(graph, number),
        n => ids[usize::from(number) % n].clone(),
    }
}

fn class(number: u8) -> FaultClass {
    match number % 10 {
        0..=2 => FaultClass::Exit { code: 1 },
        3 => FaultClass::Gate {
            gate: "test".to_owned(),
        },
        4 => FaultClass::Conflict { files: vec![] },
        5 => FaultClass::Lost,
        6 => FaultClass::Question,
        7 => FaultClass::GivenBack,
        8 => FaultClass::Infra,
        _ => FaultClass::Silent,
    }
}

fn fault(number: u8) -> Fault {
    Fault {
        text: if number.is_multiple_of(3) {
            String::new()
        } else {
            "it went wrong".to_owned()
        },
        ..crate::scene::fault(class(number))
    }
}

fn kind(number: u8) -> EdgeKind {
    match number % 8 {
        0..=3 => EdgeKind::Blocks,
        4 => EdgeKind::ConditionalBlocks,
        5 => EdgeKind::DiscoveredFrom,
        6 => EdgeKind::Custom("blocks".to_owned()),
        _ => EdgeKind::Custom("hears-of".to_owned()),
    }
}

fn need(graph: &Graph, number: u8) -> Need {
    Need {
        on: choose(graph, number),
        kind: kind(number / 3),
        satisfied_by: match number % 4 {
            0 | 1 => SatisfiedBy::Success,
            2 => SatisfiedBy::Failure,
            _ => SatisfiedBy::Finish,
        },
    }
}

fn outcome(graph: &Graph, number: u8) -> Outcome {
    match number % 6 {
        0 | 1 => Outcome::Done,
        2 => Outcome::NoOp,
        3 => Outcome::Failed,
        4 => Outcome::Cancelled,
        _ => Outcome::Duplicate {
            of: choose(graph, number / 6),
        },
    }
}

fn wanted(graph: &Graph, number: u8) -> BeadSpec {
    BeadSpec {
        priority: Priority::new(number % 5).unwrap(),
        kind: if number % 16 == 3 {
            BeadType::Goal
        } else {
            BeadType::Task
        },
        run: (!number.is_multiple_of(8)).then(|| "true".to_owned()),
        parent: (number % 5 == 1).then(|| choose(graph, number / 5)),
        metadata: [(
            "share".to_owned(),
            serde_json::json!(f64::from(number) / 7.0),
        )]
        .into(),
        ..spec("a bead")
    }
}

fn scope(graph: &Graph, number: u8) -> PauseScope {
    match number % 6 {
        0 if number % 4 == 2 => PauseScope::Runtime(RuntimeName::parse("shell").unwrap()),
        0 => PauseScope::Town,
        1 => PauseScope::Rig(rig()),
        2 => PauseScope::Role(role(["crew", "refinery", "mayor"][usize::from(number) % 3])),
        _ => PauseScope::Bead(choose(graph, number / 6)),
    }
}

fn approval(number: u8) -> Approval {
    if number.is_multiple_of(3) {
        Approval::Needed
    } else {
        Approval::NotNeeded
    }
}

fn a_plan(graph: &Graph, number: u8) -> Plan {
    let mut beads = vec![planned("a", &[]), planned("b", &["a"])];
    if number % 4 == 1 {
        beads.push(planned("c", &[choose(graph, number / 4).as_str()]));
    }
    Plan {
        beads,
        ..Plan::default()
    }
}

fn any_seat(number: u8) -> SeatName {
    seat(["quartz", "onyx", "eve"][usize::from(number) % 3])
}

/// The epoch of a bead, mostly; sometimes a wrong one.
fn epoch(graph: &Graph, id: &BeadId, number: u8) -> Epoch {
    let epoch = graph.bead(id).map_or(Epoch(0), |bead| bead.epoch);
    match number % 16 {
        0 => epoch.next(),
        1 => Epoch(epoch.0.saturating_sub(1)),
        _ => epoch,
    }
}

/// The epoch of the attempt at the plan of a goal; 0 when nobody makes one.
fn epoch_of_plan(graph: &Graph, goal: &BeadId) -> Epoch {
    let lease = graph.bead(goal).and_then(|goal| goal.phase.lease());
    lease.map_or(Epoch(0), |lease| lease.epoch)
}

fn in_test(scene: &Scene) -> CandidateId {
    scene.in_test().unwrap_or_else(|| candidate_id("mr-none"))
}

fn tip(scene: &Scene) -> gtd_core::Oid {
    let queue = scene.graph.queue(&target());
    queue
        .and_then(|queue| queue.tip.clone())
        .unwrap_or_else(|| oid(1))
}

/// A town in which two failures in a row are a streak.
pub(crate) fn town() -> Scene {
    let mut rules = rules();
    rules.worker.breaker = 2;
    rules.merge.flakes = 1;
    rules.replans = gtd_core::ReplanRules {
        most: 2,
        given: true,
        approval: Approval::NotNeeded,
    };
    let mut scene = Scene::with_rules(rules);
    scene.name_asks();
    for name in ["quartz", "onyx"] {
        scene.open_seat(name);
    }
    scene
}

/// Turns a wish into what is done with goals that come by the clock.
fn by_the_clock(scene: &Scene, (_, x, y, z): Wish) -> Command {
    let name = ["nightly", "weekly"][usize::from(y) / 192];
    let schedule = || gtd_core::ScheduleName::parse(name).unwrap();
    // What comes most of the time after it is there, comes first when it is not.
    let known = scene.graph.schedule(&rig(), &schedule());
    let what = match known {
        None => 0,
        Some(known) if known.paused.is_some() && !x.is_multiple_of(4) => 3,
        Some(_) => 1 + x % 5,
    };
    match what {
        0 => crate::schedules::add_command(name, "0 2 * * *"),
        1 => Command::RemoveSchedule {
            rig: rig(),
            schedule: schedule(),
        },
        2 | 3 if known.is_some_and(|known| known.paused.is_none()) => Command::PauseSchedule {
            rig: rig(),
            schedule: schedule(),
            why: "because".to_owned(),
        },
        3 => Command::ResumeSchedule {
            rig: rig(),
            schedule: schedule(),
        },
        _ => crate::schedules::fire(name, z.is_multiple_of(2).then_some(scene.now), u32::from(z)),
    }
}

/// Turns a wish into what a person does with beads and the goals that they answer.
fn regroup(scene: &Scene, bead: BeadId, (_, x, y, z): Wish) -> Command {
    let goal = choose_goal(&scene.graph, y);
    let until = z.is_multiple_of(3).then(|| {
        let seconds = u64::from(y) + 1;
        scene.now.plus(std::time::Duration::from_secs(seconds))
    });
    match x % 5 {
        0 => Command::OpenConvoy {
            spec: wanted(&scene.graph, y),
            target: target(),
            max: None,
            until,
            beads: vec![bead, choose(&scene.graph, z)],
        },
        1 => Command::JoinGoal {
            goal,
            beads: vec![bead, choose(&scene.graph, z)],
        },
        2 => Command::EditGoal {
            spec: spec("a goal, otherwise"),
            goal,
            max: (y % 4 == 1).then_some(1),
            until,
        },
        3 => Command::ReopenBead { bead },
        _ => Command::SplitBead {
            bead,
            parts: a_plan(&scene.graph, y).beads,
            rest: z.is_multiple_of(2).then(|| "make".to_owned()),
        },
    }
}

/// Turns a wish into what a person does with the merges.
fn hand_on_the_merges(scene: &Scene, bead: BeadId, (what, x, y, z): Wish) -> Command {
    let came_back = |bead: &&gtd_core::Bead| {
        matches!(bead.phase, Phase::Returned { .. } | Phase::Parked { .. })
            && bead.attempts.last().is_some_and(|last| last.head.is_some())
    };
    match what {
        240..=241 => Command::HoldMerges {
            rig: rig(),
            kind: if x.is_multiple_of(2) {
                HoldKind::Pause
            } else {
                HoldKind::Freeze
            },
            until: y.is_multiple_of(2).then(|| {
                scene
                    .now
                    .plus(std::time::Duration::from_secs(u64::from(z) + 1))
            }),
            why: "because".to_owned(),
        },
        242 | 243 => Command::ReleaseMerges { rig: rig() },
        244 | 245 => by_the_clock(scene, (what, x, y, z)),
        246 | 247 => Command::PreferSubmission { bead },
        248..=251 => Command::RetrySubmission {
            bead: scene
                .graph
                .beads()
                .find(came_back)
                .map_or(bead, |bead| bead.id.clone()),
        },
        252 | 253 => Command::AskGate {
            rig: rig(),
            gate: gate_name("test"),
            commit: oid(u64::from(x)),
            bead: Some(bead),
        },
        _ => Command::AnswerGate {
            number: scene.graph.gate_asks().next().map_or(1, |ask| ask.number),
            runs: vec![match y % 4 {
                0 => gate_run(&oid(u64::from(x)), Verdict::Passed),
                test => flaky_run(
                    &oid(u64::from(x)),
                    &format!("test-{test}"),
                    &format!("asked-{x}-{z}"),
                ),
            }],
        },
    }
}

/// Turns a wish into the command that it is in this scene.
pub(crate) fn command(scene: &mut Scene, (what, x, y, z): Wish) -> Command {
    let bead = choose_for(&scene.graph, what, scene.now, x);
    let now = epoch(&scene.graph, &bead, y);
    let why = || "because".to_owned();
    if what >= 240 {
        return hand_on_the_merges(scene, bead, (what, x, y, z));
    }
    match what % 64 {
        0 => Command::TrustRig {
            rig: rig(),
            rules: {
                let mut rules = rules();
                rules.worker.attempts = u32::from(x % 3) + 1;
                rules.worker.max = u32::from(y % 3) + 1;
                rules.worker.breaker = u32::from(z % 4);
                rules.merge.flakes = u32::from(z % 2) + 1;
                rules
            },
            digest: format!("{z}"),
        },
        1 if z.is_multiple_of(8) => Command::RemoveRig { rig: rig() },
        1 if z % 8 == 1 => Command::RevokeTrust {
            rig: rig(),
            why: why(),
        },
        1 => match operations(&scene.log)
            .last()
            .and_then(|op| scene.reversal(op).ok())
        {
            Some(reversal) => Command::Undo {
                reversal: Box::new(reversal),
            },
            None => Command::Degrade {
                role: role("mayor"),
                why: why(),
            },
        },
        2 | 3 => Command::OpenGoal {
            spec: spec("a goal"),
            target: target(),
            max: None,
            until: z.is_multiple_of(5).then(|| {
                scene
                    .now
                    .plus(std::time::Duration::from_secs(u64::from(y) + 1))
            }),
            plan: (!y.is_multiple_of(4)).then(|| a_plan(&scene.graph, y)),
            approval: approval(z),
        },
        4 if z.is_multiple_of(2) => regroup(scene, bead, (what, x, y, z)),
        4 => Command::ApprovePlan {
            goal: choose_goal(&scene.graph, x),
        },
        5 => Command::Cancel { bead, why: why() },
        10 if z % 2 == 1 => regroup(scene, bead, (what, x, y, z)),
        6..=10 => Command::CreateBead {
            rig: rig(),
            goal: z.is_multiple_of(3).then(|| choose_goal(&scene.graph, z)),
            spec: wanted(&scene.graph, x),
            needs: vec![need(&scene.graph, y), need(&scene.graph, z)],
        },
        11 => Command::EditBead {
            bead,
            spec: wanted(&scene.graph, y),
        },
        12..=15 => Command::Link {
            bead,
            need: need(&scene.graph, y),
        },
        16 => Command::Unlink {
            need: scene
                .graph
                .bead(&bead)
                .and_then(|bead| bead.needs.first().cloned())
                .unwrap_or_else(|| need(&scene.graph, y)),
            bead,
        },
        17 if !z.is_multiple_of(4) => by_the_clock(scene, (what, x, y, z)),
        17 => Command::AddNote { bead, text: why() },
        18 => Command::CloseBead {
            bead,
            outcome: outcome(&scene.graph, y),
            why: why(),
        },
        19 => Command::RetryBead { bead },
        20 if y.is_multiple_of(2) => Command::RetryBead { bead },
        20 if z.is_multiple_of(3) => Command::ReopenBead { bead },
        20 => Command::WantChanges {
            bead,
            why: why(),
            comments: "src/lib.rs:7: why twice?".to_owned(),
        },
        21 if y.is_multiple_of(3) => Command::Tell {
            bead,
            text: "mind the gap".to_owned(),
        },
        21 => Command::ParkBead {
            bead,
            why: String::new(),
        },
        22 => Command::RequestLanding {
            goal: choose_goal(&scene.graph, x),
        },
        23 if y.is_multiple_of(3) => Command::Pause {
            scope: scope(&scene.graph, x),
            why: why(),
        },
        23..=25 => Command::Resume {
            scope: match scene.graph.pauses().first() {
                Some(pause) if !y.is_multiple_of(4) => pause.scope.clone(),
                _ => scope(&scene.graph, x),
            },
        },
        26 if z.is_multiple_of(8) => Command::Stop { why: why() },
        26 | 27 => Command::Thaw,
        28 if z.is_multiple_of(3) => Command::BeginPlan {
            epoch: epoch(&scene.graph, &choose_goal(&scene.graph, x), z).next(),
            goal: choose_goal(&scene.graph, x),
            seat: seat(["plan-1", "plan-2"][usize::from(y) % 2]),
            host: host(),
            runtime: RuntimeName::parse("claude").unwrap(),
        },
        28 => Command::ProposePlan {
            epoch: epoch_of_plan(&scene.graph, &choose_goal(&scene.graph, x)),
            goal: choose_goal(&scene.graph, x),
            plan: a_plan(&scene.graph, y),
            approval: approval(z),
        },
        29 => Command::CloseGoal {
            goal: choose_goal(&scene.graph, x),
            outcome: outcome(&scene.graph, y % 5),
            why: why(),
            proof: vec![],
        },
        30 => Command::OpenSeat {
            seat: any_seat(x),
            rig: rig(),
            host: host(),
        },
        31 => Command::CloseSeat { seat: any_seat(x) },
        32..=36 => Command::Grant {
            bead,
            seat: any_seat(z),
            epoch: now.next(),
            reserved: Reserved::default(),
        },
        37 => Command::Claim {
            bead,
            name: any_seat(z),
        },
        38 => Command::ClaimNext {
            rig: rig(),
            name: any_seat(z),
        },
        39 => Command::Started {
            bead,
            epoch: now,
            run: run_id("a-run"),
            told: 0,
        },
        40 => Command::Heartbeat { bead, epoch: now },
        41 => Command::RecordUsage {
            bead,
            epoch: now,
            usage: UsageDelta {
                run: run_id("a-run"),
                sequence: u64::from(z),
                input: 1,
                output: 2,
                cache_read: 3,
                cache_write: 4,
                usd_micros: 5,
                estimated: false,
                context: None,
            },
        },
        42..=45 => Command::Submit {
            bead,
            epoch: now,
            head: oid(u64::from(z) + 500),
            base: oid(1),
            summary: why(),
            checks: vec![],
        },
        46 | 47 => Command::Return {
            bead,
            epoch: now,
            why: fault(z),
        },
        48 => Command::Finish {
            bead,
            epoch: now,
            outcome: outcome(&scene.graph, z),
            why: why(),
        },
        49 => Command::Discover {
            bead,
            epoch: now,
            spec: BeadSpec {
                run: None,
                ..wanted(&scene.graph, z)
            },
        },
        50..=52 => {
            let members: Vec<Member> = scene
                .graph
                .queued(&target())
                .filter_map(|bead| match &bead.phase {
                    Phase::Submitted { epoch, head, .. } => Some(Member {
                        bead: bead.id.clone(),
                        epoch: *epoch,
                        head: head.clone(),
                    }),
                    _ => None,
                })
                .take(usize::from(x % 3) + 1)
                .collect();
            let at = tip(scene);
            let mut command = scene.form_command(&members);
            if let Command::Form { base, .. } = &mut command {
                *base = at;
            }
            command
        }
        53..=55 => {
            let verdict = match x % 4 {
                0 | 1 => Verdict::Passed,
                2 => Verdict::Failed,
                _ => Verdict::Infra,
            };
            let queue = scene.graph.queue(&target());
            let commit = queue
                .and_then(|queue| Some(queue.candidate.as_ref()?.commit.clone()))
                .unwrap_or_else(|| oid(1));
            Command::Judge {
                candidate: in_test(scene),
                verdict,
                gates: vec![gate_run(&commit, verdict)],
            }
        }
        56 | 57 => Command::Land {
            candidate: in_test(scene),
        },
        58 if z.is_multiple_of(2) => Command::Void {
            candidate: in_test(scene),
            why: why(),
        },
        58 | 59 => Command::SendBack {
            bead,
            epoch: now,
            why: fault(z),
        },
        60 if z.is_multiple_of(2) => Command::ObserveTarget {
            target: target(),
            tip: oid(u64::from(x % 4) + 1),
        },
        60 => Command::JudgeBase {
            target: target(),
            gate: gate_run(
                &tip(scene),
                if x.is_multiple_of(2) {
                    Verdict::Passed
                } else {
                    Verdict::Failed
                },
            ),
        },
        61 => Command::Expire {
            bead,
            epoch: now,
            why: fault(z),
        },
        62 => Command::Quarantine { bead },
        63 if z.is_multiple_of(2) => Command::TripBreaker {
            rig: rig(),
            goal: None,
        },
        63 => Command::ConcludeLanding {
            goal: choose_goal(&scene.graph, x),
            commit: y.is_multiple_of(2).then(|| oid(9)),
            why: why(),
        },
        _ => Command::Degrade {
            role: role("mayor"),
            why: why(),
        },
    }
}

/// Mostly some seconds; at times a whole shift.
pub(crate) fn pass_time(scene: &mut Scene, (what, x, _, z): Wish) {
    let is_sign_of_life = what % 64 == 40;
    let is_long = (is_sign_of_life || z.is_multiple_of(16)) && x.is_multiple_of(4);
    scene.later(if is_long {
        5 * 3_600
    } else {
        u64::from(z % 16)
    });
}

/// Lets somebody wish, and time pass.
pub(crate) fn step(scene: &mut Scene, wish: Wish) -> Result<Vec<Event>, Rejection> {
    pass_time(scene, wish);
    let command = command(scene, wish);
    scene.try_tell(command)
}
