//! Whether a value is what its key takes.

use std::{collections::BTreeMap, ops::Range};

use toml::{Spanned, de::DeValue};

use super::{
    amount::Amount,
    duration::parse_duration,
    gate,
    key::{Key, Kind},
    notify, schedule,
    value::Value,
};
use crate::{
    Diagnostic, RigName,
    toml_text::{TomlText, forbidden_character, in_order, integer, kind_of, nearest, quoted},
};

const SECRET_KEYS: [&str; 4] = ["env", "command", "file", "keyring"];

/// Says what a kind takes, for a person.
pub(super) fn wanted(kind: Kind) -> String {
    match kind {
        Kind::Bool => "true or false".to_owned(),
        Kind::Integer(min, i64::MAX) => format!("a whole number from {min}"),
        Kind::Integer(min, max) => format!("a whole number from {min} to {max}"),
        Kind::Number(_, max) if max > 1.0 => "a number from 0".to_owned(),
        Kind::Number(min, max) => format!("a number from {min} to {max}"),
        Kind::Text => "a text".to_owned(),
        Kind::Script => "a text that is not empty".to_owned(),
        Kind::Name => "a name of a-z, 0-9, `-` and `_`".to_owned(),
        Kind::Prefix => "1 to 16 of a-z, 0-9 and `-`".to_owned(),
        Kind::Branch => "the name of a branch".to_owned(),
        Kind::Remote => "the name of a remote, or \"\"".to_owned(),
        Kind::Word(words) => format!("one of {}", words.join(" | ")),
        Kind::Duration => "a duration such as \"10s\", \"2m\" or \"1h 30m\"".to_owned(),
        Kind::Span => "a duration above zero, such as \"10s\", \"2m\" or \"1h 30m\"".to_owned(),
        Kind::Size => "a size such as \"64MiB\" or \"2GiB\"".to_owned(),
        Kind::SizeOrShare => "a size such as \"2GiB\", or a share such as \"5%\"".to_owned(),
        Kind::CountOrShare => "a whole number from 0, or a share such as \"5%\"".to_owned(),
        Kind::TimeOfDay => "a time of day such as \"07:45\"".to_owned(),
        Kind::TimesOfDay => "a span of the day such as \"22:30-07:30\"".to_owned(),
        Kind::Texts => "a list of texts".to_owned(),
        Kind::Words(words) => format!("a list of {}", words.join(" | ")),
        Kind::Integers(min, max) => format!("a list of whole numbers from {min} to {max}"),
        Kind::TextOrTexts => "a text or a list of texts".to_owned(),
        Kind::Environment => "a table of texts such as { CI = \"1\" }".to_owned(),
        Kind::Secret => {
            "a place to find the secret: { env = \"NAME\" }, { command = [\"…\"] }, { file = \"…\" } or { keyring = \"…\" }".to_owned()
        }
        Kind::Rows(_) => "a list of tables".to_owned(),
    }
}

/// Checks the value of `key` and returns it.
pub(super) fn check(
    source: &TomlText<'_>,
    key: &str,
    kind: Kind,
    value: &Spanned<DeValue<'_>>,
) -> Result<Value, Diagnostic> {
    let checker = Checker { source, key, kind };
    checker.value(kind, value)
}

struct Checker<'t, 'a> {
    source: &'t TomlText<'a>,
    key: &'t str,
    kind: Kind,
}

impl Checker<'_, '_> {
    fn value(&self, kind: Kind, value: &Spanned<DeValue<'_>>) -> Result<Value, Diagnostic> {
        let span = value.span();
        match (kind, value.get_ref()) {
            (Kind::Bool, DeValue::Boolean(value)) => Ok(Value::Bool(*value)),
            (Kind::Integer(min, max), DeValue::Integer(number)) => integer(number)
                .filter(|number| (min..=max).contains(number))
                .map(Value::Integer)
                .ok_or_else(|| self.not_taken(span)),
            (Kind::Number(min, max), DeValue::Integer(_) | DeValue::Float(_)) => {
                self.number(min, max, value)
            }
            (Kind::CountOrShare, DeValue::Integer(number)) => integer(number)
                .filter(|number| *number >= 0)
                .map(Value::Integer)
                .ok_or_else(|| self.not_taken(span)),
            (Kind::Texts, DeValue::Array(_)) => self.items(Kind::Script, value),
            (Kind::Words(words), DeValue::Array(_)) => self.items(Kind::Word(words), value),
            (Kind::Integers(min, max), DeValue::Array(_)) => {
                self.items(Kind::Integer(min, max), value)
            }
            (Kind::TextOrTexts, DeValue::Array(_)) => self.items(Kind::Script, value),
            (Kind::TextOrTexts, DeValue::String(text)) => self.text(Kind::Text, text, span),
            (Kind::Environment, DeValue::Table(_)) => self.environment(value),
            (Kind::Secret, DeValue::Table(_)) => self.secret(value),
            (Kind::Secret, DeValue::String(_)) => Err(self
                .source
                .mistake(
                    span,
                    &format!(
                        "`{}` is a secret, and a secret is never written here",
                        self.key
                    ),
                )
                .with_help(&format!("write {}", wanted(kind)))),
            (Kind::Rows(keys), DeValue::Array(_)) => self.rows(keys, value),
            (Kind::Rows(_), other) => Err(self
                .source
                .mistake(
                    span,
                    &format!(
                        "`{}` wants a list of tables, not {}",
                        self.key,
                        kind_of(other)
                    ),
                )
                .with_help(&format!("write it as [[{}]]", self.key))),
            (
                Kind::Text
                | Kind::Script
                | Kind::Name
                | Kind::Prefix
                | Kind::Branch
                | Kind::Remote
                | Kind::Word(_)
                | Kind::Duration
                | Kind::Span
                | Kind::Size
                | Kind::SizeOrShare
                | Kind::CountOrShare
                | Kind::TimeOfDay
                | Kind::TimesOfDay,
                DeValue::String(text),
            ) => self.text(kind, text, span),
            (_, other) => Err(self.source.mistake(
                span,
                &format!(
                    "`{}` wants {}, not {}",
                    self.key,
                    wanted(self.kind),
                    kind_of(other)
                ),
            )),
        }
    }

    fn number(
        &self,
        min: f64,
        max: f64,
        value: &Spanned<DeValue<'_>>,
    ) -> Result<Value, Diagnostic> {
        let number = match value.get_ref() {
            DeValue::Integer(number) => integer(number).map(Value::Integer),
            DeValue::Float(number) => number.as_str().parse().ok().map(Value::Number),
            _ => None,
        };
        number
            .filter(|number| {
                number
                    .as_number()
                    .is_some_and(|number| (min..=max).contains(&number))
            })
            .ok_or_else(|| self.not_taken(value.span()))
    }

    fn text(&self, kind: Kind, text: &str, span: Range<usize>) -> Result<Value, Diagnostic> {
        if let Some(c) = forbidden_character(text) {
            return Err(self.source.mistake(
                span,
                &format!(
                    "`{}` holds the control character U+{:04X}",
                    self.key,
                    u32::from(c)
                ),
            ));
        }
        if let Kind::Word(words) = kind {
            return self.word(words, text, span);
        }
        let one_line = !text.contains(['\n', '\t']);
        let is_taken = match kind {
            Kind::Script => !text.trim().is_empty(),
            Kind::Name => one_line && is_plain_name(text),
            Kind::Prefix => is_prefix(text),
            Kind::Branch => is_branch(text),
            Kind::Remote => text.is_empty() || is_remote(text),
            Kind::Duration => parse_duration(text).is_ok(),
            Kind::Span => parse_duration(text).is_ok_and(|time| !time.is_zero()),
            Kind::Size => matches!(Amount::parse(text), Ok(Amount::Units(_))),
            Kind::SizeOrShare => Amount::parse(text).is_ok(),
            Kind::CountOrShare => match Amount::parse(text) {
                Ok(Amount::Percent(_)) => true,
                Ok(Amount::Units(_)) => text.trim().bytes().all(|b| b.is_ascii_digit()),
                Err(_) => false,
            },
            Kind::TimeOfDay => is_time_of_day(text),
            Kind::TimesOfDay => text
                .split_once('-')
                .is_some_and(|(from, to)| is_time_of_day(from.trim()) && is_time_of_day(to.trim())),
            _ => true,
        };
        if is_taken {
            Ok(Value::Text(text.to_owned()))
        } else {
            Err(self.not_taken(span))
        }
    }

    fn word(
        &self,
        words: &'static [&'static str],
        text: &str,
        span: Range<usize>,
    ) -> Result<Value, Diagnostic> {
        if words.contains(&text) {
            return Ok(Value::Text(text.to_owned()));
        }
        let all = format!("`{}` is {}", self.key, wanted(self.kind));
        Err(self
            .source
            .mistake(
                span,
                &format!("`{}` does not take {}", self.key, quoted(text)),
            )
            .with_help(&match nearest(text, words.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?   {all}"),
                None => all,
            }))
    }

    fn items(&self, kind: Kind, value: &Spanned<DeValue<'_>>) -> Result<Value, Diagnostic> {
        value
            .get_ref()
            .as_array()
            .into_iter()
            .flat_map(|items| items.iter())
            .map(|item| self.value(kind, item))
            .collect::<Result<_, _>>()
            .map(Value::List)
    }

    fn environment(&self, value: &Spanned<DeValue<'_>>) -> Result<Value, Diagnostic> {
        let mut variables = BTreeMap::new();
        for (name, value) in value.get_ref().as_table().into_iter().flat_map(in_order) {
            if !is_variable(name.get_ref()) {
                return Err(self.source.mistake(
                    name.span(),
                    &format!(
                        "{} cannot be the name of an environment variable",
                        quoted(name.get_ref())
                    ),
                ));
            }
            let text = self.value(Kind::Text, value)?;
            variables.insert(name.get_ref().to_string(), text);
        }
        Ok(Value::Table(variables))
    }

    fn secret(&self, value: &Spanned<DeValue<'_>>) -> Result<Value, Diagnostic> {
        let table = value.get_ref().as_table();
        let mut places = BTreeMap::new();
        for (name, place) in table.into_iter().flat_map(in_order) {
            if !SECRET_KEYS.contains(&name.get_ref().as_ref()) {
                return Err(self.source.unknown_key(name, "a secret", SECRET_KEYS));
            }
            let kind = if name.get_ref() == "command" {
                Kind::Texts
            } else {
                Kind::Script
            };
            places.insert(name.get_ref().to_string(), self.value(kind, place)?);
        }
        if places.len() == 1 {
            Ok(Value::Table(places))
        } else {
            Err(self.not_taken(value.span()))
        }
    }

    fn rows(
        &self,
        keys: &'static [Key],
        value: &Spanned<DeValue<'_>>,
    ) -> Result<Value, Diagnostic> {
        let what = format!("a {}", self.key);
        let mut rows = Vec::new();
        let items = value.get_ref().as_array();
        for item in items.into_iter().flat_map(|items| items.iter()) {
            let DeValue::Table(table) = item.get_ref() else {
                return Err(self
                    .source
                    .mistake(item.span(), &format!("{what} wants a table"))
                    .with_help(&format!("write it as [[{}]]", self.key)));
            };
            let mut row = BTreeMap::new();
            for (name, value) in in_order(table) {
                let Some(key) = keys.iter().find(|key| key.path == name.get_ref()) else {
                    let known = keys.iter().map(|key| key.path);
                    return Err(self.source.unknown_key(name, &what, known));
                };
                let path = format!("{}.{}", self.key, key.path);
                let value = check(self.source, &path, key.kind, value)?;
                row.insert(key.path.to_owned(), value);
            }
            rows.push((Value::Table(row), item));
        }
        match self.key {
            "gate" => gate::check_rows(self.source, &rows)?,
            "schedule" => schedule::check_rows(self.source, &rows)?,
            "notify.channel" => notify::check_rows(self.source, &rows)?,
            _ => {}
        }
        Ok(Value::List(rows.into_iter().map(|(row, _)| row).collect()))
    }

    fn not_taken(&self, span: Range<usize>) -> Diagnostic {
        self.source
            .mistake(span, &format!("`{}` does not take this value", self.key))
            .with_help(&format!("`{}` is {}", self.key, wanted(self.kind)))
    }
}

/// Tells whether a text may be a name in a path of keys: no dot stands in it.
pub(super) fn is_plain_name(text: &str) -> bool {
    RigName::parse(text).is_ok() && !text.contains('.')
}

/// Tells whether a text may name an environment variable.
pub(super) fn is_variable(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && text.len() <= 200
}

/// Tells whether a text may be the prefix of bead ids.
pub(super) fn is_prefix(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    (1..=16).contains(&text.len())
        && text.chars().all(|c| plain(c) || c == '-')
        && text.starts_with(plain)
        && text.ends_with(plain)
}

/// Tells whether git would take a text as the name of a branch.
fn is_branch(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 200
        && !text.starts_with('-')
        && text != "@"
        && text != "HEAD"
        && !text.contains("..")
        && !text.contains("@{")
        && !text.ends_with('.')
        && !text.contains(|c: char| c.is_whitespace() || c.is_control() || "~^:?*[\\".contains(c))
        && text
            .split('/')
            .all(|part| !part.is_empty() && !part.starts_with('.') && !part.ends_with(".lock"))
}

fn is_remote(text: &str) -> bool {
    is_branch(text) && !text.contains('/')
}

fn is_time_of_day(text: &str) -> bool {
    let number = |part: &str, below: u8| {
        part.len() == 2
            && part.bytes().all(|b| b.is_ascii_digit())
            && part.parse::<u8>().is_ok_and(|number| number < below)
    };
    text.split_once(':')
        .is_some_and(|(hour, minute)| number(hour, 24) && number(minute, 60))
}
