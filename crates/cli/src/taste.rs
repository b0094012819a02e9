//! How the user likes output: the table `[ui]` of their configuration.
//!
//! A file that is wrong sets nothing here: no command fails for its looks, and
//! those that need the configuration tell what is wrong with it.

use std::path::Path;

use clap::ValueEnum;
use gtd_client::Places;
use gtd_core::config::{Config, LayerKind, Value, layer_from_env, layer_from_toml};

use crate::{
    output::{ColorWhen, GlyphSet, Pager},
    settings,
};

/// How the user likes output: nothing, when they never said.
///
/// What gtd brings along is what the code does without a word, so that a command
/// need not read the whole built-in configuration to find that out.
#[derive(Debug, Clone, Default)]
pub(crate) struct Taste(Option<Config>);

impl Taste {
    /// Reads what the user says.
    pub(crate) fn of(places: &Places) -> Self {
        let file = |kind: LayerKind, path: &Path| {
            let text = settings::read(path).ok().flatten()?;
            // Most say nothing of it, and every command asks.
            text.contains("ui")
                .then(|| layer_from_toml(kind, &path.to_string_lossy(), &text).ok())?
        };
        let variables = std::env::vars_os()
            .filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)))
            .filter(|(key, _)| key.starts_with("GTD_UI__"));
        let mut variables = variables.peekable();
        let said_here = variables.peek().is_some();
        let layers = [
            file(LayerKind::System, Path::new(settings::SYSTEM)),
            file(LayerKind::User, &places.config.join(settings::USER)),
            said_here.then(|| layer_from_env(variables).ok()).flatten(),
        ];
        let mut layers = layers.into_iter().flatten().peekable();
        let is_said = layers.peek().is_some();
        Self(is_said.then(|| Config::merge(layers)))
    }

    /// Returns when output is coloured.
    pub(crate) fn color(&self) -> ColorWhen {
        let word = self.word("ui.color").unwrap_or_default();
        ColorWhen::from_str(word, false).unwrap_or_default()
    }

    /// Returns which marks are used, if that is said.
    pub(crate) fn glyphs(&self) -> Option<GlyphSet> {
        GlyphSet::from_str(self.word("ui.glyphs")?, false).ok()
    }

    /// Returns the pager, if one is said.
    pub(crate) fn pager(&self) -> Option<Pager> {
        match self.0.as_ref()?.get("ui.pager")?.0 {
            Value::Text(text) => Some(Pager::of_text(text)),
            Value::List(words) => {
                let words = words.iter().filter_map(Value::as_str);
                Some(Pager::Program(words.map(str::to_owned).collect()))
            }
            _ => None,
        }
    }

    fn word(&self, key: &str) -> Option<&str> {
        self.0.as_ref()?.get(key)?.0.as_str()
    }
}
