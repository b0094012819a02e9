//! What waits for a reviewer, what a reviewer lets through and sends back, and what that costs.

use gtd_core::{
    BeadId, BudgetRules, Command, Decision, Evidence, Fault, FaultClass, OpinionVerdict, Purse,
    Rejection, ReviewOutcome, ReviewPolicy, Reviewing, RigRules, RuntimeFault, RuntimeName, Usage,
    UsageDelta, Verdict, WaitReason, Weight, needs_you, review_doc, review_run,
};

use crate::scene::{Scene, fault, opinion, rules, target, weight};

fn with(policy: ReviewPolicy) -> RigRules {
    let mut rules = rules();
    rules.merge.review.policy = policy;
    rules
}

/// A bead that is handed in where this is reviewed.
fn scene(policy: ReviewPolicy) -> (Scene, BeadId) {
    let mut scene = Scene::with_rules(with(policy));
    let bead = scene.bead("to be read");
    scene.submit(&bead);
    (scene, bead)
}

/// Has a candidate formed of a bead alone.
fn form(scene: &mut Scene, bead: &BeadId) -> Decision {
    let now = scene.at(bead);
    let member = gtd_core::Member {
        bead: bead.clone(),
        epoch: now.epoch,
        head: now.attempts.last().unwrap().head.clone().unwrap(),
    };
    let command = scene.form_command(&[member]);
    scene.try_tell(command)
}

fn said(verdict: OpinionVerdict) -> ReviewOutcome {
    ReviewOutcome::Said(opinion(verdict))
}

fn failed(class: FaultClass) -> ReviewOutcome {
    ReviewOutcome::Failed(fault(class))
}

#[test]
fn nothing_is_formed_of_what_waits_for_a_reviewer() {
    let (mut scene, bead) = scene(ReviewPolicy::Always);
    for step in 0..3 {
        let refused = form(&mut scene, &bead).unwrap_err();
        assert!(matches!(refused, Rejection::NotReady { .. }), "{refused}");
        assert_eq!(scene.reason(&bead), Some(WaitReason::Review));
        match step {
            0 => scene.weigh(&bead, Weight::default()),
            1 => scene.begin_review(&bead, 1),
            _ => scene.end_review(&bead, 1, said(OpinionVerdict::Approve)),
        }
    }
    form(&mut scene, &bead).unwrap();
}

#[test]
fn only_what_is_risky_is_read_where_the_policy_says_so() {
    let (mut scene, bead) = scene(ReviewPolicy::Risky);
    form(&mut scene, &bead).unwrap_err();
    scene.weigh(&bead, Weight::default());
    form(&mut scene, &bead).unwrap();
    let (mut scene, bead) = self::scene(ReviewPolicy::Risky);
    scene.weigh(&bead, weight());
    form(&mut scene, &bead).unwrap_err();
    let (mut scene, bead) = self::scene(ReviewPolicy::Off);
    form(&mut scene, &bead).unwrap();
}

#[test]
fn what_a_reviewer_wants_otherwise_is_the_story_of_the_next_attempt() {
    let (mut scene, bead) = scene(ReviewPolicy::Always);
    scene.weigh(&bead, weight());
    scene.begin_review(&bead, 1);
    scene.end_review(&bead, 1, said(OpinionVerdict::Changes));
    let now = scene.at(&bead);
    let why = now.attempts[0].fault.clone().unwrap();
    assert_eq!(
        why.text,
        "the reviewer codex (gpt) wants it otherwise: It forgets the old rows."
    );
    assert_eq!(
        why.evidence,
        "The rest is fine.\nmigrations/7.sql:3: what of rows without a name?"
    );
    // It counts: a reviewer and a worker do not go on for ever.
    assert_eq!(now.spent, 1);
    // What a person puts into the queue again is read by nobody.
    scene.tell(Command::RetrySubmission { bead: bead.clone() });
    form(&mut scene, &bead).unwrap();
}

#[test]
fn a_yes_is_for_one_commit_and_stands_in_its_evidence() {
    let (mut scene, bead) = scene(ReviewPolicy::Always);
    scene.weigh(&bead, weight());
    scene.begin_review(&bead, 1);
    scene.end_review(&bead, 1, said(OpinionVerdict::Approve));
    scene.send_back(
        &bead,
        FaultClass::Gate {
            gate: "test".to_owned(),
        },
    );
    scene.later(60);
    scene.submit(&bead);
    assert!(matches!(
        scene.graph.reviewing(scene.at(&bead)),
        Reviewing::Unweighed
    ));
    form(&mut scene, &bead).unwrap_err();
    scene.weigh(&bead, weight());
    scene.begin_review(&bead, 1);
    scene.end_review(&bead, 1, said(OpinionVerdict::Approve));
    form(&mut scene, &bead).unwrap();
    scene.judge(Verdict::Passed);
    let queue = scene.graph.queue(&target()).unwrap();
    let evidence = Evidence::of(&scene.graph, queue.candidate.as_ref().unwrap());
    let member = &evidence.members[0];
    assert_eq!(member.weight, Some(weight()));
    assert_eq!(member.reviews.len(), 1);
    assert_eq!(member.reviews[0].role, "reviewer");
    assert_eq!(member.reviews[0].review.by(), "codex (gpt)");
    let opinion = member.reviews[0].review.opinion().unwrap();
    assert_eq!(opinion.verdict, OpinionVerdict::Approve);
}

#[test]
fn what_was_to_be_reviewed_is_proven_by_a_yes_and_by_nothing_less() {
    let (mut scene, bead) = scene(ReviewPolicy::Risky);
    scene.weigh(&bead, weight());
    scene.begin_review(&bead, 1);
    scene.end_review(&bead, 1, said(OpinionVerdict::Approve));
    form(&mut scene, &bead).unwrap();
    let queue = scene.graph.queue(&target()).unwrap();
    let mut evidence = Evidence::of(&scene.graph, queue.candidate.as_ref().unwrap());
    let member = &mut evidence.members[0];
    assert_eq!(member.unread(), None);
    let review = &mut member.reviews[0].review;
    review.outcome = Some(said(OpinionVerdict::Changes));
    let why = member.unread().unwrap();
    assert!(why.starts_with("risky work is to be reviewed ("), "{why}");
    member.reviews.clear();
    assert!(member.unread().is_some());
    member.weight = Some(Weight::default());
    assert_eq!(member.unread(), None);
    member.weight = None;
    assert_eq!(member.unread().unwrap(), "nobody looked how risky it is");
    member.review = ReviewPolicy::Always;
    assert!(member.unread().is_some());
    // A note from before the need was written down asks for nothing.
    let mut old = serde_json::to_value(&*member).unwrap();
    assert_eq!(old["review"], "always");
    old.as_object_mut().unwrap().remove("review");
    let old: gtd_core::MemberProof = serde_json::from_value(old).unwrap();
    assert_eq!(old.unread(), None);
}

#[test]
fn a_verdict_that_cannot_be_read_is_a_persons() {
    let (mut scene, bead) = scene(ReviewPolicy::Always);
    scene.weigh(&bead, weight());
    scene.begin_review(&bead, 1);
    let unread = FaultClass::Check {
        criterion: "its verdict can be read".to_owned(),
    };
    scene.end_review(&bead, 1, failed(unread));
    let why = scene.why(&bead);
    assert!(!why.clears_by_itself, "{why:?}");
    assert_eq!(why.next[0].cmd, format!("gtd review {bead} --approve"));
    let items = needs_you(scene.view(), None);
    let item = items.iter().find(|item| item.subject == bead.as_str());
    assert_eq!(item.unwrap().kind, "review");
    let refused = scene.refused(scene.begin_review_command(&bead, 2));
    assert!(matches!(refused, Rejection::NotReady { .. }), "{refused}");
    assert!(review_doc(scene.view(), scene.at(&bead), &[]).may_approve);
    scene.tell(Command::RetrySubmission { bead: bead.clone() });
    form(&mut scene, &bead).unwrap();
}

#[test]
fn a_review_that_fails_is_tried_again_and_then_it_is_a_persons() {
    let (mut scene, bead) = scene(ReviewPolicy::Always);
    scene.weigh(&bead, weight());
    let limit = || FaultClass::Runtime {
        runtime: RuntimeName::parse("codex").unwrap(),
        fault: RuntimeFault::RateLimited { until: None },
    };
    // A limit is waited for, and counts for nothing.
    for (number, class) in [(1, limit()), (2, FaultClass::Lost)] {
        scene.begin_review(&bead, number);
        scene.end_review(&bead, number, failed(class));
        assert_eq!(scene.graph.reviewing(scene.at(&bead)), Reviewing::Wanted);
    }
    scene.begin_review(&bead, 3);
    scene.end_review(&bead, 3, failed(FaultClass::Killed));
    assert!(matches!(
        scene.graph.reviewing(scene.at(&bead)),
        Reviewing::GivenUp(_)
    ));
}

#[test]
fn a_limit_that_a_review_reached_holds_its_runtime_for_everybody() {
    let (mut scene, bead) = scene(ReviewPolicy::Always);
    scene.weigh(&bead, weight());
    scene.begin_review(&bead, 1);
    let class = FaultClass::Runtime {
        runtime: RuntimeName::parse("codex").unwrap(),
        fault: RuntimeFault::RateLimited { until: None },
    };
    scene.end_review(&bead, 1, failed(class));
    assert!(scene.graph.runtime_hold("codex").is_some());
    scene.begin_review(&bead, 2);
    scene.end_review(&bead, 2, said(OpinionVerdict::Approve));
    assert!(scene.graph.runtime_hold("codex").is_none());
}

#[test]
fn a_review_is_begun_once_and_ended_once_and_has_its_seat_alone() {
    let (mut scene, bead) = scene(ReviewPolicy::Always);
    let other = scene.bead("another");
    scene.submit(&other);
    for bead in [&bead, &other] {
        scene.weigh(bead, weight());
    }
    scene.begin_review(&bead, 1);
    assert_eq!(scene.tell(scene.begin_review_command(&bead, 1)), vec![]);
    let refused = scene.refused(scene.begin_review_command(&other, 1));
    assert!(matches!(refused, Rejection::SeatBusy { .. }), "{refused}");
    scene.end_review(&bead, 1, said(OpinionVerdict::Approve));
    let before = scene.log.len();
    scene.end_review(&bead, 1, said(OpinionVerdict::Changes));
    assert_eq!(scene.log.len(), before);
    scene.begin_review(&other, 1);
}

#[test]
fn whom_a_person_has_overruled_sends_nothing_back() {
    let (mut scene, bead) = scene(ReviewPolicy::Always);
    scene.weigh(&bead, weight());
    scene.begin_review(&bead, 1);
    scene.tell(Command::RetrySubmission { bead: bead.clone() });
    assert_eq!(scene.graph.reviewing(scene.at(&bead)), Reviewing::Approved);
    scene.end_review(&bead, 1, said(OpinionVerdict::Changes));
    form(&mut scene, &bead).unwrap();
    assert_eq!(scene.graph.in_review().count(), 0);
}

#[test]
fn a_review_holds_back_what_it_may_cost_and_lets_it_go() {
    const DOLLAR: u64 = 1_000_000;
    let budget = BudgetRules {
        day: Some(3 * DOLLAR - 1),
        review: Some(2 * DOLLAR),
        ..BudgetRules::default()
    };
    let mut scene = Scene::with_rules(RigRules {
        budget,
        ..with(ReviewPolicy::Always)
    });
    let (one, two) = (scene.bead("one"), scene.bead("two"));
    for bead in [&one, &two] {
        scene.submit(bead);
        scene.weigh(bead, weight());
    }
    scene.begin_review(&one, 1);
    let reserved = |scene: &Scene| {
        let cap = Purse::new(&scene.graph, scene.now);
        let cap = cap.caps_of_rig(&crate::scene::rig());
        (cap[0].spent, cap[0].reserved)
    };
    assert_eq!(reserved(&scene), (0, 2 * DOLLAR));
    let run = review_run(&one, scene.at(&one).epoch, 1, 0);
    let used = UsageDelta {
        run,
        sequence: 1,
        input: 10,
        output: 10,
        cache_read: 0,
        cache_write: 0,
        usd_micros: DOLLAR / 2,
        estimated: false,
        context: None,
    };
    scene.tell(Command::RecordUsage {
        bead: one.clone(),
        epoch: scene.at(&one).epoch,
        usage: used,
    });
    assert_eq!(reserved(&scene), (DOLLAR / 2, 3 * DOLLAR / 2));
    let review = scene.at(&one).attempts[0].reviews[0].clone();
    let purse = Purse::new(&scene.graph, scene.now);
    let allowance = purse.allowance_of_review(scene.at(&one), scene.at(&one).epoch, &review);
    assert_eq!(allowance.unwrap().left(), 3 * DOLLAR / 2);
    scene.end_review(&one, 1, said(OpinionVerdict::Approve));
    assert_eq!(reserved(&scene), (DOLLAR / 2, 0));
    let epoch = scene.at(&one).epoch;
    let (used, estimated) = scene.graph.used_by_review(&one, epoch, &review);
    assert_eq!((used.usd_micros, estimated), (Some(DOLLAR / 2), false));
    assert_eq!(Usage::default().usd_micros, None);
    // Who told nothing has used all that it held back; who never ran has used nothing.
    let begin = Command::BeginReview {
        bead: two.clone(),
        epoch: scene.at(&two).epoch,
        head: scene.at(&two).attempts[0].head.clone().unwrap(),
        number: 1,
        seat: crate::scene::seat("review-2"),
        runtime: RuntimeName::parse("codex").unwrap(),
    };
    scene.tell(begin);
    let silent = Fault {
        run: Some(review_run(&two, epoch, 1, 0)),
        ..fault(FaultClass::Killed)
    };
    scene.end_review(&two, 1, ReviewOutcome::Failed(silent));
    assert_eq!(reserved(&scene), (5 * DOLLAR / 2, 0));
    let refused = scene.refused(scene.begin_review_command(&two, 2));
    assert!(matches!(refused, Rejection::OverBudget { .. }), "{refused}");
}
