//! The layers put on top of each other. Lists replace, tables merge.
//!
//! A project may only be narrower than the user: a higher budget, more seats or
//! more things to wake the user for than the user's own files say are cut back,
//! with a warning.

use std::collections::BTreeMap;

use super::{
    key::Who,
    layer::{Layer, LayerKind, Origin, Setting, layer_from_toml},
    value::Value,
};
use crate::diagnostic::Diagnostic;

const BUILT_IN: &str = include_str!("builtin.toml");

type Settings = BTreeMap<String, Setting>;

/// The configuration in effect.
#[derive(Debug, Clone)]
pub struct Config {
    pub(super) settings: Settings,
    warnings: Vec<Diagnostic>,
}

impl Config {
    /// Puts the layers on top of what gtd brings along, whatever their order.
    #[must_use]
    pub fn merge(layers: impl IntoIterator<Item = Layer>) -> Self {
        let mut layers: Vec<Layer> = layers.into_iter().collect();
        layers.sort_by_key(|layer| layer.kind);
        let mut config = Self {
            settings: built_in().settings,
            warnings: Vec::new(),
        };
        let of_user = layers.partition_point(|layer| layer.kind < LayerKind::Project);
        let above = layers.split_off(of_user);
        for layer in layers {
            config.put(layer, None);
        }
        let user = config.settings.clone();
        for layer in above {
            let limits = layer.kind.is_of_project().then_some(&user);
            config.put(layer, limits);
        }
        let idle = config.idle_words();
        config.warnings.extend(idle);
        config
    }

    fn put(&mut self, layer: Layer, limits: Option<&Settings>) {
        self.warnings.extend(layer.warnings);
        for (path, setting) in layer.settings {
            let setting = match limits {
                Some(limits) => self.narrow(&path, setting, limits),
                None => setting,
            };
            self.settings.insert(path, setting);
        }
    }

    /// Cuts a project's wish back to what the user allows.
    fn narrow(&mut self, path: &str, setting: Setting, limits: &Settings) -> Setting {
        match setting.key.who {
            Who::AtMostTheUser => self.at_most(path, setting, limits),
            Who::AmongTheUsers => self.among(path, setting, limits),
            _ => setting,
        }
    }

    fn at_most(&mut self, path: &str, setting: Setting, limits: &Settings) -> Setting {
        let Some(limit) = limits.get(path).filter(|old| is_of_user(old)) else {
            return setting;
        };
        if setting.value.as_number() <= limit.value.as_number() {
            return setting;
        }
        let warning = setting
            .place
            .saying(&format!(
                "ignored: `{path}` = {} is more than your own {}",
                setting.value, limit.value
            ))
            .with_help(&format!("your own is set at {}", limit.origin));
        self.warnings.push(warning);
        limit.clone()
    }

    fn among(&mut self, path: &str, mut setting: Setting, limits: &Settings) -> Setting {
        let allowed = limits
            .get(path)
            .or_else(|| limits.get("policies.overnight.wake_me_for"))
            .and_then(|old| old.value.as_list());
        let (Some(allowed), Value::List(items)) = (allowed, &mut setting.value) else {
            return setting;
        };
        let (kept, added): (Vec<_>, Vec<_>) =
            items.drain(..).partition(|item| allowed.contains(item));
        *items = kept;
        if !added.is_empty() {
            let warning = setting
                .place
                .saying(&format!(
                    "ignored: only the user may add {} to `{path}`",
                    Value::List(added)
                ))
                .with_help("write it into your own config.toml (gtd config path)");
            self.warnings.push(warning);
        }
        setting
    }

    /// Returns a value with where it comes from.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<(&Value, &Origin)> {
        self.settings
            .get(key)
            .map(|setting| (&setting.value, &setting.origin))
    }

    /// Returns every value that is set, by key, with where it comes from.
    pub fn list(&self) -> impl Iterator<Item = (&str, &Value, &Origin)> {
        self.settings
            .iter()
            .map(|(path, setting)| (path.as_str(), &setting.value, &setting.origin))
    }

    /// Returns what was ignored, and why.
    #[must_use]
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.warnings
    }
}

/// Returns the lowest layer.
pub(super) fn built_in() -> Layer {
    layer_from_toml(LayerKind::BuiltIn, "built-in", BUILT_IN)
        .expect("the built-in layer is valid: a test reads it")
}

fn is_of_user(setting: &Setting) -> bool {
    matches!(&setting.origin, Origin::File { layer, .. } if layer.is_for_all_rigs())
}
