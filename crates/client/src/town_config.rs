//! The configuration of a town: what the machine, the user and the environment say.
//!
//! What a repository says is not in it: that counts only as it was trusted.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use gtd_core::{
    Diagnostic,
    config::{Config, LayerKind, layer_from_env, layer_from_toml},
};

use crate::Places;

const USER: &str = "config.toml";
const SYSTEM: &str = "/etc/gtd/config.toml";

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum TownConfigError {
    /// A file cannot be read.
    #[error("read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// A file or a variable is wrong.
    #[error("{}", .0.render())]
    Wrong(Diagnostic),
}

/// Reads the configuration of a town, without any repository's.
///
/// # Errors
/// When a file cannot be read, or a file or variable is wrong.
pub fn town_config(places: &Places) -> Result<Config, TownConfigError> {
    let mut layers = Vec::new();
    let user = places.config.join(USER);
    for (kind, path) in [
        (LayerKind::System, Path::new(SYSTEM)),
        (LayerKind::User, &user),
    ] {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(source) => {
                return Err(TownConfigError::Read {
                    path: path.to_owned(),
                    source,
                });
            }
        };
        let name = path.to_string_lossy();
        layers.push(layer_from_toml(kind, &name, &text).map_err(TownConfigError::Wrong)?);
    }
    let variables = std::env::vars_os()
        .filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)));
    layers.push(layer_from_env(variables).map_err(TownConfigError::Wrong)?);
    Ok(Config::merge(layers))
}
