//! One line of a log or of an agent's output.

use serde_json::{Map, Value};

use crate::output::{Ink, Look, time_of_day};

/// A line of a stream, as it came.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Line {
    /// Its number in the stream.
    pub(crate) seq: u64,
    /// What it holds.
    pub(crate) object: Map<String, Value>,
}

impl Line {
    /// Reads a line; what is no object is taken as its text.
    pub(crate) fn of(seq: u64, json: &[u8]) -> Self {
        let mut object = match serde_json::from_slice(json) {
            Ok(Value::Object(object)) => object,
            Ok(other) => Map::from_iter([("text".to_owned(), other)]),
            Err(_) => {
                let text = String::from_utf8_lossy(json).into_owned();
                Map::from_iter([("text".to_owned(), text.into())])
            }
        };
        // A line of a file knows its own number.
        let written = object.get("seq").and_then(Value::as_u64);
        let seq = if seq == 0 { written.unwrap_or(0) } else { seq };
        object.insert("seq".to_owned(), seq.into());
        object
            .entry("kind")
            .or_insert_with(|| Value::from("LogLine"));
        Self { seq, object }
    }

    /// Returns the words alone.
    pub(crate) fn text(&self) -> Option<&str> {
        ["text", "message", "line"]
            .into_iter()
            .find_map(|key| self.object.get(key)?.as_str())
    }

    /// Returns what was written, where the words tell it in another form.
    pub(crate) fn raw(&self) -> Option<&str> {
        self.word("raw").or_else(|| self.text())
    }

    fn word(&self, key: &str) -> Option<&str> {
        self.object.get(key)?.as_str()
    }
}

/// Shows a line: its time, where it comes from, its words.
pub(crate) fn log_line(line: &Line, look: Look) -> String {
    let Some(text) = line.text() else {
        return Value::Object(line.object.clone()).to_string();
    };
    let text = printable(text.trim_end_matches(['\n', '\r']));
    let mut head = Vec::new();
    // The time of day is enough for a person; --json has all of it.
    if let Some(time) = ["at", "time", "timestamp"]
        .into_iter()
        .find_map(|key| line.word(key))
        .and_then(|at| time_of_day(at, look))
    {
        head.push(look.paint(Ink::Faint, &time));
    }
    if let Some(level) = line.word("level") {
        let ink = match level.to_ascii_lowercase().as_str() {
            "error" => Ink::Bad,
            "warn" => Ink::Warn,
            _ => Ink::Faint,
        };
        head.push(look.paint(ink, &format!("{level:<5}")));
    }
    for key in ["role", "agent", "type", "stream"] {
        if let Some(word) = line.word(key) {
            head.push(look.paint(Ink::Faint, word));
        }
    }
    head.push(text);
    let rest: Vec<String> = match line.object.get("fields").or(line.object.get("data")) {
        Some(Value::Object(fields)) => fields
            .iter()
            .filter(|(key, value)| !value.is_null() && key.as_str() != "role")
            .map(|(key, value)| match value {
                Value::String(text) => format!("{key}={}", printable(text)),
                other => format!("{key}={other}"),
            })
            .collect(),
        _ => Vec::new(),
    };
    head.extend(rest);
    head.join("  ")
}

/// Keeps line breaks and tabs, and takes away what a terminal would act upon.
fn printable(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\n' | '\t' => c,
            c if c.is_control() => '\u{fffd}',
            c => c,
        })
        .collect()
}
