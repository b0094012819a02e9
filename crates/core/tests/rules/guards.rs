//! What gates of gtd's own hold back, and what a person lets through.

use gtd_core::{
    BeadId, Command, CriterionVerdict, Evidence, Guard, GuardPolicy, GuardReport, LandedCommit,
    Member, Oid, Proven, REFINERY_EMAIL, Rejection, Verdict, Waived, prove,
};

use crate::scene::{Scene, guard_report, oid, person, rules, target};

const TESTS: Waived = Waived::Guard(Guard::TestGuard);

/// A rig with this policy, and a bead that is handed in.
fn scene(policy: GuardPolicy) -> (Scene, BeadId, Member) {
    let mut rules = rules();
    rules.merge.test_guard = policy;
    let mut scene = Scene::with_rules(rules);
    let bead = scene.bead("weaker");
    let member = scene.submit(&bead);
    (scene, bead, member)
}

fn clean() -> GuardReport {
    GuardReport::new(Guard::TestGuard, vec![], &[])
}

fn waive(bead: &BeadId, head: &Oid, what: Waived, why: &str) -> Command {
    Command::Waive {
        bead: bead.clone(),
        head: head.clone(),
        what,
        why: why.to_owned(),
    }
}

fn evidence(scene: &Scene) -> Evidence {
    let queue = scene.graph.queue(&target()).unwrap();
    Evidence::of(&scene.graph, queue.candidate.as_ref().unwrap())
}

fn is_proven(evidence: &Evidence) -> Result<(), String> {
    let commit = LandedCommit {
        oid: evidence.commit.clone(),
        tree: evidence.tree.clone(),
        base: Some(evidence.base.clone()),
        author: "gtd refinery".to_owned(),
        committer_email: REFINERY_EMAIL.to_owned(),
        subject: "one".to_owned(),
        note: evidence.to_note(),
        heads: None,
        signature: None,
    };
    match prove(&commit) {
        Proven::ByEvidence(_) => Ok(()),
        Proven::ByHand => Err("by hand".to_owned()),
        Proven::Not(why) => Err(why.join("\n")),
    }
}

#[test]
fn where_findings_block_nothing_is_formed_that_nobody_looked_at() {
    let (mut scene, bead, member) = scene(GuardPolicy::Block);
    let form = scene.form_command(std::slice::from_ref(&member));
    let refused = scene.refused(form.clone());
    assert!(matches!(refused, Rejection::NotReady { .. }), "{refused}");
    scene.guard(&bead, guard_report());
    let refused = scene.refused(form.clone());
    assert!(
        refused.to_string().contains("held back by test-guard"),
        "{refused}"
    );
    assert!(refused.next().starts_with("gtd merge waive "), "{refused}");
    scene.guard(&bead, clean());
    scene.tell(form);
}

#[test]
fn where_findings_are_listed_they_hold_nothing_back_and_stand_in_the_evidence() {
    let (mut scene, bead, member) = scene(GuardPolicy::List);
    scene.guard(&bead, guard_report());
    scene.form(&[member]);
    scene.judge(Verdict::Passed);
    let evidence = evidence(&scene);
    let guard = &evidence.members[0].guards[0];
    assert_eq!(guard.report, guard_report());
    assert_eq!((guard.policy, &guard.waived), (GuardPolicy::List, &None));
    assert_eq!(is_proven(&evidence), Ok(()));
}

#[test]
fn what_a_person_takes_as_it_is_goes_through_with_their_name_and_reason() {
    let (mut scene, bead, member) = scene(GuardPolicy::Block);
    let head = member.head.clone();
    scene.guard(&bead, guard_report());
    let refused = scene.refused(waive(&bead, &head, TESTS, " "));
    assert!(matches!(refused, Rejection::BadText { .. }), "{refused}");
    scene.tell(waive(&bead, &head, TESTS, "the feature is gone"));
    assert_eq!(
        scene.tell(waive(&bead, &head, TESTS, "the feature is gone")),
        []
    );
    scene.form(&[member]);
    scene.judge(Verdict::Passed);
    let evidence = evidence(&scene);
    let waived = evidence.members[0].guards[0].waived.as_ref().unwrap();
    assert_eq!(
        (&waived.by, waived.why.as_str()),
        (&person(), "the feature is gone")
    );
    assert_eq!(is_proven(&evidence), Ok(()));
    // A note from which somebody has taken the word of the person proves nothing.
    let mut forged = evidence;
    forged.members[0].guards[0].waived = None;
    let why = is_proven(&forged).unwrap_err();
    assert!(why.starts_with("test-guard holds"), "{why}");
}

#[test]
fn a_waiver_is_for_one_commit() {
    let (mut scene, bead, member) = scene(GuardPolicy::Block);
    let refused = scene.refused(waive(&bead, &member.head, TESTS, "x"));
    assert!(refused.to_string().contains("has not looked"), "{refused}");
    scene.guard(&bead, guard_report());
    let refused = scene.refused(waive(&bead, &oid(77), TESTS, "x"));
    assert!(matches!(refused, Rejection::NotReady { .. }), "{refused}");
    scene.tell(waive(&bead, &member.head, TESTS, "x"));
    scene.send_back(
        &bead,
        gtd_core::FaultClass::Gate {
            gate: "test".to_owned(),
        },
    );
    scene.later(60);
    let again = scene.submit(&bead);
    assert_ne!(again.head, member.head);
    scene.guard(&bead, guard_report());
    let form = scene.form_command(&[again]);
    let refused = scene.refused(form);
    assert!(refused.to_string().contains("held back"), "{refused}");
}

#[test]
fn what_is_held_back_is_not_put_into_the_queue_again_until_a_person_waives_it() {
    let (mut scene, bead, member) = scene(GuardPolicy::Block);
    scene.guard(&bead, guard_report());
    scene.send_back(
        &bead,
        gtd_core::FaultClass::Gate {
            gate: "test-guard".to_owned(),
        },
    );
    let queue = scene.graph.queue(&target());
    let failures = queue.map_or_else(Default::default, |queue| queue.memory.failures);
    assert_eq!(
        failures,
        gtd_core::FailureRate::default(),
        "it was in no candidate"
    );
    let retry = Command::RetrySubmission { bead: bead.clone() };
    let refused = scene.refused(retry.clone());
    assert!(refused.to_string().contains("held back"), "{refused}");
    scene.tell(waive(&bead, &member.head, TESTS, "it tested what is gone"));
    scene.tell(retry);
    scene.form(&[member]);
}

#[test]
fn a_criterion_that_no_record_shows_can_be_taken_as_it_is() {
    let mut scene = Scene::new();
    let criterion = |text: &str| gtd_core::Criterion {
        text: text.to_owned(),
        check: None,
    };
    let wanted = gtd_core::BeadSpec {
        acceptance: vec![criterion("it reads well"), criterion("it is fast")],
        ..crate::scene::spec("one")
    };
    let bead = scene.create(wanted, &[]);
    let member = scene.submit(&bead);
    let word = |text: &str| Waived::Criterion(text.to_owned());
    let refused = scene.refused(waive(&bead, &member.head, word("it shines"), "x"));
    assert!(matches!(refused, Rejection::NotFound { .. }), "{refused}");
    scene.tell(waive(
        &bead,
        &member.head,
        word("it reads well"),
        "I read it",
    ));
    scene.form(&[member]);
    scene.judge(Verdict::Passed);
    let evidence = evidence(&scene);
    let verdicts = evidence.members[0].acceptance.iter();
    let verdicts: Vec<CriterionVerdict> = verdicts.map(|proof| proof.verdict).collect();
    assert_eq!(
        verdicts,
        [CriterionVerdict::Waived, CriterionVerdict::Unverifiable]
    );
}
