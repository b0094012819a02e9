//! What clap refused, in the words of gtd: what is wrong, what was meant, where to read on.

use clap::{
    Command,
    error::{ContextKind, ContextValue, ErrorKind},
};

use crate::error::{CliError, Kind};

/// How unlike a word may be to be taken for a slip of the one that was meant.
const LIKE: f64 = 0.6;

/// Makes the error of a command line that clap refused; `words` are those behind `gtd`.
pub(crate) fn error(refused: &clap::Error, root: &mut Command, words: &[String]) -> CliError {
    root.build();
    let path = path(root, words);
    let command = path.last().copied().unwrap_or(root);
    let full: Vec<&str> = path.iter().map(|command| command.get_name()).collect();
    let help = format!("gtd {} --help", full[1..].join(" ")).replace("  ", " ");
    let text = |kind: ContextKind| match refused.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        _ => None,
    };
    let meant = match refused.kind() {
        ErrorKind::InvalidSubcommand => {
            let names = command
                .get_subcommands()
                .flat_map(|sub| std::iter::once(sub.get_name()).chain(sub.get_all_aliases()));
            text(ContextKind::InvalidSubcommand).and_then(|word| nearest(&word, names))
        }
        ErrorKind::UnknownArgument => {
            let wrong = text(ContextKind::InvalidArg).unwrap_or_default();
            let wrong = wrong.split('=').next().unwrap_or_default();
            let longs = command.get_arguments().filter_map(clap::Arg::get_long);
            wrong
                .strip_prefix("--")
                .and_then(|word| nearest(word, longs))
                .map(|long| format!("--{long}"))
        }
        ErrorKind::InvalidValue => match refused.get(ContextKind::ValidValue) {
            Some(ContextValue::Strings(values)) => text(ContextKind::InvalidValue)
                .and_then(|word| nearest(&word, values.iter().map(String::as_str))),
            _ => None,
        },
        _ => None,
    };
    let mut error = CliError::new(Kind::Usage(message(refused)));
    error.hints.help = Some(match meant {
        Some(meant) => format!("did you mean `{meant}`?   {help}"),
        None => help.clone(),
    });
    error.hints.next.push(help);
    error
}

/// Returns the first paragraph of what clap says, in one line.
fn message(refused: &clap::Error) -> String {
    let text = refused.render().to_string();
    let lines: Vec<&str> = text
        .trim()
        .lines()
        .map(str::trim)
        .take_while(|line| !line.is_empty())
        .collect();
    let text = lines.join(" ");
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    text.replace("unrecognized subcommand", "there is no command")
        .replace("unexpected argument", "there is no argument")
        .replace(" found", "")
        .replace(
            "the following required arguments were not provided:",
            "missing:",
        )
        .replace('\'', "`")
}

/// Follows the commands that the words name.
fn path<'c>(root: &'c Command, words: &[String]) -> Vec<&'c Command> {
    let mut path = vec![root];
    for word in words {
        let at = path[path.len() - 1];
        if let Some(sub) = at.find_subcommand(word) {
            path.push(sub);
        }
    }
    path
}

fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<String> {
    known
        .into_iter()
        .map(|name| (likeness(word, name), name))
        .filter(|(likeness, _)| *likeness >= LIKE)
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .map(|(_, name)| name.to_owned())
}

/// Counts slips of the finger, and forgives a word that was only cut short.
fn likeness(word: &str, name: &str) -> f64 {
    let slips = strsim::normalized_damerau_levenshtein(word, name);
    if word.len() >= 2 && name.starts_with(word) {
        return slips.max(0.75);
    }
    slips
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use expect_test::{Expect, expect};

    use super::*;
    use crate::{
        args::Cli,
        output::{Look, Wishes},
    };

    fn check(words: &[&str], expected: &Expect) {
        let refused = Cli::command()
            .try_get_matches_from([&["gtd"], words].concat())
            .unwrap_err();
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let look = Look::of(Wishes::default(), |_| None, false, false);
        let error = error(&refused, &mut Cli::command(), &words);
        expected.assert_eq(&error.render(look));
    }

    #[test]
    fn a_slip_is_told_the_one_word_that_was_meant() {
        check(
            &["stauts"],
            &expect![[r"
                error[E0100]: there is no command `stauts`
                  help: did you mean `status`?   gtd --help"]],
        );
        check(
            &["goal", "x", "--rn", "true"],
            &expect![[r"
                error[E0100]: there is no argument `--rn`
                  help: did you mean `--run`?   gtd goal --help"]],
        );
        check(
            &["goal", "x", "--land", "mian"],
            &expect![[r"
                error[E0100]: invalid value `mian` for `--land <WHERE>` [possible values: main, integration, pull-request]
                  help: did you mean `main`?   gtd goal --help"]],
        );
        check(
            &["status", "--jsno"],
            &expect![[r"
                error[E0100]: there is no argument `--jsno`
                  help: did you mean `--json`?   gtd status --help"]],
        );
    }

    #[test]
    fn what_is_missing_is_named_and_what_is_far_off_is_not_guessed() {
        check(
            &["stop"],
            &expect![[r"
                error[E0100]: missing: <IDS>...
                  help: gtd stop --help"]],
        );
        check(
            &["bead", "frobnicate"],
            &expect![[r"
                error[E0100]: there is no command `frobnicate`
                  help: gtd bead --help"]],
        );
    }
}
