//! Takes out of a recording what says something of the machine and the moment.

use std::path::Path;

use serde_json::{Map, Value};

use crate::{home::Home, program::Program};

/// The most elements of a list in the first line of a stream, which lists all that a program has.
const LISTED: usize = 6;

/// The longest text, in letters.
const LONGEST: usize = 1500;

/// What replaces every point in time.
const MOMENT: &str = "2026-01-01T00:00:00.000Z";

/// The replacements of one recording.
pub(crate) struct Scrub {
    /// What is replaced by what, in this order.
    places: Vec<(String, String)>,
    /// The ids that were met, in the order of their first appearance.
    ids: Vec<String>,
}

impl Scrub {
    pub(crate) fn new(home: &Home, program: &Program, port: u16) -> Self {
        let folder = home.folder().display().to_string();
        let agents = program.path.parent().unwrap_or(Path::new("/nowhere"));
        Self {
            places: vec![
                // claude names folders after folders.
                (dashed(&folder), "-RECORDING".to_owned()),
                (folder, "RECORDING".to_owned()),
                (agents.display().to_string(), "AGENTS".to_owned()),
                (format!("127.0.0.1:{port}"), "127.0.0.1:8000".to_owned()),
            ],
            ids: Vec::new(),
        }
    }

    /// Scrubs one line of a stream.
    pub(crate) fn line(&mut self, line: &str) -> String {
        match serde_json::from_str::<Value>(line) {
            Err(_) => self.text(line),
            Ok(mut value) => {
                let update = &value["params"]["update"]["sessionUpdate"];
                let lists_all = value["subtype"] == "init"
                    || value["result"]["configOptions"].is_array()
                    || update == "available_commands_update"
                    || update == "config_option_update";
                if lists_all {
                    shorten(&mut value);
                }
                self.value(&mut value);
                value.to_string()
            }
        }
    }

    /// Scrubs a text.
    pub(crate) fn text(&mut self, text: &str) -> String {
        let mut text = text.to_owned();
        for (from, to) in &self.places {
            text = text.replace(from, to);
        }
        text = number(&self.name_ids(&text));
        if text.chars().count() > LONGEST {
            text = text.chars().take(LONGEST).chain(['…']).collect();
        }
        text
    }

    fn value(&mut self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.text(text),
            Value::Array(all) => all.iter_mut().for_each(|value| self.value(value)),
            Value::Object(all) => self.object(all),
            _ => {}
        }
    }

    fn object(&mut self, object: &mut Map<String, Value>) {
        for (key, value) in object {
            let is_duration = key.ends_with("_ms") && key != "retry_delay_ms";
            match value {
                Value::Number(_) if is_duration => *value = Value::from(1),
                Value::String(text) if is_moment(text) => MOMENT.clone_into(text),
                _ => self.value(value),
            }
        }
    }

    /// Replaces each id by the number of its first appearance.
    fn name_ids(&mut self, text: &str) -> String {
        const LENGTH: usize = 36;
        let mut named = String::new();
        let mut rest = text;
        while !rest.is_empty() {
            let id = rest.get(..LENGTH).filter(|id| is_uuid(id));
            match id {
                Some(id) => {
                    named.push_str(&self.name_id(id));
                    rest = &rest[LENGTH..];
                }
                None => {
                    let first = rest.chars().next().map_or(1, char::len_utf8);
                    named.push_str(&rest[..first]);
                    rest = &rest[first..];
                }
            }
        }
        named
    }

    fn name_id(&mut self, id: &str) -> String {
        let known = self.ids.iter().position(|known| known == id);
        let index = known.unwrap_or_else(|| {
            self.ids.push(id.to_owned());
            self.ids.len() - 1
        });
        format!("00000000-0000-4000-8000-{:012}", index + 1)
    }
}

/// Takes the process's number out of the name of claude's socket.
fn number(text: &str) -> String {
    const SOCKETS: &str = "cc-socks/";
    match text.split_once(SOCKETS) {
        None => text.to_owned(),
        Some((before, after)) => {
            let rest = after.trim_start_matches(|letter: char| letter.is_ascii_digit());
            format!("{before}{SOCKETS}1{rest}")
        }
    }
}

fn is_uuid(text: &str) -> bool {
    text.char_indices().all(|(index, letter)| match index {
        8 | 13 | 18 | 23 => letter == '-',
        _ => letter.is_ascii_hexdigit(),
    })
}

fn is_moment(text: &str) -> bool {
    text.len() == MOMENT.len()
        && text
            .bytes()
            .zip(MOMENT.bytes())
            .all(|(here, there)| here == there || (here.is_ascii_digit() && there.is_ascii_digit()))
}

fn dashed(path: &str) -> String {
    path.chars()
        .map(|letter| {
            if letter.is_ascii_alphanumeric() {
                letter
            } else {
                '-'
            }
        })
        .collect()
}

/// Cuts the lists of all that a program has.
fn shorten(value: &mut Value) {
    match value {
        Value::Array(all) => {
            all.truncate(LISTED);
            all.iter_mut().for_each(shorten);
        }
        Value::Object(all) => all.values_mut().for_each(shorten),
        _ => {}
    }
}
