//! Storms: damage below a town, many callers at once, callers that never read, and a machine that restarts or sleeps.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use gtd_testkit::town::{Output, Town, binary};

fn town() -> Town {
    let town = Town::new();
    town.init(&[("test", "true")]);
    town
}

/// Every file below a folder with its content.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            let content = fs::read(&path).unwrap();
            found.insert(path, content);
        }
    }
    found
}

/// Flips one bit of each place below a folder that holds the words; returns how many there were.
fn flip_a_bit(folder: &Path, words: &str) -> usize {
    let mut flipped = 0;
    for (path, mut content) in files(folder) {
        let places: Vec<usize> = content
            .windows(words.len())
            .enumerate()
            .filter(|(_, window)| *window == words.as_bytes())
            .map(|(at, _)| at)
            .collect();
        for at in &places {
            content[*at] ^= 1;
        }
        if !places.is_empty() {
            flipped += places.len();
            fs::write(path, content).unwrap();
        }
    }
    flipped
}

#[test]
fn row_37_a_flipped_bit_in_the_database_is_mended_and_told() {
    let town = town();
    for title in ["first", "the marked one", "last"] {
        town.gtd_ok(&["bead", "create", title, "--defer", "30d"]);
    }
    let before = town.json(&["bead", "list"]);
    let log = town.log();
    town.down();
    let store = town.path("home/data/store");
    assert!(flip_a_bit(&store.join("sled"), "the marked one") > 0);
    let _daemon = town.start("");
    let said = fs::read_to_string(town.path("gtdd.out")).unwrap();
    let aside = fs::read_dir(&store)
        .unwrap()
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.to_string_lossy().contains("sled.broken-"))
        .unwrap_or_else(|| panic!("nothing was set aside: {said}"));
    let name = aside.file_name().unwrap().to_string_lossy().into_owned();
    assert!(said.contains("The database was rebuilt"), "{said}");
    assert!(said.contains(&name), "it says where the old one is: {said}");
    assert!(aside.join("db").metadata().unwrap().len() > 0);
    assert_eq!(town.json(&["bead", "list"])["items"], before["items"]);
    assert_eq!(town.log()[..log.len()], log[..], "no record was lost");
    town.gtd_ok(&["bead", "create", "after it", "--defer", "30d"]);
}

#[test]
fn row_37_when_both_are_broken_the_daemon_refuses_and_names_the_restore() {
    let town = town();
    town.gtd_ok(&["bead", "create", "the marked one", "--defer", "30d"]);
    town.down();
    let store = town.path("home/data/store");
    assert!(flip_a_bit(&store.join("sled"), "the marked one") > 0);
    assert!(flip_a_bit(&store, "\"the marked one\"") > 0, "the journal");
    let journal = fs::read(store.join("journal.jsonl")).unwrap();
    let database = fs::read(store.join("sled/db")).unwrap();
    let refused = Output::of(&mut town.program(binary("gtdd")));
    assert_eq!(refused.code, Some(1), "{refused}");
    assert!(refused.stderr.contains("gtd backup restore"), "{refused}");
    // The thin program that starts it passes the same on.
    let refused = town.gtd(&["up"]);
    assert_ne!(refused.code, Some(0), "{refused}");
    assert!(refused.stderr.contains("gtd backup restore"), "{refused}");
    // Both are as they were found, although sled cuts its own log when it is opened.
    assert_eq!(fs::read(store.join("journal.jsonl")).unwrap(), journal);
    assert!(fs::read(store.join("sled/db")).unwrap() == database);
}
