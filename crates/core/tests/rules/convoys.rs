//! Beads are put together into goals, taken apart, and let begin anew.

use expect_test::expect;
use gtd_core::{
    Approval, BeadId, BeadSpec, BeadState, BeadType, Command, Event, FaultClass, LandMode, Need,
    Outcome, Phase, PlanState, Priority, Rejection, Target, operations,
};

use crate::scene::{Scene, plan, spec, target};

pub(crate) fn open_command(title: &str, beads: &[&BeadId]) -> Command {
    Command::OpenConvoy {
        spec: BeadSpec::titled(title),
        target: target(),
        max: None,
        until: None,
        beads: beads.iter().copied().cloned().collect(),
    }
}

#[track_caller]
pub(crate) fn open(scene: &mut Scene, title: &str, beads: &[&BeadId]) -> BeadId {
    match scene.tell(open_command(title, beads)).first() {
        Some(Event::GoalOpened { bead, .. }) => bead.id.clone(),
        other => panic!("{other:?}"),
    }
}

pub(crate) fn join(goal: &BeadId, beads: &[&BeadId]) -> Command {
    Command::JoinGoal {
        goal: goal.clone(),
        beads: beads.iter().copied().cloned().collect(),
    }
}

pub(crate) fn split(bead: &BeadId, parts: &[(&str, &[&str])]) -> Command {
    Command::SplitBead {
        bead: bead.clone(),
        parts: plan(parts).beads,
        rest: None,
    }
}

fn reopen(bead: &BeadId) -> Command {
    Command::ReopenBead { bead: bead.clone() }
}

/// The parts of a bead, in their order.
fn parts(events: &[Event]) -> Vec<BeadId> {
    let found = events.iter().find_map(|event| match event {
        Event::BeadSplit { parts, .. } => Some(parts.clone()),
        _ => None,
    });
    found.unwrap()
}

#[track_caller]
fn refusal(scene: &mut Scene, command: Command) -> String {
    let before = scene.graph.clone();
    let why = scene.refused(command);
    assert_eq!(scene.graph, before);
    format!("{} {why} -> {}", why.code(), why.next())
}

#[test]
fn beads_become_a_convoy_and_end_as_one() {
    let mut scene = Scene::new();
    let (one, two) = (scene.bead("one"), scene.bead("two"));
    let goal = open(&mut scene, "both of them", &[&one, &two, &one]);
    let record = scene.graph.goal(&goal).unwrap();
    assert_eq!(record.plan, PlanState::Approved);
    assert_eq!(record.beads, [one.clone(), two.clone()]);
    assert_eq!(scene.graph.target_of(scene.at(&one)), Some(target()));
    scene.land(&one);
    assert_eq!(scene.graph.open_in_goal(&goal), 1);
    scene.land(&two);
    scene.tell(Command::CloseGoal {
        goal: goal.clone(),
        outcome: Outcome::Done,
        why: String::new(),
        proof: vec![],
    });
    assert!(scene.at(&goal).phase.is_good());
}

#[test]
fn a_convoy_that_is_there_is_not_made_twice() {
    let mut scene = Scene::new();
    let one = scene.bead("one");
    open(&mut scene, "the night", &[&one]);
    assert_eq!(scene.tell(open_command("the night", &[&one])), vec![]);
    let why = refusal(&mut scene, open_command("another night", &[&one]));
    assert!(why.contains("already"), "{why}");
}

#[test]
fn only_what_could_answer_a_goal_joins_it() {
    let mut scene = Scene::new();
    let goal = scene.goal(&[("a", &[])]);
    let drafted = scene.open_goal(Some(plan(&[("b", &[])])), Approval::Needed);
    let done = scene.bead("done");
    scene.close(&done, Outcome::Done);
    let taken = scene.in_goal(&drafted, "b");
    let free = scene.bead("free");
    let said = [
        refusal(&mut scene, join(&goal, &[&drafted])),
        refusal(&mut scene, join(&goal, &[&done])),
        refusal(&mut scene, join(&goal, &[&taken])),
        refusal(&mut scene, join(&drafted, &[&free])),
        refusal(&mut scene, open_command("nothing", &[])),
    ]
    .join("\n");
    let said = [(&goal, "GOAL"), (&drafted, "DRAFTED"), (&done, "DONE")]
        .into_iter()
        .chain([(&taken, "TAKEN"), (&free, "FREE")])
        .fold(said, |said, (id, name)| said.replace(id.as_str(), name));
    expect![[r#"
        E0103 DRAFTED, which is itself a goal, cannot answer one -> mend it and try again
        E0201 DONE is closed -> gtd bead reopen DONE
        E0201 TAKEN is part of DRAFTED already -> gtd convoy show DRAFTED
        E0201 DRAFTED is draft -> gtd approve DRAFTED
        E0103 the list of beads is empty -> mend it and try again"#]]
    .assert_eq(&said);
    assert_eq!(scene.tell(join(&goal, &[&free])).len(), 1);
    assert_eq!(scene.tell(join(&goal, &[&free])), vec![]);
}

#[test]
fn what_waits_for_a_goal_does_not_become_a_part_of_it() {
    let mut scene = Scene::new();
    let goal = scene.goal(&[("a", &[])]);
    let after = scene.bead_after("after the goal", &[&goal]);
    let why = scene.refused(join(&goal, &[&after]));
    assert!(
        matches!(&why, Rejection::Cycle { path } if path.first() == path.last()),
        "{why}"
    );
    // Nor does what the goal itself waits for.
    let before = scene.bead("before the goal");
    scene.tell(Command::Link {
        bead: goal.clone(),
        need: Need::blocks(before.clone()),
    });
    let why = scene.refused(join(&goal, &[&before]));
    assert_eq!(why.code(), "E0101", "{why}");
}

#[test]
fn work_that_began_on_one_branch_is_not_carried_to_another() {
    let mut scene = Scene::new();
    let bead = scene.bead("begun");
    scene.give_back(&bead, FaultClass::Exit { code: 1 });
    let straight = Command::OpenConvoy {
        spec: BeadSpec::titled("straight"),
        target: Target {
            r#ref: "refs/heads/main".to_owned(),
            mode: LandMode::Local,
            ..target()
        },
        max: None,
        until: None,
        beads: vec![bead.clone()],
    };
    let why = refusal(&mut scene, straight);
    assert!(
        why.contains("begun on gtd/integration/main already"),
        "{why}"
    );
    open(&mut scene, "where it began", &[&bead]);
}

#[test]
fn a_goal_takes_new_words_and_new_limits() {
    let mut scene = Scene::new();
    scene.name_asks();
    let goal = scene.goal(&[("a", &[])]);
    let edit = |max, until| Command::EditGoal {
        goal: goal.clone(),
        spec: BeadSpec {
            kind: BeadType::Goal,
            priority: Priority::new(0).unwrap(),
            ..BeadSpec::titled("the goal, urgently")
        },
        max,
        until,
    };
    let soon = scene.now.plus(std::time::Duration::from_secs(60));
    let events: Vec<&str> = scene
        .tell(edit(Some(1), Some(soon)))
        .iter()
        .map(Event::name)
        .collect();
    assert_eq!(events, ["BeadEdited", "GoalEdited"]);
    assert_eq!(
        operations(&scene.log).pop().unwrap().what(),
        format!("edit {goal}")
    );
    assert_eq!(scene.refused(edit(Some(0), Some(soon))).code(), "E0103");
    scene.later(120);
    // The time is over, and that it was said stays true.
    assert_eq!(scene.tell(edit(None, Some(soon))).len(), 1);
    let bead = scene.in_goal(&goal, "a");
    assert!(!scene.ready().contains(&bead));
    scene.tell(edit(None, None));
    assert!(scene.ready().contains(&bead));
    scene.cancel(&goal);
    assert_eq!(scene.refused(edit(Some(2), None)).code(), "E0201");
}

#[test]
fn parts_come_first_and_the_whole_is_what_is_left() {
    let mut scene = Scene::new();
    scene.name_asks();
    let first = scene.bead("needed by all");
    let whole = scene.create(
        BeadSpec {
            labels: ["api".to_owned()].into(),
            ..spec("too large")
        },
        &[Need::blocks(first.clone())],
    );
    let last = scene.bead_after("waits for all of it", &[&whole]);
    let events = scene.tell(split(&whole, &[("half", &[]), ("other half", &["half"])]));
    let parts = parts(&events);
    assert_eq!(operations(&scene.log).pop().unwrap().what(), {
        format!("split {whole} into {} {}", parts[0], parts[1])
    });
    assert!(scene.at(&parts[0]).spec.labels.contains("api"));
    // What the whole needs, its parts need.
    assert_eq!(scene.ready(), std::slice::from_ref(&first));
    scene.land(&first);
    assert_eq!(scene.ready(), [parts[0].clone()]);
    scene.land(&parts[0]);
    scene.land(&parts[1]);
    assert_eq!(scene.ready(), std::slice::from_ref(&whole));
    // Others did the work of its script; its checks are what is left.
    assert_eq!(scene.at(&whole).spec.run.as_deref(), Some("true"));
    scene.finish(&whole);
    assert_eq!(scene.ready(), [last]);
}

#[test]
fn what_is_at_work_is_split_and_begins_anew() {
    let submit = |scene: &mut Scene, bead: &BeadId| {
        scene.submit(bead);
    };
    let grant = |scene: &mut Scene, bead: &BeadId| {
        scene.grant(bead);
    };
    let acts: [fn(&mut Scene, &BeadId); 2] = [submit, grant];
    for act in acts {
        let mut scene = Scene::new();
        let goal = scene.goal(&[("a", &[])]);
        let whole = scene.in_goal(&goal, "a");
        act(&mut scene, &whole);
        let events = scene.tell(split(&whole, &[("half", &[])]));
        let half = parts(&events).remove(0);
        assert_eq!(scene.at(&whole).phase, Phase::Open);
        assert_eq!(scene.state(&whole), BeadState::Waiting);
        assert_eq!(scene.at(&half).goal.as_ref(), Some(&goal));
        assert_eq!(scene.graph.open_in_goal(&goal), 2);
    }
}

#[test]
fn spent_attempts_begin_anew_with_what_is_left() {
    let mut scene = Scene::new();
    let whole = scene.bead("too large");
    for _ in 0..3 {
        scene.fail(&whole, FaultClass::Exit { code: 1 });
    }
    scene.tell(Command::Quarantine {
        bead: whole.clone(),
    });
    scene.tell(split(&whole, &[("half", &[])]));
    assert_eq!(scene.at(&whole).spent, 0);
    assert_eq!(scene.state(&whole), BeadState::Waiting);
}

#[test]
fn a_part_needs_nothing_that_waits_for_the_whole() {
    let mut scene = Scene::new();
    let whole = scene.bead("whole");
    let after = scene.bead_after("after", &[&whole]);
    let why = scene.refused(split(&whole, &[("half", &[after.as_str()])]));
    assert_eq!(why.code(), "E0101", "{why}");
    let why = scene.refused(split(&whole, &[("a", &["b"]), ("b", &["a"])]));
    assert_eq!(why.code(), "E0102", "{why}");
    scene.close(&whole, Outcome::Done);
    let why = scene.refused(split(&whole, &[("half", &[])]));
    assert_eq!(why.next(), format!("gtd bead reopen {whole}"));
}

#[test]
fn what_ended_without_a_landing_begins_anew() {
    let mut scene = Scene::new();
    let bead = scene.bead("one");
    let after = scene.bead_after("after", &[&bead]);
    for outcome in [
        Outcome::Done,
        Outcome::NoOp,
        Outcome::Failed,
        Outcome::Cancelled,
    ] {
        scene.close(&bead, outcome);
        scene.tell(reopen(&bead));
        assert_eq!(
            scene.ready(),
            std::slice::from_ref(&bead),
            "{after} waits again"
        );
        assert_eq!(scene.tell(reopen(&bead)), vec![]);
    }
    scene.land(&bead);
    assert_eq!(scene.refused(reopen(&bead)).code(), "E0201");
    let goal = scene.goal(&[("a", &[])]);
    let a = scene.in_goal(&goal, "a");
    scene.cancel(&goal);
    let why = refusal(&mut scene, reopen(&a));
    assert!(why.contains("which has ended"), "{why}");
    assert_eq!(scene.refused(reopen(&goal)).code(), "E0201");
}

#[test]
fn what_was_put_together_or_taken_apart_is_as_before_again() {
    let mut scene = Scene::new();
    scene.name_asks();
    let (one, two) = (scene.bead("one"), scene.bead("two"));
    let goal = open(&mut scene, "both", &[&one, &two]);
    scene.undo_last().unwrap();
    assert!(scene.graph.bead(&goal).is_none());
    assert_eq!(scene.at(&one).goal, None);
    let goal = open(&mut scene, "one", &[&one]);
    scene.tell(join(&goal, &[&two]));
    scene.undo_last().unwrap();
    assert_eq!(
        scene.graph.goal(&goal).unwrap().beads,
        std::slice::from_ref(&one)
    );
    let before = scene.at(&one).clone();
    let half = parts(&scene.tell(split(&one, &[("half", &[])]))).remove(0);
    scene.undo_last().unwrap();
    assert!(scene.graph.bead(&half).is_none());
    assert_eq!(scene.at(&one).spec, before.spec);
    assert_eq!(scene.at(&one).needs, before.needs);
    assert!(scene.graph.index_is_true());
    // What somebody has begun is not taken away.
    let half = parts(&scene.tell(split(&one, &[("half", &[])]))).remove(0);
    let op = operations(&scene.log).pop().unwrap();
    scene.grant(&half);
    assert_eq!(scene.undo(&op).unwrap_err().code(), "E0219");
}
