//! What may be read before the database is open.

use std::fs;

use gtd_core::Revision;
use gtd_store::{Preview, Repair, preview};

use crate::town::{Town, records};

/// A closed store of nine records in appends of three, with a snapshot of the first three.
fn town() -> Town {
    let town = Town::empty();
    let (mut store, _) = town.open();
    for first in [1, 4, 7] {
        store.append(&records(first..=first + 2)).unwrap();
        if first == 1 {
            store.write_snapshot(Revision(3), b"three").unwrap();
        }
    }
    store.close();
    town
}

fn tail_of(town: &Town) -> Option<Vec<u64>> {
    let records = preview(town.path()).tail?.records;
    Some(records.iter().map(|record| record.revision.0).collect())
}

#[test]
fn the_journal_alone_tells_what_came_after_the_snapshot() {
    let town = town();
    fs::remove_dir_all(town.sled()).unwrap();
    let Preview {
        snapshot,
        ignored,
        tail,
    } = preview(town.path());
    assert_eq!(snapshot, Some((Revision(3), b"three".to_vec())));
    assert_eq!(ignored, []);
    let tail = tail.unwrap();
    assert_eq!(tail.records, records(3..=9));
    let (_store, opened) = town.open();
    assert_eq!(opened.town_id, tail.town_id);
}

#[test]
fn of_a_torn_end_only_whole_appends_are_shown_at_every_byte() {
    let town = town();
    let whole = fs::read(town.journal()).unwrap();
    let lines: Vec<usize> = whole
        .iter()
        .enumerate()
        .filter_map(|(at, byte)| (*byte == b'\n').then_some(at))
        .collect();
    // The lines 0 to 9 are the header and the records; 4 to 6 and 7 to 9 are appends.
    for length in lines[3] + 1..whole.len() {
        fs::write(town.journal(), &whole[..length]).unwrap();
        let last = match length {
            // A last line may lack its line break.
            length if length >= lines[9] => 9,
            length if length >= lines[6] => 6,
            _ => 3,
        };
        let expected: Vec<u64> = (3..=last).collect();
        assert_eq!(tail_of(&town), Some(expected), "{length} bytes");
    }
}

#[test]
fn a_journal_that_is_damaged_behind_the_snapshot_shows_nothing() {
    let town = town();
    let whole = fs::read_to_string(town.journal()).unwrap();
    for (from, to) in [
        ("entry 3", "entrx 3"),
        ("entry 5", "entrx 5"),
        ("entry 9", "entrx 9"),
        ("gtd_journal", "gtd_jourmal"),
    ] {
        fs::write(town.journal(), whole.replace(from, to)).unwrap();
        assert_eq!(tail_of(&town), None, "{to}");
    }
    let holed: String = whole
        .lines()
        .filter(|line| !line.contains("\"rev\":5,"))
        .map(|line| format!("{line}\n"))
        .collect();
    fs::write(town.journal(), holed).unwrap();
    assert_eq!(tail_of(&town), None);
}

#[test]
fn without_a_snapshot_that_can_be_used_there_is_nothing_to_show() {
    let town = town();
    let name = format!("snapshots/{:020}.snap", 3);
    fs::write(town.path().join(&name), "nonsense").unwrap();
    let found = preview(town.path());
    assert!(found.snapshot.is_none() && found.tail.is_none());
    assert!(
        matches!(
            found.ignored[..],
            [Repair::SnapshotIgnored {
                at: Revision(3),
                ..
            }]
        ),
        "{found:?}"
    );
    fs::remove_file(town.path().join(&name)).unwrap();
    let found = preview(town.path());
    assert!(found.snapshot.is_none() && found.tail.is_none());
}
