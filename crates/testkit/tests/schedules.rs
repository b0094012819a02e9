//! Goals that come by the clock, with a real daemon and a real clock.

use std::fs;

use gtd_testkit::town::{Town, until};
use serde_json::Value;

fn town() -> Town {
    let town = Town::new();
    town.init(&[("test", "true")]);
    town
}

/// Has a goal come every second.
fn every_second(town: &Town, extra: &[&str]) {
    let words = [
        "schedule",
        "add",
        "often",
        "--cron",
        "* * * * * *",
        "--goal",
        "Count",
        "--run",
        "true",
    ];
    town.gtd_ok(&[&words[..], extra].concat());
}

fn schedule(town: &Town, name: &str) -> Value {
    let filter = format!("name={name}");
    town.json(&["schedule", "list", "--filter", &filter])["items"][0].clone()
}

/// Lists the times that goals were made for, in the order of the log.
fn dues(town: &Town) -> Vec<i64> {
    let log = town.log();
    log.iter()
        .filter_map(|record| record["event"]["ScheduleFired"]["due"].as_i64())
        .collect()
}

fn each_once(dues: &[i64]) -> bool {
    dues.windows(2).all(|pair| pair[0] < pair[1])
}

#[test]
fn a_schedule_comes_by_itself_and_each_time_once_across_a_kill() {
    let town = town();
    every_second(&town, &[]);
    until("there are two goals by the clock", || {
        (dues(&town).len() >= 2).then_some(())
    });
    let daemon = town.daemon_pid().expect("a daemon");
    nix::sys::signal::kill(
        nix::unistd::Pid::from_raw(daemon),
        nix::sys::signal::Signal::SIGKILL,
    )
    .expect("it is there");
    until("the daemon is gone", || {
        (town.daemon_pid().is_none()).then_some(())
    });
    let before = dues(&town).len();
    town.gtd_ok(&["up"]);
    until("there are two more goals", || {
        (dues(&town).len() >= before + 2).then_some(())
    });
    town.gtd_ok(&["schedule", "pause", "often", "-m", "enough"]);
    let dues = dues(&town);
    assert!(each_once(&dues), "{dues:?}");
    // Every goal ended before the next one came: one at a time.
    assert_eq!(schedule(&town, "often")["state"], "paused");
}

#[test]
fn a_schedule_that_is_held_back_comes_only_by_hand() {
    let town = town();
    town.gtd_ok(&["pause", "mayor"]);
    every_second(&town, &[]);
    town.gtd_ok(&["schedule", "pause", "often", "-m", "the release"]);
    town.gtd_ok(&["resume", "mayor"]);
    let goal = town.gtd_ok(&["schedule", "run", "often", "-q"]);
    let (code, document) = town.wait(goal.trim());
    assert_eq!(code, Some(0), "{document}");
    // The mayor closed that goal, so it has looked at the schedule meanwhile, and let it be.
    assert!(dues(&town).is_empty());
    assert_eq!(town.count("ScheduleFired"), 1);
    let shown = schedule(&town, "often");
    assert_eq!(shown["last"]["goal"], goal.trim(), "{shown}");
    assert_eq!(shown["next"].as_array().map(Vec::len), Some(0), "{shown}");
    assert!(
        shown["paused"]
            .as_str()
            .is_some_and(|why| why.contains("the release")),
        "{shown}"
    );
}

#[test]
fn a_schedule_of_the_trusted_file_comes_too_and_cannot_be_removed_by_command() {
    let town = town();
    let file = town.repo().join("gtd.toml");
    let text = fs::read_to_string(&file).expect("it was written by init");
    let rows = "\n[[schedule]]\nname = \"deps\"\ncron = \"0 6 * * MON\"\n\
                goal = \"Update the dependencies\"\nrun = \"true\"\n";
    fs::write(&file, text.clone() + rows).expect("write it");
    assert_eq!(schedule(&town, "deps"), Value::Null);
    town.gtd_ok(&["trust", "-y"]);
    let shown = schedule(&town, "deps");
    assert_eq!(shown["origin"], "gtd.toml", "{shown}");
    assert_eq!(shown["next"].as_array().map(Vec::len), Some(3), "{shown}");
    let refused = town.gtd(&["schedule", "remove", "deps"]);
    assert!(refused.stderr.contains("gtd trust"), "{refused}");
    let goal = town.gtd_ok(&["schedule", "run", "deps", "-q"]);
    assert_eq!(town.wait(goal.trim()).0, Some(0));
    fs::write(&file, text + &rows.replace("MON", "MOON")).expect("write it");
    let refused = town.gtd(&["trust", "-y"]);
    assert_eq!(refused.code, Some(78), "{refused}");
    assert!(refused.stderr.contains("cron expression"), "{refused}");
}

#[test]
fn a_schedule_is_made_removed_and_undone() {
    let town = town();
    let add = [
        "schedule",
        "add",
        "deps",
        "--cron",
        "0 6 * * MON",
        "--goal",
        "Deps",
        "--run",
        "true",
    ];
    let rehearsed = town.gtd_ok(&[&add[..], &["-n"]].concat());
    assert!(rehearsed.starts_with("would schedule deps"), "{rehearsed}");
    assert_eq!(schedule(&town, "deps"), Value::Null);
    town.gtd_ok(&add);
    town.gtd_ok(&["schedule", "remove", "deps"]);
    assert_eq!(schedule(&town, "deps"), Value::Null);
    assert_eq!(town.gtd_ok(&["undo"]), "undone  remove schedule deps\n");
    assert_eq!(schedule(&town, "deps")["cron"], "0 6 * * MON");
    town.gtd_ok(&["pause"]);
    let goal = town.gtd_ok(&["schedule", "run", "deps", "-q"]);
    town.gtd_ok(&["undo"]);
    assert_eq!(town.gtd(&["convoy", "show", goal.trim()]).code, Some(3));
    assert_eq!(schedule(&town, "deps")["last"], Value::Null);
    let refused = town.gtd(&[
        "schedule",
        "add",
        "x",
        "--cron",
        "61 * * * *",
        "--goal",
        "x",
    ]);
    assert_eq!(refused.code, Some(2), "{refused}");
    let none = town.gtd(&[
        "schedule", "add", "x", "--cron", "@daily", "--goal", "In words",
    ]);
    assert!(none.stderr.contains("runtime"), "{none}");
    let unknown = town.gtd(&["schedule", "run", "nightly"]);
    assert_eq!(unknown.code, Some(3), "{unknown}");
}
