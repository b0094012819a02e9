//! Circles are refused, and long chains are no trouble.

use gtd_core::{
    BeadId, BeadSpec, Command, Envelope, Event, FaultClass, Graph, Need, Observations, Outcome,
    Rejection, Revision, explain,
};

use crate::scene::{BEGIN, Scene, bead_id, person, rig, rules, spec};

/// The path of a refused circle.
#[track_caller]
fn circle(scene: &mut Scene, command: Command) -> Vec<BeadId> {
    let before = scene.graph.clone();
    let why = scene.refused(command);
    assert_eq!(scene.graph, before);
    match why {
        Rejection::Cycle { path } => path,
        other => panic!("{other:?}"),
    }
}

fn link(bead: &BeadId, on: &BeadId) -> Command {
    Command::Link {
        bead: bead.clone(),
        need: Need::blocks(on.clone()),
    }
}

#[test]
fn circles_are_refused_with_their_path() {
    let mut scene = Scene::new();
    let a = scene.bead("a");
    let b = scene.bead_after("b", &[&a]);
    let c = scene.bead_after("c", &[&b]);
    let path = circle(&mut scene, link(&a, &c));
    assert_eq!(path, [&a, &c, &b, &a].map(Clone::clone));
    assert_eq!(circle(&mut scene, link(&a, &a)), [&a, &a].map(Clone::clone));
}

#[test]
fn circles_over_parents_are_refused() {
    let mut scene = Scene::new();
    let epic = scene.bead("epic");
    let part = scene.create(
        BeadSpec {
            parent: Some(epic.clone()),
            ..spec("part")
        },
        &[],
    );
    // The part would inherit a need of itself.
    assert_eq!(
        circle(&mut scene, link(&epic, &part)),
        [&epic, &part, &epic].map(Clone::clone)
    );
    // A part that needs its epic is no circle: the epic needs no part to end.
    scene.tell(link(&part, &epic));
    let edit = |bead: &BeadId, parent: &BeadId| Command::EditBead {
        bead: bead.clone(),
        spec: BeadSpec {
            parent: Some(parent.clone()),
            ..spec("epic")
        },
    };
    assert_eq!(
        circle(&mut scene, edit(&epic, &part)),
        [&epic, &part, &epic].map(Clone::clone)
    );
    circle(&mut scene, edit(&epic, &epic));
}

#[test]
fn circles_over_goals_are_refused() {
    let mut scene = Scene::new();
    let first = scene.goal(&[("a", &[])]);
    let second = scene.goal(&[("b", &[])]);
    let (a, b) = (scene.in_goal(&first, "a"), scene.in_goal(&second, "b"));
    // A bead cannot wait for its own goal, nor a goal for its own bead.
    circle(&mut scene, link(&a, &first));
    circle(&mut scene, link(&first, &a));
    // Two goals cannot wait for each other through their beads.
    scene.tell(link(&a, &second));
    circle(&mut scene, link(&b, &first));
    circle(&mut scene, link(&second, &first));
    circle(&mut scene, link(&second, &a));
    // Nor can a bead that is still to come.
    let late = Command::CreateBead {
        rig: rig(),
        goal: Some(second.clone()),
        spec: spec("late"),
        needs: vec![Need::blocks(a.clone())],
    };
    circle(&mut scene, late);
    let epic = scene.bead_after("epic", &[&first]);
    let below = Command::CreateBead {
        rig: rig(),
        goal: Some(first.clone()),
        spec: BeadSpec {
            parent: Some(epic),
            ..spec("late")
        },
        needs: vec![],
    };
    circle(&mut scene, below);
}

#[test]
fn a_planned_bead_cannot_wait_for_its_own_goal() {
    let mut scene = Scene::new();
    let goal = scene.open_goal(None, gtd_core::Approval::Needed);
    let after = scene.bead_after("after the goal", &[&goal]);
    for on in [&goal, &after] {
        let why = scene.refused(Command::ProposePlan {
            goal: goal.clone(),
            epoch: gtd_core::Epoch(0),
            plan: crate::scene::plan(&[("one", &[on.as_str()])]),
            approval: gtd_core::Approval::NotNeeded,
        });
        assert_eq!(why.code(), "E0101", "{why}");
    }
}

#[test]
fn a_circle_inside_a_plan_is_refused_with_its_path() {
    let mut scene = Scene::new();
    let why = scene.refused(Command::OpenGoal {
        spec: spec("goal"),
        target: crate::scene::target(),
        max: None,
        until: None,
        plan: Some(crate::scene::plan(&[
            ("a", &["c"]),
            ("b", &["a"]),
            ("c", &["b"]),
            ("d", &["a"]),
        ])),
        approval: gtd_core::Approval::NotNeeded,
    });
    assert_eq!(
        why.to_string(),
        "the plan does not hold together: its needs go in a circle: a needs c needs b needs a"
    );
}

#[test]
fn a_chain_as_long_as_a_town_overflows_nothing() {
    const N: u64 = 50_000;
    let mut graph = Graph::default();
    let mut revision = Revision(0);
    let mut apply = |graph: &mut Graph, event: Event| {
        revision = revision.next();
        let envelope = Envelope {
            at: BEGIN,
            by: person(),
            request: None,
            cause: None,
            event,
        };
        graph.apply(revision, &envelope);
    };
    apply(
        &mut graph,
        Event::RigTrusted {
            rig: rig(),
            rules: rules(),
            digest: String::new(),
        },
    );
    let template = {
        let mut scene = Scene::new();
        let bead = scene.bead("one of many");
        scene.at(&bead).clone()
    };
    let id = |n: u64| bead_id(&format!("gt-{n:06}"));
    for n in 0..N {
        let mut bead = template.clone();
        bead.id = id(n);
        bead.ordinal = n + 1;
        if n > 0 {
            bead.needs = vec![Need::blocks(id(n - 1))];
            bead.spec.parent = Some(id(n - 1)).filter(|_| n % 10 != 0);
        }
        apply(&mut graph, Event::BeadOpened { bead });
    }
    let (first, last) = (id(0), id(N - 1));
    let path = graph.cycle_through(&first, &last).unwrap();
    assert_eq!(path.len() as u64, N + 1);
    assert_eq!(graph.cycle_through(&last, &first), None);
    let observations = Observations::default();
    let why = explain(&graph, &observations, &last, BEGIN).unwrap();
    assert!(why.clears_by_itself);
    assert!(why.chain.len() < 20, "{}", why.chain.len());
    apply(
        &mut graph,
        Event::BeadParked {
            bead: first.clone(),
            why: crate::scene::fault(FaultClass::Person),
        },
    );
    let why = explain(&graph, &observations, &last, BEGIN).unwrap();
    assert!(!why.clears_by_itself);
    assert_eq!(graph.ready(&rig(), BEGIN).count(), 0);
    apply(
        &mut graph,
        Event::BeadClosed {
            bead: first,
            outcome: Outcome::Done,
            why: String::new(),
        },
    );
    assert_eq!(
        graph
            .ready(&rig(), BEGIN)
            .map(|b| b.id.clone())
            .collect::<Vec<_>>(),
        [id(1)]
    );
}
