//! Whatever is asked in whatever order: what must hold after each step.

use std::collections::{BTreeMap, BTreeSet};

use gtd_core::{
    BeadId, BeadState, Command, Envelope, Epoch, Event, Goal, Graph, Landing, PauseScope, Phase,
    PlanState, Rejection, RigName, Standing, Verdict, View, WaitReason, convoy_row, operations,
    stands_still,
};
use proptest::{prelude::*, strategy::ValueTree};

use crate::{
    scene::{Scene, rig, seats_of},
    wishes::{command, pass_time, step, town, wishes},
};

/// A bead may begin only when begins and ends can be put in an order: an independent look at circles.
fn has_an_order(graph: &Graph) -> bool {
    let mut begun: BTreeSet<&BeadId> = BTreeSet::new();
    let mut ended: BTreeSet<&BeadId> = BTreeSet::new();
    loop {
        let before = (begun.len(), ended.len());
        for bead in graph.beads() {
            let above = bead.spec.parent.iter().chain(&bead.goal);
            let may_begin = above
                .filter(|id| graph.bead(id).is_some())
                .all(|id| begun.contains(id))
                && bead
                    .needs
                    .iter()
                    .filter(|need| need.acts())
                    .all(|need| ended.contains(&need.on));
            if may_begin {
                begun.insert(&bead.id);
            }
            let beads = graph
                .goal(&bead.id)
                .into_iter()
                .flat_map(|goal| &goal.beads);
            if begun.contains(&bead.id) && beads.into_iter().all(|id| ended.contains(id)) {
                ended.insert(&bead.id);
            }
        }
        if (begun.len(), ended.len()) == before {
            return ended.len() == graph.n_beads();
        }
    }
}

fn check_ready(scene: &Scene) {
    let graph = &scene.graph;
    let ready: Vec<&gtd_core::Bead> = graph.ready(&rig(), scene.now).collect();
    let order: Vec<_> = ready.iter().map(|b| (b.spec.priority, b.ordinal)).collect();
    assert!(order.is_sorted(), "by urgency, then by age");
    let listed: BTreeSet<&BeadId> = ready.iter().map(|bead| &bead.id).collect();
    assert_eq!(listed.len(), ready.len(), "nobody twice");
    for (place, bead) in ready.iter().enumerate() {
        let ahead = graph.n_ready_before(bead, scene.now, 1_000);
        assert!(ahead >= place);
    }
    for bead in graph.beads() {
        let is_ready = graph.is_ready(bead, scene.now);
        assert_eq!(listed.contains(&bead.id), is_ready, "{bead:?}");
        let is_blocked = !graph.blockers(bead).is_empty();
        assert!(!(is_ready && is_blocked), "ready and blocked: {bead:?}");
        let says_ready = graph.state_of(bead, scene.now) == BeadState::Ready;
        let is_held = graph.pause_of(bead).is_some()
            || graph.stop().is_some()
            || graph.is_runtime_held(bead, scene.now);
        assert_eq!(says_ready, is_ready && !is_held);
    }
}

fn check_leases(scene: &Scene) {
    let graph = &scene.graph;
    for bead in graph.beads() {
        let holds = seats_of(graph, &bead.id);
        match crate::scene::seat_of_lease(bead) {
            // Whoever plans a goal sits in no seat that beads are given to.
            Some(_) if graph.goal(&bead.id).is_some() => assert_eq!(holds, [], "{bead:?}"),
            Some(seat) => assert_eq!(holds, std::slice::from_ref(seat), "{bead:?}"),
            None => assert_eq!(holds, [], "{bead:?}"),
        }
        if let Some(lease) = bead.phase.lease() {
            assert_eq!(lease.epoch, bead.epoch);
            assert!(graph.rig(&bead.rig).is_some());
        }
        let open = bead.attempts.iter().filter(|a| a.ended.is_none()).count();
        assert_eq!(open, usize::from(bead.phase.lease().is_some()), "{bead:?}");
    }
}

fn check_queues(scene: &Scene) {
    let graph = &scene.graph;
    let is_submitted = |id: &BeadId| {
        let bead = graph.bead(id).unwrap();
        matches!(bead.phase, Phase::Submitted { .. })
    };
    for queue in graph.queues() {
        assert!(queue.suspects.iter().all(is_submitted), "{queue:?}");
        // What is proven may be on its target, whoever left it meanwhile.
        let unproven = queue
            .candidate
            .iter()
            .filter(|candidate| candidate.verdict != Some(Verdict::Passed));
        for member in unproven.flat_map(|c| &c.members) {
            let bead = graph.bead(&member.bead).unwrap();
            assert!(
                matches!(&bead.phase, Phase::Submitted { epoch, head, .. }
                    if *epoch == member.epoch && *head == member.head),
                "{bead:?}"
            );
        }
    }
    for (id, goal) in graph.goals() {
        let open = goal
            .beads
            .iter()
            .filter(|id| !graph.bead(id).unwrap().phase.is_finished())
            .count();
        assert_eq!(usize::try_from(graph.open_in_goal(id)).unwrap(), open);
        if graph.bead(id).unwrap().phase.is_finished() {
            assert_eq!(open, 0, "an ended goal has no open beads");
        }
        if goal.plan == PlanState::Proposed {
            // A bead that a person put into the goal before there was a plan is no part of it.
            let begun = |id: &BeadId| {
                let bead = graph.bead(id).unwrap();
                bead.local_id.is_some() && bead.phase.lease().is_some()
            };
            assert!(
                !goal.beads.iter().any(begun),
                "nothing begins before the yes"
            );
        }
    }
    let is_over = |id: &BeadId| graph.bead(id).is_some_and(|bead| bead.phase.is_finished());
    assert!(
        !graph
            .pauses()
            .iter()
            .any(|pause| matches!(&pause.scope, PauseScope::Bead(id) if is_over(id)))
    );
}

fn check_reasons(scene: &Scene) {
    let graph = &scene.graph;
    for bead in graph.beads() {
        let why = scene.why(&bead.id);
        if bead.phase.is_finished() {
            assert_eq!(why.reason(), None);
            continue;
        }
        assert!(!why.chain.is_empty(), "{why:#?}");
        for cause in &why.chain {
            assert_ne!(cause.code, WaitReason::Unknown, "{why:#?}");
            assert!(!cause.text.trim().is_empty(), "{why:#?}");
        }
        assert_eq!(why.verdict == Standing::NeedsYou, !why.clears_by_itself);
        assert!(why.clears_by_itself || !why.next.is_empty(), "{why:#?}");
        assert!(!why.then.is_empty(), "{why:#?}");
    }
    for (id, goal) in graph.goals() {
        let still = stands_still(graph, &scene.observations, id, scene.now);
        let bead = graph.bead(id).unwrap();
        if bead.phase.is_finished() {
            assert!(!still);
            continue;
        }
        let why = scene.why(id);
        assert_eq!(why.clears_by_itself, !still, "{why:#?}");
        let mut open = goal
            .beads
            .iter()
            .filter(|id| !graph.bead(id).unwrap().phase.is_finished())
            .peekable();
        if goal.plan == PlanState::Approved && open.peek().is_some() {
            // The quick look at the whole goal says what the looks at all of its beads say.
            assert_eq!(
                still,
                open.all(|id| !scene.why(id).clears_by_itself),
                "{why:#?}"
            );
        }
    }
}

/// What is kept as a number is what a look at every bead would count.
fn check_counts(scene: &Scene) {
    let (graph, now) = (&scene.graph, scene.now);
    let rigs: Vec<Option<&RigName>> = graph.rigs().map(|rig| Some(&rig.name)).collect();
    for rig in rigs.into_iter().chain([None]) {
        let mut counted: BTreeMap<BeadState, usize> = BTreeMap::new();
        for bead in graph.beads().filter(|bead| {
            rig.is_none_or(|rig| bead.rig == *rig)
                && graph.goal(&bead.id).is_none()
                && !bead.phase.is_finished()
        }) {
            *counted.entry(graph.state_of(bead, now)).or_default() += 1;
        }
        assert_eq!(graph.counts(rig, now), counted);
    }
    let n_open = graph.beads().filter(|bead| !bead.phase.is_finished());
    assert_eq!(graph.n_unfinished(), n_open.count());
    let view = View {
        graph,
        observations: &scene.observations,
        now,
    };
    for (id, goal) in graph.goals() {
        let bead = graph.bead(id).unwrap();
        let states: Vec<BeadState> = goal
            .beads
            .iter()
            .map(|id| graph.state_of(graph.bead(id).unwrap(), now))
            .collect();
        let count = |wanted: &[BeadState]| states.iter().filter(|s| wanted.contains(s)).count();
        let row = convoy_row(view, bead, goal);
        assert_eq!(
            [
                row.total,
                row.done,
                row.landed,
                row.running,
                row.queued,
                row.parked,
                row.failed
            ],
            [
                states.len(),
                count(&[BeadState::Landed, BeadState::Closed]),
                count(&[BeadState::Landed]),
                count(&[BeadState::Running]),
                count(&[BeadState::Submitted, BeadState::Queued]),
                count(&[BeadState::Parked]),
                count(&[BeadState::Failed, BeadState::Cancelled]),
            ]
        );
        let has_landed = |goal: &Goal| {
            let mut beads = goal.beads.iter().map(|id| graph.bead(id).unwrap());
            beads.any(|bead| matches!(bead.phase, Phase::Landed { .. }))
        };
        let newest = graph
            .goals()
            .filter(|(_, other)| other.target == goal.target && has_landed(other))
            .max_by_key(|(id, _)| graph.bead(id).unwrap().ordinal);
        assert_eq!(
            graph.newest_landed_goal(&goal.target),
            newest.map(|(id, _)| id)
        );
        let home = |goal: &Goal| matches!(goal.landing, Landing::Done { .. });
        assert_eq!(
            graph.goals_at_home(&goal.target).count(),
            graph
                .goals()
                .filter(|(_, other)| other.target == goal.target && home(other))
                .count()
        );
    }
}

fn check(scene: &Scene) {
    assert!(scene.graph.index_is_true());
    check_counts(scene);
    check_ready(scene);
    check_leases(scene);
    check_queues(scene);
    check_reasons(scene);
}

#[test]
fn chance_comes_to_everything() {
    // Told by hand in the golden story: they touch nothing else.
    const PLAIN: [&str; 27] = [
        "CrewConcluded",
        "CrewJoined",
        "CrewLeaving",
        "CrewStarted",
        "CrewStopped",
        "CrewTold",
        "CrewTurnBegan",
        "CrewTurnEnded",
        "DecisionSnoozed",
        "DecisionWoken",
        "EffectBackedOff",
        "EffectRecovered",
        "Escalated",
        "HandoverAsked",
        "HandoverGiven",
        "MailAcked",
        "MailSent",
        "PlanKept",
        "PlanRevised",
        "QuestionAnswered",
        "QuestionAsked",
        "ReviewBegan",
        "ReviewEnded",
        "SubmissionGuarded",
        "SubmissionWaived",
        "SubmissionWeighed",
        "Told",
    ];
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut seen: BTreeSet<&str> = PLAIN.into();
    for _ in 0..300 {
        let wishes = wishes(160).new_tree(&mut runner).unwrap().current();
        let mut scene = town();
        for wish in wishes {
            drop(step(&mut scene, wish));
        }
        seen.extend(scene.log.iter().map(|(_, envelope)| envelope.event.name()));
    }
    let all = crate::golden::decided();
    assert_eq!(
        all.difference(&seen).collect::<Vec<_>>(),
        Vec::<&&str>::new()
    );
}

proptest! {
    #[test]
    fn after_every_step_the_graph_holds_together(wishes in wishes(160)) {
        let mut scene = town();
        let mut epochs: BTreeMap<BeadId, Epoch> = BTreeMap::new();
        for wish in wishes {
            let before = scene.graph.clone();
            match step(&mut scene, wish) {
                Ok(events) => for event in events {
                    if let Event::LeaseGranted { bead, lease } = &event {
                        let last = epochs.insert(bead.clone(), lease.epoch).unwrap_or_default();
                        prop_assert_eq!(lease.epoch, last.next());
                    }
                    let line = serde_json::to_string(&event).unwrap();
                    prop_assert_eq!(serde_json::from_str::<Event>(&line).unwrap(), event);
                },
                Err(why) => {
                    prop_assert_eq!(&scene.graph, &before);
                    crate::rejections::check(&why);
                    if let Rejection::Cycle { path } = why {
                        prop_assert!(path.len() > 1);
                        prop_assert_eq!(path.first(), path.last());
                    }
                }
            }
            check(&scene);
        }
        prop_assert!(has_an_order(&scene.graph));
    }

    #[test]
    fn what_lived_is_what_the_log_tells(wishes in wishes(160), cut in any::<prop::sample::Index>()) {
        let mut scene = town();
        for wish in wishes {
            // A refusal is an answer too.
            drop(step(&mut scene, wish));
        }
        let lines: Vec<String> = scene
            .log
            .iter()
            .map(|(_, envelope)| serde_json::to_string(envelope).unwrap())
            .collect();
        let mut graph = Graph::default();
        let cut = cut.index(lines.len());
        for ((revision, _), line) in scene.log.iter().zip(&lines) {
            let envelope: Envelope = serde_json::from_str(line).unwrap();
            graph.apply(*revision, &envelope);
            if usize::try_from(revision.0).unwrap() == cut {
                let snapshot = serde_json::to_string(&graph).unwrap();
                graph = serde_json::from_str(&snapshot).unwrap();
            }
        }
        prop_assert_eq!(&graph, &scene.graph);
        prop_assert!(graph.index_is_true());
        prop_assert_eq!(crate::laws::replay(&scene), graph);
    }

    #[test]
    fn a_repeat_adds_nothing_whatever_went_before(wishes in wishes(60)) {
        let mut scene = town();
        for wish in wishes {
            pass_time(&mut scene, wish);
            let command = command(&mut scene, wish);
            let Ok(events) = scene.try_tell(command.clone()) else { continue };
            // Judging takes apart what it judged; see the law about it. Whoever removes a schedule
            // that is gone is told so, and whoever runs one twice wants two goals.
            let is_told_apart = matches!(
                command,
                Command::Judge { .. }
                    | Command::RemoveSchedule { .. }
                    | Command::FireSchedule { due: None, .. }
            );
            if crate::laws::adds_each_time(&command).is_none()
                && !is_told_apart
                && !events.is_empty()
            {
                prop_assert_eq!(scene.try_tell(command.clone()), Ok(vec![]), "{:?}", command);
            }
        }
    }
}

/// The facts without what only says when something was written.
fn timeless(graph: &Graph) -> serde_json::Value {
    let mut facts = serde_json::to_value(graph).unwrap();
    for key in ["revision", "ordinals", "queues"] {
        facts[key] = serde_json::Value::Null;
    }
    for (_, bead) in facts["beads"].as_object_mut().unwrap() {
        bead["changed"] = serde_json::Value::Null;
    }
    // One that is there again counts its times from then on.
    let of_rigs = facts
        .get_mut("schedules")
        .and_then(|all| all.as_object_mut());
    for (_, of_rig) in of_rigs.into_iter().flatten() {
        for (_, schedule) in of_rig.as_object_mut().unwrap() {
            schedule["since"] = serde_json::Value::Null;
            // How far back it remembers is bounded.
            schedule.as_object_mut().unwrap().remove("earlier");
        }
    }
    let pauses = facts["pauses"].as_array_mut().unwrap();
    pauses.sort_by_key(ToString::to_string);
    facts
}

proptest! {
    #[test]
    fn undo_after_do_gives_the_graph_of_before(wishes in wishes(120)) {
        let mut scene = town();
        for wish in wishes {
            let n = operations(&scene.log).len();
            if step(&mut scene, wish).is_err() || operations(&scene.log).len() == n {
                continue;
            }
            // What each wish did is undone in a world of its own, so that the story goes on.
            let op = operations(&scene.log).pop().unwrap();
            if op.undoes().is_some() {
                continue;
            }
            let before = scene.before(&op);
            let held = op
                .subjects()
                .iter()
                .filter_map(|id| before.bead(id))
                .any(|bead| bead.phase.lease().is_some());
            let mut undone = scene.clone();
            let reversal = undone.reversal(&op);
            match reversal {
                Ok(reversal) => {
                    let undo = Command::Undo { reversal: Box::new(reversal) };
                    undone.tell(undo.clone());
                    prop_assert!(undone.graph.index_is_true(), "{}", op.what());
                    // An attempt that was ended does not begin again.
                    if !held {
                        prop_assert_eq!(timeless(&undone.graph), timeless(&before), "{}", op.what());
                    }
                    prop_assert_eq!(undone.tell(undo), vec![], "{}", op.what());
                }
                Err(why) => {
                    prop_assert_eq!(why.code(), "E0219");
                    prop_assert_eq!(&undone.graph, &scene.graph);
                }
            }
        }
    }
}
