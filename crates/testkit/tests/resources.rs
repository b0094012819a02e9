//! Rows 20 to 23: the machine is short of something. What would begin waits, what is there goes on,
//! reads answer, nothing panics, and everything resumes by itself.
//!
//! The file systems are real and small; a test that cannot mount one says `NOT RUN`.

use std::{fs, os::unix::net::UnixStream, path::Path, process::Stdio};

use gtd_testkit::town::{Town, binary, fill_up, small_disk, until, with_mounts};
use serde_json::Value;

/// A bead that works until it is told to go on, and one that waits for the only seat.
fn two_beads(town: &Town) -> String {
    format!(
        r#"
schema = 1
title = "Two"
[[bead]]
id = "first"
title = "Work until told"
run = "touch {began}; while [ ! -e {go} ]; do sleep 0.05; done; echo 1 > first.txt"
[[bead]]
id = "second"
title = "Wait for a seat"
run = "echo 2 > second.txt"
"#,
        began = town.path("began").display(),
        go = town.path("go").display(),
    )
}

/// A goal of one bead that runs this.
fn one_bead(town: &Town, run: &str) -> String {
    let run = run
        .replace("{began}", &town.path("began").display().to_string())
        .replace("{go}", &town.path("go").display().to_string());
    format!(
        "schema = 1\ntitle = \"One\"\n[[bead]]\nid = \"only\"\ntitle = \"Do it\"\nrun = {}\n",
        Value::from(run)
    )
}

fn id_of(document: &Value, local_id: &str) -> String {
    document["beads"]
        .as_array()
        .expect("beads")
        .iter()
        .find(|bead| bead["local_id"] == local_id)
        .and_then(|bead| bead["id"].as_str())
        .unwrap_or_else(|| panic!("no bead {local_id}: {document:#}"))
        .to_owned()
}

/// Waits until a bead waits for this reason; returns the words.
fn waits_for(town: &Town, bead: &str, reason: &str) -> String {
    until(&format!("{bead} waits for {reason}"), || {
        let why = town.json(&["why", bead]);
        let cause = &why["chain"][0];
        (cause["code"] == reason).then(|| cause["text"].as_str().unwrap_or_default().to_owned())
    })
}

fn state_of(town: &Town, bead: &str) -> String {
    town.json(&["why", bead])["state"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

/// Starts the goal of [`two_beads`]; returns the goal and both beads once the first is at work.
fn begun(town: &Town) -> (String, String, String) {
    let goal = town.goal(&two_beads(town));
    until("the first bead is at work", || {
        town.path("began").exists().then_some(())
    });
    let document = town.json(&["convoy", "show", &goal]);
    let (first, second) = (id_of(&document, "first"), id_of(&document, "second"));
    (goal, first, second)
}

/// Tries a write again and again until the daemon refuses it; returns what it said.
fn refused_write(town: &Town) -> String {
    until("a write is refused", || {
        let output = town.gtd(&["bead", "create", "one more", "--defer", "30d"]);
        (output.code != Some(0)).then_some(output.stderr)
    })
}

fn assert_no_panic(town: &Town) {
    for name in ["gtdd.out", "home/state/logs/daemon.log"] {
        let text = fs::read_to_string(town.path(name)).unwrap_or_default();
        assert!(!text.contains("panicked"), "{name}: {text}");
    }
}

#[test]
fn row_20_when_the_disk_of_the_log_is_full_only_ends_are_noted_until_there_is_room() {
    let name = "row_20_when_the_disk_of_the_log_is_full_only_ends_are_noted_until_there_is_room";
    if !with_mounts(name) {
        return;
    }
    let town = Town::new()
        .with_env("GTD_ROLES__WORKER__MAX", "1")
        .with_env("GTD_RESOURCES__DISK_FLOOR", "4MiB")
        .with_env("GTD_RESOURCES__BALLAST", "4MiB");
    let data = town.path("home/data");
    small_disk(&data, "size=40m");
    town.init(&[("test", "true")]);
    let (_goal, first, second) = begun(&town);
    let ballast = data.join("ballast");
    assert!(ballast.exists(), "the reserve lies there");

    let filler = fill_up(&data);
    let said = refused_write(&town);
    assert!(
        said.contains("E0502") && (said.contains("no space") || said.contains("disk is full")),
        "{said}"
    );
    // Reads go on.
    assert!(town.gtd_ok(&["status"]).contains("Two"));
    // What ends something is noted: the log lives on its reserve.
    until("the bead at work can be cancelled", || {
        (town.gtd(&["stop", &first, "--yes"]).code == Some(0)).then_some(())
    });
    assert!(!ballast.exists(), "the reserve was given up");
    // What would grow is refused with why.
    let said = refused_write(&town);
    assert!(said.contains("only what ends something"), "{said}");
    // The seat is free, and nobody is hired.
    let text = waits_for(&town, &second, "resources");
    assert!(text.contains("disk"), "{text}");
    assert!(town.gtd_ok(&["status"]).contains("SHORT"));
    let doctor = town.gtd(&["doctor", "--only", "host"]);
    assert_eq!(doctor.code, Some(5), "{doctor}");
    assert!(doctor.stdout.contains("disk space"), "{doctor}");

    fs::remove_file(filler).expect("make room");
    until("the waiting bead lands by itself", || {
        (state_of(&town, &second) == "landed").then_some(())
    });
    until("the reserve lies there again", || {
        ballast.exists().then_some(())
    });
    town.gtd_ok(&["bead", "create", "one more", "--defer", "30d"]);
    assert_no_panic(&town);
}

#[test]
fn row_20_when_the_disk_of_the_transcripts_is_full_runs_go_on_and_new_ones_wait() {
    let name = "row_20_when_the_disk_of_the_transcripts_is_full_runs_go_on_and_new_ones_wait";
    if !with_mounts(name) {
        return;
    }
    // No floor: the system itself says no.
    let town = Town::new().with_env("GTD_RESOURCES__DISK_FLOOR", "0");
    let state = town.path("home/state");
    small_disk(&state, "size=16m");
    town.init(&[("test", "true")]);
    let first = town.goal(&one_bead(
        &town,
        "touch {began}; while [ ! -e {go} ]; do sleep 0.05; done; seq 1 20000; echo 1 > first.txt",
    ));
    until("the first is at work", || {
        town.path("began").exists().then_some(())
    });
    let filler = fill_up(&state);
    // The first goes on and ends, although not a byte of its output can be kept.
    town.touch("go");
    let second = town.goal(&one_bead(&town, "echo 2 > second.txt"));
    let document = town.json(&["convoy", "show", &second]);
    let bead = id_of(&document, "only");
    until("the second cannot begin, and says why", || {
        let why = town.json(&["why", &bead])["chain"][0].to_string();
        (why.contains("backoff") && why.contains("No space left")).then_some(())
    });
    town.gtd_ok(&["status"]);
    fs::remove_file(filler).expect("make room");
    for goal in [first, second] {
        let (code, document) = town.wait(&goal);
        assert_eq!(code, Some(0), "{document:#}");
        let bead = &document["beads"][0];
        assert_eq!(bead["state"], "landed", "{document:#}");
        assert_eq!(bead["attempts"], 1, "no attempt was spent: {document:#}");
    }
    assert_no_panic(&town);
}

#[test]
fn row_20_when_the_disk_of_the_worktrees_is_full_no_work_begins_until_there_is_room() {
    let name = "row_20_when_the_disk_of_the_worktrees_is_full_no_work_begins_until_there_is_room";
    if !with_mounts(name) {
        return;
    }
    let town = Town::new().with_env("GTD_RESOURCES__DISK_FLOOR", "2MiB");
    let worktrees = town.path("home/data/worktrees");
    small_disk(&worktrees, "size=16m");
    town.init(&[("test", "true")]);
    let filler = fill_up(&worktrees);
    town.touch("go");
    let goal = town.goal(&two_beads(&town));
    let document = town.json(&["convoy", "show", &goal]);
    let text = waits_for(&town, &id_of(&document, "first"), "resources");
    assert!(
        text.contains("0 B of disk space left") && text.contains("the floor is 2 MiB"),
        "{text}"
    );
    assert_eq!(town.count("LeaseGranted"), 0, "nothing was leased");
    fs::remove_file(filler).expect("make room");
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(0), "{document:#}");
    assert_no_panic(&town);
}

#[test]
fn row_21_when_inodes_are_out_no_work_begins_until_there_are_some() {
    let name = "row_21_when_inodes_are_out_no_work_begins_until_there_are_some";
    if !with_mounts(name) {
        return;
    }
    let town = Town::new()
        .with_env("GTD_RESOURCES__DISK_FLOOR", "0")
        .with_env("GTD_RESOURCES__INODE_FLOOR", "100");
    let worktrees = town.path("home/data/worktrees");
    small_disk(&worktrees, "size=16m,nr_inodes=400");
    town.init(&[("test", "true")]);
    let many = worktrees.join("many");
    fs::create_dir(&many).expect("make a folder");
    while fs::File::create(many.join(names(&many))).is_ok() {}
    town.touch("go");
    let goal = town.goal(&two_beads(&town));
    let document = town.json(&["convoy", "show", &goal]);
    let text = waits_for(&town, &id_of(&document, "first"), "resources");
    assert!(text.contains("0 inodes left"), "{text}");
    town.gtd_ok(&["status"]);
    fs::remove_dir_all(many).expect("make room");
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(0), "{document:#}");
    assert_no_panic(&town);
}

/// Returns a name that no file of a folder has.
fn names(folder: &Path) -> String {
    let n = fs::read_dir(folder).expect("list a folder").count();
    format!("file-{n}")
}

#[test]
fn row_22_a_daemon_with_few_descriptors_refuses_work_and_does_not_panic() {
    let town = Town::new();
    town.init(&[("test", "true")]);
    town.down();
    let out = fs::File::create(town.path("gtdd.out")).expect("make a file");
    let mut daemon = town
        .program("sh")
        .args(["-c", "ulimit -n 64; exec \"$0\""])
        .arg(binary("gtdd"))
        .stdout(out.try_clone().expect("copy a descriptor"))
        .stderr(out)
        .stdin(Stdio::null())
        .spawn()
        .expect("start gtdd");
    let pid = i32::try_from(daemon.id()).expect("a process id");
    until("the daemon answers", || {
        (town.daemon_pid() == Some(pid)).then_some(())
    });
    town.touch("go");
    let goal = town.goal(&two_beads(&town));
    let document = town.json(&["convoy", "show", &goal]);
    let text = waits_for(&town, &id_of(&document, "first"), "resources");
    assert!(text.contains("files may be opened"), "{text}");
    assert_eq!(town.count("LeaseGranted"), 0, "nothing was leased");

    // More callers than there can be descriptors: they wait, and the daemon lives.
    let socket = town.path("home/run/gtd.sock");
    let callers: Vec<UnixStream> = (0..100)
        .filter_map(|_| UnixStream::connect(&socket).ok())
        .collect();
    assert!(callers.len() > 64, "{} got through", callers.len());
    drop(callers);
    until("the daemon answers again", || {
        (town.daemon_pid() == Some(pid)).then_some(())
    });
    assert!(
        matches!(daemon.try_wait(), Ok(None)),
        "the same daemon still runs"
    );
    assert_no_panic(&town);
    town.down();
    daemon.wait().expect("wait for gtdd");

    // With enough of them the work goes on where it was.
    let _daemon = town.start("");
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(0), "{document:#}");
}

#[test]
fn row_23_when_memory_is_short_nobody_is_hired_and_who_works_goes_on() {
    let town = Town::new().with_env("GTD_ROLES__WORKER__MAX", "1");
    let config = town.path("home/config/config.toml");
    fs::create_dir_all(config.parent().expect("a folder")).expect("make a folder");
    fs::write(&config, "[resources]\nmemory_floor = \"0\"\n").expect("write the configuration");
    town.init(&[]);
    let (goal, first, second) = begun(&town);
    // All of the memory must be free now: no machine can do that.
    fs::write(&config, "[resources]\nmemory_floor = \"100%\"\n").expect("write the configuration");
    town.touch("go");
    let text = waits_for(&town, &second, "resources");
    assert!(text.contains("of memory left"), "{text}");
    until("who was at work has handed in", || {
        let state = state_of(&town, &first);
        ["submitted", "queued", "landed"]
            .contains(&state.as_str())
            .then_some(())
    });
    assert_eq!(town.count("LeaseGranted"), 1);
    fs::write(&config, "[resources]\nmemory_floor = \"0\"\n").expect("write the configuration");
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(0), "{document:#}");
}

#[test]
fn traces_of_what_has_ended_are_removed_after_their_time_and_of_nothing_else() {
    let town = Town::new().with_env("GTD_ROLES__WORKER__ATTEMPTS", "1");
    town.init(&[("test", "true")]);
    let ended = town.goal(&one_bead(&town, "echo 1 > first.txt"));
    assert_eq!(town.wait(&ended).0, Some(0));
    let parked = town.goal(&one_bead(&town, "echo evidence; exit 3"));
    assert_eq!(town.wait(&parked).0, Some(4));
    let bead_of = |goal: &str| id_of(&town.json(&["convoy", "show", goal]), "only");
    let (ended, parked) = (bead_of(&ended), bead_of(&parked));
    let runs = |begin: &str| {
        let found = fs::read_dir(town.runs()).expect("list the runs").flatten();
        found
            .filter(|run| run.file_name().to_string_lossy().starts_with(begin))
            .count()
    };
    let candidates = || town.git(&["for-each-ref", "refs/gtd/candidates"]);
    assert!(runs(&ended) > 0 && runs(&parked) > 0 && runs("mr-") > 0);
    assert!(!candidates().is_empty());
    town.down();
    let config = town.path("home/config/config.toml");
    fs::write(config, "[retention]\nruns = \"0s\"\n").expect("write the configuration");
    let _daemon = town.start("");
    until("what has ended is gone", || {
        (runs(&ended) == 0 && runs("mr-") == 0 && candidates().is_empty()).then_some(())
    });
    assert!(runs(&parked) > 0, "a person has to look at it yet");
    assert!(town.gtd_ok(&["logs", &parked]).contains("evidence"));
    assert_eq!(state_of(&town, &ended), "landed");
    let gone = town.gtd(&["logs", &ended]);
    assert_eq!(gone.code, Some(3), "{gone}");
}
