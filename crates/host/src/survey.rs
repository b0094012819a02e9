//! First looks: a folder that is to become a rig, and where the shim is.

use std::path::{Path, PathBuf};

use gtd_agent::Runs;
use gtd_client::Places;
use gtd_core::Oid;
use gtd_git::Repository;

use crate::HostError;

/// What a folder is as a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Survey {
    /// The root of the main checkout, or the bare repository.
    pub root: PathBuf,
    /// The branch that was asked about; without a question, the one that work usually lands on.
    pub branch: String,
    /// Where that branch is.
    pub branch_tip: Option<Oid>,
    /// The worktree that has it checked out.
    pub checked_out_at: Option<PathBuf>,
}

/// Looks at a folder as a repository, and at one of its branches. Blocks.
///
/// # Errors
/// When the folder is no repository that gtd can use.
pub fn survey(path: &Path, branch: Option<&str>) -> Result<Survey, HostError> {
    let wrong = |source| HostError::Repository {
        path: path.to_owned(),
        source,
    };
    let repository = Repository::open(path).map_err(wrong)?;
    let branch = match branch {
        Some(branch) => branch.to_owned(),
        None => repository.default_branch().map_err(wrong)?,
    };
    let name = format!("refs/heads/{branch}");
    Ok(Survey {
        root: repository.root().to_owned(),
        branch_tip: repository.resolve(&name).map_err(wrong)?,
        checked_out_at: repository.checked_out_at(&name).map_err(wrong)?,
        branch,
    })
}

/// Finds the commit that a text means in a repository: a branch, a tag, a hash. Blocks.
///
/// # Errors
/// When the folder is no repository that gtd can use.
pub fn commit_at(path: &Path, text: &str) -> Result<Option<Oid>, HostError> {
    let wrong = |source| HostError::Repository {
        path: path.to_owned(),
        source,
    };
    let repository = Repository::open(path).map_err(wrong)?;
    repository.resolve(text).map_err(wrong)
}

/// Opens the runs of a town.
///
/// # Errors
/// When the folder cannot be made or the shim is missing.
pub fn runs(places: &Places) -> Result<Runs, HostError> {
    Runs::open(&places.runs(), shim_path()?).map_err(HostError::Run)
}

/// Finds the shim: `GTD_SHIM`, beside this program, on `PATH`.
///
/// # Errors
/// When it is nowhere.
pub fn shim_path() -> Result<PathBuf, HostError> {
    const NAME: &str = "gtd-shim";
    if let Some(named) = std::env::var_os("GTD_SHIM") {
        return Ok(PathBuf::from(named));
    }
    let beside = std::env::current_exe()
        .ok()
        .and_then(|exe| Some(exe.parent()?.join(NAME)));
    let on_path = std::env::var_os("PATH")
        .map(|path| std::env::split_paths(&path).collect::<Vec<_>>())
        .unwrap_or_default()
        .into_iter()
        .map(|folder| folder.join(NAME));
    beside
        .into_iter()
        .chain(on_path)
        .find(|path| path.is_file())
        .ok_or(HostError::NoShim)
}
