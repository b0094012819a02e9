use std::{
    io::{BufRead as _, BufReader, Write as _},
    os::unix::process::ExitStatusExt as _,
    path::Path,
    process::{Command, Stdio},
};

use gtd_core::Revision;
use gtd_store::Store;

use crate::town::{Dice, Town, all, options, records};

const DIR: &str = "GTD_STORE_KILL_DIR";

#[test]
fn nothing_acknowledged_is_lost_when_the_process_is_killed() {
    let town = Town::empty();
    let mut dice = Dice::new(77);
    let mut acknowledged = 0;
    for turn in 0..20 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "kill::appends_until_it_is_killed", "--nocapture"])
            .env(DIR, town.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // It is killed in the middle of the work that follows a random number of acknowledgements.
        let limit = 1 + dice.below(60);
        let mut pause = dice.below(3_000);
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut n_lines = 0;
        for line in lines {
            let line = line.unwrap();
            if let Some(revision) = line.strip_prefix("acknowledged ") {
                acknowledged = revision.parse().unwrap();
                n_lines += 1;
            }
            if n_lines == limit {
                while pause > 0 {
                    pause -= 1;
                    std::hint::spin_loop();
                }
                child.kill().unwrap();
            }
        }
        assert!(!child.wait().unwrap().success());
        assert!(n_lines >= limit, "turn {turn}: the child ended by itself");
        if turn % 5 == 4 {
            let (store, opened) = town.open();
            assert!(opened.head >= Revision(acknowledged), "turn {turn}");
            assert_eq!(all(&store), records(1..=opened.head.0), "turn {turn}");
        }
    }
    let (store, opened) = town.open();
    assert!(opened.head >= Revision(acknowledged));
    assert_eq!(all(&store), records(1..=opened.head.0));
    store.close();
    assert_eq!(town.names("sled"), ["sled"]);
    let report = gtd_store::verify(town.path()).unwrap();
    assert!(report.is_sound(), "{report:?}");
}

#[test]
fn a_death_at_any_point_of_an_append_loses_nothing_that_was_acknowledged() {
    for point in ["before-flush", "after-flush", "after-sync", "after-journal"] {
        for hit in [1, 2, 7] {
            let town = Town::empty();
            let child = Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "kill::appends_until_it_is_killed", "--nocapture"])
                .env(DIR, town.path())
                .env("GTD_FAULT", format!("store.{point}=kill@{hit}"))
                .output()
                .unwrap();
            assert_eq!(child.status.signal(), Some(9));
            let acknowledged = String::from_utf8(child.stdout)
                .unwrap()
                .lines()
                .filter_map(|line| line.strip_prefix("acknowledged "))
                .map(|revision| revision.parse().unwrap())
                .next_back()
                .unwrap_or(0);
            let (store, opened) = town.open();
            let told = format!("{point} {hit}");
            assert!(opened.head >= Revision(acknowledged), "{told}");
            if point == "after-sync" || point == "after-journal" {
                assert!(opened.head > Revision(acknowledged), "{told}");
            }
            if point == "after-journal" {
                assert_eq!(opened.repairs, [], "{told}");
            }
            assert_eq!(all(&store), records(1..=opened.head.0), "{told}");
            store.close();
            assert_eq!(town.names("sled"), ["sled"]);
        }
    }
}

/// The child of the tests above; without the variable it has nothing to do.
#[test]
fn appends_until_it_is_killed() {
    let Some(dir) = std::env::var_os(DIR) else {
        return;
    };
    let (mut store, _) = Store::open(Path::new(&dir), &options()).unwrap();
    let mut dice = Dice::new(store.head().0 + 1);
    let mut out = std::io::stdout();
    loop {
        let first = store.head().0 + 1;
        store
            .append(&records(first..=first + dice.below(20)))
            .unwrap();
        writeln!(out, "acknowledged {}", store.head()).unwrap();
        if dice.below(20) == 0 {
            store.write_snapshot(store.head(), &[1; 50_000]).unwrap();
        }
    }
}
