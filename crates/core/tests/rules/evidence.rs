//! What a landing is proven by, and what is believed of a note.

use gtd_core::{
    Actor, BeadId, BeadSpec, CheckRun, Command, Criterion, CriterionVerdict, Epoch, Event,
    Evidence, FaultClass, LandedCommit, Member, Proven, REFINERY_EMAIL, Verdict, prove,
};

use crate::scene::{Scene, oid, person, run_id, seat, spec, target};

fn criterion(text: &str, check: Option<&str>) -> Criterion {
    Criterion {
        text: text.to_owned(),
        check: check.map(str::to_owned),
    }
}

fn submit(bead: &BeadId, epoch: Epoch) -> Command {
    Command::Submit {
        bead: bead.clone(),
        epoch,
        head: oid(7),
        base: oid(1),
        summary: "done".to_owned(),
        checks: vec![CheckRun {
            command: "make".to_owned(),
            run: run_id("check"),
            took_ms: 3,
            output: "ab".repeat(32),
        }],
    }
}

/// Lands one bead and returns the evidence in the record of the landing.
fn landed() -> Evidence {
    let mut scene = Scene::new();
    let acceptance = vec![
        criterion("it builds", Some("make")),
        criterion("it is short", None),
        criterion("it is fast", Some("bench")),
    ];
    let wanted = BeadSpec {
        acceptance,
        ..spec("one")
    };
    let bead = scene.create(wanted, &[]);
    let epoch = scene.grant(&bead);
    scene.tell(submit(&bead, epoch));
    scene.form(&[Member {
        bead,
        epoch,
        head: oid(7),
    }]);
    scene.land_candidate();
    let mut events = scene.log.iter().rev().map(|(_, record)| &record.event);
    let found = events.find_map(|event| match event {
        Event::CandidateLanded { evidence, .. } => evidence.clone(),
        _ => None,
    });
    *found.expect("the landing carries its evidence")
}

/// The commit that the evidence is about, as git would have it.
fn commit(evidence: &Evidence) -> LandedCommit {
    LandedCommit {
        oid: evidence.commit.clone(),
        tree: evidence.tree.clone(),
        base: Some(evidence.base.clone()),
        author: "gtd refinery".to_owned(),
        committer_email: REFINERY_EMAIL.to_owned(),
        subject: "one".to_owned(),
        note: evidence.to_note(),
        heads: None,
        signature: None,
    }
}

fn why(commit: &LandedCommit) -> String {
    match prove(commit) {
        Proven::ByEvidence(_) => "proven".to_owned(),
        Proven::ByHand => "by hand".to_owned(),
        Proven::Not(why) => why.join("\n"),
    }
}

#[test]
fn no_landing_is_recorded_without_what_it_is_proven_by() {
    let evidence = landed();
    let gate = &evidence.gates[0];
    assert_eq!(gate.verdict, Verdict::Passed);
    assert_eq!(gate.tree, evidence.tree);
    assert!(!gate.command.is_empty());
    let seen: Vec<(&str, CriterionVerdict, &str)> = evidence.members[0]
        .acceptance
        .iter()
        .map(|proof| (proof.text.as_str(), proof.verdict, proof.why.as_str()))
        .collect();
    assert_eq!(
        seen,
        [
            ("it builds", CriterionVerdict::Passed, ""),
            (
                "it is short",
                CriterionVerdict::Unverifiable,
                "it has no check"
            ),
            (
                "it is fast",
                CriterionVerdict::Unverifiable,
                "no run of its check is on record for what was handed in"
            ),
        ]
    );
}

#[test]
fn a_note_proves_its_own_commit_and_tree_and_nothing_else() {
    let evidence = landed();
    let good = commit(&evidence);
    assert_eq!(why(&good), "proven");
    let back = Evidence::from_note(&good.note).unwrap();
    assert_eq!(back, evidence);
    let other_tree = LandedCommit {
        tree: oid(9),
        ..good.clone()
    };
    let said = why(&other_tree);
    assert!(said.contains("its note proves the tree"), "{said}");
    assert!(said.contains("gate test ran on the tree"), "{said}");
    let moved = LandedCommit {
        oid: oid(8),
        base: Some(oid(7)),
        ..good.clone()
    };
    assert!(why(&moved).contains("its note is about"), "{}", why(&moved));
    assert!(why(&moved).contains("its note was made on"));
    let red = Evidence {
        gates: evidence
            .gates
            .iter()
            .cloned()
            .map(|gate| gtd_core::GateProof {
                verdict: Verdict::Failed,
                ..gate
            })
            .collect(),
        ..evidence.clone()
    };
    assert_eq!(why(&commit(&red)), "gate test was not green");
    let none = Evidence {
        gates: vec![],
        ..evidence
    };
    assert_eq!(why(&commit(&none)), "no gate ran on it");
}

#[test]
fn a_note_proves_what_stands_behind_its_commit_and_nothing_that_was_put_there() {
    let evidence = landed();
    let mut good = commit(&evidence);
    let merge = oid(20);
    let behind = |head: u64| {
        [
            (good.oid.clone(), vec![evidence.base.clone(), merge.clone()]),
            (merge.clone(), vec![evidence.base.clone(), oid(head)]),
        ]
    };
    let (same, other) = (behind(7), behind(8));
    good.look_behind(&same.into_iter().collect());
    assert_eq!(good.heads, Some(vec![oid(7)]));
    assert_eq!(why(&good), "proven");
    good.look_behind(&other.into_iter().collect());
    assert_eq!(
        why(&good),
        "behind it stand other commits than those that its note is about"
    );
    // What is cut off tells nothing.
    let mut cut = commit(&evidence);
    cut.look_behind(&std::iter::once((cut.oid.clone(), vec![evidence.base.clone()])).collect());
    assert_eq!(cut.heads, None);
}

#[test]
fn what_was_to_be_signed_is_proven_by_a_signature_of_this_commit() {
    use gtd_core::{SignPolicy, Signature};
    let plain = landed();
    let wanted = Evidence {
        sign: SignPolicy::Ssh,
        ..plain.clone()
    };
    let key = || "SHA256:abc".to_owned();
    let said = |evidence: &Evidence, signature: Signature| {
        let mut commit = commit(evidence);
        commit.signature = Some(signature);
        why(&commit)
    };
    assert_eq!(
        said(&wanted, Signature::Missing),
        "it was to be signed: not signed"
    );
    assert!(said(&wanted, Signature::Bad).starts_with("it was to be signed: "));
    assert_eq!(said(&wanted, Signature::Unknown { key: key() }), "proven");
    assert_eq!(said(&plain, Signature::Missing), "proven");
    assert_eq!(said(&plain, Signature::Unchecked), "proven");
    assert_ne!(said(&plain, Signature::Bad), "proven");
    let (a, b) = (oid(1), oid(2));
    let told = format!("{a}\0G\0ann\0SHA256:abc\0{b}\0N\0\0\0");
    let read = Signature::read(told.as_bytes());
    let who = "ann".to_owned();
    assert_eq!(read[&a], Signature::By { who, key: key() });
    assert_eq!(read[&b], Signature::Missing);
}

#[test]
fn what_a_person_made_is_told_as_such_and_a_lost_note_as_unproven() {
    let evidence = landed();
    let lost = LandedCommit {
        note: String::new(),
        ..commit(&evidence)
    };
    assert_eq!(why(&lost), "a refinery made it, and it has no note");
    let by_hand = LandedCommit {
        committer_email: "ann@example.org".to_owned(),
        ..lost.clone()
    };
    assert_eq!(why(&by_hand), "by hand");
    let garbage = LandedCommit {
        note: "looks good to me".to_owned(),
        ..lost
    };
    assert!(why(&garbage).starts_with("its note cannot be read"));
}

#[test]
fn who_works_outside_of_gtd_has_no_record_of_checks() {
    let mut scene = Scene::new();
    let bead = scene.bead("one");
    scene.tell(Command::Claim {
        bead: bead.clone(),
        name: seat("ann"),
    });
    let epoch = scene.at(&bead).epoch;
    scene.tell(submit(&bead, epoch));
    assert_eq!(scene.at(&bead).attempts[0].checks, []);
}

#[test]
fn a_yes_of_a_person_is_on_record_for_exactly_what_was_handed_in() {
    let mut scene = Scene::new();
    let bead = scene.bead("one");
    let member = scene.submit(&bead);
    scene.send_back(
        &bead,
        FaultClass::Gate {
            gate: "test".to_owned(),
        },
    );
    scene.tell(Command::RetrySubmission { bead: bead.clone() });
    scene.form(&[member]);
    let candidate = scene.graph.queue(&target()).unwrap().candidate.clone();
    let evidence = Evidence::of(&scene.graph, &candidate.unwrap());
    let by: Vec<&Actor> = evidence.members[0]
        .approvals
        .iter()
        .map(|yes| &yes.by)
        .collect();
    assert_eq!(by, [&person()]);
}
