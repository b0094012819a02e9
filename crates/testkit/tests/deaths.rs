//! The daemon dies, at every place of the way of a goal, and nothing is lost.
//!
//! Each test kills a real daemon at one place, starts it again, and then looks
//! at what must hold after any death: each bead landed exactly once, no run
//! was begun twice, and the person's checkout is as it was.

use std::{collections::BTreeSet, fs};

use gtd_testkit::town::{Daemon, Town, is_event, until};
use serde_json::Value;

/// A town whose rig has one gate, with no daemon at work.
fn town(gate: &str) -> Town {
    let town = Town::new();
    town.init(&[("test", gate)]);
    town.down();
    town
}

/// A plan of two beads, the second after the first; each notes that it was run.
fn two_beads(town: &Town) -> String {
    let runs = town.path("runs.txt");
    format!(
        r#"
schema = 1
title = "Two files"
[[bead]]
id = "one"
title = "Write one"
run = "echo $GTD_BEAD.$GTD_EPOCH >> {runs}; echo one > one.txt"
[[bead]]
id = "two"
title = "Write two"
needs = ["one"]
run = "echo $GTD_BEAD.$GTD_EPOCH >> {runs}; cat one.txt > two.txt; echo two >> two.txt"
"#,
        runs = runs.display()
    )
}

/// Lands the goal with the daemon that is at work, and looks at what must hold after any death.
fn everything_lands_once(town: &Town, goal: &str, picture: &[(String, Vec<u8>)]) -> Value {
    let (code, document) = town.wait(goal);
    assert_eq!(code, Some(0), "{document:#}");
    for bead in document["beads"].as_array().expect("beads") {
        assert_eq!(bead["state"], "landed", "{document:#}");
        assert_eq!(bead["attempts"], 1, "one attempt each: {document:#}");
    }
    assert_eq!(
        town.file_on("main", "two.txt").as_deref(),
        Some("one\ntwo\n"),
        "both landed on main"
    );
    let begun = town.lines("runs.txt");
    let distinct: BTreeSet<&String> = begun.iter().collect();
    assert_eq!(
        begun.len(),
        distinct.len(),
        "no run was begun twice: {begun:?}"
    );
    let landings = town.count("CandidateLanded");
    // The repository began with one commit; each landing adds one first parent.
    assert_eq!(town.first_parents("main").len(), 1 + landings);
    assert_eq!(
        town.picture(),
        picture,
        "the person's checkout is as it was"
    );
    document
}

/// Sets the goal, lets the daemon die at the fail point, starts it again, and looks.
fn survives(fault: &str) {
    let town = town("test ! -e forbidden");
    let picture = town.picture();
    let daemon = town.start(&format!("{fault}!{}", town.path("died").display()));
    let plan = town.plan(&two_beads(&town));
    let goal = std::thread::scope(|scope| {
        let asked = scope.spawn(|| town.json(&["goal", "--plan", &plan]));
        daemon.dies();
        let daemon = town.start("");
        let goal = asked.join().expect("the client got its answer");
        (goal["id"].as_str().expect("an id").to_owned(), daemon)
    });
    let (goal, _daemon): (String, Daemon) = goal;
    everything_lands_once(&town, &goal, &picture);
    assert_eq!(town.count("GoalOpened"), 1, "the goal was opened once");
}

#[test]
fn before_the_append() {
    survives("ledger.before-append=kill");
}

#[test]
fn after_the_append_before_the_reply() {
    survives("ledger.after-append=kill");
}

#[test]
fn after_the_grant_before_the_launch() {
    survives("host.before-run=kill");
}

#[test]
fn between_run_directory_and_process() {
    survives("agent.after-mkdir=kill");
}

#[test]
fn after_the_submit() {
    survives("host.before-candidate-ref=kill");
}

#[test]
fn after_the_candidate_commit() {
    survives("host.after-candidate-ref=kill");
}

#[test]
fn after_the_note_before_the_ref_moved() {
    survives("git.after-note=kill");
}

#[test]
fn after_the_ref_moved_before_the_record() {
    survives("host.after-target-move=kill");
}

/// A plan of two beads like [`two_beads`], of which the first waits for a file.
fn waiting_beads(town: &Town) -> String {
    let go = town.path("go");
    two_beads(town).replace(
        "echo one > one.txt",
        &format!(
            "touch {}; while [ ! -e {} ]; do sleep 0.02; done; echo one > one.txt",
            town.path("began").display(),
            go.display()
        ),
    )
}

#[test]
fn while_the_agent_works() {
    let town = town("true");
    let picture = town.picture();
    let daemon = town.start("");
    let goal = town.goal(&waiting_beads(&town));
    until("the agent works", || {
        town.path("began").exists().then_some(())
    });
    daemon.kill();
    let _daemon = town.start("");
    town.touch("go");
    everything_lands_once(&town, &goal, &picture);
}

#[test]
fn the_agent_ends_while_the_daemon_is_away() {
    let town = town("true");
    let picture = town.picture();
    let daemon = town.start("");
    let goal = town.goal(&waiting_beads(&town));
    until("the agent works", || {
        town.path("began").exists().then_some(())
    });
    daemon.kill();
    town.touch("go");
    until("its end is on the disk", || {
        let runs = fs::read_dir(town.runs()).ok()?;
        runs.flatten()
            .any(|run| run.path().join("exit.json").exists())
            .then_some(())
    });
    let _daemon = town.start("");
    everything_lands_once(&town, &goal, &picture);
}

#[test]
fn during_the_gate() {
    let town = Town::new();
    let (began, go, gates) = (town.path("began"), town.path("go"), town.path("gates.txt"));
    let gate = format!(
        "git rev-parse HEAD >> {}; touch {}; while [ ! -e {} ]; do sleep 0.02; done",
        gates.display(),
        began.display(),
        go.display()
    );
    town.init(&[("test", &gate)]);
    town.down();
    let picture = town.picture();
    let daemon = town.start("");
    let goal = town.goal(&two_beads(&town));
    until("the gate runs", || began.exists().then_some(()));
    daemon.kill();
    let _daemon = town.start("");
    town.touch("go");
    everything_lands_once(&town, &goal, &picture);
    let ran = town.lines("gates.txt");
    let distinct: BTreeSet<&String> = ran.iter().collect();
    assert_eq!(
        ran.len(),
        distinct.len(),
        "no gate ran twice on one commit: {ran:?}"
    );
}

#[test]
fn after_a_reboot() {
    let town = town("true");
    let picture = town.picture();
    let daemon = town.start("");
    let goal = town.goal(&waiting_beads(&town));
    until("the agent works", || {
        town.path("began").exists().then_some(())
    });
    daemon.kill();
    // A reboot: every process is gone, and the machine has another boot id.
    let run = fs::read_dir(town.runs())
        .expect("runs")
        .flatten()
        .map(|run| run.path())
        .find(|run| run.join("shim.json").exists())
        .expect("a run");
    let text = fs::read_to_string(run.join("shim.json")).expect("the shim's record");
    let mut record: Value = serde_json::from_str(&text).expect("JSON");
    let shim = i32::try_from(record["pid"].as_i64().expect("a pid")).expect("a pid");
    let pid = nix::unistd::Pid::from_raw(shim);
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).expect("kill the shim");
    record["boot_id"] = Value::from("00000000-0000-4000-8000-000000000000");
    fs::write(run.join("shim.json"), record.to_string()).expect("write the record");
    let _daemon = town.start("");
    town.touch("go");
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(0), "{document:#}");
    let attempts: Vec<i64> = document["beads"]
        .as_array()
        .expect("beads")
        .iter()
        .filter_map(|bead| bead["attempts"].as_i64())
        .collect();
    assert_eq!(
        attempts,
        [2, 1],
        "the lost run was done again under a new epoch"
    );
    let spent = town
        .log()
        .iter()
        .filter(|record| is_event(record, "LeaseExpired"))
        .count();
    assert_eq!(spent, 1);
    assert_eq!(town.picture(), picture);
}

#[test]
fn someone_pushes_to_the_target_meanwhile() {
    let town = Town::new();
    let (began, go) = (town.path("began"), town.path("go"));
    let gate = format!(
        "touch {}; while [ ! -e {} ]; do sleep 0.02; done",
        began.display(),
        go.display()
    );
    town.init(&[("test", &gate)]);
    let goal = town.goal(&two_beads(&town));
    until("the gate runs", || began.exists().then_some(()));
    let theirs = town.push("main", "theirs.txt", "theirs\n");
    town.touch("go");
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(0), "{document:#}");
    assert_eq!(
        town.file_on("main", "theirs.txt").as_deref(),
        Some("theirs\n")
    );
    assert_eq!(
        town.file_on("main", "two.txt").as_deref(),
        Some("one\ntwo\n")
    );
    assert!(
        town.first_parents("main").contains(&theirs),
        "their commit stays a first parent: nothing was forced"
    );
    assert!(
        town.count("CandidateVoided") >= 1,
        "the candidate was given up"
    );
    assert!(town.count("TargetMoved") >= 2, "the move was noticed");
}
