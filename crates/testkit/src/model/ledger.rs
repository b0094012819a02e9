//! What was billed: counted where it is answered, for meters to be compared with.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{answer::Usage, asked::Asked};

/// The sums of some requests.
///
/// `input` holds only what was read anew: a service that reports the whole
/// prompt reports `input + cache_read + cache_write`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// All requests to a model.
    pub requests: u64,
    /// Those that got a whole answer.
    pub answered: u64,
    /// Those of them that were no work, such as for a title.
    pub aside: u64,
    /// Those whose answer broke off. They are billed, and the caller was told no sum.
    pub cut: u64,
    /// Those that never got an answer.
    pub hung: u64,
    /// Those that were answered with an error, by the scenario's name of it.
    pub failed: BTreeMap<String, u64>,
    /// Tokens of prompts, without what was kept.
    pub input: u64,
    /// Tokens of prompts that were kept from before.
    pub cache_read: u64,
    /// Tokens of prompts that were kept for later.
    pub cache_write: u64,
    /// Tokens of answers.
    pub output: u64,
}

/// The sums of a server since it began.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// Everything.
    pub total: Totals,
    /// By scenario; `default` is what no prompt chose.
    pub scenarios: BTreeMap<String, Totals>,
    /// By conversation, as the program names it.
    pub conversations: BTreeMap<String, Totals>,
    /// By model.
    pub models: BTreeMap<String, Totals>,
}

/// How a request ended.
pub(super) enum Entry<'a> {
    /// It got its answer.
    Answered(Usage),
    /// It was no work, and got its answer.
    Aside(Usage),
    /// Its answer broke off.
    Cut(Usage),
    /// It never got an answer.
    Hung,
    /// It got an error.
    Failed(&'a str),
}

impl Ledger {
    /// Counts one request.
    pub(super) fn count(&mut self, asked: &Asked, entry: &Entry<'_>) {
        let scenario = asked.chosen.as_deref().unwrap_or("default");
        self.total.add(entry);
        for (sums, key) in [
            (&mut self.scenarios, scenario),
            (&mut self.conversations, asked.conversation.as_str()),
            (&mut self.models, asked.model.as_str()),
        ] {
            sums.entry(key.to_owned()).or_default().add(entry);
        }
    }

    /// Writes the ledger as `GET /ledger` answers it.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let all = |sums: &BTreeMap<String, Totals>| -> Value {
            sums.iter()
                .map(|(key, totals)| (key.clone(), totals.to_json()))
                .collect()
        };
        json!({
            "total": self.total.to_json(),
            "scenarios": all(&self.scenarios),
            "conversations": all(&self.conversations),
            "models": all(&self.models),
        })
    }
}

impl Totals {
    fn add(&mut self, entry: &Entry<'_>) {
        self.requests += 1;
        match entry {
            Entry::Answered(usage) => {
                self.answered += 1;
                self.bill(usage);
            }
            Entry::Aside(usage) => {
                self.answered += 1;
                self.aside += 1;
                self.bill(usage);
            }
            Entry::Cut(usage) => {
                self.cut += 1;
                self.bill(usage);
            }
            Entry::Hung => self.hung += 1,
            Entry::Failed(why) => *self.failed.entry((*why).to_owned()).or_default() += 1,
        }
    }

    fn bill(&mut self, usage: &Usage) {
        self.input += usage.input;
        self.cache_read += usage.cache_read;
        self.cache_write += usage.cache_write;
        self.output += usage.output;
    }

    fn to_json(&self) -> Value {
        json!({
            "requests": self.requests,
            "answered": self.answered,
            "aside": self.aside,
            "cut": self.cut,
            "hung": self.hung,
            "failed": self.failed,
            "input": self.input,
            "cache_read": self.cache_read,
            "cache_write": self.cache_write,
            "output": self.output,
        })
    }
}
