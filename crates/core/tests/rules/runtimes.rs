//! What an attempt that fails of its runtime holds up, for how long, and what ends it.

use std::time::Duration;

use gtd_core::{
    Admits, BeadId, BeadSpec, BeadState, Command, Fault, FaultClass, PauseScope, RuntimeFault,
    RuntimeName, Timestamp, WaitReason, needs_you,
};

use crate::scene::{Scene, fault};

const CLAUDE: &str = "claude";

fn claude() -> RuntimeName {
    RuntimeName::parse(CLAUDE).unwrap()
}

fn failed(cause: RuntimeFault) -> Fault {
    Fault {
        text: format!("claude: {}", cause.text()),
        ..fault(FaultClass::Runtime {
            runtime: claude(),
            fault: cause,
        })
    }
}

/// A town whose beads are for claude.
fn town(beads: &[&str]) -> (Scene, Vec<BeadId>) {
    let mut scene = Scene::new();
    let beads = beads
        .iter()
        .map(|title| {
            scene.create(
                BeadSpec {
                    title: (*title).to_owned(),
                    runtime: Some(claude()),
                    ..BeadSpec::default()
                },
                &[],
            )
        })
        .collect();
    (scene, beads)
}

/// One attempt that fails so, as soon as it may begin.
fn fail(scene: &mut Scene, bead: &BeadId, cause: RuntimeFault) {
    let lease = scene.grant(bead);
    scene.later(1);
    scene.tell(Command::Return {
        bead: bead.clone(),
        epoch: lease,
        why: failed(cause),
    });
}

fn wait_of(scene: &Scene) -> Option<Duration> {
    let hold = scene.graph.runtime_hold(CLAUDE)?;
    Some(hold.until?.since(hold.last))
}

fn admits(scene: &Scene) -> Admits {
    scene.graph.runtime_admits(CLAUDE, scene.now)
}

#[test]
fn a_reached_limit_holds_up_all_beads_of_its_runtime_until_its_reset() {
    let (mut scene, beads) = town(&["one", "two"]);
    let shell = scene.bead("by a script");
    let reset = scene.now.plus(Duration::from_secs(3 * 3600));
    fail(
        &mut scene,
        &beads[0],
        RuntimeFault::RateLimited { until: Some(reset) },
    );
    assert_eq!(admits(&scene), Admits::Nobody);
    assert_eq!(scene.graph.runtime_admits("shell", scene.now), Admits::All);
    let due = reset.plus(Duration::from_secs(60));
    for bead in &beads {
        let why = scene.why(bead);
        assert_eq!(why.reason(), Some(WaitReason::RateLimit));
        assert!(why.clears_by_itself);
        assert_eq!(why.eta.map(|eta| eta.0), Some(due));
        assert_eq!(why.chain[0].text, "claude: its usage limit is reached");
    }
    assert_ne!(scene.reason(&shell), Some(WaitReason::RateLimit));
    assert_eq!(scene.graph.bead(&beads[0]).unwrap().spent, 0);
    assert_eq!(
        scene
            .graph
            .next_due(scene.graph.bead(&beads[0]).unwrap().not_before.unwrap()),
        Some(due),
        "somebody is woken when it is over"
    );
    assert!(needs_you(scene.view(), None).is_empty());
}

#[test]
fn after_its_moment_exactly_one_attempt_tries() {
    let (mut scene, beads) = town(&["one", "two"]);
    fail(&mut scene, &beads[0], RuntimeFault::Overloaded);
    scene.later(31);
    assert_eq!(admits(&scene), Admits::One);
    scene.grant(&beads[0]);
    assert_eq!(admits(&scene), Admits::Nobody);
    let why = scene.why(&beads[1]);
    assert_eq!(why.reason(), Some(WaitReason::RuntimeDown));
    assert!(why.clears_by_itself);
    assert!(
        why.chain[0]
            .text
            .ends_with("tries whether claude goes again")
    );
    scene.submit(&beads[0]);
    assert_eq!(admits(&scene), Admits::All);
    assert_eq!(scene.graph.runtime_holds().count(), 0);
}

#[test]
fn an_attempt_that_the_provider_answered_ends_the_hold_though_its_check_is_red() {
    let (mut scene, beads) = town(&["one"]);
    fail(&mut scene, &beads[0], RuntimeFault::Network);
    scene.later(31);
    let epoch = scene.grant(&beads[0]);
    scene.tell(Command::Return {
        bead: beads[0].clone(),
        epoch,
        why: fault(FaultClass::Check {
            criterion: "it works".to_owned(),
        }),
    });
    assert_eq!(admits(&scene), Admits::All);
}

#[test]
fn an_attempt_that_says_nothing_of_the_provider_leaves_the_next_one_to_try() {
    for class in [FaultClass::Lost, FaultClass::Stopped, FaultClass::Infra] {
        let (mut scene, beads) = town(&["one"]);
        fail(&mut scene, &beads[0], RuntimeFault::Network);
        scene.later(31);
        let epoch = scene.grant(&beads[0]);
        scene.tell(Command::Return {
            bead: beads[0].clone(),
            epoch,
            why: fault(class),
        });
        assert_eq!(admits(&scene), Admits::One);
    }
}

#[test]
fn each_try_that_fails_in_the_same_way_doubles_the_wait_up_to_its_end() {
    let waits = |cause: &RuntimeFault| -> Vec<u64> {
        let (mut scene, beads) = town(&["one"]);
        (0..7)
            .map(|_| {
                fail(&mut scene, &beads[0], cause.clone());
                let wait = wait_of(&scene).unwrap();
                scene.later(wait.as_secs().max(600));
                wait.as_secs()
            })
            .collect()
    };
    assert_eq!(
        waits(&RuntimeFault::RateLimited { until: None }),
        [60, 120, 240, 480, 960, 1800, 1800]
    );
    for cause in [RuntimeFault::Overloaded, RuntimeFault::Network] {
        assert_eq!(waits(&cause), [30, 60, 120, 240, 480, 600, 600]);
    }
}

#[test]
fn a_reset_that_is_over_is_no_reason_to_try_at_once() {
    let (mut scene, beads) = town(&["one"]);
    let long_ago = Timestamp(scene.now.0 - 1_000_000);
    fail(
        &mut scene,
        &beads[0],
        RuntimeFault::RateLimited {
            until: Some(long_ago),
        },
    );
    assert_eq!(wait_of(&scene), Some(Duration::from_secs(60)));
}

#[test]
fn what_was_at_work_together_counts_once_and_the_longest_wait_holds() {
    let (mut scene, beads) = town(&["one", "two", "three", "four"]);
    let epochs: Vec<_> = beads.iter().map(|bead| scene.grant(bead)).collect();
    scene.later(5);
    let reset = scene.now.plus(Duration::from_secs(3600));
    for (n, cause) in [
        RuntimeFault::RateLimited { until: None },
        RuntimeFault::RateLimited { until: Some(reset) },
        RuntimeFault::Overloaded,
    ]
    .into_iter()
    .enumerate()
    {
        scene.tell(Command::Return {
            bead: beads[n].clone(),
            epoch: epochs[n],
            why: failed(cause),
        });
        scene.later(1);
    }
    let hold = scene.graph.runtime_hold(CLAUDE).unwrap().clone();
    assert_eq!(hold.failures, 1);
    assert_eq!(hold.until, Some(reset.plus(Duration::from_secs(60))));
    // The last one was already past its last call.
    scene.submit(&beads[3]);
    assert_eq!(scene.graph.runtime_hold(CLAUDE), Some(&hold));
}

#[test]
fn a_missing_login_waits_for_a_person_and_asks_once() {
    for cause in [
        RuntimeFault::Auth,
        RuntimeFault::Billing,
        RuntimeFault::ModelMissing,
    ] {
        let (mut scene, beads) = town(&["one", "two"]);
        let epochs: Vec<_> = beads.iter().map(|bead| scene.grant(bead)).collect();
        scene.later(5);
        for (bead, epoch) in beads.iter().zip(epochs) {
            scene.tell(Command::Return {
                bead: bead.clone(),
                epoch,
                why: failed(cause.clone()),
            });
        }
        scene.later(24 * 3600);
        assert_eq!(admits(&scene), Admits::Nobody);
        let why = scene.why(&beads[0]);
        assert_eq!(why.reason(), Some(WaitReason::RuntimeDown));
        assert!(!why.clears_by_itself);
        assert_eq!(why.next[0].cmd, "gtd resume claude");
        let asked = needs_you(scene.view(), None);
        assert_eq!(asked.len(), 1, "{asked:?}");
        assert_eq!(asked[0].subject, CLAUDE);
        assert_eq!(asked[0].unblocks, 2);
        let scope = PauseScope::Runtime(claude());
        scene.tell(Command::Resume { scope });
        assert_eq!(admits(&scene), Admits::One);
        assert!(needs_you(scene.view(), None).is_empty());
        fail(&mut scene, &beads[1], cause);
        assert_eq!(admits(&scene), Admits::Nobody);
        assert_eq!(needs_you(scene.view(), None).len(), 1);
    }
}

#[test]
fn what_concerns_one_piece_of_work_holds_up_no_other() {
    for cause in [
        RuntimeFault::ContextFull,
        RuntimeFault::Refusal,
        RuntimeFault::LimitReached,
        RuntimeFault::Interrupted,
        RuntimeFault::Crashed,
    ] {
        let (mut scene, beads) = town(&["one", "two"]);
        fail(&mut scene, &beads[0], cause);
        assert_eq!(admits(&scene), Admits::All);
    }
}

#[test]
fn a_runtime_that_a_person_paused_begins_nothing_until_they_resume_it() {
    let (mut scene, beads) = town(&["one"]);
    let scope = PauseScope::Runtime(claude());
    scene.tell(Command::Pause {
        scope: scope.clone(),
        why: "the bill".to_owned(),
    });
    assert_eq!(admits(&scene), Admits::Nobody);
    let why = scene.why(&beads[0]);
    assert_eq!(why.reason(), Some(WaitReason::Paused));
    assert_eq!(why.next[0].cmd, "gtd resume claude");
    scene.tell(Command::Resume { scope });
    assert_eq!(admits(&scene), Admits::All);
    assert_eq!(scene.state(&beads[0]), BeadState::Ready);
}

#[test]
fn a_bead_whose_runtime_is_held_is_not_called_ready() {
    let (mut scene, beads) = town(&["one", "two"]);
    let shell = scene.bead("by a script");
    let states = |scene: &Scene| -> Vec<BeadState> {
        beads
            .iter()
            .chain([&shell])
            .map(|bead| scene.state(bead))
            .collect()
    };
    let counted = |scene: &Scene, state| {
        let counts = scene.graph.counts(None, scene.now);
        counts.get(&state).copied().unwrap_or(0)
    };
    assert_eq!(counted(&scene, BeadState::Ready), 3);
    fail(&mut scene, &beads[0], RuntimeFault::Auth);
    assert_eq!(states(&scene)[1..], [BeadState::Waiting, BeadState::Ready]);
    assert_eq!(counted(&scene, BeadState::Ready), 1);
    assert_eq!(counted(&scene, BeadState::Waiting), 2);
    scene.tell(Command::Resume {
        scope: PauseScope::Runtime(claude()),
    });
    scene.later(3600);
    assert_eq!(states(&scene)[1], BeadState::Ready, "one may try");
    scene.tell(Command::Pause {
        scope: PauseScope::Runtime(claude()),
        why: "not today".to_owned(),
    });
    assert_eq!(counted(&scene, BeadState::Ready), 1);
}
