//! The program `gtd-shim`: its modes, and nothing of what they do.
//!
//! | call | does |
//! |---|---|
//! | `gtd-shim <run-dir>` | supervises the run that is prepared there |
//! | `gtd-shim --exec …` | becomes the agent (called by the shim itself) |
//! | `gtd-shim --demo <file>` | is the demo agent |
//! | `gtd-shim --acp <file> <program> [args…]` | talks with a program by the Agent Client Protocol |
//! | `gtd-shim --launch <runs> <spec>` | launches a run and ends at once (for tests) |

mod begin;
mod exec;
mod finish;
mod launch;
mod output;
mod ready;
mod reap;
mod redact;
mod repeats;
mod report;
mod shift;
mod supervise;

use std::{
    ffi::{OsStr, OsString},
    io::Write as _,
    path::Path,
    process::ExitCode,
    time::{SystemTime, UNIX_EPOCH},
};

use gtd_core::Timestamp;

/// What a shim tells its launcher when it has begun the run.
pub(crate) const STARTED: &str = "started";
/// What a shim tells its launcher when another one has the run.
pub(crate) const TAKEN: &str = "taken";

/// The exit code of a program that exists and cannot be started.
pub(crate) const CANNOT_START: u8 = 126;
/// The exit code of a program that does not exist.
pub(crate) const NOT_FOUND: u8 = 127;

/// Runs the program `gtd-shim` with the arguments of this process.
#[must_use]
pub fn shim_main() -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().skip(1).collect();
    let (mode, rest) = match args.split_first() {
        Some((first, rest)) => (first.as_os_str(), rest),
        None => (OsStr::new("--help"), args.as_slice()),
    };
    let done = match (mode.to_str(), rest) {
        (Some("--exec"), rest) => return exec::run(rest),
        (Some("--demo"), [script]) => return crate::runtime::demo_main(Path::new(script)),
        (Some("--acp"), [order, command @ ..]) => {
            return crate::runtime::acp_main(Path::new(order), command);
        }
        (Some("--launch"), [runs, spec]) => launch::run(Path::new(runs), Path::new(spec)),
        (Some("--version"), []) => say(concat!("gtd-shim ", env!("CARGO_PKG_VERSION"))),
        (Some(flag), _) if flag.starts_with("--") => Err(USAGE.to_owned()),
        (_, []) => supervise::run(Path::new(mode)),
        _ => Err(USAGE.to_owned()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            complain(&why);
            ExitCode::FAILURE
        }
    }
}

const USAGE: &str = "usage: gtd-shim <run-dir>";

/// Tells the launcher one word; a launcher that has gone does not matter.
fn say(word: &str) -> Result<(), String> {
    drop(writeln!(std::io::stdout(), "{word}"));
    Ok(())
}

/// Leaves a complaint in `shim.log`; there is nobody else to tell.
fn complain(text: &str) {
    drop(writeln!(std::io::stderr(), "gtd-shim: {text}"));
}

/// Renders an error with all its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// Reads the wall clock.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
