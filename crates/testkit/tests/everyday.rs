//! Verbs of every day: what is put out of sight, taken back, swept up, and seen of the daemon.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::{
    io::{BufRead, BufReader},
    process::Stdio,
};

use gtd_testkit::town::{Town, binary, until};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

fn town() -> Town {
    let town = Town::new();
    town.init(&[("test", "true")]);
    town
}

/// Lets one script land as a goal and returns the goal and its bead.
fn landed(town: &Town, title: &str, script: &str) -> (String, String) {
    let document = town.json(&["goal", title, "--run", script, "--wait"]);
    assert_eq!(document["state"], "closed", "{document:#}");
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    (text(&document["id"]), text(&document["beads"][0]["id"]))
}

#[test]
fn a_snoozed_decision_is_out_of_sight_and_never_lost() {
    let town = town();
    let id = town.gtd_ok(&["bead", "create", "Decide", "--defer", "30d", "-q"]);
    let id = id.trim();
    town.gtd_ok(&["bead", "park", id, "-m", "which colour?"]);
    let inbox = town.json(&["inbox"]);
    let number = inbox["items"][0]["n"].as_u64().unwrap().to_string();
    let said = town.gtd_ok(&["inbox", "--snooze", &number, "8h"]);
    assert!(said.contains("out of sight"), "{said}");
    let inbox = town.json(&["inbox"]);
    assert_eq!(inbox["items"].as_array().unwrap().len(), 0, "{inbox:#}");
    assert_eq!(inbox["snoozed"], 1, "{inbox:#}");
    assert_eq!(town.gtd(&["inbox", "--exit-code"]).code, Some(0));
    let status = town.json(&["status"]);
    assert_eq!(status["snoozed"], 1, "{status:#}");
    assert_eq!(
        status["needs_you"].as_array().unwrap().len(),
        0,
        "{status:#}"
    );
    let page = town.gtd_ok(&["status"]);
    assert!(page.contains("gtd inbox --snoozed"), "{page}");
    // It survives the daemon, and is there for whoever asks for it.
    town.down();
    town.gtd_ok(&["up"]);
    let one = town.json(&["inbox", &number]);
    assert!(one["items"][0]["snoozed_until"].is_string(), "{one:#}");
    let refused = town.gtd(&["undo"]);
    assert!(refused.stderr.contains("gtd inbox --wake"), "{refused}");
    town.gtd_ok(&["inbox", "--wake", id]);
    assert_eq!(town.gtd(&["inbox", "--exit-code"]).code, Some(4));
    let past = town.gtd(&["inbox", "--snooze", "9999", "1h"]);
    assert_eq!(past.code, Some(3), "{past}");
}

#[test]
fn trust_that_was_taken_back_lets_nothing_begin_until_it_is_given_again() {
    let town = town();
    town.gtd_ok(&["trust", "--revoke", "-m", "a stranger wrote to it"]);
    let bead = town.gtd_ok(&["bead", "create", "Later", "--run", "echo 1 > one.txt", "-q"]);
    let bead = bead.trim();
    let why = town.json(&["why", bead]);
    assert_eq!(why["chain"][0]["code"], "untrusted", "{why:#}");
    let refused = town.gtd(&["goal", "Now", "--run", "true"]);
    assert_eq!(refused.code, Some(77), "{refused}");
    let refused = town.gtd(&["gate", "run", "test"]);
    assert_eq!(refused.code, Some(77), "{refused}");
    // Neither a resume nor the next daemon gives it back.
    town.gtd_ok(&["resume"]);
    town.down();
    town.gtd_ok(&["up"]);
    let shown = town.json(&["rig", "show", "repo"]);
    assert_eq!(shown["trusted"], false, "{shown:#}");
    assert_eq!(shown["revoked"]["why"], "a stranger wrote to it");
    assert_eq!(town.json(&["bead", "show", bead])["state"], "waiting");
    assert_eq!(town.json(&["trust", "--show"])["trusted"], false);
    town.gtd_ok(&["trust"]);
    let ended = town.gtd(&["wait", bead, "--timeout", "90s"]);
    assert_eq!(ended.code, Some(0), "{ended}");
}

#[test]
fn what_has_ended_is_swept_up_and_nothing_else() {
    let town = town();
    let (_, bead) = landed(&town, "One", "echo 1 > one.txt");
    let lost = town.gtd_ok(&[
        "bead",
        "create",
        "Two",
        "--run",
        "echo 2 > two.txt; false",
        "-q",
    ]);
    let lost = lost.trim().to_owned();
    until("it has failed", || {
        let shown = town.json(&["bead", "show", &lost]);
        (shown["state"] == "parked").then_some(())
    });
    town.gtd_ok(&["bead", "close", &lost, "--as", "failed"]);
    let open = town.gtd_ok(&[
        "bead", "create", "Three", "--run", "true", "--defer", "30d", "-q",
    ]);
    let branch = format!("gtd/{bead}/e1");
    town.git(&["branch", "gtd/mine", "main"]);
    let told = town.json(&["rig", "gc"]);
    assert_eq!(told["removed"], false, "{told:#}");
    let names = |document: &serde_json::Value, stays: bool| -> Vec<String> {
        let items = document["items"].as_array().unwrap();
        let wanted = items
            .iter()
            .filter(|item| item["stays"].is_string() == stays);
        wanted
            .map(|item| item["name"].as_str().unwrap().to_owned())
            .collect()
    };
    assert!(names(&told, false).contains(&branch), "{told:#}");
    let exists = |name: &str| !town.git(&["branch", "--list", name]).is_empty();
    assert!(exists(&branch), "a rehearsal takes nothing away");
    let gone = town.json(&["rig", "gc", "--yes"]);
    assert_eq!(names(&gone, false), names(&told, false), "{gone:#}");
    assert!(!exists(&branch));
    assert!(exists("gtd/mine"), "what gtd did not make stays");
    assert_eq!(
        names(&gone, true),
        names(&told, true),
        "what has not landed stays"
    );
    assert!(town.file_on("main", "one.txt").is_some());
    let again = town.json(&["rig", "gc", "--yes"]);
    assert_eq!(names(&again, false), Vec::<String>::new(), "{again:#}");
    assert_eq!(
        town.json(&["bead", "show", open.trim()])["state"],
        "waiting"
    );
    // The town works on with what is left.
    landed(&town, "Four", "echo 4 > four.txt");
}

#[test]
fn twice_verbose_tells_folders_and_calls_and_keeps_stdout_clean() {
    let town = town();
    let plain = town.gtd(&["status", "--json"]);
    assert_eq!(plain.stderr, "");
    let said = town.gtd(&["status", "--json", "-vv"]);
    assert_eq!(said.code, Some(0), "{said}");
    let document: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(document["kind"], "Status");
    for word in [
        "gtd: socket",
        "gtd: data",
        "town.hello",
        "town.status",
        " ms",
        "gtd: exit",
    ] {
        assert!(said.stderr.contains(word), "{word}: {said}");
    }
    assert!(!said.stderr.contains("token"), "{said}");
    let away = town.gtd(&["status", "-vv", "--host", "unix:/nowhere/gtd.sock"]);
    assert_eq!(away.code, Some(69), "{away}");
    assert!(away.stderr.contains("no daemon listens"), "{away}");
}

#[test]
fn a_daemon_that_is_halted_is_told_from_one_that_is_busy() {
    let town = town();
    let pid = town.daemon_pid().unwrap();
    kill(Pid::from_raw(pid), Signal::SIGSTOP).unwrap();
    let said = town.gtd(&["status", "--timeout", "1s"]);
    kill(Pid::from_raw(pid), Signal::SIGCONT).unwrap();
    assert_eq!(said.code, Some(69), "{said}");
    assert!(said.stderr.contains("is halted by a signal"), "{said}");
    assert!(said.stderr.contains(&format!("kill -CONT {pid}")), "{said}");
    assert!(!said.stderr.contains("kill -9"), "{said}");
    assert_eq!(town.gtd(&["status"]).code, Some(0));
}

#[test]
fn an_attached_agent_that_still_goes_at_the_limit_is_told_by_8() {
    let town = town();
    let go = town.path("go");
    let script = format!(
        "echo begun; while [ ! -e {} ]; do sleep 0.05; done",
        go.display()
    );
    let bead = town.gtd_ok(&["bead", "create", "Long", "--run", &script, "-q"]);
    let agent = until("it is at work", || {
        let shown = town.json(&["bead", "show", bead.trim()]);
        shown["assignee"].as_str().map(str::to_owned)
    });
    let said = town.gtd(&["agent", "attach", &agent, "--timeout", "1s"]);
    assert_eq!(said.code, Some(8), "{said}");
    town.touch("go");
}

#[test]
fn an_agent_that_has_not_begun_yet_is_waited_for_and_then_read_to_its_end() {
    let town = Town::new();
    let begin = town.path("begin");
    let _daemon = town.start(&format!("host.before-run=until:{}", begin.display()));
    town.init(&[("test", "true")]);
    let bead = town.gtd_ok(&["bead", "create", "Late", "--run", "echo it came", "-q"]);
    let agent = until("it has a seat", || {
        let shown = town.json(&["bead", "show", bead.trim()]);
        shown["assignee"].as_str().map(str::to_owned)
    });
    let early = town.gtd(&["agent", "attach", &agent, "--timeout", "1s"]);
    assert_eq!(early.code, Some(8), "{early}");
    let mut attached = town
        .program(binary("gtd"))
        .args(["agent", "attach", &agent])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    BufReader::new(attached.stderr.as_mut().unwrap())
        .read_line(&mut said)
        .unwrap();
    assert!(said.starts_with("watching"), "{said}");
    town.touch("begin");
    let said = attached.wait_with_output().unwrap();
    assert_eq!(said.status.code(), Some(0));
    let lines = String::from_utf8(said.stdout).unwrap();
    assert!(lines.contains("it came"), "{lines}");
}

#[test]
fn what_landed_is_reverted_through_the_queue_with_a_proof_of_its_own() {
    let town = town();
    let (_, bead) = landed(&town, "One", "echo 1 > one.txt");
    let (_, other) = landed(&town, "Two", "echo 2 > two.txt");
    let tip = town.git(&["rev-parse", "main"]);
    let gates = town.json(&["gate", "history", "test"]);
    let rehearsed = town.gtd_ok(&["merge", "revert", &bead, "-n"]);
    assert!(
        rehearsed.contains("would set the goal `Revert"),
        "{rehearsed}"
    );
    let reverted = town.json(&["merge", "revert", &bead, "-m", "it was wrong", "--wait"]);
    assert_eq!(reverted["state"], "closed", "{reverted:#}");
    assert!(town.file_on("main", "one.txt").is_none());
    assert!(town.file_on("main", "two.txt").is_some());
    let first_parents = town.first_parents("main");
    assert!(
        first_parents.contains(&tip.trim().to_owned()),
        "nothing was moved back"
    );
    let after = town.json(&["gate", "history", "test"]);
    let n = |document: &serde_json::Value| document["items"].as_array().unwrap().len();
    assert!(n(&after) > n(&gates), "its gates ran");
    let revert = reverted["beads"][0]["id"].as_str().unwrap();
    let shown = town.json(&["bead", "show", revert]);
    assert_eq!(shown["links"][0]["id"], bead.as_str(), "{shown:#}");
    assert_eq!(shown["links"][0]["type"], "reverts");
    let original = town.json(&["bead", "show", &bead]);
    let note = original["notes"][0]["text"].as_str().unwrap();
    assert_eq!(note, format!("{revert} takes it back"));
    // A commit by its hash, and the revert itself, are taken back in the same way.
    let commit = town.json(&["bead", "show", &other])["commit"]
        .as_str()
        .unwrap()
        .to_owned();
    let reverted = town.json(&["merge", "revert", &commit[..12], "--wait"]);
    assert_eq!(reverted["state"], "closed", "{reverted:#}");
    assert!(town.file_on("main", "two.txt").is_none());
    let again = town.json(&["merge", "revert", revert, "--wait"]);
    assert_eq!(again["state"], "closed", "{again:#}");
    assert!(town.file_on("main", "one.txt").is_some());
    for nothing in ["repo-zzz9", "0123456789abcdef"] {
        let refused = town.gtd(&["merge", "revert", nothing]);
        assert_eq!(refused.code, Some(3), "{refused}");
    }
}

#[test]
fn what_does_not_revert_is_set_aside_with_its_conflict_and_not_tried_again() {
    let town = Town::new().with_env("GTD_ROLES__WORKER__ATTEMPTS", "3");
    town.init(&[("test", "true")]);
    let (_, bead) = landed(&town, "One", "echo 1 > one.txt");
    landed(&town, "Upon it", "echo more >> one.txt");
    let reverted = town.gtd(&[
        "merge",
        "revert",
        &bead,
        "--wait",
        "--timeout",
        "90s",
        "--json",
    ]);
    assert_eq!(reverted.code, Some(4), "{reverted}");
    let document: serde_json::Value = serde_json::from_str(&reverted.stdout).unwrap();
    let revert = document["beads"][0]["id"].as_str().unwrap();
    let said = town.gtd(&["logs", revert]);
    assert!(said.stdout.contains("CONFLICT"), "{said}");
    let shown = town.json(&["bead", "show", revert]);
    let attempts = shown["attempts"].as_array().unwrap();
    assert_eq!(attempts.len(), 1, "{shown}");
    let fault = &attempts[0]["fault"];
    let files = &fault["class"]["conflict"]["files"];
    assert_eq!(*files, serde_json::json!(["one.txt"]), "{shown}");
    let evidence = fault["evidence"].as_str().unwrap();
    assert!(evidence.contains("CONFLICT"), "{shown}");
    let why = town.json(&["why", revert]);
    assert_eq!(why["chain"][0]["code"], "conflict", "{why}");
    let text = "its script met a conflict in one.txt";
    assert_eq!(why["chain"][0]["text"], text, "{why}");
    assert_eq!(why["clears_by_itself"], false, "{why}");
    // Whoever knows better does it in another way, and the same bead lands.
    town.gtd_ok(&["bead", "edit", revert, "--run", "git rm -q one.txt"]);
    town.gtd_ok(&["bead", "retry", revert]);
    let goal = document["id"].as_str().unwrap();
    let (code, document) = town.wait(goal);
    assert_eq!(code, Some(0), "{document}");
    assert_eq!(town.file_on("main", "one.txt"), None);
    let open = town.gtd_ok(&["bead", "create", "Not landed", "--defer", "30d", "-q"]);
    let refused = town.gtd(&["merge", "revert", open.trim()]);
    assert_eq!(refused.code, Some(7), "{refused}");
    assert!(refused.stderr.contains("has landed"), "{refused}");
}

#[test]
fn a_file_of_beads_comes_in_and_goes_out_as_it_stood() {
    let town = town();
    let lines = concat!(
        r#"{"id":"bd-1","title":"First","status":"open","priority":1,"issue_type":"task","created_at":"2026-01-02T03:04:05.123456Z","updated_at":"2026-01-02T03:04:05Z","x":{"y":[0.1]}}"#,
        "\n",
        r#"{"id":"bd-2","title":"Second","status":"hooked","priority":2,"issue_type":"task","created_at":"2026-01-02T03:04:05Z","updated_at":"2026-01-02T03:04:05Z","dependencies":[{"issue_id":"bd-2","depends_on_id":"bd-1","type":"blocks"}]}"#,
        "\n",
        r#"{"id":"bd-3","title":"Third","status":"closed","priority":2,"issue_type":"task","created_at":"2026-01-02T03:04:05Z","updated_at":"2026-01-02T03:04:05Z","closed_at":"2026-01-02T03:04:05Z"}"#,
        "\n",
    );
    let path = town.path("issues.jsonl");
    std::fs::write(&path, lines).unwrap();
    let path = path.display().to_string();
    let rehearsed = town.gtd_ok(&["import", "beads", &path, "-n"]);
    assert!(
        rehearsed.contains("would create 2") && rehearsed.contains("1 closed"),
        "{rehearsed}"
    );
    assert_eq!(town.gtd_ok(&["bead", "list", "-q"]), "");
    let came = town.json(&["import", "beads", &path, "--closed"]);
    assert_eq!(
        (&came["created"], &came["updated"]),
        (&3.into(), &0.into()),
        "{came:#}"
    );
    let again = town.json(&["import", "beads", &path, "--closed"]);
    assert_eq!(
        (&again["created"], &again["unchanged"]),
        (&0.into(), &3.into()),
        "{again:#}"
    );
    assert_eq!(town.json(&["bead", "show", "bd-2"])["state"], "waiting");
    let out = town.gtd_ok(&["export", "beads"]);
    let parse = |text: &str| -> Vec<serde_json::Value> {
        let lines = text.lines().filter(|line| line.contains("\"id\""));
        lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    };
    assert_eq!(parse(&out), parse(lines));
    std::fs::write(town.path("bad.jsonl"), "{\"id\":\"bd-1\"").unwrap();
    let bad = town.path("bad.jsonl").display().to_string();
    let refused = town.gtd(&["import", "beads", &bad]);
    assert_eq!(refused.code, Some(2), "{refused}");
    assert!(refused.stderr.contains("bad.jsonl:1"), "{refused}");
}
