//! Work that an agent finds on the way: filed with its own `gtd`, bounded, and a person's to begin.
//!
//! The program is a script that speaks as the real claude does.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::{fs, path::Path};

use gtd_testkit::town::{Town, until};

/// A town whose claude says a word, files two beads, and does its own.
fn town(policy: &str) -> Town {
    let town = Town::new()
        .with_env("GTD_POLICY__DEFAULT", policy)
        .with_env("GTD_DISCOVERED__PER_BEAD", "1");
    let streams = Path::new(env!("CARGO_MANIFEST_DIR")).join("../agent/tests/streams/claude");
    let text = format!(
        r#"#!/bin/sh
cat > /dev/null
here={here}
if [ ! -e "$here/began" ]; then
  : > "$here/began"
  gtd bead note "$GTD_BEAD" "the fixture is slow" > "$here/noted" 2>&1
  gtd bead create --discovered-from "$GTD_BEAD" "Make the fixture fast" > "$here/first" 2>&1
  gtd bead create --discovered-from "$GTD_BEAD" "Another" > "$here/second" 2>&1
  echo $? >> "$here/second"
  gtd bead create "On my own" > "$here/third" 2>&1
fi
echo done > "$GTD_BEAD.txt"
exec cat {streams}/write.jsonl
"#,
        here = town.path("").display(),
        streams = streams.display(),
    );
    town.be_claude(&text);
    town.init(&[("test", "true")]);
    town
}

const PLAN: &str = "title = \"Find\"\n\n[[bead]]\nid = \"a\"\ntitle = \"Work\"\n\
    runtime = \"claude\"\ndescription = \"Work.\"\n";

fn heard(town: &Town, name: &str) -> String {
    fs::read_to_string(town.path(name)).unwrap()
}

#[test]
fn what_an_agent_finds_waits_for_a_yes_and_what_is_too_much_is_refused_with_what_to_do() {
    let town = town("attended");
    let goal = town.goal(PLAN);
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(0), "{document}");
    let bead = document["beads"][0]["id"].as_str().unwrap().to_owned();
    let shown = town.json(&["bead", "show", &bead]);
    assert_eq!(shown["notes"][0]["text"], "the fixture is slow", "{shown}");
    let first = heard(&town, "first");
    assert!(first.contains("waits for a person's yes"), "{first}");
    let second = heard(&town, "second");
    assert!(second.contains("E0403"), "{second}");
    assert!(second.contains("discovered.per_bead = 1"), "{second}");
    assert!(
        second.contains(&format!("gtd bead note {bead}")),
        "{second}"
    );
    assert!(second.trim_end().ends_with("77"), "{second}");
    let third = heard(&town, "third");
    assert!(
        third.contains(&format!("--discovered-from {bead}")),
        "{third}"
    );
    let inbox = town.json(&["inbox", "--kind", "found"]);
    let found = inbox["items"][0]["subject"].as_str().unwrap().to_owned();
    assert_eq!(
        inbox["items"][0]["title"], "Make the fixture fast",
        "{inbox}"
    );
    let shown = town.json(&["bead", "show", &found]);
    assert_eq!(shown["state"], "draft", "{shown}");
    assert_eq!(shown["links"][0]["id"], bead.as_str(), "{shown}");
    // Its goal is over: with a yes it begins by itself, with the program that found it.
    town.gtd_ok(&["approve", &found]);
    until("it has landed", || {
        let shown = town.json(&["bead", "show", &found]);
        (shown["state"] == "landed").then_some(())
    });
    assert_eq!(town.json(&["inbox"])["items"], serde_json::json!([]));
}

#[test]
fn where_the_policy_lets_it_join_the_goal_waits_for_what_was_found() {
    let town = town("yolo");
    let goal = town.goal(PLAN);
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(0), "{document}");
    let beads = document["beads"].as_array().unwrap();
    let titles: Vec<&str> = beads
        .iter()
        .map(|bead| bead["title"].as_str().unwrap())
        .collect();
    assert_eq!(titles, ["Work", "Make the fixture fast"]);
    assert!(
        beads.iter().all(|bead| bead["state"] == "landed"),
        "{document}"
    );
}
