//! A run is begun once, adopted after, and its end is known.

use std::{collections::BTreeMap, fs, process::Command, thread, time::Duration};

use crate::place::{Place, SHIM, run_id, until};
use gtd_agent::{End, RunError, RunState, Runs, Stdin};

#[test]
fn the_exit_status_is_kept() {
    let place = Place::new();
    let run = run_id("code");
    let exit = place.run(&place.sh(&run, "echo hello; exit 3"));
    assert_eq!(exit.end, End::Code(3));
    assert_eq!((exit.timed_out, exit.stopped), (false, false));
    assert_eq!((exit.output_bytes, exit.dropped_bytes), (6, 0));
    assert!(exit.ended_at >= exit.started_at);

    let run = run_id("signal");
    let exit = place.run(&place.sh(&run, "kill -KILL $$"));
    assert_eq!(exit.end, End::Signal(9));
}

#[test]
fn sixty_four_launchers_start_one_process() {
    let place = Place::new();
    let run = run_id("once");
    let spec = place.sh(&run, "echo begun >> marker; sleep 0.2");
    thread::scope(|scope| {
        for _ in 0..64 {
            scope.spawn(|| {
                let runs = Runs::open(&place.dir.path().join("runs"), SHIM.into()).unwrap();
                let state = runs.ensure(&spec).unwrap();
                assert!(
                    matches!(state, RunState::Live(_) | RunState::Exited(_)),
                    "{state:?}"
                );
            });
        }
    });
    assert_eq!(place.wait_exit(&run).end, End::Code(0));
    // An ended run is adopted as well.
    assert!(matches!(
        place.runs.ensure(&spec).unwrap(),
        RunState::Exited(_)
    ));
    assert_eq!(place.read("marker"), "begun\n");
}

#[test]
fn a_launcher_that_dies_after_the_directory_is_made_up_for_once() {
    let place = Place::new();
    let run = run_id("mkdir");
    let spec = place.sh(&run, "echo begun >> marker");
    let status = place.launch_elsewhere(&spec, "agent.after-mkdir=kill");
    assert!(!status.success());
    assert_eq!(place.runs.state(&run).unwrap(), RunState::Prepared);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| place.runs.ensure(&spec).unwrap());
        }
    });
    assert_eq!(place.wait_exit(&run).end, End::Code(0));
    assert_eq!(place.read("marker"), "begun\n");
}

#[test]
fn a_launcher_that_dies_after_the_spawn_is_not_repeated() {
    let place = Place::new();
    for _ in 0..10 {
        let run = run_id("spawn");
        let spec = place.sh(&run, &format!("echo begun >> {run}; sleep 0.05"));
        let status = place.launch_elsewhere(&spec, "agent.after-spawn=kill");
        assert!(!status.success());
        place.runs.ensure(&spec).unwrap();
        assert_eq!(place.wait_exit(&run).end, End::Code(0));
        assert_eq!(place.read(run.as_str()), "begun\n");
    }
}

#[test]
fn a_shim_that_dies_before_its_child_is_lost_and_not_begun_again() {
    let place = Place::new();
    let run = run_id("before-child");
    let spec = place.sh(&run, "echo begun >> marker");
    place.launch_elsewhere(&spec, "shim.before-child=kill");
    until("lost", || place.runs.state(&run).unwrap() == RunState::Lost);
    assert_eq!(place.runs.ensure(&spec).unwrap(), RunState::Lost);
    assert_eq!(place.read("marker"), "");
}

#[test]
fn half_a_record_that_a_power_cut_left_is_a_lost_run_and_stops_nothing_else() {
    let place = Place::new();
    let run = run_id("torn");
    let other = run_id("whole");
    place.launch_elsewhere(&place.sh(&run, "true"), "shim.before-child=kill");
    until("lost", || place.runs.state(&run).unwrap() == RunState::Lost);
    let folder = place.runs.run_dir(&run);
    for name in ["shim.json", "progress.json"] {
        fs::write(folder.join(name), "{\"pid\": 1").unwrap();
    }
    place.runs.ensure(&place.sh(&other, "sleep 60")).unwrap();
    assert_eq!(place.runs.state(&run).unwrap(), RunState::Lost);
    assert_eq!(place.runs.progress(&run).unwrap().bytes, 0);
    assert_eq!(place.runs.sweep_lost(&run).unwrap(), 0);
    place.runs.freeze_all().unwrap();
    place.runs.thaw_all().unwrap();
    place.runs.stop_all(Duration::from_secs(1)).unwrap();
    assert!(place.wait_exit(&other).stopped);
}

#[test]
fn a_run_outlives_its_launcher_and_another_learns_its_end() {
    let place = Place::new();
    let run = run_id("outlive");
    let spec = place.sh(&run, "until test -e go; do sleep 0.01; done; exit 42");
    assert!(place.launch_elsewhere(&spec, "").success());
    let state = place.runs.ensure(&spec).unwrap();
    assert!(matches!(state, RunState::Live(live) if live.child.is_some()));
    fs::write(place.work().join("go"), "").unwrap();
    assert_eq!(place.wait_exit(&run).end, End::Code(42));
}

#[test]
fn a_program_that_cannot_be_started_says_so_by_its_code() {
    let place = Place::new();
    let run = run_id("missing");
    let mut spec = place.sh(&run, "");
    spec.program = "/no/such/program".into();
    assert_eq!(place.run(&spec).end, End::Code(127));
    assert!(
        place
            .texts(&run)
            .concat()
            .contains("cannot start /no/such/program")
    );

    let run = run_id("not-executable");
    let mut spec = place.sh(&run, "");
    fs::write(place.work().join("plain"), "text").unwrap();
    spec.program = place.work().join("plain");
    assert_eq!(place.run(&spec).end, End::Code(126));
    assert!(place.texts(&run).concat().contains("Permission denied"));

    let run = run_id("no-cwd");
    let mut spec = place.sh(&run, "");
    spec.cwd = place.work().join("nowhere");
    assert_eq!(place.run(&spec).end, End::Code(126));
    assert!(place.texts(&run).concat().contains("cannot enter"));
}

#[test]
fn the_environment_is_exactly_what_was_ordered() {
    let place = Place::new();
    let run = run_id("env");
    let mut spec = place.sh(&run, "");
    spec.program = "env".into();
    spec.args.clear();
    spec.env.insert("GIT_TERMINAL_PROMPT".into(), "0".into());
    let status = Command::new(SHIM)
        .arg("--launch")
        .arg(place.dir.path().join("runs"))
        .arg({
            let file = place.dir.path().join("spec");
            fs::write(&file, serde_json::to_vec(&spec).unwrap()).unwrap();
            file
        })
        .env("AWS_SECRET", "canary")
        .env("GTD_RUN", "another")
        .status()
        .unwrap();
    assert!(status.success());
    place.wait_exit(&run);
    let mut seen = place.texts(&run);
    seen.sort();
    assert_eq!(
        seen,
        [
            "GIT_TERMINAL_PROMPT=0".to_owned(),
            format!("GTD_RUN={run}"),
            "PATH=/usr/bin:/bin".to_owned(),
        ]
    );
}

#[test]
fn files_and_input_are_there_before_the_start() {
    let place = Place::new();
    let run = run_id("files");
    let dir = place.runs.run_dir(&run);
    let mut spec = place.sh(
        &run,
        &format!(
            "cat; cat {0}/prompt.md; stat -c %a {0} {0}/prompt.md",
            dir.display()
        ),
    );
    spec.files = BTreeMap::from([
        ("prompt.md".to_owned(), "do it\n".to_owned()),
        ("in".to_owned(), "input\n".to_owned()),
    ]);
    spec.stdin = Stdin::File("in".to_owned());
    assert_eq!(place.run(&spec).end, End::Code(0));
    assert_eq!(place.texts(&run), ["input", "do it", "700", "600"]);
    assert_eq!(place.runs.spec(&run).unwrap(), spec);
}

#[test]
fn a_reused_process_id_is_never_trusted() {
    let place = Place::new();
    let mut victim = Command::new("/bin/sleep").arg("600").spawn().unwrap();
    let stat = fs::read_to_string(format!("/proc/{}/stat", victim.id())).unwrap();
    let start: u64 = stat[stat.rfind(')').unwrap()..]
        .split_whitespace()
        .nth(20)
        .unwrap()
        .parse()
        .unwrap();
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    let forge = |what: &str, start: u64, boot: &str| {
        let run = run_id(what);
        let dir = place.runs.run_dir(&run);
        fs::create_dir(&dir).unwrap();
        let record = serde_json::json!({
            "pid": victim.id(), "pid_start_time": start, "boot_id": boot.trim(),
            "child_pid": victim.id(), "child_start_time": start, "child_pgid": victim.id(),
            "started_at_ms": 0,
        });
        fs::write(dir.join("shim.json"), record.to_string()).unwrap();
        run
    };
    // The forgery is good enough to be believed when all three are right.
    let right = forge("right", start, &boot);
    assert!(matches!(
        place.runs.state(&right).unwrap(),
        RunState::Live(_)
    ));
    fs::remove_dir_all(place.runs.run_dir(&right)).unwrap();

    for run in [
        forge("start", start + 1, &boot),
        forge("boot", start, "00000000-0000-0000-0000-000000000000"),
    ] {
        assert_eq!(place.runs.state(&run).unwrap(), RunState::Lost);
        assert!(place.runs.exit_notice(&run).unwrap().is_none());
        place.runs.stop(&run, Duration::ZERO).unwrap();
        place.runs.freeze(&run).unwrap();
        assert_eq!(place.runs.sweep_lost(&run).unwrap(), 0);
    }
    assert!(victim.try_wait().unwrap().is_none());
    assert_ne!(
        crate::place::letter(victim.id().try_into().unwrap()),
        Some('T')
    );
    victim.kill().unwrap();
    victim.wait().unwrap();
}

#[test]
fn a_prepared_run_that_is_stopped_never_begins() {
    let place = Place::new();
    let run = run_id("forbidden");
    let spec = place.sh(&run, "echo begun >> marker");
    place.launch_elsewhere(&spec, "agent.after-mkdir=kill");
    place.runs.stop(&run, Duration::ZERO).unwrap();
    match place.runs.ensure(&spec).unwrap() {
        RunState::Exited(exit) => assert!(exit.stopped),
        other => panic!("{other:?}"),
    }
    assert_eq!(place.read("marker"), "");
}

#[test]
fn only_an_ended_run_is_removed() {
    let place = Place::new();
    let run = run_id("prune");
    let spec = place.sh(&run, "until test -e go; do sleep 0.01; done");
    place.runs.prune(&run).unwrap();
    place.runs.ensure(&spec).unwrap();
    assert!(matches!(
        place.runs.prune(&run),
        Err(RunError::NotEnded { .. })
    ));
    assert_eq!(place.runs.list().unwrap(), std::slice::from_ref(&run));
    fs::write(place.work().join("go"), "").unwrap();
    place.wait_exit(&run);
    place.runs.prune(&run).unwrap();
    assert_eq!(place.runs.state(&run).unwrap(), RunState::Absent);
    assert!(place.runs.list().unwrap().is_empty());
}

#[test]
fn a_missing_shim_is_an_error_and_can_be_made_good() {
    let place = Place::new();
    let run = run_id("no-shim");
    let spec = place.sh(&run, "exit 0");
    let broken = Runs::open(&place.dir.path().join("runs"), "/no/shim".into()).unwrap();
    assert!(matches!(broken.ensure(&spec), Err(RunError::Spawn { .. })));
    assert_eq!(place.run(&spec).end, End::Code(0));
}

#[test]
fn the_agent_inherits_no_signal_setting_and_no_descriptor() {
    let place = Place::new();
    let run = run_id("inherit");
    let script = "grep -E 'SigBlk|SigIgn' /proc/self/status; ls /proc/$$/fd";
    assert_eq!(place.run(&place.sh(&run, script)).end, End::Code(0));
    let texts = place.texts(&run);
    for (text, name) in texts.iter().zip(["SigBlk:", "SigIgn:"]) {
        let mask = u64::from_str_radix(text.strip_prefix(name).unwrap().trim(), 16).unwrap();
        // Above 31 are the signals that the C library keeps for itself.
        assert_eq!(mask & 0x7fff_ffff, 0, "{text}");
    }
    assert_eq!(texts[2..], ["0", "1", "2"]);
}
