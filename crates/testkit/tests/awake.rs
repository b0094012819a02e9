//! The machine stays awake while work goes on.

use std::os::unix::fs::PermissionsExt as _;

use gtd_testkit::town::{Town, until};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

/// Stands for the real one: writes down what it was told, and what it runs ends it.
const INHIBIT: &str = "#!/bin/sh\necho $$ \"$@\" >> LOG\nfor last; do :; done\nexec \"$last\"\n";

fn town() -> Town {
    let town = Town::new();
    let bin = town.path("bin");
    std::fs::create_dir(&bin).expect("make a folder");
    let program = bin.join("systemd-inhibit");
    let log = town.path("locks").display().to_string();
    std::fs::write(&program, INHIBIT.replace("LOG", &log)).expect("write a program");
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("allow it");
    let path = std::env::var("PATH").expect("a path");
    let town = town
        .with_env("PATH", &format!("{}:{path}", bin.display()))
        .with_env("GTD_TOWN__KEEP_AWAKE", "true");
    town.init(&[("test", "true")]);
    town
}

/// Sets a goal that works until the file `go` is there.
fn at_work(town: &Town) -> String {
    let go = town.path("go");
    let run = format!("while [ ! -e {} ]; do sleep 0.05; done", go.display());
    let plan = format!("title = \"one\"\n\n[[bead]]\nid = \"a\"\ntitle = \"a\"\nrun = \"{run}\"\n");
    town.goal(&plan)
}

/// The processes that held the lock, in their order.
fn locks(town: &Town) -> Vec<Pid> {
    let lines = town.lines("locks").into_iter();
    let pids = lines.map(|line| line.split(' ').next().and_then(|pid| pid.parse().ok()));
    pids.map(|pid| Pid::from_raw(pid.expect("a number")))
        .collect()
}

fn is_gone(pid: Pid) -> Option<()> {
    kill(pid, None).is_err().then_some(())
}

#[test]
fn the_machine_is_kept_awake_while_work_goes_on_and_no_longer_also_after_a_crash() {
    let town = town();
    let goal = at_work(&town);
    let first = until("the lock is taken", || locks(&town).first().copied());
    let told = town.lines("locks").remove(0);
    assert!(
        told.contains("--what=sleep:idle --mode=block --who=gtd"),
        "{told}"
    );
    let daemon = town.daemon_pid().expect("a daemon");
    kill(Pid::from_raw(daemon), Signal::SIGKILL).expect("it is there");
    until("the lock ended with the daemon", || is_gone(first));
    town.gtd_ok(&["up"]);
    let second = until("it is taken again", || locks(&town).get(1).copied());
    std::fs::write(town.path("go"), "").expect("write a file");
    town.wait(&goal);
    until("nothing goes on, and the lock has ended", || {
        is_gone(second)
    });
    assert_eq!(locks(&town).len(), 2);
}
