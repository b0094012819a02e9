//! Questions of agents: the answer reaches the session that asked, in the worktree as it was left.
//!
//! The program is a script that speaks as the real claude does.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::fs;

use gtd_testkit::town::{Town, claude_says, is_event, until};
use serde_json::{Value, json};

const SESSION: &str = "00000000-0000-4000-8000-00000000000b";

/// What claude prints when it does not know the session that it is to go on with.
fn forgot() -> String {
    let result = json!({"type": "result", "subtype": "error_during_execution", "is_error": true,
        "session_id": SESSION, "result": "No conversation found with session ID"});
    format!("{result}\n")
}

/// A town whose claude leaves a file and asks in its first turn, and finishes when it has an
/// answer or is told to assume one. While the file `forgets` is there it knows no session.
fn town(policy: &str) -> Town {
    let town = Town::new()
        .with_env("GTD_POLICY__DEFAULT", policy)
        .with_env("GTD_ROLES__WORKER__MAX", "1");
    fs::write(
        town.path("asks"),
        claude_says(SESSION, "I have asked.", 0.25),
    )
    .unwrap();
    fs::write(town.path("done"), claude_says(SESSION, "It is done.", 0.25)).unwrap();
    fs::write(town.path("forgot"), forgot()).unwrap();
    fs::write(town.path("turns"), "").unwrap();
    let text = format!(
        r#"#!/bin/sh
here={here}
n=$(($(wc -l < "$here/turns") + 1))
cat > "$here/told-$n"
echo "$GTD_EPOCH $PWD $*" >> "$here/turns"
case " $* " in
*" --resume "*)
  if [ -e "$here/forgets" ]; then cat "$here/forgot"; exit 1; fi ;;
*)
  if ! grep -q "the left one" "$here/told-$n"; then
    echo half > half.txt
    gtd ask "left or right?" > "$here/heard" 2>&1
    while [ -e "$here/lingers" ]; do sleep 0.05; done
    if ! grep -q "best assumption" "$here/heard"; then exec cat "$here/asks"; fi
  fi ;;
esac
cp half.txt "$here/found" 2> /dev/null
echo whole > whole.txt
git add -A && git commit -qm "Write it"
exec cat "$here/done"
"#,
        here = town.path("").display(),
    );
    town.be_claude(&text);
    town.init(&[("test", "true")]);
    town
}

const PLAN: &str = "title = \"Ask\"\n\n[[bead]]\nid = \"a\"\ntitle = \"Ask first\"\n\
    runtime = \"claude\"\ndescription = \"Which one?\"\n\
    acceptance = [{ text = \"it is whole\", check = \"test -s whole.txt\" }]\n";

fn bead_of(town: &Town, goal: &str) -> String {
    let shown = town.json(&["convoy", "show", goal]);
    shown["beads"][0]["id"].as_str().unwrap().to_owned()
}

fn told(town: &Town, turn: usize) -> String {
    fs::read_to_string(town.path(&format!("told-{turn}"))).unwrap()
}

/// The turns as they were started: epoch, folder, arguments.
fn turns(town: &Town) -> Vec<(String, String, String)> {
    let text = fs::read_to_string(town.path("turns")).unwrap();
    let rows = text.lines().map(|line| {
        let mut words = line.splitn(3, ' ').map(str::to_owned);
        let mut next = || words.next().unwrap();
        (next(), next(), next())
    });
    rows.collect()
}

fn events_of(town: &Town, event: &str, bead: &str) -> usize {
    let of_it =
        |record: &&Value| is_event(record, event) && record["event"][event]["bead"] == *bead;
    town.log().iter().filter(of_it).count()
}

fn until_it_is(town: &Town, bead: &str, state: &str) -> Value {
    until(&format!("{bead} is {state}"), || {
        let shown = town.json(&["bead", "show", bead]);
        (shown["state"] == state).then_some(shown)
    })
}

/// Asserts that the last turn went on in the session, with the answer, where the first had been.
fn went_on(town: &Town) {
    let all = turns(town);
    let (first, last) = (&all[0], &all[all.len() - 1]);
    assert_eq!(first.1, last.1, "the same worktree");
    assert!(last.2.contains(&format!("--resume {SESSION}")), "{all:?}");
    let said = told(town, all.len());
    assert!(said.contains("left or right?"), "{said}");
    assert!(said.contains("the left one"), "{said}");
    assert!(
        !said.contains("You own one bead"),
        "it is told no more than that: {said}"
    );
    assert_eq!(
        town.lines("found"),
        ["half"],
        "what was uncommitted is there"
    );
}

#[test]
fn an_answer_is_the_next_turn_of_the_session_that_asked_after_a_kill_too() {
    let town = town("attended");
    let goal = town.goal(PLAN);
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(4), "{document}");
    let bead = bead_of(&town, &goal);
    let inbox = town.json(&["inbox", "--kind", "question"]);
    assert_eq!(inbox["items"][0]["subject"], bead.as_str(), "{inbox}");
    assert_eq!(inbox["items"][0]["text"], "left or right?", "{inbox}");
    let heard = fs::read_to_string(town.path("heard")).unwrap();
    assert!(heard.contains("end your turn now"), "{heard}");
    until("its turn has ended", || {
        let listed = town.json(&["agent", "list"]);
        listed["items"][0]["pid"].is_null().then_some(())
    });
    // It costs nothing while it waits: no process, and no turn was begun.
    assert_eq!(turns(&town).len(), 1);
    let shown = town.json(&["bead", "show", &bead]);
    assert_eq!(shown["question"]["text"], "left or right?", "{shown}");
    let pid = town.daemon_pid().unwrap().to_string();
    assert!(
        town.program("kill")
            .args(["-9", &pid])
            .status()
            .unwrap()
            .success()
    );
    town.gtd_ok(&["up"]);
    assert_eq!(town.json(&["why", &bead])["chain"][0]["code"], "question");
    town.gtd_ok(&["answer", &bead, "the left one"]);
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(0), "{document}");
    went_on(&town);
    assert_eq!(turns(&town).len(), 2);
    assert_eq!(events_of(&town, "LeaseGranted", &bead), 1, "one attempt");
    assert_eq!(
        events_of(&town, "UsageRecorded", &bead),
        2,
        "each turn once"
    );
}

#[test]
fn a_parked_question_frees_its_seat_and_goes_on_in_its_own_worktree() {
    let town = town("overnight");
    let goal = town.goal(PLAN);
    let bead = bead_of(&town, &goal);
    until_it_is(&town, &bead, "parked");
    // The only place is free: somebody else works meanwhile, elsewhere.
    let other = town
        .goal("title = \"Other\"\n\n[[bead]]\nid = \"b\"\ntitle = \"B\"\nrun = \"pwd > where\"\n");
    assert_eq!(town.wait(&other).0, Some(0));
    town.gtd_ok(&["answer", &bead, "the left one"]);
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(0), "{document}");
    went_on(&town);
    let epochs: Vec<String> = turns(&town).into_iter().map(|turn| turn.0).collect();
    assert_eq!(epochs, ["1", "2"]);
    let shown = town.json(&["bead", "show", &bead]);
    assert_eq!(shown["spent"].as_u64().unwrap_or(0), 0, "{shown}");
}

#[test]
fn an_answer_that_comes_before_its_turn_has_ended_waits_for_that() {
    let town = town("attended");
    town.touch("lingers");
    let goal = town.goal(PLAN);
    let bead = bead_of(&town, &goal);
    until("it has asked", || {
        let why = town.json(&["why", &bead]);
        (why["chain"][0]["code"] == "question").then_some(())
    });
    town.gtd_ok(&["answer", &bead, "the left one"]);
    assert_eq!(turns(&town).len(), 1);
    fs::remove_file(town.path("lingers")).unwrap();
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(0), "{document}");
    went_on(&town);
}

#[test]
fn where_nobody_answers_questions_the_agent_is_told_to_assume_and_goes_on() {
    let town = town("yolo");
    let goal = town.goal(PLAN);
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(0), "{document}");
    let heard = fs::read_to_string(town.path("heard")).unwrap();
    assert!(heard.contains("go on with your best assumption"), "{heard}");
    let shown = town.json(&["bead", "show", &bead_of(&town, &goal)]);
    let said = shown["notes"][0]["text"].as_str().unwrap();
    assert!(said.contains("left or right?"), "{said}");
    assert_eq!(turns(&town).len(), 1);
}

#[test]
fn where_the_session_is_gone_the_next_attempt_has_question_and_answer_in_its_brief() {
    let town = town("attended");
    town.touch("forgets");
    let goal = town.goal(PLAN);
    assert_eq!(town.wait(&goal).0, Some(4));
    let bead = bead_of(&town, &goal);
    town.gtd_ok(&["answer", &bead, "the left one"]);
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(0), "{document}");
    let all = turns(&town);
    assert_eq!(all.len(), 3, "{all:?}");
    assert!(!all[2].2.contains("--resume"), "{all:?}");
    let brief = told(&town, 3);
    assert!(brief.contains("You own one bead"), "{brief}");
    assert!(brief.contains("asks: left or right?"), "{brief}");
    assert!(brief.contains("the left one"), "{brief}");
    assert_eq!(events_of(&town, "LeaseGranted", &bead), 2);
}
