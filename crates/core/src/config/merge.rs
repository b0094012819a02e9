//! The layers put on top of each other. Lists replace, tables merge.
//!
//! A project may only be narrower than the user: a higher budget, more seats or
//! more things to wake the user for than the user's own files say are cut back,
//! with a warning.

use std::collections::BTreeMap;

use super::{
    key::Who,
    layer::{Layer, LayerKind, Origin, Setting, layer_from_toml},
    policies::{ASKS_NOTHING, lineage},
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
            if path == "policy.default" && is_for_one_time(&setting) {
                self.warnings.push(named_each_time(&setting));
                continue;
            }
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
            Who::AllOfTheUsers => self.all_of(path, setting, limits),
            Who::NotFreer(order) => self.not_freer(path, setting, limits, order),
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
        self.hold_to(limit, path, &setting, "more")
    }

    /// Takes the user's own in place of what goes beyond it, and says so.
    fn hold_to(&mut self, limit: &Setting, path: &str, setting: &Setting, beyond: &str) -> Setting {
        let warning = setting
            .place
            .saying(&format!(
                "ignored: `{path}` = {} is {beyond} than your own {}",
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

    /// Keeps every word that the user has.
    fn all_of(&mut self, path: &str, mut setting: Setting, limits: &Settings) -> Setting {
        let wanted = limit_of(limits, path).and_then(|old| old.value.as_list());
        let (Some(wanted), Value::List(items)) = (wanted, &mut setting.value) else {
            return setting;
        };
        let missing = wanted.iter().filter(|item| !items.contains(item));
        let missing: Vec<Value> = missing.cloned().collect();
        if !missing.is_empty() {
            items.extend(missing.iter().cloned());
            let warning = setting
                .place
                .saying(&format!(
                    "ignored: only the user may take {} out of `{path}`",
                    Value::List(missing)
                ))
                .with_help("write it into your own config.toml (gtd config path)");
            self.warnings.push(warning);
        }
        setting
    }

    /// Takes a word of `order`, strictest first, that is at least as strict as the user's.
    fn not_freer(
        &mut self,
        path: &str,
        setting: Setting,
        limits: &Settings,
        order: &[&str],
    ) -> Setting {
        let place = |setting: &Setting| {
            let word = setting.value.as_str();
            order.iter().position(|known| Some(*known) == word)
        };
        let Some(limit) = limit_of(limits, path).filter(|old| place(old) < place(&setting)) else {
            return setting;
        };
        self.hold_to(limit, path, &setting, "freer")
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

/// Finds what the user says of a key of a policy, there or where the policy begins from; of a
/// policy that only the project knows, what goals do that name none.
fn limit_of<'s>(limits: &'s Settings, path: &'s str) -> Option<&'s Setting> {
    let mut words = path.splitn(3, '.');
    let (Some("policies"), Some(name), Some(of)) = (words.next(), words.next(), words.next())
    else {
        return limits.get(path);
    };
    let text = |key: &str| limits.get(key).and_then(|setting| setting.value.as_str());
    let of_policy = |name: &'s str| {
        let mut names = lineage(name, text);
        names.find_map(|name| limits.get(&format!("policies.{name}.{of}")))
    };
    of_policy(name).or_else(|| of_policy(text("policy.default")?))
}

/// Tells whether a file makes the policy the usual one that asks nothing.
fn is_for_one_time(setting: &Setting) -> bool {
    let is_of_file = matches!(setting.origin, Origin::File { .. });
    is_of_file && setting.value.as_str() == Some(ASKS_NOTHING)
}

fn named_each_time(setting: &Setting) -> Diagnostic {
    setting
        .place
        .saying(&format!(
            "ignored: `policy.default` = {}: that one is named each time",
            setting.value
        ))
        .with_help("gtd goal \"…\" --policy yolo")
}

fn is_of_user(setting: &Setting) -> bool {
    matches!(&setting.origin, Origin::File { layer, .. } if layer.is_for_all_rigs())
}
