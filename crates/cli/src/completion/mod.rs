//! Completions that the shell asks for while a person types.
//!
//! The shell starts `gtd` with the variable `COMPLETE`; what is known of flags and
//! values comes from the command line's own description, ids and names from the
//! daemon. It is never started for that, and one that is slow is not waited for.

mod ask;

use std::{collections::BTreeSet, ffi::OsStr};

use clap::{Arg, Command, CommandFactory};
use clap_complete::{
    ArgValueCompleter, CompletionCandidate,
    env::{CompleteEnv, Shells},
};

use gtd_core::config::{Config, known_keys};

use self::ask::Kind;
use crate::{args::Cli, help};

/// The variable by which a shell asks.
const VARIABLE: &str = "COMPLETE";

/// Answers a shell that asks and ends the program; otherwise does nothing.
pub(crate) fn answer() {
    CompleteEnv::with_factory(command).var(VARIABLE).complete();
}

/// Renders what a shell has to read at its start.
pub(crate) fn registration(shell: &str) -> std::io::Result<Vec<u8>> {
    let shells = Shells::builtins();
    let shell = shells
        .completer(shell)
        .ok_or_else(|| std::io::Error::other(format!("no completions for {shell}")))?;
    let mut text = Vec::new();
    shell.write_registration(VARIABLE, "gtd", "gtd", "gtd", &mut text)?;
    Ok(text)
}

/// Returns the command line with a completer at everything that names something.
fn command() -> Command {
    let mut command = Cli::command();
    // Commands are described when they are called; here all of them are looked at.
    command.build();
    attach(command, "")
}

fn attach(command: Command, within: &str) -> Command {
    let name = match within {
        "" => command.get_name().to_owned(),
        within => format!("{within} {}", command.get_name()),
    };
    command
        .mut_args(|arg| completed(arg, &name))
        .mut_subcommands(|sub| attach(sub, &name))
}

fn completed(arg: Arg, command: &str) -> Arg {
    let values: Vec<String> = arg
        .get_value_names()
        .unwrap_or_default()
        .iter()
        .map(|name| name.to_uppercase())
        .collect();
    let is_id = values
        .iter()
        .any(|name| matches!(name.as_str(), "ID" | "IDS" | "SCOPE"));
    let kinds: &'static [Kind] = match (command, arg.get_id().as_str()) {
        (_, "rig") => &[Kind::Rig],
        (_, "key") => return arg.add(ArgValueCompleter::new(keys)),
        ("gtd help", "topic") => return arg.add(ArgValueCompleter::new(topics)),
        ("gtd approve", "ids") | (_, "convoy" | "goal") => &[Kind::Goal],
        ("gtd pause" | "gtd resume", _) if is_id => {
            &[Kind::Role, Kind::Goal, Kind::Bead, Kind::Rig]
        }
        (_, "agent") => &[Kind::Agent],
        (_, "gate") => &[Kind::Gate],
        (_, "role") => &[Kind::Role],
        ("gtd stop", "ids") => &[Kind::Agent, Kind::Goal, Kind::Bead],
        ("gtd logs", _) if arg.is_positional() => {
            &[Kind::Role, Kind::Agent, Kind::Goal, Kind::Bead]
        }
        (command, "id" | "ids") if command.starts_with("gtd convoy") => &[Kind::Goal],
        (_, "id" | "ids" | "bead") => &[Kind::Goal, Kind::Bead],
        (_, "needs" | "parent" | "duplicate_of") => &[Kind::Bead],
        _ if is_id => &[Kind::Goal, Kind::Bead],
        _ => return arg,
    };
    arg.add(ArgValueCompleter::new(move |current: &OsStr| {
        let current = current.to_string_lossy();
        // A list that is separated by commas is completed at its last item.
        let (before, last) = match current.rsplit_once(',') {
            Some((before, last)) => (format!("{before},"), last),
            None => (String::new(), &*current),
        };
        ask::names(kinds)
            .into_iter()
            .filter(|(name, _)| name.starts_with(last))
            .map(|(name, title)| {
                CompletionCandidate::new(format!("{before}{name}")).help(Some(title.into()))
            })
            .collect()
    }))
}

/// Offers the keys of the configuration with what they are for.
fn keys(current: &OsStr) -> Vec<CompletionCandidate> {
    let current = current.to_string_lossy();
    let usual = Config::merge([]);
    // Those below a name of one's own are offered for the names that gtd brings along.
    let named = usual.list().map(|(key, ..)| key.to_owned());
    let keys: BTreeSet<String> = known_keys()
        .filter(|key| !key.contains(['*', '[']))
        .chain(named)
        .filter(|key| key.starts_with(&*current))
        .collect();
    keys.into_iter()
        .map(|key| {
            let about = usual.explain(&key).ok();
            let about = about.and_then(|found| found.first().map(|item| item.doc));
            CompletionCandidate::new(key).help(about.map(Into::into))
        })
        .collect()
}

fn topics(current: &OsStr) -> Vec<CompletionCandidate> {
    let current = current.to_string_lossy();
    let commands = Cli::command()
        .get_subcommands()
        .map(|sub| {
            let about = sub.get_about().map(ToString::to_string);
            (sub.get_name().to_owned(), about.unwrap_or_default())
        })
        .collect::<Vec<_>>();
    let topics = help::TOPICS.iter().map(|(name, _)| {
        let text = help::topic(name).unwrap_or_default();
        let first = text.lines().next().unwrap_or_default();
        ((*name).to_owned(), first.to_owned())
    });
    let codes = help::codes().map(|(code, text)| {
        let first = text.split_once(". ").map_or(text, |(first, _)| first);
        (code.to_owned(), first.to_owned())
    });
    topics
        .chain(codes)
        .chain(commands)
        .filter(|(name, _)| name.starts_with(&*current))
        .map(|(name, about)| CompletionCandidate::new(name).help(Some(about.into())))
        .collect()
}
