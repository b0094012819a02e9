//! A person's hand on the merges: holds, order, retries, gates that were asked for.

use std::time::Duration;

use gtd_core::{
    Approval, BeadId, Command, FaultClass, GateOutcome, GatePurpose, HoldKind, Phase, Verdict,
    WaitReason,
};

use crate::scene::{Scene, gate_name, gate_run, rig, target};

fn hold(scene: &mut Scene, kind: HoldKind, seconds: Option<u64>) {
    let until = seconds.map(|seconds| scene.now.plus(Duration::from_secs(seconds)));
    scene.tell(Command::HoldMerges {
        rig: rig(),
        kind,
        until,
        why: "a release".to_owned(),
    });
}

fn order(scene: &Scene) -> Vec<BeadId> {
    let target = target();
    let queued = scene.graph.queued(&target);
    queued.map(|bead| bead.id.clone()).collect()
}

/// Beads that were handed in one after the other, in a goal so that they share a target.
fn queue(scene: &mut Scene) -> Vec<BeadId> {
    ["one", "two", "three"]
        .map(|title| {
            let bead = scene.bead(title);
            scene.submit(&bead);
            scene.later(1);
            bead
        })
        .to_vec()
}

#[test]
fn a_pause_forms_no_candidate_and_lets_the_one_in_test_land() {
    let mut scene = Scene::new();
    let (one, two) = (scene.bead("one"), scene.bead("two"));
    let first = scene.submit(&one);
    let second = scene.submit(&two);
    scene.form(&[first]);
    hold(&mut scene, HoldKind::Pause, None);
    assert_eq!(scene.reason(&two), Some(WaitReason::Paused));
    assert_eq!(scene.reason(&one), Some(WaitReason::GateRunning));
    scene.land_candidate();
    let command = scene.form_command(std::slice::from_ref(&second));
    assert_eq!(scene.refused(command).code(), "E0218");
    scene.tell(Command::ReleaseMerges { rig: rig() });
    assert_ne!(scene.reason(&two), Some(WaitReason::Paused));
}

#[test]
fn a_freeze_lets_candidates_be_proven_and_says_what_waits() {
    let mut scene = Scene::new();
    let one = scene.bead("one");
    let member = scene.submit(&one);
    hold(&mut scene, HoldKind::Freeze, None);
    scene.form(&[member]);
    scene.judge(Verdict::Passed);
    let why = scene.why(&one);
    assert_eq!(why.reason(), Some(WaitReason::Paused));
    assert!(!why.clears_by_itself);
    assert!(
        why.chain[0].text.contains("frozen by ada: a release"),
        "{why:?}"
    );
}

#[test]
fn a_freeze_needs_a_reason_and_an_end_that_lies_ahead() {
    let mut scene = Scene::new();
    let mut freeze = |why: &str, until| {
        scene.refused(Command::HoldMerges {
            rig: rig(),
            kind: HoldKind::Freeze,
            until,
            why: why.to_owned(),
        })
    };
    assert_eq!(freeze("  ", None).code(), "E0103");
    assert_eq!(freeze("why", Some(gtd_core::Timestamp(1))).code(), "E0103");
}

#[test]
fn a_hold_ends_by_itself_at_its_time() {
    let mut scene = Scene::new();
    let one = scene.bead("one");
    let member = scene.submit(&one);
    hold(&mut scene, HoldKind::Pause, Some(60));
    let why = scene.why(&one);
    assert!(why.clears_by_itself && why.eta.is_some(), "{why:?}");
    assert_eq!(
        scene.graph.next_due(scene.now),
        Some(scene.now.plus(Duration::from_secs(60)))
    );
    scene.later(61);
    assert_ne!(scene.reason(&one), Some(WaitReason::Paused));
    scene.form(&[member]);
}

#[test]
fn nobody_brings_a_branch_home_while_it_is_frozen() {
    let mut scene = Scene::new();
    let goal = scene.open_goal(
        Some(crate::scene::plan(&[("one", &[])])),
        Approval::NotNeeded,
    );
    hold(&mut scene, HoldKind::Freeze, None);
    let why = scene.refused(Command::RequestLanding { goal: goal.clone() });
    assert_eq!(why.code(), "E0218");
    scene.tell(Command::ReleaseMerges { rig: rig() });
    scene.tell(Command::RequestLanding { goal });
}

#[test]
fn what_is_put_first_is_first_until_it_leaves() {
    let mut scene = Scene::new();
    let beads = queue(&mut scene);
    let third = &beads[2];
    scene.tell(Command::PreferSubmission {
        bead: third.clone(),
    });
    assert_eq!(
        order(&scene),
        [third.clone(), beads[0].clone(), beads[1].clone()]
    );
    let place = |scene: &Scene, bead| scene.graph.place_in_queue(&target(), scene.at(bead));
    assert_eq!(place(&scene, third), (1, 3));
    assert_eq!(place(&scene, &beads[0]), (2, 3));
    assert_eq!(
        scene.tell(Command::PreferSubmission {
            bead: third.clone()
        }),
        []
    );
    scene.park(third);
    assert_eq!(order(&scene), beads[..2]);
    assert!(scene.graph.preferred(&target()).is_empty());
    assert!(scene.graph.index_is_true());
}

#[test]
fn only_what_was_handed_in_is_put_first() {
    let mut scene = Scene::new();
    let bead = scene.bead("one");
    let why = scene.refused(Command::PreferSubmission { bead });
    assert_eq!(why.code(), "E0201");
}

#[test]
fn what_came_back_goes_in_again_with_the_same_commit_and_spends_nothing_more() {
    let mut scene = Scene::new();
    let bead = scene.bead("one");
    let member = scene.submit(&bead);
    scene.send_back(
        &bead,
        FaultClass::Gate {
            gate: "test".to_owned(),
        },
    );
    let spent = scene.at(&bead).spent;
    scene.tell(Command::RetrySubmission { bead: bead.clone() });
    let now = scene.at(&bead);
    assert!(
        matches!(&now.phase, Phase::Submitted { epoch, head, .. } if *epoch == member.epoch && *head == member.head),
        "{now:?}"
    );
    assert_eq!(now.spent, spent);
    assert!(scene.graph.index_is_true());
    scene.land(&bead);
}

#[test]
fn what_handed_nothing_in_cannot_go_in_again() {
    let mut scene = Scene::new();
    let bead = scene.bead("one");
    scene.fail(&bead, FaultClass::Exit { code: 1 });
    let why = scene.refused(Command::RetrySubmission { bead });
    assert_eq!(why.code(), "E0202");
}

#[test]
fn a_queue_that_stands_still_goes_on_when_one_of_it_is_tried_again() {
    let mut scene = Scene::new();
    let bead = scene.bead("one");
    let member = scene.submit(&bead);
    scene.form(&[member]);
    let base = scene.graph.queue(&target()).unwrap().tip.clone().unwrap();
    scene.tell(Command::JudgeBase {
        target: target(),
        gate: gate_run(&base, Verdict::Failed),
    });
    assert_eq!(scene.reason(&bead), Some(WaitReason::MainRed));
    scene.tell(Command::RetrySubmission { bead: bead.clone() });
    assert_ne!(scene.reason(&bead), Some(WaitReason::MainRed));
}

fn ask(scene: &mut Scene, gate: &str) -> Command {
    Command::AskGate {
        rig: rig(),
        gate: gate_name(gate),
        commit: scene.commit(),
        bead: None,
    }
}

#[test]
fn a_gate_that_is_asked_for_is_answered_once_and_remembered() {
    let mut scene = Scene::new();
    let command = ask(&mut scene, "test");
    scene.tell(command);
    let pending = scene.graph.gate_asks().next().unwrap().clone();
    let answer = Command::AnswerGate {
        number: pending.number,
        runs: vec![gate_run(&pending.commit, Verdict::Failed)],
    };
    scene.tell(answer.clone());
    assert_eq!(scene.tell(answer), []);
    assert!(scene.graph.gate_asks().next().is_none());
    let shown: Vec<_> = scene
        .graph
        .gate_history(&rig(), &gate_name("test"))
        .collect();
    assert_eq!(shown.len(), 1);
    assert_eq!(shown[0].purpose, GatePurpose::Asked);
    assert_eq!(shown[0].asked, Some(pending.number));
}

#[test]
fn a_gate_that_there_is_not_cannot_be_asked_for() {
    let mut scene = Scene::new();
    let command = ask(&mut scene, "tset");
    assert_eq!(scene.refused(command).code(), "E0306");
}

#[test]
fn red_and_green_on_one_commit_is_flaky_and_infra_says_nothing() {
    let runs = |verdicts: &[Verdict]| GateOutcome::over(verdicts.iter().copied());
    use Verdict::{Failed, Infra, Passed};
    assert_eq!(runs(&[]), None);
    assert_eq!(runs(&[Passed]), Some(GateOutcome::Passed));
    assert_eq!(runs(&[Failed, Failed]), Some(GateOutcome::Failed));
    assert_eq!(runs(&[Failed, Passed]), Some(GateOutcome::Flaky));
    assert_eq!(runs(&[Failed, Infra]), Some(GateOutcome::Failed));
    assert_eq!(runs(&[Infra]), Some(GateOutcome::Infra));
}
