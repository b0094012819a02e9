//! What is answered, whatever the protocol.

use serde_json::Value;

use super::asked::tokens;

/// One answer of a model.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    /// A name that no other answer of this conversation has.
    pub(super) id: String,
    /// The model that answers.
    pub(super) model: String,
    /// What it says, if anything.
    pub(super) text: Option<String>,
    /// The tool that it uses, if any.
    pub(super) call: Option<Call>,
    /// Why it ends.
    pub(super) stop: Stop,
    /// What it costs.
    pub(super) usage: Usage,
    /// How the sending ends.
    pub(super) ending: Ending,
}

/// The use of a tool.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Call {
    /// The tool's name.
    pub(super) tool: String,
    /// The group that its name lies in.
    pub(super) space: Option<String>,
    /// What it is given.
    pub(super) input: Input,
}

/// What a tool is given.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Input {
    /// A document.
    Json(Value),
    /// A text.
    Text(String),
}

/// Why an answer ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// All is said.
    End,
    /// A tool is to be used.
    Tool,
    /// The answer was as long as it may be.
    Length,
    /// The model declined.
    Refusal,
}

/// How the sending of an answer ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// Whole.
    Whole,
    /// The connection breaks.
    Dropped,
    /// An error comes in place of the rest.
    Overloaded,
    /// Nothing more comes.
    Stalled,
}

/// The tokens of one answer. What was kept from before is not in `input`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Usage {
    /// Tokens of the prompt that were read anew.
    pub(super) input: u64,
    /// Tokens of the prompt that were kept from before.
    pub(super) cache_read: u64,
    /// Tokens of the prompt that are kept from now on.
    pub(super) cache_write: u64,
    /// Tokens of the answer.
    pub(super) output: u64,
}

impl Answer {
    /// Counts the tokens of what is said and called.
    pub(super) fn output(text: Option<&str>, call: Option<&Call>) -> u64 {
        let called = call.map_or(0, |call| call.tool.len() + call.input.written().len());
        tokens(text.map_or(0, str::len) + called).max(1)
    }
}

impl Input {
    /// Writes the input as it is sent.
    pub(super) fn written(&self) -> String {
        match self {
            Self::Json(value) => value.to_string(),
            Self::Text(text) => text.clone(),
        }
    }
}

/// Cuts a text into the pieces in which it is streamed.
pub(super) fn pieces(text: &str) -> Vec<String> {
    const PIECE: usize = 24;
    let letters: Vec<char> = text.chars().collect();
    letters
        .chunks(PIECE)
        .map(|piece| piece.iter().collect())
        .collect()
}
