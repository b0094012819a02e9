//! From the format before: `tests/format-1` is what the last program that wrote it left behind when it was killed.

use std::{
    fs,
    os::unix::process::ExitStatusExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use gtd_core::Revision;
use gtd_store::{FORMAT, Options, Repair, Store, StoreError, check_journal};

use crate::town::{Town, all, options, records, request};

const DIR: &str = "GTD_STORE_MIGRATE_DIR";

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/format-1")
}

/// A copy of the fixture, and how many records are in it.
fn older() -> (Town, u64) {
    let town = Town::empty();
    let done = Command::new("cp")
        .arg("-r")
        .arg(fixture().join("."))
        .arg(town.path())
        .status()
        .unwrap();
    assert!(done.success());
    let journal = fs::read_to_string(town.journal()).unwrap();
    assert!(
        journal.starts_with(r#"{"gtd_journal":1,"#),
        "it is of format 1"
    );
    (town, journal.lines().count() as u64 - 1)
}

#[test]
fn a_store_of_the_format_before_is_migrated_and_a_copy_of_it_is_kept() {
    let (town, count) = older();
    let before = fs::read(town.journal()).unwrap();
    let (store, opened) = town.open();
    let [
        Repair::Migrated {
            from: 1,
            kept: Some(kept),
        },
    ] = &opened.repairs[..]
    else {
        panic!("{:?}", opened.repairs);
    };
    assert_eq!(opened.head, Revision(count));
    assert_eq!(all(&store), records(1..=count));
    for revision in (1..=count).filter(|revision| revision % 5 != 0) {
        assert!(store.find_request(&request(revision)).unwrap().is_some());
    }
    let (at, snapshot) = opened.snapshot.clone().unwrap();
    assert!(at > Revision(0) && at <= Revision(count));
    assert_eq!(snapshot, [1; 50_000]);
    store.close();
    let text = fs::read_to_string(town.journal()).unwrap();
    assert!(text.starts_with(&format!(r#"{{"gtd_journal":{FORMAT},"#)));
    // The copy is the journal as it was, and goes on being that.
    assert_eq!(town.repairs_to(count), []);
    assert!(fs::read(kept.join("journal.jsonl")).unwrap() == before);
    let report = check_journal(&kept.join("journal.jsonl")).unwrap();
    assert_eq!(
        (report.head, report.town_id),
        (Revision(count), opened.town_id)
    );
}

#[test]
fn the_places_of_older_snapshots_stay_true() {
    let (town, count) = older();
    let (mut store, opened) = town.open();
    let (at, _) = opened.snapshot.unwrap();
    store.append(&records(count + 1..=count + 1)).unwrap();
    store.close();
    let eager = Options {
        seals_at: 1,
        ..options()
    };
    let (store, _) = Store::open(town.path(), &eager).unwrap();
    let compaction = store.compaction().unwrap().unwrap();
    assert_eq!(compaction.until(), at);
}

#[test]
fn whoever_has_a_copy_already_keeps_no_other() {
    let (town, count) = older();
    let options = Options {
        keeps_older: false,
        ..options()
    };
    let (store, opened) = Store::open(town.path(), &options).unwrap();
    assert_eq!(
        opened.repairs,
        [Repair::Migrated {
            from: 1,
            kept: None
        }]
    );
    assert_eq!(all(&store), records(1..=count));
    assert_eq!(town.names("format"), Vec::<String>::new());
}

#[test]
fn a_death_at_any_step_of_a_migration_loses_nothing_and_keeps_one_copy() {
    for point in ["migrate-kept", "migrate-journal", "migrate-database"] {
        let (town, count) = older();
        let before = fs::read(town.journal()).unwrap();
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "migrate::migrates_until_it_is_killed"])
            .env(DIR, town.path())
            .env("GTD_FAULT", format!("store.{point}=kill"))
            .output()
            .unwrap();
        assert_eq!(child.status.signal(), Some(9), "{point}");
        let (store, opened) = town.open();
        let is_told = matches!(
            opened.repairs[..],
            [Repair::Migrated {
                from: 1,
                kept: Some(_)
            }]
        );
        assert_eq!(is_told, point != "migrate-database", "{:?}", opened.repairs);
        assert_eq!(all(&store), records(1..=count), "{point}");
        store.close();
        let kept = town.names("format");
        assert_eq!(kept.len(), 1, "{point}: {kept:?}");
        let copy = town.path().join(&kept[0]).join("journal.jsonl");
        assert!(fs::read(copy).unwrap() == before, "{point}");
        assert_eq!(town.repairs_to(count), [], "{point}");
    }
}

/// The child of the test above; without the variable it has nothing to do.
#[test]
fn migrates_until_it_is_killed() {
    let Some(dir) = std::env::var_os(DIR) else {
        return;
    };
    drop(Store::open(Path::new(&dir), &options()).unwrap());
}

#[test]
fn a_newer_format_is_refused_with_what_to_do() {
    let (town, _) = older();
    let (store, opened) = town.open();
    store.close();
    let text = fs::read_to_string(town.journal()).unwrap();
    let (_, records) = text.split_once('\n').unwrap();
    let newer = FORMAT + 1;
    let crc = crc32fast::hash(format!("{newer}\n{}", opened.town_id).as_bytes());
    let header = format!(
        r#"{{"gtd_journal":{newer},"town":"{}","crc":"{crc:08x}"}}"#,
        opened.town_id
    );
    fs::write(town.journal(), format!("{header}\n{records}")).unwrap();
    let refused = town.try_open().unwrap_err();
    assert!(
        matches!(refused, StoreError::NewerFormat { found, .. } if found == newer),
        "{refused:?}"
    );
    let hint = refused.hint().unwrap();
    assert!(
        hint.contains("install the version of gtd that wrote it"),
        "{hint}"
    );
    assert!(hint.contains("gtd backup restore"), "{hint}");
}
