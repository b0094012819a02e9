//! Which runtimes there are, and which of them can do work.

use std::collections::BTreeMap;

use super::merge::Config;
use crate::RuntimeName;

/// The runtime that runs scripts.
pub(crate) const SHELL: &str = "shell";
/// The runtime that plays a scripted agent.
pub(crate) const DEMO: &str = "demo";

/// A runtime that the configuration names, or that gtd brings along.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfiguredRuntime {
    /// Its name.
    pub name: RuntimeName,
    /// The known program that it is.
    pub preset: Option<String>,
    /// Whether this gtd can drive it.
    pub usable: bool,
}

/// Returns all runtimes, by name: those that gtd brings along and those that are configured.
#[must_use]
pub fn configured_runtimes(config: &Config) -> Vec<ConfiguredRuntime> {
    let mut presets: BTreeMap<&str, Option<&str>> = BTreeMap::from([(SHELL, None), (DEMO, None)]);
    for (key, value, _) in config.list() {
        let Some((name, key)) = key
            .strip_prefix("runtimes.")
            .and_then(|rest| rest.split_once('.'))
        else {
            continue;
        };
        let preset = presets.entry(name).or_default();
        if key == "preset" {
            *preset = value.as_str();
        }
    }
    presets
        .into_iter()
        .filter_map(|(name, preset)| {
            Some(ConfiguredRuntime {
                name: RuntimeName::parse(name).ok()?,
                preset: preset.map(str::to_owned),
                usable: matches!(name, SHELL | DEMO),
            })
        })
        .collect()
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
