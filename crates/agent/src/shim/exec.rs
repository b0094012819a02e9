//! The moment between shim and agent: `gtd-shim --exec` ties itself to the shim and becomes the agent.
//!
//! A stage of its own, because what must happen between fork and exec cannot be
//! done safely in the forked copy of a Rust program.

use std::{
    ffi::OsString,
    fs, io,
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Command, ExitCode},
};

use nix::{
    sys::{prctl, signal::SigSet, signal::Signal},
    unistd::getppid,
};

use crate::{
    folder,
    shim::{CANNOT_START, NOT_FOUND, complain},
};

/// Takes `<shim pid> <nice> <run-dir> <cwd> <program> [args…]`.
pub(super) fn run(args: &[OsString]) -> ExitCode {
    let [shim, nice, run_dir, cwd, program, args @ ..] = args else {
        complain("--exec is for the shim itself");
        return ExitCode::FAILURE;
    };
    let number = |text: &OsString| text.to_str().and_then(|text| text.parse::<i32>().ok());
    // The agent dies with the shim; if the shim died before this line, so does this process.
    let is_tied = prctl::set_pdeathsig(Signal::SIGKILL).is_ok();
    if !is_tied || number(shim) != Some(getppid().as_raw()) {
        return ExitCode::FAILURE;
    }
    if let Some(nice) = number(nice).filter(|nice| *nice != 0) {
        // Without the right to a higher priority the run goes on with the one it has.
        let _ = rustix::process::nice(nice);
    }
    // The shim blocks signals for itself; the agent begins with none blocked.
    let _ = SigSet::empty().thread_set_mask();
    let error = match std::env::set_current_dir(cwd) {
        Ok(()) => {
            let error = Command::new(program).args(args).exec();
            let code = match error.kind() {
                io::ErrorKind::NotFound => NOT_FOUND,
                _ => CANNOT_START,
            };
            (code, format!("cannot start {}: {error}", program.display()))
        }
        Err(error) => (
            CANNOT_START,
            format!("cannot enter {}: {error}", cwd.display()),
        ),
    };
    let (code, why) = error;
    // Without this file the transcript lacks a note; the exit code tells the same.
    drop(fs::write(Path::new(run_dir).join(folder::EXEC_ERROR), why));
    ExitCode::from(code)
}
