//! Storms: damage below a town, many callers at once, callers that never read, and a machine that restarts or sleeps.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::Stdio,
};

use gtd_testkit::town::{Output, Town, binary, until};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;

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
    let said = town.daemon_said();
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

/// The records of the shims of all runs, with where they are.
fn shims(town: &Town) -> Vec<(PathBuf, Value)> {
    let runs = fs::read_dir(town.runs()).into_iter().flatten().flatten();
    runs.filter_map(|run| {
        let path = run.path().join("shim.json");
        let record = serde_json::from_str(&fs::read_to_string(&path).ok()?).ok()?;
        Some((path, record))
    })
    .collect()
}

fn pid_of(record: &Value) -> Pid {
    Pid::from_raw(i32::try_from(record["pid"].as_i64().unwrap()).unwrap())
}

/// The resident memory of a process in KiB, now or at its most.
fn memory(pid: i32, name: &str) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    text.lines()
        .find_map(|line| {
            line.strip_prefix(name)?
                .split_whitespace()
                .next()?
                .parse()
                .ok()
        })
        .unwrap_or(0)
}

fn goal_of(run: &str) -> String {
    let run = Value::from(run);
    format!(
        "schema = 1\ntitle = \"One\"\n[[bead]]\nid = \"only\"\ntitle = \"Do it\"\nrun = {run}\n"
    )
}

#[test]
fn row_34_who_stood_still_with_the_daemon_is_not_taken_for_silent() {
    let marker = |town: &Town| town.path("gap-seen");
    let town = Town::new()
        .with_env("GTD_ROLES__WORKER__SILENCE", "3s")
        .with_env("GTD_ROLES__WORKER__ATTEMPTS", "1");
    town.init(&[("test", "true")]);
    town.down();
    // A gap is more than a minute between two looks; the test makes one look come after such a gap.
    town.touch("gap-seen");
    let daemon = town.start(&format!("host.gap=fail!{}", marker(&town).display()));
    let goal = town.goal(&goal_of(&format!(
        "touch {0}; while [ ! -e {1} ]; do echo sign; sleep 0.2; done; echo x > x.txt",
        town.path("began").display(),
        town.path("go").display()
    )));
    until("the agent works", || {
        town.path("began").exists().then_some(())
    });
    let (_, record) = shims(&town).remove(0);
    let agent = Pid::from_raw(i32::try_from(record["child_pgid"].as_i64().unwrap()).unwrap());
    let everybody = [
        pid_of(&record),
        Pid::from_raw(-agent.as_raw()),
        Pid::from_raw(daemon.pid()),
    ];
    for who in everybody {
        kill(who, Signal::SIGSTOP).unwrap();
    }
    // Longer than the silence that it may keep: time that passes is what is tested here.
    std::thread::sleep(std::time::Duration::from_secs(5));
    fs::remove_file(marker(&town)).unwrap();
    // The agent's signs come late: the daemon looks first.
    kill(Pid::from_raw(daemon.pid()), Signal::SIGCONT).unwrap();
    until("the daemon has looked again", || {
        marker(&town).exists().then_some(())
    });
    for who in everybody {
        kill(who, Signal::SIGCONT).unwrap();
    }
    town.touch("go");
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(0), "{document:#}");
    assert_eq!(document["beads"][0]["attempts"], 1, "{document:#}");
    assert_eq!(town.count("LeaseExpired"), 0);
}

#[test]
fn row_35_after_a_reboot_no_old_process_id_is_believed_and_what_ended_stays_ended() {
    let town = town();
    let ended = town.goal(&goal_of("echo a > a.txt"));
    assert_eq!(town.wait(&ended).0, Some(0));
    town.down();
    let daemon = town.start("");
    let goal = town.goal(&goal_of(&format!(
        "touch {0}; while [ ! -e {1} ]; do sleep 0.05; done; echo b > b.txt",
        town.path("began").display(),
        town.path("go").display()
    )));
    until("the agent works", || {
        town.path("began").exists().then_some(())
    });
    daemon.kill();
    // The reboot: every process is gone, what lived in memory is gone, and the ids are given anew.
    let mut bystander = std::process::Command::new("sleep")
        .arg("1000")
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    for (path, mut record) in shims(&town) {
        if !path.with_file_name("exit.json").exists() {
            let group = i32::try_from(record["child_pgid"].as_i64().unwrap()).unwrap();
            kill(pid_of(&record), Signal::SIGKILL).unwrap();
            kill(Pid::from_raw(-group), Signal::SIGKILL).ok();
        }
        record["boot_id"] = Value::from("00000000-0000-4000-8000-000000000000");
        for key in ["pid", "child_pid", "child_pgid"] {
            record[key] = Value::from(bystander.id());
        }
        fs::write(&path, record.to_string()).unwrap();
    }
    fs::remove_dir_all(town.path("home/run")).unwrap();
    let runs_of = |goal: &str| {
        let document = town.json(&["convoy", "show", goal]);
        let bead = document["beads"][0]["id"].as_str().unwrap().to_owned();
        let names = fs::read_dir(town.runs()).unwrap().flatten();
        names
            .filter(|run| run.file_name().to_string_lossy().starts_with(&bead))
            .count()
    };
    let _daemon = town.start("");
    let runs_of_ended = runs_of(&ended);
    town.touch("go");
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(0), "{document:#}");
    assert_eq!(document["beads"][0]["attempts"], 2, "it was done again");
    assert!(
        matches!(bystander.try_wait(), Ok(None)),
        "whoever has an old id is left alone"
    );
    bystander.kill().unwrap();
    bystander.wait().unwrap();
    assert_eq!(runs_of(&ended), runs_of_ended, "nothing of it ran again");
    let landed = town.git(&["log", "--first-parent", "--format=%s", "main"]);
    let n_landed = landed.lines().filter(|line| *line == "Do it").count();
    assert_eq!(n_landed, 2, "each landed once: {landed}");
    assert_eq!(town.json(&["convoy", "show", &ended])["state"], "closed");
}

#[test]
fn row_40_dozens_of_callers_at_once_are_all_answered_and_no_write_is_lost() {
    const CALLERS: usize = 48;
    let town = town();
    let before = town.count("BeadOpened");
    let callers: Vec<_> = (0..CALLERS)
        .map(|n| {
            let mut gtd = town.program(binary("gtd"));
            match n % 2 {
                0 => gtd.args(["bead", "create", &format!("number {n}"), "--defer", "30d"]),
                _ => gtd.arg("status"),
            };
            gtd.args(["--timeout", "60s"])
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    for caller in callers {
        let output = caller.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
    }
    assert_eq!(town.count("BeadOpened") - before, CALLERS / 2);
}

#[test]
fn row_39_a_daemon_of_a_neighbouring_level_is_used_and_told_once() {
    let town = town();
    town.down();
    let _daemon = town.start("town.level-one-newer=fail");
    let made = town.gtd(&["bead", "create", "across levels", "--defer", "30d"]);
    assert_eq!(made.code, Some(0), "{made}");
    let told = "warning: gtdd is one API level newer than this gtd";
    assert_eq!(made.stderr.matches(told).count(), 1, "{made}");
    let list = town.gtd(&["bead", "list", "--json"]);
    let document: serde_json::Value = serde_json::from_str(&list.stdout).unwrap();
    assert_eq!(document["items"][0]["title"], "across levels");
    assert_eq!(list.stderr.matches(told).count(), 1, "{list}");
}

#[test]
fn row_39_a_daemon_of_a_far_level_is_refused_with_what_to_do() {
    let town = town();
    town.down();
    let _daemon = town.start("town.level-far-newer=fail");
    let refused = town.gtd(&["bead", "list"]);
    assert_ne!(refused.code, Some(0), "{refused}");
    assert!(refused.stderr.contains("error[E0606]"), "{refused}");
    assert!(refused.stderr.contains("speaks API level 10"), "{refused}");
    assert!(refused.stderr.contains("&& gtd up"), "{refused}");
    let kill = refused.stderr.split("kill ").nth(1).unwrap();
    let pid = kill.split(' ').next().unwrap();
    assert!(pid.parse::<u32>().is_ok(), "{refused}");
}

#[test]
fn row_41_watchers_that_stop_to_read_are_given_up_and_nothing_heaps_up_for_them() {
    const WATCHERS: usize = 24;
    const BEADS: usize = 800;
    let town = town();
    town.gtd_ok(&["pause", "--yes"]);
    // A plan may be one mebibyte: this is most of it.
    let plan = |name: &str| {
        let mut text = format!("schema = 1\ntitle = \"{name}\"\n");
        let long = "what is to be done ".repeat(45);
        for n in 0..BEADS {
            text.push_str(&format!(
                "[[bead]]\nid = \"b{n}\"\ntitle = \"Bead {n}\"\ndescription = \"{long}\"\nrun = \"true\"\n"
            ));
        }
        text
    };
    let watchers: Vec<_> = (0..WATCHERS)
        .map(|_| {
            town.program(binary("gtd"))
                .args(["watch", "--json", "--after", "0"])
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()
                .unwrap()
        })
        .collect();
    town.gtd_ok(&["bead", "create", "the last one read", "--defer", "30d"]);
    // They read so far, and then nobody takes what they print: soon they stop to read the stream.
    let watchers: Vec<_> = watchers
        .into_iter()
        .map(|mut watcher| {
            let mut lines = BufReader::new(watcher.stdout.take().unwrap()).lines();
            assert!(lines.any(|line| line.unwrap().contains("the last one read")));
            (watcher, lines)
        })
        .collect();
    for name in ["first", "second", "third", "fourth"] {
        town.goal(&plan(name));
    }
    let given_up = until("the watchers are given up", || {
        let log = fs::read_to_string(town.path("home/state/logs/daemon.log")).unwrap_or_default();
        let lines = log
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_default());
        let given_up: Vec<Value> = lines
            .filter(|line: &Value| line["text"] == "a watcher that reads nothing was given up")
            .collect();
        (given_up.len() == WATCHERS).then_some(given_up)
    });
    // The daemon held only a few batches for each, not all that there was to say.
    let head = town.log().len() as u64;
    for line in given_up {
        let taken = line["data"]["rev"].as_u64().unwrap();
        assert!(taken < head * 3 / 4, "{taken} of {head} were taken");
    }
    // Others read all of it meanwhile.
    let all = town.gtd_ok(&["watch", "--json", "--no-follow", "--after", "0"]);
    assert_eq!(all.lines().count(), town.log().len());
    for (mut watcher, _) in watchers {
        watcher.kill().unwrap();
        watcher.wait().unwrap();
    }
}

#[test]
fn row_42_a_flood_of_output_stays_below_its_cap_and_costs_no_memory() {
    const FLOOD: u64 = 100_000_000;
    const CAP: u64 = 17 << 20;
    // No two lines are equal, or it would be ended for saying the same again and again.
    let long = "what it says without an end ".repeat(8);
    let town = town();
    let daemon = town.daemon_pid().unwrap();
    let before = memory(daemon, "VmHWM:");
    let goal = town.goal(&goal_of(&format!(
        "seq -f '%.0f: {long}' 1 100000000 | head -c {FLOOD}; echo; echo dry; echo x > x.txt"
    )));
    let mut shim = 0;
    until("the flood has ended", || {
        let work: Vec<_> = shims(&town)
            .into_iter()
            .filter(|(path, _)| path.to_string_lossy().contains(".work/"))
            .collect();
        let (path, record) = work.first()?;
        shim = shim.max(memory(pid_of(record).as_raw(), "VmHWM:"));
        path.with_file_name("exit.json").exists().then_some(())
    });
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(0), "{document:#}");
    let (path, _) = shims(&town)
        .into_iter()
        .find(|(path, _)| path.to_string_lossy().contains(".work/"))
        .unwrap();
    let exit: Value =
        serde_json::from_str(&fs::read_to_string(path.with_file_name("exit.json")).unwrap())
            .unwrap();
    assert!(exit["output_bytes"].as_u64().unwrap() > FLOOD, "{exit}");
    let kept: u64 = files(path.parent().unwrap())
        .values()
        .map(|content| content.len() as u64)
        .sum();
    assert!(kept < CAP, "{kept} bytes are kept");
    assert!(shim > 0 && shim < 64 * 1024, "the shim needed {shim} KiB");
    let after = memory(daemon, "VmHWM:");
    assert!(
        after < before + 64 * 1024,
        "the daemon went from {before} to {after} KiB"
    );
    let bead = document["beads"][0]["id"].as_str().unwrap();
    assert!(town.gtd_ok(&["logs", bead, "-n", "5"]).contains("dry"));
}
