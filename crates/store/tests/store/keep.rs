//! What sled would cut off is kept before sled is let near it.

use std::{
    fs,
    os::unix::process::ExitStatusExt as _,
    path::Path,
    process::{Command, ExitStatus},
};

use gtd_store::{Repair, Store, StoreError};

use crate::{
    repair::{copy_dir, grown},
    town::{Dice, Town, all, options, records},
};

const DIR: &str = "GTD_STORE_KEEP_DIR";

#[test]
fn a_damaged_database_is_set_aside_as_it_was_before_sled_cut_it() {
    let original = grown(6000);
    let mut n_rebuilt = 0;
    for seed in 1..=8 {
        let town = copy_of(&original);
        let data = flip_in_the_newest_part(&town, seed);
        let (store, opened) = town.open();
        assert_eq!(all(&store), records(1..=6000), "seed {seed}");
        for repair in &opened.repairs {
            println!("seed {seed}: {repair}");
            if let Repair::DatabaseRebuilt { aside, .. } = repair {
                let aside = aside.as_ref().unwrap();
                assert!(fs::read(aside.join("db")).unwrap() == data, "seed {seed}");
                n_rebuilt += 1;
            }
        }
        store.close();
        assert!(town.names("sled.keep").is_empty());
        assert_eq!(town.repairs_to(6000), [], "seed {seed}");
    }
    assert!(n_rebuilt > 0, "no flip did any harm");
}

#[test]
fn a_refused_start_leaves_the_database_as_it_was() {
    let original = grown(6000);
    let mut n_refused = 0;
    for seed in 1..=6 {
        let town = copy_of(&original);
        let data = flip_in_the_newest_part(&town, seed);
        break_the_end_of_the_journal(&town);
        for turn in 0..2 {
            match town.try_open() {
                // The flip was where nothing is.
                Ok((store, _)) => assert_eq!(all(&store), records(1..=6000), "seed {seed}"),
                Err(error) => {
                    assert!(matches!(error, StoreError::Unreadable { .. }), "{error:?}");
                    let now = fs::read(town.sled().join("db")).unwrap();
                    assert!(now == data, "seed {seed}, turn {turn}");
                    assert_eq!(town.names("sled"), ["sled"]);
                    n_refused += 1;
                }
            }
        }
    }
    assert!(n_refused > 0, "no flip did any harm");
}

#[test]
fn what_the_journal_cannot_vouch_for_is_kept_and_said() {
    let original = grown(6000);
    let mut n_kept = 0;
    for seed in 1..=6 {
        let town = copy_of(&original);
        let data = flip_in_the_newest_part(&town, seed);
        fs::remove_file(town.journal()).unwrap();
        let Ok((store, opened)) = town.try_open() else {
            continue;
        };
        let kept = opened.repairs.iter().find_map(|repair| match repair {
            Repair::DatabaseSetAside { aside, .. } => Some(aside),
            Repair::DatabaseRebuilt { aside, .. } => aside.as_ref(),
            _ => None,
        });
        match kept {
            Some(kept) => {
                assert!(fs::read(kept.join("db")).unwrap() == data, "seed {seed}");
                n_kept += 1;
            }
            None => assert_eq!(all(&store), records(1..=6000), "seed {seed}"),
        }
    }
    assert!(n_kept > 0, "no flip did any harm");
}

#[test]
fn nothing_is_copied_while_the_database_is_whole() {
    let town = Town::with(40);
    let store = opens_in_another_process(town.path(), "store.keep-copied=kill");
    assert!(store.success(), "a healthy database was copied");
    let grown = grown(6000);
    let store = opens_in_another_process(grown.path(), "store.keep-copied=kill");
    assert!(store.success(), "a healthy database was copied");
}

#[test]
fn a_death_at_any_step_of_the_keeping_leaves_what_sled_would_have_cut() {
    let original = grown(6000);
    // A seed whose flip makes the database be rebuilt, so that every step is met.
    let seed = (1..50)
        .find(|seed| {
            let town = copy_of(&original);
            flip_in_the_newest_part(&town, *seed);
            let (_store, opened) = town.open();
            matches!(opened.repairs[..], [Repair::DatabaseRebuilt { .. }])
        })
        .unwrap();
    for point in ["keep-copied", "keep-made", "keep-aside"] {
        let town = copy_of(&original);
        let data = flip_in_the_newest_part(&town, seed);
        let status = opens_in_another_process(town.path(), &format!("store.{point}=kill"));
        assert_eq!(status.signal(), Some(9), "{point}");
        let (store, _) = town.open();
        assert_eq!(all(&store), records(1..=6000), "{point}");
        store.close();
        let kept = town
            .names("sled.broken-")
            .into_iter()
            .any(|name| fs::read(town.path().join(name).join("db")).unwrap() == data);
        assert!(kept, "{point}: the damaged database is gone");
        assert_eq!(town.repairs_to(6000), [], "{point}");
    }
    // And while a refused start puts it back.
    let town = copy_of(&original);
    let data = flip_in_the_newest_part(&town, seed);
    break_the_end_of_the_journal(&town);
    let status = opens_in_another_process(town.path(), "store.keep-back=kill");
    assert_eq!(status.signal(), Some(9));
    town.try_open().unwrap_err();
    assert!(fs::read(town.sled().join("db")).unwrap() == data);
}

/// The child of the tests above; without the variable it has nothing to do.
#[test]
fn opens_once() {
    let Some(dir) = std::env::var_os(DIR) else {
        return;
    };
    drop(Store::open(Path::new(&dir), &options()));
}

fn opens_in_another_process(dir: &Path, fault: &str) -> ExitStatus {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "keep::opens_once"])
        .env(DIR, dir)
        .env("GTD_FAULT", fault)
        .output()
        .unwrap()
        .status
}

fn copy_of(original: &Town) -> Town {
    let town = Town::empty();
    copy_dir(original.path(), town.path());
    town
}

/// Flips one bit where sled has not written an index of yet; returns the file as it is then.
fn flip_in_the_newest_part(town: &Town, seed: u64) -> Vec<u8> {
    let path = town.sled().join("db");
    let mut data = fs::read(&path).unwrap();
    let segment = segment_before_the_newest(town, &data);
    let mut dice = Dice::new(seed);
    // Behind the header of the segment, and before its unused end.
    let at = segment + 64 + usize::try_from(dice.below(SEGMENT as u64 * 3 / 4)).unwrap();
    data[at] ^= 1 << dice.below(8);
    fs::write(path, &data).unwrap();
    data
}

const SEGMENT: usize = 512 * 1024;

/// Finds the last segment but one in the order of sled's log, which is not that of its file.
fn segment_before_the_newest(town: &Town, data: &[u8]) -> usize {
    let number = |at: usize| i64::from_le_bytes(data[at..at + 8].try_into().unwrap()) ^ i64::MAX;
    let mut segments: Vec<(i64, usize)> = (0..data.len())
        .step_by(SEGMENT)
        .filter(|at| data[*at..*at + 20] != [0; 20])
        .map(|at| (number(at + 4), at))
        .collect();
    segments.sort_unstable();
    let (place, at) = segments[segments.len() - 2];
    let indexed_until = fs::read_dir(town.sled())
        .unwrap()
        .filter_map(|entry| {
            let name = entry.unwrap().file_name().into_string().unwrap();
            i64::from_str_radix(name.strip_prefix("snap.")?, 16).ok()
        })
        .max()
        .unwrap();
    assert!(
        place > indexed_until,
        "the log of sled is too short for this test"
    );
    at
}

/// Damages every line of the last thousand.
fn break_the_end_of_the_journal(town: &Town) {
    let text = fs::read_to_string(town.journal()).unwrap();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for line in lines.iter_mut().skip(5001) {
        *line = line.replacen("entry", "entrY", 1);
    }
    fs::write(town.journal(), lines.join("\n") + "\n").unwrap();
}
