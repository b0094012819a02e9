//! Reading the command line.
//!
//! clap copies every global option into every command it knows, before it looks at a
//! single word: with some fifty commands that is most of what a start costs. A call
//! that begins with a command is therefore read with that command alone. Whatever is
//! not plainly right there, help included, is read again with all of them, so that
//! there is one way to be wrong.

use std::ffi::{OsStr, OsString};

use clap::{ArgMatches, Args, Command as Grammar, CommandFactory, FromArgMatches, Subcommand};

use crate::{
    args::{Cli, Command, Global},
    commands,
};

/// Reads the words of this process.
///
/// # Errors
/// What clap says of them; help and version are such errors too.
pub(crate) fn command_line() -> Result<Cli, clap::Error> {
    let words: Vec<OsString> = std::env::args_os().collect();
    let matches = match with_one_command(&words) {
        Some(matches) => matches,
        None => Cli::command().try_get_matches_from(words)?,
    };
    Cli::from_arg_matches(&matches)
}

/// Reads words that begin with a command, or with a noun and its verb, knowing no other.
fn with_one_command(words: &[OsString]) -> Option<ArgMatches> {
    let all = Command::augment_subcommands(Grammar::new("all"));
    let one = named(&all, words.get(1)?)?;
    let one = match described(one.get_name()) {
        Some(noun) => {
            let verb = named(&noun, words.get(2)?)?;
            noun_with(&noun, verb)
        }
        None => one,
    };
    Global::augment_args(Grammar::new("gtd"))
        .disable_help_subcommand(true)
        .infer_long_args(false)
        .subcommand(one)
        .try_get_matches_from(words)
        .ok()
}

fn named(of: &Grammar, word: &OsStr) -> Option<Grammar> {
    of.find_subcommand(word).cloned()
}

/// Describes a noun, whose verbs are as many as the commands.
fn described(noun: &str) -> Option<Grammar> {
    let describe = match noun {
        "agent" => commands::agent::Args::augment_args,
        "bead" => commands::bead::Args::augment_args,
        "config" => commands::config::Args::augment_args,
        "convoy" => commands::convoy::Args::augment_args,
        "merge" => commands::merge::Args::augment_args,
        "role" => commands::role::Args::augment_args,
        _ => return None,
    };
    Some(describe(Grammar::new(noun.to_owned())))
}

fn noun_with(noun: &Grammar, verb: Grammar) -> Grammar {
    Grammar::new(noun.get_name().to_owned())
        .args(noun.get_arguments().cloned())
        .subcommand(verb)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        let words = std::iter::once("gtd").chain(line.split_whitespace());
        words.map(OsString::from).collect()
    }

    #[test]
    fn a_call_means_the_same_with_its_command_alone() {
        for line in [
            "status",
            "st --json=needs_you -r api",
            "goal words --run true --wait --timeout 5s",
            "bead create title --json -q",
            "bead ls -vv --color never",
        ] {
            let lean = with_one_command(&words(line)).expect(line);
            let lean = Cli::from_arg_matches(&lean).expect(line);
            let full = Cli::command().try_get_matches_from(words(line));
            let full = Cli::from_arg_matches(&full.expect(line)).expect(line);
            assert_eq!(format!("{lean:?}"), format!("{full:?}"), "{line}");
        }
    }

    #[test]
    fn what_is_not_plainly_right_is_read_with_all_commands() {
        for line in [
            "",
            "--json status",
            "--version",
            "stauts",
            "status --help",
            "status --no-such-option",
            "bead",
        ] {
            assert!(with_one_command(&words(line)).is_none(), "{line}");
        }
    }
}
