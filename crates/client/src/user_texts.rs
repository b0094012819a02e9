//! The configuration files that hold for all rigs: the machine's and the user's.
//!
//! Whoever acts on a setting of the town reads them from here, in whatever
//! process that is. Nothing here knows what the settings mean.

use std::path::{Path, PathBuf};

use gtd_core::{
    Diagnostic,
    config::{Config, Layer, LayerKind, layer_from_env, layer_from_toml},
};

use crate::{Places, ProjectError, project::read};

const USER: &str = "config.toml";
const SYSTEM: &str = "/etc/gtd/config.toml";

/// The texts of the files that hold for all rigs, lowest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UserTexts {
    files: Vec<(LayerKind, PathBuf, String)>,
}

impl UserTexts {
    /// Reads what is there now.
    ///
    /// # Errors
    /// When a file that is there cannot be read as text.
    pub fn read(places: &Places) -> Result<Self, ProjectError> {
        let mut files = Vec::new();
        for (kind, path) in [
            (LayerKind::System, Path::new(SYSTEM).to_owned()),
            (LayerKind::User, places.config.join(USER)),
        ] {
            if let Some(text) = read(&path)? {
                files.push((kind, path, text));
            }
        }
        Ok(Self { files })
    }

    /// Returns what each file sets.
    ///
    /// # Errors
    /// When a text is not what the table of keys takes.
    pub fn layers(&self) -> Result<Vec<Layer>, Diagnostic> {
        self.files
            .iter()
            .map(|(kind, path, text)| layer_from_toml(*kind, &path.to_string_lossy(), text))
            .collect()
    }

    /// Returns what is in effect for the town, with the environment of this process.
    ///
    /// # Errors
    /// When a text or a variable is not what the table of keys takes.
    pub fn config(&self) -> Result<Config, Diagnostic> {
        let mut layers = self.layers()?;
        layers.push(environment()?);
        Ok(Config::merge(layers))
    }
}

/// Returns what the environment of this process sets.
///
/// # Errors
/// When a variable is not what the table of keys takes.
pub fn environment() -> Result<Layer, Diagnostic> {
    let variables = std::env::vars_os()
        .filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)));
    layer_from_env(variables)
}
