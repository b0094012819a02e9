//! The pager: long output for people, on a terminal, goes through `less` or what they prefer.

use std::{
    ffi::OsString,
    io::{self, Write},
    process::{Child, Command, ExitStatus, Stdio},
};

use super::table::columns;

/// What shows long output when nobody says otherwise: it ends by itself when all fits, and keeps colours.
const USUAL: [&str; 2] = ["less", "-FRX"];
/// What a shell ends with when there is no such program, or it cannot be run.
const NOT_FOUND: [i32; 2] = [126, 127];

/// A program that shows long output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Pager {
    /// A program with its arguments.
    Program(Vec<String>),
    /// A command for the shell.
    Shell(String),
}

impl Pager {
    /// Chooses: `GTD_PAGER`, then what is configured, then `PAGER`, then the usual one.
    ///
    /// An empty text and `cat` are no pager.
    pub(crate) fn choose(
        variable: impl Fn(&str) -> Option<OsString>,
        configured: Option<Self>,
    ) -> Option<Self> {
        let named = |key: &str| {
            let text = variable(key)?.to_string_lossy().trim().to_owned();
            Some(Self::of_text(&text))
        };
        let chosen = named("GTD_PAGER")
            .or(configured)
            .or_else(|| named("PAGER"))
            .unwrap_or_else(|| Self::Program(USUAL.map(str::to_owned).to_vec()));
        (!chosen.is_none()).then_some(chosen)
    }

    /// Reads a command as `PAGER` has it; the shell is asked only where it is needed.
    pub(crate) fn of_text(text: &str) -> Self {
        let is_plain = text
            .chars()
            .all(|c| c.is_alphanumeric() || " -_/.+=,:".contains(c));
        // `LESS=R less` sets a variable first, which only a shell does.
        if is_plain
            && !text
                .split(' ')
                .next()
                .is_some_and(|word| word.contains('='))
        {
            Self::Program(text.split_whitespace().map(str::to_owned).collect())
        } else {
            Self::Shell(text.to_owned())
        }
    }

    fn is_none(&self) -> bool {
        match self {
            Self::Program(words) => {
                matches!(words.as_slice(), [] | [_] if words.first().is_none_or(|word| word.is_empty() || word == "cat"))
            }
            Self::Shell(text) => text.trim().is_empty(),
        }
    }

    /// Shows a text and waits until the person has seen enough.
    ///
    /// # Errors
    /// When there is no such program; the text was not shown then.
    pub(crate) fn show(&self, text: &[u8]) -> io::Result<()> {
        let mut child = self.start()?;
        let written = child
            .stdin
            .take()
            .map_or(Ok(()), |mut stdin| stdin.write_all(text));
        let ended = child.wait()?;
        if is_not_found(ended) {
            return Err(io::Error::from(io::ErrorKind::NotFound));
        }
        match written {
            // Whoever leaves the pager early has seen enough.
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
            _ => Ok(()),
        }
    }

    fn start(&self) -> io::Result<Child> {
        let mut command = match self {
            Self::Program(words) => {
                let mut command = Command::new(words.first().map_or("", String::as_str));
                command.args(words.iter().skip(1));
                command
            }
            Self::Shell(text) => {
                let mut command = Command::new("sh");
                command.args(["-c", text]);
                command
            }
        };
        if std::env::var_os("LESS").is_none() {
            command.env("LESS", "FRX");
        }
        command.stdin(Stdio::piped()).spawn()
    }
}

fn is_not_found(ended: ExitStatus) -> bool {
    ended.code().is_some_and(|code| NOT_FOUND.contains(&code))
}

/// Tells whether a text is longer than a screen of so many lines and columns.
pub(super) fn is_long(text: &[u8], height: usize, width: Option<usize>) -> bool {
    let text = String::from_utf8_lossy(text);
    let mut left = height.saturating_sub(1);
    for line in text.lines() {
        let needed = match width.filter(|width| *width > 0) {
            Some(width) => columns(line).div_ceil(width).max(1),
            None => 1,
        };
        if needed > left {
            return true;
        }
        left -= needed;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(variables: &[(&str, &str)], configured: Option<Pager>) -> Option<Pager> {
        let find = |key: &str| {
            let found = variables.iter().find(|(name, _)| *name == key);
            found.map(|(_, value)| OsString::from(value))
        };
        Pager::choose(find, configured)
    }

    fn program(words: &[&str]) -> Option<Pager> {
        Some(Pager::Program(
            words.iter().map(|word| (*word).to_owned()).collect(),
        ))
    }

    #[test]
    fn the_pager_that_is_nearest_to_gtd_is_taken() {
        let both = [("GTD_PAGER", "most -s"), ("PAGER", "more")];
        assert_eq!(chosen(&[], None), program(&["less", "-FRX"]));
        assert_eq!(chosen(&both[1..], None), program(&["more"]));
        assert_eq!(
            chosen(&both[1..], program(&["bat"])),
            program(&["bat"]),
            "what is said of gtd is nearer than what is said of all"
        );
        assert_eq!(chosen(&both, program(&["bat"])), program(&["most", "-s"]));
    }

    #[test]
    fn no_pager_is_said_by_nothing_or_cat() {
        assert_eq!(chosen(&[("PAGER", "cat")], None), None);
        assert_eq!(chosen(&[("GTD_PAGER", ""), ("PAGER", "less")], None), None);
        assert_eq!(chosen(&[], Some(Pager::of_text(""))), None);
    }

    #[test]
    fn a_shell_is_asked_only_where_it_is_needed() {
        assert_eq!(
            Pager::of_text("less | head"),
            Pager::Shell("less | head".to_owned())
        );
        assert_eq!(
            Pager::of_text("LESS=R less"),
            Pager::Shell("LESS=R less".to_owned())
        );
    }

    #[test]
    fn a_text_is_long_by_the_lines_that_the_terminal_needs() {
        assert!(!is_long(b"a\nb\n", 3, Some(80)));
        assert!(is_long(b"a\nb\nc\n", 3, Some(80)));
        assert!(is_long("x".repeat(161).as_bytes(), 3, Some(80)));
        assert!(!is_long("x".repeat(160).as_bytes(), 3, Some(80)));
        let coloured = format!("\x1b[32m{}\x1b[0m", "x".repeat(160));
        assert!(
            !is_long(coloured.as_bytes(), 3, Some(80)),
            "colours are no columns"
        );
    }

    #[test]
    fn a_pager_that_is_not_there_is_told() {
        for pager in ["no-such-pager-here", "no-such-pager-here; exit $?"] {
            assert!(Pager::of_text(pager).show(b"x").is_err(), "{pager}");
        }
        assert!(Pager::of_text("true").show(&vec![b'x'; 1 << 20]).is_ok());
    }
}
