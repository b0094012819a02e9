use std::time::{SystemTime, UNIX_EPOCH};

use gtd_core::Revision;
use gtd_store::{MAX_BODY, Record, RequestSpan, StoreError, verify};
use proptest::prelude::*;

use crate::town::{Town, all, record, records, request};

#[test]
fn what_is_appended_is_read_back_in_order_after_a_reopen() {
    let town = Town::empty();
    let (mut store, opened) = town.open();
    assert_eq!((opened.head, opened.snapshot), (Revision(0), None));
    assert_eq!(opened.repairs, []);
    store.append(&records(1..=1)).unwrap();
    store.append(&[]).unwrap();
    store.append(&records(2..=40)).unwrap();
    assert_eq!(store.head(), Revision(40));
    assert_eq!(all(&store), records(1..=40));
    store.close();
    let (store, reopened) = town.open();
    assert_eq!(reopened.head, Revision(40));
    assert_eq!(reopened.town_id, opened.town_id);
    assert_eq!(reopened.repairs, []);
    assert_eq!(all(&store), records(1..=40));
    assert_eq!(store.read(Revision(10), 3).unwrap(), records(11..=13));
    assert_eq!(store.read(Revision(38), 100).unwrap(), records(39..=40));
    assert_eq!(store.read(Revision(40), 1).unwrap(), []);
    assert_eq!(store.read(Revision(u64::MAX), 9).unwrap(), []);
}

#[test]
fn the_journal_is_an_export_of_json_lines() {
    let town = Town::with(7);
    let text = std::fs::read_to_string(town.journal()).unwrap();
    let lines: Vec<serde_json::Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 8);
    assert_eq!(lines[0]["gtd_journal"], 2);
    assert_eq!(lines[6]["rev"], 6);
    assert_eq!(lines[6]["req"], "request-6");
    assert_eq!(lines[6]["body"]["text"], "entry 6");
}

#[test]
fn what_cannot_be_a_record_is_refused_and_nothing_happens() {
    let town = Town::with(3);
    let (mut store, _) = town.open();
    let error = store.append(&[record(5)]).unwrap_err();
    assert_eq!(error.to_string(), "append record 5: record 4 is next");
    let error = store.append(&[record(4), record(4)]).unwrap_err();
    assert!(matches!(error, StoreError::NotContiguous { .. }));
    for body in ["", "{", "[]", "{}}", "{}\n{}", "{\n}", "{} ", r#"{"a"}"#] {
        let bad = Record {
            body: body.into(),
            ..record(4)
        };
        let error = store.append(&[bad]).unwrap_err();
        assert!(matches!(error, StoreError::NotAnObject { .. }), "{body}");
    }
    let long = Record {
        body: format!(r#"{{"a":"{}"}}"#, "x".repeat(MAX_BODY)).into(),
        ..record(5)
    };
    let error = store.append(&[record(4), long]).unwrap_err();
    assert!(matches!(error, StoreError::TooLarge { .. }));
    store.append(&[record(4)]).unwrap();
    store.close();
    assert_eq!(town.repairs_to(4), []);
}

#[test]
fn a_request_is_answered_from_the_log() {
    let town = Town::empty();
    let (mut store, _) = town.open();
    let answers = [1, 5, 5, 5, 9].map(|number| Some(request(number)));
    let batch: Vec<Record> = (1..)
        .zip(answers)
        .map(|(revision, request)| Record {
            request,
            ..record(revision)
        })
        .collect();
    store.append(&batch[..1]).unwrap();
    store.append(&batch[1..]).unwrap();
    let span = |first, last| {
        Some(RequestSpan {
            first: Revision(first),
            last: Revision(last),
        })
    };
    assert_eq!(store.find_request(&request(5)).unwrap(), span(2, 4));
    assert_eq!(store.find_request(&request(1)).unwrap(), span(1, 1));
    assert_eq!(store.find_request(&request(99)).unwrap(), None);
    store.close();
    std::fs::remove_dir_all(town.sled()).unwrap();
    let (store, _) = town.open();
    assert_eq!(store.find_request(&request(5)).unwrap(), span(2, 4));
}

#[test]
fn bodies_of_megabytes_come_back_whole() {
    let town = Town::empty();
    let (mut store, _) = town.open();
    let big: Vec<Record> = [1, 7 * 1024, 1024 * 1024, 60, MAX_BODY - 20]
        .into_iter()
        .zip(1..)
        .map(|(size, revision)| Record {
            body: format!(r#"{{"text":"{}"}}"#, "y".repeat(size)).into(),
            ..record(revision)
        })
        .collect();
    store.append(&big[..3]).unwrap();
    store.append(&big[3..]).unwrap();
    assert_eq!(all(&store), big);
    store.close();
    let (store, opened) = town.open();
    assert_eq!(opened.repairs, []);
    assert_eq!(all(&store), big);
    store.close();
    std::fs::remove_dir_all(town.sled()).unwrap();
    let (store, _) = town.open();
    assert_eq!(all(&store), big);
}

#[test]
fn a_snapshot_and_the_tail_are_the_whole_log() {
    let town = Town::empty();
    let (mut store, _) = town.open();
    let mut expected = Vec::new();
    for round in 0..5_u64 {
        let first = round * 20 + 1;
        store.append(&records(first..=first + 19)).unwrap();
        let state: Vec<u8> = all(&store)
            .iter()
            .flat_map(|record| record.body.bytes())
            .collect();
        store.write_snapshot(store.head(), &state).unwrap();
        expected = state;
    }
    store.append(&records(101..=109)).unwrap();
    store.close();
    let report = verify(town.path()).unwrap();
    assert_eq!(report.snapshots, [Revision(100), Revision(80)]);
    let (store, opened) = town.open();
    assert_eq!(opened.repairs, []);
    assert_eq!(opened.snapshot, Some((Revision(100), expected.clone())));
    store
        .replay(Revision(100), |record| expected.extend(record.body.bytes()))
        .unwrap();
    let folded: Vec<u8> = all(&store)
        .iter()
        .flat_map(|record| record.body.bytes())
        .collect();
    assert_eq!(expected, folded);
}

#[test]
fn a_snapshot_of_an_older_record_is_as_good_as_one_of_the_head() {
    let town = Town::with(30);
    let (store, _) = town.open();
    store.write_snapshot(Revision(10), b"ten").unwrap();
    store.write_snapshot(Revision(17), &[]).unwrap();
    store.write_snapshot(Revision(17), b"seventeen").unwrap();
    for at in [0, 31] {
        let error = store.write_snapshot(Revision(at), b"").unwrap_err();
        assert!(matches!(error, StoreError::NoSuchRevision { .. }));
    }
    store.close();
    let (store, opened) = town.open();
    assert_eq!(opened.snapshot, Some((Revision(17), b"seventeen".to_vec())));
    store.close();
    let report = verify(town.path()).unwrap();
    assert_eq!(report.snapshots, [Revision(17), Revision(10)]);
    assert!(report.is_sound(), "{report:?}");
}

#[test]
fn a_check_changes_nothing() {
    let town = Town::with(9);
    let before = files_below(town.path());
    let report = verify(town.path()).unwrap();
    assert!(report.is_sound(), "{report:?}");
    assert_eq!(report.head, Revision(9));
    assert_eq!(files_below(town.path()), before);
}

fn files_below(dir: &std::path::Path) -> Vec<(String, u128, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        let path = entry.path();
        if path.is_dir() {
            found.extend(files_below(&path));
        } else if path.file_name().unwrap() != "lock" {
            let changed = entry.metadata().unwrap().modified().unwrap();
            let nanos = changed.duration_since(UNIX_EPOCH).unwrap().as_nanos();
            assert!(changed <= SystemTime::now());
            found.push((
                path.display().to_string(),
                nanos,
                std::fs::read(&path).unwrap(),
            ));
        }
    }
    found.sort();
    found
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_series_of_appends_and_reopens_is_kept(
        rounds in proptest::collection::vec(
            (proptest::collection::vec((0_usize..20_000, any::<bool>()), 0..12), 0_u8..6),
            1..8,
        )
    ) {
        let town = Town::empty();
        let mut expected: Vec<Record> = Vec::new();
        let (mut store, _) = town.open();
        for (batch, after) in rounds {
            let batch: Vec<Record> = batch
                .into_iter()
                .zip(expected.len() as u64 + 1..)
                .map(|((size, answers), revision)| Record {
                    revision: Revision(revision),
                    request: answers.then(|| request(revision)),
                    body: format!(r#"{{"r":{revision},"t":"{}"}}"#, "z".repeat(size)).into(),
                })
                .collect();
            store.append(&batch).unwrap();
            expected.extend(batch);
            let head = store.head();
            if after == 1 && head > Revision(0) {
                store.write_snapshot(head, &head.0.to_be_bytes()).unwrap();
            }
            if after == 2 || after == 3 {
                store.close();
                if after == 3 && !expected.is_empty() {
                    std::fs::remove_file(town.journal()).unwrap();
                }
                let (reopened, opened) = town.open();
                prop_assert_eq!(opened.head, head);
                if let Some((at, body)) = opened.snapshot {
                    prop_assert_eq!(body, at.0.to_be_bytes().to_vec());
                }
                store = reopened;
            }
        }
        prop_assert_eq!(all(&store), expected);
        store.close();
        let report = verify(town.path()).unwrap();
        prop_assert!(report.is_sound(), "{:?}", report);
    }
}
