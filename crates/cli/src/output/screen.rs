//! The one writer: stdout for what was asked for, stderr for all else.
//!
//! A reader that goes away ends the program quietly with 0.

use std::{
    cell::RefCell,
    io::{self, BufWriter, StdoutLock, Write},
};

use serde_json::{Value, json};
use tokio::signal::unix::SignalKind;

use super::{
    form::Form,
    look::{Look, Wishes},
    pager::{Pager, is_long},
    table::clean,
    words::Ink,
};
use crate::{
    args::Global,
    error::{CliError, Kind},
    exit::Exit,
    taste::Taste,
};

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
    form: Form,
    hints: bool,
    stdout: RefCell<BufWriter<StdoutLock<'static>>>,
    /// What waits for a pager; nothing is held back where none is wanted.
    held: RefCell<Option<Held>>,
}

/// Output that is held back until it is known whether it fits on the screen.
struct Held {
    text: Vec<u8>,
    pager: Box<dyn Fn() -> Option<Pager>>,
}

impl Screen {
    /// Takes stdout for as long as the program lives.
    pub(crate) fn new(look: Look, talk: Talk, json: JsonWish) -> Self {
        Self {
            look,
            talk,
            json,
            form: Form::default(),
            hints: std::env::var_os("GTD_AGENT").is_none(),
            stdout: RefCell::new(BufWriter::new(io::stdout().lock())),
            held: RefCell::new(None),
        }
    }

    /// Takes stdout, in the look that the command line wishes.
    pub(crate) fn of(global: &Global, taste: &Taste) -> Self {
        let wishes = Wishes {
            usual_color: taste.color(),
            usual_glyphs: taste.glyphs(),
            ..global.wishes()
        };
        let look = Look::here(wishes);
        Self::new(look, global.talk(), global.json_wish())
    }

    /// Writes documents in another form from now on.
    #[must_use]
    pub(crate) fn with_form(mut self, form: Form) -> Self {
        self.form = form;
        self
    }

    /// Shows long output through a pager, which is chosen when it is needed.
    ///
    /// Only output for people, and only on a terminal.
    #[must_use]
    pub(crate) fn with_pager(self, pager: impl Fn() -> Option<Pager> + 'static) -> Self {
        if self.look.terminal && self.look.height.is_some() && !self.is_json() && self.hints {
            *self.held.borrow_mut() = Some(Held {
                text: Vec::new(),
                pager: Box::new(pager),
            });
        }
        self
    }

    /// Shows everything as it comes, for what is drawn again and again.
    pub(crate) fn never_paged(&self) {
        self.flush();
        self.held.borrow_mut().take();
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
        match self.held.borrow_mut().as_mut() {
            Some(held) => held.text.extend_from_slice(bytes),
            None => self.write_out(bytes),
        }
    }

    fn write_out(&self, bytes: &[u8]) {
        if let Err(error) = self.stdout.borrow_mut().write_all(bytes) {
            leave(&error);
        }
    }

    /// Brings everything out.
    pub(crate) fn flush(&self) {
        if let Some(held) = self.held.borrow_mut().as_mut() {
            self.release(held);
        }
        if let Err(error) = self.stdout.borrow_mut().flush() {
            leave(&error);
        }
    }

    /// Shows what was held back: through the pager when it is longer than the screen.
    fn release(&self, held: &mut Held) {
        let text = std::mem::take(&mut held.text);
        let height = self.look.height.unwrap_or(usize::MAX);
        if is_long(&text, height, self.look.width)
            && let Some(pager) = (held.pager)()
        {
            // Ctrl-C is for the pager while it shows.
            let interrupts = tokio::signal::unix::signal(SignalKind::interrupt());
            let shown = pager.show(&text);
            drop(interrupts);
            if shown.is_ok() {
                return;
            }
        }
        self.write_out(&text);
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
        self.formed(&chosen, self.look.terminal);
    }

    /// Writes one object of a stream.
    pub(crate) fn object(&self, object: &Value) {
        let chosen = match &self.json {
            JsonWish::Fields(fields) => choose(object, fields),
            _ => object.clone(),
        };
        self.formed(&chosen, false);
        self.flush();
    }

    /// Writes an object that was rendered as JSON already, and a line break behind it.
    pub(crate) fn rendered(&self, object: &str) -> Result<(), CliError> {
        if self.form.is_json() {
            self.write(object.as_bytes());
        } else {
            let object = serde_json::from_str(object)
                .map_err(|error| CliError::new(Kind::Daemon(error.to_string())))?;
            self.formed(&object, false);
        }
        Ok(())
    }

    /// Writes a document in the form that is wished; ends the program when that does not fit it.
    fn formed(&self, document: &Value, is_wide: bool) {
        match self.form.lines(document, is_wide) {
            Ok(lines) => {
                for line in lines {
                    // A text that is written as it is may come from an agent.
                    self.line(if self.look.terminal && !self.form.is_json() {
                        printable(&line)
                    } else {
                        line
                    });
                }
            }
            Err(mistake) => {
                let error = CliError::new(Kind::Expression(Box::new(mistake)));
                self.fail(&error);
                std::process::exit(i32::from(error.kind.exit().code()));
            }
        }
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
        // An expression is for what was asked for; whoever takes its words for that is not told a failure there.
        let is_of_expression = matches!(error.kind, Kind::Expression(_));
        if self.is_json() && self.form.is_json() && !is_of_expression {
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

/// Takes away what a terminal would act upon, but for line breaks and tabs.
fn printable(text: &str) -> String {
    text.split('\n')
        .map(|line| line.split('\t').map(clean).collect::<Vec<_>>().join("\t"))
        .collect::<Vec<_>>()
        .join("\n")
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
