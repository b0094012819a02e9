//! What agents ask: who waits how long, what the answer does, and that no question is lost.

use std::time::Duration;

use gtd_core::{
    Actor, Asked, BeadId, BeadSpec, BeadState, Command, Epoch, Event, FaultClass, OnQuestion,
    Outcome, Phase, QuestionRules, RuntimeName, WaitReason, needs_you,
};

use crate::scene::{Scene, fault, rules, run_id, spec};

/// A bead for an agent program, at work.
pub(crate) fn agent_bead(scene: &mut Scene, title: &str) -> BeadId {
    let bead = scene.create(
        BeadSpec {
            run: None,
            runtime: Some(RuntimeName::parse("claude").unwrap()),
            ..spec(title)
        },
        &[],
    );
    scene.grant(&bead);
    bead
}

fn epoch(scene: &Scene, bead: &BeadId) -> Epoch {
    scene.at(bead).epoch
}

pub(crate) fn start(scene: &mut Scene, bead: &BeadId, turn: &str) {
    let epoch = epoch(scene, bead);
    scene.tell(Command::Started {
        bead: bead.clone(),
        epoch,
        run: run_id(&format!("{bead}.e{epoch}.{turn}")),
        told: 0,
    });
}

fn ask_command(scene: &Scene, bead: &BeadId, text: &str) -> Command {
    Command::Ask {
        bead: bead.clone(),
        epoch: epoch(scene, bead),
        text: text.to_owned(),
    }
}

/// Asks as the agent does.
pub(crate) fn ask(scene: &mut Scene, bead: &BeadId, text: &str) -> Vec<Event> {
    let by = Actor::Lease {
        bead: bead.clone(),
        epoch: epoch(scene, bead),
    };
    let command = ask_command(scene, bead, text);
    scene.ask_as(by, command).unwrap()
}

pub(crate) fn answer(scene: &mut Scene, bead: &BeadId, text: &str) -> Vec<Event> {
    scene.tell(Command::Answer {
        bead: bead.clone(),
        text: text.to_owned(),
    })
}

fn with(on: OnQuestion) -> (Scene, BeadId) {
    let mut rules = rules();
    rules.questions = QuestionRules {
        on,
        ..QuestionRules::default()
    };
    let mut scene = Scene::with_rules(rules);
    let bead = agent_bead(&mut scene, "one");
    start(&mut scene, &bead, "work");
    (scene, bead)
}

#[test]
fn a_question_waits_in_its_attempt_and_needs_a_person() {
    let (mut scene, bead) = with(OnQuestion::Ask);
    ask(&mut scene, &bead, "left or right?");
    assert!(scene.at(&bead).phase.lease().is_some(), "it keeps its seat");
    assert_eq!(scene.state(&bead), BeadState::Running);
    let why = scene.why(&bead);
    assert_eq!(why.reason(), Some(WaitReason::Question));
    assert!(!why.clears_by_itself);
    assert_eq!(why.next[0].cmd, format!("gtd answer {bead} \"…\""));
    let items = needs_you(scene.view(), None);
    assert_eq!(items.len(), 1);
    assert_eq!(
        (items[0].kind.as_str(), items[0].text.as_str()),
        ("question", "left or right?")
    );
    // Said again by an agent that is impatient, it is one question.
    assert_eq!(ask(&mut scene, &bead, "left or right?"), vec![]);
    answer(&mut scene, &bead, "left");
    assert_eq!(scene.at(&bead).question(), None);
    assert_eq!(scene.reason(&bead), Some(WaitReason::Working));
    assert_eq!(needs_you(scene.view(), None), vec![]);
    let said: Vec<&str> = scene
        .at(&bead)
        .notes
        .iter()
        .map(|note| note.text.as_str())
        .collect();
    assert_eq!(said, ["asks: left or right?", "left"]);
}

#[test]
fn the_turn_that_begins_with_the_answer_has_it_and_the_next_question_is_a_new_one() {
    let (mut scene, bead) = with(OnQuestion::Ask);
    for (n, text) in ["first?", "second?"].into_iter().enumerate() {
        ask(&mut scene, &bead, text);
        answer(&mut scene, &bead, "yes");
        assert!(scene.at(&bead).asked.is_some(), "until a turn has it");
        start(&mut scene, &bead, &format!("work.t{}", n + 1));
        assert_eq!(scene.at(&bead).asked, None);
    }
    let at = epoch(&scene, &bead);
    assert_eq!(scene.at(&bead).answered_in(at), 2);
    for n in 2..Asked::MOST {
        ask(&mut scene, &bead, &format!("question {n}?"));
        answer(&mut scene, &bead, "yes");
        start(&mut scene, &bead, &format!("work.t{}", n + 1));
    }
    let command = ask_command(&scene, &bead, "one more?");
    let why = scene.refused(command);
    assert_eq!(why.code(), "E0403");
    assert!(why.next().contains("best assumption"), "{}", why.next());
}

#[test]
fn an_answer_that_crosses_the_end_of_the_wait_is_not_lost() {
    let (mut scene, bead) = with(OnQuestion::Ask);
    ask(&mut scene, &bead, "left or right?");
    answer(&mut scene, &bead, "left");
    // Whoever waited had not heard of it.
    let epoch = epoch(&scene, &bead);
    scene.tell(Command::Return {
        bead: bead.clone(),
        epoch,
        why: fault(FaultClass::Question),
    });
    assert!(
        scene.at(&bead).phase.is_open(),
        "{:?}",
        scene.at(&bead).phase
    );
    let kept = scene.at(&bead).kept_session().unwrap();
    assert_eq!(kept.answer.as_deref(), Some("left"));
}

#[test]
fn a_turn_asks_once_and_the_answer_stands() {
    let (mut scene, bead) = with(OnQuestion::Ask);
    ask(&mut scene, &bead, "left or right?");
    for _ in ["before the answer", "after it"] {
        let command = ask_command(&scene, &bead, "and how far?");
        let why = scene.refused(command);
        assert!(why.next().contains("end your turn"), "{}", why.next());
        answer(&mut scene, &bead, "left");
    }
    let asked = scene.at(&bead).asked.as_ref().unwrap();
    assert_eq!(asked.answer.as_deref(), Some("left"));
}

#[test]
fn what_ended_with_a_question_is_not_handed_in_by_who_has_not_seen_it() {
    let (mut scene, bead) = with(OnQuestion::Ask);
    ask(&mut scene, &bead, "left or right?");
    let epoch = epoch(&scene, &bead);
    scene.refused(Command::Finish {
        bead: bead.clone(),
        epoch,
        outcome: Outcome::NoOp,
        why: String::new(),
    });
    assert!(scene.at(&bead).question().is_some());
}

#[test]
fn a_question_before_its_turn_was_seen_to_begin_belongs_to_that_turn() {
    let mut scene = Scene::new();
    let bead = agent_bead(&mut scene, "one");
    ask(&mut scene, &bead, "which?");
    assert_eq!(scene.at(&bead).asked.as_ref().unwrap().run, None);
    start(&mut scene, &bead, "work");
    let run = scene.at(&bead).phase.lease().unwrap().run.clone();
    assert_eq!(scene.at(&bead).asked.as_ref().unwrap().run, run);
    assert!(scene.at(&bead).question().is_some());
}

#[test]
fn without_an_answer_in_time_it_is_parked_and_its_session_is_kept() {
    let (mut scene, bead) = with(OnQuestion::Ask);
    ask(&mut scene, &bead, "which?");
    let until = scene.at(&bead).asked.as_ref().unwrap().until;
    assert_eq!(until, scene.now.plus(Duration::from_mins(30)));
    scene.give_back(&bead, FaultClass::Question);
    assert_eq!(scene.state(&bead), BeadState::Parked);
    assert_eq!(scene.at(&bead).spent, 0, "a question is no failure");
    let kept = scene.at(&bead).kept_session().unwrap();
    assert_eq!(kept.seat.as_str(), format!("seat-{bead}"));
    answer(&mut scene, &bead, "this one");
    assert_eq!(scene.state(&bead), BeadState::Ready);
    let kept = scene.at(&bead).kept_session().unwrap();
    assert_eq!(kept.answer.as_deref(), Some("this one"));
    let seat = kept.seat.clone();
    scene.grant_to(&bead, &seat);
    start(&mut scene, &bead, "work");
    assert_eq!(scene.at(&bead).asked, None);
    let at = epoch(&scene, &bead);
    assert_eq!(scene.at(&bead).answered_in(at), 1);
}

#[test]
fn where_the_policy_parks_nothing_waits_in_a_seat() {
    let (mut scene, bead) = with(OnQuestion::Park);
    ask(&mut scene, &bead, "which?");
    let asked = scene.at(&bead).asked.clone().unwrap();
    assert_eq!(
        asked.until, scene.now,
        "it is parked when its turn has ended"
    );
    assert!(scene.at(&bead).question().is_some());
}

#[test]
fn where_the_policy_assumes_the_agent_goes_on_and_the_question_is_noted() {
    let (mut scene, bead) = with(OnQuestion::Assume);
    ask(&mut scene, &bead, "which?");
    assert_eq!(scene.at(&bead).asked, None);
    assert_eq!(scene.reason(&bead), Some(WaitReason::Working));
    let said = &scene.at(&bead).notes[0].text;
    assert_eq!(said, "asks, and goes on with its best assumption: which?");
}

#[test]
fn whoever_has_no_session_gives_the_bead_back_with_the_question() {
    let mut scene = Scene::new();
    let bead = scene.bead("a script");
    scene.grant(&bead);
    ask(&mut scene, &bead, "which?");
    assert_eq!(scene.state(&bead), BeadState::Parked);
    assert_eq!(scene.at(&bead).asked, None);
    assert_eq!(scene.reason(&bead), Some(WaitReason::Question));
    answer(&mut scene, &bead, "this one");
    assert_eq!(scene.state(&bead), BeadState::Ready);
}

#[test]
fn a_question_outlives_the_attempt_that_asked_it_however_that_ends() {
    for class in [FaultClass::Silent, FaultClass::Lost, FaultClass::TimedOut] {
        let (mut scene, bead) = with(OnQuestion::Ask);
        ask(&mut scene, &bead, "which?");
        let at = epoch(&scene, &bead);
        scene.tell(Command::Expire {
            bead: bead.clone(),
            epoch: at,
            why: fault(class.clone()),
        });
        let Phase::Parked { why } = &scene.at(&bead).phase else {
            panic!("{class:?}: {:?}", scene.at(&bead).phase)
        };
        assert_eq!(
            (&why.class, why.text.as_str()),
            (&FaultClass::Question, "which?")
        );
        // With an answer it goes on by itself.
        let (mut scene, bead) = with(OnQuestion::Ask);
        ask(&mut scene, &bead, "which?");
        answer(&mut scene, &bead, "this one");
        scene.fail(&bead, class);
        assert_eq!(scene.state(&bead), BeadState::Ready);
        assert!(scene.at(&bead).kept_session().is_some());
    }
}

#[test]
fn an_answer_can_be_taken_back_until_somebody_has_it() {
    let (mut scene, bead) = with(OnQuestion::Ask);
    scene.name_asks();
    ask(&mut scene, &bead, "which?");
    answer(&mut scene, &bead, "that one");
    scene.undo_last().unwrap();
    assert!(scene.at(&bead).question().is_some());
    answer(&mut scene, &bead, "this one");
    start(&mut scene, &bead, "work.t1");
    assert_eq!(scene.undo_last().unwrap_err().code(), "E0219");
}

#[test]
fn who_does_not_ask_is_not_answered() {
    let mut scene = Scene::new();
    let bead = scene.bead("one");
    scene.grant(&bead);
    let say = |text: &str| Command::Answer {
        bead: bead.clone(),
        text: text.to_owned(),
    };
    assert_eq!(scene.refused(say("left")).code(), "E0201");
    assert_eq!(scene.refused(say("  ")).code(), "E0103");
}

fn tell(scene: &mut Scene, bead: &BeadId, text: &str) -> Vec<Event> {
    scene.tell(Command::Tell {
        bead: bead.clone(),
        text: text.to_owned(),
    })
}

#[test]
fn what_is_told_waits_for_a_turn_that_has_it_and_no_turn_is_taken_for_one_that_has() {
    let mut scene = Scene::new();
    let bead = agent_bead(&mut scene, "told");
    start(&mut scene, &bead, "work");
    tell(&mut scene, &bead, "one");
    tell(&mut scene, &bead, "two");
    let unheard = |scene: &Scene| scene.at(&bead).unheard.len();
    assert_eq!(unheard(&scene), 2);
    let begin = |run: &str, told: u32| Command::Started {
        bead: bead.clone(),
        epoch: Epoch(1),
        run: run_id(run),
        told,
    };
    // A turn that was ordered before somebody said the second thing.
    scene.tell(begin("work.t1", 1));
    assert_eq!(unheard(&scene), 1);
    assert_eq!(scene.at(&bead).unheard[0].text, "two");
    scene.tell(begin("work.t2", 0));
    assert_eq!(unheard(&scene), 1, "nobody knows what it was told");
    scene.tell(begin("work.t3", 5));
    assert_eq!(unheard(&scene), 0);
    assert_eq!(scene.at(&bead).answered_in(Epoch(1)), 2, "turns more");
    tell(&mut scene, &bead, "three");
    scene.give_back(&bead, FaultClass::Exit { code: 1 });
    assert_eq!(unheard(&scene), 0, "the brief of the next attempt has it");
    assert_eq!(scene.at(&bead).notes.len(), 3);
}
