//! What a person looks at: the review of an attempt, and the timeline.

use gtd_core::{
    BeadId, BeadSpec, BeadState, Command, Criterion, FaultClass, Hands, Outcome, Phase, ReviewDoc,
    TimelineDoc, Verdict, review_doc, timeline_doc,
};

use crate::{
    golden::long_story,
    scene::{BEGIN, Scene, spec},
};

fn review(scene: &Scene, id: &BeadId) -> ReviewDoc {
    review_doc(scene.view(), scene.at(id), &scene.log)
}

fn timeline(scene: &Scene) -> TimelineDoc {
    timeline_doc(scene.view(), &scene.log, |_| true, BEGIN)
}

fn kinds(scene: &Scene, id: &BeadId) -> String {
    let doc = timeline(scene);
    let row = doc.rows.iter().find(|row| row.bead == *id).unwrap();
    let words = row.segments.iter().map(|segment| {
        let attempt = segment.attempt.map_or(String::new(), |n| n.to_string());
        let end = match (segment.failed, segment.to) {
            (true, _) => "!",
            (false, Some(_)) => "",
            (false, None) => "…",
        };
        format!("{}{attempt}{end}", segment.kind.word())
    });
    words.collect::<Vec<_>>().join(" ")
}

fn want_changes(scene: &mut Scene, bead: &BeadId) {
    scene.tell(Command::WantChanges {
        bead: bead.clone(),
        why: "say it twice\nand loud".to_owned(),
        comments: "a.txt:3: why?".to_owned(),
    });
}

#[test]
fn what_a_person_wants_otherwise_is_the_story_of_the_next_attempt() {
    let mut scene = Scene::new();
    let bead = scene.bead("one");
    scene.submit(&bead);
    want_changes(&mut scene, &bead);
    let Phase::Returned { why } = &scene.at(&bead).phase else {
        panic!("{:?}", scene.at(&bead).phase);
    };
    assert!(
        why.text.ends_with("wants it otherwise: say it twice"),
        "{}",
        why.text
    );
    assert_eq!(why.evidence, "and loud\na.txt:3: why?");
    assert_eq!(
        scene.at(&bead).attempts.last().unwrap().fault.as_ref(),
        Some(why)
    );
    assert_eq!(
        scene.ready(),
        std::slice::from_ref(&bead),
        "it begins at once"
    );
    let again = scene.ask_again(&bead);
    assert!(
        again.is_empty(),
        "the same words twice are said once: {again:?}"
    );
    scene.grant(&bead);
    assert_eq!(scene.state(&bead), BeadState::Running);
}

#[test]
fn what_was_set_aside_has_all_of_its_attempts_after_a_review() {
    let mut scene = Scene::new();
    let bead = scene.bead("one");
    scene.fail(&bead, FaultClass::Exit { code: 1 });
    scene.park(&bead);
    want_changes(&mut scene, &bead);
    assert_eq!(scene.at(&bead).spent, 0);
    assert_eq!(scene.ready(), [bead]);
}

#[test]
fn what_has_landed_or_was_never_begun_cannot_be_sent_back() {
    let mut scene = Scene::new();
    let (landed, fresh) = (scene.bead("landed"), scene.bead("fresh"));
    scene.land(&landed);
    for bead in [landed, fresh] {
        assert!(!review(&scene, &bead).may_send_back);
        scene.refused(Command::WantChanges {
            bead,
            why: "otherwise".to_owned(),
            comments: String::new(),
        });
    }
    let parked = scene.bead("parked before anybody began");
    scene.park(&parked);
    assert!(!review(&scene, &parked).may_send_back);
    let why = scene.refused(Command::WantChanges {
        bead: parked,
        why: "otherwise".to_owned(),
        comments: String::new(),
    });
    assert!(
        why.to_string().contains("nobody has worked on it yet"),
        "{why}"
    );
}

#[test]
fn nothing_said_is_no_review() {
    let mut scene = Scene::new();
    let bead = scene.bead("one");
    scene.submit(&bead);
    let why = scene.refused(Command::WantChanges {
        bead,
        why: " ".to_owned(),
        comments: String::new(),
    });
    assert!(why.to_string().contains("is empty"), "{why}");
}

#[test]
fn a_wish_for_changes_can_be_undone() {
    let mut scene = Scene::new();
    let bead = scene.bead("one");
    scene.submit(&bead);
    let before = scene.at(&bead).phase.clone();
    want_changes(&mut scene, &bead);
    scene.undo_last().unwrap();
    assert_eq!(scene.at(&bead).phase, before);
}

#[test]
fn a_criterion_is_ticked_only_by_a_record() {
    let mut scene = Scene::new();
    let bead = scene.create(
        BeadSpec {
            acceptance: vec![
                Criterion {
                    text: "it is there".to_owned(),
                    check: Some("test -f a".to_owned()),
                },
                Criterion {
                    text: "it reads well".to_owned(),
                    check: None,
                },
            ],
            ..spec("one")
        },
        &[],
    );
    let met = |scene: &Scene| -> Vec<Option<bool>> {
        let seen = review(scene, &bead).acceptance;
        seen.iter().map(|criterion| criterion.met).collect()
    };
    assert_eq!(met(&scene), [None, None]);
    scene.give_back(
        &bead,
        FaultClass::Check {
            criterion: "it is there".to_owned(),
        },
    );
    assert_eq!(met(&scene), [Some(false), None]);
    scene.retry(&bead);
    scene.submit(&bead);
    assert_eq!(met(&scene), [Some(true), None]);
}

#[test]
fn a_review_tells_what_the_gates_said_of_each_attempt() {
    let mut scene = Scene::new();
    let bead = scene.bead("one");
    let member = scene.submit(&bead);
    scene.form(&[member]);
    scene.judge(Verdict::Failed);
    scene.send_back(
        &bead,
        FaultClass::Gate {
            gate: "test".to_owned(),
        },
    );
    let shown = review(&scene, &bead);
    assert!(shown.may_approve && shown.may_send_back);
    scene.retry(&bead);
    scene.land(&bead);
    let shown = review(&scene, &bead);
    let gates: Vec<_> = shown
        .gates
        .iter()
        .map(|gate| (gate.attempt, gate.run.verdict))
        .collect();
    assert_eq!(gates, [(1, Verdict::Failed), (2, Verdict::Passed)]);
    assert_eq!(shown.attempt, Some(2));
    assert!(shown.landed.is_some() && !shown.may_approve);
    assert_eq!(shown.claim, "done");
}

#[test]
fn a_timeline_tells_in_whose_hands_a_bead_was() {
    let mut scene = Scene::new();
    let first = scene.bead("first");
    scene.later(10);
    let second = scene.bead_after("second", &[&first]);
    scene.later(10);
    scene.grant(&first);
    scene.later(10);
    scene.give_back(&first, FaultClass::Exit { code: 1 });
    scene.later(3_600);
    scene.grant(&first);
    scene.later(10);
    let member = scene.submit(&first);
    scene.later(10);
    assert_eq!(
        kinds(&scene, &first),
        "queued agent1! queued agent2 queued2…"
    );
    scene.form(&[member]);
    scene.later(10);
    scene.judge(Verdict::Passed);
    scene.later(10);
    assert_eq!(
        kinds(&scene, &first),
        "queued agent1! queued agent2 queued2 gate2 merge2…"
    );
    let doc = timeline(&scene);
    assert!(
        doc.rows.iter().all(|row| row.bead != second),
        "what waits for another is in nobody's hands"
    );
    let candidate = scene.in_test().unwrap();
    scene.tell(Command::Land { candidate });
    let landed_at = scene.now;
    scene.later(10);
    assert_eq!(kinds(&scene, &second), "queued…");
    let doc = timeline(&scene);
    let row = doc.rows.iter().find(|row| row.bead == second).unwrap();
    assert_eq!(row.segments[0].from.0, landed_at);
    scene.park(&second);
    scene.later(10);
    assert_eq!(kinds(&scene, &second), "queued you…");
    scene.close(&second, Outcome::Cancelled);
    assert_eq!(kinds(&scene, &second), "queued you");
}

#[test]
fn a_timeline_and_the_state_of_a_bead_never_differ() {
    let scene = long_story();
    let doc = timeline(&scene);
    assert!(!doc.bands.is_empty());
    for row in &doc.rows {
        let open = row.segments.last().filter(|segment| segment.to.is_none());
        let open = open.map(|segment| segment.kind);
        let bead = scene.at(&row.bead);
        let expected: &[Option<Hands>] = match scene.state(&row.bead) {
            BeadState::Draft | BeadState::Parked => &[Some(Hands::You)],
            BeadState::Ready => &[Some(Hands::Queued)],
            // What waits for others is in nobody's hands.
            BeadState::Waiting => &[Some(Hands::Queued), None],
            BeadState::Running if bead.question().is_some() => &[Some(Hands::You)],
            BeadState::Running => &[Some(Hands::Agent)],
            BeadState::Submitted => &[Some(Hands::Queued)],
            BeadState::Queued => &[Some(Hands::Gate), Some(Hands::Merge)],
            BeadState::Landed | BeadState::Closed | BeadState::Failed | BeadState::Cancelled => {
                &[None]
            }
        };
        assert!(
            expected.contains(&open),
            "{} is {:?} and in the hands of {open:?}",
            row.bead,
            bead.phase
        );
        assert_eq!(
            bead.phase.is_finished(),
            row.ended_at.is_some(),
            "{}",
            row.bead
        );
        for pair in row.segments.windows(2) {
            assert!(pair[0].to.is_some_and(|to| to <= pair[1].from), "{row:?}");
        }
    }
}

#[test]
fn a_timeline_begins_where_it_is_told() {
    let mut scene = Scene::new();
    let old = scene.bead("old");
    scene.land(&old);
    scene.later(100);
    let since = scene.now;
    let new = scene.bead("new");
    scene.later(10);
    let doc = timeline_doc(scene.view(), &scene.log, |_| true, since);
    let beads: Vec<&BeadId> = doc.rows.iter().map(|row| &row.bead).collect();
    assert_eq!(beads, [&new]);
}

impl Scene {
    /// Asks for the same changes again.
    fn ask_again(&mut self, bead: &BeadId) -> Vec<gtd_core::Event> {
        self.tell(Command::WantChanges {
            bead: bead.clone(),
            why: "say it twice\nand loud".to_owned(),
            comments: "a.txt:3: why?".to_owned(),
        })
    }
}
