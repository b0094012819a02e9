//! Starts whose database takes its time: what is answered meanwhile, and what comes of it.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::fs;

use gtd_core::{RequestId, Revision};
use gtd_store::{Options, Record, Store};
use gtd_testkit::town::{Town, binary, until};

/// A town with a bead that a snapshot knows and one that only the log knows; its daemon was killed.
fn town() -> Town {
    let town = Town::new();
    town.init(&[("test", "true")]);
    town.gtd_ok(&["bead", "create", "in the snapshot", "--defer", "30d"]);
    town.down();
    let daemon = town.start("");
    town.gtd_ok(&["bead", "create", "behind the snapshot", "--defer", "30d"]);
    daemon.kill();
    town
}

/// A fault that holds the open of the database until the file `go` is there.
fn held(town: &Town) -> String {
    format!("store.open-database=until:{}", town.path("go").display())
}

fn answers(town: &Town) {
    until("the daemon answers", || town.daemon_pid().map(drop));
}

#[test]
fn reads_are_answered_while_the_log_is_opened_and_writes_wait_for_it() {
    let town = town();
    let daemon = town.spawn(&held(&town));
    answers(&town);
    let list = town.gtd_ok(&["bead", "list"]);
    assert!(list.contains("in the snapshot"), "{list}");
    assert!(list.contains("behind the snapshot"), "{list}");
    for args in [vec!["status"], vec!["doctor", "--only", "daemon"]] {
        let told = town.gtd(&args).stdout;
        assert!(told.contains("writes wait"), "{args:?}: {told}");
    }
    let mut write = town
        .program(binary("gtd"))
        .args(["bead", "create", "while it was opened", "--defer", "30d"])
        .args(["--timeout", "60s"])
        .spawn()
        .unwrap();
    let list = town.gtd_ok(&["bead", "list"]);
    assert!(!list.contains("while it was opened"), "{list}");
    assert!(!town.daemon_said().contains(" is ready: "));
    assert!(write.try_wait().unwrap().is_none(), "the write waits");
    town.touch("go");
    assert!(write.wait().unwrap().success());
    let list = town.gtd_ok(&["bead", "list"]);
    assert!(list.contains("while it was opened"), "{list}");
    let told = town.gtd(&["status"]).stdout;
    assert!(!told.contains("writes wait"), "{told}");
    until("the daemon says that it is ready", || {
        town.daemon_said().contains(" is ready: ").then_some(())
    });
    assert_eq!(daemon.terminate(), Some(0));
}

/// Writes another story of the last record into the journal, every line of which is good.
fn change_the_last_record(town: &Town) -> Revision {
    let path = town.path("home/data/store/journal.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    let (front, last) = text.trim_end().rsplit_once('\n').unwrap();
    let record: serde_json::Value = serde_json::from_str(last).unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let journal = elsewhere.path().join("journal.jsonl");
    fs::write(&journal, format!("{front}\n")).unwrap();
    let (mut store, opened) = Store::open(elsewhere.path(), &Options::default()).unwrap();
    let revision = opened.head.next();
    assert_eq!(record["rev"], revision.0, "the last append is one record");
    let request = record["req"].as_str().unwrap();
    let body = record["body"].to_string();
    let other = body.replace("behind the snapshot", "another story");
    assert_ne!(other, body);
    let record = Record {
        revision,
        request: Some(RequestId::parse(request).unwrap()),
        body: other.into(),
    };
    store.append(&[record]).unwrap();
    store.close();
    fs::copy(journal, path).unwrap();
    revision
}

#[test]
fn a_database_that_tells_another_story_refuses_the_start_although_reads_were_answered() {
    let town = town();
    let revision = change_the_last_record(&town);
    let journal = town.path("home/data/store/journal.jsonl");
    let before = fs::read(&journal).unwrap();
    let daemon = town.spawn(&held(&town));
    answers(&town);
    let list = town.gtd_ok(&["bead", "list"]);
    assert!(list.contains("another story"), "{list}");
    town.touch("go");
    assert_eq!(daemon.ends(), Some(1));
    let said = town.daemon_said();
    assert!(
        said.contains(&format!("record {revision} differs")),
        "{said}"
    );
    assert!(said.contains("behind the snapshot"), "{said}");
    assert!(said.contains("another story"), "{said}");
    assert!(said.contains("move away the one that is wrong"), "{said}");
    assert!(fs::read(&journal).unwrap() == before, "nothing was changed");
    // The thin program waits for the log, and passes the refusal on.
    let refused = town.gtd(&["up"]);
    assert_ne!(refused.code, Some(0), "{refused}");
    assert!(refused.stderr.contains("differs"), "{refused}");
}

#[test]
fn whoever_ends_a_daemon_that_opens_its_log_need_not_wait_for_it() {
    let town = town();
    let daemon = town.spawn(&held(&town));
    answers(&town);
    assert_eq!(daemon.terminate(), Some(0));
    town.touch("go");
    let _daemon = town.start("");
    let list = town.gtd_ok(&["bead", "list"]);
    assert!(list.contains("behind the snapshot"), "{list}");
}
