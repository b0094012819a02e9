//! A model service on loopback, so that real agent programs can be run without a model.
//!
//! It speaks Anthropic Messages, OpenAI Responses and Chat Completions, each
//! streamed and whole, and plays a *scenario*: what the model does at each
//! request of a conversation. The agent program at the other end is the real
//! one, and so are the files that it writes, its retries and its exit.
//!
//! | file | is |
//! |---|---|
//! | `script` | what a scenario is, and how one is written as text |
//! | `scenarios` | the scenarios that have names |
//! | `asked` | what a request says, whatever its protocol |
//! | `answer` | what is answered, whatever the protocol |
//! | `tools` | how each program calls writing a file or running a command |
//! | `anthropic`, `responses`, `chat` | the three protocols |
//! | `failures` | the errors of the services, with their headers and texts |
//! | `conversations` | how far each conversation has come |
//! | `ledger` | what was billed |
//! | `server` | HTTP |
//!
//! A prompt chooses its scenario by a line `scenario: NAME` or
//! `scenario: STEP ;; STEP`; without one the server's default counts. It does
//! not judge whether a request makes sense, and it knows no accounts: any key
//! will do.

mod answer;
mod anthropic;
mod asked;
mod body;
mod chat;
mod conversations;
mod failures;
mod ledger;
mod responses;
mod scenarios;
mod script;
mod server;
mod tools;

pub use ledger::{Ledger, Totals};
pub use scenarios::NAMES;
pub use script::{Script, ScriptError};
pub use server::ModelServer;
