//! Which configuration is in effect: the files, the environment, and what was trusted.
//!
//! A project's files count only in the text that a person trusted. A copy of
//! that text is kept beside the data, so that a change in the repository has no
//! effect before somebody has looked at it.

use std::path::{Path, PathBuf};

use gtd_client::{LOCAL_FILE, PROJECT_FILE, Places, ProjectError, ProjectTexts, UserTexts};
use gtd_core::{
    BudgetRules, Diagnostic, Rejection, RigName, RigRules, Timestamp,
    config::{Config, Layer, LayerKind, Origin, dollars, layer_from_toml, rig_name, rig_rules},
};
use gtd_host::roles::{RoleSet, worker_rules};

/// The role whose file says how the workers of a rig work.
pub(crate) const WORKER: &str = "worker";
/// The role whose file says how goals are planned.
pub(crate) const MAYOR: &str = "mayor";
/// The role that proves and merges, and has what was handed in reviewed.
pub(crate) const REFINERY: &str = "refinery";
/// The role whose file says how what was handed in is reviewed.
pub(crate) const REVIEWER: &str = "reviewer";
/// So many mistakes are told at once.
const TOLD_MAX: usize = 10;

/// Why a configuration cannot take effect.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// A file cannot be read or kept.
    #[error(transparent)]
    Project(#[from] ProjectError),
    /// A text is wrong.
    #[error("{}", .0.render())]
    Wrong(#[from] Diagnostic),
    /// Role files are wrong.
    #[error("{}", told(.0))]
    Roles(Vec<Diagnostic>),
}

impl From<ConfigError> for Rejection {
    fn from(error: ConfigError) -> Self {
        Self::BadConfig {
            what: crate::ledger::chain(&error),
        }
    }
}

fn told(mistakes: &[Diagnostic]) -> String {
    let mut texts: Vec<String> = mistakes
        .iter()
        .take(TOLD_MAX)
        .map(Diagnostic::render)
        .collect();
    if mistakes.len() > TOLD_MAX {
        texts.push(format!("… and {} more", mistakes.len() - TOLD_MAX));
    }
    texts.join("\n")
}

/// What comes with a repository, and where it was read.
#[derive(Debug, Clone)]
pub(crate) struct Project {
    folder: PathBuf,
    texts: ProjectTexts,
}

impl Project {
    /// Reads what is in a folder now.
    pub(crate) fn read(folder: &Path) -> Result<Self, ConfigError> {
        Ok(Self {
            folder: folder.to_owned(),
            texts: ProjectTexts::read(folder)?,
        })
    }

    /// Returns the texts.
    pub(crate) fn texts(&self) -> &ProjectTexts {
        &self.texts
    }

    /// Returns the role files and prompts, by their paths.
    pub(crate) fn role_files(&self) -> Vec<(String, String)> {
        self.texts
            .roles()
            .map(|(name, text)| (self.path(name), text.to_owned()))
            .collect()
    }

    fn layers(&self) -> Result<Vec<Layer>, Diagnostic> {
        [
            (LayerKind::Project, PROJECT_FILE),
            (LayerKind::Local, LOCAL_FILE),
        ]
        .into_iter()
        .filter_map(|(kind, name)| Some((kind, name, self.texts.get(name)?)))
        .map(|(kind, name, text)| layer_from_toml(kind, &self.path(name), text))
        .collect()
    }

    fn path(&self, name: &str) -> String {
        self.folder.join(name).to_string_lossy().into_owned()
    }
}

/// Merges everything that is in effect for a project, or for the town alone.
pub(crate) fn effective(places: &Places, project: Option<&Project>) -> Result<Config, ConfigError> {
    let mut layers = UserTexts::read(places)?.layers()?;
    if let Some(project) = project {
        layers.extend(project.layers()?);
    }
    layers.push(gtd_client::environment()?);
    Ok(Config::merge(layers))
}

/// Returns the rules of a rig of this name; without a configured branch, `default_branch` is its own.
///
/// What the worker's role file says stands below what anybody configured.
pub(crate) fn rules(
    config: &Config,
    roles: &RoleSet,
    rig: &RigName,
    default_branch: &str,
    frame: BudgetFrame,
) -> Result<RigRules, Diagnostic> {
    let mut rules = rig_rules(config, rig.as_str())?;
    let is_set = config
        .get("rig.branch")
        .is_some_and(|(_, origin)| *origin != Origin::Default);
    if !is_set {
        default_branch.clone_into(&mut rules.branch);
    }
    if let Some(worker) = roles.get(WORKER) {
        rules.worker = worker_rules(worker).below(config, WORKER, rules.worker);
    }
    let of_role = |role: &str| {
        let said = dollars(config, &format!("roles.{role}.usd"));
        said.or_else(|| roles.get(role)?.limits.usd_micros)
    };
    rules.budget = BudgetRules {
        bead: rules.budget.bead.or_else(|| of_role(WORKER)),
        plan: of_role(MAYOR),
        review: of_role(REVIEWER),
        town_day: frame.town_day,
        offset_s: frame.offset_s,
        ..rules.budget
    };
    Ok(rules)
}

/// What holds for the budgets of all rigs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BudgetFrame {
    town_day: Option<u64>,
    offset_s: i32,
}

impl BudgetFrame {
    /// Reads what the user says of the whole town, and where midnight is here.
    pub(crate) fn of(places: &Places, now: Timestamp) -> Result<Self, ConfigError> {
        Ok(Self {
            town_day: dollars(&effective(places, None)?, "budget.day_usd"),
            offset_s: gtd_host::local_zone().offset_s(now),
        })
    }
}

/// Returns the name of the rig in a folder.
pub(crate) fn name(config: &Config, folder: &Path) -> Result<RigName, Diagnostic> {
    let folder = folder.file_name().unwrap_or_default();
    rig_name(config, &folder.to_string_lossy())
}
