//! Who may begin, and in which order.

use std::time::Duration;

use gtd_core::{
    BeadId, BeadSpec, Command, EdgeKind, FaultClass, Need, Outcome, SatisfiedBy, Standing,
    WaitReason,
};

use crate::scene::{Scene, spec};

fn need(on: &BeadId, kind: EdgeKind, satisfied_by: SatisfiedBy) -> Need {
    Need {
        on: on.clone(),
        kind,
        satisfied_by,
    }
}

#[test]
fn the_urgent_go_first_then_the_old() {
    let mut scene = Scene::new();
    let third = scene.urgent("third", 2);
    let fourth = scene.urgent("fourth", 2);
    let second = scene.urgent("second", 1);
    let first = scene.urgent("first", 0);
    assert_eq!(
        scene.ready(),
        [&first, &second, &third, &fourth].map(Clone::clone)
    );
    scene.tell(Command::EditBead {
        bead: fourth.clone(),
        spec: BeadSpec {
            priority: gtd_core::Priority::new(0).unwrap(),
            ..spec("fourth")
        },
    });
    assert_eq!(scene.ready(), [fourth, first, second, third]);
}

#[test]
fn a_wait_that_is_over_does_not_cost_the_place() {
    let mut scene = Scene::new();
    let old = scene.bead("old");
    let young = scene.bead("young");
    scene.give_back(&old, FaultClass::Exit { code: 1 });
    assert_eq!(scene.ready(), std::slice::from_ref(&young));
    let due = scene.at(&old).not_before.unwrap();
    assert_eq!(scene.graph.next_due(scene.now), Some(due));
    scene.now = due;
    assert_eq!(scene.ready(), [old.clone(), young.clone()]);
    assert_eq!(scene.graph.next_due(scene.now), None);
    for (place, bead) in [&old, &young].into_iter().enumerate() {
        let bead = scene.at(bead);
        assert_eq!(scene.graph.n_ready_before(bead, scene.now, 100), place);
    }
}

#[test]
fn the_later_of_two_waits_counts() {
    let mut scene = Scene::new();
    let until = scene.now.plus(Duration::from_secs(3_600));
    let bead = scene.bead("one");
    scene.give_back(&bead, FaultClass::Exit { code: 1 });
    scene.tell(Command::EditBead {
        bead: bead.clone(),
        spec: BeadSpec {
            defer_until: Some(until),
            ..spec("one")
        },
    });
    scene.later(600);
    assert_eq!(scene.ready(), vec![]);
    assert_eq!(scene.reason(&bead), Some(WaitReason::Schedule));
    scene.now = until;
    assert_eq!(scene.ready(), [bead]);
}

#[test]
fn the_back_off_doubles_and_a_retry_ends_it() {
    let mut scene = Scene::new();
    let bead = scene.bead("one");
    scene.give_back(&bead, FaultClass::Exit { code: 1 });
    assert_eq!(
        scene.at(&bead).not_before,
        Some(scene.now.plus(Duration::from_secs(10)))
    );
    scene.later(10);
    scene.give_back(&bead, FaultClass::Exit { code: 1 });
    assert_eq!(
        scene.at(&bead).not_before,
        Some(scene.now.plus(Duration::from_secs(20)))
    );
    scene.retry(&bead);
    assert_eq!(scene.ready(), std::slice::from_ref(&bead));
    assert_eq!(scene.at(&bead).spent, 0);
}

#[test]
fn an_infrastructure_fault_waits_and_costs_no_attempt() {
    let mut scene = Scene::new();
    let bead = scene.bead("one");
    for class in [FaultClass::Infra, FaultClass::Lost, FaultClass::GivenBack] {
        scene.give_back(&bead, class);
        assert_eq!(scene.at(&bead).spent, 0);
        assert!(scene.at(&bead).not_before.is_some());
        scene.later(3_600);
    }
}

#[test]
fn dependents_begin_when_it_has_landed_and_not_before() {
    let mut scene = Scene::new();
    let first = scene.bead("first");
    let second = scene.bead_after("second", &[&first]);
    let states = |scene: &Scene| scene.ready().contains(&second);
    assert!(!states(&scene));
    let member = scene.submit(&first);
    assert!(!states(&scene), "submitted is not landed");
    let mut tested = scene.clone();
    tested.form(&[member]);
    tested.judge(gtd_core::Verdict::Passed);
    assert!(!states(&tested), "proven is not landed");
    scene.land(&first);
    assert!(states(&scene));
}

#[test]
fn an_end_without_a_landing_satisfies_when_it_is_a_good_one() {
    for (outcome, is_good) in [
        (Outcome::Done, true),
        (Outcome::NoOp, true),
        (Outcome::Cancelled, false),
        (Outcome::Failed, false),
    ] {
        let mut scene = Scene::new();
        let first = scene.bead("first");
        let second = scene.bead_after("second", &[&first]);
        scene.close(&first, outcome.clone());
        assert_eq!(scene.ready().contains(&second), is_good, "{outcome:?}");
    }
}

#[test]
fn a_failed_blocker_needs_a_person() {
    let mut scene = Scene::new();
    let (first, other) = (scene.bead("first"), scene.bead("other"));
    let last = scene.bead_after("last", &[&other, &first]);
    scene.close(&first, Outcome::Failed);
    // The other one could still begin, but this one never can.
    let why = scene.why(&last);
    assert_eq!(why.verdict, Standing::NeedsYou);
    assert_eq!(why.next[0].cmd, format!("gtd bead retry {first}"));
    assert_eq!(
        why.next[1].cmd,
        format!("gtd bead dep rm {last} --needs {first}")
    );
    scene.retry(&first);
    assert!(scene.why(&last).clears_by_itself);
}

#[test]
fn an_edge_may_wait_for_a_failure_or_for_any_end() {
    let ends = [
        (SatisfiedBy::Success, [true, false]),
        (SatisfiedBy::Failure, [false, true]),
        (SatisfiedBy::Finish, [true, true]),
    ];
    for (satisfied_by, wanted) in ends {
        for (outcome, wanted) in [Outcome::Done, Outcome::Failed].into_iter().zip(wanted) {
            let mut scene = Scene::new();
            let first = scene.bead("first");
            let edge = need(&first, EdgeKind::Blocks, satisfied_by);
            let second = scene.create(spec("second"), &[edge]);
            assert!(!scene.ready().contains(&second));
            scene.close(&first, outcome.clone());
            assert_eq!(
                scene.ready().contains(&second),
                wanted,
                "{satisfied_by:?} {outcome:?}"
            );
        }
    }
}

#[test]
fn a_conditional_edge_waits_for_a_failure() {
    let mut scene = Scene::new();
    let first = scene.bead("first");
    let edge = need(&first, EdgeKind::ConditionalBlocks, SatisfiedBy::Success);
    let fallback = scene.create(spec("fallback"), &[edge]);
    assert!(!scene.ready().contains(&fallback));

    let mut failed = scene.clone();
    failed.close(&first, Outcome::Failed);
    assert!(failed.ready().contains(&fallback));
    failed.retry(&first);
    assert!(
        !failed.ready().contains(&fallback),
        "the failure is no more"
    );

    scene.land(&first);
    let why = scene.why(&fallback);
    assert_eq!(why.verdict, Standing::NeedsYou, "it will not come");
    assert_eq!(why.next[0].cmd, format!("gtd bead close {fallback} -m WHY"));
}

#[test]
fn other_relations_hold_nothing_back() {
    for kind in [
        EdgeKind::WaitsFor,
        EdgeKind::Related,
        EdgeKind::DiscoveredFrom,
        EdgeKind::Duplicates,
        EdgeKind::Supersedes,
        EdgeKind::Custom("hears-of".to_owned()),
    ] {
        let mut scene = Scene::new();
        let first = scene.bead("first");
        let second = scene.create(spec("second"), &[need(&first, kind, SatisfiedBy::Success)]);
        assert!(scene.ready().contains(&second));
    }
}

#[test]
fn a_known_relation_under_a_free_name_is_that_relation() {
    for kind in [
        EdgeKind::Blocks,
        EdgeKind::ConditionalBlocks,
        EdgeKind::WaitsFor,
        EdgeKind::Related,
        EdgeKind::DiscoveredFrom,
        EdgeKind::Duplicates,
        EdgeKind::Supersedes,
        EdgeKind::Custom("hears-of".to_owned()),
    ] {
        let word = serde_json::to_value(&kind).unwrap();
        let word = word.as_str().unwrap();
        assert_eq!(EdgeKind::from_word(word), kind);
        let mut scene = Scene::new();
        let first = scene.bead("first");
        let second = scene.bead("second");
        scene.tell(Command::Link {
            bead: second.clone(),
            need: need(
                &first,
                EdgeKind::Custom(word.to_owned()),
                SatisfiedBy::Success,
            ),
        });
        assert_eq!(scene.at(&second).needs[0].kind, kind);
        assert_eq!(crate::laws::replay(&scene), scene.graph);
    }
    let mut scene = Scene::new();
    let (first, second) = (scene.bead("first"), scene.bead("second"));
    let why = scene.refused(Command::Link {
        bead: second,
        need: need(
            &first,
            EdgeKind::Custom(" ".to_owned()),
            SatisfiedBy::Success,
        ),
    });
    assert_eq!(why.code(), "E0103");
}

#[test]
fn one_edge_of_a_kind_between_two_beads() {
    let mut scene = Scene::new();
    let first = scene.bead("first");
    let wanted = need(&first, EdgeKind::Blocks, SatisfiedBy::Finish);
    let second = scene.create(
        spec("second"),
        &[Need::blocks(first.clone()), wanted.clone(), wanted.clone()],
    );
    assert_eq!(scene.at(&second).needs, [wanted]);
    scene.tell(Command::Link {
        bead: second.clone(),
        need: Need::blocks(first.clone()),
    });
    assert_eq!(scene.at(&second).needs, [Need::blocks(first)]);
}

#[test]
fn children_inherit_what_holds_their_parents_back() {
    let mut scene = Scene::new();
    let first = scene.bead("first");
    let epic = scene.bead_after("epic", &[&first]);
    let below = |parent: &BeadId| BeadSpec {
        parent: Some(parent.clone()),
        ..spec("part")
    };
    let part = scene.create(below(&epic), &[]);
    let deep = scene.create(below(&part), &[]);
    assert_eq!(scene.ready(), std::slice::from_ref(&first));
    let why = scene.why(&deep);
    assert_eq!(why.reason(), Some(WaitReason::Dependency));

    let mut failed = scene.clone();
    failed.close(&first, Outcome::Failed);
    let why = failed.why(&deep);
    assert_eq!(
        why.next[1].cmd,
        format!("gtd bead dep rm {epic} --needs {first}"),
        "the edge is the epic's"
    );

    scene.land(&first);
    assert_eq!(scene.ready(), [epic.clone(), part.clone(), deep.clone()]);

    // A new edge above, and a new parent, count at once.
    let late = scene.bead("late");
    scene.tell(Command::Link {
        bead: epic.clone(),
        need: Need::blocks(late.clone()),
    });
    assert_eq!(scene.ready(), std::slice::from_ref(&late));
    scene.tell(Command::EditBead {
        bead: part.clone(),
        spec: spec("part of nothing"),
    });
    assert_eq!(scene.ready(), [part, deep, late]);
}

#[test]
fn the_beads_of_a_goal_inherit_what_holds_the_goal_back() {
    let mut scene = Scene::new();
    let first = scene.goal(&[("a", &[])]);
    let second = scene.goal(&[("b", &[])]);
    let (a, b) = (scene.in_goal(&first, "a"), scene.in_goal(&second, "b"));
    assert_eq!(scene.ready(), [a.clone(), b.clone()]);
    scene.tell(Command::Link {
        bead: second.clone(),
        need: Need::blocks(first.clone()),
    });
    assert_eq!(scene.ready(), std::slice::from_ref(&a));
    let why = scene.why(&b);
    assert!(why.clears_by_itself, "{why:?}");
    assert_eq!(why.chain[1].subject, first.to_string());
    scene.park(&a);
    assert!(
        !scene.why(&b).clears_by_itself,
        "the first goal stands still"
    );
    assert!(!scene.why(&second).clears_by_itself);
    scene.retry(&a);
    scene.land(&a);
    assert_eq!(scene.ready(), vec![], "the goal itself has to end");
    scene.tell(Command::CloseGoal {
        goal: first,
        outcome: Outcome::Done,
        why: String::new(),
        proof: vec![],
    });
    assert_eq!(scene.ready(), [b]);
}
