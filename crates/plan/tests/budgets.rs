//! An attempt at work and its budget: what is recorded, what is stopped, and who ends it.

mod scene;

use gtd_core::{Command, Epoch, FaultClass, Purse, RuntimeFault, RuntimeName, SeatName, Usage};
use gtd_plan::{
    AgentSeen, Answer, Effect, EndSeen, LiveSeen, Question, RunSeen, Step, UsedSeen, Witness,
    WorkerScene, worker_context,
};
use scene::{Scene, absent, host, target, worker};

const DOLLAR: u64 = 1_000_000;

/// A scene whose first bead is at work with claude, and may cost a dollar.
fn at_work() -> (Scene, Epoch) {
    let mut scene = Scene::onto(target(), 1, |spec| {
        spec.run = None;
        spec.runtime = Some(RuntimeName::parse("claude").expect("a name"));
        spec.budget_micros = Some(DOLLAR);
    });
    let bead = scene.beads[0].clone();
    let seat = SeatName::parse("seat0").expect("a name");
    scene.tell(Command::OpenSeat {
        seat: seat.clone(),
        rig: target().rig,
        host: host(),
    });
    let purse = Purse::new(&scene.graph, scene.now);
    let reserved = purse.reserve(scene.graph.bead(&bead).expect("a bead"));
    let reserved = reserved.expect("there is enough");
    let epoch = Epoch(1);
    scene.tell(Command::Grant {
        bead: bead.clone(),
        seat,
        epoch,
        reserved,
    });
    scene.tell(Command::Started {
        run: gtd_core::RunId::parse(&format!("{bead}.e1.work")).expect("a name"),
        bead,
        epoch,
        told: 0,
    });
    (scene, epoch)
}

fn used(usd: u64, line: u64) -> UsedSeen {
    UsedSeen {
        usage: Usage {
            output: usd / 20,
            usd_micros: Some(usd),
            ..Usage::default()
        },
        estimated: true,
        line,
        context: None,
    }
}

/// A world in which the first turn is at work, and has used so much.
fn lives(used: UsedSeen) -> impl Fn(&Question) -> Answer {
    move |question| match question {
        Question::Run(run) if run.as_str().ends_with(".work") => {
            Answer::Run(RunSeen::Live(LiveSeen {
                used: Some(used),
                ..LiveSeen::default()
            }))
        }
        _ => absent(),
    }
}

/// A world in which the first turn ended.
fn ended(used: UsedSeen, stopped: bool) -> impl Fn(&Question) -> Answer {
    move |question| match question {
        Question::Run(run) if run.as_str().ends_with(".work") => {
            Answer::Run(RunSeen::Ended(EndSeen {
                stopped,
                agent: Some(Box::new(AgentSeen {
                    session: Some("s-1".to_owned()),
                    fault: stopped.then(|| (RuntimeFault::Crashed, "signal 15".to_owned())),
                    used,
                    ..AgentSeen::default()
                })),
                ..EndSeen::default()
            }))
        }
        _ => absent(),
    }
}

/// What a pass records, in millionths of a dollar, and whether it stops the run.
fn steps(scene: &Scene, epoch: Epoch, used: UsedSeen) -> (Vec<u64>, bool) {
    let steps = scene.steps(&worker(scene, epoch), lives(used));
    let records = steps.iter().filter_map(|step| match step {
        Step::Tell(Command::RecordUsage { usage, .. }) => Some(usage.usd_micros),
        _ => None,
    });
    let stops = |step: &Step| matches!(step, Step::Do(Effect::StopRun { .. }));
    (records.collect(), steps.iter().any(stops))
}

#[test]
fn usage_is_recorded_in_parts_and_each_part_once() {
    let (mut scene, epoch) = at_work();
    assert_eq!(steps(&scene, epoch, used(40_000, 3)), (vec![], false));
    assert_eq!(steps(&scene, epoch, used(50_000, 4)), (vec![50_000], false));
    scene.take(&worker(&scene, epoch), lives(used(50_000, 4)));
    assert_eq!(steps(&scene, epoch, used(50_000, 4)), (vec![], false));
    assert_eq!(steps(&scene, epoch, used(90_000, 5)), (vec![], false));
    assert_eq!(
        steps(&scene, epoch, used(110_000, 6)),
        (vec![60_000], false)
    );
}

#[test]
fn four_fifths_of_the_budget_are_news_and_all_of_it_is_the_end() {
    let (mut scene, epoch) = at_work();
    scene.take(&worker(&scene, epoch), lives(used(790_000, 3)));
    assert_eq!(
        steps(&scene, epoch, used(810_000, 4)),
        (vec![20_000], false)
    );
    scene.take(&worker(&scene, epoch), lives(used(810_000, 4)));
    assert_eq!(steps(&scene, epoch, used(830_000, 5)), (vec![], false));
    assert_eq!(steps(&scene, epoch, used(DOLLAR, 6)), (vec![190_000], true));
    // It was told, and the run is not gone yet.
    scene.take(&worker(&scene, epoch), lives(used(DOLLAR, 6)));
    assert_eq!(steps(&scene, epoch, used(DOLLAR, 6)), (vec![], true));
}

#[test]
fn a_budget_that_is_raised_lets_an_attempt_go_on() {
    let (mut scene, epoch) = at_work();
    let bead = scene.beads[0].clone();
    let goal = scene.goal().expect("a goal");
    for id in [bead, goal] {
        let mut spec = scene.graph.bead(&id).expect("a bead").spec.clone();
        spec.budget_micros = Some(3 * DOLLAR);
        let is_goal = scene.graph.goal(&id).is_some();
        scene.tell(match is_goal {
            true => Command::EditGoal {
                goal: id,
                spec,
                max: None,
                until: None,
            },
            false => Command::EditBead { bead: id, spec },
        });
    }
    let (_, stops) = steps(&scene, epoch, used(2 * DOLLAR, 3));
    assert!(!stops);
    let (_, stops) = steps(&scene, epoch, used(3 * DOLLAR, 4));
    assert!(stops);
}

#[test]
fn what_was_stopped_at_its_budget_is_given_back_by_the_worker_alone() {
    let (scene, epoch) = at_work();
    let over = used(1_050_000, 7);
    let given = scene.steps(&worker(&scene, epoch), ended(over, true));
    let why = given.iter().find_map(|step| match step {
        Step::Tell(Command::Return { why, .. }) => Some(why),
        _ => None,
    });
    let why = why.unwrap_or_else(|| panic!("nothing is given back: {given:?}"));
    let bead = &scene.beads[0];
    assert_eq!(
        why.text,
        format!("claude: stopped at its budget: ~$1.05 of $1.00 used (the budget of {bead})")
    );
    let FaultClass::Runtime { fault, .. } = &why.class else {
        panic!("another end: {why:?}");
    };
    assert_eq!(*fault, RuntimeFault::LimitReached);
    let recorded = |step: &Step| matches!(step, Step::Tell(Command::RecordUsage { .. }));
    assert!(given.iter().any(recorded), "{given:?}");

    let witness = Witness { host: host() };
    assert_eq!(scene.plan(&witness, ended(over, true)), "");
    // Whom somebody stopped within the budget, the witness ends.
    let within = used(500_000, 7);
    let text = scene.plan(&witness, ended(within, true));
    assert!(text.starts_with("expire"), "{text}");
    let text = scene.plan(&worker(&scene, epoch), ended(within, true));
    assert!(!text.contains("return"), "{text}");
}

#[test]
fn without_a_budget_nothing_is_recorded_before_the_end() {
    let mut scene = Scene::onto(target(), 1, |spec| {
        spec.run = None;
        spec.runtime = Some(RuntimeName::parse("claude").expect("a name"));
    });
    let epoch = scene.lease(0);
    let (records, stops) = steps(&scene, epoch, used(100 * DOLLAR, 3));
    assert_eq!((records, stops), (vec![], false));
}

/// What the prompt of the first bead's attempt says that is left, in dollars.
fn left(scene: &Scene) -> f64 {
    let place = WorkerScene {
        agent: "seat0",
        town: "home",
        worktree: "/tree",
        branch: "gtd/b0/e1",
        base: None,
        instructions: &[],
        now: scene.now,
        now_text: "2026-11-22 21:00",
    };
    let bead = scene.graph.bead(&scene.beads[0]).expect("a bead");
    worker_context(&scene.graph, bead, &place).budget.left_usd
}

#[test]
fn a_prompt_says_what_the_attempt_may_still_use() {
    let (mut scene, epoch) = at_work();
    assert!((left(&scene) - 1.0).abs() < 1e-9);
    scene.take(&worker(&scene, epoch), lives(used(250_000, 3)));
    assert!((left(&scene) - 0.75).abs() < 1e-9);
    assert!(left(&Scene::new(1)).is_infinite(), "a script has no limit");
}
