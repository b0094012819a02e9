//! The configuration as this program sees it: the user's files, the trusted copy of a project, the environment.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

pub(crate) use gtd_client::{LOCAL_FILE as LOCAL, PROJECT_FILE as PROJECT};
use gtd_client::{ProjectTexts, UserTexts, environment};
use gtd_core::{
    RigName, RuntimeName,
    config::{Config, Layer, LayerKind, PlanMeans, layer_from_toml, usable_runtimes},
};

use serde_json::Value;

use crate::{
    context::Context,
    error::{CliError, Kind},
};

pub(crate) const USER: &str = "config.toml";
pub(crate) const SYSTEM: &str = "/etc/gtd/config.toml";

/// Reads the texts of a folder that trust is given to.
pub(crate) fn project_texts(folder: &Path) -> Result<ProjectTexts, CliError> {
    ProjectTexts::read(folder).map_err(|error| CliError::io(error.to_string(), error.source))
}

/// Returns the folder of the trusted copy of a rig's configuration.
pub(crate) fn trusted_folder(ctx: &Context, rig: &RigName) -> PathBuf {
    ctx.places.trust().join(rig.as_str())
}

/// Tells whether a rig's configuration is what was trusted; one without a folder is.
pub(crate) fn is_trusted(ctx: &Context, rig: &RigName) -> Result<bool, CliError> {
    let Some(folder) = ctx.rig_folders()?.folder(rig) else {
        return Ok(true);
    };
    Ok(project_texts(folder)? == project_texts(&trusted_folder(ctx, rig))?)
}

/// Merges what is in effect for a rig, or for the town.
pub(crate) fn effective(ctx: &Context, rig: Option<&RigName>) -> Result<Config, CliError> {
    Ok(Config::merge(layers(ctx, rig)?))
}

/// Reads the layers that are in effect for a rig, or for the town.
pub(crate) fn layers(ctx: &Context, rig: Option<&RigName>) -> Result<Vec<Layer>, CliError> {
    let town = UserTexts::read(&ctx.places)
        .map_err(|error| CliError::io(error.to_string(), error.source))?;
    let mut layers = town.layers().map_err(wrong)?;
    if let Some(rig) = rig {
        let folder = trusted_folder(ctx, rig);
        for (kind, name) in [(LayerKind::Project, PROJECT), (LayerKind::Local, LOCAL)] {
            if let Some(text) = read(&folder.join(name))? {
                layers.push(layer_from_toml(kind, name, &text).map_err(wrong)?);
            }
        }
    }
    layers.push(environment().map_err(wrong)?);
    Ok(layers)
}

/// The runtimes that can do work here.
#[derive(Debug, Clone)]
pub(crate) struct Runtimes {
    /// All that are usable.
    pub(crate) usable: Vec<RuntimeName>,
    /// The one of a bead that names none.
    pub(crate) default: Option<RuntimeName>,
    /// The agent program that does what is said in words.
    pub(crate) agent: Option<RuntimeName>,
}

/// Finds the runtimes that can do work for a rig.
pub(crate) fn runtimes(config: &Config) -> Runtimes {
    let usable = usable_runtimes(config);
    let wished = config
        .get("roles.worker.use")
        .and_then(|(value, _)| value.as_list())
        .unwrap_or_default();
    let default = wished
        .iter()
        .filter_map(|name| name.as_str())
        .find_map(|name| usable.iter().find(|known| known.as_str() == name))
        .cloned();
    let agent = PlanMeans::find(config, &[], &[], &[]).worker;
    Runtimes {
        usable,
        default,
        agent,
    }
}

/// Returns what the document of a rig warns of, each on one line: what is wrong, and what helps.
pub(crate) fn warnings_of(rig: &Value) -> Vec<String> {
    rig["warnings"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(|warning| {
            let mut lines = warning.lines();
            let what = lines.next().unwrap_or_default();
            let help = lines.find_map(|line| line.trim_start().strip_prefix("help: "));
            help.map_or_else(|| what.to_owned(), |help| format!("{what}   {help}"))
        })
        .collect()
}

/// Says that a configuration is wrong.
pub(crate) fn wrong(diagnostic: gtd_core::Diagnostic) -> CliError {
    CliError::new(Kind::Config(Box::new(diagnostic)))
}

/// Reads a file; one that is not there is nothing.
pub(crate) fn read(path: &Path) -> Result<Option<String>, CliError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            Ok(None)
        }
        Err(error) => Err(CliError::io(format!("read {}", path.display()), error)),
    }
}
