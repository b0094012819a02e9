//! Copies of the journal: whole, or refused with the place.

use std::fs;

use gtd_core::Revision;
use gtd_store::{Options, Store, StoreError, check_journal, copy_log};

use crate::town::{Town, all, records};

#[test]
fn a_copy_ends_at_its_record_and_opens_as_a_store() {
    let town = Town::with(3);
    let (mut store, _) = town.open();
    store.append(&records(4..=9)).unwrap();
    let mut copy = Vec::new();
    let made = copy_log(town.path(), Revision(9), &mut copy).unwrap();
    assert_eq!(made.head, Revision(9));
    // More is written meanwhile, and the copy does not know it.
    let elsewhere = tempfile::tempdir().unwrap();
    let journal = elsewhere.path().join("journal.jsonl");
    fs::write(&journal, &copy).unwrap();
    store.append(&records(10..=12)).unwrap();
    assert_eq!(check_journal(&journal).unwrap(), made);
    let (copied, opened) = Store::open(elsewhere.path(), &Options::default()).unwrap();
    assert_eq!((opened.head, opened.town_id), (Revision(9), made.town_id));
    assert_eq!(all(&copied), all(&store)[..9]);
}

#[test]
fn every_flipped_byte_of_a_copy_is_found_with_its_place() {
    let town = Town::with(4);
    let whole = fs::read(town.journal()).unwrap();
    let journal = town.path().join("copy.jsonl");
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        fs::write(&journal, &bytes).unwrap();
        let error = check_journal(&journal).unwrap_err();
        assert!(
            matches!(
                error,
                StoreError::JournalDamaged { .. } | StoreError::NewerFormat { .. }
            ),
            "byte {at}: {error}"
        );
    }
}

#[test]
fn a_copy_never_ends_in_the_middle() {
    let town = Town::with(2);
    let (mut store, _) = town.open();
    store.append(&records(3..=5)).unwrap();
    store.close();
    // The records 3 to 5 are one append.
    let cut = copy_log(town.path(), Revision(4), &mut Vec::new()).unwrap_err();
    assert!(cut.to_string().contains("lacks 1 records"), "{cut}");
    let beyond = copy_log(town.path(), Revision(6), &mut Vec::new()).unwrap_err();
    assert!(
        beyond.to_string().contains("record 6 is missing"),
        "{beyond}"
    );
    let text = fs::read_to_string(town.journal()).unwrap();
    let holed: String = text
        .lines()
        .filter(|line| !line.contains("\"rev\":2,"))
        .map(|line| format!("{line}\n"))
        .collect();
    fs::write(town.journal(), holed).unwrap();
    let hole = check_journal(&town.journal()).unwrap_err();
    assert!(hole.to_string().contains("record 2 is missing"), "{hole}");
}
