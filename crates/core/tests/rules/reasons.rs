//! For every reason to wait: a scene that comes to it, and one step that leaves it.

use std::collections::BTreeSet;

use gtd_core::{
    Approval, BeadId, BeadSpec, Command, FaultClass, Need, PauseScope, Verdict, WaitReason,
};

use crate::scene::{Scene, gate_run, oid, plan, rig, rules, spec, target};

struct Case {
    reason: WaitReason,
    /// Brings a bead to the reason.
    come: fn(&mut Scene) -> BeadId,
    /// One step that ends the wait.
    leave: fn(&mut Scene, &BeadId),
}

fn ready(scene: &mut Scene) -> BeadId {
    scene.bead("one")
}

fn gate_fault() -> FaultClass {
    FaultClass::Gate {
        gate: "test".to_owned(),
    }
}

/// A bead that came back, whose back-off is over.
fn sent_back(scene: &mut Scene, class: FaultClass) -> BeadId {
    let bead = scene.bead("one");
    scene.submit(&bead);
    scene.send_back(&bead, class);
    scene.later(3_600);
    bead
}

fn resume(scene: &mut Scene, scope: PauseScope) {
    scene.tell(Command::Resume { scope });
}

fn grant(scene: &mut Scene, bead: &BeadId) {
    scene.grant(bead);
}

/// What a role saw, until it sees nothing any more.
macro_rules! seen {
    ($reason:ident) => {
        Case {
            reason: WaitReason::$reason,
            come: |scene| {
                let bead = ready(scene);
                scene.observe(bead.as_str(), WaitReason::$reason);
                bead
            },
            leave: |scene, _| scene.observations.publish("witness", vec![]),
        }
    };
    ($reason:ident about $subject:literal) => {
        Case {
            reason: WaitReason::$reason,
            come: |scene| {
                let bead = ready(scene);
                scene.observe($subject, WaitReason::$reason);
                bead
            },
            leave: |scene, _| scene.observations.publish("witness", vec![]),
        }
    };
}

fn cases() -> Vec<Case> {
    use WaitReason as R;
    vec![
        Case {
            reason: R::Working,
            come: |scene| {
                let bead = ready(scene);
                scene.grant(&bead);
                bead
            },
            leave: |scene, bead| {
                scene.submit(bead);
            },
        },
        Case {
            reason: R::Dependency,
            come: |scene| {
                let first = scene.bead("first");
                scene.bead_after("second", &[&first])
            },
            leave: |scene, bead| {
                let first = scene.at(bead).needs[0].on.clone();
                scene.land(&first);
            },
        },
        Case {
            reason: R::Capacity,
            come: |scene| {
                for n in 0..4 {
                    let busy = scene.bead(&format!("busy {n}"));
                    scene.grant(&busy);
                }
                scene.bead("fifth")
            },
            leave: |scene, _| {
                let busy = scene.graph.leased().next().unwrap().id.clone();
                scene.finish(&busy);
            },
        },
        Case {
            reason: R::Priority,
            come: |scene| {
                scene.urgent("first", 0);
                scene.bead("second")
            },
            leave: grant,
        },
        seen!(RateLimit),
        seen!(QuotaGuard about "town"),
        seen!(Budget about "api"),
        Case {
            reason: R::Schedule,
            come: |scene| {
                let until = scene.now.plus(std::time::Duration::from_secs(60));
                let spec = BeadSpec {
                    defer_until: Some(until),
                    ..spec("later")
                };
                scene.create(spec, &[])
            },
            leave: |scene, _| scene.later(60),
        },
        Case {
            reason: R::Backoff,
            come: |scene| {
                let bead = ready(scene);
                scene.give_back(&bead, FaultClass::Exit { code: 1 });
                bead
            },
            leave: |scene, bead| scene.retry(bead),
        },
        Case {
            reason: R::GateRunning,
            come: |scene| {
                let bead = ready(scene);
                let member = scene.submit(&bead);
                scene.form(&[member]);
                bead
            },
            leave: |scene, _| scene.land_candidate(),
        },
        Case {
            reason: R::GateFailed,
            come: |scene| sent_back(scene, gate_fault()),
            leave: grant,
        },
        Case {
            reason: R::GateInfra,
            come: |scene| {
                let bead = ready(scene);
                let member = scene.submit(&bead);
                for _ in 0..2 {
                    scene.form(std::slice::from_ref(&member));
                    scene.judge(Verdict::Infra);
                }
                bead
            },
            leave: |scene, _| resume(scene, PauseScope::Rig(rig())),
        },
        Case {
            reason: R::Review,
            come: |scene| {
                let (first, second) = (scene.bead("first"), scene.bead("second"));
                let member = scene.submit(&first);
                scene.submit(&second);
                scene.form(&[member]);
                scene.observe(second.as_str(), WaitReason::Review);
                second
            },
            leave: |scene, _| scene.observations.publish("witness", vec![]),
        },
        Case {
            reason: R::MergeQueue,
            come: |scene| {
                let bead = ready(scene);
                scene.submit(&bead);
                bead
            },
            leave: |scene, bead| scene.land(bead),
        },
        Case {
            reason: R::Bisecting,
            come: |scene| {
                let (first, second) = (scene.bead("first"), scene.bead("second"));
                let members = [scene.submit(&first), scene.submit(&second)];
                scene.form(&members);
                scene.judge(Verdict::Failed);
                second
            },
            leave: |scene, bead| scene.send_back(bead, gate_fault()),
        },
        Case {
            reason: R::Conflict,
            come: |scene| {
                let files = vec!["a".to_owned()];
                sent_back(scene, FaultClass::Conflict { files })
            },
            leave: grant,
        },
        Case {
            reason: R::MainRed,
            come: |scene| {
                let bead = ready(scene);
                scene.submit(&bead);
                scene.tell(Command::ObserveTarget {
                    target: target(),
                    tip: oid(3),
                });
                scene.tell(Command::JudgeBase {
                    target: target(),
                    gate: gate_run(&oid(3), Verdict::Failed),
                });
                bead
            },
            leave: |scene, _| {
                scene.tell(Command::ObserveTarget {
                    target: target(),
                    tip: oid(4),
                });
            },
        },
        Case {
            reason: R::Approval,
            come: |scene| {
                let goal = scene.open_goal(Some(plan(&[("one", &[])])), Approval::Needed);
                scene.in_goal(&goal, "one")
            },
            leave: |scene, bead| {
                let goal = scene.at(bead).goal.clone().unwrap();
                scene.tell(Command::ApprovePlan { goal });
            },
        },
        Case {
            reason: R::Question,
            come: |scene| {
                let bead = ready(scene);
                scene.give_back(&bead, FaultClass::Question);
                bead
            },
            leave: |scene, bead| scene.retry(bead),
        },
        Case {
            reason: R::Attempts,
            come: |scene| {
                let bead = ready(scene);
                for _ in 0..3 {
                    scene.fail(&bead, FaultClass::Exit { code: 1 });
                }
                scene.tell(Command::Quarantine { bead: bead.clone() });
                bead
            },
            leave: |scene, bead| scene.retry(bead),
        },
        Case {
            reason: R::Stuck,
            come: |scene| {
                let bead = ready(scene);
                scene.grant(&bead);
                scene.observe(bead.as_str(), WaitReason::Stuck);
                bead
            },
            leave: |scene, bead| scene.give_back(bead, FaultClass::Silent),
        },
        seen!(Overlap),
        seen!(Signature),
        seen!(PullRequest),
        seen!(RemoteFailed),
        Case {
            reason: R::RuntimeDown,
            come: |scene| {
                let spec = BeadSpec {
                    run: None,
                    ..spec("for an agent")
                };
                scene.create(spec, &[])
            },
            leave: |scene, bead| {
                scene.tell(Command::EditBead {
                    bead: bead.clone(),
                    spec: spec("with a script"),
                });
            },
        },
        seen!(Resources about "api"),
        Case {
            reason: R::Paused,
            come: |scene| {
                let bead = ready(scene);
                scene.tell(Command::Pause {
                    scope: PauseScope::Rig(rig()),
                    why: "demo".to_owned(),
                });
                bead
            },
            leave: |scene, _| resume(scene, PauseScope::Town),
        },
        Case {
            reason: R::Stopped,
            come: |scene| {
                let bead = ready(scene);
                scene.tell(Command::Stop {
                    why: "smoke".to_owned(),
                });
                bead
            },
            leave: |scene, _| {
                scene.tell(Command::Thaw);
            },
        },
        Case {
            reason: R::Untrusted,
            come: |scene| {
                let bead = ready(scene);
                scene.tell(Command::RemoveRig { rig: rig() });
                bead
            },
            leave: |scene, _| scene.trust(rules()),
        },
    ]
}

#[test]
fn every_reason_is_come_to_and_left() {
    for case in cases() {
        let what = case.reason.code();
        let mut scene = Scene::new();
        let bead = (case.come)(&mut scene);
        let why = scene.why(&bead);
        assert_eq!(why.reason(), Some(case.reason), "{why:#?}");
        assert!(!why.chain[0].text.is_empty(), "{what}");
        assert!(!why.then.is_empty(), "{what}: what follows");
        if why.clears_by_itself {
            assert_eq!(why.verdict, gtd_core::Standing::Waiting, "{what}");
        } else {
            assert_eq!(why.verdict, gtd_core::Standing::NeedsYou, "{what}");
        }
        assert_eq!(
            why.clears_by_itself,
            case.reason.clears_by_itself(),
            "{what}"
        );
        (case.leave)(&mut scene, &bead);
        assert_ne!(
            scene.reason(&bead),
            Some(case.reason),
            "{what} was not left"
        );
    }
}

#[test]
fn every_reason_but_the_bug_has_its_scene() {
    let told: BTreeSet<WaitReason> = cases().iter().map(|case| case.reason).collect();
    let all: BTreeSet<WaitReason> = WaitReason::ALL
        .iter()
        .map(|(reason, _, _)| *reason)
        .filter(|reason| *reason != WaitReason::Unknown)
        .collect();
    assert_eq!(told, all);
}

#[test]
fn codes_of_reasons_are_their_words_in_the_log() {
    for (reason, code, _) in WaitReason::ALL {
        assert_eq!(reason.code(), code);
        assert_eq!(serde_json::to_value(reason).unwrap(), code);
    }
}

#[test]
fn a_person_who_must_act_is_told_how() {
    for case in cases() {
        let mut scene = Scene::new();
        let bead = (case.come)(&mut scene);
        let why = scene.why(&bead);
        let is_seen = scene.observations.about(bead.as_str()).next().is_some()
            || scene.observations.about("api").next().is_some();
        if !why.clears_by_itself && !is_seen {
            assert!(!why.next.is_empty(), "{}", case.reason.code());
        }
    }
}

#[test]
fn who_waits_for_a_bead_waits_as_long_as_that_bead() {
    for case in cases() {
        let mut scene = Scene::new();
        let bead = (case.come)(&mut scene);
        if scene.graph.rig(&rig()).is_none() || scene.graph.stop().is_some() {
            continue;
        }
        let last = scene.create(
            BeadSpec {
                run: Some("true".to_owned()),
                ..spec("last")
            },
            &[Need::blocks(bead.clone())],
        );
        let (first, behind) = (scene.why(&bead), scene.why(&last));
        let what = case.reason.code();
        if behind.reason() == Some(WaitReason::Paused) {
            continue;
        }
        assert_eq!(behind.reason(), Some(WaitReason::Dependency), "{what}");
        assert_eq!(behind.chain[1..], first.chain[..], "{what}");
        assert_eq!(behind.clears_by_itself, first.clears_by_itself, "{what}");
        let next = behind.next.first().map(|next| next.cmd.clone());
        if !first.clears_by_itself && !first.next.is_empty() {
            assert_eq!(next, Some(first.next[0].cmd.clone()), "{what}");
        }
    }
}
