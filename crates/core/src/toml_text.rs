//! Reads TOML texts with the place of every key and value.
//!
//! For the readers of plan files and of configuration, which say where a mistake
//! is. It knows no schema.

use std::ops::Range;

use toml::{
    Spanned,
    de::{DeInteger, DeString, DeTable, DeValue},
};

use crate::diagnostic::{Diagnostic, is_bidi, shorten};

/// The longest text that is read, in bytes.
pub(crate) const LONGEST_TEXT: usize = 1 << 20;

/// The number of the file format that this version reads.
pub(crate) const SCHEMA: i64 = 1;

/// A key with its value.
pub(crate) type Entry<'t, 'a> = (&'t Spanned<DeString<'a>>, &'t Spanned<DeValue<'a>>);

/// A text with its name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TomlText<'a> {
    /// The name that people know it by.
    pub(crate) file: &'a str,
    /// All of it.
    pub(crate) text: &'a str,
}

impl<'a> TomlText<'a> {
    /// Reads the text as a TOML document.
    pub(crate) fn parse(&self) -> Result<Spanned<DeTable<'a>>, Diagnostic> {
        if self.text.len() > LONGEST_TEXT {
            return Err(self
                .mistake(0..0, "the file is longer than 1 MiB")
                .with_help("split it"));
        }
        DeTable::parse(self.text).map_err(|error| {
            let span = error.span().unwrap_or(0..0);
            self.mistake(span, &format!("not valid TOML: {}", error.message()))
        })
    }

    /// Points at a place of the text.
    pub(crate) fn mistake(&self, span: Range<usize>, message: &str) -> Diagnostic {
        Diagnostic::at(self.file, self.text, span, message)
    }

    /// Says that a key is not known, with the one that may have been meant.
    pub(crate) fn unknown_key<'k>(
        &self,
        key: &Spanned<DeString<'_>>,
        what: &str,
        known: impl IntoIterator<Item = &'k str>,
    ) -> Diagnostic {
        let known: Vec<&str> = known.into_iter().collect();
        let all = format!("keys of {what}: {}", known.join(", "));
        self.mistake(
            key.span(),
            &format!("unknown key {}", quoted(key.get_ref())),
        )
        .with_help(&match nearest(key.get_ref(), known) {
            Some(near) => format!("did you mean `{near}`?   {all}"),
            None => all,
        })
    }

    /// Refuses a file format that is newer than this program.
    pub(crate) fn check_schema(&self, value: &Spanned<DeValue<'_>>) -> Result<(), Diagnostic> {
        let number = match value.get_ref() {
            DeValue::Integer(number) => integer(number),
            other => {
                return Err(self.mistake(
                    value.span(),
                    &format!("`schema` wants a whole number, not {}", kind_of(other)),
                ));
            }
        };
        match number {
            Some(SCHEMA) => Ok(()),
            Some(newer) if newer > SCHEMA => Err(self
                .mistake(
                    value.span(),
                    &format!("schema {newer} is newer than this gtd, which reads schema {SCHEMA}"),
                )
                .with_help("use a newer gtd, or write `schema = 1`")),
            _ => Err(self
                .mistake(value.span(), "there is no such schema")
                .with_help("write `schema = 1`")),
        }
    }
}

/// Returns the entries of a table as they stand in the text.
pub(crate) fn in_order<'t, 'a>(table: &'t DeTable<'a>) -> Vec<Entry<'t, 'a>> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    entries
}

/// Returns the number, when it fits.
pub(crate) fn integer(number: &DeInteger<'_>) -> Option<i64> {
    i64::from_str_radix(number.as_str(), number.radix()).ok()
}

/// Names the kind of a value for a person.
pub(crate) fn kind_of(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// Quotes a word of the text, shortened.
pub(crate) fn quoted(word: &str) -> String {
    format!("`{}`", shorten(word, 60))
}

/// Finds the candidate that was probably meant.
pub(crate) fn nearest<'c>(
    word: &str,
    candidates: impl IntoIterator<Item = &'c str>,
) -> Option<&'c str> {
    let word: String = word.chars().take(100).collect::<String>().to_lowercase();
    let most = (word.chars().count() / 3).min(4);
    candidates
        .into_iter()
        .filter(|candidate| candidate.len() <= 200)
        .map(|candidate| {
            let distance = strsim::osa_distance(&word, &candidate.to_lowercase());
            (distance, candidate)
        })
        .filter(|(distance, _)| *distance <= most)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Finds a character that may not stand in a text of several lines.
pub(crate) fn forbidden_character(text: &str) -> Option<char> {
    text.chars()
        .find(|c| (c.is_control() && !matches!(c, '\n' | '\t')) || is_bidi(*c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_is_recognised_and_another_word_is_not() {
        let keys = ["strategy", "batch", "order"];
        assert_eq!(nearest("stratgey", keys), Some("strategy"));
        assert_eq!(nearest("BATCH", keys), Some("batch"));
        assert_eq!(nearest("bach", keys), Some("batch"));
        assert_eq!(nearest("colour", keys), None);
        assert_eq!(nearest("", keys), None);
    }

    #[test]
    fn deep_nesting_is_a_mistake_and_not_a_crash() {
        let text = format!("a = {}", "[".repeat(100_000));
        assert!(
            TomlText {
                file: "f",
                text: &text
            }
            .parse()
            .is_err()
        );
        let text = "a.".repeat(100_000);
        assert!(
            TomlText {
                file: "f",
                text: &text
            }
            .parse()
            .is_err()
        );
        let text = format!("a = {}1{}", "{b=".repeat(50_000), "}".repeat(50_000));
        assert!(
            TomlText {
                file: "f",
                text: &text
            }
            .parse()
            .is_err()
        );
    }
}
