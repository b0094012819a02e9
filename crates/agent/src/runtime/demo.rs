//! The demo runtime: an agent that does what a small script says, well or badly.
//!
//! It stands in for a real agent in trials and tests, with every bad habit that
//! a fleet must survive. One directive a line; `#` begins a comment.
//!
//! | directive | the agent … |
//! |---|---|
//! | `seed N` | pauses up to 15 ms between steps, the same way for the same seed and bead |
//! | `say TEXT` | prints the text |
//! | `work FILE TEXT` | appends a line to a file of the worktree |
//! | `conflict FILE TEXT` | replaces the whole file by one line |
//! | `run COMMAND` | runs a command line by `sh -c`; ends with its code if that is not 0 |
//! | `sleep MS` | waits |
//! | `fail CODE` | ends with that exit code |
//! | `lie` | claims success and ends with code 0 at once |
//! | `ask TEXT` | prints [`ASK_MARK`] and the text, and ends with code [`ASK_CODE`] |
//! | `hang` | says nothing more and never ends |
//! | `loop TEXT` | prints the same line for ever |
//! | `flood BYTES` | prints so many bytes in lines of 100 |
//! | `fork` | leaves a process in a session of its own that ignores TERM |
//! | `ignore-term` | does not end on TERM from here on |

use std::{
    collections::BTreeMap,
    fs,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    io::{self, Write as _},
    path::Path,
    process::{Command, ExitCode},
    thread,
    time::Duration,
};

use nix::sys::signal::{SigSet, Signal};

use crate::{
    runs::Runs,
    runtime::{Launch, Setting},
    spec::{RunSpec, Stdin},
};

/// The exit code of an agent that asks a question instead of guessing.
pub const ASK_CODE: i32 = 64;
/// How the line with such a question begins.
pub const ASK_MARK: &str = "gtd-ask: ";

const DIRECTIVES: &str = "demo.txt";
const LOST_CHILD: &str =
    "(setsid sh -c 'trap \"\" TERM HUP INT; while :; do sleep 1; done' &) & exit 0";

/// Makes the order for a demo agent.
#[must_use]
pub fn demo_run(runs: &Runs, setting: &Setting, directives: &str) -> RunSpec {
    let file = runs.run_dir(&setting.run).join(DIRECTIVES);
    setting.order(Launch {
        program: runs.shim_program().to_owned(),
        args: vec!["--demo".to_owned(), file.to_string_lossy().into_owned()],
        files: BTreeMap::from([(DIRECTIVES.to_owned(), directives.to_owned())]),
        env: BTreeMap::new(),
        stdin: Stdin::Null,
    })
}

/// Is the demo agent.
pub(crate) fn demo_main(script: &Path) -> ExitCode {
    let text = match fs::read_to_string(script) {
        Ok(text) => text,
        Err(error) => {
            drop(writeln!(
                io::stderr(),
                "demo: {}: {error}",
                script.display()
            ));
            return ExitCode::from(2);
        }
    };
    let mut jitter = None;
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(jitter) = &mut jitter {
            pause(jitter);
        }
        match step(line, &mut jitter) {
            Ok(None) => {}
            Ok(Some(code)) => return ExitCode::from(code),
            Err(error) => {
                drop(writeln!(io::stderr(), "demo: {line}: {error}"));
                return ExitCode::from(2);
            }
        }
    }
    ExitCode::SUCCESS
}

/// Does one directive; gives the exit code when it was the last.
fn step(line: &str, jitter: &mut Option<u64>) -> io::Result<Option<u8>> {
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    match word {
        "seed" => *jitter = Some(mix(parse(rest)?)),
        "say" => writeln!(io::stdout(), "{rest}")?,
        "work" | "conflict" => {
            let (file, text) = rest.split_once(' ').unwrap_or((rest, ""));
            write(Path::new(file), text, word == "work")?;
            writeln!(io::stdout(), "wrote {file}")?;
        }
        "run" => {
            let status = Command::new("/bin/sh").arg("-c").arg(rest).status()?;
            if !status.success() {
                return Ok(Some(code(status.code().unwrap_or(1))));
            }
        }
        "sleep" => thread::sleep(Duration::from_millis(parse(rest)?)),
        "fail" => {
            writeln!(io::stderr(), "giving up")?;
            return Ok(Some(parse(rest)?));
        }
        "lie" => {
            writeln!(
                io::stdout(),
                "All done. Everything works and all tests pass."
            )?;
            return Ok(Some(0));
        }
        "ask" => {
            writeln!(io::stdout(), "{ASK_MARK}{rest}")?;
            return Ok(Some(code(ASK_CODE)));
        }
        "hang" => loop {
            thread::sleep(Duration::from_secs(3600));
        },
        "loop" => loop {
            writeln!(io::stdout(), "{rest}")?;
            thread::sleep(Duration::from_millis(2));
        },
        "flood" => flood(parse(rest)?)?,
        "fork" => {
            Command::new("/bin/sh").arg("-c").arg(LOST_CHILD).status()?;
        }
        "ignore-term" => {
            let mut mask = SigSet::empty();
            mask.add(Signal::SIGTERM);
            mask.thread_block()?;
        }
        _ => return Err(io::Error::other("there is no such directive")),
    }
    Ok(None)
}

fn parse<T: std::str::FromStr>(text: &str) -> io::Result<T> {
    text.trim()
        .parse()
        .map_err(|_| io::Error::other("it needs a number"))
}

fn code(code: i32) -> u8 {
    u8::try_from(code).unwrap_or(1)
}

fn write(file: &Path, text: &str, is_append: bool) -> io::Result<()> {
    if let Some(parent) = file.parent().filter(|parent| *parent != Path::new("")) {
        fs::create_dir_all(parent)?;
    }
    let mut file = fs::OpenOptions::new()
        .create(true)
        .append(is_append)
        .truncate(!is_append)
        .write(true)
        .open(file)?;
    writeln!(file, "{text}")
}

fn flood(bytes: u64) -> io::Result<()> {
    let mut out = io::BufWriter::with_capacity(64 * 1024, io::stdout().lock());
    let mut left = bytes;
    let mut n = 0u64;
    while left > 0 {
        let line = format!("{n:020} {:.<78}\n", "flood ");
        let take = usize::try_from(left).map_or(line.len(), |left| left.min(line.len()));
        out.write_all(&line.as_bytes()[..take])?;
        left -= take as u64;
        n += 1;
    }
    out.flush()
}

fn pause(state: &mut u64) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    thread::sleep(Duration::from_millis(*state % 16));
}

fn mix(seed: u64) -> u64 {
    let mut hasher = DefaultHasher::new();
    seed.hash(&mut hasher);
    std::env::var("GTD_BEAD")
        .unwrap_or_default()
        .hash(&mut hasher);
    hasher.finish() | 1
}
