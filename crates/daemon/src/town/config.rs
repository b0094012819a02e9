//! Which configuration is in effect: the files, the environment, and what was trusted.
//!
//! A project's files count only in the text that a person trusted. A copy of
//! that text is kept beside the data, so that a change in the repository has no
//! effect before somebody has looked at it.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use gtd_client::Places;
use gtd_core::{
    Diagnostic, Rejection, RigName, RigRules,
    config::{
        Config, Layer, LayerKind, Origin, digest_text, layer_from_env, layer_from_toml, rig_name,
        rig_rules,
    },
};

const PROJECT: &str = "gtd.toml";
const LOCAL: &str = "gtd.local.toml";
const USER: &str = "config.toml";
const SYSTEM: &str = "/etc/gtd/config.toml";

/// Why a configuration cannot take effect.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// A file cannot be read or kept.
    #[error("{act} {}", path.display())]
    File {
        /// What was being done.
        act: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A text is wrong.
    #[error("{}", .0.render())]
    Wrong(#[from] Diagnostic),
}

impl From<ConfigError> for Rejection {
    fn from(error: ConfigError) -> Self {
        Self::BadConfig {
            what: crate::ledger::chain(&error),
        }
    }
}

/// The configuration that comes with a repository, as text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct ProjectTexts {
    /// Where they were read.
    folder: PathBuf,
    project: Option<String>,
    local: Option<String>,
}

impl ProjectTexts {
    /// Reads what is in a folder now.
    pub(crate) fn read(folder: &Path) -> Result<Self, ConfigError> {
        Ok(Self {
            folder: folder.to_owned(),
            project: read(&folder.join(PROJECT))?,
            local: read(&folder.join(LOCAL))?,
        })
    }

    /// Returns the digest that trust is given to; nothing when there are no files.
    pub(crate) fn digest(&self) -> String {
        if self.project.is_none() && self.local.is_none() {
            return String::new();
        }
        digest_text(
            self.project.as_deref().unwrap_or_default(),
            self.local.as_deref().unwrap_or_default(),
        )
    }

    /// Keeps a copy as the trusted one.
    pub(crate) fn keep(&self, trust: &Path) -> Result<(), ConfigError> {
        fs::create_dir_all(trust).map_err(failed("make", trust))?;
        for (name, text) in [(PROJECT, &self.project), (LOCAL, &self.local)] {
            let path = trust.join(name);
            let fresh = trust.join(format!("{name}.new"));
            match text {
                Some(text) => fs::write(&fresh, text).and_then(|()| fs::rename(&fresh, &path)),
                None => match fs::remove_file(&path) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                    _ => Ok(()),
                },
            }
            .map_err(failed("keep", &path))?;
        }
        Ok(())
    }

    fn layers(&self) -> Result<Vec<Layer>, Diagnostic> {
        [
            (LayerKind::Project, PROJECT, &self.project),
            (LayerKind::Local, LOCAL, &self.local),
        ]
        .into_iter()
        .filter_map(|(kind, name, text)| Some((kind, name, text.as_ref()?)))
        .map(|(kind, name, text)| {
            let file = self.folder.join(name);
            layer_from_toml(kind, &file.to_string_lossy(), text)
        })
        .collect()
    }
}

/// Merges everything that is in effect for a project, or for the town alone.
pub(crate) fn effective(
    places: &Places,
    project: Option<&ProjectTexts>,
) -> Result<Config, ConfigError> {
    let mut layers = Vec::new();
    let system = PathBuf::from(SYSTEM);
    let user = places.config.join(USER);
    for (kind, path) in [(LayerKind::System, system), (LayerKind::User, user)] {
        if let Some(text) = read(&path)? {
            layers.push(layer_from_toml(kind, &path.to_string_lossy(), &text)?);
        }
    }
    if let Some(project) = project {
        layers.extend(project.layers()?);
    }
    let variables = std::env::vars_os()
        .filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)));
    layers.push(layer_from_env(variables)?);
    Ok(Config::merge(layers))
}

/// Returns the rules of a rig of this name; without a configured branch, `default_branch` is its own.
pub(crate) fn rules(
    config: &Config,
    rig: &RigName,
    default_branch: &str,
) -> Result<RigRules, Diagnostic> {
    let mut rules = rig_rules(config, rig.as_str())?;
    let is_set = config
        .get("rig.branch")
        .is_some_and(|(_, origin)| *origin != Origin::Default);
    if !is_set {
        default_branch.clone_into(&mut rules.branch);
    }
    Ok(rules)
}

/// Returns the name of the rig in a folder.
pub(crate) fn name(config: &Config, folder: &Path) -> Result<RigName, Diagnostic> {
    let folder = folder.file_name().unwrap_or_default();
    rig_name(config, &folder.to_string_lossy())
}

fn read(path: &Path) -> Result<Option<String>, ConfigError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(failed("read", path)(source)),
    }
}

fn failed(act: &'static str, path: &Path) -> impl FnOnce(io::Error) -> ConfigError {
    let path = path.to_owned();
    move |source| ConfigError::File { act, path, source }
}
