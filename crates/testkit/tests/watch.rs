//! What happens is told as it happens: one event a line, in order, none twice and none left out.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, ChildStdout, Command, Stdio},
};

use gtd_testkit::town::{Town, binary, until};
use serde_json::Value;

const PLAN: &str =
    "title = \"one\"\n\n[[bead]]\nid = \"a\"\ntitle = \"Figs\"\nrun = \"echo a > a\"\n";

fn town() -> Town {
    let town = Town::new();
    town.init(&[("test", "true")]);
    town
}

/// Runs a watch that ends with what has happened so far.
fn past(town: &Town, args: &[&str]) -> Vec<Value> {
    let all = [&["watch", "--json", "--no-follow"], args].concat();
    objects(&town.gtd_ok(&all))
}

fn objects(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

fn seqs(events: &[Value]) -> Vec<u64> {
    events
        .iter()
        .map(|event| event["seq"].as_u64().unwrap())
        .collect()
}

/// A watch that follows.
struct Follower {
    child: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
}

impl Follower {
    fn start(town: &Town, args: &[&str]) -> Self {
        let mut child = town
            .program(binary("gtd"))
            .args(["watch", "--json"])
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    fn next(&mut self) -> Value {
        serde_json::from_str(&self.lines.next().unwrap().unwrap()).unwrap()
    }

    fn until(&mut self, kind: &str) -> Vec<Value> {
        let mut events = Vec::new();
        loop {
            let event = self.next();
            let is_last = event["type"] == kind;
            events.push(event);
            if is_last {
                return events;
            }
        }
    }

    fn interrupt(self) -> (Option<i32>, String) {
        let pid = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-INT", &pid])
                .status()
                .unwrap()
                .success()
        );
        let ended = self.child.wait_with_output().unwrap();
        (
            ended.status.code(),
            String::from_utf8_lossy(&ended.stderr).into_owned(),
        )
    }
}

#[test]
fn a_watch_tells_each_event_of_the_log_once_and_in_order() {
    let town = town();
    let goal = town.goal(PLAN);
    town.wait(&goal);
    let events = past(&town, &["--after", "0", "--all-rigs"]);
    let n = events.len() as u64;
    assert_eq!(seqs(&events), (1..=n).collect::<Vec<_>>());
    let log = town.log();
    assert!(log.len() >= events.len());
    let landed = events
        .iter()
        .find(|event| event["type"] == "bead.landed")
        .unwrap();
    assert_eq!(landed["kind"], "Event");
    assert_eq!(landed["actor"], "refinery");
    assert_eq!(landed["rig"], "repo");
    let bead = landed["data"]["beads"][0].as_str().unwrap();
    assert_eq!(landed["subject"], bead);
    // Its own bead, and not its goal's neighbours.
    let own = past(&town, &[bead, "--after", "0"]);
    assert!(own.iter().any(|event| event["type"] == "lease.granted"));
    assert!(own.iter().all(|event| event["subject"] != goal.as_str()));
    // A goal comes with its beads.
    let both = past(&town, &[&goal, "--after", "0"]);
    for subject in [bead, &goal] {
        assert!(
            both.iter().any(|event| event["subject"] == subject),
            "{subject}"
        );
    }
}

#[test]
fn a_watch_goes_on_behind_any_event_and_over_the_death_of_the_daemon() {
    let town = town();
    let before = past(&town, &["--after", "0", "--all-rigs"]);
    let head = seqs(&before).last().unwrap().to_string();
    let mut follower = Follower::start(&town, &["--after", &head]);
    town.gtd_ok(&["pause", "-m", "to look"]);
    let paused = follower.until("pause.began");
    let seq = paused.last().unwrap()["seq"].as_u64().unwrap();
    let pid = town.daemon_pid().unwrap();
    assert!(
        Command::new("kill")
            .args(["-KILL", &pid.to_string()])
            .status()
            .unwrap()
            .success()
    );
    until("the daemon is gone", || {
        town.daemon_pid().is_none().then_some(())
    });
    town.gtd_ok(&["up"]);
    town.gtd_ok(&["bead", "create", "after the death", "--run", "true"]);
    let resumed = follower.until("bead.opened");
    let seen: Vec<u64> = seqs(&resumed);
    let end = *seen.last().unwrap();
    assert_eq!(
        seen,
        (seq + 1..=end).collect::<Vec<_>>(),
        "nothing is missed, nothing comes twice"
    );
    let (code, said) = follower.interrupt();
    assert_eq!(code, Some(130));
    assert_eq!(said.matches("the work goes on").count(), 1, "{said}");
    // Another reader that has seen one of them goes on behind it.
    let again = past(&town, &["--after", &seq.to_string()]);
    assert_eq!(again[..resumed.len()], resumed[..]);
}

#[test]
fn a_watch_of_problems_tells_what_went_wrong_and_nothing_else() {
    let town = town();
    let goal =
        town.goal("title = \"one\"\n\n[[bead]]\nid = \"bad\"\ntitle = \"Bad\"\nrun = \"exit 3\"\n");
    town.wait(&goal);
    let problems = past(&town, &["--after", "0", "--problems"]);
    let types: Vec<&str> = problems
        .iter()
        .map(|event| event["type"].as_str().unwrap())
        .collect();
    assert!(types.contains(&"bead.returned"), "{types:?}");
    assert!(types.contains(&"bead.quarantined"), "{types:?}");
    assert!(!types.contains(&"lease.granted"), "{types:?}");
    let lines = town.gtd_ok(&[
        "watch",
        "--plain",
        "--after",
        "0",
        "--problems",
        "--no-follow",
    ]);
    assert_eq!(lines.lines().count(), problems.len());
    assert!(
        lines.contains("bead.returned") && lines.contains("Bad"),
        "{lines}"
    );
    assert!(!lines.contains('\x1b'), "no colour in a pipe");
}

#[test]
fn a_watch_from_beyond_the_log_is_refused_with_what_to_do() {
    let town = town();
    let refused = town.gtd(&["watch", "--after", "999999"]);
    assert_eq!(refused.code, Some(7), "{refused}");
    assert!(refused.stderr.contains("the log ends at"), "{refused}");
    let nothing = town.gtd(&["feed", "no-such"]);
    assert_eq!(nothing.code, Some(3), "{nothing}");
}

#[test]
fn a_reader_that_leaves_ends_a_watch_quietly() {
    let town = town();
    for title in ["one", "two"] {
        town.gtd_ok(&["bead", "create", title, "--defer", "30d"]);
    }
    let gtd = binary("gtd").display().to_string();
    let head = town
        .program("sh")
        .args(["-c", &format!("{gtd} top --after 0 | head -n 1")])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&head.stdout).into_owned();
    assert!(said.contains("rig.trusted"), "{said}");
    assert_eq!(String::from_utf8_lossy(&head.stderr), "");
}
