//! What a request says, whatever its protocol.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use hyper::HeaderMap;
use serde_json::Value;

/// The word that begins a line which chooses a scenario.
const MARKER: &str = "scenario:";

/// A request to a model, as far as a scenario needs to know it.
#[derive(Debug)]
pub(super) struct Asked {
    /// Which conversation goes on, as the program names it.
    pub(super) conversation: String,
    /// The model that is asked for.
    pub(super) model: String,
    /// The scenario that the newest prompt with a marker chose.
    pub(super) chosen: Option<String>,
    /// How many prompts chose one so far; a new one begins its scenario anew.
    pub(super) n_chosen: usize,
    /// The tools that the program offers.
    pub(super) tools: Vec<Tool>,
    /// Whether the answer is to come in pieces.
    pub(super) is_streamed: bool,
    /// The size of the prompt, in tokens.
    pub(super) tokens: u64,
    /// Whether the program lets the service keep the prompt.
    pub(super) is_cached: bool,
    /// Whether a subscription pays, and not a key.
    pub(super) is_subscription: bool,
}

/// A tool as a program offers it.
#[derive(Clone, Debug)]
pub(super) struct Tool {
    /// Its name.
    pub(super) name: String,
    /// The group that its name lies in, where a protocol has groups.
    pub(super) space: Option<String>,
    /// The JSON schema of what it takes; none when it takes a text.
    pub(super) schema: Option<Value>,
}

impl Asked {
    /// Whether this is a question beside the work, such as for a title.
    pub(super) fn is_aside(&self) -> bool {
        self.tools.is_empty()
    }
}

/// Lists the items of a list; what is no list has none.
pub(super) fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

/// Estimates the tokens of a text by its bytes, as providers advise: four to a token.
pub(super) fn tokens(bytes: usize) -> u64 {
    u64::try_from(bytes.div_ceil(4)).unwrap_or(u64::MAX)
}

/// Finds the scenario that a person's words choose.
pub(super) fn marked(text: &str) -> Option<&str> {
    text.lines()
        .filter_map(|line| line.trim().strip_prefix(MARKER))
        .map(str::trim)
        .rfind(|chosen| !chosen.is_empty())
}

/// Counts the prompts that choose a scenario and returns what the newest chose.
pub(super) fn choices<'a>(prompts: impl Iterator<Item = &'a str>) -> (usize, Option<String>) {
    let chosen: Vec<&str> = prompts.filter_map(marked).collect();
    (chosen.len(), chosen.last().map(|name| (*name).to_owned()))
}

/// Lists the texts of a message: its content is one, or a list with some among other things.
pub(super) fn texts(content: &Value) -> Vec<&str> {
    match content {
        Value::String(text) => vec![text.as_str()],
        Value::Array(parts) => parts
            .iter()
            .filter(|part| {
                matches!(
                    part["type"].as_str(),
                    None | Some("text" | "input_text" | "output_text")
                )
            })
            .filter_map(|part| part["text"].as_str())
            .collect(),
        _ => Vec::new(),
    }
}

/// Names a conversation by how it began, for programs that give it no name.
pub(super) fn name_by_begin(headers: &HeaderMap, begin: &[&Value]) -> String {
    let mut hasher = DefaultHasher::new();
    header(headers, "user-agent").hash(&mut hasher);
    for value in begin {
        value.to_string().hash(&mut hasher);
    }
    format!("begin-{:016x}", hasher.finish())
}

/// Returns a header's text.
pub(super) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_with_a_marker_chooses() {
        let check = |text: &str, chosen: Option<&str>| assert_eq!(marked(text), chosen);
        check("Please work.\n  scenario: write \nThanks.", Some("write"));
        check("scenario: write\nscenario: 429:2", Some("429:2"));
        check("the scenario: none", None);
        check("scenario:", None);
    }
}
