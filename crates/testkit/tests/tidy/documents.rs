//! The documents name what exists: each law its tests, each way to fail the test that shows the outcome.

use std::collections::BTreeSet;

use crate::tree::{files, names_in, quoted, read, relative, root, sources, tables, tests};

const RECOVERY: &str = "docs/recovery.md";
const ARCHITECTURE: &str = "docs/ARCHITECTURE.md";

/// The moments at which the daemon may die; each is an end-to-end test.
const DEATHS: [&str; 12] = [
    "before the append",
    "after the append, before the reply",
    "after the grant, before the launch",
    "between run directory and process",
    "while the agent works",
    "and the agent ends meanwhile",
    "after the submit",
    "after the candidate commit",
    "during the gate",
    "after the ref moved, before the record",
    "and the machine reboots",
    "and someone pushed to the target meanwhile",
];

/// The faults that must have a row, by their numbers.
const FAULTS: [u32; 26] = [
    3, 4, 5, 6, 8, 9, 10, 11, 12, 13, 24, 25, 26, 27, 28, 29, 31, 32, 33, 36, 38, 43, 44, 45, 47,
    48,
];

/// The laws, by the first cell of their rows.
const LAWS: [&str; 10] = [
    "1",
    "2",
    "3",
    "4",
    "5",
    "6",
    "7",
    "idle",
    "proof",
    "nothing lost",
];

/// Words after "gtd" at the begin of a text that is a sentence and no command.
const PROSE: [&str; 4] = ["and", "needs", "refinery", "snapshot"];

/// Complains about every name in the cell that is neither a test nor a script.
fn check_evidence(
    document: &str,
    row: &str,
    cell: &str,
    tests: &BTreeSet<String>,
    wrong: &mut Vec<String>,
) {
    let names = quoted(cell);
    if names.is_empty() {
        wrong.push(format!("{document}: the row `{row}` names no test"));
    }
    for name in names {
        let exists = match name.starts_with("scripts/") {
            true => root().join(name).is_file(),
            false => tests.contains(name),
        };
        if !exists {
            wrong.push(format!(
                "{document}: the row `{row}` names `{name}`, which does not exist"
            ));
        }
    }
}

fn complain(wrong: &[String]) {
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_death_has_a_row_and_a_test() {
    let tests = tests();
    let mut wrong = Vec::new();
    let rows = tables(RECOVERY, &["when the daemon dies …"]);
    let present: BTreeSet<&str> = rows.iter().map(|row| row[0].as_str()).collect();
    for death in DEATHS {
        if !present.contains(death) {
            wrong.push(format!("{RECOVERY}: there is no row `{death}`"));
        }
    }
    for row in &rows {
        check_evidence(RECOVERY, &row[0], &row[2], &tests, &mut wrong);
    }
    complain(&wrong);
}

#[test]
fn every_fault_has_a_row_and_a_test() {
    let tests = tests();
    let mut wrong = Vec::new();
    let rows = tables(RECOVERY, &["#", "fault"]);
    let present: BTreeSet<&str> = rows.iter().map(|row| row[0].as_str()).collect();
    assert_eq!(present.len(), rows.len(), "{RECOVERY} has a number twice");
    for fault in FAULTS {
        if !present.contains(fault.to_string().as_str()) {
            wrong.push(format!("{RECOVERY}: there is no row {fault}"));
        }
    }
    for row in &rows {
        check_evidence(RECOVERY, &row[0], &row[3], &tests, &mut wrong);
    }
    complain(&wrong);
}

#[test]
fn every_law_has_a_test() {
    let tests = tests();
    let mut wrong = Vec::new();
    let rows = tables(ARCHITECTURE, &["#", "law", "it forbids"]);
    let present: Vec<&str> = rows.iter().map(|row| row[0].as_str()).collect();
    assert_eq!(present, LAWS, "the laws of {ARCHITECTURE}");
    for row in &rows {
        check_evidence(ARCHITECTURE, &row[0], &row[3], &tests, &mut wrong);
    }
    complain(&wrong);
}

#[test]
fn every_link_in_a_document_leads_to_a_file() {
    let mut wrong = Vec::new();
    let documents = files("docs").into_iter().chain([root().join("README.md")]);
    for path in documents.filter(|path| path.extension().is_some_and(|end| end == "md")) {
        let text = std::fs::read_to_string(&path).expect("a document is text");
        for link in text.split("](").skip(1) {
            let target = link.split([')', '#']).next().unwrap_or_default();
            let is_outside = target.is_empty() || target.contains("://");
            let folder = path.parent().expect("a file lies in a folder");
            if !is_outside && !folder.join(target).exists() {
                wrong.push(format!(
                    "{} links to {target}, which does not exist",
                    relative(&path)
                ));
            }
        }
    }
    complain(&wrong);
}

#[test]
fn each_decision_has_a_number_of_its_own() {
    let names = names_in(&root().join("docs/decisions"));
    let mut taken = BTreeSet::new();
    for name in &names {
        let number = name.get(..4).unwrap_or_default();
        let is_number = number.bytes().all(|byte| byte.is_ascii_digit());
        assert!(
            is_number && number.len() == 4 && name[4..].starts_with('-') && name.ends_with(".md"),
            "docs/decisions/{name} should begin with a number of four digits"
        );
        assert!(
            taken.insert(number),
            "docs/decisions/{name}: the number is taken"
        );
    }
}

/// Lists the commands of `gtd`, as its list of them says.
fn commands() -> BTreeSet<String> {
    let text = read("crates/cli/src/args.rs");
    let list = text
        .split("enum Command {")
        .nth(1)
        .expect("the list of commands");
    list.lines()
        .take_while(|line| *line != "}")
        .filter_map(|line| line.trim().split_once("(commands::"))
        .map(|(name, _)| name.to_lowercase())
        .collect()
}

/// Lists the words that follow `gtd` where a command is meant.
fn named_commands(text: &str) -> Vec<&str> {
    let begins = |at: usize| {
        let before = &text[..at];
        before.ends_with(['`', '"', '\n']) || before.ends_with(": ") || before.ends_with("$ ")
    };
    text.match_indices("gtd ")
        .filter(|(at, _)| begins(*at))
        .filter_map(|(at, found)| {
            text[at + found.len()..]
                .split(|c: char| !c.is_ascii_lowercase())
                .next()
        })
        .filter(|word| !word.is_empty() && !PROSE.contains(word))
        .collect()
}

#[test]
fn every_command_that_a_text_names_exists() {
    let commands = commands();
    assert!(commands.contains("status"), "{commands:?}");
    let mut texts: Vec<(String, String)> = sources("crates")
        .into_iter()
        .filter(|(path, _)| path.contains("/src/") && !path.starts_with("crates/testkit/"))
        .map(|(path, text)| {
            let code: Vec<&str> = text
                .lines()
                .filter(|line| !line.trim_start().starts_with("//"))
                .map(str::trim)
                .collect();
            (path, code.join("\r"))
        })
        .collect();
    for path in files("docs").into_iter().chain([root().join("README.md")]) {
        let text = std::fs::read_to_string(&path).expect("a document is text");
        texts.push((relative(&path), text));
    }
    let mut wrong = Vec::new();
    for (path, text) in &texts {
        for word in named_commands(text) {
            if !commands.contains(word) {
                wrong.push(format!("{path} names `gtd {word}`, which does not exist"));
            }
        }
    }
    complain(&wrong);
}
