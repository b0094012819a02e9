//! Nothing of a run survives it, and a run can be stopped, frozen and swept.

use std::{fs, thread, time::Duration};

use crate::place::{Place, letter, marked, run_id, until};
use gtd_agent::{
    End, RunState,
    gate::{GateVerdict, TIMED_OUT_CODE, classify_gate},
    runtime::{command_run, demo_run},
};
use gtd_core::RunId;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

fn shim_pid(place: &Place, run: &RunId) -> Pid {
    match place.runs.state(run).unwrap() {
        RunState::Live(live) => Pid::from_raw(live.pid),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_detached_child_that_ignores_term_does_not_survive_a_stop() {
    let place = Place::new();
    let run = run_id("detached");
    let spec = demo_run(
        &place.runs,
        &place.setting(&run),
        "ignore-term\nfork\nfork\nsay ready\nhang",
    );
    place.runs.ensure(&spec).unwrap();
    until("the agent and two detached shells", || {
        place.texts(&run).contains(&"ready".to_owned()) && marked(&run).len() >= 3
    });
    place.runs.stop(&run, Duration::from_millis(100)).unwrap();
    let exit = place.wait_exit(&run);
    assert_eq!(exit.end, End::Signal(9));
    assert!(exit.stopped);
    assert!(marked(&run).is_empty());
}

#[test]
fn nothing_survives_the_end_of_the_main_process() {
    let place = Place::new();
    let run = run_id("left-behind");
    let spec = demo_run(&place.runs, &place.setting(&run), "fork\nfork\nfail 5");
    let exit = place.run(&spec);
    assert_eq!(exit.end, End::Code(5));
    assert!(exit.left_behind > 0);
    assert!(marked(&run).is_empty());
}

#[test]
fn an_agent_may_tidy_up_when_it_is_asked_to_stop() {
    let place = Place::new();
    let run = run_id("tidy");
    let spec = place.sh(
        &run,
        "trap 'echo bye; exit 7' TERM; echo ready; while :; do sleep 0.01; done",
    );
    place.runs.ensure(&spec).unwrap();
    until("ready", || place.texts(&run).contains(&"ready".to_owned()));
    place.runs.stop(&run, Duration::from_secs(60)).unwrap();
    let exit = place.wait_exit(&run);
    assert_eq!((exit.end, exit.stopped), (End::Code(7), true));
    assert!(place.texts(&run).contains(&"bye".to_owned()));
    // An ended run is left alone.
    place.runs.stop(&run, Duration::ZERO).unwrap();
}

#[test]
fn an_agent_dies_with_its_shim_and_the_rest_is_swept() {
    let place = Place::new();
    let run = run_id("lost");
    let other = run_id("other");
    let directives = "fork\nsay ready\nhang";
    for run in [&run, &other] {
        let spec = demo_run(&place.runs, &place.setting(run), directives);
        place.runs.ensure(&spec).unwrap();
        until("ready", || {
            place.texts(run).contains(&"ready".to_owned()) && marked(run).len() >= 2
        });
    }
    let agent = match place.runs.state(&run).unwrap() {
        RunState::Live(live) => live.child.unwrap().pid,
        state => panic!("{state:?}"),
    };
    kill(shim_pid(&place, &run), Signal::SIGKILL).unwrap();
    assert_eq!(place.wait(&run), RunState::Lost);
    until("the agent dies with its shim", || {
        !marked(&run).contains(&agent)
    });
    assert!(
        !marked(&run).is_empty(),
        "the detached child is still there"
    );
    assert!(place.runs.sweep_lost(&run).unwrap() > 0);
    assert!(marked(&run).is_empty());
    assert_eq!(place.runs.state(&run).unwrap(), RunState::Lost);
    assert_eq!(place.runs.sweep_lost(&other).unwrap(), 0);
    assert!(marked(&other).len() >= 2);
}

#[test]
fn a_gate_that_hangs_is_killed_at_its_limit_with_its_group() {
    let place = Place::new();
    let run = run_id("limit");
    let mut setting = place.setting(&run);
    setting.limit = Some(Duration::from_millis(200));
    let spec = command_run(
        &place.runs,
        &setting,
        "trap '' TERM; sleep 600 & sleep 600 & wait",
    );
    let exit = place.run(&spec);
    assert!(exit.timed_out);
    assert!(marked(&run).is_empty());
    assert_eq!(
        classify_gate(&exit, ""),
        GateVerdict::Failed {
            code: TIMED_OUT_CODE
        }
    );
}

#[test]
fn a_frozen_run_stands_still_and_its_clock_too() {
    let place = Place::new();
    let run = run_id("frozen");
    let mut spec = place.sh(&run, "sleep 0.2 & echo ready; wait; exit 3");
    spec.limit_ms = Some(800);
    place.runs.ensure(&spec).unwrap();
    until("ready", || place.texts(&run).contains(&"ready".to_owned()));
    place.runs.freeze_all().unwrap();
    let frozen = marked(&run);
    assert!(!frozen.is_empty());
    // Time itself is the matter here: more of it than the limit allows.
    thread::sleep(Duration::from_millis(1000));
    assert_eq!(marked(&run), frozen);
    for pid in frozen {
        assert_eq!(letter(pid), Some('T'));
    }
    place.runs.thaw_all().unwrap();
    let exit = place.wait_exit(&run);
    assert_eq!((exit.end, exit.timed_out), (End::Code(3), false));
}

#[test]
fn a_frozen_run_can_be_stopped() {
    let place = Place::new();
    let run = run_id("frozen-stop");
    let spec = place.sh(
        &run,
        "trap 'exit 9' TERM; echo ready; while :; do sleep 0.01; done",
    );
    place.runs.ensure(&spec).unwrap();
    until("ready", || place.texts(&run).contains(&"ready".to_owned()));
    place.runs.freeze(&run).unwrap();
    place.runs.stop(&run, Duration::from_secs(60)).unwrap();
    assert_eq!(place.wait_exit(&run).end, End::Code(9));
}

#[test]
fn a_stop_that_is_repeated_with_less_grace_is_quicker() {
    let place = Place::new();
    let run = run_id("impatient");
    let spec = demo_run(
        &place.runs,
        &place.setting(&run),
        "ignore-term\nsay ready\nhang",
    );
    place.runs.ensure(&spec).unwrap();
    until("ready", || place.texts(&run).contains(&"ready".to_owned()));
    place.runs.stop(&run, Duration::from_secs(3600)).unwrap();
    until("the first stop is heard", || {
        place.texts(&run).iter().any(|text| text.contains("asked"))
    });
    place.runs.stop(&run, Duration::ZERO).unwrap();
    assert_eq!(place.wait_exit(&run).end, End::Signal(9));
}

#[test]
fn a_fork_storm_is_ended() {
    let place = Place::new();
    let run = run_id("storm");
    let spec = place.sh(
        &run,
        "i=0; while [ $i -lt 40 ]; do (trap '' TERM; while :; do sleep 0.01; done) & i=$((i+1)); \
         done; echo ready; wait",
    );
    place.runs.ensure(&spec).unwrap();
    until("ready", || place.texts(&run).contains(&"ready".to_owned()));
    place.runs.stop(&run, Duration::from_millis(50)).unwrap();
    place.wait_exit(&run);
    assert!(marked(&run).is_empty());
}

#[test]
fn the_shim_is_deaf_to_the_terminal() {
    let place = Place::new();
    let run = run_id("deaf");
    let spec = place.sh(&run, "until test -e go; do sleep 0.01; done; exit 4");
    place.runs.ensure(&spec).unwrap();
    let shim = shim_pid(&place, &run);
    for signal in [Signal::SIGHUP, Signal::SIGINT, Signal::SIGQUIT] {
        kill(shim, signal).unwrap();
    }
    fs::write(place.work().join("go"), "").unwrap();
    assert_eq!(place.wait_exit(&run).end, End::Code(4));
}

#[test]
fn all_runs_can_be_stopped_at_once() {
    let place = Place::new();
    let runs = [run_id("all"), run_id("all")];
    for run in &runs {
        let spec = demo_run(&place.runs, &place.setting(run), "hang");
        place.runs.ensure(&spec).unwrap();
    }
    place.runs.stop_all(Duration::from_secs(60)).unwrap();
    for run in &runs {
        assert_eq!(place.wait_exit(run).end, End::Signal(15));
    }
}
