//! Backups: made under load, refused when they are not whole, and good for a town that lost everything.

use std::{fs, path::Path, thread};

use gtd_testkit::town::{Output, Town, until};
use serde_json::Value;

/// A plan of one bead that writes one file.
fn one_file(name: &str) -> String {
    format!(
        r#"
schema = 1
title = "Write {name}"
[[bead]]
id = "one"
title = "Write {name}"
run = "echo {name} > {name}.txt"
"#
    )
}

/// Lands a goal of one file.
fn land(town: &Town, name: &str) -> String {
    let goal = town.goal(&one_file(name));
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(0), "{document:#}");
    let content = town.file_on("main", &format!("{name}.txt"));
    assert_eq!(content, Some(format!("{name}\n")), "{document:#}");
    goal
}

fn town() -> Town {
    let town = Town::new();
    town.init(&[("test", "true")]);
    town
}

fn backup(town: &Town) -> Value {
    let made = town.json(&["backup", "create"]);
    assert_eq!(made["kind"], "Backup", "{made:#}");
    made
}

fn text<'a>(document: &'a Value, key: &str) -> &'a str {
    document[key]
        .as_str()
        .unwrap_or_else(|| panic!("no {key}: {document:#}"))
}

/// The same person in another home, with the same repository.
fn gtd_elsewhere(town: &Town, home: &str, args: &[&str]) -> Output {
    let mut gtd = town.program(gtd_testkit::town::binary("gtd"));
    Output::of(gtd.env("GTD_HOME", town.path(home)).args(args))
}

fn json_elsewhere(town: &Town, home: &str, args: &[&str]) -> Value {
    let output = gtd_elsewhere(town, home, &[args, &["--json"]].concat());
    serde_json::from_str(&output.stdout).unwrap_or_else(|_| panic!("gtd {args:?}: {output}"))
}

fn garble(path: &Path, needle: &str, instead: &str) {
    assert_eq!(needle.len(), instead.len());
    let mut bytes = fs::read(path).expect("read a file");
    let at = bytes
        .windows(needle.len())
        .rposition(|window| window == needle.as_bytes())
        .expect("it is in there");
    bytes[at..at + needle.len()].copy_from_slice(instead.as_bytes());
    fs::write(path, bytes).expect("write a file");
}

#[test]
fn a_backup_under_load_is_whole_and_restores_into_another_home() {
    let town = town();
    let before = land(&town, "before");
    // Writers are at work while the backups are made.
    let made: Vec<Value> = thread::scope(|scope| {
        let writers: Vec<_> = (0..4)
            .map(|writer| {
                let (town, before) = (&town, &before);
                scope.spawn(move || {
                    for n in 0..8 {
                        let text = format!("note {writer}.{n}");
                        town.gtd_ok(&["bead", "note", before, &text]);
                    }
                })
            })
            .collect();
        let made = (0..4).map(|_| backup(&town)).collect();
        for writer in writers {
            writer.join().expect("a writer");
        }
        made
    });
    let list = town.json(&["backup", "list"]);
    assert_eq!(list["items"].as_array().map(Vec::len), Some(4), "{list:#}");
    for made in &made {
        let whole = town.json(&["backup", "verify", text(made, "path")]);
        assert_eq!(whole["verified"], true, "{whole:#}");
        assert_eq!(whole["head"], made["head"], "{whole:#}");
    }
    let list = town.json(&["backup", "list"]);
    for item in list["items"].as_array().expect("a list") {
        assert_eq!(item["verified"], true, "{list:#}");
    }
    // What happens after the backup is not in it.
    let made = backup(&town);
    let after = land(&town, "after");
    town.down();
    let restored = json_elsewhere(&town, "new", &["backup", "restore", text(&made, "path")]);
    assert_eq!(restored["kind"], "Restore", "{restored:#}");
    assert_eq!(restored["head"], made["head"], "{restored:#}");
    assert_eq!(restored["unseen"], Value::Array(vec![]), "{restored:#}");
    gtd_elsewhere(&town, "new", &["up"]);
    let old = json_elsewhere(&town, "new", &["convoy", "show", &before]);
    assert_eq!(old["state"], "closed", "{old:#}");
    let unknown = json_elsewhere(&town, "new", &["convoy", "show", &after]);
    assert_eq!(unknown["kind"], "Error", "{unknown:#}");
    // And goals go on.
    let plan = town.plan(&one_file("later"));
    let later = json_elsewhere(&town, "new", &["goal", "--plan", &plan, "--wait"]);
    assert_eq!(later["state"], "closed", "{later:#}");
    assert!(town.file_on("main", "later.txt").is_some());
    assert!(
        town.file_on("main", "after.txt").is_some(),
        "it stays landed"
    );
    gtd_elsewhere(&town, "new", &["down", "--now"]);
}

#[test]
fn after_a_restore_an_attempt_of_later_is_not_taken_for_a_new_one() {
    let town = town();
    // The first attempt at it comes after the backup.
    let go = town.path("go");
    let goal = town.goal(&format!(
        r#"
schema = 1
title = "Two"
[[bead]]
id = "first"
title = "Wait"
run = "while [ ! -e {go} ]; do sleep 0.02; done; echo 1 > first.txt"
[[bead]]
id = "second"
title = "Write by attempt"
needs = ["first"]
run = "echo $GTD_EPOCH > epoch.txt"
"#,
        go = go.display()
    ));
    until("the first is at work", || {
        (town.count("RunStarted") > 0).then_some(())
    });
    let made = backup(&town);
    town.touch("go");
    assert_eq!(town.wait(&goal).0, Some(0));
    assert_eq!(town.file_on("main", "epoch.txt").as_deref(), Some("1\n"));
    town.down();
    let key = fs::read(town.path("home/data/key")).expect("the key");
    let restored = town.json(&["backup", "restore", text(&made, "path"), "--replace"]);
    assert_eq!(restored["kind"], "Restore", "{restored:#}");
    assert!(
        Path::new(text(&restored, "before")).exists(),
        "a backup of what was there: {restored:#}"
    );
    assert!(Path::new(text(&restored, "aside")).join("store").exists());
    town.gtd_ok(&["up"]);
    assert_ne!(
        fs::read(town.path("home/data/key")).expect("a key"),
        key,
        "no token of before is good"
    );
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(0), "{document:#}");
    let epochs: Vec<(String, u64)> = town
        .log()
        .iter()
        .filter_map(|record| record["event"].get("LeaseGranted").cloned())
        .map(|granted| {
            let bead = text(&granted, "bead").to_owned();
            (bead, granted["lease"]["epoch"].as_u64().unwrap_or_default())
        })
        .collect();
    let again: Vec<u64> = epochs.iter().map(|(_, epoch)| *epoch).collect();
    // The lease of the backup; then each bead anew, above all that was used.
    assert_eq!(again, [1, 2, 2], "{epochs:?}");
}

#[test]
fn a_garbled_backup_is_refused_with_what_and_where() {
    let town = town();
    land(&town, "before");
    let made = backup(&town);
    let path = Path::new(text(&made, "path"));
    town.down();
    garble(path, "\"GoalOpened\"", "\"GoalOpenet\"");
    let refused = town.gtd(&["backup", "verify", text(&made, "path")]);
    assert_eq!(refused.code, Some(1), "{refused}");
    for word in ["journal.jsonl", "sha256", "at byte", "checksum"] {
        assert!(refused.stderr.contains(word), "{word}: {refused}");
    }
    let refused = gtd_elsewhere(&town, "new", &["backup", "restore", text(&made, "path")]);
    assert_eq!(refused.code, Some(1), "{refused}");
    assert!(!town.path("new/data/store").exists(), "nothing was begun");
    // Half a file, and no file.
    let whole = fs::read(path).expect("the backup");
    fs::write(path, &whole[..whole.len() / 2]).expect("write a file");
    let refused = town.gtd(&["backup", "verify", text(&made, "path")]);
    assert_eq!(refused.code, Some(1), "{refused}");
    let absent = town.gtd(&["backup", "verify", "nowhere.tar"]);
    assert_eq!(absent.code, Some(3), "{absent}");
}

#[test]
fn when_both_witnesses_are_broken_a_backup_puts_the_town_back() {
    let town = town();
    let goal = land(&town, "before");
    let made = backup(&town);
    town.down();
    let store = town.path("home/data/store");
    garble(
        &store.join("journal.jsonl"),
        "\"GoalOpened\"",
        "\"GoalOpenet\"",
    );
    fs::remove_dir_all(store.join("sled")).expect("remove the database");
    let refused = Output::of(&mut town.program(gtd_testkit::town::binary("gtdd")));
    assert_eq!(refused.code, Some(1), "{refused}");
    assert!(refused.stderr.contains("gtd backup restore"), "{refused}");
    let refused = town.gtd(&["backup", "restore", text(&made, "path")]);
    assert_eq!(refused.code, Some(7), "it is not empty: {refused}");
    let restored = town.json(&["backup", "restore", text(&made, "path"), "--replace"]);
    assert_eq!(restored["kind"], "Restore", "{restored:#}");
    assert!(
        restored["before"]["problem"].is_string(),
        "no backup can be made of it, and it is kept: {restored:#}"
    );
    town.gtd_ok(&["up"]);
    let found = town.json(&["convoy", "show", &goal]);
    assert_eq!(found["state"], "closed", "{found:#}");
    land(&town, "later");
}

#[test]
fn a_restore_over_a_daemon_at_work_is_refused_and_told_its_pid() {
    let town = town();
    let made = backup(&town);
    let daemon = town.daemon_pid().expect("a daemon");
    let refused = town.gtd(&["backup", "restore", text(&made, "path"), "--replace"]);
    assert_eq!(refused.code, Some(7), "{refused}");
    assert!(refused.stderr.contains(&daemon.to_string()), "{refused}");
    assert_eq!(town.daemon_pid(), Some(daemon));
}

#[test]
fn a_restore_that_dies_in_the_middle_is_finished_by_the_next_start() {
    for fault in ["restore.after-commit", "restore.between-moves"] {
        let town = town();
        let goal = land(&town, "before");
        let made = backup(&town);
        land(&town, "after");
        town.down();
        let mut gtdd = town.program(gtd_testkit::town::binary("gtdd"));
        let died = Output::of(
            gtdd.args(["backup", "restore", text(&made, "path"), "--replace"])
                .env("GTD_FAULT", format!("{fault}=kill")),
        );
        assert_eq!(died.code, None, "{fault}: {died}");
        town.gtd_ok(&["up"]);
        let found = town.json(&["convoy", "show", &goal]);
        assert_eq!(found["state"], "closed", "{fault}: {found:#}");
        assert_eq!(town.count("TownRestored"), 1, "{fault}");
        assert!(!town.path("home/data/restore.ready").exists(), "{fault}");
        land(&town, "later");
    }
}

#[test]
fn the_export_is_the_log_line_by_line() {
    let town = town();
    land(&town, "before");
    let file = town.path("log.jsonl");
    town.gtd_ok(&["export", "json", "-o", &file.display().to_string()]);
    let lines = |text: &str| -> Vec<Value> {
        text.lines()
            .map(|line| serde_json::from_str(line).expect("each line is JSON"))
            .collect()
    };
    let exported = lines(&fs::read_to_string(&file).expect("the file"));
    assert!(exported.len() > 5);
    for (n, (line, body)) in exported.iter().zip(town.log()).enumerate() {
        assert_eq!(
            (&line["seq"], &line["rev"]),
            (&(n + 1).into(), &(n + 1).into())
        );
        assert_eq!(line["event"], body["event"]);
        assert_eq!(line["at"], body["at"]);
    }
    let rest = lines(&town.gtd_ok(&["export", "json", "--after", "3"]));
    assert_eq!(rest[0]["seq"], 4);
}

fn made_by_the_clock(town: &Town) -> Vec<String> {
    let document = town.json(&["backup", "schedule"]);
    let made = document["made"].as_array().cloned().unwrap_or_default();
    made.iter()
        .filter_map(|path| path.as_str().map(str::to_owned))
        .collect()
}

#[test]
fn backups_come_by_the_clock_and_only_the_newest_stay() {
    let town = town();
    let mine = backup(&town);
    let folder = town.path("elsewhere").display().to_string();
    let wish = [
        "backup", "schedule", "--every", "1s", "--keep", "2", "--to", &folder,
    ];
    let rehearsed = town.gtd_ok(&[&wish[..], &["-n"]].concat());
    assert!(rehearsed.contains("keep 2"), "{rehearsed}");
    assert!(made_by_the_clock(&town).is_empty());
    town.gtd_ok(&wish);
    // What a person put there is nobody's to delete, whatever it is called.
    let foreign = town.path("elsewhere").join("home-20200101T000000Z.tar");
    fs::copy(text(&mine, "path"), &foreign).expect("copy a backup");
    let first = until("the first backup", || {
        made_by_the_clock(&town).into_iter().next()
    });
    until("the first is one too many", || {
        (!Path::new(&first).exists()).then_some(())
    });
    town.gtd_ok(&["backup", "schedule", "off"]);
    let left = made_by_the_clock(&town);
    assert_eq!(left.len(), 2, "{left:?}");
    for path in &left {
        let whole = town.json(&["backup", "verify", path]);
        assert_eq!(whole["verified"], true, "{whole:#}");
    }
    assert!(foreign.exists() && Path::new(text(&mine, "path")).exists());
}

#[test]
fn an_old_backup_that_is_not_whole_any_more_is_not_deleted() {
    let town = town();
    let folder = town.path("elsewhere").display().to_string();
    let wish = [
        "backup", "schedule", "--every", "1s", "--keep", "1", "--to", &folder,
    ];
    town.gtd_ok(&wish);
    let first = until("the first backup", || {
        made_by_the_clock(&town).into_iter().next()
    });
    town.gtd_ok(&["backup", "schedule", "off"]);
    garble(Path::new(&first), "gtd_journal", "gtd_journel");
    town.gtd_ok(&wish);
    until("two newer ones", || {
        let log = fs::read_to_string(town.path("home/state/logs/daemon.log")).ok()?;
        log.contains("deleted an old backup").then_some(())
    });
    assert!(Path::new(&first).exists());
}

#[test]
fn a_backup_by_the_clock_that_fails_is_told_where_a_person_looks() {
    let town = town();
    let folder = town.path("elsewhere");
    let to = folder.display().to_string();
    town.gtd_ok(&["backup", "schedule", "--every", "1s", "--to", &to]);
    until("the first backup", || {
        made_by_the_clock(&town).into_iter().next()
    });
    until("a file stands in the place of the folder", || {
        // The daemon may make it again in between.
        fs::remove_dir_all(&folder).ok()?;
        fs::write(&folder, "not a folder").ok()
    });
    let problem = until("the failure is told", || {
        let shown = town.json(&["backup", "schedule"]);
        shown["problem"].as_str().map(str::to_owned)
    });
    assert!(problem.contains("failed"), "{problem}");
    let status = town.gtd(&["status"]);
    assert!(status.stderr.contains("gtd backup schedule"), "{status}");
    let doctor = town.gtd(&["doctor", "--only", "store"]);
    assert!(doctor.stdout.contains("by the clock failed"), "{doctor}");
    let wrong = town.gtd(&["backup", "schedule", "--keep", "3"]);
    assert_eq!(wrong.code, Some(2), "{wrong}");
}
