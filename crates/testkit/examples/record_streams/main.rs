//! Records what real agent programs print: `record_streams OUT [--only A,B] (NAME VERSION PATH)...`.
//!
//! Each program is run against the model service of this crate, once for each
//! scenario, and what it writes to its standard output is kept as
//! `OUT/NAME/SCENARIO.jsonl`, with how it ended in `SCENARIO.meta.json`. Places,
//! ids and times are replaced, the same way each time, so that a new recording
//! differs where the program does.
//!
//! It calls claude and codex itself, with their retries cut short; what else it knows is called
//! as gtd does.

mod home;
mod list;
mod program;
mod run;
mod scrub;

use std::{env, fs, path::Path, process::ExitCode};

use serde_json::{Value, json};

use crate::{
    home::Home,
    list::{Recording, recordings},
    program::Program,
    run::{Ran, run},
    scrub::Scrub,
};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match record(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tell(&format!("record_streams: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn record(arguments: &[String]) -> Outcome<()> {
    const USAGE: &str = "usage: record_streams OUT [--only A,B] (NAME VERSION PATH)...";
    let (out, mut rest) = arguments.split_first().ok_or(USAGE)?;
    let mut only = None;
    if rest.first().is_some_and(|word| word == "--only") {
        let names = rest.get(1).ok_or(USAGE)?;
        only = Some(names.split(',').collect::<Vec<_>>());
        rest = &rest[2..];
    }
    for program in rest.chunks(3) {
        let [name, version, path] = program else {
            return Err(USAGE.into());
        };
        let program = Program::named(name, version, path)?;
        let folder = Path::new(out).join(name);
        fs::create_dir_all(&folder)?;
        for recording in recordings(&program) {
            let is_wanted = only
                .as_ref()
                .is_none_or(|names| names.contains(&recording.name));
            if is_wanted {
                record_one(&program, &recording, &folder)
                    .map_err(|error| format!("{name} {}: {error}", recording.name))?;
            }
        }
    }
    Ok(())
}

fn record_one(program: &Program, recording: &Recording, folder: &Path) -> Outcome<()> {
    let home = Home::make()?;
    let ran = run(program, recording, &home)?;
    let mut scrub = Scrub::new(&home, program, ran.port);
    let lines: String = ran
        .stdout
        .lines()
        .map(|line| scrub.line(line) + "\n")
        .collect();
    let meta = meta(program, recording, &ran, &mut scrub);
    let name = recording.name;
    fs::write(folder.join(format!("{name}.jsonl")), lines)?;
    fs::write(
        folder.join(format!("{name}.meta.json")),
        format!("{meta:#}\n"),
    )?;
    tell(&format!(
        "{} {name}: {}, {:.1} s, {} requests",
        program.name, ran.end, ran.seconds, ran.ledger["requests"]
    ));
    Ok(())
}

/// Tells how a program was run and how it ended.
fn meta(program: &Program, recording: &Recording, ran: &Ran, scrub: &mut Scrub) -> Value {
    let arguments: Vec<String> = ran.arguments.iter().map(|text| scrub.text(text)).collect();
    let stderr: Vec<String> = ran.stderr.lines().map(|text| scrub.text(text)).collect();
    json!({
        "program": program.name,
        "version": program.version,
        "arguments": arguments,
        "prompt": recording.prompt,
        "before": recording.before,
        "signal": recording.signal.map(nix::sys::signal::Signal::as_str),
        "exit_code": ran.exit_code,
        "killed_by": ran.killed_by,
        "seconds": (ran.seconds * 10.0).round() / 10.0,
        "billed": ran.ledger,
        "files": ran.files,
        "left_behind": ran.left_behind,
        "stderr": stderr,
    })
}

#[expect(clippy::print_stderr, reason = "a program that a script calls")]
fn tell(told: &str) {
    eprintln!("{told}");
}
