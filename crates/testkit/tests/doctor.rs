//! `gtd doctor` names what is wrong with a town, and mends only what is safe.

use std::{fs, os::unix::fs::PermissionsExt as _};

use gtd_testkit::town::Town;
use serde_json::Value;

/// Returns the status of a check.
fn status(document: &Value, id: &str) -> String {
    document["checks"]
        .as_array()
        .expect("checks")
        .iter()
        .find(|check| check["id"] == id)
        .map_or_else(
            || panic!("no check {id}: {document:#}"),
            |check| check["status"].as_str().unwrap_or_default().to_owned(),
        )
}

#[test]
fn a_healthy_town_has_no_failed_check() {
    let town = Town::new();
    town.init(&[("test", "true")]);
    let output = town.gtd(&["doctor"]);
    assert_eq!(output.code, Some(0), "{output}");
    let document = town.json(&["doctor"]);
    assert_eq!(document["kind"], "Doctor");
    for id in [
        "git.version",
        "store.witnesses",
        "store.format",
        "store.journal",
        "daemon.running",
        "daemon.version",
        "daemon.socket",
        "config.repo.trust",
        "config.repo.branch",
        "gates.repo.test",
        "leftovers.runs",
    ] {
        assert_eq!(status(&document, id), "ok", "{id}: {document:#}");
    }
}

#[test]
fn what_is_wrong_stands_first_with_its_fix_and_ends_with_5() {
    let town = Town::new();
    town.init(&[("test", "no-such-program --all")]);
    fs::write(
        town.repo().join("gtd.toml"),
        "schema = 1\n[rig]\nname = \"repo\"\nbranch = \"main\"\n",
    )
    .expect("write gtd.toml");
    let output = town.gtd(&["doctor"]);
    assert_eq!(output.code, Some(5), "{output}");
    let first = output.stdout.lines().next().unwrap_or_default();
    assert!(first.starts_with("✗ config"), "{output}");
    let document = town.json(&["doctor"]);
    assert_eq!(status(&document, "config.repo.trust"), "fail");
    assert_eq!(status(&document, "gates.repo.test"), "fail");
    let only = town.json(&["doctor", "--only", "git"]);
    assert!(
        only["checks"]
            .as_array()
            .expect("checks")
            .iter()
            .all(|check| check["category"] == "git"),
        "{only:#}"
    );
}

#[test]
fn only_what_is_safe_is_mended_and_it_is_said() {
    let town = Town::new();
    town.init(&[("test", "no-such-program")]);
    let key = town.path("home/data/key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).expect("open the key");
    assert_eq!(status(&town.json(&["doctor"]), "daemon.key"), "fail");
    let output = town.gtd(&["doctor", "--fix"]);
    assert_eq!(output.code, Some(5), "the gate stays as it is: {output}");
    assert!(output.stdout.contains("fixed: "), "{output}");
    let mode = fs::metadata(&key).expect("the key").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let document = town.json(&["doctor"]);
    assert_eq!(status(&document, "daemon.key"), "ok");
    assert_eq!(status(&document, "gates.repo.test"), "fail");
}

#[test]
fn a_town_without_a_daemon_can_be_looked_at_and_reported() {
    let town = Town::new();
    town.init(&[("test", "true")]);
    town.down();
    let file = town.path("report.txt");
    let path = file.display().to_string();
    let output = town.gtd(&["doctor", "--report", &path]);
    assert_eq!(output.code, Some(0), "{output}");
    assert!(
        output.stdout.contains("the daemon is not running"),
        "{output}"
    );
    let text = fs::read_to_string(&file).expect("the report");
    assert!(text.contains("== checks"), "{text}");
    let key = fs::read_to_string(town.path("home/data/key")).expect("the key");
    assert!(!text.contains(key.trim()), "the key is in the report");
    assert!(
        !text.contains(&town.path("user").display().to_string()),
        "the home folder is in the report"
    );
}

#[test]
fn in_the_evening_it_tells_what_would_hold_work_up_in_the_night() {
    let town = Town::new();
    let without = town.gtd(&["doctor", "--overnight", "--json"]);
    assert_eq!(without.code, Some(5), "{without}");
    let document: Value = serde_json::from_str(&without.stdout).expect("JSON");
    assert_eq!(status(&document, "night.daemon"), "fail");

    town.init(&[("test", "true")]);
    let document = town.json(&["doctor", "--overnight"]);
    assert_eq!(status(&document, "night.work"), "warn", "nothing is open");
    assert_eq!(status(&document, "night.decisions"), "ok");
    assert_eq!(status(&document, "night.service"), "warn");
    let usual = town.json(&["doctor"]);
    let checks = usual["checks"].as_array().expect("checks");
    assert!(
        checks.iter().all(|check| check["category"] != "night"),
        "only when it is asked for: {usual:#}"
    );

    let bead = town.gtd_ok(&["bead", "create", "Choose", "--defer", "30d", "-q"]);
    let bead = bead.trim();
    town.gtd_ok(&["bead", "park", bead, "-m", "which colour?"]);
    town.gtd_ok(&["merge", "freeze", "-m", "the release"]);
    let document = town.json(&["doctor", "--overnight"]);
    assert_eq!(status(&document, &format!("night.decision.{bead}")), "warn");
    assert_eq!(status(&document, "night.merge.repo"), "warn");
    town.gtd_ok(&["stop", "--all", "-m", "enough"]);
    let stopped = town.gtd(&["doctor", "--only", "night"]);
    assert_eq!(stopped.code, Some(5), "{stopped}");
    assert!(stopped.stdout.starts_with("✗ night"), "{stopped}");
    assert!(stopped.stdout.contains("gtd resume --all"), "{stopped}");
}
