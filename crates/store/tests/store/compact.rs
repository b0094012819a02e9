//! Compaction: nothing is lost, nothing is found in another place, and the disk is bounded.

use std::{
    fs, os::unix::process::ExitStatusExt as _, path::Path, process::Command,
    sync::atomic::AtomicBool,
};

use gtd_core::Revision;
use gtd_store::{Options, Record, Repair, Store, StoreError, check_journal, copy_log};

use crate::town::{Town, all, options, record, records, request};

const DIR: &str = "GTD_STORE_COMPACT_DIR";
pub(crate) const COPIES: [&str; 2] = ["segments", "segments-copy"];

fn eager() -> Options {
    Options {
        seals_at: 1,
        ..options()
    }
}

pub(crate) fn open(dir: &Path) -> Store {
    Store::open(dir, &eager()).unwrap().0
}

/// Seals what the newest snapshot covers.
fn compact(store: &mut Store) {
    let compaction = store.compaction().unwrap().unwrap();
    let compacted = compaction.run(&AtomicBool::new(false)).unwrap().unwrap();
    store.finish(compacted).unwrap();
}

/// A closed store of 30 records of which 21 are sealed.
pub(crate) fn compacted() -> Town {
    let town = Town::with(21);
    let mut store = open(town.path());
    store.write_snapshot(Revision(21), b"twenty-one").unwrap();
    for chunk in records(22..=30).chunks(3) {
        store.append(chunk).unwrap();
    }
    compact(&mut store);
    store.close();
    town
}

/// The names of the segments in one of the folders.
pub(crate) fn segments(town: &Town, folder: &str) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(town.path().join(folder))
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn what_is_sealed_is_read_as_before_and_stands_in_neither_witness() {
    let town = compacted();
    let text = fs::read_to_string(town.journal()).unwrap();
    assert!(text.starts_with(r#"{"gtd_journal":2,"#), "{text}");
    assert_eq!(text.lines().count(), 10, "{text}");
    assert!(text.contains(r#""rev":22,"#) && !text.contains(r#""rev":21,"#));
    for folder in COPIES {
        let name = "00000000000000000001-00000000000000000021.jsonl.gz";
        assert_eq!(segments(&town, folder), [name]);
    }
    let (mut store, opened) = town.open();
    assert_eq!(opened.repairs, []);
    assert_eq!(
        opened.snapshot,
        Some((Revision(21), b"twenty-one".to_vec()))
    );
    assert_eq!(all(&store), records(1..=30));
    for (after, limit) in [
        (0, 5),
        (4, 20),
        (19, 2),
        (20, 1),
        (21, 4),
        (25, 99),
        (30, 1),
    ] {
        let last = (after + limit as u64).min(30);
        let read = store.read(Revision(after), limit).unwrap();
        assert_eq!(read, records(after + 1..=last), "{limit} after {after}");
    }
    for revision in 1..=30 {
        let span = store.find_request(&request(revision)).unwrap();
        let span = span.map(|span| (span.first.0, span.last.0));
        let expected = record(revision).request.map(|_| (revision, revision));
        assert_eq!(span, expected, "request {revision}");
    }
    assert_eq!(store.find_request(&request(31)).unwrap(), None);
    store.append(&records(31..=33)).unwrap();
    store.close();
    assert_eq!(town.repairs_to(33), []);
}

#[test]
fn a_log_is_sealed_again_and_again_and_what_comes_meanwhile_is_kept() {
    let town = Town::empty();
    let mut store = open(town.path());
    for round in 0..5 {
        let first = round * 40 + 1;
        store.append(&records(first..=first + 19)).unwrap();
        store.append(&records(first + 20..=first + 20)).unwrap();
        store.write_snapshot(store.head(), &[7; 999]).unwrap();
        store.append(&records(first + 21..=first + 29)).unwrap();
        let compaction = store.compaction().unwrap().unwrap();
        assert_eq!(compaction.until(), Revision(first + 20));
        store.append(&records(first + 30..=first + 34)).unwrap();
        let compacted = compaction.run(&AtomicBool::new(false)).unwrap().unwrap();
        store.append(&records(first + 35..=first + 39)).unwrap();
        store.finish(compacted).unwrap();
        assert!(store.compaction().unwrap().is_none(), "it is done");
        assert_eq!(all(&store), records(1..=first + 39));
        if round % 2 == 1 {
            store.close();
            store = open(town.path());
            assert_eq!(all(&store), records(1..=first + 39));
        }
    }
    store.close();
    assert_eq!(segments(&town, COPIES[1]).len(), 5);
    assert_eq!(town.repairs_to(200), []);
    let (store, _) = town.open();
    for revision in (1..=200).filter(|revision| revision % 5 != 0) {
        let span = store.find_request(&request(revision)).unwrap().unwrap();
        assert_eq!((span.first.0, span.last.0), (revision, revision));
    }
}

#[test]
fn a_request_of_many_records_is_found_whole_when_it_is_sealed() {
    let town = Town::empty();
    let mut store = open(town.path());
    let many: Vec<Record> = records(1..=4)
        .into_iter()
        .map(|record| Record {
            request: Some(request(1)),
            ..record
        })
        .collect();
    store.append(&many).unwrap();
    store.append(&records(5..=8)).unwrap();
    store.write_snapshot(Revision(4), b"").unwrap();
    compact(&mut store);
    let span = store.find_request(&request(1)).unwrap().unwrap();
    assert_eq!((span.first.0, span.last.0), (1, 4));
}

#[test]
fn nothing_is_sealed_without_a_snapshot_or_before_there_is_enough() {
    let town = Town::with(12);
    let mut store = open(town.path());
    assert!(store.is_long());
    assert!(store.compaction().unwrap().is_none(), "no snapshot");
    store.write_snapshot(Revision(12), b"twelve").unwrap();
    assert!(
        store.compaction().unwrap().is_none(),
        "the last record stays in both witnesses"
    );
    store.append(&records(13..=13)).unwrap();
    store.close();
    let (store, _) = town.open();
    assert!(!store.is_long());
    assert!(store.compaction().unwrap().is_none(), "too little");
}

#[test]
fn a_copy_of_a_sealed_log_is_whole_and_of_the_format_that_every_version_reads() {
    let town = compacted();
    let elsewhere = tempfile::tempdir().unwrap();
    let journal = elsewhere.path().join("journal.jsonl");
    for until in [30, 27, 21, 12] {
        let mut copy = Vec::new();
        let made = copy_log(town.path(), Revision(until), &mut copy).unwrap();
        assert!(copy.starts_with(br#"{"gtd_journal":1,"#));
        fs::write(&journal, &copy).unwrap();
        assert_eq!(check_journal(&journal).unwrap(), made);
        assert_eq!(made.head, Revision(until));
    }
    let (copied, opened) = Store::open(elsewhere.path(), &options()).unwrap();
    assert_eq!(opened.head, Revision(12));
    assert_eq!(all(&copied), records(1..=12));
}

#[test]
fn each_witness_is_made_again_from_the_other_after_the_sealed_records() {
    for missing in ["sled", "journal.jsonl"] {
        let town = compacted();
        let path = town.path().join(missing);
        if path.is_dir() {
            fs::remove_dir_all(&path).unwrap();
        } else {
            fs::remove_file(&path).unwrap();
        }
        let repairs = town.repairs_to(30);
        let told = match &repairs[..] {
            [Repair::DatabaseRebuilt { records, .. } | Repair::JournalRebuilt { records }] => {
                *records
            }
            other => panic!("{missing}: {other:?}"),
        };
        assert_eq!(told, 9, "only what is not sealed: {missing}");
    }
    let town = compacted();
    fs::remove_dir_all(town.sled()).unwrap();
    fs::remove_file(town.journal()).unwrap();
    let refused = town.try_open().unwrap_err();
    assert!(matches!(refused, StoreError::Emptied { .. }), "{refused:?}");
}

#[test]
fn a_torn_end_of_a_compact_journal_is_cut_at_every_byte() {
    let town = compacted();
    let whole = fs::read(town.journal()).unwrap();
    let last = whole[..whole.len() - 1]
        .iter()
        .rposition(|byte| *byte == b'\n')
        .unwrap();
    for length in last + 1..whole.len() {
        fs::write(town.journal(), &whole[..length]).unwrap();
        let (store, opened) = town.open();
        assert_eq!(opened.head, Revision(30), "{length} bytes");
        assert!(!opened.repairs.is_empty(), "{length} bytes");
        assert_eq!(all(&store), records(1..=30), "{length} bytes");
        store.close();
        assert!(fs::read(town.journal()).unwrap() == whole, "{length} bytes");
    }
}

#[test]
fn any_flipped_bit_of_a_copy_is_read_around_and_mended_from_the_other() {
    let town = compacted();
    let name = segments(&town, COPIES[0]).remove(0);
    for folder in COPIES {
        let path = town.path().join(folder).join(&name);
        let whole = fs::read(&path).unwrap();
        for byte in (0..whole.len()).step_by(29) {
            let mut flipped = whole.clone();
            flipped[byte] ^= 0x20;
            fs::write(&path, &flipped).unwrap();
            // A brief look sees only names and lengths …
            let (store, opened) = town.open();
            assert_eq!(opened.repairs, [], "{folder} byte {byte}");
            assert_eq!(all(&store), records(1..=30), "{folder} byte {byte}");
            store.close();
            // … and a close one every byte.
            let report = gtd_store::verify(town.path()).unwrap();
            assert!(!report.is_sound(), "{folder} byte {byte}");
            let close = Options {
                compares_everything: true,
                ..options()
            };
            let (store, opened) = Store::open(town.path(), &close).unwrap();
            assert!(
                matches!(
                    opened.repairs[..],
                    [Repair::SegmentMended {
                        first: Revision(1),
                        last: Revision(21),
                        ..
                    }]
                ),
                "{folder} byte {byte}: {:?}",
                opened.repairs
            );
            store.close();
            assert!(fs::read(&path).unwrap() == whole, "{folder} byte {byte}");
        }
    }
    assert!(gtd_store::verify(town.path()).unwrap().is_sound());
}

#[test]
fn a_copy_that_is_missing_or_cut_is_made_again_at_the_next_start() {
    let town = compacted();
    let name = segments(&town, COPIES[0]).remove(0);
    for (folder, other) in [(COPIES[0], COPIES[1]), (COPIES[1], COPIES[0])] {
        let path = town.path().join(folder).join(&name);
        let whole = fs::read(town.path().join(other).join(&name)).unwrap();
        for damage in ["cut", "file", "folder"] {
            match damage {
                "cut" => fs::write(&path, &whole[..whole.len() / 2]).unwrap(),
                "file" => fs::remove_file(&path).unwrap(),
                _ => fs::remove_dir_all(path.parent().unwrap()).unwrap(),
            }
            let (store, opened) = town.open();
            assert!(
                matches!(opened.repairs[..], [Repair::SegmentMended { .. }]),
                "{folder} {damage}: {:?}",
                opened.repairs
            );
            assert_eq!(all(&store), records(1..=30));
            store.close();
            assert!(fs::read(&path).unwrap() == whole, "{folder} {damage}");
        }
    }
}

/// A closed store whose one segment has many blocks.
fn of_many_blocks() -> Town {
    let town = Town::empty();
    let mut store = open(town.path());
    for revision in 1..=20 {
        // What does not pack well, so that damage is in the middle of a block.
        let mut dice = crate::town::Dice::new(revision);
        let text: String = (0..6000)
            .map(|_| format!("{:04x}", dice.below(1 << 16)))
            .collect();
        let record = Record {
            body: format!(r#"{{"n":{revision},"text":"{text}{text}{text}"}}"#).into(),
            ..record(revision)
        };
        store.append(&[record]).unwrap();
    }
    store.write_snapshot(Revision(19), b"").unwrap();
    compact(&mut store);
    store.close();
    town
}

#[test]
fn copies_that_are_damaged_in_different_places_mend_each_other_and_in_the_same_place_refuse() {
    let town = of_many_blocks();
    let (store, _) = town.open();
    let before = all(&store);
    store.close();
    let name = segments(&town, COPIES[0]).remove(0);
    let paths = COPIES.map(|folder| town.path().join(folder).join(&name));
    let whole = fs::read(&paths[0]).unwrap();
    let damage = |path: &Path, at: usize| {
        let mut bytes = fs::read(path).unwrap();
        bytes[at] ^= 1;
        fs::write(path, bytes).unwrap();
    };
    damage(&paths[0], 100);
    damage(&paths[1], whole.len() - 100);
    let (store, opened) = town.open();
    assert_eq!(opened.repairs, []);
    assert_eq!(all(&store), before, "each block is in one of the copies");
    store.close();
    let (store, opened) = town.open();
    assert!(
        matches!(opened.repairs[..], [Repair::SegmentMended { .. }]),
        "the reads before asked for a close look: {:?}",
        opened.repairs
    );
    store.close();
    for path in &paths {
        assert!(fs::read(path).unwrap() == whole);
        damage(path, 100);
    }
    let (store, _) = town.open();
    let refused = store.read(Revision(0), 1).unwrap_err();
    assert!(
        matches!(
            refused,
            StoreError::SegmentLost {
                revision: Revision(1),
                ..
            }
        ),
        "{refused:?}"
    );
    assert_eq!(store.read(Revision(18), 2).unwrap(), before[18..]);
    store.close();
    fs::write(town.path().join("recheck"), "").unwrap();
    let refused = town.try_open().unwrap_err();
    assert!(matches!(refused, StoreError::SegmentLost { .. }));
    assert!(refused.hint().unwrap().contains("gtd backup restore"));
    // One good copy put back is enough.
    fs::write(&paths[1], &whole).unwrap();
    let (store, _) = town.open();
    assert_eq!(all(&store), before);
}

#[test]
fn a_segment_that_is_gone_from_both_places_refuses_the_start() {
    let town = compacted();
    let mut store = open(town.path());
    store.write_snapshot(Revision(27), b"").unwrap();
    compact(&mut store);
    store.close();
    let first = segments(&town, COPIES[0]).remove(0);
    for folder in COPIES {
        fs::remove_file(town.path().join(folder).join(&first)).unwrap();
    }
    let refused = town.try_open().unwrap_err();
    assert!(
        matches!(
            refused,
            StoreError::SegmentLost {
                revision: Revision(1),
                ..
            }
        ),
        "{refused:?}"
    );
}

#[test]
fn the_index_of_requests_is_made_again_when_it_is_missing_or_damaged() {
    let town = compacted();
    let index = town.path().join("requests.idx");
    let whole = fs::read(&index).unwrap();
    for damage in ["missing", "first page", "page"] {
        let mut bytes = whole.clone();
        match damage {
            "missing" => fs::remove_file(&index).unwrap(),
            "first page" => {
                bytes[10] ^= 1;
                fs::write(&index, bytes).unwrap();
            }
            _ => {
                bytes[4096 + 20] ^= 1;
                fs::write(&index, bytes).unwrap();
                let (store, _) = town.open();
                store.find_request(&request(3)).unwrap_err();
                store.close();
            }
        }
        let (store, _) = town.open();
        let span = store.find_request(&request(3)).unwrap().unwrap();
        assert_eq!((span.first.0, span.last.0), (3, 3), "{damage}");
        store.close();
        assert!(fs::read(&index).unwrap() == whole, "{damage}");
    }
}

#[test]
fn a_death_at_any_step_of_a_compaction_loses_nothing() {
    for fault in [
        "segment-drafted=kill",
        "segment-named=kill@1",
        "segment-named=kill@2",
        "compact-sealed=kill",
        "compact-ready=kill",
        "compact-journal=kill",
        "compact-aside=kill",
        "compact-swapped=kill",
    ] {
        let town = Town::with(21);
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "compact::compacts_until_it_is_killed"])
            .env(DIR, town.path())
            .env("GTD_FAULT", format!("store.{fault}"))
            .output()
            .unwrap();
        assert_eq!(child.status.signal(), Some(9), "{fault}");
        // The last three records are appended when the new files are built.
        let is_early = fault.starts_with("segment") || fault.starts_with("compact-sealed");
        let last = if is_early { 24 } else { 27 };
        let (mut store, opened) = Store::open(town.path(), &eager()).unwrap();
        let is_expected = match &opened.repairs[..] {
            [] => true,
            [Repair::SegmentMended { .. }] => fault == "segment-named=kill@1",
            _ => false,
        };
        assert!(is_expected, "{fault}: {:?}", opened.repairs);
        assert_eq!(all(&store), records(1..=last), "{fault}");
        assert!(!town.path().join("sled.old").exists(), "{fault}");
        // What was left undone is done by the next one.
        if store.is_long() && store.compaction().unwrap().is_some() {
            compact(&mut store);
        }
        assert_eq!(all(&store), records(1..=last), "{fault}");
        store.close();
        assert_eq!(segments(&town, COPIES[0]).len(), 1, "{fault}");
        let text = fs::read_to_string(town.journal()).unwrap();
        assert_eq!(
            text.lines().count() as u64,
            1 + last - 21,
            "{fault}: {text}"
        );
        assert_eq!(town.repairs_to(last), [], "{fault}");
    }
}

/// The child of the test above; without the variable it has nothing to do.
#[test]
fn compacts_until_it_is_killed() {
    let Some(dir) = std::env::var_os(DIR) else {
        return;
    };
    let mut store = open(Path::new(&dir));
    store.write_snapshot(Revision(21), b"").unwrap();
    store.append(&records(22..=24)).unwrap();
    let compaction = store.compaction().unwrap().unwrap();
    let compacted = compaction.run(&AtomicBool::new(false)).unwrap().unwrap();
    store.append(&records(25..=27)).unwrap();
    store.finish(compacted).unwrap();
}

/// Adds up the bytes that files below a folder take on the disk, but for snapshots.
fn bytes_of(path: &Path) -> u64 {
    fs::read_dir(path)
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_name() != "snapshots")
        .map(|entry| match entry.metadata().unwrap() {
            folder if folder.is_dir() => bytes_of(&entry.path()),
            file => file.len(),
        })
        .sum()
}

/// A record of the length and the wording of an event.
fn event(revision: u64) -> Record {
    const WORDS: [&str; 12] = [
        "parser", "reads", "header", "when", "queue", "empty", "client", "retry", "limit", "cache",
        "expires", "before",
    ];
    let mut dice = crate::town::Dice::new(revision);
    let mut words = || {
        let words: Vec<&str> = (0..24)
            .map(|_| WORDS[usize::try_from(dice.below(12)).unwrap()])
            .collect();
        words.join(" ")
    };
    let body = format!(
        r#"{{"at":{},"by":{{"Role":"crew"}},"event":{{"NoteAdded":{{"bead":"api-{revision:x}","text":"{} {}"}}}}}}"#,
        1_767_225_600_000 + revision * 700,
        words(),
        words()
    );
    Record {
        body: body.into(),
        request: Some(request(revision)),
        ..record(revision)
    }
}

#[test]
fn the_disk_holds_a_bounded_live_part_and_a_fraction_of_the_history() {
    const ROUND: u64 = 1500;
    let options = Options {
        seals_at: 256 * 1024,
        ..options()
    };
    let town = Town::empty();
    let mut store = Store::open(town.path(), &options).unwrap().0;
    let mut history = 0;
    let mut live = Vec::new();
    for _ in 0..12 {
        let first = store.head().0 + 1;
        let events: Vec<Record> = (first..first + ROUND).map(event).collect();
        for chunk in events.chunks(100) {
            store.append(chunk).unwrap();
            history += chunk
                .iter()
                .map(|event| event.body.len() as u64)
                .sum::<u64>();
        }
        store.write_snapshot(store.head(), &[7; 100]).unwrap();
        store.append(&[event(first + ROUND)]).unwrap();
        compact(&mut store);
        live.push(bytes_of(&town.sled()) + fs::metadata(town.journal()).unwrap().len());
    }
    store.close();
    let disk = bytes_of(town.path());
    let (sealed, live_at_end) = (disk - live[11], live[11]);
    println!("{history} bytes of records, {sealed} sealed, live {live:?}");
    assert!(
        live_at_end <= live[0] * 2,
        "the live part does not grow: {live:?}"
    );
    assert!(sealed * 2 < history, "sealed {sealed} of {history}");
    // The same log without compaction.
    let other = Town::empty();
    let (mut store, _) = other.open();
    for first in (1..=12 * (ROUND + 1)).step_by(100) {
        let last = (first + 99).min(12 * (ROUND + 1));
        let events: Vec<Record> = (first..=last).map(event).collect();
        store.append(&events).unwrap();
    }
    store.close();
    let before = bytes_of(other.path());
    println!("{before} bytes without compaction, {disk} with it");
    assert!(disk * 4 < before, "{disk} of {before}");
}
