//! The laws that the rules keep, by name.

use gtd_core::{
    Actor, Ask, Command, Epoch, Event, FaultClass, Graph, Outcome, Rejection, Revision, Verdict,
};

use crate::{
    commands::{all_commands, command_name},
    golden::long_story,
    scene::{Scene, fault, oid, run_id, seat, target},
    world::World,
};

/// Folds a log anew.
pub(crate) fn replay(scene: &Scene) -> Graph {
    let mut graph = Graph::default();
    for (revision, envelope) in &scene.log {
        graph.apply(*revision, envelope);
    }
    graph
}

#[test]
fn one_truth_the_same_log_gives_the_same_graph() {
    let scene = long_story();
    let (first, second) = (replay(&scene), replay(&scene));
    assert_eq!(first, second);
    assert_eq!(first, scene.graph);
    assert!(first.index_is_true());
}

#[test]
fn one_truth_the_log_says_the_same_after_a_restart() {
    let scene = long_story();
    let mut graph = Graph::default();
    for (revision, envelope) in &scene.log {
        let line = serde_json::to_string(envelope).unwrap();
        let read = serde_json::from_str(&line).unwrap();
        assert_eq!(&read, envelope, "{line}");
        graph.apply(*revision, &read);
    }
    assert_eq!(graph, scene.graph);
}

#[test]
fn one_truth_a_snapshot_is_the_graph() {
    let scene = long_story();
    let text = serde_json::to_string(&scene.graph).unwrap();
    let back: Graph = serde_json::from_str(&text).unwrap();
    assert_eq!(back, scene.graph);
    assert!(back.index_is_true());
    assert_eq!(serde_json::to_string(&back).unwrap(), text);
}

#[test]
fn one_truth_a_snapshot_and_the_rest_of_the_log_are_the_graph() {
    let scene = long_story();
    for cut in 0..scene.log.len() {
        let mut graph = Graph::default();
        for (revision, envelope) in &scene.log[..cut] {
            graph.apply(*revision, envelope);
        }
        let text = serde_json::to_string(&graph).unwrap();
        let mut graph: Graph = serde_json::from_str(&text).unwrap();
        for (revision, envelope) in &scene.log[cut..] {
            graph.apply(*revision, envelope);
        }
        assert_eq!(graph, scene.graph, "cut at {cut}");
        assert!(graph.index_is_true(), "cut at {cut}");
    }
}

/// The epoch that a write carries to prove that its lease is in effect.
fn epoch_of(command: &Command) -> Option<Epoch> {
    match command {
        Command::Started { epoch, .. }
        | Command::AskHandover { epoch, .. }
        | Command::GiveHandover { epoch, .. }
        | Command::Heartbeat { epoch, .. }
        | Command::Submit { epoch, .. }
        | Command::Return { epoch, .. }
        | Command::Finish { epoch, .. }
        | Command::Ask { epoch, .. }
        | Command::Discover { epoch, .. }
        | Command::SendBack { epoch, .. }
        | Command::RecordGuard { epoch, .. }
        | Command::Weigh { epoch, .. }
        | Command::BeginReview { epoch, .. }
        | Command::EndReview { epoch, .. }
        | Command::Expire { epoch, .. } => Some(*epoch),
        // Money that was spent is counted, whoever spent it and whenever it is told.
        Command::RecordUsage { .. }
        // The crew proves with it that it saw the last grant, not that it holds one.
        | Command::Grant { .. }
        // These carry the epochs of all members, which must be those that handed in.
        | Command::Form { .. } => None,
        Command::TrustRig { .. }
        | Command::RevokeTrust { .. }
        | Command::RemoveRig { .. }
        | Command::OpenGoal { .. }
        | Command::OpenConvoy { .. }
        | Command::JoinGoal { .. }
        | Command::EditGoal { .. }
        | Command::ReopenBead { .. }
        | Command::SplitBead { .. }
        | Command::SnoozeDecision { .. }
        | Command::ImportBeads { .. }
        | Command::ApprovePlan { .. }
        | Command::Cancel { .. }
        | Command::CreateBead { .. }
        | Command::EditBead { .. }
        | Command::Link { .. }
        | Command::Unlink { .. }
        | Command::AddNote { .. }
        | Command::CloseBead { .. }
        | Command::RetryBead { .. }
        | Command::WantChanges { .. }
        | Command::Answer { .. }
        | Command::ParkBead { .. }
        | Command::Tell { .. }
        | Command::RequestLanding { .. }
        | Command::Pause { .. }
        | Command::Resume { .. }
        | Command::Stop { .. }
        | Command::Thaw
        | Command::HoldMerges { .. }
        | Command::ReleaseMerges { .. }
        | Command::PreferSubmission { .. }
        | Command::RetrySubmission { .. }
        | Command::Waive { .. }
        | Command::AskGate { .. }
        | Command::AnswerGate { .. }
        | Command::Undo { .. }
        | Command::AddSchedule { .. }
        | Command::RemoveSchedule { .. }
        | Command::PauseSchedule { .. }
        | Command::ResumeSchedule { .. }
        | Command::FireSchedule { .. }
        | Command::AddCrew { .. }
        | Command::RemoveCrew { .. }
        | Command::ConcludeCrew { .. }
        | Command::StartCrew { .. }
        | Command::StopCrew { .. }
        | Command::TellCrew { .. }
        | Command::BeginCrewTurn { .. }
        | Command::EndCrewTurn { .. }
        | Command::BeginPlan { .. }
        | Command::ProposePlan { .. }
        | Command::CloseGoal { .. }
        | Command::OpenSeat { .. }
        | Command::CloseSeat { .. }
        | Command::Claim { .. }
        | Command::ClaimNext { .. }
        | Command::Judge { .. }
        | Command::Land { .. }
        | Command::Void { .. }
        | Command::ObserveTarget { .. }
        | Command::JudgeBase { .. }
        | Command::ConcludeLanding { .. }
        | Command::Quarantine { .. }
        | Command::TripBreaker { .. }
        | Command::Escalate { .. }
        | Command::BackOff { .. }
        | Command::Recover { .. }
        | Command::Degrade { .. }
        | Command::SendMail { .. }
        | Command::AckMail { .. } => None,
    }
}

/// Every state that the bead can come to after its first lease, and what the first holder says then.
fn after_the_first_lease() -> Vec<(&'static str, Scene, Vec<Command>)> {
    let says: Vec<Command> = all_commands(&World::leased())
        .into_iter()
        .filter(|command| epoch_of(command).is_some())
        .collect();
    let bead = World::leased().bead;
    let exit = || FaultClass::Exit { code: 1 };
    let mut found = Vec::new();
    let mut add = |name, act: fn(&mut Scene, &gtd_core::BeadId)| {
        let mut scene = World::leased().scene;
        scene.fail(&bead, exit());
        scene.grant_to(&bead, &seat("spare"));
        act(&mut scene, &bead);
        found.push((name, scene, says.clone()));
    };
    add("leased again", |_, _| {});
    add("submitted", |scene, bead| {
        scene.submit(bead);
    });
    add("landed", |scene, bead| scene.land(bead));
    add("returned", |scene, bead| {
        scene.give_back(bead, FaultClass::Exit { code: 2 });
    });
    add("parked", |scene, bead| scene.park(bead));
    add("closed", |scene, bead| scene.finish(bead));
    add("cancelled", |scene, bead| scene.cancel(bead));
    found
}

#[test]
fn every_lease_has_an_epoch_and_a_stale_one_can_do_nothing() {
    for (name, scene, says) in after_the_first_lease() {
        for command in says {
            let mut scene = scene.clone();
            let before = scene.graph.clone();
            let what = format!("{} when {name}", command_name(&command));
            match scene.try_tell(command) {
                Err(Rejection::StaleEpoch { yours, current, .. }) => {
                    assert_eq!((yours, current), (Epoch(1), Epoch(2)), "{what}");
                }
                other => panic!("{what}: {other:?}"),
            }
            assert_eq!(scene.graph, before, "{what}");
        }
    }
}

#[test]
fn an_epoch_that_was_never_granted_can_do_nothing() {
    let mut scene = Scene::new();
    let bead = scene.bead("one");
    scene.grant(&bead);
    for epoch in [Epoch(0), Epoch(2), Epoch(u64::MAX)] {
        let why = scene.refused(Command::Submit {
            bead: bead.clone(),
            epoch,
            head: oid(5),
            base: oid(1),
            summary: String::new(),
            checks: vec![],
        });
        assert_eq!(why.code(), "E0204", "{why}");
    }
}

#[test]
fn a_lease_that_ended_can_do_nothing_with_its_own_epoch() {
    for (name, world) in World::everywhere() {
        if world.scene.at(&world.bead).phase.lease().is_some() {
            continue;
        }
        for command in all_commands(&world) {
            let is_holders = matches!(
                command,
                Command::Started { .. }
                    | Command::Heartbeat { .. }
                    | Command::Submit { .. }
                    | Command::Return { .. }
                    | Command::Finish { .. }
                    | Command::Discover { .. }
                    | Command::Expire { .. }
            );
            if !is_holders {
                continue;
            }
            let mut scene = world.scene.clone();
            let what = format!("{} when {name}", command_name(&command));
            let decided = scene.try_tell(command);
            assert!(
                decided.as_ref().map_or(true, Vec::is_empty),
                "{what}: {decided:?}"
            );
            assert_eq!(scene.graph, world.scene.graph, "{what}");
        }
    }
}

#[test]
fn the_epoch_rises_by_one_at_each_grant_for_ever() {
    let mut scene = Scene::new();
    let bead = scene.bead("one");
    for n in 1..=30 {
        assert_eq!(scene.grant(&bead), Epoch(n));
        scene.give_back(&bead, FaultClass::Stopped);
        scene.retry(&bead);
    }
    // What is forgotten of the story is not forgotten of the count.
    assert_eq!(
        scene.at(&bead).attempts.len(),
        gtd_core::Bead::ATTEMPTS_KEPT
    );
    assert_eq!(scene.at(&bead).attempts[0].epoch, Epoch(11));
}

/// Says why a command that is repeated does something again.
pub(crate) fn adds_each_time(command: &Command) -> Option<&'static str> {
    match command {
        Command::OpenGoal { .. }
        | Command::CreateBead { .. }
        | Command::SplitBead { .. }
        | Command::Discover { .. } => {
            Some("each call makes a bead; the request id tells a repeat from a wish for two")
        }
        Command::AddNote { .. }
        | Command::Tell { .. }
        | Command::TellCrew { .. }
        | Command::SendMail { .. } => Some("saying something twice is two remarks"),
        Command::ClaimNext { .. } => Some("each call asks for one bead more"),
        Command::AskGate { .. } => Some("each call asks for one run more"),
        Command::BackOff { .. } => Some("each call is one more failure"),
        _ => None,
    }
}

#[test]
fn repeating_what_is_true_gives_no_events() {
    for (name, world) in World::everywhere() {
        for command in all_commands(&world) {
            if adds_each_time(&command).is_some() {
                continue;
            }
            let mut scene = world.scene.clone();
            let Ok(events) = scene.try_tell(command.clone()) else {
                continue;
            };
            let what = format!("{} when {name}", command_name(&command));
            let after = scene.graph.clone();
            assert_eq!(scene.try_tell(command), Ok(vec![]), "{what}: {events:?}");
            assert_eq!(scene.graph, after, "{what}");
        }
    }
}

#[test]
fn what_adds_each_time_does_add_each_time() {
    for command in all_commands(&World::leased()) {
        if adds_each_time(&command).is_none() {
            continue;
        }
        let mut scene = World::leased().scene;
        scene.bead("one to claim");
        scene.tell(crate::crew::add("ada"));
        scene.tell(crate::crew::start("ada"));
        let first = scene.tell(command.clone());
        let second = scene.tell(command.clone());
        assert!(!first.is_empty(), "{command:?}");
        assert!(!second.is_empty(), "{command:?}");
    }
}

#[test]
fn a_verdict_that_took_the_candidate_apart_is_not_repeated() {
    // After these the candidate is not there any more: the repeat finds nothing to judge.
    for verdict in [Verdict::Failed, Verdict::Infra] {
        let mut scene = Scene::new();
        let (one, two) = (scene.bead("one"), scene.bead("two"));
        let members = [scene.submit(&one), scene.submit(&two)];
        let candidate = scene.form(&members);
        scene.judge(verdict);
        let why = scene.refused(Command::Judge {
            candidate,
            verdict,
            gates: vec![],
        });
        assert_eq!(why.code(), "E0305");
    }
}

#[test]
fn a_write_with_an_old_look_is_refused() {
    let mut world = World::open();
    let seen = world.scene.graph.revision();
    world.scene.later(1);
    world.tell(|bead| Command::AddNote {
        bead,
        text: "look".to_owned(),
    });
    let ask = |expected| Ask {
        by: Actor::Daemon,
        request: None,
        expected: Some(expected),
        command: Command::Cancel {
            bead: world.bead.clone(),
            why: String::new(),
        },
    };
    let mut scene = world.scene.clone();
    let changed = scene.graph.revision();
    assert_eq!(
        scene.ask(&ask(seen)),
        Err(Rejection::Changed {
            bead: world.bead.clone(),
            changed,
            seen,
        })
    );
    assert!(scene.ask(&ask(changed)).is_ok());
}

#[test]
fn a_yes_is_to_the_plan_that_was_looked_at() {
    let mut world = World::draft();
    let seen = world.scene.graph.revision();
    let approve = |expected| Ask {
        by: Actor::Daemon,
        request: None,
        expected: Some(expected),
        command: Command::ApprovePlan {
            goal: world.goal.clone(),
        },
    };
    let mut scene = world.scene.clone();
    assert!(scene.ask(&approve(seen)).is_ok());

    let mut edited = crate::scene::spec("subject");
    edited.run = Some("rm -rf build".to_owned());
    world.scene.tell(Command::EditBead {
        bead: world.bead.clone(),
        spec: edited,
    });
    let why = world.scene.ask(&approve(seen)).unwrap_err();
    assert_eq!(why.code(), "E0210", "{why}");

    let mut added = scene;
    added = {
        let mut scene = World::draft().scene;
        let seen = scene.graph.revision();
        scene.create_in(Some(&world.goal), crate::scene::spec("smuggled"), &[]);
        assert_eq!(scene.ask(&approve(seen)).unwrap_err().code(), "E0210");
        drop(added);
        scene
    };
    let now: Revision = added.graph.revision();
    assert!(added.ask(&approve(now)).is_ok());
}

#[test]
fn usage_of_an_ended_lease_is_still_counted_but_never_twice() {
    let mut scene = Scene::new();
    let bead = scene.bead("one");
    let epoch = scene.grant(&bead);
    scene.give_back(&bead, FaultClass::Killed);
    let usage = |sequence| Command::RecordUsage {
        bead: bead.clone(),
        epoch,
        usage: gtd_core::UsageDelta {
            run: run_id("a"),
            sequence,
            input: 1,
            output: 1,
            cache_read: 0,
            cache_write: 0,
            usd_micros: 7,
            estimated: false,
            context: None,
        },
    };
    assert_eq!(scene.tell(usage(1)).len(), 1);
    assert_eq!(scene.tell(usage(1)), vec![]);
    assert_eq!(scene.tell(usage(2)).len(), 1);
    assert_eq!(scene.graph.spend().usd_micros, 14);
}

#[test]
fn an_event_about_what_is_not_there_changes_nothing() {
    let story = long_story();
    for (_, envelope) in &story.log {
        let n_made = match &envelope.event {
            Event::BeadOpened { .. } | Event::GoalOpened { .. } => 1,
            // It carries whole beads, so that what was withdrawn can come back.
            Event::OperationUndone { reversal } => reversal.beads.len(),
            _ => 0,
        };
        let mut graph = Graph::default();
        graph.apply(Revision(1), envelope);
        assert!(graph.index_is_true(), "{envelope:?}");
        assert_eq!(graph.n_beads(), n_made);
        // Nor does one that comes twice break the index.
        graph.apply(Revision(2), envelope);
        assert!(graph.index_is_true(), "{envelope:?}");
    }
}

#[test]
fn nobody_gives_up_for_ever_but_a_person() {
    for outcome in [Outcome::Failed, Outcome::Cancelled] {
        let mut scene = Scene::new();
        let bead = scene.bead("one");
        let epoch = scene.grant(&bead);
        let why = scene.refused(Command::Finish {
            bead: bead.clone(),
            epoch,
            outcome,
            why: String::new(),
        });
        assert_eq!(why.code(), "E0401");
    }
}

#[test]
fn what_is_expired_is_not_expired_again() {
    let mut scene = Scene::new();
    let bead = scene.bead("one");
    let epoch = scene.grant(&bead);
    let expire = Command::Expire {
        bead: bead.clone(),
        epoch,
        why: fault(FaultClass::Lost),
    };
    assert_eq!(scene.tell(expire.clone()).len(), 1);
    assert_eq!(scene.tell(expire), vec![]);
    assert!(scene.graph.queue(&target()).is_none());
}

#[test]
fn one_truth_a_number_of_another_program_comes_back_as_it_was() {
    let mut bits: u64 = 0x9e37_79b9_7f4a_7c15;
    for _ in 0..20_000 {
        bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let number = f64::from_bits(bits);
        if number.is_finite() {
            let value = serde_json::json!(number);
            let text = serde_json::to_string(&value).unwrap();
            let back: serde_json::Value = serde_json::from_str(&text).unwrap();
            assert_eq!(back, value);
        }
    }
}
