//! Named places where a test can kill, delay or fail a real process.
//!
//! The real binaries call [`point`] at the places where a crash would hurt
//! most. Without the environment variable `GTD_FAULT` such a call costs one
//! relaxed atomic load. This crate decides nothing about what a caller does
//! with a failure, and it is not meant for anything but tests.
//!
//! # Grammar of `GTD_FAULT`
//!
//! ```text
//! faults = fault *( "," fault )
//! fault  = name "=" action [ "@" n ] [ "!" file ]
//! action = "kill"       SIGKILL to this process
//!        | "stop"       SIGSTOP to this process
//!        | "exit"       leave at once with code 97, without any clean-up
//!        | "sleep:" ms  sleep so many milliseconds
//!        | "until:" path  wait until this path exists
//!        | "fail"       an error from `point_result`; nothing at `point`
//! ```
//!
//! * `@n` acts at the n-th hit of this name in this process only, counted from
//!   1; without it every hit acts.
//! * `!file` acts only if `file` does not exist and creates it first, so that
//!   a daemon that is started again with the same environment goes on:
//!   `git.after-move=kill!/tmp/marker`.
//! * Names, actions and files hold no comma; several faults of one name are
//!   allowed. A value that does not follow the grammar panics at the first
//!   point, since a test with a misspelt fault would prove nothing.

use std::{
    fmt,
    fs::OpenOptions,
    path::PathBuf,
    sync::{
        OnceLock,
        atomic::{AtomicU8, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

/// The exit code of a process that was ended by the action `exit`.
pub const EXIT_CODE: i32 = 97;

/// How often a point looks for the path that it waits for.
const LOOK: Duration = Duration::from_millis(5);

/// The failure that a test asked for at a named point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Injected {
    /// The name of the point.
    pub name: &'static str,
}

impl fmt::Display for Injected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "injected failure at {}", self.name)
    }
}

impl std::error::Error for Injected {}

/// Acts as `GTD_FAULT` says for `name`; does nothing when it says nothing.
#[inline]
pub fn point(name: &'static str) {
    if is_armed() {
        // `fail` has a meaning only where the caller can return it.
        let _nothing_to_return_it_to: Result<(), Injected> = hit(armed(), name);
    }
}

/// Acts as [`point`] does, and returns the failure that the action `fail` asks for.
///
/// # Errors
/// When `GTD_FAULT` asks for a failure at this point.
#[inline]
pub fn point_result(name: &'static str) -> Result<(), Injected> {
    if is_armed() {
        hit(armed(), name)
    } else {
        Ok(())
    }
}

const UNKNOWN: u8 = 0;
const OFF: u8 = 1;
const ON: u8 = 2;

static STATE: AtomicU8 = AtomicU8::new(UNKNOWN);
static FAULTS: OnceLock<Vec<Fault>> = OnceLock::new();

#[inline]
fn is_armed() -> bool {
    match STATE.load(Ordering::Relaxed) {
        OFF => false,
        ON => true,
        _ => look(),
    }
}

#[cold]
fn look() -> bool {
    let on = !armed().is_empty();
    STATE.store(if on { ON } else { OFF }, Ordering::Relaxed);
    on
}

fn armed() -> &'static [Fault] {
    FAULTS.get_or_init(|| match std::env::var("GTD_FAULT") {
        Ok(text) => match parse(&text) {
            Ok(faults) => faults,
            Err(why) => panic!("GTD_FAULT: {why}"),
        },
        Err(_) => Vec::new(),
    })
}

#[derive(Debug)]
struct Fault {
    name: String,
    action: Action,
    only_at: Option<u64>,
    once: Option<PathBuf>,
    hits: AtomicU64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Action {
    Kill,
    Stop,
    Exit,
    Sleep(Duration),
    Until(PathBuf),
    Fail,
}

fn parse(text: &str) -> Result<Vec<Fault>, String> {
    text.split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(parse_one)
        .collect()
}

fn parse_one(part: &str) -> Result<Fault, String> {
    let (name, rest) = part
        .split_once('=')
        .ok_or_else(|| format!("`{part}` is not name=action"))?;
    let (rest, once) = match rest.split_once('!') {
        Some((rest, file)) if !file.is_empty() => (rest, Some(PathBuf::from(file))),
        Some(_) => return Err(format!("`{part}` names no file after `!`")),
        None => (rest, None),
    };
    let (action, only_at) = match rest.split_once('@') {
        Some((action, n)) => match n.parse() {
            Ok(n) if n > 0 => (action, Some(n)),
            _ => return Err(format!("`{part}`: `{n}` is not the number of a hit")),
        },
        None => (rest, None),
    };
    let action = match action {
        "kill" => Action::Kill,
        "stop" => Action::Stop,
        "exit" => Action::Exit,
        "fail" => Action::Fail,
        other => {
            let sleep = other.strip_prefix("sleep:").map(str::parse);
            match (other.strip_prefix("until:"), sleep) {
                (Some(path), _) if !path.is_empty() => Action::Until(path.into()),
                (None, Some(Ok(ms))) => Action::Sleep(Duration::from_millis(ms)),
                _ => return Err(format!("`{part}`: there is no action `{other}`")),
            }
        }
    };
    Ok(Fault {
        name: name.trim().to_owned(),
        action,
        only_at,
        once,
        hits: AtomicU64::new(0),
    })
}

#[cold]
fn hit(faults: &[Fault], name: &'static str) -> Result<(), Injected> {
    for fault in faults.iter().filter(|fault| fault.name == name) {
        let n = fault.hits.fetch_add(1, Ordering::Relaxed) + 1;
        if fault.only_at.is_some_and(|only| only != n) {
            continue;
        }
        if let Some(file) = &fault.once
            && OpenOptions::new()
                .write(true)
                .create_new(true)
                .open(file)
                .is_err()
        {
            continue;
        }
        match &fault.action {
            Action::Kill => loop {
                signal_self(Signal::SIGKILL);
                thread::sleep(Duration::from_millis(10));
            },
            Action::Stop => signal_self(Signal::SIGSTOP),
            Action::Exit => std::process::exit(EXIT_CODE),
            Action::Sleep(duration) => thread::sleep(*duration),
            Action::Until(path) => {
                while !path.exists() {
                    thread::sleep(LOOK);
                }
            }
            Action::Fail => return Err(Injected { name }),
        }
    }
    Ok(())
}

fn signal_self(signal: Signal) {
    kill(Pid::this(), signal).expect("a process may always signal itself");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn actions(text: &str) -> Vec<(String, Action, Option<u64>, Option<PathBuf>)> {
        parse(text)
            .unwrap()
            .into_iter()
            .map(|f| (f.name, f.action, f.only_at, f.once))
            .collect()
    }

    #[test]
    fn the_grammar_is_what_the_documentation_says() {
        assert_eq!(
            actions("a.b=kill, c=sleep:20@3,d=fail!/tmp/m,e=stop@1!/x@y,f=exit,g=until:/x/y@2,"),
            vec![
                ("a.b".to_owned(), Action::Kill, None, None),
                (
                    "c".to_owned(),
                    Action::Sleep(Duration::from_millis(20)),
                    Some(3),
                    None
                ),
                ("d".to_owned(), Action::Fail, None, Some("/tmp/m".into())),
                ("e".to_owned(), Action::Stop, Some(1), Some("/x@y".into())),
                ("f".to_owned(), Action::Exit, None, None),
                ("g".to_owned(), Action::Until("/x/y".into()), Some(2), None),
            ]
        );
        for wrong in [
            "a",
            "a=",
            "a=die",
            "a=kill@0",
            "a=kill@x",
            "a=sleep:x",
            "a=until:",
            "a=kill!",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_numbered_fault_acts_at_its_hit_only() {
        let faults = parse("a=fail@2").unwrap();
        let seen: Vec<bool> = (0..4).map(|_| hit(&faults, "a").is_err()).collect();
        assert_eq!(seen, [false, true, false, false]);
        assert!(hit(&faults, "b").is_ok());
    }

    #[test]
    fn a_fault_with_a_file_acts_once_for_all_processes() {
        let file = std::env::temp_dir().join(format!("gtd-fault-once-{}", std::process::id()));
        let text = format!("a=fail!{}", file.display());
        assert!(hit(&parse(&text).unwrap(), "a").is_err());
        assert!(hit(&parse(&text).unwrap(), "a").is_ok());
        std::fs::remove_file(&file).unwrap();
    }

    #[test]
    fn without_the_variable_a_point_does_nothing() {
        point("anything");
        assert_eq!(point_result("anything"), Ok(()));
    }
}
