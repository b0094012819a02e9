//! Rows of the fault matrix, each with real processes and real git.
//!
//! Rows that one crate can show alone have their tests in that crate;
//! `docs/recovery.md` names the test of every row.

use std::{collections::BTreeSet, fs, time::Duration};

use gtd_testkit::town::{Output, Town, binary, is_event, until};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;

fn beads(document: &Value) -> &Vec<Value> {
    document["beads"].as_array().expect("beads")
}

fn bead<'a>(document: &'a Value, local_id: &str) -> &'a Value {
    beads(document)
        .iter()
        .find(|bead| bead["local_id"] == local_id)
        .expect("a bead of the plan")
}

fn words<'a>(document: &'a Value, key: &str) -> Vec<&'a str> {
    beads(document)
        .iter()
        .map(|bead| bead[key].as_str().unwrap_or("-"))
        .collect()
}

/// Finds the process that the shim of the first live run supervises.
fn agent_of_live_run(town: &Town) -> Pid {
    until("a run is at work", || {
        let runs = fs::read_dir(town.runs()).ok()?;
        runs.flatten()
            .filter(|run| !run.path().join("exit.json").exists())
            .find_map(|run| {
                let text = fs::read_to_string(run.path().join("shim.json")).ok()?;
                let record: Value = serde_json::from_str(&text).ok()?;
                let pid = record["child_pid"]
                    .as_i64()
                    .or(record["child"]["pid"].as_i64())?;
                Some(Pid::from_raw(i32::try_from(pid).ok()?))
            })
    })
}

#[test]
fn row_04_a_worker_that_exits_0_without_result() {
    let town = Town::new().with_env("GTD_ROLES__WORKER__ATTEMPTS", "2");
    town.init(&[("test", "true")]);
    let goal = town.goal(
        r#"
schema = 1
title = "Lies"
[[bead]]
id = "liar"
title = "Say that it is done"
run = "echo done"
acceptance = [{ text = "the file is there", check = "test -e promised.txt" }]
"#,
    );
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(4), "a person is asked: {document:#}");
    let liar = bead(&document, "liar");
    assert_eq!(liar["state"], "parked");
    assert_eq!(liar["reason"], "attempts");
    assert_eq!(liar["attempts"], 2);
    assert_eq!(town.count("WorkSubmitted"), 0, "the claim was not believed");
    let story = town.json(&["bead", "show", liar["id"].as_str().expect("an id")]);
    let fault = &story["attempts"][0]["fault"]["text"];
    assert!(
        fault
            .as_str()
            .expect("a fault")
            .contains("the file is there"),
        "{story:#}"
    );
}

#[test]
fn row_05_a_killed_worker_is_seen_and_done_again() {
    let town = Town::new();
    town.init(&[("test", "true")]);
    let goal = town.goal(&format!(
        r#"
schema = 1
title = "Killed"
[[bead]]
id = "victim"
title = "Write a file"
run = "if [ ! -e {0} ]; then touch {0}; while :; do sleep 0.05; done; fi; echo x > x.txt"
"#,
        town.path("first").display()
    ));
    until("the agent works", || {
        town.path("first").exists().then_some(())
    });
    kill(agent_of_live_run(&town), Signal::SIGKILL).expect("kill the agent");
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(0), "{document:#}");
    assert_eq!(bead(&document, "victim")["attempts"], 2);
    let returned = town.log();
    let fault = returned
        .iter()
        .find_map(|record| record["event"]["WorkReturned"]["why"]["class"].as_str())
        .expect("a return");
    assert_eq!(fault, "killed");
}

#[test]
fn row_06_a_worker_that_hangs_is_ended_and_a_slow_one_lives() {
    let town = Town::new()
        .with_env("GTD_ROLES__WORKER__SILENCE", "2s")
        .with_env("GTD_ROLES__WORKER__ATTEMPTS", "1");
    town.init(&[("test", "true")]);
    let goal = town.goal(
        r#"
schema = 1
title = "Hangs"
[[bead]]
id = "hangs"
title = "Hang"
run = "sleep 1000"
[[bead]]
id = "slow"
title = "Work slowly, with signs of life"
run = "for i in 1 2 3 4 5 6 7 8; do echo step $i; sleep 0.6; done; echo y > y.txt"
"#,
    );
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(4), "{document:#}");
    assert_eq!(bead(&document, "hangs")["state"], "parked", "{document:#}");
    assert_eq!(bead(&document, "slow")["state"], "landed", "{document:#}");
    let log = town.log();
    let class = log
        .iter()
        .find_map(|record| record["event"]["LeaseExpired"]["why"]["class"].as_str())
        .expect("the witness ended it");
    assert_eq!(class, "silent");
}

#[test]
fn row_07_a_worker_that_repeats_itself_is_ended() {
    let town = Town::new()
        .with_env("GTD_ROLES__WORKER__REPEATS", "50")
        .with_env("GTD_ROLES__WORKER__ATTEMPTS", "1");
    town.init(&[("test", "true")]);
    let goal = town.goal(
        r#"
schema = 1
title = "Loops"
[[bead]]
id = "loops"
title = "Loop"
run = "while :; do echo the same again; sleep 0.01; done"
"#,
    );
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(4), "{document:#}");
    let log = town.log();
    let class = log
        .iter()
        .find_map(|record| record["event"]["LeaseExpired"]["why"]["class"].as_str())
        .expect("the witness ended it");
    assert_eq!(class, "no_progress");
}

#[test]
fn row_09_a_worker_whose_lease_is_lost_is_fenced() {
    let town = Town::new();
    town.init(&[("test", "true")]);
    let goal = town.goal(&format!(
        r#"
schema = 1
title = "Paused"
[[bead]]
id = "paused"
title = "Be paused"
run = "touch {0}; while :; do sleep 0.05; done; echo zombie > zombie.txt"
"#,
        town.path("began").display()
    ));
    until("the agent works", || {
        town.path("began").exists().then_some(())
    });
    let agent = agent_of_live_run(&town);
    kill(agent, Signal::SIGSTOP).expect("pause the agent");
    let document = town.json(&["convoy", "show", &goal]);
    let id = bead(&document, "paused")["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    town.gtd_ok(&["bead", "park", &id, "-m", "taken away"]);
    kill(agent, Signal::SIGCONT).ok();
    // Its process is ended, and what it leaves is never handed in.
    until("nothing of it lives", || {
        kill(agent, None).is_err().then_some(())
    });
    assert_eq!(town.count("WorkSubmitted"), 0);
    assert_eq!(town.file_on("main", "zombie.txt"), None);
}

#[test]
fn row_10_a_lease_whose_process_has_not_begun_is_left_alone() {
    let town = Town::new().with_env("GTD_ROLES__WORKER__SILENCE", "1s");
    town.init(&[("test", "true")]);
    town.down();
    let _daemon = town.start("host.before-run=sleep:5000@1");
    let goal = town.goal(
        "schema = 1\ntitle = \"Late\"\n[[bead]]\nid = \"late\"\ntitle = \"Begin late\"\nrun = \"echo z > z.txt\"\n",
    );
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(0), "{document:#}");
    assert_eq!(bead(&document, "late")["attempts"], 1);
    assert_eq!(town.count("LeaseExpired"), 0, "the witness did nothing");
}

#[test]
fn row_11_sixty_four_claims_have_one_winner() {
    let town = Town::new();
    town.init(&[("test", "true")]);
    let id = town
        .gtd_ok(&["bead", "create", "Claim me", "-q"])
        .trim()
        .to_owned();
    let codes: Vec<Option<i32>> = std::thread::scope(|scope| {
        let claims: Vec<_> = (0..64)
            .map(|n| {
                let (town, id) = (&town, &id);
                scope.spawn(move || {
                    town.gtd(&["bead", "claim", id, "--as", &format!("claimant-{n}")])
                        .code
                })
            })
            .collect();
        claims
            .into_iter()
            .map(|claim| claim.join().expect("a claim"))
            .collect()
    });
    let won = codes.iter().filter(|code| **code == Some(0)).count();
    let refused = codes.iter().filter(|code| **code == Some(7)).count();
    assert_eq!((won, refused), (1, 63), "{codes:?}");
    assert_eq!(town.count("LeaseGranted"), 1);
}

#[test]
fn row_12_a_crash_loop_is_set_aside_and_hurts_nobody_else() {
    let town = Town::new();
    town.init(&[("test", "true")]);
    let goal = town.goal(
        r#"
schema = 1
title = "Crash"
[[bead]]
id = "crash"
title = "Crash"
run = "exit 3"
[[bead]]
id = "fine"
title = "Be fine"
run = "echo fine > fine.txt"
"#,
    );
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(4), "{document:#}");
    assert_eq!(bead(&document, "crash")["state"], "parked");
    assert_eq!(bead(&document, "crash")["attempts"], 3);
    assert_eq!(bead(&document, "fine")["state"], "landed");
    assert_eq!(town.count("BeadQuarantined"), 1);
}

#[test]
fn row_13_when_everything_fails_the_rig_is_paused_once() {
    let town = Town::new()
        .with_env("GTD_ROLES__WORKER__BREAKER", "6")
        .with_env("GTD_ROLES__WORKER__ATTEMPTS", "3");
    town.init(&[("test", "true")]);
    let mut plan = "schema = 1\ntitle = \"All fail\"\n".to_owned();
    for n in 0..8 {
        plan.push_str(&format!(
            "[[bead]]\nid = \"b{n}\"\ntitle = \"Fail {n}\"\nrun = \"exit 1\"\n"
        ));
    }
    let goal = town.goal(&plan);
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(4), "{document:#}");
    assert_eq!(town.count("BreakerTripped"), 1, "one alert");
    let tries = town.count("LeaseGranted");
    assert!(tries < 24, "not every attempt was burnt: {tries}");
    assert!(
        words(&document, "reason").contains(&"paused"),
        "{document:#}"
    );
}

#[test]
fn row_28_two_changes_that_are_green_alone_and_red_together() {
    let town = Town::new().with_env("GTD_ROLES__WORKER__ATTEMPTS", "1");
    town.init(&[("test", "test ! -e a.txt || test ! -e b.txt")]);
    let picture = town.picture();
    let goal = town.goal(
        r#"
schema = 1
title = "Semantic conflict"
[[bead]]
id = "a"
title = "Write a"
run = "echo a > a.txt"
[[bead]]
id = "b"
title = "Write b"
run = "echo b > b.txt"
"#,
    );
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(4), "{document:#}");
    let mut states = words(&document, "state");
    states.sort_unstable();
    assert_eq!(states, ["landed", "parked"], "{document:#}");
    let parked = beads(&document)
        .iter()
        .find(|b| b["state"] == "parked")
        .expect("one");
    let story = town.json(&["bead", "show", parked["id"].as_str().expect("an id")]);
    let fault = story["attempts"][0]["fault"]["text"]
        .as_str()
        .expect("a fault");
    assert!(
        fault.contains("gate test is red on the merged tree"),
        "{fault}"
    );
    assert_eq!(town.picture(), picture);
}

#[test]
fn row_29_many_branches_that_change_the_same_line_all_land() {
    let town = Town::new().with_env("GTD_ROLES__WORKER__MAX", "6");
    town.init(&[("test", "true")]);
    let mut plan = "schema = 1\ntitle = \"Same line\"\n".to_owned();
    for n in 0..12 {
        plan.push_str(&format!(
            "[[bead]]\nid = \"b{n}\"\ntitle = \"Append {n}\"\nrun = \"echo line {n} >> same.txt\"\n"
        ));
    }
    let goal = town.goal(&plan);
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(0), "{document:#}");
    let file = town.file_on("main", "same.txt").expect("the file");
    let lines: BTreeSet<&str> = file.lines().collect();
    assert_eq!(lines.len(), 12, "each landed once: {file}");
    assert_eq!(file.lines().count(), 12, "none landed twice: {file}");
}

#[test]
fn row_31_a_gate_that_hangs_and_forks_is_ended_with_all_of_its_processes() {
    let town = Town::new().with_env("GTD_ROLES__WORKER__ATTEMPTS", "1");
    let mark = town.path("gate-forks").display().to_string();
    // Green on the base; hangs, with a process that leaves its group, when the file is there.
    fs::write(
        town.repo().join("gtd.toml"),
        format!(
            "schema = 1\n[rig]\nname = \"repo\"\nbranch = \"main\"\n[[gate]]\nname = \"test\"\nrun = \"if [ -e hang.txt ]; then setsid sh -c 'while :; do echo {mark} > /dev/null; sleep 0.1; done' & sleep 1000; fi\"\ntimeout = \"2s\"\n"
        ),
    )
    .expect("write gtd.toml");
    town.gtd_ok(&["init", "--no-detect"]);
    let goal = town.goal(
        "schema = 1\ntitle = \"Hang\"\n[[bead]]\nid = \"h\"\ntitle = \"Hang the gate\"\nrun = \"echo h > hang.txt\"\n",
    );
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(4), "{document:#}");
    assert_eq!(bead(&document, "h")["state"], "parked");
    let alive = fs::read_dir("/proc")
        .expect("processes")
        .flatten()
        .any(|entry| {
            let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
            line.windows(mark.len()).any(|part| part == mark.as_bytes()) && line.starts_with(b"sh")
        });
    assert!(!alive, "nothing of the gate lives");
}

#[test]
fn row_32_a_gate_sees_the_exact_commit_and_nothing_else() {
    let town = Town::new().with_env("GTD_ROLES__WORKER__ATTEMPTS", "1");
    fs::write(town.repo().join(".gitignore"), "*.ignored\n").expect("write a file");
    town.git(&["checkout", "--quiet", "main"]);
    town.git(&["add", ".gitignore"]);
    town.git(&["commit", "--quiet", "-m", "ignore"]);
    town.git(&["checkout", "--quiet", "--detach"]);
    // The first candidate leaves junk behind, tracked nowhere and even ignored; the second must not see it.
    town.init(&[(
        "test",
        "test ! -e junk.ignored && test ! -e junk.txt && touch junk.ignored junk.txt",
    )]);
    for name in ["first", "second"] {
        let goal = town.goal(&format!(
            "schema = 1\ntitle = \"{name}\"\n[[bead]]\nid = \"{name}\"\ntitle = \"{name}\"\nrun = \"echo x > {name}.txt; touch junk.ignored\"\n"
        ));
        let (code, document) = town.wait(&goal);
        assert_eq!(code, Some(0), "{document:#}");
    }
    assert_eq!(town.file_on("main", "junk.txt"), None);
}

#[test]
fn row_45_a_busy_daemon_ends_in_good_order_and_goes_on() {
    let town = Town::new();
    town.init(&[("test", "true")]);
    town.down();
    let daemon = town.start("");
    let go = town.path("go");
    let mut plan = "schema = 1\ntitle = \"Busy\"\n".to_owned();
    for n in 0..4 {
        plan.push_str(&format!(
            "[[bead]]\nid = \"b{n}\"\ntitle = \"Wait {n}\"\nrun = \"touch {}; while [ ! -e {} ]; do sleep 0.02; done; echo {n} > f{n}.txt\"\n",
            town.path("began").display(),
            go.display()
        ));
    }
    let goal = town.goal(&plan);
    until("agents work", || town.path("began").exists().then_some(()));
    let began = std::time::Instant::now();
    assert_eq!(daemon.terminate(), Some(0));
    assert!(began.elapsed() < Duration::from_secs(15));
    town.touch("go");
    let _daemon = town.start("");
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(0), "{document:#}");
    assert!(
        beads(&document).iter().all(|bead| bead["attempts"] == 1),
        "{document:#}"
    );
}

#[test]
fn row_47_a_dirty_checkout_on_main_stays_as_it_is() {
    let town = Town::new();
    town.git(&["checkout", "--quiet", "main"]);
    town.init(&[("test", "true")]);
    fs::write(town.repo().join("README"), "edited and not committed\n").expect("write a file");
    fs::write(town.repo().join("staged.txt"), "staged\n").expect("write a file");
    town.git(&["add", "staged.txt"]);
    fs::write(town.repo().join("untracked.txt"), "untracked\n").expect("write a file");
    let picture = town.picture();
    let path = town.plan(
        "schema = 1\ntitle = \"Beside\"\n[[bead]]\nid = \"b\"\ntitle = \"Work beside\"\nrun = \"echo new > README\"\n",
    );
    let refused = town.gtd(&["goal", "--plan", &path, "--land", "main"]);
    assert_eq!(refused.code, Some(7), "main is checked out: {refused}");
    let goal = town.json(&["goal", "--plan", &path]);
    let id = goal["id"].as_str().expect("an id");
    let (code, document) = town.wait(id);
    assert_eq!(code, Some(0), "{document:#}");
    assert_eq!(town.picture(), picture, "byte for byte as it was");
    assert_eq!(
        town.file_on("gtd/integration/main", "README").as_deref(),
        Some("new\n"),
        "it landed beside"
    );
    let dirty = town.gtd(&["convoy", "land", id]);
    assert_eq!(dirty.code, Some(7), "not onto a dirty checkout: {dirty}");
    assert_eq!(town.picture(), picture);
    town.git(&["reset", "--quiet", "--hard"]);
    fs::remove_file(town.repo().join("untracked.txt")).expect("remove a file");
    town.gtd_ok(&["convoy", "land", id]);
    assert_eq!(
        fs::read_to_string(town.repo().join("README")).expect("a file"),
        "new\n",
        "the person asked for it"
    );
}

#[test]
fn row_48_after_a_stop_nothing_begins_and_a_person_resumes() {
    let town = Town::new();
    town.init(&[("test", "true")]);
    let mut plan = "schema = 1\ntitle = \"Load\"\n".to_owned();
    for n in 0..30 {
        plan.push_str(&format!(
            "[[bead]]\nid = \"b{n}\"\ntitle = \"Write {n}\"\nrun = \"echo $GTD_BEAD >> {}; echo {n} > f{n}.txt\"\n",
            town.path("runs.txt").display()
        ));
    }
    let goal = town.goal(&plan);
    until("something landed", || {
        (town.count("CandidateLanded") > 0).then_some(())
    });
    let pid = town.daemon_pid().expect("a daemon");
    // A wedged daemon cannot hold the stop back.
    kill(Pid::from_raw(pid), Signal::SIGSTOP).expect("wedge the daemon");
    let began = std::time::Instant::now();
    let stopped = town.gtd(&["stop", "--all", "-m", "enough"]);
    assert_eq!(stopped.code, Some(0), "{stopped}");
    assert!(
        began.elapsed() < Duration::from_secs(3),
        "{:?}",
        began.elapsed()
    );
    kill(Pid::from_raw(pid), Signal::SIGCONT).expect("go on");
    let tip = town.git(&["rev-parse", "main"]);
    let begun = town.lines("runs.txt").len();
    // The stop outlives the daemon.
    town.down();
    town.gtd_ok(&["up"]);
    let why = town.json(&["convoy", "show", &goal]);
    assert_eq!(why["state"], "needs_you", "{why:#}");
    assert_eq!(town.git(&["rev-parse", "main"]), tip, "no ref moved");
    let more = town.lines("runs.txt").len() - begun;
    let in_flight = usize::from(stopped.stdout.contains("in flight"));
    assert!(
        more <= in_flight,
        "nothing began but what was in flight: {more}: {stopped}"
    );
    town.gtd_ok(&["resume", "--all"]);
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(0), "{document:#}");
}

#[test]
fn row_38_a_second_daemon_is_refused_and_told_who_holds_the_town() {
    let town = Town::new();
    let daemon = town.start("");
    let began = std::time::Instant::now();
    let second = Output::of(&mut town.program(binary("gtdd")));
    assert_eq!(second.code, Some(7), "{second}");
    assert!(
        second.stderr.contains(&daemon.pid().to_string()),
        "{second}"
    );
    assert!(began.elapsed() < Duration::from_secs(2));
    assert!(town.log().iter().all(|record| !is_event(record, "Stopped")));
}
