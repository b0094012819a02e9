//! Beads that people made by hand are put together, taken apart, and let begin anew.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

use gtd_testkit::town::{Output, Town, binary};
use serde_json::Value;

fn town() -> Town {
    let town = Town::new();
    town.init(&[("test", "true")]);
    // What is made by hand begins only when the test says so.
    town.gtd_ok(&["pause", "-m", "the test"]);
    town
}

fn bead(town: &Town, title: &str, more: &[&str]) -> String {
    let words = [&["bead", "create", title, "-q"], more].concat();
    town.gtd_ok(&words).trim().to_owned()
}

fn ids(convoy: &Value) -> Vec<&str> {
    let beads = convoy["beads"].as_array().unwrap();
    beads
        .iter()
        .filter_map(|bead| bead["id"].as_str())
        .collect()
}

#[test]
fn beads_made_by_hand_become_a_convoy_and_land_as_one() {
    let town = town();
    let one = bead(&town, "One", &["--run", "echo 1 > one.txt"]);
    let two = bead(&town, "Two", &["--run", "echo 2 > two.txt"]);
    let late = bead(&town, "Late", &["--run", "echo 3 > late.txt"]);
    let words = ["convoy", "create", "All by hand", &one, &two];
    let rehearsed = town.gtd_ok(&[&words[..], &["-n"]].concat());
    assert!(
        rehearsed.contains("would set the goal `All by hand`"),
        "{rehearsed}"
    );
    assert_eq!(town.gtd_ok(&["convoy", "list", "-q"]), "");
    let convoy = town.json(&words);
    assert_eq!(ids(&convoy), [&one, &two], "{convoy:#}");
    let goal = convoy["id"].as_str().unwrap().to_owned();
    // Made again it is the one that is there.
    assert_eq!(town.json(&words)["id"], goal.as_str());
    let refused = town.gtd(&["convoy", "create", "Another", &one]);
    assert_eq!(refused.code, Some(7), "{refused}");
    assert!(
        refused.stderr.contains(&format!("gtd convoy show {goal}")),
        "{refused}"
    );
    town.gtd_ok(&["convoy", "add", &goal, &late]);
    let edited = town.json(&[
        "convoy",
        "edit",
        &goal,
        "--title",
        "All of it",
        "--until",
        "8h",
    ]);
    assert_eq!(edited["title"], "All of it", "{edited:#}");
    assert!(edited["until"].is_string(), "{edited:#}");
    let edited = town.json(&["convoy", "edit", &goal, "--until", "none"]);
    assert!(edited["until"].is_null(), "{edited:#}");
    town.gtd_ok(&["resume"]);
    let (code, ended) = town.wait(&goal);
    assert_eq!(code, Some(0), "{ended:#}");
    assert_eq!(ids(&ended).len(), 3);
    for name in ["one.txt", "two.txt", "late.txt"] {
        assert!(town.file_on("main", name).is_some(), "{name} is on main");
    }
}

#[test]
fn a_convoy_is_of_the_rig_of_its_beads_wherever_one_stands() {
    let town = town();
    let one = bead(&town, "One", &["--run", "echo 1 > one.txt"]);
    let other = town.path("other");
    std::fs::create_dir(&other).unwrap();
    let stands_there = |program: std::path::PathBuf, words: &[&str]| {
        let output = Output::of(town.program(program).args(words).current_dir(&other));
        assert_eq!(output.code, Some(0), "{words:?}: {output}");
        output.stdout
    };
    let git = |words: &[&str]| stands_there("git".into(), words);
    git(&["init", "--quiet", "--initial-branch=main"]);
    git(&["commit", "--quiet", "--allow-empty", "-m", "begin"]);
    stands_there(binary("gtd"), &["init", "--no-detect"]);
    let words = ["convoy", "create", "From afar", &one, "--json"];
    let made = stands_there(binary("gtd"), &words);
    let made: Value = serde_json::from_str(&made).unwrap();
    assert_eq!(made["target"]["rig"], "repo", "{made:#}");
}

#[test]
fn a_bead_is_done_in_parts_and_its_checks_prove_the_whole() {
    let town = town();
    let check = "both are there=test -s a.txt && test -s b.txt";
    let whole = bead(&town, "Too large", &["--run", "false", "--accept", check]);
    let refused = town.gtd(&["bead", "split", &whole, "no script"]);
    assert_eq!(refused.code, Some(2), "{refused}");
    assert!(refused.stderr.contains("TITLE=SCRIPT"), "{refused}");
    let split = town.gtd_ok(&[
        "bead",
        "split",
        &whole,
        "A=echo a > a.txt",
        "B=cp a.txt b.txt",
        "--in-order",
        "-q",
    ]);
    let parts: Vec<&str> = split.lines().collect();
    assert_eq!(parts.len(), 2, "{split}");
    assert_eq!(town.gtd_ok(&["undo", "-n"]), {
        format!("would undo split {whole} into {} {}\n", parts[0], parts[1])
    });
    town.gtd_ok(&["resume"]);
    let ended = town.gtd(&["wait", &whole, "--timeout", "90s"]);
    assert_eq!(ended.code, Some(0), "{ended}");
    let shown = town.json(&["bead", "show", &whole]);
    assert_eq!(
        shown["state"], "closed",
        "nothing was left but to check: {shown:#}"
    );
    for part in parts {
        assert_eq!(town.json(&["bead", "show", part])["state"], "landed");
    }
}

#[test]
fn what_was_closed_too_early_is_open_again_with_the_reason() {
    let town = town();
    let one = bead(&town, "One", &["--run", "true"]);
    let after = bead(&town, "After", &["--run", "true", "--needs", &one]);
    town.gtd_ok(&["bead", "close", &one]);
    let refused = town.gtd(&["bead", "edit", &one, "-p", "0"]);
    assert!(
        refused.stderr.contains(&format!("gtd bead reopen {one}")),
        "{refused}"
    );
    town.gtd_ok(&["bead", "reopen", &one, "-m", "half of it is missing"]);
    let shown = town.json(&["bead", "show", &one]);
    assert_eq!(
        shown["notes"][0]["text"], "half of it is missing",
        "{shown:#}"
    );
    let waits = town.json(&["bead", "show", &after]);
    assert_eq!(waits["needs"][0]["state"], "waiting", "{waits:#}");
    let gone = town.gtd(&["bead", "reopen", "repo-zzz9"]);
    assert_eq!(gone.code, Some(3), "{gone}");
}
