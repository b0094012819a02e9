//! The wall clock jumps, and nothing ends for it.

use std::time::Duration;

use gtd_core::{
    Actor, Approval, Ask, BeadSpec, Command, Envelope, Graph, HostName, LandMode, Plan,
    PlannedBead, Reserved, RigName, RigRules, SeatName, Target, Timestamp, WorkerRules, decide,
};
use gtd_plan::{Answer, LiveSeen, Planner, Question, RunSeen, Seen, Witness};

const NOW: Timestamp = Timestamp(1_800_000_000_000);
const HOUR_MS: i64 = 3_600_000;
const LEASES: u32 = 40;

fn name() -> RigName {
    RigName::parse("shop").expect("a name")
}

fn host() -> HostName {
    HostName::parse("local").expect("a name")
}

fn tell(graph: &mut Graph, command: Command) {
    let ask = Ask {
        by: Actor::Daemon,
        request: None,
        expected: None,
        command,
    };
    for event in decide(graph, &ask, NOW).expect("the rules allow it") {
        let envelope = Envelope {
            at: NOW,
            by: Actor::Daemon,
            request: None,
            cause: None,
            event,
        };
        graph.apply(graph.revision().next(), &envelope);
    }
}

/// A town in which every bead is leased to a seat.
fn busy_town() -> Graph {
    let mut graph = Graph::default();
    tell(
        &mut graph,
        Command::TrustRig {
            rig: name(),
            rules: RigRules {
                prefix: "gt".to_owned(),
                branch: "main".to_owned(),
                gates: vec![],
                worker: WorkerRules {
                    max: LEASES,
                    ..WorkerRules::default()
                },
                merge: Default::default(),
                schedules: vec![],
                questions: gtd_core::QuestionRules::default(),
                discovery: gtd_core::DiscoveryRules::default(),
                budget: Default::default(),
                replans: Default::default(),
                policies: Default::default(),
            },
            digest: String::new(),
        },
    );
    let spec = |title: String| BeadSpec {
        title,
        run: Some("true".to_owned()),
        ..BeadSpec::default()
    };
    tell(
        &mut graph,
        Command::OpenGoal {
            spec: spec("Everything at once".to_owned()),
            target: Target {
                rig: name(),
                r#ref: "refs/heads/main".to_owned(),
                mode: LandMode::Local,
                branch: "main".to_owned(),
            },
            max: None,
            until: None,
            plan: Some(Plan {
                beads: (0..LEASES)
                    .map(|n| PlannedBead {
                        local_id: format!("b{n}"),
                        spec: spec(format!("bead {n}")),
                        needs: vec![],
                    })
                    .collect(),
                ..Plan::default()
            }),
            approval: Approval::NotNeeded,
        },
    );
    let beads = graph.goals().next().expect("the goal").1.beads.clone();
    for (n, bead) in beads.into_iter().enumerate() {
        let seat = SeatName::parse(&format!("seat-{n}")).expect("a name");
        let epoch = graph.bead(&bead).expect("a bead of the goal").epoch.next();
        tell(
            &mut graph,
            Command::OpenSeat {
                seat: seat.clone(),
                rig: name(),
                host: host(),
            },
        );
        tell(
            &mut graph,
            Command::Grant {
                bead,
                seat,
                epoch,
                reserved: Reserved::default(),
            },
        );
    }
    graph
}

#[test]
fn row_33_a_clock_that_jumps_ends_no_lease() {
    let graph = busy_town();
    assert_eq!(graph.leased().count(), 40);
    let witness = Witness { host: host() };
    for jump in [0, 8 * HOUR_MS, -HOUR_MS, 365 * 24 * HOUR_MS] {
        let now = Timestamp(NOW.0 + jump);
        let mut seen = Seen::default();
        for question in witness.look(&graph, &seen, now) {
            // By the monotonic clock of the hands all of them said something a second ago.
            let live = LiveSeen {
                quiet_ms: 1_000,
                ..LiveSeen::default()
            };
            seen.put(question, Answer::Run(RunSeen::Live(live)));
        }
        let plan = witness.plan(&graph, &seen, now);
        assert!(
            plan.steps.is_empty(),
            "after a jump of {jump} ms: {:?}",
            plan.steps
        );
    }
}

#[test]
fn row_33_a_clock_that_is_set_back_shows_no_negative_age() {
    let before = Timestamp(NOW.0 - HOUR_MS);
    assert_eq!(before.since(NOW), Duration::ZERO);
    assert_eq!(NOW.since(before), Duration::from_hours(1));
}

#[test]
fn row_34_after_a_gap_a_claim_has_one_grace() {
    let mut graph = busy_town();
    tell(
        &mut graph,
        Command::CreateBead {
            rig: name(),
            goal: None,
            spec: BeadSpec {
                title: "By hand".to_owned(),
                run: Some("true".to_owned()),
                ..BeadSpec::default()
            },
            needs: vec![],
        },
    );
    let bead = graph
        .unfinished()
        .find(|bead| bead.spec.title == "By hand")
        .expect("the bead")
        .id
        .clone();
    tell(
        &mut graph,
        Command::Claim {
            bead,
            name: SeatName::parse("anna").expect("a name"),
        },
    );
    let witness = Witness { host: host() };
    // The machine slept for nine hours; the claim ran out an hour ago by the wall clock.
    let now = Timestamp(NOW.0 + 9 * HOUR_MS);
    let steps = |awake_ms: Option<u64>| {
        let mut seen = Seen::default();
        for question in witness.look(&graph, &seen, now) {
            let answer = match (&question, awake_ms) {
                (Question::Awake, Some(awake)) => Answer::Awake(awake),
                (Question::Awake, None) => continue,
                _ => Answer::Run(RunSeen::Live(LiveSeen::default())),
            };
            seen.put(question, answer);
        }
        witness.plan(&graph, &seen, now).steps.len()
    };
    assert_eq!(steps(Some(0)), 0, "it just woke up");
    assert_eq!(steps(None), 0, "nobody could look");
    assert_eq!(steps(Some(599_000)), 0, "within its grace");
    assert_eq!(steps(Some(600_000)), 1, "after its grace it ends");
}
