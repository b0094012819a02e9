//! Standing members: when a turn begins, what it is told, and how it ends.

mod scene;

use gtd_core::{Command, CrewAgent, CrewOutcome, RuntimeFault, RuntimeName, SeatName, Usage};
use gtd_plan::{
    Again, AgentSeen, Answer, Effect, EndSeen, LiveSeen, OwnerSeen, Question, RunSeen, Step, Task,
    UsedSeen, Work,
};
use scene::{Scene, absent, crew, oid, target, tip};

fn ada() -> SeatName {
    SeatName::parse("ada").expect("a name")
}

/// Ada is here, with an agent that was told this.
fn scene(told: &[&str]) -> Scene {
    let mut scene = Scene::new(1);
    let bead = scene.beads[0].clone();
    scene.tell(Command::Claim {
        bead,
        name: SeatName::parse("somebody").expect("a name"),
    });
    scene.tell(Command::AddCrew {
        rig: target().rig,
        member: ada(),
    });
    scene.tell(Command::ConcludeCrew {
        member: ada(),
        outcome: CrewOutcome::Ready,
        why: String::new(),
    });
    scene.tell(Command::StartCrew {
        member: ada(),
        runtime: RuntimeName::parse("claude").expect("a name"),
    });
    for text in told {
        say(&mut scene, text);
    }
    scene
}

fn say(scene: &mut Scene, text: &str) {
    scene.tell(Command::TellCrew {
        member: ada(),
        text: text.to_owned(),
    });
}

fn agent(scene: &Scene) -> CrewAgent {
    let member = scene.graph.crew_member(&ada()).expect("a member");
    *member.agent.clone().expect("an agent")
}

/// Ada's worktree is hers, and the run of her turn is so.
fn world(run: &Answer) -> impl Fn(&Question) -> Answer + '_ {
    move |question| match question {
        Question::Run(_) => run.clone(),
        Question::Owner { .. } => Answer::Owner(Some(OwnerSeen {
            owner: "crew/ada".to_owned(),
            start: Some(oid('0')),
        })),
        _ => tip('0'),
    }
}

fn ended(session: Option<&str>, fault: Option<RuntimeFault>, input: u64) -> Answer {
    Answer::Run(RunSeen::Ended(EndSeen {
        code: Some(0),
        agent: Some(Box::new(AgentSeen {
            session: session.map(str::to_owned),
            fault: fault.map(|fault| (fault, "it said so".to_owned())),
            used: UsedSeen {
                usage: Usage {
                    input,
                    ..Usage::default()
                },
                estimated: false,
                line: 3,
                context: None,
            },
            ..AgentSeen::default()
        })),
        ..EndSeen::default()
    }))
}

/// Lets the crew plan once and returns the turn that it orders.
fn ordered(scene: &Scene, run: &Answer) -> Option<(String, Task, Again)> {
    let steps = scene.steps(&crew(), world(run));
    steps.into_iter().find_map(|step| match step {
        Step::Do(Effect::EnsureRun(order)) => match order.work {
            Work::Agent(turn) => Some((order.run.to_string(), turn.task, turn.again?)),
            _ => None,
        },
        _ => None,
    })
}

#[test]
fn who_has_nothing_to_hear_takes_no_turn() {
    let scene = scene(&[]);
    assert_eq!(scene.steps(&crew(), world(&absent())), vec![]);
}

#[test]
fn a_turn_that_is_begun_has_its_run_whoever_finds_it() {
    let mut scene = scene(&["look around", "and tell me"]);
    assert_eq!(ordered(&scene, &absent()), None, "the log comes first");
    scene.take(&crew(), world(&absent()));
    say(&mut scene, "one thing more");
    let first = ordered(&scene, &absent()).expect("a turn");
    assert_eq!(ordered(&scene, &absent()), Some(first.clone()));
    let (run, task, again) = first;
    assert_eq!(
        Some(run),
        agent(&scene).turn.map(|turn| turn.run.to_string())
    );
    let owns = None;
    let member = ada();
    assert_eq!(task, Task::Stand { member, owns });
    assert_eq!(again.session, None);
    for part in ["look around", "and tell me"] {
        assert!(again.words.contains(part), "{}", again.words);
    }
    assert!(!again.words.contains("one thing more"), "{}", again.words);
    // At work it is left alone, and what was said meanwhile waits.
    let live = Answer::Run(RunSeen::Live(LiveSeen::default()));
    assert_eq!(scene.steps(&crew(), world(&live)), vec![]);
    scene.take(&crew(), world(&ended(Some("s-1"), None, 100)));
    scene.take(&crew(), world(&absent()));
    let (_, _, again) = ordered(&scene, &absent()).expect("a turn");
    assert_eq!(again.session.as_deref(), Some("s-1"));
    assert!(again.words.contains("one thing more"), "{}", again.words);
    assert_eq!(scene.graph.spend().input, 100);
}

#[test]
fn a_bead_that_becomes_its_own_is_told_once_and_its_pen_goes_along() {
    let mut scene = scene(&["hello"]);
    let bead = scene.beads[0].clone();
    let epoch = scene.graph.bead(&bead).expect("a bead").epoch;
    scene.tell(Command::Return {
        bead: bead.clone(),
        epoch,
        why: gtd_core::Fault {
            class: gtd_core::FaultClass::GivenBack,
            text: String::new(),
            evidence: String::new(),
            run: None,
        },
    });
    scene.now = scene.now.plus(std::time::Duration::from_hours(1));
    scene.tell(Command::Claim {
        bead: bead.clone(),
        name: ada(),
    });
    scene.take(&crew(), world(&absent()));
    let (_, task, again) = ordered(&scene, &absent()).expect("a turn");
    let owns = Some((bead.clone(), epoch.next()));
    let member = ada();
    assert_eq!(task, Task::Stand { member, owns });
    assert!(
        again.words.contains(&format!("{bead} is yours")),
        "{}",
        again.words
    );
    scene.take(&crew(), world(&ended(Some("s-1"), None, 1)));
    assert_eq!(scene.steps(&crew(), world(&absent())), vec![], "it knows");
}

#[test]
fn a_session_that_is_gone_is_begun_anew_with_what_was_not_heard() {
    let mut scene = scene(&["one"]);
    scene.take(&crew(), world(&absent()));
    scene.take(&crew(), world(&ended(Some("s-1"), None, 1)));
    say(&mut scene, "two");
    scene.take(&crew(), world(&absent()));
    let forgot = ended(Some("s-1"), Some(RuntimeFault::Crashed), 0);
    scene.take(&crew(), world(&forgot));
    let known = agent(&scene);
    assert_eq!((known.session, known.unheard.len()), (None, 1));
    scene.take(&crew(), world(&absent()));
    let (_, _, again) = ordered(&scene, &absent()).expect("a turn");
    assert_eq!(again.session, None);
    assert!(again.words.contains("two"), "{}", again.words);
    // It fails again: that is told, and not tried for ever.
    scene.take(&crew(), world(&forgot));
    assert!(agent(&scene).fault.is_some());
    assert_eq!(scene.steps(&crew(), world(&absent())), vec![]);
}

#[test]
fn a_turn_that_was_lost_is_told_and_its_session_goes_on() {
    let mut scene = scene(&["one"]);
    scene.take(&crew(), world(&absent()));
    scene.take(&crew(), world(&ended(Some("s-1"), None, 1)));
    say(&mut scene, "two");
    scene.take(&crew(), world(&absent()));
    scene.take(&crew(), world(&Answer::Run(RunSeen::Lost)));
    let known = agent(&scene);
    assert!(known.fault.is_some_and(|fault| fault.contains("cut off")));
    assert_eq!(known.session.as_deref(), Some("s-1"));
    assert_eq!(known.unheard.len(), 0, "its session may have heard it");
}

#[test]
fn who_is_paused_or_stopped_begins_nothing_and_what_goes_on_is_ended() {
    let mut scene = scene(&["one"]);
    let pause = gtd_core::PauseScope::Role(gtd_core::RoleName::parse("crew").expect("a name"));
    scene.tell(Command::Pause {
        scope: pause.clone(),
        why: String::new(),
    });
    assert_eq!(scene.steps(&crew(), world(&absent())), vec![]);
    scene.tell(Command::Resume { scope: pause });
    scene.take(&crew(), world(&absent()));
    scene.tell(Command::StopCrew { member: ada() });
    let live = Answer::Run(RunSeen::Live(LiveSeen::default()));
    let run = agent(&scene).turn.expect("a turn").run;
    let stop = vec![Step::Do(Effect::StopRun { run })];
    assert_eq!(scene.steps(&crew(), world(&live)), stop);
    // Its run was never begun: nobody has heard it.
    scene.take(&crew(), world(&absent()));
    let known = agent(&scene);
    assert_eq!((known.turn, known.unheard.len()), (None, 1));
}

#[test]
fn a_turn_that_never_was_is_not_the_last_that_its_session_had() {
    let mut scene = scene(&["one"]);
    scene.take(&crew(), world(&absent()));
    scene.take(&crew(), world(&ended(Some("s-1"), None, 1)));
    let first = agent(&scene).last;
    say(&mut scene, "two");
    scene.take(&crew(), world(&absent()));
    scene.tell(Command::StopCrew { member: ada() });
    // Half of its order was written down, and nothing had begun.
    let prepared = Answer::Run(RunSeen::Prepared);
    let run = agent(&scene).turn.expect("a turn").run;
    let stop = vec![Step::Do(Effect::StopRun { run })];
    assert_eq!(scene.steps(&crew(), world(&prepared)), stop);
    scene.take(&crew(), world(&absent()));
    let known = agent(&scene);
    assert_eq!((known.last, known.unheard.len()), (first, 1));
    assert_eq!(known.session.as_deref(), Some("s-1"));
}

#[test]
fn a_turn_that_was_begun_waits_for_the_end_of_a_pause() {
    let mut scene = scene(&["one"]);
    scene.take(&crew(), world(&absent()));
    let pause = gtd_core::PauseScope::Rig(target().rig);
    scene.tell(Command::Pause {
        scope: pause.clone(),
        why: String::new(),
    });
    assert_eq!(scene.steps(&crew(), world(&absent())), vec![]);
    scene.tell(Command::Resume { scope: pause });
    assert_eq!(scene.steps(&crew(), world(&absent())).len(), 1);
}

#[test]
fn what_fails_again_and_again_is_told_and_not_tried_for_ever() {
    let mut scene = scene(&["one"]);
    let lost = Answer::Run(RunSeen::Lost);
    for unheard in [1, 0] {
        scene.take(&crew(), world(&absent()));
        scene.take(&crew(), world(&lost));
        assert_eq!(agent(&scene).unheard.len(), unheard);
    }
    assert_eq!(scene.steps(&crew(), world(&absent())), vec![]);
    say(&mut scene, "two");
    scene.take(&crew(), world(&absent()));
    scene.take(&crew(), world(&ended(Some("s-1"), None, 1)));
    say(&mut scene, "three");
    scene.take(&crew(), world(&absent()));
    // Its program is gone: that says nothing of its session.
    let Answer::Run(RunSeen::Ended(mut end)) = ended(None, Some(RuntimeFault::Crashed), 0) else {
        unreachable!("it has ended");
    };
    end.code = Some(127);
    scene.take(&crew(), world(&Answer::Run(RunSeen::Ended(end))));
    let known = agent(&scene);
    assert_eq!(known.session.as_deref(), Some("s-1"));
    assert!(known.fault.is_some() && known.unheard.is_empty());
}
