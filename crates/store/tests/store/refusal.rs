use std::{collections::BTreeSet, fs, time::Instant};

use gtd_core::Revision;
use gtd_store::{FORMAT, Record, StoreError, Witness, verify};

use crate::{
    compact::{COPIES, compacted, segments},
    town::{Town, all, record, records},
};

#[test]
fn a_second_opener_is_refused_at_once_and_told_who_holds_it() {
    let town = Town::with(2);
    let (store, _) = town.open();
    let started = Instant::now();
    let Err(StoreError::Held { pid, .. }) = town.try_open() else {
        panic!("it must be refused");
    };
    assert_eq!(pid, Some(std::process::id()));
    assert!(started.elapsed().as_millis() < 1000);
    assert!(matches!(verify(town.path()), Err(StoreError::Held { .. })));
    store.close();
    assert_eq!(town.repairs_to(2), []);
}

#[test]
fn a_newer_format_in_the_journal_is_refused() {
    let town = Town::with(2);
    make_newer(&town);
    let Err(StoreError::NewerFormat {
        found,
        supported,
        at,
    }) = town.try_open()
    else {
        panic!("it must be refused");
    };
    assert_eq!((found, supported, at), (7, FORMAT, Witness::Journal));
}

/// Gives the journal the header of a version that is not made yet.
fn make_newer(town: &Town) {
    let text = fs::read_to_string(town.journal()).unwrap();
    let (_, lines) = text.split_once('\n').unwrap();
    let crc = crc32fast::hash(b"7\nelsewhere");
    let header = format!(r#"{{"gtd_journal":7,"town":"elsewhere","crc":"{crc:08x}","more":1}}"#);
    fs::write(town.journal(), format!("{header}\n{lines}")).unwrap();
}

#[test]
fn nothing_of_a_newer_format_is_mended_made_anew_or_removed() {
    let town = compacted();
    make_newer(&town);
    let copy = format!("{}/{}", COPIES[1], segments(&town, COPIES[1])[0]);
    fs::remove_file(town.path().join(copy)).unwrap();
    fs::remove_file(town.path().join("requests.idx")).unwrap();
    fs::write(town.path().join("requests.new"), "unfinished").unwrap();
    fs::write(town.path().join("snapshots/unfinished.new"), "").unwrap();
    fs::rename(town.sled(), town.path().join("sled.old")).unwrap();
    let names = || {
        ["", COPIES[0], COPIES[1], "snapshots", "sled.old"].map(|folder| {
            let entries = fs::read_dir(town.path().join(folder));
            let names = entries
                .into_iter()
                .flatten()
                .map(|entry| entry.unwrap().file_name());
            names.collect::<BTreeSet<_>>()
        })
    };
    let before = names();
    let refused = town.try_open().unwrap_err();
    assert!(
        matches!(refused, StoreError::NewerFormat { found: 7, .. }),
        "{refused:?}"
    );
    assert_eq!(names(), before);
}

#[test]
fn a_newer_format_in_the_database_is_refused() {
    let town = Town::with(2);
    let db = sled::open(town.sled()).unwrap();
    let log = db.open_tree("log").unwrap();
    log.insert("m/format", &9_u64.to_be_bytes()).unwrap();
    drop((log, db));
    let error = town.try_open().unwrap_err();
    assert_eq!(
        error.to_string(),
        "open the store: its database has format 9, this program knows formats up to 2"
    );
}

#[test]
fn two_stories_are_refused_and_both_are_shown() {
    let town = Town::with(3);
    let other = Town::empty();
    copy(&town, &other);
    let (mut store, _) = town.open();
    store.append(&[record(4)]).unwrap();
    store.close();
    let (mut store, _) = other.open();
    let foreign = Record {
        body: r#"{"n":"another story"}"#.into(),
        ..record(4)
    };
    store.append(&[foreign]).unwrap();
    store.close();
    fs::copy(other.journal(), town.journal()).unwrap();
    let error = town.try_open().unwrap_err();
    let StoreError::Diverged {
        revision,
        sled,
        journal,
    } = &error
    else {
        panic!("it must be refused: {error:?}");
    };
    assert_eq!(*revision, Revision(4));
    assert!(sled.contains("entry 4"), "{sled}");
    assert!(journal.contains("another story"), "{journal}");
    let report = verify(town.path()).unwrap();
    assert_eq!(report.problems, [error.to_string()]);
    assert_eq!(town.names("sled"), ["sled"]);
}

#[test]
fn the_journal_of_another_town_is_refused() {
    let (town, other) = (Town::with(3), Town::with(4));
    fs::copy(other.journal(), town.journal()).unwrap();
    let error = town.try_open().unwrap_err();
    assert!(matches!(error, StoreError::OtherTown { .. }), "{error:?}");
}

#[test]
fn when_both_are_broken_it_refuses_and_changes_nothing() {
    let town = Town::with(9);
    let data = fs::read(town.sled().join("db")).unwrap();
    fs::write(town.sled().join("db"), vec![0xA5; data.len()]).unwrap();
    for name in snapshots_of_sled(&town) {
        fs::write(name, b"nonsense").unwrap();
    }
    let journal = flip(&town, "entry 4");
    let error = town.try_open().unwrap_err();
    assert!(matches!(error, StoreError::Unreadable { .. }), "{error:?}");
    assert_eq!(fs::read(town.journal()).unwrap(), journal);
    assert_eq!(town.names("journal"), ["journal.jsonl"]);
    assert_eq!(town.names("sled"), ["sled"]);
    assert!(!verify(town.path()).unwrap().is_sound());
}

#[test]
fn a_damaged_last_line_without_a_database_is_not_taken_for_a_torn_one() {
    let town = Town::with(9);
    fs::remove_dir_all(town.sled()).unwrap();
    flip(&town, "entry 9");
    let error = town.try_open().unwrap_err();
    assert!(matches!(error, StoreError::Unreadable { .. }), "{error:?}");
}

#[test]
fn a_damaged_header_without_a_database_is_refused() {
    let town = Town::with(2);
    fs::remove_dir_all(town.sled()).unwrap();
    flip(&town, "gtd_journal");
    let error = town.try_open().unwrap_err();
    assert!(matches!(error, StoreError::Unreadable { .. }), "{error:?}");
}

#[test]
fn it_never_starts_empty_where_data_were() {
    let town = Town::with(5);
    fs::remove_dir_all(town.sled()).unwrap();
    fs::remove_file(town.journal()).unwrap();
    let error = town.try_open().unwrap_err();
    assert!(matches!(error, StoreError::Emptied { .. }), "{error:?}");
    fs::create_dir(town.sled()).unwrap();
    fs::write(town.journal(), "").unwrap();
    let error = town.try_open().unwrap_err();
    assert!(matches!(error, StoreError::Emptied { .. }), "{error:?}");
    let fresh = Town::empty();
    fresh.open().0.close();
    fs::copy(fresh.journal(), town.journal()).unwrap();
    let error = town.try_open().unwrap_err();
    assert!(matches!(error, StoreError::Emptied { .. }), "{error:?}");
}

#[test]
fn an_older_journal_and_a_damaged_database_make_one_whole_log() {
    let town = Town::with(5);
    let older = fs::read(town.journal()).unwrap();
    let (mut store, _) = town.open();
    store.append(&records(6..=9)).unwrap();
    store.close();
    let db = sled::open(town.sled()).unwrap();
    let log = db.open_tree("log").unwrap();
    log.remove([b"e/".as_slice(), &3_u64.to_be_bytes()].concat())
        .unwrap();
    drop((log, db));
    flip(&town, "entry 3");
    let error = town.try_open().unwrap_err();
    assert!(matches!(error, StoreError::Unreadable { .. }), "{error:?}");
    assert_eq!(
        error.hint(),
        Some(
            "gtd backup restore FILE --replace, and gtd backup list shows which there are; without a backup, copy the folder away; then put an older copy of `journal.jsonl` in the place of the damaged one: what the database still has is added to it"
        )
    );
    fs::write(town.journal(), older).unwrap();
    let (store, _) = town.try_open().unwrap();
    assert_eq!(all(&store), records(1..=9));
}

#[test]
fn of_an_emptied_store_one_copy_is_enough_and_a_new_folder_begins_anew() {
    for kept in ["journal.jsonl", "sled"] {
        let town = Town::with(5);
        let copied = Town::empty();
        copy(&town, &copied);
        fs::remove_dir_all(town.sled()).unwrap();
        fs::remove_file(town.journal()).unwrap();
        fs::create_dir(town.sled()).unwrap();
        let error = town.try_open().unwrap_err();
        assert_eq!(
            error.hint(),
            Some(
                "gtd backup restore FILE --replace, and gtd backup list shows which there are; or put a copy of `journal.jsonl` or of `sled` back: one of them is enough; to begin anew instead, move the folder away"
            )
        );
        fs::remove_dir(town.sled()).unwrap();
        fs::rename(copied.path().join(kept), town.path().join(kept)).unwrap();
        let (store, _) = town.open();
        assert_eq!(all(&store), records(1..=5), "{kept}");
    }
    assert_eq!(Town::empty().open().1.head, Revision(0));
}

#[test]
fn of_two_stories_the_one_that_stays_is_the_log() {
    for (wrong, town_of) in [("sled", 1), ("journal.jsonl", 0)] {
        let pair = [Town::with(3), Town::with(4)];
        fs::copy(pair[1].journal(), pair[0].journal()).unwrap();
        let error = pair[0].try_open().unwrap_err();
        assert_eq!(
            error.hint(),
            Some(
                "move away the one that is wrong, `sled` or `journal.jsonl`: it is made again from the other"
            )
        );
        fs::rename(pair[0].path().join(wrong), pair[0].path().join("wrong")).unwrap();
        let (store, _) = pair[0].open();
        assert_eq!(all(&store).len(), 3 + town_of, "without {wrong}");
        store.close();
        assert_eq!(pair[0].names("sled"), ["sled"]);
    }
}

#[test]
fn an_interrupted_first_start_is_begun_again() {
    let made = Town::empty();
    let (store, opened) = made.open();
    store.close();
    for missing in ["sled", "journal.jsonl"] {
        let town = Town::empty();
        copy(&made, &town);
        let path = town.path().join(missing);
        if path.is_dir() {
            fs::remove_dir_all(path).unwrap();
        } else {
            fs::remove_file(path).unwrap();
        }
        let (mut store, reopened) = town.open();
        assert_eq!(reopened.town_id, opened.town_id);
        store.append(&records(1..=2)).unwrap();
        assert_eq!(all(&store), records(1..=2));
    }
}

#[test]
fn a_folder_that_may_not_be_read_is_an_error_and_nothing_is_set_aside() {
    let town = Town::with(3);
    fs::rename(town.journal(), town.path().join("kept")).unwrap();
    fs::create_dir(town.journal()).unwrap();
    let error = town.try_open().unwrap_err();
    assert!(matches!(error, StoreError::Io { .. }), "{error:?}");
    fs::remove_dir(town.journal()).unwrap();
    fs::rename(town.path().join("kept"), town.journal()).unwrap();
    assert_eq!(town.repairs_to(3), []);
}

/// Flips one bit of the first byte of `text` in the journal.
fn flip(town: &Town, text: &str) -> Vec<u8> {
    let mut journal = fs::read(town.journal()).unwrap();
    let at = journal
        .windows(text.len())
        .position(|window| window == text.as_bytes())
        .unwrap();
    journal[at] ^= 4;
    fs::write(town.journal(), &journal).unwrap();
    journal
}

fn snapshots_of_sled(town: &Town) -> Vec<std::path::PathBuf> {
    fs::read_dir(town.sled())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.file_name()
                .unwrap()
                .to_str()
                .unwrap()
                .starts_with("snap")
        })
        .collect()
}

fn copy(from: &Town, to: &Town) {
    let done = std::process::Command::new("cp")
        .arg("-a")
        .arg(from.path().join("."))
        .arg(to.path())
        .status()
        .unwrap();
    assert!(done.success());
}
