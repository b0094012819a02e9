//! A session whose context is full hands over, and a fresh one goes on in its worktree.
//!
//! The program is a script that speaks as the real claude does, and says how full it is.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::fs;

use gtd_testkit::town::{Town, claude_begins, claude_says, is_event, until};
use serde_json::{Value, json};

const SESSION: &str = "00000000-0000-4000-8000-0000000000f1";
const FRESH: &str = "00000000-0000-4000-8000-0000000000f2";
const WINDOW: u64 = 200_000;

/// What claude prints when it uses a tool with so many tokens before it.
fn works(session: &str, context: u64) -> String {
    let says = json!({"type": "assistant", "session_id": session, "message": {
        "id": format!("msg-{context}"), "model": "m",
        "content": [{"type": "tool_use", "name": "Bash", "input": {"command": "make half"}}],
        "usage": {"input_tokens": 10, "cache_read_input_tokens": context - 10, "output_tokens": 7},
    }});
    format!("{}{says}\n", claude_begins(session))
}

/// What claude prints when its context overflows.
fn overflows(session: &str) -> String {
    let result = json!({"type": "result", "subtype": "success", "is_error": true,
        "terminal_reason": "prompt_too_long", "session_id": session,
        "result": "Prompt is too long", "usage": {"input_tokens": 900, "output_tokens": 80}});
    format!("{}{result}\n", works(session, 190_000))
}

fn handover() -> String {
    let handover = json!({"done": ["the first half, in half.txt"], "left": ["the whole"],
        "pitfalls": ["do not paint it blue"], "files": ["half.txt"]});
    let answer = format!("I stop here.\n\n```json\n{handover}\n```\n");
    claude_says(SESSION, &answer, 0.2)
}

/// One turn of the claude of a town: what it does, what it prints, and whether it then hangs.
struct Turn<'a>(&'a str, String, bool);

/// A town whose claude has these turns, one after the other, and the last for ever.
fn town(window: Option<u64>, turns: &[Turn<'_>]) -> Town {
    let town = Town::new().with_env("GTD_ROLES__WORKER__ATTEMPTS", "1");
    fs::write(town.path("turns"), "").unwrap();
    for (n, Turn(does, prints, hangs)) in turns.iter().enumerate() {
        let n = n + 1;
        fs::write(town.path(&format!("do-{n}")), does).unwrap();
        fs::write(town.path(&format!("say-{n}")), prints).unwrap();
        if *hangs {
            town.touch(&format!("hang-{n}"));
        }
    }
    let text = format!(
        r#"#!/bin/sh
here={here}
n=$(($(wc -l < "$here/turns") + 1))
cat > "$here/told-$n"
echo "$GTD_EPOCH $PWD $*" >> "$here/turns"
[ -e "$here/do-$n" ] || n={last}
. "$here/do-$n"
cat "$here/say-$n"
while [ -e "$here/hang-$n" ]; do sleep 0.05; done
"#,
        here = town.path("").display(),
        last = turns.len(),
    );
    town.be_claude(&text);
    if let Some(window) = window {
        let config = town.path("home/config/config.toml");
        let text = fs::read_to_string(&config).unwrap();
        fs::write(&config, format!("{text}context = {window}\n")).unwrap();
    }
    town.init(&[("test", "true")]);
    town
}

const HALF: &str = "echo half > half.txt\n";
const WHOLE: &str =
    "cp half.txt \"$here/found\"; echo whole > whole.txt; git add -A; git commit -qm Whole\n";

const PLAN: &str = "title = \"Both halves\"\n\n[[bead]]\nid = \"a\"\ntitle = \"Write it\"\n\
    runtime = \"claude\"\ndescription = \"Write both halves.\"\n\
    acceptance = [{ text = \"it is whole\", check = \"test -s whole.txt\" }]\n";

fn bead_of(town: &Town, goal: &str) -> String {
    let shown = town.json(&["convoy", "show", goal]);
    shown["beads"][0]["id"].as_str().unwrap().to_owned()
}

/// The turns in the order in which they began.
fn turns(town: &Town) -> Vec<String> {
    let text = fs::read_to_string(town.path("turns")).unwrap();
    text.lines().map(str::to_owned).collect()
}

fn told(town: &Town, turn: usize) -> String {
    fs::read_to_string(town.path(&format!("told-{turn}"))).unwrap()
}

/// Asserts that the last turn was a fresh session in the worktree of the first, under its lease.
fn has_succeeded(town: &Town, n_turns: usize) -> String {
    let turns = turns(town);
    assert_eq!(turns.len(), n_turns, "{turns:#?}");
    let (first, last) = (&turns[0], &turns[n_turns - 1]);
    let place = |turn: &str| turn.split(' ').take(2).collect::<Vec<_>>().join(" ");
    assert_eq!(place(first), place(last), "the same lease and worktree");
    assert!(!last.contains("--resume"), "{turns:#?}");
    assert_eq!(
        town.lines("found"),
        ["half"],
        "what was uncommitted is there"
    );
    assert_eq!(town.count("LeaseGranted"), 1, "one attempt");
    let brief = told(town, n_turns);
    assert!(brief.contains("You own one bead"), "{brief}");
    assert!(
        brief.contains("You go on where another session stopped"),
        "{brief}"
    );
    brief
}

fn last_refresh(town: &Town, goal: &str) -> Value {
    let shown = town.json(&["bead", "show", &bead_of(town, goal)]);
    assert_eq!(shown["spent"].as_u64().unwrap_or(0), 0, "{shown}");
    let refreshes = shown["attempts"][0]["refreshes"].as_array().unwrap();
    refreshes[refreshes.len() - 1].clone()
}

#[test]
fn a_full_session_is_stopped_and_hands_over_once_though_the_daemon_is_killed_meanwhile() {
    let done = claude_says(FRESH, "It is whole.", 0.25);
    let town = town(
        Some(WINDOW),
        &[
            Turn(HALF, works(SESSION, 150_000), true),
            Turn("", handover(), true),
            Turn(WHOLE, done, false),
        ],
    );
    let goal = town.goal(PLAN);
    until("it is asked for its handover", || {
        (turns(&town).len() == 2).then_some(())
    });
    let agents = town.json(&["agent", "list"]);
    assert_eq!(agents["items"].as_array().unwrap().len(), 1, "{agents}");
    let pid = town.daemon_pid().unwrap().to_string();
    let killed = town.program("kill").args(["-9", &pid]).status().unwrap();
    assert!(killed.success());
    fs::remove_file(town.path("hang-2")).unwrap();
    town.gtd_ok(&["up"]);
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(0), "{document}");
    let brief = has_succeeded(&town, 3);
    assert!(brief.contains("do not paint it blue"), "{brief}");
    assert!(turns(&town)[1].contains(&format!("--resume {SESSION}")));
    let parting = told(&town, 2);
    assert!(parting.contains("75 % of 200k tokens"), "{parting}");
    assert!(!parting.contains("You own one bead"), "{parting}");
    assert_eq!(town.count("HandoverAsked"), 1);
    assert_eq!(town.count("HandoverGiven"), 1);
    let refresh = last_refresh(&town, &goal);
    assert_eq!(
        refresh["context"],
        json!({"used": 150_000, "window": WINDOW})
    );
    assert_eq!(refresh["handover"]["left"], json!(["the whole"]));
    let shown = town.gtd_ok(&["bead", "show", &bead_of(&town, &goal)]);
    assert!(shown.contains("75 % of 200k tokens"), "{shown}");
}

#[test]
fn what_cannot_be_read_is_asked_for_once_more_and_then_the_end_of_what_was_said_is_left() {
    let full = |text: &str| {
        let works = works(SESSION, 180_000);
        let says = claude_says(SESSION, text, 0.1);
        let result = says.lines().last().unwrap();
        format!("{works}{result}\n")
    };
    let town = town(
        Some(WINDOW),
        &[
            // It is at an end by itself: what is missing would be its next turn.
            Turn(HALF, full("It is done."), false),
            Turn("", full("I would rather not."), false),
            Turn("", full("Still not."), false),
            Turn(WHOLE, claude_says(FRESH, "It is whole.", 0.25), false),
        ],
    );
    let goal = town.goal(PLAN);
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(0), "{document}");
    let brief = has_succeeded(&town, 4);
    assert!(brief.contains("Still not."), "{brief}");
    let parting = told(&town, 2);
    assert!(parting.contains("not met: it is whole"), "{parting}");
    assert!(
        parting.contains("do not go on with it yourself"),
        "{parting}"
    );
    let again = told(&town, 3);
    assert!(again.contains("holds no handover"), "{again}");
    let refresh = last_refresh(&town, &goal);
    let missing = refresh["handover"]["missing"].as_str().unwrap();
    assert!(missing.contains("cannot be read"), "{missing}");
}

#[test]
fn a_session_that_overflows_is_followed_by_a_fresh_one_and_is_no_failed_attempt() {
    let town = town(
        None,
        &[
            Turn(HALF, overflows(SESSION), false),
            Turn(WHOLE, claude_says(FRESH, "It is whole.", 0.25), false),
        ],
    );
    let goal = town.goal(PLAN);
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(0), "{document}");
    let brief = has_succeeded(&town, 2);
    assert!(brief.contains("Bash: make half"), "{brief}");
    assert_eq!(town.count("HandoverAsked"), 0);
    assert_eq!(last_refresh(&town, &goal).get("context"), None);
}

#[test]
fn one_attempt_has_so_many_fresh_sessions_and_no_more() {
    let town = town(None, &[Turn(HALF, overflows(SESSION), false)]);
    let goal = town.goal(PLAN);
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(4), "{document}");
    assert_eq!(turns(&town).len(), 4);
    let returned = town.log();
    let mut returned = returned
        .iter()
        .filter(|record| is_event(record, "WorkReturned"));
    let why = &returned.next().unwrap()["event"]["WorkReturned"]["why"];
    assert_eq!(why["class"]["runtime"]["fault"], "context_full", "{why}");
    assert_eq!(town.count("LeaseGranted"), 1);
}

#[test]
fn where_nobody_knows_how_much_fits_nothing_is_metered() {
    let says = claude_says(SESSION, "It is whole.", 0.25);
    let town = town(
        None,
        &[Turn(
            &format!("{HALF}{WHOLE}"),
            format!("{}{says}", works(SESSION, 900_000)),
            false,
        )],
    );
    let goal = town.goal(PLAN);
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(0), "{document}");
    assert_eq!(turns(&town).len(), 1);
    assert_eq!(town.count("HandoverAsked"), 0);
}
