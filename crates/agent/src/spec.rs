//! What a run is to do: the order that the launcher leaves for the shim.
//!
//! A specification is complete: program, arguments, environment and files.
//! Nothing is inherited from the daemon.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Component, Path, PathBuf},
};

use gtd_core::{Epoch, RunId};
use serde::{Deserialize, Serialize};

use crate::{error::RunError, folder::is_reserved, secret::SecretValues};

/// How many bytes of output a run keeps on disk unless told otherwise.
pub const DEFAULT_OUTPUT_CAP: u64 = 16 * 1024 * 1024;

/// The complete order for one run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunSpec {
    /// The name of the run; there is never a second process for one name.
    pub run: RunId,
    /// The program; a name without a slash is looked up in the `PATH` of `env`.
    pub program: PathBuf,
    /// Its arguments, without the program's own name.
    pub args: Vec<String>,
    /// The complete environment; the shim adds `GTD_RUN` and nothing else.
    pub env: BTreeMap<String, String>,
    /// The names of variables that reach the shim through a pipe, since their values stand nowhere.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) secret: BTreeSet<String>,
    /// Their values, as long as this process lives.
    #[serde(skip)]
    pub(crate) secrets: SecretValues,
    /// The working directory.
    pub cwd: PathBuf,
    /// Files that are written into the run directory before the start: name to content.
    #[serde(default)]
    pub files: BTreeMap<String, String>,
    /// Where standard input comes from.
    #[serde(default)]
    pub stdin: Stdin,
    /// The limit on wall-clock time, in milliseconds; time spent frozen does not count.
    #[serde(default)]
    pub limit_ms: Option<u64>,
    /// How many bytes `out.log` and the transcript may take on disk together.
    pub output_cap: u64,
    /// How much to yield to others, as nice(1) counts.
    #[serde(default)]
    pub nice: i8,
    /// The epoch of the lease that the run works under.
    #[serde(default)]
    pub epoch: Epoch,
    /// A file below `cwd` that the run leaves there, and that is kept with the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<PathBuf>,
    /// Free words of the caller; kept, never read here.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

impl RunSpec {
    /// Makes the order for `program` in `cwd`, with nothing else asked for.
    #[must_use]
    pub fn new(run: RunId, program: impl Into<PathBuf>, cwd: impl Into<PathBuf>) -> Self {
        Self {
            run,
            program: program.into(),
            args: Vec::new(),
            env: BTreeMap::new(),
            secret: BTreeSet::new(),
            secrets: SecretValues::default(),
            cwd: cwd.into(),
            files: BTreeMap::new(),
            stdin: Stdin::Null,
            limit_ms: None,
            output_cap: DEFAULT_OUTPUT_CAP,
            nice: 0,
            epoch: Epoch::default(),
            report: None,
            labels: BTreeMap::new(),
        }
    }

    /// Gives the run variables whose values stand in no file.
    #[must_use]
    pub fn with_secrets(mut self, values: BTreeMap<String, String>) -> Self {
        for name in values.keys() {
            self.env.remove(name);
        }
        self.secret = values.keys().cloned().collect();
        self.secrets = SecretValues::new(values);
        self
    }

    /// Refuses files whose names could leave the run directory or replace the shim's own.
    pub(crate) fn check_files(&self) -> Result<(), RunError> {
        let stdin = match &self.stdin {
            Stdin::File(name) => Some(name),
            Stdin::Null => None,
        };
        match self
            .files
            .keys()
            .chain(stdin)
            .find(|name| !is_plain_name(name) || is_reserved(name))
        {
            Some(name) => Err(RunError::FileName {
                run: self.run.clone(),
                name: name.clone(),
            }),
            None => Ok(()),
        }
    }
}

fn is_plain_name(name: &str) -> bool {
    let mut parts = Path::new(name).components();
    matches!(parts.next(), Some(Component::Normal(part)) if part == name)
        && parts.next().is_none()
        && !name.starts_with('.')
        && !name.contains('\0')
}

/// Where the standard input of a run comes from.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stdin {
    /// From nowhere.
    #[default]
    Null,
    /// From a file of the run directory, named as in `files`.
    File(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_cannot_leave_the_run_directory_or_replace_the_shims_own() {
        let mut spec = RunSpec::new(RunId::parse("r-1").unwrap(), "/bin/true", "/");
        for good in ["script.sh", "prompt.md", "a b"] {
            spec.files = BTreeMap::from([(good.to_owned(), String::new())]);
            assert!(spec.check_files().is_ok(), "{good}");
        }
        for bad in [
            "",
            ".",
            "..",
            "../x",
            "a/b",
            "/etc/x",
            "x/",
            ".hidden",
            "exit.json",
            "out.log.3",
        ] {
            spec.files = BTreeMap::from([(bad.to_owned(), String::new())]);
            assert!(spec.check_files().is_err(), "{bad}");
        }
    }
}
