use std::fs;

use gtd_core::Revision;
use gtd_store::{Repair, StoreError};

use crate::town::{Dice, Town, all, options, record, records};

#[test]
fn a_torn_last_line_is_cut_at_every_byte() {
    let town = Town::with(4);
    let journal = fs::read(town.journal()).unwrap();
    let start = journal[..journal.len() - 1]
        .iter()
        .rposition(|byte| *byte == b'\n')
        .unwrap()
        + 1;
    for length in start..journal.len() {
        let town = Town::with(4);
        let torn = fs::read(town.journal()).unwrap();
        fs::write(town.journal(), &torn[..length]).unwrap();
        let repairs = town.repairs_to(4);
        let caught_up = Repair::JournalCaughtUp {
            first: Revision(4),
            last: Revision(4),
        };
        if length == start {
            assert_eq!(repairs, [caught_up]);
        } else if length == journal.len() - 1 {
            let revision = Revision(4);
            assert_eq!(repairs, [Repair::JournalLineEnded { revision }]);
        } else {
            let bytes = (length - start) as u64;
            assert_eq!(repairs, [Repair::JournalTailCut { bytes }, caught_up]);
        }
    }
}

#[test]
fn an_append_that_is_torn_and_in_no_database_is_dropped_whole() {
    let town = Town::empty();
    let (mut store, _) = town.open();
    store.append(&records(1..=2)).unwrap();
    store.append(&records(3..=6)).unwrap();
    store.close();
    let journal = fs::read(town.journal()).unwrap();
    fs::write(town.journal(), &journal[..journal.len() - 10]).unwrap();
    fs::remove_dir_all(town.sled()).unwrap();
    let repairs = town.repairs_to(2);
    assert!(
        matches!(
            repairs[..],
            [
                Repair::AppendDropped {
                    first: Revision(3),
                    last: Revision(5)
                },
                Repair::JournalTailCut { .. },
                Repair::DatabaseRebuilt { aside: None, .. }
            ]
        ),
        "{repairs:?}"
    );
}

#[test]
fn a_missing_database_is_rebuilt_from_the_journal() {
    let town = Town::with(1300);
    fs::remove_dir_all(town.sled()).unwrap();
    let repairs = town.repairs_to(1300);
    assert!(
        matches!(
            repairs[..],
            [Repair::DatabaseRebuilt {
                records: 1300,
                aside: None,
                ..
            }]
        ),
        "{repairs:?}"
    );
}

#[test]
fn a_missing_journal_is_rebuilt_from_the_database() {
    for content in [None, Some("")] {
        let town = Town::with(50);
        match content {
            None => fs::remove_file(town.journal()).unwrap(),
            Some(content) => fs::write(town.journal(), content).unwrap(),
        }
        assert_eq!(
            town.repairs_to(50),
            [Repair::JournalRebuilt { records: 50 }]
        );
    }
}

#[test]
fn a_journal_that_is_noise_is_set_aside_and_rebuilt_from_the_database() {
    let town = Town::with(50);
    fs::write(town.journal(), [0xEE; 5000]).unwrap();
    let repairs = town.repairs_to(50);
    assert!(
        matches!(
            repairs[..],
            [Repair::JournalRewritten {
                from_database: 50,
                ..
            }]
        ),
        "{repairs:?}"
    );
    assert_eq!(town.names("journal.broken-").len(), 1);
}

#[test]
fn a_database_alone_starts_from_its_snapshot_too() {
    let town = Town::with(20);
    let (mut store, _) = town.open();
    store.write_snapshot(Revision(20), b"twenty").unwrap();
    store.append(&records(21..=23)).unwrap();
    store.close();
    fs::remove_file(town.journal()).unwrap();
    let (store, opened) = town.open();
    assert_eq!(opened.snapshot, Some((Revision(20), b"twenty".to_vec())));
    assert_eq!(opened.repairs, [Repair::JournalRebuilt { records: 23 }]);
    assert_eq!(all(&store), records(1..=23));
}

#[test]
fn snapshots_that_an_older_version_left_in_the_database_are_dropped() {
    let town = Town::with(10);
    let db = sled::open(town.sled()).unwrap();
    let tree = db.open_tree("snapshots").unwrap();
    for n in 0..500_u64 {
        tree.insert(n.to_be_bytes(), vec![7; 7 * 1024]).unwrap();
    }
    drop((tree, db));
    let (store, opened) = town.open();
    assert_eq!((opened.snapshot, opened.repairs), (None, vec![]));
    assert_eq!(all(&store), records(1..=10));
    store.close();
    let db = sled::open(town.sled()).unwrap();
    assert!(!db.tree_names().contains(&"snapshots".into()));
    drop(db);
    assert_eq!(town.repairs_to(10), []);
}

#[test]
fn an_index_that_sled_did_not_finish_writing_does_not_break_the_database() {
    let town = Town::with(10);
    fs::write(town.sled().join("snap.7FFFFFFFFFFFFFFF.generating"), "").unwrap();
    assert_eq!(town.repairs_to(10), []);
}

#[test]
fn a_database_that_ends_before_the_journal_is_set_aside_and_rebuilt() {
    let town = Town::with(10);
    let log = town.path().join("kept");
    copy_dir(&town.sled(), &log);
    let (mut store, _) = town.open();
    store.append(&records(11..=14)).unwrap();
    store.close();
    fs::remove_dir_all(town.sled()).unwrap();
    fs::rename(log, town.sled()).unwrap();
    let repairs = town.repairs_to(14);
    let [Repair::DatabaseRebuilt { why, aside, .. }] = &repairs[..] else {
        panic!("{repairs:?}");
    };
    assert_eq!(why, "record 11 is missing, and the journal has it");
    assert!(aside.as_ref().unwrap().is_dir());
    assert_eq!(town.names("sled.broken-").len(), 1);
}

#[test]
fn a_journal_that_ends_before_the_database_catches_up() {
    let town = Town::with(10);
    let journal = fs::read(town.journal()).unwrap();
    let (mut store, _) = town.open();
    store.append(&records(11..=13)).unwrap();
    store.append(&records(14..=14)).unwrap();
    store.close();
    fs::write(town.journal(), journal).unwrap();
    assert_eq!(
        town.repairs_to(14),
        [Repair::JournalCaughtUp {
            first: Revision(11),
            last: Revision(14)
        }]
    );
}

#[test]
fn a_journal_that_ends_before_the_snapshot_catches_up() {
    let town = Town::with(10);
    let journal = fs::read(town.journal()).unwrap();
    let (mut store, _) = town.open();
    store.append(&records(11..=14)).unwrap();
    store.write_snapshot(Revision(14), b"fourteen").unwrap();
    store.close();
    fs::write(town.journal(), journal).unwrap();
    assert_eq!(
        town.repairs_to(14),
        [Repair::JournalCaughtUp {
            first: Revision(11),
            last: Revision(14)
        }]
    );
}

#[test]
fn any_flipped_bit_of_the_journal_is_mended_from_the_database() {
    let original = Town::with(8);
    let length = fs::read(original.journal()).unwrap().len() as u64;
    let seed = 20_261;
    let mut dice = Dice::new(seed);
    for turn in 0..150 {
        let town = Town::empty();
        copy_dir(original.path(), town.path());
        let mut journal = fs::read(town.journal()).unwrap();
        let (byte, bit) = (dice.below(length), dice.below(8));
        journal[usize::try_from(byte).unwrap()] ^= 1 << bit;
        fs::write(town.journal(), journal).unwrap();
        let repairs = town.repairs_to(8);
        assert!(
            !repairs.is_empty(),
            "seed {seed}, turn {turn}: bit {bit} of byte {byte}"
        );
        // What is mended stays mended.
        assert_eq!(town.repairs_to(9), []);
    }
}

#[test]
fn a_damaged_line_before_the_snapshot_does_not_slow_or_stop_a_start() {
    let town = Town::with(8);
    let (mut store, _) = town.open();
    store.write_snapshot(Revision(8), b"eight").unwrap();
    store.append(&[record(9)]).unwrap();
    store.close();
    let journal = fs::read_to_string(town.journal()).unwrap();
    fs::write(town.journal(), journal.replace("entry 3", "entry E")).unwrap();
    let (store, opened) = town.open();
    assert_eq!(opened.repairs, []);
    store.close();
    let everything = gtd_store::Options {
        compares_everything: true,
        ..options()
    };
    let (_store, opened) = gtd_store::Store::open(town.path(), &everything).unwrap();
    assert!(
        matches!(
            opened.repairs[..],
            [Repair::JournalRewritten {
                from_database: 1,
                ..
            }]
        ),
        "{:?}",
        opened.repairs
    );
}

#[test]
fn each_mends_what_the_other_lacks() {
    let town = Town::with(30);
    let db = sled::open(town.sled()).unwrap();
    let log = db.open_tree("log").unwrap();
    let mut key = b"e/".to_vec();
    key.extend_from_slice(&12_u64.to_be_bytes());
    log.insert(key, b"nonsense").unwrap();
    drop((log, db));
    let journal = fs::read_to_string(town.journal()).unwrap();
    fs::write(town.journal(), journal.replace("entry 20", "entry EE")).unwrap();
    let repairs = town.repairs_to(30);
    assert!(
        matches!(
            repairs[..],
            [
                Repair::JournalRewritten {
                    from_database: 1,
                    ..
                },
                Repair::DatabaseRebuilt { records: 30, .. }
            ]
        ),
        "{repairs:?}"
    );
}

/// A store whose database has several segments and was opened several times.
pub(crate) fn grown(count: u64) -> Town {
    let town = Town::empty();
    for part in records(1..=count).chunks(usize::try_from(count / 3).unwrap()) {
        let (mut store, _) = town.open();
        for chunk in part.chunks(50) {
            store.append(chunk).unwrap();
        }
        if store.head() < Revision(count) {
            store.write_snapshot(store.head(), &[3; 30_000]).unwrap();
        }
        store.close();
    }
    town
}

#[test]
fn flipped_bits_in_the_database_lose_nothing() {
    let n_turns = std::env::var("GTD_STORE_FLIPS").ok();
    let n_turns = n_turns.and_then(|n| n.parse().ok()).unwrap_or(20);
    let originals = [(grown(600), 600), (grown(6000), 6000)];
    let mut n_repaired = 0;
    for seed in 0..n_turns {
        let mut dice = Dice::new(seed);
        let (original, count) = &originals[usize::try_from(dice.below(2)).unwrap()];
        let town = Town::empty();
        copy_dir(original.path(), town.path());
        let path = town.sled().join("db");
        let mut data = fs::read(&path).unwrap();
        let used = data.iter().rposition(|byte| *byte != 0).unwrap() as u64;
        for _ in 0..=dice.below(3) {
            let (byte, bit) = (dice.below(used), dice.below(8));
            data[usize::try_from(byte).unwrap()] ^= 1 << bit;
        }
        fs::write(&path, data).unwrap();
        let told = format!("seed {seed}");
        let options = gtd_store::Options {
            compares_everything: dice.below(2) == 0,
            ..options()
        };
        let (mut store, opened) = gtd_store::Store::open(town.path(), &options).unwrap();
        for repair in &opened.repairs {
            println!("{told}: {repair}");
        }
        n_repaired += usize::from(!opened.repairs.is_empty());
        match store.read(Revision(0), 10_000) {
            Ok(found) => assert_eq!(found, records(1..=*count), "{told}"),
            // A fast start did not look there, but the next one will.
            Err(error @ StoreError::Damaged { .. }) => {
                println!("{told}: {error}");
                store.close();
                store = town.open().0;
                assert_eq!(all(&store), records(1..=*count), "{told}");
            }
            Err(other) => panic!("{told}: {other}"),
        }
        if store.append(&[record(count + 1)]).is_err() {
            store.close();
            store = town.open().0;
            if store.head() == Revision(*count) {
                store.append(&[record(count + 1)]).unwrap();
            }
        }
        store.close();
        let (store, opened) = town.open();
        assert_eq!(opened.head, Revision(count + 1), "{told}");
        assert_eq!(all(&store), records(1..=count + 1), "{told}");
    }
    println!("{n_repaired} of {n_turns} databases were repaired at once");
    assert!(n_repaired > 0);
}

pub(crate) fn copy_dir(from: &std::path::Path, to: &std::path::Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_dir(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
