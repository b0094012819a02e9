//! How output looks: colours, glyphs and width, by what is wished and what the terminal can.

use std::{ffi::OsString, io::IsTerminal};

use clap::ValueEnum;

use super::{
    table::{clean, cut},
    words::Ink,
};

/// What is left of a title on the narrowest terminal.
const NARROW_TITLE: usize = 20;

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum ColorWhen {
    /// On a terminal.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Which marks stand before states.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum GlyphSet {
    /// Marks such as a full circle.
    Unicode,
    /// Letters and signs of ASCII.
    Ascii,
}

/// What the command line wishes.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Wishes {
    pub(crate) color: ColorWhen,
    pub(crate) glyphs: Option<GlyphSet>,
    /// What the user's configuration says of colours; variables win over it.
    pub(crate) usual_color: ColorWhen,
    /// What it says of marks.
    pub(crate) usual_glyphs: Option<GlyphSet>,
}

/// How output looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Look {
    /// Stdout takes colours.
    pub(crate) color: bool,
    /// Stderr takes colours.
    pub(crate) color_err: bool,
    /// Only ASCII marks.
    pub(crate) ascii: bool,
    /// Stdout is a terminal.
    pub(crate) terminal: bool,
    /// Stderr is a terminal.
    pub(crate) terminal_err: bool,
    /// The columns of the terminal, when there is one.
    pub(crate) width: Option<usize>,
    /// The lines of the terminal, when there is one.
    pub(crate) height: Option<usize>,
    /// Times of day are those of the person's own zone; in UTC otherwise.
    pub(crate) local: bool,
}

impl Look {
    /// Looks at the terminal and the environment of this process.
    pub(crate) fn here(wishes: Wishes) -> Self {
        let terminal = std::io::stdout().is_terminal();
        let mut look = Self::of(
            wishes,
            |key| std::env::var_os(key),
            terminal,
            std::io::stderr().is_terminal(),
        );
        look.local = true;
        if terminal && let Ok(size) = rustix::termios::tcgetwinsize(std::io::stdout()) {
            let some = |cells: u16| Some(usize::from(cells)).filter(|cells| *cells > 0);
            look.width = look.width.or_else(|| some(size.ws_col));
            look.height = some(size.ws_row);
        }
        look
    }

    /// What goes into a file: no colours, no width, and the marks as they are.
    pub(crate) fn of_a_file() -> Self {
        Self {
            ascii: false,
            ..Self::of(Wishes::default(), |_| None, false, false)
        }
    }

    /// Decides from what is given.
    pub(crate) fn of(
        wishes: Wishes,
        variable: impl Fn(&str) -> Option<OsString>,
        terminal: bool,
        terminal_err: bool,
    ) -> Self {
        let text = |key: &str| {
            variable(key)
                .map(|value| value.to_string_lossy().into_owned())
                .filter(|value| !value.is_empty())
        };
        let dumb = text("TERM").as_deref() == Some("dumb");
        let forced = text("CLICOLOR_FORCE").is_some_and(|value| value != "0");
        let refused = text("NO_COLOR").is_some()
            || text("CLICOLOR").as_deref() == Some("0")
            || text("GTD_AGENT").is_some();
        let color = |is_terminal: bool| match wishes.color {
            ColorWhen::Always => true,
            ColorWhen::Never => false,
            ColorWhen::Auto if text("NO_COLOR").is_some() => false,
            ColorWhen::Auto if forced => true,
            ColorWhen::Auto => match wishes.usual_color {
                _ if refused => false,
                ColorWhen::Always => true,
                ColorWhen::Never => false,
                ColorWhen::Auto => is_terminal && !dumb,
            },
        };
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(text);
        let utf8 = locale.is_none_or(|locale| {
            let locale = locale.to_lowercase();
            locale.contains("utf-8") || locale.contains("utf8")
        });
        let ascii = match wishes.glyphs.or(wishes.usual_glyphs) {
            Some(set) => set == GlyphSet::Ascii,
            None => dumb || !utf8,
        };
        Self {
            color: color(terminal),
            color_err: color(terminal_err),
            ascii,
            terminal,
            terminal_err,
            width: text("COLUMNS").and_then(|columns| columns.parse().ok()),
            height: None,
            local: false,
        }
    }

    /// Cuts a line to some columns, without what would steer a terminal.
    pub(crate) fn cut(text: &str, columns: usize) -> String {
        cut(&clean(text), columns)
    }

    /// Cuts a title so that a line of a terminal has room for more than that; a pipe gets all of it.
    pub(crate) fn title(self, text: &str) -> String {
        match self.width.filter(|_| self.terminal) {
            Some(width) => cut(&clean(text), (width / 2).max(NARROW_TITLE)),
            None => text.to_owned(),
        }
    }

    /// Paints a text for stdout.
    pub(crate) fn paint(self, ink: Ink, text: &str) -> String {
        painted(self.color, ink, text)
    }

    /// Paints a text for stderr.
    pub(crate) fn paint_err(self, ink: Ink, text: &str) -> String {
        painted(self.color_err, ink, text)
    }

    /// Returns one of two texts: the usual one, or the one in ASCII.
    pub(crate) fn mark(self, usual: &'static str, ascii: &'static str) -> &'static str {
        if self.ascii { ascii } else { usual }
    }
}

fn painted(color: bool, ink: Ink, text: &str) -> String {
    match ink.sequence() {
        Some(sequence) if color && !text.is_empty() => format!("{sequence}{text}\x1b[0m"),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn look(wishes: Wishes, variables: &[(&str, &str)], terminal: bool) -> Look {
        let variables: BTreeMap<_, _> = variables.iter().copied().collect();
        Look::of(
            wishes,
            |key| variables.get(key).map(OsString::from),
            terminal,
            terminal,
        )
    }

    #[test]
    fn colours_stay_off_a_pipe_and_obey_the_environment() {
        let usual = Wishes::default();
        assert!(look(usual, &[], true).color);
        assert!(!look(usual, &[], false).color);
        assert!(!look(usual, &[("NO_COLOR", "1")], true).color);
        assert!(look(usual, &[("NO_COLOR", "")], true).color);
        assert!(look(usual, &[("CLICOLOR_FORCE", "1")], false).color);
        assert!(!look(usual, &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], false).color);
        assert!(!look(usual, &[("TERM", "dumb")], true).color);
        let always = Wishes {
            color: ColorWhen::Always,
            ..usual
        };
        assert!(look(always, &[("NO_COLOR", "1")], false).color);
        let configured = Wishes {
            usual_color: ColorWhen::Always,
            ..usual
        };
        assert!(look(configured, &[], false).color);
        assert!(!look(configured, &[("NO_COLOR", "1")], true).color);
    }

    #[test]
    fn a_long_title_is_cut_on_a_terminal_only() {
        let narrow = [("COLUMNS", "60")];
        let title = "x".repeat(100);
        assert_eq!(look(Wishes::default(), &narrow, false).title(&title), title);
        let cut = look(Wishes::default(), &narrow, true).title(&title);
        assert_eq!((cut.chars().count(), cut.chars().last()), (30, Some('…')));
    }

    #[test]
    fn a_terminal_without_utf_8_gets_ascii_marks() {
        let usual = Wishes::default();
        assert!(!look(usual, &[], true).ascii);
        assert!(!look(usual, &[("LANG", "de_DE.UTF-8")], true).ascii);
        assert!(look(usual, &[("LANG", "C")], true).ascii);
        assert!(look(usual, &[("LANG", "en.UTF-8"), ("LC_ALL", "POSIX")], true).ascii);
        assert!(look(usual, &[("TERM", "dumb")], true).ascii);
        let unicode = Wishes {
            glyphs: Some(GlyphSet::Unicode),
            ..usual
        };
        assert!(!look(unicode, &[("TERM", "dumb")], true).ascii);
    }
}
