//! A town whose log is sealed: every surface tells the whole history, as before.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::{fs, path::PathBuf};

use gtd_testkit::town::{Town, binary, until};

/// Seals whatever a snapshot covers, however little it is.
const EARLY: &str = "store.seals-early=fail";

fn create(town: &Town, title: &str) {
    town.gtd_ok(&["bead", "create", title, "--defer", "30d"]);
}

/// The copies of all segments.
fn segments(town: &Town) -> Vec<PathBuf> {
    let folders = ["segments", "segments-copy"];
    let mut found: Vec<PathBuf> = folders
        .iter()
        .filter_map(|name| fs::read_dir(town.path("home/data/store").join(name)).ok())
        .flatten()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "gz"))
        .collect();
    found.sort();
    found
}

/// A town that is down, with two beads, the first of which is in a snapshot.
fn town() -> Town {
    let town = Town::new();
    town.init(&[("test", "true")]);
    create(&town, "before the snapshot");
    town.down();
    let _daemon = town.start("");
    create(&town, "after the snapshot");
    town.down();
    town
}

/// Tells whether the journal begins after a record that is sealed.
fn is_compact(town: &Town) -> bool {
    let journal = fs::read_to_string(town.path("home/data/store/journal.jsonl")).unwrap();
    let first = journal.lines().next().unwrap();
    first.contains(r#""after":"#) && !first.contains(r#""after":0,"#)
}

#[test]
fn a_sealed_log_is_read_backed_up_and_restored_as_before() {
    let town = town();
    let daemon = town.start("");
    let export = town.gtd_ok(&["export", "json"]);
    let list = town.json(&["bead", "list"]);
    assert_eq!(daemon.terminate(), Some(0));
    let daemon = town.start(EARLY);
    until("the log is compact", || is_compact(&town).then_some(()));
    assert_eq!(segments(&town).len(), 2);
    let later = town.gtd_ok(&["export", "json"]);
    assert!(later.starts_with(&export), "{later}\n---\n{export}");
    assert_eq!(town.json(&["bead", "list"])["items"], list["items"]);
    create(&town, "after it was sealed");
    let doctor = town.gtd(&["doctor", "--only", "store", "-v"]).stdout;
    assert!(doctor.contains("both copies of 1 sealed part"), "{doctor}");
    let made = town.json(&["backup", "create"]);
    let path = made["path"].as_str().unwrap();
    let whole = town.json(&["backup", "verify", path]);
    assert_eq!(whole["verified"], true, "{whole:#}");
    let export = town.gtd_ok(&["export", "json"]);
    daemon.kill();
    let _daemon = town.start("");
    let again = town.gtd_ok(&["export", "json"]);
    assert!(again.starts_with(&export), "{again}\n---\n{export}");
    town.down();
    let restored = town
        .program(binary("gtd"))
        .env("GTD_HOME", town.path("new"))
        .args(["backup", "restore", path])
        .status()
        .unwrap();
    assert!(restored.success());
    let store = town.path("new/data/store");
    let journal = fs::read_to_string(store.join("journal.jsonl")).unwrap();
    assert!(journal.contains("before the snapshot"), "{journal}");
    assert!(journal.contains("after it was sealed"), "{journal}");
}

#[test]
fn a_daemon_that_dies_while_it_compacts_goes_on_with_every_record() {
    for point in ["segment-named", "compact-journal", "compact-aside"] {
        let town = town();
        let daemon = town.start("");
        let export = town.gtd_ok(&["export", "json"]);
        assert_eq!(daemon.terminate(), Some(0));
        town.spawn(&format!("{EARLY},store.{point}=kill")).dies();
        let _daemon = town.start(EARLY);
        until("the log is compact", || is_compact(&town).then_some(()));
        let after = town.gtd_ok(&["export", "json"]);
        assert!(
            after.starts_with(&export),
            "{point}: {after}\n---\n{export}"
        );
        create(&town, "it goes on");
    }
}
