//! A mistake in a text that a person wrote: what, where, and what may have been meant.
//!
//! Made from byte spans of TOML texts. It knows nothing of colours, codes or exit
//! codes: that is for the program that prints it. No control character of the
//! text reaches the rendering.

use std::{fmt, ops::Range};

use serde::{Deserialize, Serialize};

const WIDEST: usize = 140;
const LONGEST_MESSAGE: usize = 600;

/// A mistake at a place in a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnostic {
    /// The file, or what stands in its place, such as an environment variable.
    pub file: String,
    /// The line, from 1; 0 when the text has no lines.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// What is wrong, as half a sentence.
    pub message: String,
    /// The line of the text.
    pub excerpt: String,
    /// How many characters of the excerpt are meant; at least 1.
    pub span_len: usize,
    /// What to do about it.
    pub help: Option<String>,
}

impl Diagnostic {
    /// Points at the bytes `span` of `text`.
    #[must_use]
    pub fn at(file: &str, text: &str, span: Range<usize>, message: &str) -> Self {
        let start = floor_char_boundary(text, span.start);
        let end = floor_char_boundary(text, span.end.max(start));
        let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let line_end = text[start..].find('\n').map_or(text.len(), |at| start + at);
        let mut excerpt = text[line_start..line_end].trim_end_matches('\r');
        let mut before = text[line_start..start].chars().count();
        if let Some(rest) = excerpt.strip_prefix('\u{feff}') {
            excerpt = rest;
            before = before.saturating_sub(1);
        }
        let in_line = start..end.clamp(start, line_end);
        Self {
            file: printable(file),
            line: text[..line_start].matches('\n').count() + 1,
            column: before + 1,
            message: shorten(&printable(message), LONGEST_MESSAGE),
            excerpt: printable(excerpt),
            span_len: text[in_line].trim_end().chars().count().max(1),
            help: None,
        }
    }

    /// Points at something that has no lines, such as an environment variable.
    #[must_use]
    pub fn without_line(file: &str, message: &str) -> Self {
        Self {
            file: printable(file),
            line: 0,
            column: 0,
            message: shorten(&printable(message), LONGEST_MESSAGE),
            excerpt: String::new(),
            span_len: 1,
            help: None,
        }
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn with_help(mut self, help: &str) -> Self {
        self.help = Some(shorten(&printable(help), LONGEST_MESSAGE));
        self
    }

    /// Says something else about the same place.
    #[must_use]
    pub(crate) fn saying(&self, message: &str) -> Self {
        Self {
            message: shorten(&printable(message), LONGEST_MESSAGE),
            help: None,
            ..self.clone()
        }
    }

    /// Returns the place as `file:line:column`.
    #[must_use]
    pub fn place(&self) -> String {
        if self.line == 0 {
            self.file.clone()
        } else {
            format!("{}:{}:{}", self.file, self.line, self.column)
        }
    }

    /// Renders all of it as plain text, without a line break at the end.
    #[must_use]
    pub fn render(&self) -> String {
        let mut lines = vec![self.to_string()];
        if self.line > 0 {
            let number = self.line.to_string();
            let gutter = " ".repeat(number.len());
            let (shown, before, marked) = self.window();
            lines.push(format!("{gutter}--> {}", self.place()));
            lines.push(format!("{gutter} |"));
            lines.push(format!("{number} | {shown}").trim_end().to_owned());
            lines.push(format!(
                "{gutter} | {}{}",
                " ".repeat(before),
                "^".repeat(marked)
            ));
        }
        lines.extend(self.help.iter().map(|help| format!("  help: {help}")));
        lines.join("\n")
    }

    /// Cuts what fits on a screen out of the excerpt: the text, what stands before the mark, its length.
    fn window(&self) -> (String, usize, usize) {
        let total = self.excerpt.chars().count();
        let before = self.column.saturating_sub(1).min(total);
        let first = if total <= WIDEST {
            0
        } else {
            before.saturating_sub(WIDEST / 2)
        };
        let mut shown: String = self.excerpt.chars().skip(first).take(WIDEST).collect();
        if first + WIDEST < total {
            shown.push('…');
        }
        let before = before - first;
        (
            shown,
            before,
            self.span_len.clamp(1, (WIDEST - before).max(1)),
        )
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.file, self.message)
    }
}

impl std::error::Error for Diagnostic {}

/// Replaces what a terminal would act upon.
pub(crate) fn printable(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\n' | '\t' => ' ',
            c if c.is_control() || is_bidi(c) => '\u{fffd}',
            c => c,
        })
        .collect()
}

/// Cuts a text to `most` characters.
pub(crate) fn shorten(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

/// Tells whether a character turns the direction of what stands around it.
pub(crate) fn is_bidi(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn floor_char_boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_mistake_shows_the_place_the_line_and_the_way_out() {
        let text = "[merge]\nstratgey = \"rebase\"\n";
        let shown = Diagnostic::at("gtd.toml", text, 8..16, "unknown key `stratgey`")
            .with_help("did you mean `strategy`?")
            .render();
        expect![[r#"
            gtd.toml: unknown key `stratgey`
             --> gtd.toml:2:1
              |
            2 | stratgey = "rebase"
              | ^^^^^^^^
              help: did you mean `strategy`?"#]]
        .assert_eq(&shown);
    }

    #[test]
    fn a_mark_stays_below_its_word_after_wide_letters_and_tabs() {
        let text = "\täöü = 1\n";
        let at = text.find('ü').unwrap();
        let shown = Diagnostic::at("f", text, at..at + 2, "here").render();
        expect![[r#"
            f: here
             --> f:1:4
              |
            1 |  äöü = 1
              |    ^"#]]
        .assert_eq(&shown);
    }

    #[test]
    fn no_control_character_reaches_the_screen() {
        let shown = Diagnostic::at("f", "a\u{1b}[31m\u{202e}", 0..1, "b\u{7}\nc")
            .with_help("d\u{0}")
            .render();
        assert!(
            !shown
                .chars()
                .any(|c| c != '\n' && (c.is_control() || is_bidi(c)))
        );
        assert!(shown.starts_with("f: b\u{fffd} c\n"));
    }

    #[test]
    fn a_very_long_line_is_cut_around_the_mark() {
        let text = "x".repeat(5_000);
        let shown = Diagnostic::at("f", &text, 2_500..2_510, "here").render();
        assert!(shown.lines().all(|line| line.chars().count() < 160));
        assert!(shown.contains("^^^^^^^^^^"));
    }

    proptest! {
        #[test]
        fn no_span_of_no_text_panics(text in ".{0,60}|\\PC{0,40}(\n\\PC{0,20}){0,4}", from in 0_usize..120, to in 0_usize..120) {
            let mistake = Diagnostic::at("f", &text, from..to, "m");
            prop_assert!(mistake.line >= 1 && mistake.column >= 1 && mistake.span_len >= 1);
            prop_assert!(!mistake.render().is_empty());
        }
    }
}
