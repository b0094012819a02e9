//! What changes protected files waits for a person's yes to exactly that commit.

use gtd_core::{
    BeadId, BeadState, Command, Guard, Member, Rejection, Verdict, WaitReason, Waived, needs_you,
    protected_paths, review_doc, stands_still,
};

use crate::scene::{Scene, rules, target};

/// A rig with a protected folder, and a bead that is handed in.
fn scene() -> (Scene, BeadId, Member) {
    let mut rules = rules();
    rules.merge.protect = vec!["migrations".to_owned()];
    let mut scene = Scene::with_rules(rules);
    let bead = scene.bead("migrate");
    let member = scene.submit(&bead);
    (scene, bead, member)
}

fn touches(scene: &mut Scene, bead: &BeadId, file: &str) {
    let report = protected_paths(&["migrations".to_owned()], &[file.to_owned()]);
    scene.guard(bead, report);
}

fn yes(bead: &BeadId, member: &Member) -> Command {
    Command::Waive {
        bead: bead.clone(),
        head: member.head.clone(),
        what: Waived::Guard(Guard::ProtectedPaths),
        why: "it adds a column".to_owned(),
    }
}

#[test]
fn nothing_is_formed_with_it_before_somebody_looked_and_a_person_said_yes() {
    let (mut scene, bead, member) = scene();
    let form = scene.form_command(std::slice::from_ref(&member));
    let refused = scene.refused(form.clone());
    assert!(matches!(refused, Rejection::NotReady { .. }), "{refused}");
    touches(&mut scene, &bead, "migrations/7.sql");
    let refused = scene.refused(form.clone());
    let said = refused.to_string();
    assert!(said.contains("held back by protected-paths"), "{said}");
    let at = member.head.short();
    assert_eq!(refused.next(), format!("gtd approve {bead} --at {at}"));
    scene.tell(yes(&bead, &member));
    scene.tell(form);
    scene.judge(Verdict::Passed);
    let queue = scene.graph.queue(&target()).unwrap();
    let evidence = gtd_core::Evidence::of(&scene.graph, queue.candidate.as_ref().unwrap());
    let proof = &evidence.members[0].guards[0];
    let told = proof.waived.as_ref().unwrap().told();
    assert_eq!(told, "approved by ada: it adds a column");
}

#[test]
fn what_touches_nothing_of_it_waits_for_nobody() {
    let (mut scene, bead, member) = scene();
    touches(&mut scene, &bead, "src/lib.rs");
    assert_eq!(needs_you(scene.view(), None), vec![]);
    scene.form(&[member]);
}

#[test]
fn why_the_inbox_and_the_review_name_the_files_until_the_yes() {
    let (mut scene, bead, member) = scene();
    touches(&mut scene, &bead, "migrations/7.sql");
    let now = scene.why(&bead);
    assert_eq!(now.reason(), Some(WaitReason::Approval));
    let text = "it changes migrations/7.sql, which waits for your yes";
    assert_eq!(now.chain[0].text, text);
    assert!(!now.clears_by_itself);
    let items = needs_you(scene.view(), None);
    let [item] = items.as_slice() else {
        panic!("{items:?}");
    };
    assert_eq!((item.kind.as_str(), item.text.as_str()), ("approval", text));
    let at = member.head.short();
    assert_eq!(item.next, format!("gtd approve {bead} --at {at}"));
    let review = |scene: &Scene| review_doc(scene.view(), scene.at(&bead), &[]);
    assert_eq!(review(&scene).unapproved, Some(Guard::ProtectedPaths));
    assert!(review(&scene).may_approve && review(&scene).is_queued);
    scene.tell(yes(&bead, &member));
    assert_eq!(scene.reason(&bead), Some(WaitReason::MergeQueue));
    assert_eq!(needs_you(scene.view(), None), vec![]);
    assert_eq!(review(&scene).unapproved, None);
    assert!(!review(&scene).may_approve);
}

#[test]
fn a_goal_whose_last_bead_waits_for_the_yes_stands_still_and_is_told_of_once() {
    let mut rules = rules();
    rules.merge.protect = vec!["migrations".to_owned()];
    let mut scene = Scene::with_rules(rules);
    let goal = scene.goal(&[("a", &[])]);
    let bead = scene.in_goal(&goal, "a");
    let member = scene.submit(&bead);
    touches(&mut scene, &bead, "migrations/7.sql");
    let still = |scene: &Scene| stands_still(&scene.graph, &scene.observations, &goal, scene.now);
    assert!(still(&scene));
    let items = needs_you(scene.view(), None);
    let kinds: Vec<&str> = items.iter().map(|item| item.kind.as_str()).collect();
    assert_eq!(kinds, ["approval"]);
    scene.tell(yes(&bead, &member));
    assert!(!still(&scene));
}

#[test]
fn the_yes_lapses_when_other_work_is_handed_in() {
    let (mut scene, bead, member) = scene();
    touches(&mut scene, &bead, "migrations/7.sql");
    scene.tell(yes(&bead, &member));
    let class = gtd_core::FaultClass::Gate {
        gate: "test".to_owned(),
    };
    scene.send_back(&bead, class);
    scene.later(60);
    let again = scene.submit(&bead);
    assert_ne!(again.head, member.head);
    touches(&mut scene, &bead, "migrations/7.sql");
    let form = scene.form_command(&[again]);
    let refused = scene.refused(form);
    assert!(refused.to_string().contains("held back"), "{refused}");
}

#[test]
fn what_was_set_aside_waits_for_the_yes_where_it_was() {
    let (mut scene, bead, _) = scene();
    touches(&mut scene, &bead, "migrations/7.sql");
    scene.tell(Command::ParkBead {
        bead: bead.clone(),
        why: "later".to_owned(),
    });
    // It would not come back: it waits in the queue.
    scene.tell(Command::RetrySubmission { bead: bead.clone() });
    assert_eq!(scene.state(&bead), BeadState::Submitted);
    assert_eq!(needs_you(scene.view(), None)[0].kind, "approval");
    scene.tell(Command::WantChanges {
        bead: bead.clone(),
        why: "no migration".to_owned(),
        comments: String::new(),
    });
    assert_ne!(scene.state(&bead), BeadState::Submitted);
}

#[test]
fn other_globs_have_what_did_not_land_looked_at_again_and_take_the_yes_back() {
    let (mut scene, bead, member) = scene();
    let protect = |scene: &mut Scene, globs: &[&str]| {
        let mut rules = rules();
        rules.merge.protect = globs.iter().map(|&glob| glob.to_owned()).collect();
        scene.trust(rules);
    };
    touches(&mut scene, &bead, "migrations/7.sql");
    scene.tell(yes(&bead, &member));
    protect(&mut scene, &["migrations", "src/auth"]);
    let form = scene.form_command(std::slice::from_ref(&member));
    let refused = scene.refused(form);
    assert!(
        refused.to_string().contains("not looked at it"),
        "{refused}"
    );
    touches(&mut scene, &bead, "migrations/7.sql");
    assert_eq!(scene.reason(&bead), Some(WaitReason::Approval));
    protect(&mut scene, &["infra"]);
    assert_eq!(scene.reason(&bead), Some(WaitReason::MergeQueue));
    assert_eq!(needs_you(scene.view(), None), vec![]);
}
