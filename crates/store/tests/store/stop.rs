//! A compaction that is stopped: nothing is changed, and no further part of it is begun.

use std::{
    fs,
    path::Path,
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
};

use gtd_core::Revision;

use crate::{
    compact::{COPIES, open, segments},
    town::{Town, all, records},
};

const DIR: &str = "GTD_STORE_STOP_DIR";

#[test]
fn a_compaction_that_is_stopped_changes_nothing() {
    let town = Town::with(12);
    let store = open(town.path());
    store.write_snapshot(Revision(9), b"nine").unwrap();
    let compaction = store.compaction().unwrap().unwrap();
    assert!(compaction.run(&AtomicBool::new(true)).unwrap().is_none());
    assert_eq!(all(&store), records(1..=12));
    store.close();
    assert_eq!(town.repairs_to(12), []);
    assert!(segments(&town, COPIES[0]).is_empty());
}

#[test]
fn a_compaction_that_is_stopped_after_it_has_sealed_makes_no_index() {
    let town = stopped_at("store.segment-named", "@2");
    assert!(!town.path().join("requests.idx").exists());
    is_whole(&town);
}

#[test]
fn a_compaction_that_is_stopped_before_it_copies_reads_no_line_of_the_rest() {
    let town = stopped_at("store.compact-sealed", "");
    assert!(town.path().join("requests.idx").exists());
    is_whole(&town);
}

/// Runs the child below until it is stopped at a point.
fn stopped_at(point: &str, hit: &str) -> Town {
    let town = Town::with(21);
    let go = town.path().join("go");
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "stop::stops_a_compaction_under_way"])
        .env(DIR, town.path())
        .env("GTD_FAULT", format!("{point}=until:{}{hit}", go.display()))
        .output()
        .unwrap();
    assert!(child.status.success(), "{child:?}");
    town
}

/// What was sealed stays, the rest is as it was.
fn is_whole(town: &Town) {
    assert_eq!(segments(town, COPIES[1]).len(), 1);
    for left in ["recheck", "journal.new", "sled.new"] {
        assert!(!town.path().join(left).exists(), "{left}");
    }
    let (store, _) = town.open();
    assert_eq!(all(&store), records(1..=24));
}

/// The child of the tests above; without the variable it has nothing to do.
#[test]
fn stops_a_compaction_under_way() {
    let Some(dir) = std::env::var_os(DIR) else {
        return;
    };
    let dir = Path::new(&dir);
    let mut store = open(dir);
    store.write_snapshot(Revision(21), b"").unwrap();
    store.append(&records(22..=24)).unwrap();
    let compaction = store.compaction().unwrap().unwrap();
    // Whoever reads on behind what is sealed meets a line that is damaged.
    let journal = dir.join("journal.jsonl");
    let mut text = fs::read(&journal).unwrap();
    let lines = text.split_inclusive(|byte| *byte == b'\n');
    let place: usize = lines.take(22).map(<[u8]>::len).sum();
    text[place] = b'?';
    fs::write(&journal, text).unwrap();
    let is_sealed = std::env::var("GTD_FAULT")
        .unwrap()
        .contains("compact-sealed");
    let reached = || match is_sealed {
        true => dir.join("requests.idx").exists(),
        false => COPIES.iter().all(|folder| {
            let name = format!("{folder}/{:020}-{:020}.jsonl.gz", 1, 21);
            dir.join(name).exists()
        }),
    };
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let running = scope.spawn(|| compaction.run(&stop));
        while !reached() {
            assert!(!running.is_finished(), "it must wait");
            std::thread::yield_now();
        }
        stop.store(true, Ordering::Relaxed);
        fs::write(dir.join("go"), "").unwrap();
        assert!(running.join().unwrap().unwrap().is_none());
    });
    store.close();
}
