//! What agent programs say, in one form for all of them.
//!
//! Each program has a dialect of its own: lines of JSON on standard output, with
//! its own names for sessions, tools, usage and errors. A [`Reader`] takes them
//! line by line and gives [`AgentEvent`]s for people and an [`Account`] for the
//! town: which session, which model, how much was used, how it ended.
//!
//! Exit codes are no evidence here: claude ends every error with code 1, pi
//! ends every error with code 0. An outcome comes from what was said, and the
//! caller looks at the work itself besides. A line that is no JSON, or of a type
//! that nobody knows yet, is kept as it is and breaks nothing.

mod acp;
mod claude;
mod codex;
mod json;
mod pi;
mod tariff;
mod told;
mod words;

use std::collections::{BTreeMap, VecDeque};

use gtd_core::{ContextUse, RuntimeFault, Timestamp, Usage, context_window};

pub use tariff::Tariff;

/// The ways in which programs write down what they do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dialect {
    /// `claude -p --output-format stream-json`.
    Claude,
    /// `codex exec --json`.
    Codex,
    /// The Agent Client Protocol, as its driver leaves it.
    Acp,
    /// `pi -p --mode json`.
    Pi,
    /// Any text: nothing can be read off it but the text.
    Plain,
}

/// Something that an agent did, for people and logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AgentEvent {
    /// A session began or went on.
    Session {
        /// Its id, with which it can be resumed.
        id: String,
        /// The model, where the program tells.
        model: Option<String>,
    },
    /// It said something.
    Say(String),
    /// It thought aloud.
    Think(String),
    /// It told its plan, with what of it is done.
    Plan(String),
    /// It began to use a tool.
    Tool {
        /// The tool, by the name that the program has for it.
        name: String,
        /// What it was asked for, in a line.
        what: String,
    },
    /// A tool answered.
    ToolDone {
        /// Whether it did what it was asked for.
        is_ok: bool,
        /// What it said.
        text: String,
    },
    /// The program tries a call of its model again.
    Retry {
        /// Why, where it can be told.
        fault: Option<RuntimeFault>,
        /// What it says about it.
        text: String,
    },
    /// The provider said how much of a usage window is used.
    Window {
        /// Which one, such as `five_hour`.
        name: String,
        /// Whether it refuses more.
        is_spent: bool,
        /// When it begins anew.
        resets_at: Option<Timestamp>,
    },
    /// Something went wrong, in the program's words.
    Failed(String),
    /// A line that says nothing about the work.
    Other(String),
}

/// What is known of a run of an agent from what it said so far.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Account {
    /// The session, once it has said so.
    pub session: Option<String>,
    /// The model, where it says so.
    pub model: Option<String>,
    /// What this run used, without what its session had used before.
    pub usage: Usage,
    /// The same by model, as far as the program says which one it called.
    pub by_model: BTreeMap<String, Usage>,
    /// Tokens that the last call of the model had before it: how full the context is.
    pub context: u64,
    /// Tokens that its model takes at once, once the program has said so.
    pub window: Option<u64>,
    /// What it said last.
    pub last_words: String,
    /// The end of all that it said, where nobody can tell one message from the next.
    pub said: String,
    /// Tools it used.
    pub n_tools: u32,
    /// How it ended, once it has said so.
    pub end: Option<Ending>,
}

/// How an agent says that it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// It has nothing more to do; whether the work is done, the work shows.
    Done,
    /// It could not go on.
    Fault {
        /// Why.
        fault: RuntimeFault,
        /// In its words.
        text: String,
    },
}

/// Reads what one run of an agent says, line by line.
#[derive(Debug)]
pub struct Reader {
    tongue: Tongue,
    /// What the session had used before this run.
    before: Usage,
    tariff: Tariff,
    /// Tokens that its model takes at once, where the configuration says so.
    window: Option<u64>,
    account: Account,
    /// The end of what it said and did, in a line each.
    recent: VecDeque<String>,
}

/// What is kept from line to line, which each dialect has of its own.
#[derive(Debug)]
enum Tongue {
    Claude(claude::State),
    Codex(codex::State),
    Acp(acp::State),
    Pi(pi::State),
    Plain,
}

impl Reader {
    /// Begins with the first line of a run; `before` is what its session had used already,
    /// for programs that count a resumed session as one, and `tariff` what tokens cost.
    #[must_use]
    pub fn new(dialect: Dialect, before: Usage, tariff: Tariff) -> Self {
        Self {
            tongue: match dialect {
                Dialect::Claude => Tongue::Claude(claude::State::new(before)),
                Dialect::Codex => Tongue::Codex(codex::State::new(before)),
                Dialect::Acp => Tongue::Acp(acp::State::new(before)),
                Dialect::Pi => Tongue::Pi(pi::State::default()),
                Dialect::Plain => Tongue::Plain,
            },
            before,
            tariff,
            window: None,
            account: Account::default(),
            recent: VecDeque::new(),
        }
    }

    /// Takes what the configuration says of how many tokens its model takes at once.
    #[must_use]
    pub fn with_window(mut self, window: Option<u64>) -> Self {
        self.window = window;
        self
    }

    /// Takes one line of standard output.
    pub fn read(&mut self, line: &str) -> Vec<AgentEvent> {
        let events = self.take(line);
        for event in &events {
            if let Some(line) = short_line(event) {
                self.recent.push_back(line);
                if self.recent.len() > RECENT {
                    self.recent.pop_front();
                }
            }
        }
        events
    }

    fn take(&mut self, line: &str) -> Vec<AgentEvent> {
        let text = line.trim();
        if text.is_empty() {
            return vec![];
        }
        let account = &mut self.account;
        match (&mut self.tongue, json::object(text)) {
            (Tongue::Claude(state), Some(value)) => state.read(&value, account),
            (Tongue::Codex(state), Some(value)) => state.read(&value, account),
            (Tongue::Acp(state), Some(value)) => state.read(&value, account),
            (Tongue::Pi(state), Some(value)) => state.read(&value, account),
            (Tongue::Plain, _) | (_, None) => {
                if matches!(self.tongue, Tongue::Plain) {
                    keep(&mut account.said, line);
                }
                text.clone_into(&mut account.last_words);
                vec![AgentEvent::Say(text.to_owned())]
            }
        }
    }

    /// Returns what is known so far.
    #[must_use]
    pub fn account(&self) -> &Account {
        &self.account
    }

    /// Tells how full the context of its session is; none where nobody can tell.
    #[must_use]
    pub fn context(&self) -> Option<ContextUse> {
        let used = self.account.context;
        let named = || {
            let model = self.account.model.as_ref().or(self.tariff.model.as_ref());
            context_window(model?)
        };
        let window = self.window.or(self.account.window).or_else(named)?;
        (used > 0).then_some(ContextUse { used, window })
    }

    /// Returns the end of what it said and did, in a line each.
    #[must_use]
    pub fn recent(&self) -> String {
        let lines: Vec<&str> = self.recent.iter().map(String::as_str).collect();
        lines.join("\n")
    }

    /// Estimates what this run costs, in millionths of a dollar; none when nothing was used, or
    /// the price of something is not known.
    #[must_use]
    pub fn estimate(&self) -> Option<u64> {
        self.tariff.of(&self.account)
    }

    /// Returns what the whole session has used, this run included.
    #[must_use]
    pub fn session_usage(&self) -> Usage {
        self.before.plus(&self.account.usage)
    }

    /// Tells whether the program says nothing of how it ended, so that its exit code must.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        matches!(self.tongue, Tongue::Plain)
    }

    /// Returns what the program was last seen struggling with, when it ended without a word.
    #[must_use]
    pub fn struggle(&self) -> Option<&RuntimeFault> {
        match &self.tongue {
            Tongue::Claude(state) => state.retrying.as_ref(),
            Tongue::Codex(state) => state.retrying.as_ref(),
            Tongue::Acp(_) | Tongue::Pi(_) | Tongue::Plain => None,
        }
    }
}

/// Lines of what an agent said and did that are kept.
const RECENT: usize = 40;

/// Says in a line what an agent said or did; none of what says nothing about the work.
fn short_line(event: &AgentEvent) -> Option<String> {
    Some(match event {
        AgentEvent::Say(text) => format!("said: {}", json::line(text)),
        AgentEvent::Tool { name, what } => format!("{name}: {}", json::line(what)),
        AgentEvent::ToolDone { is_ok: true, text } => format!("  {}", json::line(text)),
        AgentEvent::ToolDone { is_ok: false, text } => format!("  failed: {}", json::line(text)),
        AgentEvent::Plan(text) => format!("plan: {}", json::line(text)),
        AgentEvent::Failed(text) => format!("failed: {}", json::line(text)),
        AgentEvent::Session { .. }
        | AgentEvent::Think(_)
        | AgentEvent::Retry { .. }
        | AgentEvent::Window { .. }
        | AgentEvent::Other(_) => return None,
    })
}

/// Adds a line to what is kept of all that was said.
fn keep(said: &mut String, line: &str) {
    /// The most that is kept, in bytes; twice that for a while.
    const MOST: usize = 256 * 1024;
    said.push_str(line.trim_end_matches(['\n', '\r']));
    said.push('\n');
    if said.len() > 2 * MOST {
        let mut from = said.len() - MOST;
        while !said.is_char_boundary(from) {
            from += 1;
        }
        said.drain(..from);
    }
}

/// Sorts an HTTP status and the words beside it into a class.
///
/// Sources: what claude 2.1 and codex 0.169 print for each answer of a model server,
/// recorded in `tests/streams`.
fn fault_of_status(status: Option<u64>, text: &str) -> Option<RuntimeFault> {
    let words = text.to_lowercase();
    let says = |needle: &str| words.contains(needle);
    if says("prompt is too long")
        || says("context window")
        || says("context length")
        || says("context_length_exceeded")
        || says("maximum context")
    {
        return Some(RuntimeFault::ContextFull);
    }
    if says("credit balance")
        || says("insufficient_quota")
        || says("billing hard limit")
        || says("check your plan and billing")
    {
        return Some(RuntimeFault::Billing);
    }
    if says("usage limit") || says("hit your limit") {
        return Some(RuntimeFault::RateLimited { until: None });
    }
    match status {
        Some(401 | 403) => Some(RuntimeFault::Auth),
        Some(402) => Some(RuntimeFault::Billing),
        Some(404) => Some(RuntimeFault::ModelMissing),
        Some(429) => Some(RuntimeFault::RateLimited { until: None }),
        Some(500..=599) => Some(RuntimeFault::Overloaded),
        _ => None,
    }
}
