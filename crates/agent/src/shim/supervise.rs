//! Takes over the run in a directory and leads it to its last word.
//!
//! The order matters: lock, record on disk, agent, word to the launcher. A shim
//! that dies in between leaves either nothing or a record, and a record means
//! that nobody begins the run again.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io,
    path::Path,
};

use gtd_core::RunId;
use nix::{
    sys::{
        prctl,
        signal::{SigSet, Signal},
        signalfd::{SfdFlags, SignalFd},
    },
    unistd::{close, dup2_stdout, setsid},
};

use crate::{
    folder::{self, Folder, Keep},
    secret::SecretValues,
    shim::{
        CANNOT_START, STARTED, TAKEN,
        begin::{begin, introduce},
        chain,
        finish::{Ended, finish},
        output::Output,
        redact::Secrets,
        report::Expected,
        say,
        shift::Shift,
    },
    spec::RunSpec,
    state::End,
};

/// Supervises the run that is prepared in `dir`.
pub(super) fn run(dir: &Path) -> Result<(), String> {
    close_inherited().map_err(|error| format!("close what was inherited: {error}"))?;
    let signals = hear_signals().map_err(|error| format!("hear signals: {error}"))?;
    // It fails for the leader of a group, as from a terminal, and then it is not needed.
    let _ = setsid();
    prctl::set_child_subreaper(true).map_err(|error| format!("become a subreaper: {error}"))?;
    let folder = open(dir)?;
    let Some(_alone) = folder
        .try_lock(folder::SHIM_LOCK)
        .map_err(|error| chain(&error))?
    else {
        return say(TAKEN);
    };
    if folder.file(folder::SHIM).exists() || folder.file(folder::EXIT).exists() {
        return say(TAKEN);
    }
    let mut spec: RunSpec = folder
        .read(folder::SPEC)
        .map_err(|error| chain(&error))?
        .ok_or("there is no spec.json")?;
    take_secrets(&mut spec)?;
    let mut record = introduce().map_err(|error| format!("read /proc: {error}"))?;
    // From here on no other shim will begin this run, even after a power cut.
    folder
        .write(folder::SHIM, &record, Keep::Durably)
        .map_err(|error| chain(&error))?;
    gtd_fault::point("shim.before-child");

    let mut output = Output::create(&folder, spec.output_cap, Secrets::of(&spec));
    let report = Expected::of(&spec);
    let begun = begin(&folder, &spec, &mut record);
    tell_launcher();
    match begun {
        Ok(agent) => {
            let shift = Shift::new(
                &folder,
                &spec,
                record.started_at_ms,
                signals,
                output,
                agent,
                report,
            );
            shift.work()
        }
        Err(why) => {
            output.note(&why);
            finish(
                &folder,
                record.started_at_ms,
                &mut output,
                &Ended {
                    end: End::Code(i32::from(CANNOT_START)),
                    timed_out: false,
                    stopped: false,
                    left_behind: 0,
                    report: None,
                },
            )
        }
    }
}

/// Takes from the launcher what stands in no file. Where it does not come the launcher has died,
/// and the next one begins the run.
fn take_secrets(spec: &mut RunSpec) -> Result<(), String> {
    if spec.secret.is_empty() {
        return Ok(());
    }
    let said = io::read_to_string(io::stdin())
        .map_err(|error| format!("read the secrets of the run: {error}"))?;
    let values: BTreeMap<String, String> =
        serde_json::from_str(&said).map_err(|_| "the secrets of the run did not come")?;
    if !values.keys().eq(&spec.secret) {
        return Err("the secrets of the run are not those that it is to have".to_owned());
    }
    spec.secrets = SecretValues::new(values);
    Ok(())
}

/// Closes what a careless ancestor left open, before this process has opened anything itself.
///
/// An agent must not find the town's sockets or somebody's secrets in its hands.
fn close_inherited() -> std::io::Result<()> {
    let mut numbers: Vec<i32> = Vec::new();
    for entry in fs::read_dir("/proc/self/fd")? {
        let name = entry?.file_name();
        numbers.extend(name.to_str().and_then(|name| name.parse::<i32>().ok()));
    }
    for number in numbers.into_iter().filter(|number| *number > 2) {
        // One of them was the listing itself and is closed already.
        let _ = close(number);
    }
    Ok(())
}

fn hear_signals() -> nix::Result<SignalFd> {
    let mut mask = SigSet::empty();
    for signal in [
        Signal::SIGTERM,
        Signal::SIGCHLD,
        Signal::SIGHUP,
        Signal::SIGINT,
        Signal::SIGQUIT,
        Signal::SIGUSR1,
        Signal::SIGUSR2,
    ] {
        mask.add(signal);
    }
    mask.thread_block()?;
    SignalFd::with_flags(&mask, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)
}

fn open(dir: &Path) -> Result<Folder, String> {
    let path = dir
        .canonicalize()
        .map_err(|error| format!("open {}: {error}", dir.display()))?;
    let run = path
        .file_name()
        .and_then(|name| name.to_str())
        .ok_or("the directory has no name")
        .and_then(|name| RunId::parse(name).map_err(|_| "the directory is not named as a run"))?;
    Ok(Folder::new(run, path))
}

/// The launcher waits for the word and for the end of the pipe.
fn tell_launcher() {
    drop(say(STARTED));
    if let Ok(nowhere) = File::options().write(true).open("/dev/null") {
        let _ = dup2_stdout(&nowhere);
    }
}
