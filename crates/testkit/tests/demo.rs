//! `gtd demo` plays a whole town, tells it from the log, and leaves nothing behind.

use std::fs;

use gtd_testkit::town::{Output, Town, binary, until};
use serde_json::Value;

/// Plays a demo whose temporary folder is the town's own.
fn demo(town: &Town, words: &[&str]) -> (Output, Value) {
    let folder = town.path("tmp");
    fs::create_dir_all(&folder).expect("make a folder");
    let output = Output::of(
        town.program(binary("gtd"))
            .env("TMPDIR", &folder)
            .args(["demo", "--json", "--speed", "3"])
            .args(words),
    );
    let document = serde_json::from_str(&output.stdout)
        .unwrap_or_else(|error| panic!("gtd demo {words:?}: {error}: {output}"));
    (output, document)
}

/// Tells which words of a fault stand in a story.
fn told(document: &Value) -> Vec<&'static str> {
    let story: Vec<&str> = document["story"]
        .as_array()
        .expect("a story")
        .iter()
        .filter_map(|line| line["text"].as_str())
        .collect();
    [
        "the daemon, while",
        "adopted",
        "signal 9",
        "conflict in stock.txt",
        "it is split",
        "gate scales is red",
        "green a second time",
        "was red before and is green now",
        "asks about name",
    ]
    .into_iter()
    .filter(|words| story.iter().any(|text| text.contains(words)))
    .collect()
}

fn ends_well(town: &Town, output: &Output, document: &Value) {
    assert_eq!(output.code, Some(0), "{output}");
    let landed = document["report"]["landed"].as_array().map(Vec::len);
    assert_eq!(landed, Some(8), "{document:#}");
    let needs = document["report"]["needs_you"].as_array().map(Vec::len);
    assert_eq!(needs, Some(1), "{document:#}");
    let left: Vec<_> = fs::read_dir(town.path("tmp"))
        .expect("list the folder")
        .collect();
    assert!(left.is_empty(), "left behind: {left:?}");
}

#[test]
fn the_demo_shows_every_fault_and_leaves_nothing_behind() {
    let town = Town::new();
    let (output, document) = demo(&town, &[]);
    ends_well(&town, &output, &document);
    assert_eq!(
        told(&document),
        [
            "the daemon, while",
            "adopted",
            "signal 9",
            "conflict in stock.txt",
            "it is split",
            "gate scales is red",
            "green a second time",
            "was red before and is green now",
            "asks about name",
        ],
        "{document:#}"
    );
    assert!(
        document["took_s"].as_f64().is_some_and(|took| took < 55.0),
        "{document:#}"
    );
}

#[test]
fn removing_the_faults_of_the_demo_changes_its_story() {
    for (what, wanted) in [
        ("none", vec!["asks about name"]),
        (
            "gate",
            vec![
                "gate scales is red",
                "green a second time",
                "asks about name",
            ],
        ),
        (
            "agent",
            vec![
                "the daemon, while",
                "adopted",
                "signal 9",
                "asks about name",
            ],
        ),
    ] {
        let town = Town::new();
        let (output, document) = demo(&town, &["--break", what, "--seed", "3"]);
        ends_well(&town, &output, &document);
        assert_eq!(told(&document), wanted, "--break {what}: {document:#}");
    }
}

#[test]
fn a_demo_that_is_kept_can_be_answered() {
    let town = Town::new();
    let (output, document) = demo(&town, &["--keep", "--break", "none"]);
    assert_eq!(output.code, Some(0), "{output}");
    let answer = document["answer"].as_str().expect("the command");
    let path = format!(
        "{}:{}",
        binary("gtd").parent().expect("a folder").display(),
        std::env::var("PATH").unwrap_or_default()
    );
    let (home, command) = answer.split_once(' ').expect("a variable and a command");
    let home = home.strip_prefix("GTD_HOME=").expect("the home");
    let output = Output::of(
        town.program("sh")
            .args(["-c", command])
            .env("GTD_HOME", home)
            .env("PATH", &path),
    );
    assert_eq!(output.code, Some(0), "{answer}: {output}");
    let output = Output::of(
        town.program(binary("gtd"))
            .args(["stop", "--all", "-m", "the test is over"])
            .env("GTD_HOME", home),
    );
    assert_eq!(output.code, Some(0), "{output}");
    let output = Output::of(
        town.program(binary("gtd"))
            .args(["down", "--now"])
            .env("GTD_HOME", home),
    );
    assert_eq!(output.code, Some(0), "{output}");
}

#[test]
fn what_a_demo_that_was_killed_left_is_told_and_taken_away_by_the_next() {
    let town = Town::new();
    let tmp = town.path("tmp");
    fs::create_dir_all(&tmp).expect("make a folder");
    let mut killed = town
        .program(binary("gtd"))
        .env("TMPDIR", &tmp)
        .args(["demo", "-q"])
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("start a demo");
    let left = until("the town of the demo runs", || {
        let entry = fs::read_dir(&tmp).ok()?.flatten().next()?;
        let socket = entry.path().join("home/run/gtd.sock");
        socket.exists().then(|| entry.path())
    });
    killed.kill().expect("kill the demo");
    killed.wait().expect("it is dead");
    let doctor = Output::of(town.program(binary("gtd")).env("TMPDIR", &tmp).args([
        "doctor",
        "--only",
        "leftovers",
    ]));
    assert!(doctor.stdout.contains("demos were killed"), "{doctor}");
    let lock = left.join("home/data/gtdd.lock");
    let pid = fs::read_to_string(&lock).expect("a daemon");
    let (output, _) = demo(&town, &["--break", "none"]);
    assert_eq!(output.code, Some(0), "{output}");
    assert!(!left.exists(), "{output}");
    let pid: i32 = pid.trim().parse().expect("a number");
    // A dead process that nobody has waited for has no command line either.
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    assert!(line.is_empty(), "its daemon lives");
}
