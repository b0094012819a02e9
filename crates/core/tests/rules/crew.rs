//! Standing members: who joins, who leaves, and who may be called what.

use gtd_core::{Command, CrewAgent, CrewOutcome, CrewState, RuntimeName, UsageDelta};

use crate::scene::{Scene, host, rig, seat};

pub(crate) fn add(name: &str) -> Command {
    Command::AddCrew {
        rig: rig(),
        member: seat(name),
    }
}

pub(crate) fn remove(name: &str, discard: bool) -> Command {
    Command::RemoveCrew {
        member: seat(name),
        discard,
    }
}

pub(crate) fn conclude(name: &str, outcome: CrewOutcome, why: &str) -> Command {
    Command::ConcludeCrew {
        member: seat(name),
        outcome,
        why: why.to_owned(),
    }
}

pub(crate) fn start(name: &str) -> Command {
    Command::StartCrew {
        member: seat(name),
        runtime: RuntimeName::parse("claude").unwrap(),
    }
}

pub(crate) fn stop(name: &str) -> Command {
    Command::StopCrew { member: seat(name) }
}

pub(crate) fn say(name: &str, text: &str) -> Command {
    Command::TellCrew {
        member: seat(name),
        text: text.to_owned(),
    }
}

pub(crate) fn begin(name: &str, turn: u64, told: u32) -> Command {
    Command::BeginCrewTurn {
        member: seat(name),
        turn,
        told,
        bead: None,
    }
}

pub(crate) fn end(name: &str, turn: u64, usage: Option<UsageDelta>) -> Command {
    Command::EndCrewTurn {
        member: seat(name),
        turn,
        session: Some("s-1".to_owned()),
        fault: None,
        unsaid: false,
        usage,
    }
}

fn agent(scene: &Scene, name: &str) -> CrewAgent {
    let member = scene.graph.crew_member(&seat(name)).unwrap();
    *member.agent.clone().unwrap()
}

/// An agent that takes a turn and is stopped in the middle of the next.
pub(crate) fn some_turns(scene: &mut Scene, name: &str) {
    scene.tell(start(name));
    scene.tell(say(name, "look around"));
    scene.tell(say(name, "and tell me"));
    scene.tell(begin(name, 1, 1));
    let run = agent(scene, name).turn.unwrap().run;
    let usage = UsageDelta {
        run,
        sequence: 3,
        input: 10,
        output: 2,
        cache_read: 0,
        cache_write: 0,
        usd_micros: 500,
        estimated: false,
        context: None,
    };
    scene.tell(end(name, 1, Some(usage)));
    scene.tell(begin(name, 2, 1));
    scene.tell(stop(name));
}

#[test]
fn what_is_said_is_in_exactly_one_turn_and_none_begins_once_it_is_stopped() {
    let mut scene = Scene::new();
    scene.tell(add("ada"));
    let refused = scene.refused(say("ada", "hello"));
    assert_eq!(
        (refused.code(), refused.next()),
        ("E0221", "gtd crew start ada".to_owned())
    );
    scene.tell(conclude("ada", CrewOutcome::Ready, ""));
    let spent = scene.graph.spend().usd_micros;
    some_turns(&mut scene, "ada");
    assert_eq!(scene.graph.spend().usd_micros, spent + 500);
    assert_eq!(scene.graph.spent_today(&rig(), scene.now).usd, 500);
    let now = agent(&scene, "ada");
    let told: Vec<&str> = now
        .turn
        .iter()
        .flat_map(|turn| &turn.told)
        .map(|note| note.text.as_str())
        .collect();
    assert_eq!(
        (told, now.unheard.len(), now.turns),
        (vec!["and tell me"], 0, 2)
    );
    assert_eq!(now.session.as_deref(), Some("s-1"));
    // Whoever saw less than there is begins nothing twice.
    let before = scene.graph.revision();
    scene.tell(begin("ada", 2, 1));
    scene.tell(end("ada", 1, None));
    assert_eq!(scene.graph.revision(), before);
    assert_eq!(scene.refused(remove("ada", false)).code(), "E0221");
    assert_eq!(
        scene.refused(say("ada", "more")).next(),
        "gtd crew start ada"
    );
    scene.tell(end("ada", 2, None));
    assert_eq!(scene.refused(begin("ada", 3, 0)).code(), "E0221");
    scene.tell(start("ada"));
    // Nobody has anything to say: no turn.
    assert_eq!(scene.refused(begin("ada", 3, 0)).code(), "E0221");
    scene.tell(say("ada", "once more"));
    scene.tell(begin("ada", 3, 1));
    assert!(agent(&scene, "ada").turn.is_some());
}

#[test]
fn what_nobody_has_heard_is_said_again_in_the_next_turn() {
    let mut scene = Scene::new();
    scene.tell(add("ada"));
    scene.tell(conclude("ada", CrewOutcome::Ready, ""));
    scene.tell(start("ada"));
    scene.tell(say("ada", "one"));
    scene.tell(begin("ada", 1, 1));
    scene.tell(say("ada", "two"));
    scene.tell(Command::EndCrewTurn {
        member: seat("ada"),
        turn: 1,
        session: None,
        fault: Some("its session is gone".to_owned()),
        unsaid: true,
        usage: None,
    });
    let agent = agent(&scene, "ada");
    let said: Vec<&str> = agent
        .unheard
        .iter()
        .map(|note| note.text.as_str())
        .collect();
    assert_eq!((said, agent.session), (vec!["one", "two"], None));
}

fn state(scene: &Scene, name: &str) -> Option<CrewState> {
    let member = scene.graph.crew_member(&seat(name));
    member.map(|member| member.state.clone())
}

#[test]
fn a_member_that_is_kept_stays_with_the_reason_until_it_leaves() {
    let mut scene = Scene::new();
    scene.tell(add("ada"));
    assert_eq!(state(&scene, "ada"), Some(CrewState::Coming));
    // Nobody has asked for its end.
    scene.tell(conclude("ada", CrewOutcome::Gone, ""));
    assert_eq!(state(&scene, "ada"), Some(CrewState::Coming));
    scene.tell(conclude("ada", CrewOutcome::Ready, ""));
    scene.tell(remove("ada", false));
    // What was seen before the wish is no answer to it.
    scene.tell(conclude("ada", CrewOutcome::Ready, ""));
    assert_eq!(
        state(&scene, "ada"),
        Some(CrewState::Leaving { discard: false })
    );
    scene.tell(conclude("ada", CrewOutcome::Kept, "a commit"));
    let kept = Some("a commit".to_owned());
    assert_eq!(state(&scene, "ada"), Some(CrewState::Here { kept }));
    scene.tell(remove("ada", true));
    scene.tell(conclude("ada", CrewOutcome::Gone, ""));
    assert_eq!(state(&scene, "ada"), None);
}

#[test]
fn a_name_is_of_one_member_or_one_seat() {
    let mut scene = Scene::new();
    scene.tell(add("ada"));
    let before = scene.graph.revision();
    scene.tell(add("ada"));
    assert_eq!(scene.graph.revision(), before);
    let refused = scene.refused(Command::OpenSeat {
        seat: seat("ada"),
        rig: rig(),
        host: host(),
    });
    assert_eq!(refused.code(), "E0207");
    assert_eq!(scene.refused(add("ada.lock")).code(), "E0103");
}

#[test]
fn a_rig_with_a_member_is_not_removed() {
    let mut scene = Scene::new();
    scene.tell(add("ada"));
    let refused = scene.refused(Command::RemoveRig { rig: rig() });
    assert!(
        refused.to_string().contains("gtd crew remove ada"),
        "{refused}"
    );
}

#[test]
fn joining_and_leaving_are_not_undone_and_another_way_is_named() {
    let mut scene = Scene::new();
    scene.tell(add("ada"));
    let refused = scene.undo_last().unwrap_err().to_string();
    assert!(refused.contains("looked at first"), "{refused}");
    scene.tell(remove("ada", false));
    let refused = scene.undo_last().unwrap_err().to_string();
    assert!(refused.contains("made anew"), "{refused}");
}
