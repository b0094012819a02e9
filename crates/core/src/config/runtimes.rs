//! Which runtimes there are, and which of them can do work.

use std::collections::BTreeMap;

use super::{
    merge::Config,
    notify::{SecretPlace, secret_place},
    value::Value,
};
use crate::{Price, RuntimeName, usd_of_number};

/// The runtime that runs scripts.
pub(crate) const SHELL: &str = "shell";
/// The runtime that plays a scripted agent.
pub(crate) const DEMO: &str = "demo";
/// The preset of a program that gtd knows nothing of.
const COMMAND: &str = "command";

/// The presets of agent programs that this gtd can drive.
pub const DRIVEN_PRESETS: [&str; 12] = [
    "claude-code",
    "codex",
    "gemini",
    "qwen",
    "opencode",
    "copilot",
    "kimi",
    "vibe",
    "pi",
    "droid",
    "aider",
    COMMAND,
];

/// The names that role files have for models, whatever the runtime calls them.
const MODEL_WORDS: [&str; 3] = ["fast", "balanced", "strong"];

/// A runtime that the configuration names, or that gtd brings along.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfiguredRuntime {
    /// Its name.
    pub name: RuntimeName,
    /// The known program that it is; none for those that gtd brings along.
    pub preset: Option<String>,
    /// The program and its arguments, where they are not the preset's.
    pub command: Vec<String>,
    /// What role files call a model, and what the program calls it.
    pub models: BTreeMap<String, String>,
    /// Environment variables for it.
    pub env: BTreeMap<String, String>,
    /// Where the secrets for further variables are found.
    pub secrets: BTreeMap<String, SecretPlace>,
    /// Whether the agent's verbs are offered to it as tools besides.
    pub mcp: bool,
    /// How many of it at once.
    pub max_parallel: Option<u32>,
    /// Tokens that its models take at once, whatever they take by the list.
    pub context: Option<u64>,
    /// What its tokens cost, whatever its models cost by the list.
    pub price: Option<Price>,
    /// Whether this gtd can drive it.
    pub usable: bool,
}

impl ConfiguredRuntime {
    fn new(name: RuntimeName) -> Self {
        Self {
            name,
            preset: None,
            command: Vec::new(),
            models: BTreeMap::new(),
            env: BTreeMap::new(),
            secrets: BTreeMap::new(),
            mcp: false,
            max_parallel: None,
            context: None,
            price: None,
            usable: false,
        }
    }

    /// Returns what the program calls the model that a role wishes for.
    ///
    /// One of the words that role files have for models means nothing to a program
    /// unless the configuration says what; the program then takes its own default.
    #[must_use]
    pub fn model(&self, wished: Option<&str>) -> Option<String> {
        let wished = wished?;
        match self.models.get(wished) {
            Some(model) => Some(model.clone()),
            None if MODEL_WORDS.contains(&wished) => None,
            None => Some(wished.to_owned()),
        }
    }

    /// Tells whether it is an agent program that this gtd can drive.
    #[must_use]
    pub fn is_agent(&self) -> bool {
        self.usable && self.preset.is_some()
    }

    /// Tells whether its work costs nothing: gtd knows nothing of the program and nobody named a
    /// price, or the price is none.
    #[must_use]
    pub fn is_free(&self) -> bool {
        match self.price {
            Some(price) => price.is_nothing(),
            None => self.preset.as_deref() == Some(COMMAND),
        }
    }

    fn can_be_driven(&self) -> bool {
        match self.preset.as_deref() {
            None => matches!(self.name.as_str(), SHELL | DEMO),
            Some(COMMAND) => !self.command.is_empty(),
            Some(preset) => DRIVEN_PRESETS.contains(&preset),
        }
    }

    fn take(&mut self, key: &str, value: &Value) {
        let text = || value.as_str().map(str::to_owned);
        match key.split_once('.') {
            None if key == "preset" => self.preset = text(),
            None if key == "command" => {
                let words = value.as_list().unwrap_or_default().iter();
                self.command = words
                    .filter_map(|word| word.as_str().map(str::to_owned))
                    .collect();
            }
            None if key == "mcp" => self.mcp = value.as_bool().unwrap_or(false),
            None if key == "max_parallel" => {
                self.max_parallel = value.as_integer().and_then(|most| u32::try_from(most).ok());
            }
            None if key == "context" => {
                self.context = value.as_integer().and_then(|most| u64::try_from(most).ok());
            }
            Some(("price", kind)) => {
                let amount = value.as_number().and_then(usd_of_number).unwrap_or(0);
                let price = self.price.get_or_insert_default();
                match kind {
                    "input_usd_per_mtok" => price.input = amount,
                    "cache_read_usd_per_mtok" => price.cache_read = Some(amount),
                    "cache_write_usd_per_mtok" => price.cache_write = Some(amount),
                    _ => price.output = amount,
                }
            }
            Some(("models", name)) => {
                self.models
                    .extend(text().map(|model| (name.to_owned(), model)));
            }
            Some(("env", name)) => {
                self.env
                    .extend(text().map(|value| (name.to_owned(), value)));
            }
            Some(("secrets", name)) => {
                self.secrets.insert(name.to_owned(), secret_place(value));
            }
            _ => {}
        }
    }
}

/// Returns all runtimes, by name: those that gtd brings along and those that are configured.
#[must_use]
pub fn configured_runtimes(config: &Config) -> Vec<ConfiguredRuntime> {
    let brought = [SHELL, DEMO]
        .into_iter()
        .filter_map(|name| RuntimeName::parse(name).ok());
    let mut found: BTreeMap<RuntimeName, ConfiguredRuntime> = brought
        .map(|name| (name.clone(), ConfiguredRuntime::new(name)))
        .collect();
    for (key, value, _) in config.list() {
        let Some((name, key)) = key
            .strip_prefix("runtimes.")
            .and_then(|rest| rest.split_once('.'))
        else {
            continue;
        };
        if let Ok(name) = RuntimeName::parse(name) {
            let of_name = found.entry(name.clone());
            of_name
                .or_insert_with(|| ConfiguredRuntime::new(name))
                .take(key, value);
        }
    }
    let mut runtimes: Vec<ConfiguredRuntime> = found.into_values().collect();
    for runtime in &mut runtimes {
        runtime.usable = runtime.can_be_driven();
    }
    runtimes
}

/// Returns the runtimes that can do work: `shell`, `demo`, and those with a driver.
#[must_use]
pub fn usable_runtimes(config: &Config) -> Vec<RuntimeName> {
    let mut usable: Vec<RuntimeName> = configured_runtimes(config)
        .into_iter()
        .filter(|runtime| runtime.usable)
        .map(|runtime| runtime.name)
        .collect();
    usable.sort_by_key(|name| name.as_str() != SHELL);
    usable
}
