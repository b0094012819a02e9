//! What people say of a bead on the command line, turned into what is wanted of it.

use std::{
    io::{self, Read},
    path::Path,
};

use gtd_core::{BeadSpec, BeadType, Criterion, PolicyName, Priority, RuntimeName};

use crate::{context::Context, error::CliError};

/// What may be said anew of beads and goals alike; what is not said stays as it is.
#[derive(Debug, clap::Args)]
pub(crate) struct Anew {
    /// One line
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,
    /// The whole story; `-` reads it from stdin, `@FILE` from a file
    #[arg(short, long, value_name = "TEXT")]
    description: Option<String>,
    /// The urgency, 0 (critical) to 4 (backlog)
    #[arg(short, long, value_name = "N", value_parser = priority)]
    priority: Option<Priority>,
    /// What must be true at the end; replaces what stood there
    #[arg(long, value_name = "TEXT[=CHECK]", value_parser = criterion)]
    accept: Vec<Criterion>,
}

impl Anew {
    /// Reads what stands elsewhere, before anything is asked of the daemon.
    pub(crate) fn read(&mut self, ctx: &Context) -> Result<(), CliError> {
        if let Some(given) = &self.description {
            self.description = Some(text(ctx, given)?);
        }
        Ok(())
    }

    /// Puts what is said into what is wanted.
    pub(crate) fn put(self, spec: &mut BeadSpec) {
        if let Some(title) = self.title {
            spec.title = title.trim().to_owned();
        }
        if let Some(description) = self.description {
            spec.description = description;
        }
        spec.priority = self.priority.unwrap_or(spec.priority);
        if !self.accept.is_empty() {
            spec.acceptance = self.accept;
        }
    }
}

/// Reads `TEXT` or `TEXT=CHECK`.
pub(crate) fn criterion(text: &str) -> Result<Criterion, String> {
    let (text, check) = match text.split_once('=') {
        Some((text, check)) => (text.trim(), Some(check.trim())),
        None => (text.trim(), None),
    };
    if text.is_empty() {
        return Err("a criterion needs words: TEXT or TEXT=CHECK".to_owned());
    }
    match check {
        Some("") => Err("the check after `=` is empty".to_owned()),
        check => Ok(Criterion {
            text: text.to_owned(),
            check: check.map(str::to_owned),
        }),
    }
}

/// Reads a priority.
pub(crate) fn priority(text: &str) -> Result<Priority, String> {
    text.parse()
        .ok()
        .and_then(Priority::new)
        .ok_or_else(|| "a priority is 0 (critical) to 4 (backlog)".to_owned())
}

/// Reads the name of a policy.
pub(crate) fn policy(text: &str) -> Result<PolicyName, String> {
    PolicyName::parse(text).map_err(|error| error.to_string())
}

/// Reads what something may cost, in dollars.
pub(crate) fn budget(text: &str) -> Result<u64, String> {
    gtd_core::usd_of_words(text)
        .ok_or_else(|| "a budget is a number of dollars, such as 20 or $2.50".to_owned())
}

/// Reads the kind of work.
pub(crate) fn kind(text: &str) -> Result<BeadType, String> {
    let words = BeadType::WORDS
        .iter()
        .filter(|(_, kind)| *kind != BeadType::Goal);
    match BeadType::from_word(text) {
        Some(kind) if kind != BeadType::Goal => Ok(kind),
        _ => Err(format!(
            "types: {}",
            words.map(|(word, _)| *word).collect::<Vec<_>>().join(", ")
        )),
    }
}

/// Reads the name of a runtime.
pub(crate) fn runtime(text: &str) -> Result<RuntimeName, String> {
    RuntimeName::parse(text).map_err(|error| error.to_string())
}

/// Returns a text that was given as it is, as `-` for stdin, or as `@FILE`.
pub(crate) fn text(ctx: &Context, given: &str) -> Result<String, CliError> {
    if given == "-" {
        return stdin();
    }
    match given.strip_prefix('@') {
        Some(path) => file(ctx, Path::new(path)),
        None => Ok(given.to_owned()),
    }
}

/// Reads all of stdin.
pub(crate) fn stdin() -> Result<String, CliError> {
    let mut text = String::new();
    io::stdin()
        .lock()
        .read_to_string(&mut text)
        .map_err(|error| CliError::given("read stdin", error))?;
    Ok(text)
}

/// Reads a file; `-` is stdin.
pub(crate) fn file(ctx: &Context, path: &Path) -> Result<String, CliError> {
    if path == Path::new("-") {
        return stdin();
    }
    std::fs::read_to_string(ctx.path(path))
        .map_err(|error| CliError::given(format!("read {}", path.display()), error))
}

/// Reads a script: one without a command does nothing that could be meant.
pub(crate) fn script(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        return Err("the script is empty: write the commands for `sh`".to_owned());
    }
    Ok(text.to_owned())
}

/// Splits what a person typed into a title and the whole story.
pub(crate) fn titled(text: &str) -> BeadSpec {
    BeadSpec::titled(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_criterion_has_words_and_perhaps_a_check() {
        let check = |text| criterion(text).map(|c| (c.text, c.check));
        assert_eq!(check("it works"), Ok(("it works".to_owned(), None)));
        assert_eq!(
            check("it works=test \"$A\" = b"),
            Ok(("it works".to_owned(), Some("test \"$A\" = b".to_owned())))
        );
        assert!(check("=true").is_err());
        assert!(check("x=").is_err());
    }

    #[test]
    fn the_first_line_is_the_title_and_nothing_is_lost() {
        let spec = titled("  Add login \n\nwith PKCE\n");
        assert_eq!(spec.title, "Add login");
        assert_eq!(spec.description, "Add login \n\nwith PKCE");
        let spec = titled("Add login");
        assert_eq!(
            (spec.title.as_str(), spec.description.as_str()),
            ("Add login", "")
        );
        let long = "word ".repeat(100);
        let spec = titled(&long);
        assert!(spec.title.chars().count() <= 200 && spec.title.ends_with("word…"));
        assert_eq!(spec.description, long.trim());
    }
}
