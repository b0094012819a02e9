//! What a person tells without being asked: an agent at work begins its next turn with it, and
//! the brief of whoever comes next has it.
//!
//! The program is a script that speaks as the real claude does.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::fs;

use gtd_testkit::town::{Town, claude_says, until};
use serde_json::json;

const SESSION: &str = "00000000-0000-4000-8000-00000000000c";

/// A town whose claude writes a line in each turn, and goes on for as long as the file `wait` is
/// there.
fn town() -> Town {
    let town = Town::new();
    fs::write(town.path("done"), claude_says(SESSION, "It is done.", 0.25)).unwrap();
    fs::write(town.path("turns"), "").unwrap();
    let text = format!(
        r#"#!/bin/sh
here={here}
n=$(($(wc -l < "$here/turns") + 1))
cat > "$here/hears-$n"
echo "$*" >> "$here/turns"
mv "$here/hears-$n" "$here/told-$n"
while [ -e "$here/wait" ]; do sleep 0.05; done
echo "$n" >> work.txt
git add -A && git commit -qm "Write it"
exec cat "$here/done"
"#,
        here = town.path("").display(),
    );
    town.be_claude(&text);
    town.init(&[("test", "true")]);
    town
}

const PLAN: &str = "title = \"Work\"\n\n[[bead]]\nid = \"a\"\ntitle = \"Work on it\"\n\
    runtime = \"claude\"\ndescription = \"Work.\"\n\
    acceptance = [{ text = \"it is there\", check = \"test -s work.txt\" }]\n";

fn bead_of(town: &Town, goal: &str) -> String {
    let shown = town.json(&["convoy", "show", goal]);
    shown["beads"][0]["id"].as_str().unwrap().to_owned()
}

fn told(town: &Town, turn: usize) -> String {
    fs::read_to_string(town.path(&format!("told-{turn}"))).unwrap()
}

/// A goal whose one bead is in its first turn.
fn at_work(town: &Town) -> (String, String) {
    town.touch("wait");
    let goal = town.goal(PLAN);
    until("its agent is at work", || {
        town.path("told-1").exists().then_some(())
    });
    let bead = bead_of(town, &goal);
    until("it is seen at work", || {
        let shown = town.json(&["why", &bead]);
        let text = shown["chain"][0]["text"].as_str().unwrap_or_default();
        text.contains("is at work").then_some(())
    });
    (goal, bead)
}

/// Lets the work go on, and asserts that it landed in two turns of one session.
fn two_turns(town: &Town, goal: &str) {
    fs::remove_file(town.path("wait")).unwrap();
    let (code, document) = town.wait(goal);
    assert_eq!(code, Some(0), "{document}");
    let turns = town.lines("turns");
    assert_eq!(turns.len(), 2, "{turns:?}");
    assert!(
        turns[1].contains(&format!("--resume {SESSION}")),
        "{turns:?}"
    );
    assert_eq!(town.count("LeaseGranted"), 1);
    assert_eq!(document["beads"][0]["attempts"], 1, "{document}");
}

#[test]
fn an_agent_at_work_hears_what_it_is_told_before_anything_is_handed_in() {
    let town = town();
    let (goal, bead) = at_work(&town);
    let said = town.gtd_ok(&["tell", &bead, "use tabs"]);
    assert!(said.contains("hears it when its turn ends"), "{said}");
    town.gtd_ok(&["tell", &bead, "and no spaces"]);
    assert_eq!(town.json(&["bead", "show", &bead])["unheard"], 2);
    two_turns(&town, &goal);
    let second = told(&town, 2);
    for part in ["You were told meanwhile", "use tabs", "and no spaces"] {
        assert!(second.contains(part), "{part}\n{second}");
    }
    let shown = town.json(&["bead", "show", &bead]);
    assert_eq!(shown["notes"][0]["text"], "use tabs", "{shown}");
    assert_eq!(shown["unheard"], 0, "{shown}");
    assert_eq!(town.count("Told"), 2);
    // What has ended hears nothing.
    let late = town.gtd(&["tell", &bead, "too late"]);
    assert_eq!(late.code, Some(7), "{late}");
}

#[test]
fn what_a_goal_or_an_agent_is_told_reaches_whoever_is_at_work() {
    let town = town();
    let (goal, bead) = at_work(&town);
    let name = town.json(&["ps"])["items"][0]["name"].clone();
    let name = name.as_str().unwrap();
    let to = town.json(&["tell", name, "to the agent"]);
    assert_eq!(to["to"], json!([{"bead": bead, "heard": "turn"}]), "{to}");
    let to = town.json(&["tell", "@workers", "to all"]);
    assert_eq!(to["to"][0]["bead"], bead.as_str(), "{to}");
    let to = town.json(&["tell", "mayor", "to the goal", "--about", &goal]);
    assert_eq!(to["to"], json!([{"bead": goal, "heard": "goal"}]), "{to}");
    two_turns(&town, &goal);
    let second = told(&town, 2);
    for part in ["to the agent", "to all", "to the goal"] {
        assert!(second.contains(part), "{part}\n{second}");
    }
}

#[test]
fn the_brief_of_the_next_attempt_has_what_was_told_before_it() {
    let town = town();
    town.gtd_ok(&["pause", "-m", "to tell it first"]);
    let goal = town.goal(PLAN);
    let bead = bead_of(&town, &goal);
    let said = town.gtd_ok(&["tell", &bead, "mind the gap"]);
    assert!(said.contains("the brief of the next attempt"), "{said}");
    town.gtd_ok(&["tell", &goal, "mind the goal"]);
    town.gtd_ok(&["resume"]);
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(0), "{document}");
    let first = told(&town, 1);
    for part in ["mind the gap", "Said about the goal since", "mind the goal"] {
        assert!(first.contains(part), "{part}\n{first}");
    }
    assert_eq!(town.lines("turns").len(), 1);
    assert_eq!(town.count("Told"), 0);
}

#[test]
fn who_is_told_something_is_known_or_refused_with_who_could_be() {
    let town = town();
    let nobody = town.gtd(&["tell", "@workers", "hello"]);
    assert_eq!(nobody.code, Some(7), "{nobody}");
    let about = town.gtd(&["tell", "mayor", "hello"]);
    assert_eq!(about.code, Some(2), "{about}");
    assert!(about.stderr.contains("--about ID"), "{about}");
    let unknown = town.gtd(&["tell", "repo-zzz9", "hello"]);
    assert_eq!(unknown.code, Some(3), "{unknown}");
}
