//! What a gate proves beyond its exit code: single tests.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::fs;

use gtd_testkit::town::{Town, until};
use serde_json::Value;

/// Writes a report: each word is a test of `tests/NAME.py`, red when it begins with a minus.
const REPORT: &str = r#"report() {
    mkdir -p out
    printf '<testsuites><testsuite name="all">' > out/junit.xml
    for test in "$@"; do
        name=${test#-}
        printf '<testcase classname="tests.%s" name="works" file="tests/%s.py">' "$name" "$name" >> out/junit.xml
        test "$test" = "$name" || printf '<failure message="%s is wrong"/>' "$name" >> out/junit.xml
        printf '</testcase>' >> out/junit.xml
    done
    printf '</testsuite></testsuites>' >> out/junit.xml
}
"#;

/// Makes a town whose only gate is this script; it leaves its report at `out/junit.xml`, and
/// `MARK` in it is a file outside of every worktree.
fn town(gate: &str) -> Town {
    let town = Town::new().with_env("GTD_ROLES__WORKER__ATTEMPTS", "1");
    let gate = gate.replace("MARK", &town.path("mark").display().to_string());
    let script = Value::from(format!("{REPORT}{gate}"));
    let text = format!(
        "schema = 1\n\n[rig]\nname = \"repo\"\nbranch = \"main\"\n\n[[gate]]\nname = \"test\"\nrun = {script}\njunit = \"out/junit.xml\"\n"
    );
    fs::write(town.repo().join("gtd.toml"), text).unwrap();
    town.gtd_ok(&["init", "--no-detect"]);
    town
}

fn plan(beads: &[(&str, &str)]) -> String {
    let mut text = "title = \"some\"\n".to_owned();
    for (name, run) in beads {
        text.push_str(&format!(
            "\n[[bead]]\nid = \"{name}\"\ntitle = \"{name}\"\nrun = {}\n",
            Value::from(*run)
        ));
    }
    text
}

fn first_bead(document: &Value) -> String {
    document["beads"][0]["id"].as_str().unwrap().to_owned()
}

#[test]
fn a_red_test_is_named_to_whoever_has_to_mend_it() {
    let town = town("if test -e bad; then report good -bad; exit 1; fi; report good bad");
    let goal = town.goal(&plan(&[("a", "echo a > bad")]));
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(4), "{document}");
    let bead = first_bead(&document);
    let shown = town.json(&["bead", "show", &bead]).to_string();
    let told = "1 test is red:\\n  tests.bad::works (tests/bad.py): bad is wrong";
    assert!(shown.contains(told), "{shown}");
    let judged = town
        .log()
        .into_iter()
        .find_map(|record| Some(record.pointer("/event/CandidateJudged/gates/0")?.clone()));
    let judged = judged.unwrap();
    assert_eq!(judged["tests"]["passed"], 1, "{judged}");
    assert_eq!(judged["tests"]["red"][0]["name"], "tests.bad::works");
    let tests = town.json(&["gate", "history", "test", "--tests"]);
    assert_eq!(tests["items"][0]["test"], "tests.bad::works", "{tests}");
    assert_eq!(tests["items"][0]["flaky"], 0, "{tests}");
    let history = town.gtd_ok(&["gate", "history", "test"]);
    assert!(history.contains("exit 1: 1 passed, 1 failed"), "{history}");
}

#[test]
fn a_test_that_is_red_and_then_green_on_one_tree_is_told_in_the_evidence() {
    let town = town(
        "if test -e bad && test ! -e MARK; then touch MARK; report good -clock; exit 1; fi; report good clock",
    );
    let goal = town.goal(&plan(&[("a", "echo a > bad")]));
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(0), "{document}");
    let shown = town.json(&["merge", "show", &first_bead(&document)]);
    let gate = &shown["evidence"]["gates"][0];
    assert_eq!(gate["tests"]["flaky"][0], "tests.clock::works", "{shown}");
    assert_eq!(gate["tests"]["passed"], 2, "{shown}");
    let note = town.git(&["notes", "--ref=gtd", "show", "main"]);
    assert!(note.contains("tests.clock::works"), "{note}");
    assert_eq!(town.gtd(&["merge", "verify", "main~1..main"]).code, Some(0));
}

#[test]
fn a_test_that_is_flaky_too_often_gets_one_bead_and_no_second() {
    let town = town(
        "if test -e MARK; then rm MARK; report good clock; else touch MARK; report good -clock; exit 1; fi",
    );
    for n in 1..=5 {
        let verdict = town.gtd(&["gate", "run", "test"]);
        assert_eq!(verdict.code, Some(5), "{verdict}");
        let filed = town.count("FlakyTestFiled");
        assert_eq!(filed, usize::from(n >= 3), "after {n} times");
    }
    let beads = town.json(&["bead", "list", "--label", "flaky-test"]);
    let beads = beads["items"].as_array().unwrap();
    assert_eq!(beads.len(), 1, "{beads:?}");
    let tests = town.json(&["gate", "history", "test", "--tests"]);
    let clock = &tests["items"][0];
    assert_eq!(clock["test"], "tests.clock::works", "{tests}");
    assert_eq!((&clock["flaky"], &clock["red"]), (&5.into(), &5.into()));
    assert_eq!(clock["bead"], beads[0]["id"], "{tests}");
}

#[test]
fn a_report_that_is_broken_or_old_is_a_remark_and_no_verdict() {
    let town = town(
        "case $(cat kind) in broken) mkdir -p out; echo '<testsuite><testcase name=\"a\"/><testcase' > out/junit.xml;; esac; test \"$(cat kind)\" != red",
    );
    let goal = town.goal(&plan(&[("a", "echo broken > kind")]));
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(0), "{document}");
    let shown = town.json(&["merge", "show", &first_bead(&document)]);
    let tests = &shown["evidence"]["gates"][0]["tests"];
    assert!(
        tests["remark"].as_str().unwrap().contains("broken at byte"),
        "{shown}"
    );
    assert_eq!(tests["passed"], 1, "{shown}");
    // A green report of somebody else does not speak for this run, and makes no red gate green.
    let old = "mkdir out; echo '<testsuite><testcase name=\"a\"/></testsuite>' > out/junit.xml; echo red > kind";
    let goal = town.goal(&plan(&[("b", old)]));
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(4), "{document}");
    let shown = town.json(&["bead", "show", &first_bead(&document)]);
    assert!(
        shown.to_string().contains("the file is older than the run"),
        "{shown}"
    );
}

#[test]
fn whose_files_the_red_tests_are_in_is_tried_apart_first() {
    // The output itself names nobody.
    let town = town("if test -e tests/c.py; then report a b -c d; exit 1; fi; report a b d");
    town.gtd_ok(&["merge", "pause"]);
    let run = |name: &str| format!("mkdir -p tests; echo {name} > tests/{name}.py");
    let (a, b, c, d) = (run("a"), run("b"), run("c"), run("d"));
    let goal = town.goal(&plan(&[("a", &a), ("b", &b), ("c", &c), ("d", &d)]));
    until("all are handed in", || {
        (town.count("WorkSubmitted") == 4).then_some(())
    });
    town.gtd_ok(&["merge", "resume"]);
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(4), "{document}");
    let ids = |name: &str| {
        let beads = document["beads"].as_array().unwrap().iter();
        let mut found = beads.filter(|bead| bead["local_id"] == name);
        found.next().unwrap()["id"].clone()
    };
    let formed: Vec<Vec<Value>> = town
        .log()
        .iter()
        .filter_map(|record| record.pointer("/event/CandidateFormed/candidate/members"))
        .map(|members| {
            let members = members.as_array().unwrap().iter();
            members.map(|member| member["bead"].clone()).collect()
        })
        .collect();
    assert_eq!(formed[0].len(), 4, "{formed:?}");
    // One run tells: all but the one whose test is red land together.
    let mut second = formed[1].clone();
    second.sort_by_key(ToString::to_string);
    let mut rest = vec![ids("a"), ids("b"), ids("d")];
    rest.sort_by_key(ToString::to_string);
    assert_eq!(second, rest, "{formed:?}");
    assert_eq!(town.file_on("main", "tests/c.py"), None);
}
