//! What became of the work of each runtime, told from the log alone.

use gtd_core::{
    Command, EdgeKind, FaultClass, Moment, Need, OpinionVerdict, ReviewOutcome, ReviewPolicy,
    SatisfiedBy, Timestamp, TrustBy, TrustDoc, trust_doc,
};

use crate::scene::{Scene, opinion, rules, weight};

const DAY: u64 = 86_400;

fn report(scene: &Scene, by: TrustBy) -> TrustDoc {
    let since = Timestamp(0);
    trust_doc(scene.view(), &scene.log, by, since, |_| true)
}

fn red() -> FaultClass {
    FaultClass::Gate {
        gate: "test".to_owned(),
    }
}

#[test]
fn what_landed_came_back_and_was_taken_back_is_told_by_runtime() {
    let mut scene = Scene::with_rules(rules());
    let (good, later, never) = (scene.bead("good"), scene.bead("later"), scene.bead("never"));
    scene.land(&good);
    scene.submit(&later);
    scene.send_back(&later, red());
    scene.later(60);
    scene.land(&later);
    scene.submit(&never);
    scene.send_back(&never, FaultClass::Conflict { files: vec![] });
    scene.park(&never);
    scene.later(3 * DAY);
    let revert = scene.bead("take it back");
    scene.tell(Command::Link {
        bead: revert.clone(),
        need: Need {
            on: good.clone(),
            kind: EdgeKind::Custom("reverts".to_owned()),
            satisfied_by: SatisfiedBy::Finish,
        },
    });
    let landings = report(&scene, TrustBy::Runtime).landings;
    assert!(landings.iter().all(|landing| landing.reverted_at.is_none()));
    scene.land(&revert);
    scene.later(5 * DAY);
    let doc = report(&scene, TrustBy::Runtime);
    let [row] = doc.rows.as_slice() else {
        panic!("{:?}", doc.rows);
    };
    assert_eq!(row.runtime, "shell");
    assert_eq!((row.attempts, row.handed_in), (5, 5));
    // What does not merge is nobody's fault.
    assert_eq!((row.landed, row.sent_back, row.parked), (3, 1, 1));
    assert_eq!(row.reverted, 1);
    let after: Vec<_> = row
        .after
        .iter()
        .map(|a| (a.stood, a.reverted, a.young))
        .collect();
    assert_eq!(after, [(3, 0, 0), (1, 1, 1), (0, 1, 2)]);
    let taken_back = doc.landings.iter().filter(|l| l.reverted_at.is_some());
    let taken_back: Vec<_> = taken_back.collect();
    assert_eq!(taken_back.len(), 1);
    assert_eq!(taken_back[0].bead, good);
    assert_eq!(taken_back[0].stood_after(1, scene.now), Some(true));
    assert_eq!(taken_back[0].stood_after(7, scene.now), Some(false));
    assert!(taken_back[0].landed_at < Moment(scene.now));
}

#[test]
fn what_was_thought_before_the_gates_stands_beside_what_became_of_it() {
    let mut rules = rules();
    rules.merge.review.policy = ReviewPolicy::Always;
    let mut scene = Scene::with_rules(rules);
    let bead = scene.bead("read");
    let verdicts = [OpinionVerdict::Changes, OpinionVerdict::Approve];
    for verdict in verdicts {
        scene.later(60);
        scene.submit(&bead);
        scene.weigh(&bead, weight());
        scene.begin_review(&bead, 1);
        scene.end_review(&bead, 1, ReviewOutcome::Said(opinion(verdict)));
    }
    let member = gtd_core::Member {
        bead: bead.clone(),
        epoch: scene.at(&bead).epoch,
        head: scene.at(&bead).attempts[1].head.clone().unwrap(),
    };
    scene.form(&[member]);
    scene.judge(gtd_core::Verdict::Passed);
    scene.land_candidate();
    let doc = report(&scene, TrustBy::Runtime);
    let row = |name: &str| doc.rows.iter().find(|row| row.runtime == name).unwrap();
    let author = row("shell");
    assert_eq!((author.approved, author.changes_wanted), (1, 1));
    assert_eq!((author.sent_back, author.landed), (1, 1));
    assert_eq!((row("codex").reviews, row("codex").attempts), (2, 0));
    assert_eq!(doc.landings[0].weight, Some(weight()));
    assert_eq!(doc.landings[0].approved_by.as_deref(), Some("codex"));
    let by_area = report(&scene, TrustBy::Area);
    let areas: Vec<_> = by_area
        .rows
        .iter()
        .map(|row| row.of.clone().unwrap())
        .collect();
    assert_eq!(areas, ["migrations", "src"]);
    let by_class = report(&scene, TrustBy::Class);
    assert_eq!(by_class.rows[0].of.as_deref(), Some("task"));
}
