//! What a person asks the mayor: one read-only run, whose answer stays.
//!
//! The program is a script that speaks as the real claude does.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::fs;

use gtd_testkit::town::{Town, claude_says, is_event, until};
use serde_json::Value;

const SESSION: &str = "00000000-0000-4000-8000-0000000000a5";
const ANSWER: &str = "One bead waits for you: it asked which way to go.";

/// A town with one bead that waits for a person, and a claude that answers when there is no file
/// `wait`.
fn town() -> (Town, String) {
    let town = Town::new();
    fs::write(town.path("said"), claude_says(SESSION, ANSWER, 0.25)).unwrap();
    fs::write(town.path("turns"), "").unwrap();
    let text = format!(
        r#"#!/bin/sh
here={here}
n=$(($(wc -l < "$here/turns") + 1))
cat > "$here/told-$n"
echo "$GTD_BEAD token=$GTD_TOKEN" >> "$here/turns"
echo meddled > meddled.txt
gtd bead note "$GTD_BEAD" "I write" > "$here/wrote" 2>&1
while [ -e "$here/wait" ]; do sleep 0.05; done
exec cat "$here/said"
"#,
        here = town.path("").display(),
    );
    town.be_claude(&text);
    town.init(&[("test", "true")]);
    let goal = town.goal(
        "title = \"Which way\"\n\n[[bead]]\nid = \"a\"\ntitle = \"Go one way\"\n\
         run = \"echo 'gtd-ask: left or right?'; exit 64\"\n",
    );
    assert_eq!(town.wait(&goal).0, Some(4));
    (town, goal)
}

fn answers(town: &Town) -> Vec<Value> {
    let closed = town.log().into_iter();
    closed
        .filter(|record| is_event(record, "GoalClosed"))
        .map(|record| record["event"]["GoalClosed"].clone())
        .collect()
}

#[test]
fn the_mayor_answers_from_how_the_town_stands_and_changes_nothing() {
    let (town, goal) = town();
    let tip = town.git(&["rev-parse", "main"]);
    let answer = town.json(&["ask", "mayor", "What waits for me?"]);
    assert_eq!(answer["kind"], "Answer", "{answer}");
    assert_eq!(answer["answer"], ANSWER, "{answer}");
    assert_eq!(answer["spent_usd"], 0.25, "{answer}");
    let turns = town.lines("turns");
    let id = answer["id"].as_str().unwrap();
    assert_eq!(
        turns,
        [format!("{id} token=")],
        "it may read and writes nothing"
    );
    let brief = fs::read_to_string(town.path("told-1")).unwrap();
    assert!(brief.contains("What waits for me?"), "{brief}");
    assert!(
        brief.contains("left or right?"),
        "what is in the inbox: {brief}"
    );
    assert!(brief.contains(&goal), "which goals are open: {brief}");
    assert!(!brief.contains("```toml"), "no plan is wanted: {brief}");
    // What it wrote in its copy goes nowhere, and its notes are refused.
    assert_eq!(town.git(&["rev-parse", "main"]), tip);
    let wrote = fs::read_to_string(town.path("wrote")).unwrap();
    assert!(wrote.contains("error["), "{wrote}");
    // It stays, and its cost is the mayor's.
    let shown = town.json(&["convoy", "show", id]);
    assert_eq!(shown["conclusion"], ANSWER, "{shown}");
    assert_eq!(answers(&town).len(), 1);
    let cost = town.json(&["cost", "--by", "role"]);
    let rows = cost["groups"].as_array().unwrap();
    let mayor = rows.iter().find(|row| row["key"] == "mayor");
    assert_eq!(mayor.unwrap()["usd"], 0.25, "{cost}");
    let said = town.gtd_ok(&["ask", "mayor", "And now?"]);
    assert_eq!(said.trim(), ANSWER);
    assert_eq!(town.lines("turns").len(), 2, "nobody else was asked");
}

#[test]
fn nobody_needs_to_wait_for_an_answer_and_it_outlives_the_daemon() {
    let (town, _) = town();
    town.touch("wait");
    let asked = town.json(&["ask", "mayor", "What waits for me?", "--detach"]);
    assert_eq!(asked["answer"], Value::Null, "{asked}");
    let id = asked["id"].as_str().unwrap();
    until("it is asked", || {
        (town.lines("turns").len() == 1).then_some(())
    });
    let pid = town.daemon_pid().unwrap().to_string();
    let killed = town.program("kill").args(["-9", &pid]).status().unwrap();
    assert!(killed.success());
    fs::remove_file(town.path("wait")).unwrap();
    town.gtd_ok(&["up"]);
    assert_eq!(town.wait(id).0, Some(0));
    let shown = town.json(&["convoy", "show", id]);
    assert_eq!(shown["conclusion"], ANSWER, "{shown}");
    assert_eq!(town.lines("turns").len(), 1, "asked once");
}

#[test]
fn who_cannot_be_asked_is_said() {
    let town = Town::new();
    let refused = town.gtd(&["ask", "witness", "How are you?"]);
    assert_eq!(refused.code, Some(2));
    let said = refused.stderr;
    assert!(
        said.contains("`witness` cannot be asked: the mayor can"),
        "{said}"
    );
}
