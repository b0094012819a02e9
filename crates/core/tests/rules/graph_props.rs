//! Whatever is asked in whatever order: what must hold after each step.

use std::collections::{BTreeMap, BTreeSet};

use gtd_core::{
    Approval, BeadId, BeadSpec, BeadState, BeadType, CandidateId, Command, EdgeKind, Envelope,
    Epoch, Event, Fault, FaultClass, Goal, Graph, HoldKind, Landing, Member, Need, Outcome,
    PauseScope, Phase, Plan, PlanState, Priority, Rejection, Reserved, RigName, SatisfiedBy,
    SeatName, Standing, UsageDelta, Verdict, View, WaitReason, convoy_row, operations,
    stands_still,
};
use proptest::{prelude::*, strategy::ValueTree};

use crate::scene::{
    Scene, candidate_id, gate_name, gate_run, host, oid, planned, rig, role, rules, run_id, seat,
    seats_of, spec, target,
};

/// One wish of somebody: what, and three numbers that choose about what.
type Wish = (u8, u8, u8, u8);

fn wishes(most: usize) -> impl Strategy<Value = Vec<Wish>> {
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
fn town() -> Scene {
    let mut rules = rules();
    rules.worker.breaker = 2;
    let mut scene = Scene::with_rules(rules);
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
            runs: vec![gate_run(&oid(u64::from(x)), Verdict::Passed)],
        },
    }
}

/// Turns a wish into the command that it is in this scene.
fn command(scene: &mut Scene, (what, x, y, z): Wish) -> Command {
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
                rules
            },
            digest: format!("{z}"),
        },
        1 if z.is_multiple_of(8) => Command::RemoveRig { rig: rig() },
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
        4 => Command::ApprovePlan {
            goal: choose_goal(&scene.graph, x),
        },
        5 => Command::Cancel { bead, why: why() },
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
        20 => Command::WantChanges {
            bead,
            why: why(),
            comments: "src/lib.rs:7: why twice?".to_owned(),
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
        28 => Command::ProposePlan {
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
            },
        },
        42..=45 => Command::Submit {
            bead,
            epoch: now,
            head: oid(u64::from(z) + 500),
            base: oid(1),
            summary: why(),
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
        63 if z.is_multiple_of(2) => Command::TripBreaker { rig: rig() },
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
fn pass_time(scene: &mut Scene, (what, x, _, z): Wish) {
    let is_sign_of_life = what % 64 == 40;
    let is_long = (is_sign_of_life || z.is_multiple_of(16)) && x.is_multiple_of(4);
    scene.later(if is_long {
        5 * 3_600
    } else {
        u64::from(z % 16)
    });
}

/// Lets somebody wish, and time pass.
fn step(scene: &mut Scene, wish: Wish) -> Result<Vec<Event>, Rejection> {
    pass_time(scene, wish);
    let command = command(scene, wish);
    scene.try_tell(command)
}

/// A bead may begin only when begins and ends can be put in an order: an independent look at circles.
fn has_an_order(graph: &Graph) -> bool {
    let mut begun: BTreeSet<&BeadId> = BTreeSet::new();
    let mut ended: BTreeSet<&BeadId> = BTreeSet::new();
    loop {
        let before = (begun.len(), ended.len());
        for bead in graph.beads() {
            let above = bead.spec.parent.iter().chain(&bead.goal);
            let may_begin = above
                .filter(|id| graph.bead(id).is_some())
                .all(|id| begun.contains(id))
                && bead
                    .needs
                    .iter()
                    .filter(|need| need.acts())
                    .all(|need| ended.contains(&need.on));
            if may_begin {
                begun.insert(&bead.id);
            }
            let beads = graph
                .goal(&bead.id)
                .into_iter()
                .flat_map(|goal| &goal.beads);
            if begun.contains(&bead.id) && beads.into_iter().all(|id| ended.contains(id)) {
                ended.insert(&bead.id);
            }
        }
        if (begun.len(), ended.len()) == before {
            return ended.len() == graph.n_beads();
        }
    }
}

fn check_ready(scene: &Scene) {
    let graph = &scene.graph;
    let ready: Vec<&gtd_core::Bead> = graph.ready(&rig(), scene.now).collect();
    let order: Vec<_> = ready.iter().map(|b| (b.spec.priority, b.ordinal)).collect();
    assert!(order.is_sorted(), "by urgency, then by age");
    let listed: BTreeSet<&BeadId> = ready.iter().map(|bead| &bead.id).collect();
    assert_eq!(listed.len(), ready.len(), "nobody twice");
    for (place, bead) in ready.iter().enumerate() {
        let ahead = graph.n_ready_before(bead, scene.now, 1_000);
        assert!(ahead >= place);
    }
    for bead in graph.beads() {
        let is_ready = graph.is_ready(bead, scene.now);
        assert_eq!(listed.contains(&bead.id), is_ready, "{bead:?}");
        let is_blocked = !graph.blockers(bead).is_empty();
        assert!(!(is_ready && is_blocked), "ready and blocked: {bead:?}");
        let says_ready = graph.state_of(bead, scene.now) == BeadState::Ready;
        let is_held = graph.pause_of(bead).is_some() || graph.stop().is_some();
        assert_eq!(says_ready, is_ready && !is_held);
    }
}

fn check_leases(scene: &Scene) {
    let graph = &scene.graph;
    for bead in graph.beads() {
        let holds = seats_of(graph, &bead.id);
        match crate::scene::seat_of_lease(bead) {
            Some(seat) => assert_eq!(holds, std::slice::from_ref(seat), "{bead:?}"),
            None => assert_eq!(holds, [], "{bead:?}"),
        }
        if let Some(lease) = bead.phase.lease() {
            assert_eq!(lease.epoch, bead.epoch);
            assert!(graph.rig(&bead.rig).is_some());
        }
        let open = bead.attempts.iter().filter(|a| a.ended.is_none()).count();
        assert_eq!(open, usize::from(bead.phase.lease().is_some()), "{bead:?}");
    }
}

fn check_queues(scene: &Scene) {
    let graph = &scene.graph;
    let is_submitted = |id: &BeadId| {
        let bead = graph.bead(id).unwrap();
        matches!(bead.phase, Phase::Submitted { .. })
    };
    for queue in graph.queues() {
        assert!(queue.suspects.iter().all(is_submitted), "{queue:?}");
        // What is proven may be on its target, whoever left it meanwhile.
        let unproven = queue
            .candidate
            .iter()
            .filter(|candidate| candidate.verdict != Some(Verdict::Passed));
        for member in unproven.flat_map(|c| &c.members) {
            let bead = graph.bead(&member.bead).unwrap();
            assert!(
                matches!(&bead.phase, Phase::Submitted { epoch, head, .. }
                    if *epoch == member.epoch && *head == member.head),
                "{bead:?}"
            );
        }
    }
    for (id, goal) in graph.goals() {
        let open = goal
            .beads
            .iter()
            .filter(|id| !graph.bead(id).unwrap().phase.is_finished())
            .count();
        assert_eq!(usize::try_from(graph.open_in_goal(id)).unwrap(), open);
        if graph.bead(id).unwrap().phase.is_finished() {
            assert_eq!(open, 0, "an ended goal has no open beads");
        }
        if goal.plan == PlanState::Proposed {
            // A bead that a person put into the goal before there was a plan is no part of it.
            let begun = |id: &BeadId| {
                let bead = graph.bead(id).unwrap();
                bead.local_id.is_some() && bead.phase.lease().is_some()
            };
            assert!(
                !goal.beads.iter().any(begun),
                "nothing begins before the yes"
            );
        }
    }
    let is_over = |id: &BeadId| graph.bead(id).is_some_and(|bead| bead.phase.is_finished());
    assert!(
        !graph
            .pauses()
            .iter()
            .any(|pause| matches!(&pause.scope, PauseScope::Bead(id) if is_over(id)))
    );
}

fn check_reasons(scene: &Scene) {
    let graph = &scene.graph;
    for bead in graph.beads() {
        let why = scene.why(&bead.id);
        if bead.phase.is_finished() {
            assert_eq!(why.reason(), None);
            continue;
        }
        assert!(!why.chain.is_empty(), "{why:#?}");
        for cause in &why.chain {
            assert_ne!(cause.code, WaitReason::Unknown, "{why:#?}");
            assert!(!cause.text.trim().is_empty(), "{why:#?}");
        }
        assert_eq!(why.verdict == Standing::NeedsYou, !why.clears_by_itself);
        assert!(why.clears_by_itself || !why.next.is_empty(), "{why:#?}");
        assert!(!why.then.is_empty(), "{why:#?}");
    }
    for (id, goal) in graph.goals() {
        let still = stands_still(graph, &scene.observations, id, scene.now);
        let bead = graph.bead(id).unwrap();
        if bead.phase.is_finished() {
            assert!(!still);
            continue;
        }
        let why = scene.why(id);
        assert_eq!(why.clears_by_itself, !still, "{why:#?}");
        let mut open = goal
            .beads
            .iter()
            .filter(|id| !graph.bead(id).unwrap().phase.is_finished())
            .peekable();
        if goal.plan == PlanState::Approved && open.peek().is_some() {
            // The quick look at the whole goal says what the looks at all of its beads say.
            assert_eq!(
                still,
                open.all(|id| !scene.why(id).clears_by_itself),
                "{why:#?}"
            );
        }
    }
}

/// What is kept as a number is what a look at every bead would count.
fn check_counts(scene: &Scene) {
    let (graph, now) = (&scene.graph, scene.now);
    let rigs: Vec<Option<&RigName>> = graph.rigs().map(|rig| Some(&rig.name)).collect();
    for rig in rigs.into_iter().chain([None]) {
        let mut counted: BTreeMap<BeadState, usize> = BTreeMap::new();
        for bead in graph.beads().filter(|bead| {
            rig.is_none_or(|rig| bead.rig == *rig)
                && graph.goal(&bead.id).is_none()
                && !bead.phase.is_finished()
        }) {
            *counted.entry(graph.state_of(bead, now)).or_default() += 1;
        }
        assert_eq!(graph.counts(rig, now), counted);
    }
    let n_open = graph.beads().filter(|bead| !bead.phase.is_finished());
    assert_eq!(graph.n_unfinished(), n_open.count());
    let view = View {
        graph,
        observations: &scene.observations,
        now,
    };
    for (id, goal) in graph.goals() {
        let bead = graph.bead(id).unwrap();
        let states: Vec<BeadState> = goal
            .beads
            .iter()
            .map(|id| graph.state_of(graph.bead(id).unwrap(), now))
            .collect();
        let count = |wanted: &[BeadState]| states.iter().filter(|s| wanted.contains(s)).count();
        let row = convoy_row(view, bead, goal);
        assert_eq!(
            [
                row.total,
                row.done,
                row.landed,
                row.running,
                row.queued,
                row.parked,
                row.failed
            ],
            [
                states.len(),
                count(&[BeadState::Landed, BeadState::Closed]),
                count(&[BeadState::Landed]),
                count(&[BeadState::Running]),
                count(&[BeadState::Submitted, BeadState::Queued]),
                count(&[BeadState::Parked]),
                count(&[BeadState::Failed, BeadState::Cancelled]),
            ]
        );
        let has_landed = |goal: &Goal| {
            let mut beads = goal.beads.iter().map(|id| graph.bead(id).unwrap());
            beads.any(|bead| matches!(bead.phase, Phase::Landed { .. }))
        };
        let newest = graph
            .goals()
            .filter(|(_, other)| other.target == goal.target && has_landed(other))
            .max_by_key(|(id, _)| graph.bead(id).unwrap().ordinal);
        assert_eq!(
            graph.newest_landed_goal(&goal.target),
            newest.map(|(id, _)| id)
        );
        let home = |goal: &Goal| matches!(goal.landing, Landing::Done { .. });
        assert_eq!(
            graph.goals_at_home(&goal.target).count(),
            graph
                .goals()
                .filter(|(_, other)| other.target == goal.target && home(other))
                .count()
        );
    }
}

fn check(scene: &Scene) {
    assert!(scene.graph.index_is_true());
    check_counts(scene);
    check_ready(scene);
    check_leases(scene);
    check_queues(scene);
    check_reasons(scene);
}

#[test]
fn chance_comes_to_everything() {
    // Told by hand in the golden story: they touch nothing else.
    const PLAIN: [&str; 8] = [
        "CrewConcluded",
        "CrewJoined",
        "CrewLeaving",
        "EffectBackedOff",
        "EffectRecovered",
        "Escalated",
        "MailAcked",
        "MailSent",
    ];
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut seen: BTreeSet<&str> = PLAIN.into();
    for _ in 0..300 {
        let wishes = wishes(160).new_tree(&mut runner).unwrap().current();
        let mut scene = town();
        for wish in wishes {
            drop(step(&mut scene, wish));
        }
        seen.extend(scene.log.iter().map(|(_, envelope)| envelope.event.name()));
    }
    let all = crate::golden::decided();
    assert_eq!(
        all.difference(&seen).collect::<Vec<_>>(),
        Vec::<&&str>::new()
    );
}

proptest! {
    #[test]
    fn after_every_step_the_graph_holds_together(wishes in wishes(160)) {
        let mut scene = town();
        let mut epochs: BTreeMap<BeadId, Epoch> = BTreeMap::new();
        for wish in wishes {
            let before = scene.graph.clone();
            match step(&mut scene, wish) {
                Ok(events) => for event in events {
                    if let Event::LeaseGranted { bead, lease } = &event {
                        let last = epochs.insert(bead.clone(), lease.epoch).unwrap_or_default();
                        prop_assert_eq!(lease.epoch, last.next());
                    }
                    let line = serde_json::to_string(&event).unwrap();
                    prop_assert_eq!(serde_json::from_str::<Event>(&line).unwrap(), event);
                },
                Err(why) => {
                    prop_assert_eq!(&scene.graph, &before);
                    crate::rejections::check(&why);
                    if let Rejection::Cycle { path } = why {
                        prop_assert!(path.len() > 1);
                        prop_assert_eq!(path.first(), path.last());
                    }
                }
            }
            check(&scene);
        }
        prop_assert!(has_an_order(&scene.graph));
    }

    #[test]
    fn what_lived_is_what_the_log_tells(wishes in wishes(160), cut in any::<prop::sample::Index>()) {
        let mut scene = town();
        for wish in wishes {
            // A refusal is an answer too.
            drop(step(&mut scene, wish));
        }
        let lines: Vec<String> = scene
            .log
            .iter()
            .map(|(_, envelope)| serde_json::to_string(envelope).unwrap())
            .collect();
        let mut graph = Graph::default();
        let cut = cut.index(lines.len());
        for ((revision, _), line) in scene.log.iter().zip(&lines) {
            let envelope: Envelope = serde_json::from_str(line).unwrap();
            graph.apply(*revision, &envelope);
            if usize::try_from(revision.0).unwrap() == cut {
                let snapshot = serde_json::to_string(&graph).unwrap();
                graph = serde_json::from_str(&snapshot).unwrap();
            }
        }
        prop_assert_eq!(&graph, &scene.graph);
        prop_assert!(graph.index_is_true());
        prop_assert_eq!(crate::laws::replay(&scene), graph);
    }

    #[test]
    fn a_repeat_adds_nothing_whatever_went_before(wishes in wishes(60)) {
        let mut scene = town();
        for wish in wishes {
            pass_time(&mut scene, wish);
            let command = command(&mut scene, wish);
            let Ok(events) = scene.try_tell(command.clone()) else { continue };
            // Judging takes apart what it judged; see the law about it. Whoever removes a schedule
            // that is gone is told so, and whoever runs one twice wants two goals.
            let is_told_apart = matches!(
                command,
                Command::Judge { .. }
                    | Command::RemoveSchedule { .. }
                    | Command::FireSchedule { due: None, .. }
            );
            if crate::laws::adds_each_time(&command).is_none()
                && !is_told_apart
                && !events.is_empty()
            {
                prop_assert_eq!(scene.try_tell(command.clone()), Ok(vec![]), "{:?}", command);
            }
        }
    }
}

/// The facts without what only says when something was written.
fn timeless(graph: &Graph) -> serde_json::Value {
    let mut facts = serde_json::to_value(graph).unwrap();
    for key in ["revision", "ordinals", "queues"] {
        facts[key] = serde_json::Value::Null;
    }
    for (_, bead) in facts["beads"].as_object_mut().unwrap() {
        bead["changed"] = serde_json::Value::Null;
    }
    // One that is there again counts its times from then on.
    let of_rigs = facts
        .get_mut("schedules")
        .and_then(|all| all.as_object_mut());
    for (_, of_rig) in of_rigs.into_iter().flatten() {
        for (_, schedule) in of_rig.as_object_mut().unwrap() {
            schedule["since"] = serde_json::Value::Null;
        }
    }
    let pauses = facts["pauses"].as_array_mut().unwrap();
    pauses.sort_by_key(ToString::to_string);
    facts
}

proptest! {
    #[test]
    fn undo_after_do_gives_the_graph_of_before(wishes in wishes(120)) {
        let mut scene = town();
        for wish in wishes {
            let n = operations(&scene.log).len();
            if step(&mut scene, wish).is_err() || operations(&scene.log).len() == n {
                continue;
            }
            // What each wish did is undone in a world of its own, so that the story goes on.
            let op = operations(&scene.log).pop().unwrap();
            if op.undoes().is_some() {
                continue;
            }
            let before = scene.before(&op);
            let held = op
                .subjects()
                .iter()
                .filter_map(|id| before.bead(id))
                .any(|bead| bead.phase.lease().is_some());
            let mut undone = scene.clone();
            let reversal = undone.reversal(&op);
            match reversal {
                Ok(reversal) => {
                    let undo = Command::Undo { reversal: Box::new(reversal) };
                    undone.tell(undo.clone());
                    prop_assert!(undone.graph.index_is_true(), "{}", op.what());
                    // An attempt that was ended does not begin again.
                    if !held {
                        prop_assert_eq!(timeless(&undone.graph), timeless(&before), "{}", op.what());
                    }
                    prop_assert_eq!(undone.tell(undo), vec![], "{}", op.what());
                }
                Err(why) => {
                    prop_assert_eq!(why.code(), "E0219");
                    prop_assert_eq!(&undone.graph, &scene.graph);
                }
            }
        }
    }
}
