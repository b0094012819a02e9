//! What every command keeps to, whichever it is: gtd itself says which there are.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::{
    collections::BTreeSet,
    process::{Command, Stdio},
};

use gtd_testkit::town::{Output, Town, binary};
use serde_json::Value;

/// Far longer than any command may take that has nobody to talk to.
const PATIENCE: &str = "60";

/// Commands that show something and change nothing, in a town in which work has landed.
const READS: &[&str] = &[
    "status",
    "ps",
    "why",
    "why @GOAL",
    "report",
    "cost",
    "cost --by role --since 8h",
    "cost budget",
    "cost budget show @GOAL",
    "inbox",
    "bead list --all",
    "bead graph",
    "bead show @BEAD",
    "convoy list --all",
    "convoy show @GOAL",
    "merge list",
    "gate list",
    "gate show test",
    "gate history test",
    "runtime list",
    "runtime show shell",
    "runtime probe",
    "role list",
    "role show worker",
    "role validate",
    "rig list",
    "rig show repo",
    "agent list",
    "crew list",
    "worker list",
    "notify list",
    "config list --origin",
    "config diff",
    "config diff --trusted",
    "config explain",
    "config get merge.batch",
    "config path",
    "config schema project",
    "config schema user",
    "config schema role",
    "undo --list",
    "watch --no-follow --after 0",
    "logs daemon",
    "logs @BEAD",
    "trust --show",
    "trust report",
    "trust report --by area --since 8h",
    "export json",
    "export beads",
    "version",
    "help",
    "help --all",
    "help E0301",
    "completions bash",
];

/// Those of them that write many objects, one a line.
const STREAMS: &[&str] = &["watch", "logs", "export"];

/// Marks of states and pictures that are not ASCII.
const MARKS: &str = "○◐●◇◈✓‖▲✗█░▁▂▃▄▅▆▇┌└├│";

/// Runs gtd where nobody listens and no daemon can be started.
fn alone(town: &Town, words: &[String]) -> Command {
    let mut command = town.program("timeout");
    command
        .arg(PATIENCE)
        .arg(binary("gtd"))
        .args(words)
        .env("GTD_GTDD", "/bin/false")
        .env("EDITOR", "false");
    command
}

/// Makes a command line of each command that can be run: with something for all that it needs.
fn every_command(town: &Town) -> Vec<Vec<String>> {
    let described = town.json(&["help", "--all"]);
    let commands = described["commands"].as_array().unwrap();
    assert!(commands.len() > 60, "only {} commands", commands.len());
    commands.iter().map(line_of).collect()
}

fn line_of(command: &Value) -> Vec<String> {
    let path = command["command"].as_str().unwrap();
    let mut words: Vec<String> = path.split(' ').skip(1).map(str::to_owned).collect();
    for argument in command["arguments"].as_array().unwrap() {
        if argument["required"] != true {
            continue;
        }
        if let Some(long) = argument["long"].as_str() {
            words.push(format!("--{long}"));
        }
        words.push(something_for(argument));
    }
    words
}

fn something_for(argument: &Value) -> String {
    if let Some(first) = argument["values"].get(0).and_then(Value::as_str) {
        return first.to_owned();
    }
    match argument["value"].as_str().unwrap_or_default() {
        "ID" | "IDS" | "BEAD" => "repo-zzz9".to_owned(),
        "KEY" => "merge.batch".to_owned(),
        "VALUE" => "2".to_owned(),
        "FILE" | "PATH" | "DIR" => "/nowhere/at/all".to_owned(),
        _ => "something".to_owned(),
    }
}

fn has_escape(said: &Output) -> bool {
    said.stdout.contains('\u{1b}') || said.stderr.contains('\u{1b}')
}

fn documents(text: &str) -> Result<Vec<Value>, serde_json::Error> {
    serde_json::Deserializer::from_str(text)
        .into_iter()
        .collect()
}

/// A town in which one bead has landed, with the words for its goal and its bead.
fn town_with_work() -> (Town, String, String) {
    let town = Town::new();
    town.init(&[("test", "true")]);
    let goal = town.goal("schema = 1\ntitle = \"A goal\"\n[[bead]]\nid = \"a\"\ntitle = \"A bead\"\nrun = \"echo a | tee a.txt\"\n");
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(0), "{document:#}");
    let bead = document["beads"][0]["id"].as_str().unwrap().to_owned();
    (town, goal, bead)
}

fn reads(goal: &str, bead: &str) -> Vec<Vec<String>> {
    let word = |word: &str| match word {
        "@GOAL" => goal.to_owned(),
        "@BEAD" => bead.to_owned(),
        word => word.to_owned(),
    };
    let line = |line: &&str| line.split(' ').map(word).collect();
    READS.iter().map(line).collect()
}

fn run(town: &Town, words: &[String], more: &[&str], variables: &[(&str, &str)]) -> Output {
    let variables = variables.iter().copied();
    Output::of(
        town.program("timeout")
            .arg(PATIENCE)
            .arg(binary("gtd"))
            .args(words)
            .args(more)
            .envs(variables),
    )
}

#[test]
fn law_3_every_command_fails_with_one_document() {
    let town = Town::new();
    let mut wrong = Vec::new();
    for mut words in every_command(&town) {
        words.push("--json".to_owned());
        let said = Output::of(&mut alone(&town, &words));
        let found = documents(&said.stdout);
        let is_one = found.as_ref().is_ok_and(|found| {
            // A schema is a document of its own kind.
            let is_ours =
                |document: &Value| document["kind"].is_string() || document["$schema"].is_string();
            found.len() == 1 && found.iter().all(is_ours)
        });
        if !is_one || has_escape(&said) || said.code == Some(124) || said.code == Some(101) {
            wrong.push(format!("gtd {}: {said}", words.join(" ")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn law_3_every_read_is_documents_alone() {
    let (town, goal, bead) = town_with_work();
    for words in reads(&goal, &bead) {
        let said = run(&town, &words, &["--json"], &[]);
        let found =
            documents(&said.stdout).unwrap_or_else(|error| panic!("{words:?}: {error}: {said}"));
        assert!(!found.is_empty() && !has_escape(&said), "{words:?}: {said}");
        let is_stream = STREAMS.contains(&words[0].as_str());
        assert!(is_stream || found.len() == 1, "{words:?}: {said}");
        assert!(matches!(said.code, Some(0)), "{words:?}: {said}");
    }
}

#[test]
fn law_6_nothing_that_a_terminal_needs_goes_into_a_pipe() {
    let town = Town::new();
    let before = every_command(&town);
    let mut wrong = Vec::new();
    for words in before {
        // A pager or an editor that was started would end in a failure here.
        let said = Output::of(
            alone(&town, &words)
                .env("GTD_PAGER", "false")
                .env("TERM", "xterm"),
        );
        if has_escape(&said) || said.code == Some(124) {
            wrong.push(format!("gtd {}: {said}", words.join(" ")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    let (town, goal, bead) = town_with_work();
    for words in reads(&goal, &bead) {
        let said = run(
            &town,
            &words,
            &[],
            &[("GTD_PAGER", "false"), ("TERM", "xterm")],
        );
        assert!(
            !has_escape(&said) && said.code == Some(0),
            "{words:?}: {said}"
        );
    }
}

#[test]
fn law_7_colours_and_marks_are_as_wished() {
    let (town, goal, bead) = town_with_work();
    let mut coloured = BTreeSet::new();
    for words in reads(&goal, &bead) {
        let forced = [("CLICOLOR_FORCE", "1")];
        let said = run(&town, &words, &[], &forced);
        if said.stdout.contains('\u{1b}') {
            coloured.insert(words.join(" "));
        }
        for refused in [
            &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")][..],
            &[("TERM", "dumb")],
        ] {
            let said = run(&town, &words, &[], refused);
            assert!(!has_escape(&said), "{words:?} with {refused:?}: {said}");
        }
        // What people wrote and what help explains may hold any letter.
        if matches!(
            words[0].as_str(),
            "help" | "completions" | "export" | "logs"
        ) {
            continue;
        }
        let said = run(&town, &words, &["--glyphs", "ascii"], &[]);
        let mark = said.stdout.chars().find(|c| MARKS.contains(*c));
        assert_eq!(mark, None, "{words:?}: {said}");
    }
    assert!(coloured.len() >= 8, "only {coloured:?} have colours");
}

#[test]
fn law_21_a_reader_that_leaves_ends_every_command_quietly() {
    let (town, goal, bead) = town_with_work();
    for words in reads(&goal, &bead) {
        let mut child = town
            .program(binary("gtd"))
            .args(&words)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // Nobody reads a byte.
        drop(child.stdout.take());
        let ended = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(0), "{words:?}: {said}");
        assert!(
            !said.contains("panicked") && !said.contains("error"),
            "{words:?}: {said}"
        );
    }
    let alone_in = Town::new();
    for words in every_command(&alone_in) {
        let mut command = alone(&alone_in, &words);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let ended = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&ended.stderr);
        assert!(!said.contains("panicked"), "{words:?}: {said}");
    }
}

#[test]
fn quiet_lists_are_ids_alone() {
    let (town, goal, bead) = town_with_work();
    for line in [
        "bead list --all",
        "convoy list --all",
        "rig list",
        "role list",
        "gate list",
        "gate history test",
        "agent list",
        "merge list",
        "inbox",
        "status",
        "ps",
        "undo --list",
        "config list",
        "config diff",
        "backup list",
    ] {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let said = run(&town, &words, &["-q"], &[]);
        let is_id = |line: &str| !line.contains(char::is_whitespace);
        assert!(said.stdout.lines().all(is_id), "{line}: {said}");
        assert_eq!(said.code, Some(0), "{line}: {said}");
    }
    assert_eq!(town.gtd_ok(&["convoy", "list", "--all", "-q"]).trim(), goal);
    let made = town.gtd_ok(&["bead", "create", "Another", "--run", "true", "-q"]);
    assert!(
        made.trim().starts_with("repo-") && made.lines().count() == 1,
        "{made} after {bead}"
    );
}
