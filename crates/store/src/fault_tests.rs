//! Every write to the database fails once, in every way; nothing acknowledged is ever lost.

use std::{
    path::Path,
    sync::{Arc, Mutex},
};

use gtd_core::{RequestId, Revision};

use crate::{
    Opened, Options, Record, Repair, Store, StoreError,
    faulty::{Failure, Faulty, Plan},
    kv::Kv,
    open,
    sled_kv::SledKv,
};

const FAILURES: [Failure; 4] = [
    Failure::Before,
    Failure::After,
    Failure::Torn,
    Failure::NoSpace,
];

fn options() -> Options {
    Options {
        cache_capacity: 4 * 1024 * 1024,
        ..Options::default()
    }
}

fn records(after: Revision, count: u64) -> Vec<Record> {
    (1..=count)
        .map(|n| {
            let revision = Revision(after.0 + n);
            Record {
                revision,
                request: Some(RequestId::parse(&format!("r-{}", revision.0)).unwrap()),
                body: format!(r#"{{"n":{revision},"text":"{}"}}"#, "x".repeat(40)).into(),
            }
        })
        .collect()
}

fn all(store: &Store) -> Vec<Record> {
    let mut all = Vec::new();
    store
        .replay(Revision(0), |record| all.push(record))
        .unwrap();
    all
}

fn plan(fatal_call: u64, failure: Failure) -> Arc<Mutex<Plan>> {
    Arc::new(Mutex::new(Plan {
        fatal_call,
        failure,
        calls: 0,
    }))
}

fn open_faulty(dir: &Path, plan: &Arc<Mutex<Plan>>) -> Result<(Store, Opened), StoreError> {
    open::open(dir, &options(), &|path| {
        let sled = Box::new(SledKv::open(path, options().cache_capacity)?);
        Ok(Box::new(Faulty::new(sled, plan)) as Box<dyn Kv>)
    })
}

/// Appends until something fails; returns what was acknowledged.
fn work(store: &mut Store) -> (u64, Option<StoreError>) {
    for count in [1, 5, 3, 20, 2, 4, 7] {
        let head = store.head();
        if let Err(error) = store.append(&records(head, count)) {
            assert!(matches!(
                store.append(&records(head, 1)),
                Err(StoreError::Poisoned)
            ));
            return (head.0, Some(error));
        }
        if let Err(error) = store.write_snapshot(store.head(), &[7; 20_000]) {
            return (store.head().0, Some(error));
        }
    }
    (store.head().0, None)
}

/// Opens without faults and checks that the acknowledged records are there, and that work goes on.
fn recover(dir: &Path, acknowledged: u64, told: &str) -> Vec<Repair> {
    let (mut store, opened) = Store::open(dir, &options()).unwrap();
    let head = store.head();
    assert!(head.0 >= acknowledged, "{told}: lost records after {head}");
    assert_eq!(all(&store), records(Revision(0), head.0), "{told}");
    if let Some((at, body)) = &opened.snapshot {
        assert!(*at <= head, "{told}");
        assert_eq!(*body, [7; 20_000], "{told}");
    }
    store.append(&records(head, 2)).unwrap();
    store.close();
    let report = crate::verify(dir).unwrap();
    assert_eq!(report.problems, Vec::<String>::new(), "{told}");
    opened.repairs
}

#[test]
fn no_failing_write_loses_an_acknowledged_record() {
    for failure in FAILURES {
        let mut fatal_call = 0;
        loop {
            fatal_call += 1;
            let told = format!("{failure:?} at call {fatal_call}");
            let dir = tempfile::tempdir().unwrap();
            let plan = plan(fatal_call, failure);
            let (acknowledged, error) = match open_faulty(dir.path(), &plan) {
                Ok((mut store, _)) => work(&mut store),
                Err(error) => (0, Some(error)),
            };
            let is_full = matches!(error, Some(StoreError::OutOfSpace { .. }));
            assert_eq!(
                is_full,
                error.is_some() && failure == Failure::NoSpace,
                "{told}: {error:?}"
            );
            recover(dir.path(), acknowledged, &told);
            if error.is_none() {
                assert!(fatal_call > 20, "the plan must have been met");
                break;
            }
        }
    }
}

#[test]
fn no_failing_write_of_a_rebuild_loses_a_record() {
    for failure in FAILURES {
        for fatal_call in 1..10 {
            let told = format!("{failure:?} at call {fatal_call}");
            let dir = tempfile::tempdir().unwrap();
            let (mut store, _) = Store::open(dir.path(), &options()).unwrap();
            store.append(&records(Revision(0), 12)).unwrap();
            store.close();
            std::fs::remove_dir_all(dir.path().join("sled")).unwrap();
            let is_opened = open_faulty(dir.path(), &plan(fatal_call, failure)).is_ok();
            let repairs = recover(dir.path(), 12, &told);
            assert_eq!(is_opened, repairs.is_empty(), "{told}: {repairs:?}");
        }
    }
}

#[test]
fn a_torn_batch_in_the_database_is_never_shown() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = Store::open(dir.path(), &options()).unwrap();
    store.append(&records(Revision(0), 2)).unwrap();
    store.close();
    let (mut store, _) = open_faulty(dir.path(), &plan(1, Failure::Torn)).unwrap();
    store.append(&records(Revision(2), 10)).unwrap_err();
    drop(store);
    let repairs = recover(dir.path(), 2, "torn");
    assert!(
        matches!(
            repairs[..],
            [
                Repair::AppendDropped {
                    first: Revision(3),
                    ..
                },
                Repair::DatabaseRebuilt { .. }
            ]
        ),
        "{repairs:?}"
    );
}

#[test]
fn a_full_disk_cuts_the_half_written_journal_line_and_says_so() {
    for room in 0..200 {
        let dir = tempfile::tempdir().unwrap();
        let (mut store, _) = Store::open(dir.path(), &options()).unwrap();
        store.append(&records(Revision(0), 3)).unwrap();
        let length = std::fs::metadata(store.journal_path()).unwrap().len();
        store.journal.room = Some(room);
        let error = store.append(&records(Revision(3), 2)).unwrap_err();
        assert!(matches!(error, StoreError::OutOfSpace { .. }), "{error:?}");
        assert_eq!(
            std::fs::metadata(store.journal_path()).unwrap().len(),
            length
        );
        assert_eq!(store.read(Revision(0), 9).unwrap(), records(Revision(0), 3));
        store.close();
        // The database has it already, so it lives, though nobody was told so.
        let repairs = recover(dir.path(), 5, "full");
        assert_eq!(
            repairs,
            [Repair::JournalCaughtUp {
                first: Revision(4),
                last: Revision(5)
            }]
        );
    }
}

#[test]
fn an_interrupted_snapshot_is_no_snapshot() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = Store::open(dir.path(), &options()).unwrap();
    store.append(&records(Revision(0), 4)).unwrap();
    store.write_snapshot(Revision(4), b"four").unwrap();
    store.append(&records(Revision(4), 4)).unwrap();
    store.close();
    let draft = dir.path().join("snapshots/00000000000000000008.new");
    std::fs::write(&draft, "gtd-snapshot 1 8").unwrap();
    let (store, opened) = Store::open(dir.path(), &options()).unwrap();
    assert_eq!(opened.snapshot, Some((Revision(4), b"four".to_vec())));
    assert_eq!(opened.repairs, []);
    assert!(!draft.exists());
    store.write_snapshot(Revision(8), b"eight").unwrap();
    store.close();
    let (_store, opened) = Store::open(dir.path(), &options()).unwrap();
    assert_eq!(opened.snapshot, Some((Revision(8), b"eight".to_vec())));
}

#[test]
fn a_damaged_snapshot_falls_back_to_the_older_one_and_then_to_the_log() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = Store::open(dir.path(), &options()).unwrap();
    for (at, body) in [(4, "four"), (8, "eight"), (12, "twelve")] {
        store.append(&records(store.head(), 4)).unwrap();
        store.write_snapshot(Revision(at), body.as_bytes()).unwrap();
    }
    store.close();
    let path = |at: u64| dir.path().join(format!("snapshots/{at:020}.snap"));
    assert!(!path(4).exists(), "two are kept");
    let whole = std::fs::read(path(12)).unwrap();
    for byte in 0..whole.len() {
        let mut flipped = whole.clone();
        flipped[byte] ^= 1;
        std::fs::write(path(12), flipped).unwrap();
        let (store, opened) = Store::open(dir.path(), &options()).unwrap();
        assert_eq!(opened.snapshot, Some((Revision(8), b"eight".to_vec())));
        assert!(
            matches!(
                opened.repairs[..],
                [Repair::SnapshotIgnored {
                    at: Revision(12),
                    ..
                }]
            ),
            "byte {byte}: {:?}",
            opened.repairs
        );
        store.close();
    }
    std::fs::write(path(8), "").unwrap();
    let (store, opened) = Store::open(dir.path(), &options()).unwrap();
    assert_eq!(opened.snapshot, None);
    assert_eq!(opened.repairs.len(), 2, "{:?}", opened.repairs);
    assert_eq!(all(&store), records(Revision(0), 12));
    store.write_snapshot(Revision(12), b"again").unwrap();
    store.close();
    let (_store, opened) = Store::open(dir.path(), &options()).unwrap();
    assert_eq!(opened.snapshot, Some((Revision(12), b"again".to_vec())));
    assert_eq!(opened.repairs, [], "unusable ones are gone");
}

#[test]
fn no_value_is_long_enough_for_a_file_that_sled_never_syncs() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = Store::open(dir.path(), &options()).unwrap();
    for revision in 1..=12 {
        let record = Record {
            revision: Revision(revision),
            request: None,
            body: format!(r#"{{"text":"{}"}}"#, "é".repeat(200_000)).into(),
        };
        store.append(&[record]).unwrap();
    }
    store
        .write_snapshot(Revision(12), &vec![1; 3_000_000])
        .unwrap();
    let blobs = std::fs::read_dir(dir.path().join("sled/blobs")).unwrap();
    assert_eq!(blobs.count(), 0);
}

#[test]
fn a_damaged_record_met_while_running_is_mended_by_the_next_open() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = Store::open(dir.path(), &options()).unwrap();
    store.append(&records(Revision(0), 6)).unwrap();
    store.write_snapshot(Revision(5), &[7; 20_000]).unwrap();
    let mut writes = crate::kv::Writes::default();
    writes.put(crate::database::record_key(Revision(2)), *b"nonsense");
    store.kv.apply(writes).unwrap();
    crate::kv::make_durable(store.kv.as_mut()).unwrap();
    store.close();
    // A fast start does not look there …
    let (store, opened) = Store::open(dir.path(), &options()).unwrap();
    assert_eq!(opened.repairs, []);
    // … until somebody does.
    let error = store.read(Revision(0), 9).unwrap_err();
    assert!(
        matches!(
            error,
            StoreError::Damaged {
                revision: Revision(2),
                ..
            }
        ),
        "{error:?}"
    );
    store.close();
    let repairs = recover(dir.path(), 6, "damaged");
    assert!(
        matches!(repairs[..], [Repair::DatabaseRebuilt { .. }]),
        "{repairs:?}"
    );
}
