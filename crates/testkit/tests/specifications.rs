//! A Spec Kit folder stands in for a plan, and its boxes tell what has landed.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::{fs, path::Path};

use gtd_testkit::town::{Town, until};

const LIST: &str = "\
# Tasks: Greetings

## Phase 1: Setup

- [x] T001 Create the project
- [ ] T002 Write greetings/base.txt

## Phase 2: Words

- [ ] T003 [P] [US1] Say hello in greetings/hello.txt
- [ ] T004 [P] [US1] Say goodbye, which nobody can
";

/// A town whose claude writes one file for each bead, and nothing for what speaks of goodbye,
/// also when it is asked once more.
fn town() -> Town {
    let town = Town::new();
    let streams = Path::new(env!("CARGO_MANIFEST_DIR")).join("../agent/tests/streams/claude");
    town.be_claude(&format!(
        "#!/bin/sh\ncase \"$*\" in *--resume*) ;;\n\
         *) if ! grep -q 'This is task T004'; then echo done > \"$GTD_BEAD.txt\"; fi ;; esac\n\
         exec cat {}/write.jsonl\n",
        streams.display()
    ));
    town.init(&[("test", "true")]);
    fs::create_dir_all(town.repo().join("specs/001-greetings")).unwrap();
    fs::write(town.repo().join("specs/001-greetings/tasks.md"), LIST).unwrap();
    town
}

#[test]
fn the_tasks_of_a_specification_land_in_its_order_and_only_their_boxes_are_ticked() {
    let town = town();
    let goal = town.json(&["goal", "--spec", "specs/001-greetings"]);
    assert_eq!(goal["title"], "Greetings", "{goal:#}");
    let beads = goal["beads"].as_array().unwrap();
    let titles: Vec<&str> = beads.iter().map(|b| b["title"].as_str().unwrap()).collect();
    assert_eq!(
        titles,
        [
            "T002 Write greetings/base.txt",
            "T003 Say hello in greetings/hello.txt",
            "T004 Say goodbye, which nobody can",
        ]
    );
    let id = |n: usize| beads[n]["id"].as_str().unwrap().to_owned();
    for n in [0, 1] {
        let waited = town.gtd(&["wait", &id(n), "--timeout", "60s"]);
        assert_eq!(waited.code, Some(0), "{waited}");
    }
    let log = town.git(&["log", "--format=%s", "main"]);
    let (hello, base) = (log.find("T003").unwrap(), log.find("T002").unwrap());
    assert!(hello < base, "the phase before landed first: {log}");
    until("nobody works on what nobody can", || {
        let closed = town.gtd(&["bead", "close", &id(2), "-m", "nobody can"]);
        (closed.code == Some(0)).then_some(())
    });

    let list = "specs/001-greetings/tasks.md";
    let shown = town.gtd_ok(&["export", "speckit", "specs/001-greetings"]);
    let expected = LIST
        .replace("[ ] T002", "[x] T002")
        .replace("[ ] T003", "[x] T003");
    assert_eq!(
        shown, expected,
        "what was closed without a proof stays open"
    );
    assert_eq!(fs::read_to_string(town.repo().join(list)).unwrap(), LIST);
    let said = town.gtd(&["export", "speckit", list, "-o", list]);
    assert_eq!(said.code, Some(0), "{said}");
    assert!(said.stderr.contains("ticked T002 T003"), "{said}");
    assert_eq!(
        fs::read_to_string(town.repo().join(list)).unwrap(),
        expected
    );
    // What has landed is done, ticked or not; what was closed may be tried again.
    fs::write(town.repo().join(list), LIST).unwrap();
    let again = town.json(&["goal", "--spec", list]);
    assert_eq!(again["beads"].as_array().unwrap().len(), 1, "{again:#}");
    let twice = town.gtd(&["goal", "--spec", list]);
    assert_eq!(twice.code, Some(7), "{twice}");
    assert!(twice.stderr.contains("has not ended"), "{twice}");
    fs::write(town.repo().join(list), &expected).unwrap();
    let again = town.gtd(&["export", "speckit", list, "-o", list]);
    assert!(again.stderr.contains("ticked no more box"), "{again}");
}

#[test]
fn a_specification_that_cannot_be_meant_is_refused_before_anything_is_created() {
    let town = town();
    let folder = town.repo().join("specs/001-greetings");
    for (text, code, words) in [
        ("- [ ] write it\n", 2, "there is no task in it"),
        ("- [ ] T1 a (depends on T2)\n", 2, "which is not there"),
        ("- [x] T1 a\n", 7, "nothing is left to do"),
    ] {
        fs::write(folder.join("tasks.md"), text).unwrap();
        let said = town.gtd(&["goal", "--spec", "specs/001-greetings"]);
        assert_eq!(said.code, Some(code), "{said}");
        assert!(said.stderr.contains(words), "{said}");
    }
    fs::remove_file(folder.join("tasks.md")).unwrap();
    let said = town.gtd(&["goal", "--spec", "specs/001-greetings"]);
    assert_eq!(said.code, Some(2), "{said}");
    assert!(
        said.stderr.contains("neither tasks.md nor spec.md"),
        "{said}"
    );
    let goals = town.json(&["convoy", "list"]);
    assert_eq!(goals["items"].as_array().unwrap().len(), 0, "{goals:#}");
}
