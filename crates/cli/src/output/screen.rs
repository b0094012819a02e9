//! The one writer: stdout for what was asked for, stderr for all else.
//!
//! A reader that goes away ends the program quietly with 0.

use std::{
    cell::RefCell,
    io::{self, BufWriter, StdoutLock, Write},
};

use serde_json::{Value, json};

use super::{look::Look, table::clean, words::Ink};
use crate::{args::Global, error::CliError, exit::Exit};

/// How much is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Talk {
    /// Only ids.
    Quiet,
    /// The usual.
    Usual,
    /// More.
    More,
}

/// What `--json` wishes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum JsonWish {
    /// Words for people.
    Off,
    /// Whole documents.
    Whole,
    /// Only these fields.
    Fields(Vec<String>),
    /// The names of the fields.
    Names,
}

/// The terminal.
pub(crate) struct Screen {
    pub(crate) look: Look,
    talk: Talk,
    json: JsonWish,
    hints: bool,
    stdout: RefCell<BufWriter<StdoutLock<'static>>>,
}

impl Screen {
    /// Takes stdout for as long as the program lives.
    pub(crate) fn new(look: Look, talk: Talk, json: JsonWish) -> Self {
        Self {
            look,
            talk,
            json,
            hints: std::env::var_os("GTD_AGENT").is_none(),
            stdout: RefCell::new(BufWriter::new(io::stdout().lock())),
        }
    }

    /// Takes stdout, in the look that the command line wishes.
    pub(crate) fn of(global: &Global) -> Self {
        let look = Look::here(global.wishes());
        Self::new(look, global.talk(), global.json_wish())
    }

    /// Tells whether documents are wished.
    pub(crate) fn is_json(&self) -> bool {
        self.json != JsonWish::Off
    }

    /// Tells whether only ids are wished.
    pub(crate) fn is_quiet(&self) -> bool {
        self.talk == Talk::Quiet
    }

    /// Tells whether more is wished.
    pub(crate) fn is_verbose(&self) -> bool {
        self.talk == Talk::More
    }

    /// Writes a line of what was asked for.
    pub(crate) fn line(&self, text: impl AsRef<str>) {
        self.write(text.as_ref().as_bytes());
        self.write(b"\n");
    }

    /// Writes a line at once, for streams.
    pub(crate) fn line_now(&self, text: impl AsRef<str>) {
        self.line(text);
        self.flush();
    }

    /// Writes bytes of what was asked for.
    pub(crate) fn write(&self, bytes: &[u8]) {
        if let Err(error) = self.stdout.borrow_mut().write_all(bytes) {
            leave(&error);
        }
    }

    /// Brings everything out.
    pub(crate) fn flush(&self) {
        if let Err(error) = self.stdout.borrow_mut().flush() {
            leave(&error);
        }
    }

    /// Writes the one document of `--json`.
    pub(crate) fn document(&self, document: &Value) {
        let chosen = match &self.json {
            JsonWish::Off | JsonWish::Whole => document.clone(),
            JsonWish::Fields(fields) => {
                if let Some(warning) = unknown_fields(document, fields) {
                    self.warn(warning);
                }
                choose(document, fields)
            }
            JsonWish::Names => {
                let mut names = names(document);
                names.retain(|name| name != "kind" && name != "api");
                json!({"kind": "Fields", "api": gtd_core::API, "items": names})
            }
        };
        self.line(if self.look.terminal {
            format!("{chosen:#}")
        } else {
            chosen.to_string()
        });
    }

    /// Writes one object of a stream.
    pub(crate) fn object(&self, object: &Value) {
        let chosen = match &self.json {
            JsonWish::Fields(fields) => choose(object, fields),
            _ => object.clone(),
        };
        self.line_now(chosen.to_string());
    }

    /// Says something beside what was asked for.
    pub(crate) fn say(&self, text: impl AsRef<str>) {
        if self.talk > Talk::Quiet {
            // What was written before stands before it, also where both streams are one terminal.
            self.flush();
            talk(text.as_ref());
        }
    }

    /// Says something that even a quiet caller has to hear.
    pub(crate) fn insist(&self, text: impl AsRef<str>) {
        self.flush();
        talk(text.as_ref());
    }

    /// Warns.
    pub(crate) fn warn(&self, text: impl AsRef<str>) {
        let head = self.look.paint_err(Ink::Warn, "warning");
        self.flush();
        talk(&format!("{head}: {}", clean(text.as_ref())));
    }

    /// Offers commands to run next, to a person at a terminal.
    pub(crate) fn next(&self, commands: &[String]) {
        if self.look.terminal_err {
            self.next_always(commands);
        }
    }

    /// Offers commands to run next, wherever stderr goes.
    pub(crate) fn next_always(&self, commands: &[String]) {
        if self.hints && !self.is_json() && !commands.is_empty() {
            let head = self.look.paint_err(Ink::Faint, "next");
            self.say(format!("{head}  {}", commands.join("   ")));
        }
    }

    /// Reports a failure in the form that is wished, and brings everything out.
    pub(crate) fn fail(&self, error: &CliError) {
        if self.is_json() {
            self.line(error.document().to_string());
        } else {
            self.flush();
            let text = error.render(self.look);
            let (head, rest) = text.split_once(':').unwrap_or((text.as_str(), ""));
            let head = self.look.paint_err(Ink::Bad, head);
            talk(&format!("{head}:{rest}"));
        }
        self.flush();
    }
}

/// Writes to stderr; when nobody reads it, there is nobody to tell.
fn talk(text: &str) {
    let mut stderr = io::stderr().lock();
    let written = writeln!(stderr, "{text}");
    drop(written);
}

/// Ends the program: quietly when the reader went away.
fn leave(error: &io::Error) -> ! {
    let exit = if error.kind() == io::ErrorKind::BrokenPipe {
        Exit::Done
    } else {
        talk(&format!("error[E0701]: cannot write to stdout: {error}"));
        Exit::Failed
    };
    std::process::exit(i32::from(exit.code()))
}

/// Keeps only some fields: of the document, or of each item of a list.
fn choose(document: &Value, fields: &[String]) -> Value {
    let pick = |value: &Value, always: &[&str]| match value {
        Value::Object(map) => Value::Object(
            map.iter()
                .filter(|(key, _)| always.contains(&key.as_str()) || fields.contains(key))
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect(),
        ),
        other => other.clone(),
    };
    match document.get("items").and_then(Value::as_array) {
        Some(items) => {
            let mut chosen = pick(document, &["kind", "api", "next"]);
            chosen["items"] = items.iter().map(|item| pick(item, &[])).collect();
            chosen
        }
        None => pick(document, &["kind", "api"]),
    }
}

/// Says which wished fields the document does not have.
fn unknown_fields(document: &Value, fields: &[String]) -> Option<String> {
    let is_empty = |items: &Value| items.as_array().is_some_and(Vec::is_empty);
    // A list without an item does not tell what its items would have.
    if document.get("items").is_some_and(is_empty) {
        return None;
    }
    let known = names(document);
    let unknown: Vec<&str> = fields
        .iter()
        .filter(|field| !known.contains(field))
        .map(String::as_str)
        .collect();
    (!unknown.is_empty()).then(|| {
        format!(
            "no such field: {}; fields: {}",
            unknown.join(" "),
            known.join(" ")
        )
    })
}

fn names(document: &Value) -> Vec<String> {
    let whole = document
        .get("items")
        .and_then(|items| items.get(0))
        .unwrap_or(document);
    whole
        .as_object()
        .map(|map| map.keys().cloned().collect())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_wished_fields_of_each_item_stay() {
        let list = json!({"kind": "BeadList", "api": "gtd/v1", "next": "",
            "items": [{"id": "gt-1", "title": "a"}]});
        assert_eq!(
            choose(&list, &["id".to_owned()]),
            json!({"kind": "BeadList", "api": "gtd/v1", "next": "", "items": [{"id": "gt-1"}]})
        );
        let one = json!({"kind": "Bead", "api": "gtd/v1", "id": "gt-1", "title": "a"});
        assert_eq!(
            choose(&one, &["title".to_owned()]),
            json!({"kind": "Bead", "api": "gtd/v1", "title": "a"})
        );
        assert_eq!(names(&list), ["id", "title"]);
        let unknown = |document, field: &str| unknown_fields(document, &[field.to_owned()]);
        assert_eq!(unknown(&list, "id"), None);
        assert_eq!(
            unknown(&list, "ids").as_deref(),
            Some("no such field: ids; fields: id title")
        );
        assert_eq!(
            unknown(&json!({"kind": "BeadList", "items": []}), "ids"),
            None
        );
    }
}
