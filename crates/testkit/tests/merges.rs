//! A person's hand on the merge queues, with real branches.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

use gtd_testkit::town::{Town, until};
use serde_json::Value;

const ONE: &str =
    "title = \"one\"\n\n[[bead]]\nid = \"a\"\ntitle = \"First\"\nrun = \"echo a > a\"\n";

fn town(gate: &str) -> Town {
    let town = Town::new();
    town.init(&[("test", gate)]);
    town
}

fn rows(town: &Town) -> Vec<Value> {
    town.json(&["merge", "list"])["items"]
        .as_array()
        .unwrap()
        .clone()
}

/// Waits until the only submission is in a state.
fn wait_for_state(town: &Town, state: &str) -> String {
    until(&format!("a submission is {state}"), || {
        let rows = rows(town);
        let row = rows.iter().find(|row| row["state"] == state)?;
        Some(row["bead"].as_str().unwrap().to_owned())
    })
}

#[test]
fn while_the_merges_are_frozen_no_branch_moves_and_what_is_proven_waits() {
    let town = town("true");
    let before = town.git(&["rev-parse", "main"]);
    town.gtd_ok(&["merge", "freeze", "-m", "the release"]);
    let goal = town.goal(ONE);
    let bead = wait_for_state(&town, "proven");
    let why = town.json(&["why", &bead]);
    assert!(why.to_string().contains("the release"), "{why}");
    assert_eq!(town.git(&["rev-parse", "main"]), before);
    assert_eq!(town.count("CandidateLanded"), 0);
    let queues = town.json(&["merge", "list"]);
    assert_eq!(queues["queues"][0]["state"], "frozen", "{queues}");
    assert_eq!(queues["queues"][0]["holds"][0]["why"], "the release");
    town.gtd_ok(&["merge", "resume"]);
    assert_eq!(town.wait(&goal).0, Some(0));
    assert_ne!(town.git(&["rev-parse", "main"]), before);
}

#[test]
fn a_freeze_ends_by_itself_at_its_time() {
    let town = town("true");
    town.gtd_ok(&["merge", "freeze", "--until", "2s", "-m", "a moment"]);
    let goal = town.goal(ONE);
    assert_eq!(town.wait(&goal).0, Some(0));
}

#[test]
fn a_freeze_without_a_reason_is_refused() {
    let town = town("true");
    let refused = town.gtd(&["merge", "freeze"]);
    assert_eq!(refused.code, Some(2), "{refused}");
    assert!(refused.stderr.contains("needs its reason"), "{refused}");
}

#[test]
fn while_the_merges_are_paused_nothing_is_formed() {
    let town = town("true");
    town.gtd_ok(&["merge", "pause", "--for", "1h"]);
    let goal = town.goal(ONE);
    let bead = wait_for_state(&town, "waiting");
    assert_eq!(town.count("CandidateFormed"), 0);
    let shown = town.gtd_ok(&["merge", "show", &bead]);
    assert!(shown.contains("paused"), "{shown}");
    town.gtd_ok(&["merge", "resume"]);
    assert_eq!(town.wait(&goal).0, Some(0));
}

#[test]
fn what_a_person_puts_first_lands_first() {
    let town = town("true");
    town.gtd_ok(&["merge", "pause"]);
    let plan = "title = \"two\"\n\n[[bead]]\nid = \"a\"\ntitle = \"First\"\nrun = \"echo a > a\"\n\n[[bead]]\nid = \"b\"\ntitle = \"Second\"\nrun = \"echo b > b\"\n";
    let goal = town.goal(plan);
    let last = until("two are handed in", || {
        let rows = rows(&town);
        Some(rows.get(1)?["bead"].as_str().unwrap().to_owned())
    });
    town.gtd_ok(&["merge", "first", &last]);
    assert_eq!(rows(&town)[0]["bead"], last.as_str());
    assert_eq!(rows(&town)[0]["position"], 1);
    town.gtd_ok(&["merge", "resume"]);
    assert_eq!(town.wait(&goal).0, Some(0));
    let formed = town.log().into_iter().find_map(|record| {
        Some(
            record
                .pointer("/event/CandidateFormed/candidate/members/0/bead")?
                .clone(),
        )
    });
    assert_eq!(formed.unwrap(), last.as_str());
}

#[test]
fn what_is_dropped_is_set_aside_and_what_is_tried_again_lands_as_it_was() {
    let town = town("true");
    town.gtd_ok(&["merge", "pause"]);
    let goal = town.goal(ONE);
    let bead = wait_for_state(&town, "waiting");
    town.gtd_ok(&["merge", "drop", &bead, "-m", "not today"]);
    assert_eq!(town.json(&["bead", "show", &bead])["state"], "parked");
    assert!(rows(&town).is_empty());
    town.gtd_ok(&["merge", "resume"]);
    town.gtd_ok(&["merge", "retry", &bead]);
    assert_eq!(town.wait(&goal).0, Some(0));
    assert_eq!(town.count("LeaseGranted"), 1, "no agent worked on it again");
}

#[test]
fn what_is_not_there_is_told() {
    let town = town("true");
    let bead = town.gtd_ok(&["bead", "create", "later", "--defer", "30d", "-q"]);
    let bead = bead.trim();
    assert_eq!(town.gtd(&["merge", "show", "mr-0000000000"]).code, Some(3));
    assert_eq!(town.gtd(&["merge", "first", bead]).code, Some(7));
    assert_eq!(town.gtd(&["merge", "retry", bead]).code, Some(7));
    let wrong = town.gtd(&["merge", "list", "--filter", "state running"]);
    assert_eq!(wrong.code, Some(2), "{wrong}");
}

#[test]
fn what_lands_is_proven_by_a_note_that_git_alone_can_tell() {
    let town = town("echo looked; test ! -e forbidden");
    let plan = "title = \"one\"\n\n[[bead]]\nid = \"a\"\ntitle = \"First\"\nrun = \"echo a > a\"\nacceptance = [{ text = \"a is there\", check = \"test -e a\" }, { text = \"a is good\" }]\n";
    let goal = town.goal(plan);
    assert_eq!(town.wait(&goal).0, Some(0));
    let bead = town.json(&["convoy", "show", &goal])["beads"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let shown = town.json(&["merge", "show", &bead]);
    let evidence = &shown["evidence"];
    let gate = &evidence["gates"][0];
    assert_eq!(gate["code"], 0, "{shown}");
    assert_eq!(gate["command"], "echo looked; test ! -e forbidden");
    // The digest is that of what the gate wrote.
    let digest = "f078e0daef434faeeb93d35ff7cf2a3a3b4d539e8cbebd4834f45f93f88f9a67";
    assert_eq!(gate["output"], digest, "{shown}");
    let acceptance = &evidence["members"][0]["acceptance"];
    assert_eq!(acceptance[0]["verdict"], "passed", "{shown}");
    assert_eq!(acceptance[1]["verdict"], "unverifiable", "{shown}");
    let tree = town.git(&["rev-parse", "main^{tree}"]);
    assert_eq!(evidence["tree"].as_str(), Some(tree.trim()));
    let verify = |range: &str| town.gtd(&["merge", "verify", range, "--json"]);
    let proven = verify("main~1..main");
    assert_eq!(proven.code, Some(0), "{proven}");
    // The first commit of the repository came from a person.
    let all = verify("main");
    assert_eq!(all.code, Some(5), "{all}");
    let document: Value = serde_json::from_str(&all.stdout).unwrap();
    assert_eq!(document["by_hand"], 1, "{all}");
    let allowed = town.gtd(&["merge", "verify", "main", "--allow-by-hand"]);
    assert_eq!(allowed.code, Some(0), "{allowed}");
    // The same tree under another commit is not what was proven, nor is a note that somebody moved.
    town.git(&["notes", "--ref=gtd", "remove", "main"]);
    let lost = verify("main~1..main");
    assert_eq!(lost.code, Some(5), "{lost}");
    assert!(lost.stdout.contains("has no note"), "{lost}");
    let nothing = town.gtd(&["merge", "verify", "no-such-branch"]);
    assert_eq!(nothing.code, Some(3), "{nothing}");
}

#[test]
fn the_commit_that_made_the_target_red_is_looked_for_and_named() {
    let town = town("test ! -e bad");
    let goal = town.goal(ONE);
    assert_eq!(town.wait(&goal).0, Some(0));
    // Somebody pushes past the queue, and only one of these is to blame.
    town.push("main", "one", "1\n");
    let bad = town.push("main", "bad", "x\n");
    let after = town.push("main", "two", "2\n");
    let goal = town.goal(&ONE.replace("echo a > a", "echo b > b"));
    let told = until("the culprit is named", || {
        let inbox = town.json(&["inbox", "--kind", "gate"]);
        let text = inbox["items"][0]["text"].as_str()?.to_owned();
        text.contains("is red since").then_some(text)
    });
    assert!(told.contains(&format!("since {}", &bad[..7])), "{told}");
    assert!(told.contains("by somebody else"), "{told}");
    assert!(!told.contains(&after[..7]), "{told}");
    // The work is not to blame, and waits for a person.
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(4), "{document}");
    assert_eq!(town.count("SubmissionReturned"), 0);
}
