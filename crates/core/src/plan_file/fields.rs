//! Typed fields of a table: the value, or the mistake at its place.

use std::ops::Range;

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use crate::{
    Criterion, Diagnostic, RuntimeName,
    config::parse_duration,
    toml_text::{TomlText, forbidden_character, in_order, integer, kind_of, quoted},
};

const LONGEST_TITLE: usize = 500;
const LONGEST_WORD: usize = 500;
const LONGEST_ID: usize = 100;
const CRITERION_KEYS: [&str; 2] = ["text", "check"];

/// The fields of one table.
pub(super) struct Fields<'t, 'a> {
    source: &'t TomlText<'a>,
    table: &'t DeTable<'a>,
    what: &'static str,
}

type Found<T> = Result<Option<(T, Range<usize>)>, Diagnostic>;

impl<'t, 'a> Fields<'t, 'a> {
    pub(super) fn new(
        source: &'t TomlText<'a>,
        table: &'t DeTable<'a>,
        what: &'static str,
    ) -> Self {
        Self {
            source,
            table,
            what,
        }
    }

    pub(super) fn source(&self) -> &'t TomlText<'a> {
        self.source
    }

    pub(super) fn get(&self, key: &str) -> Option<&'t Spanned<DeValue<'a>>> {
        self.table.get(key)
    }

    /// A line of 1 to 500 bytes.
    pub(super) fn title(&self, key: &str) -> Result<Option<String>, Diagnostic> {
        let Some((title, span)) = self.line(key)? else {
            return Ok(None);
        };
        if title.len() > LONGEST_TITLE {
            return Err(self
                .source
                .mistake(
                    span,
                    &format!(
                        "the title has {} bytes; {LONGEST_TITLE} are the most",
                        title.len()
                    ),
                )
                .with_help("say the rest in `description`"));
        }
        Ok(Some(title))
    }

    /// A name that other beads of the plan may use.
    pub(super) fn local_id(&self, key: &str) -> Found<String> {
        let Some((id, span)) = self.line(key)? else {
            return Ok(None);
        };
        let plain = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
        if id.len() > LONGEST_ID
            || !id.chars().all(plain)
            || !id.starts_with(|c: char| c.is_ascii_alphanumeric())
        {
            return Err(self
                .source
                .mistake(span, &format!("{} cannot be an id", quoted(&id)))
                .with_help(
                    "an id is 1 to 100 letters, digits, `-`, `.` and `_`, and begins with a letter or digit",
                ));
        }
        Ok(Some((id, span)))
    }

    /// A runtime.
    pub(super) fn runtime(&self, key: &str) -> Found<RuntimeName> {
        let Some((text, span)) = self.line(key)? else {
            return Ok(None);
        };
        match RuntimeName::parse(&text) {
            Ok(name) => Ok(Some((name, span))),
            Err(error) => Err(self.source.mistake(span, &error.to_string())),
        }
    }

    /// Text of several lines; it may be empty.
    pub(super) fn prose(&self, key: &str) -> Result<Option<String>, Diagnostic> {
        Ok(self.text(key)?.map(|(text, _)| text))
    }

    /// A script: text of several lines that says something.
    pub(super) fn script(&self, key: &str) -> Result<Option<String>, Diagnostic> {
        match self.text(key)? {
            Some((text, span)) if text.trim().is_empty() => Err(self
                .source
                .mistake(span, &format!("`{key}` is empty"))
                .with_help("write the commands for `sh`, or leave the key out")),
            found => Ok(found.map(|(text, _)| text)),
        }
    }

    /// One line that says something.
    pub(super) fn line(&self, key: &str) -> Found<String> {
        match self.text(key)? {
            Some((text, span)) => {
                check_line(self.source, key, &text, &span)?;
                Ok(Some((text, span)))
            }
            None => Ok(None),
        }
    }

    /// A whole number.
    pub(super) fn number(&self, key: &str) -> Found<i64> {
        let Some(value) = self.get(key) else {
            return Ok(None);
        };
        let DeValue::Integer(number) = value.get_ref() else {
            return Err(self.wrong_type(key, "a whole number", value));
        };
        match integer(number) {
            Some(number) => Ok(Some((number, value.span()))),
            None => Err(self
                .source
                .mistake(value.span(), "that number is far too large")),
        }
    }

    /// A time in minutes: a number, or a text such as `"2h"`.
    pub(super) fn minutes(&self, key: &str) -> Result<Option<u32>, Diagnostic> {
        let Some(value) = self.get(key) else {
            return Ok(None);
        };
        let minutes = match value.get_ref() {
            DeValue::Integer(number) => integer(number).and_then(|n| u32::try_from(n).ok()),
            DeValue::String(text) => parse_duration(text)
                .ok()
                .and_then(|time| u32::try_from(time.as_secs().div_ceil(60)).ok()),
            _ => return Err(self.wrong_type(key, "minutes, or a text such as \"2h\"", value)),
        };
        match minutes.filter(|minutes| *minutes > 0) {
            Some(minutes) => Ok(Some(minutes)),
            None => Err(self
                .source
                .mistake(value.span(), &format!("that is no time for `{key}`"))
                .with_help("write minutes, such as 90, or a text such as \"1h 30m\"")),
        }
    }

    /// A list of lines; a word that comes twice counts once.
    pub(super) fn words(&self, key: &str) -> Result<Vec<(String, Range<usize>)>, Diagnostic> {
        let Some(value) = self.get(key) else {
            return Ok(Vec::new());
        };
        let DeValue::Array(items) = value.get_ref() else {
            return Err(self.wrong_type(key, "a list of texts", value));
        };
        let mut words: Vec<(String, Range<usize>)> = Vec::new();
        let mut seen = std::collections::BTreeSet::new();
        for item in items {
            let DeValue::String(word) = item.get_ref() else {
                return Err(self.wrong_type(key, "a list of texts", item));
            };
            check_line(self.source, key, word, &item.span())?;
            if word.len() > LONGEST_WORD {
                return Err(self.source.mistake(
                    item.span(),
                    &format!("a text in `{key}` is longer than {LONGEST_WORD} bytes"),
                ));
            }
            if seen.insert(word.to_string()) {
                words.push((word.to_string(), item.span()));
            }
        }
        Ok(words)
    }

    /// Acceptance criteria: texts, or tables with `text` and perhaps `check`.
    pub(super) fn criteria(&self, key: &str) -> Result<Vec<Criterion>, Diagnostic> {
        let wanted = "a list of texts or of { text = \"…\", check = \"…\" }";
        let Some(value) = self.get(key) else {
            return Ok(Vec::new());
        };
        let DeValue::Array(items) = value.get_ref() else {
            return Err(self.wrong_type(key, wanted, value));
        };
        items
            .iter()
            .map(|item| match item.get_ref() {
                DeValue::String(text) => {
                    let text = self.clean(key, text, &item.span())?;
                    self.not_blank(key, &text, &item.span())?;
                    Ok(Criterion { text, check: None })
                }
                DeValue::Table(table) => self.criterion(table, item.span()),
                _ => Err(self.wrong_type(key, wanted, item)),
            })
            .collect()
    }

    fn criterion(&self, table: &DeTable<'a>, span: Range<usize>) -> Result<Criterion, Diagnostic> {
        if let Some((key, _)) = in_order(table)
            .into_iter()
            .find(|(key, _)| !CRITERION_KEYS.contains(&key.get_ref().as_ref()))
        {
            return Err(self
                .source
                .unknown_key(key, "an acceptance criterion", CRITERION_KEYS));
        }
        let fields = Fields::new(self.source, table, "an acceptance criterion");
        let Some((text, text_span)) = fields.text("text")? else {
            return Err(self
                .source
                .mistake(span, "this acceptance criterion has no `text`")
                .with_help("say in words what must be true: { text = \"…\", check = \"…\" }"));
        };
        fields.not_blank("text", &text, &text_span)?;
        Ok(Criterion {
            text,
            check: fields.script("check")?,
        })
    }

    fn text(&self, key: &str) -> Found<String> {
        let Some(value) = self.get(key) else {
            return Ok(None);
        };
        let DeValue::String(text) = value.get_ref() else {
            return Err(self.wrong_type(key, "a text", value));
        };
        Ok(Some((self.clean(key, text, &value.span())?, value.span())))
    }

    fn clean(&self, key: &str, text: &str, span: &Range<usize>) -> Result<String, Diagnostic> {
        let text = text.replace("\r\n", "\n");
        match forbidden_character(&text) {
            None => Ok(text),
            Some(c) => Err(bad_character(self.source, key, c, span)),
        }
    }

    fn not_blank(&self, key: &str, text: &str, span: &Range<usize>) -> Result<(), Diagnostic> {
        if text.trim().is_empty() {
            return Err(self
                .source
                .mistake(span.clone(), &format!("`{key}` has an empty text")));
        }
        Ok(())
    }

    fn wrong_type(&self, key: &str, wanted: &str, value: &Spanned<DeValue<'_>>) -> Diagnostic {
        self.source.mistake(
            value.span(),
            &format!(
                "`{key}` of {} wants {wanted}, not {}",
                self.what,
                kind_of(value.get_ref())
            ),
        )
    }
}

fn check_line(
    source: &TomlText<'_>,
    key: &str,
    text: &str,
    span: &Range<usize>,
) -> Result<(), Diagnostic> {
    if text.trim().is_empty() {
        return Err(source
            .mistake(span.clone(), &format!("`{key}` has an empty text"))
            .with_help("say something, or leave it out"));
    }
    let forbidden = text
        .chars()
        .find(|c| c.is_control() || forbidden_character(c.encode_utf8(&mut [0; 4])).is_some());
    match forbidden {
        None => Ok(()),
        Some(c) => Err(bad_character(source, key, c, span)),
    }
}

fn bad_character(source: &TomlText<'_>, key: &str, c: char, span: &Range<usize>) -> Diagnostic {
    let name = match c {
        '\n' | '\r' => "a line break".to_owned(),
        '\0' => "a NUL character".to_owned(),
        c => format!("the control character U+{:04X}", u32::from(c)),
    };
    source
        .mistake(span.clone(), &format!("`{key}` holds {name}"))
        .with_help("take it out")
}
