//! A thousand runs leave nothing in the process that launched them.

#![expect(clippy::unwrap_used, reason = "a failure here is a failed test")]

use std::{
    fs,
    os::fd::AsFd as _,
    thread,
    time::{Duration, Instant},
};

use gtd_agent::{End, RunSpec, RunState, Runs};
use gtd_core::RunId;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

#[test]
fn a_thousand_runs_leave_no_zombie_and_no_descriptor() {
    let dir = tempfile::tempdir().unwrap();
    let runs = Runs::open(dir.path(), env!("CARGO_BIN_EXE_gtd-shim").into()).unwrap();
    let before = open_files();
    thread::scope(|scope| {
        for thread in 0..4 {
            let runs = &runs;
            scope.spawn(move || {
                for n in 0..250 {
                    let run = RunId::parse(&format!("many.{thread}.{n}")).unwrap();
                    let spec = RunSpec::new(run.clone(), "/bin/true", "/");
                    runs.ensure(&spec).unwrap();
                    assert_eq!(end_of(runs, &run), End::Code(0));
                }
            });
        }
    });
    assert_eq!(runs.list().unwrap().len(), 1000);
    until("no child is left, not even a zombie", || {
        children().is_empty()
    });
    until("every descriptor is closed", || open_files() <= before);
}

fn end_of(runs: &Runs, run: &RunId) -> End {
    if let Some(notice) = runs.exit_notice(run).unwrap() {
        let mut fds = [PollFd::new(notice.as_fd(), PollFlags::POLLIN)];
        let patience = PollTimeout::try_from(Duration::from_secs(60)).unwrap();
        assert_eq!(poll(&mut fds, patience).unwrap(), 1);
    }
    match runs.state(run).unwrap() {
        RunState::Exited(exit) => exit.end,
        other => panic!("{run} is {other:?}"),
    }
}

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < end, "never: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

fn open_files() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

fn children() -> Vec<i32> {
    let me = std::process::id().to_string();
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap() {
        let name = entry.unwrap().file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse::<i32>().ok()) else {
            continue;
        };
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let parent = stat
            .rfind(')')
            .and_then(|end| stat[end + 1..].split_whitespace().nth(1));
        if parent == Some(me.as_str()) {
            found.push(pid);
        }
    }
    found
}
