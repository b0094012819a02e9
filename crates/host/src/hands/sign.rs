//! Signing what would land. A key that fails is not tried again at each look.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use gtd_core::{Oid, RigName};
use gtd_git::{GitError, RunFailure};

use super::{Hands, git};
use crate::HostError;

/// How long a key that failed is left alone.
const AGAIN: Duration = Duration::from_secs(3);
/// Signed commits that are remembered.
const KEPT: usize = 512;

impl Hands {
    /// Signs a commit, or says why it cannot be signed.
    pub(super) fn see_signed(
        &self,
        rig: &RigName,
        commit: &Oid,
    ) -> Result<Result<Oid, String>, HostError> {
        {
            let memory = self.memory();
            if let Some(signed) = memory.signed.get(commit) {
                return Ok(Ok(signed.clone()));
            }
            if let Some((at, why)) = &memory.unsigned
                && at.elapsed() < AGAIN
            {
                return Ok(Err(why.clone()));
            }
        }
        let signed = self.sign(rig, commit)?;
        let mut memory = self.memory();
        match &signed {
            Ok(signed) => {
                if memory.signed.len() >= KEPT {
                    memory.signed.clear();
                }
                memory.signed.insert(commit.clone(), signed.clone());
                memory.unsigned = None;
            }
            Err(why) => memory.unsigned = Some((Instant::now(), why.clone())),
        }
        Ok(signed)
    }

    fn sign(&self, rig: &RigName, commit: &Oid) -> Result<Result<Oid, String>, HostError> {
        let config = gtd_client::town_config(&self.places).map_err(HostError::Config)?;
        let key = config
            .get("merge.sign_key")
            .and_then(|(key, _)| key.as_str());
        let Some(key) = key.filter(|key| !key.is_empty()) else {
            return Ok(Err(
                "`merge.sign` is `ssh`, and `merge.sign_key` names no key; \
                           `gtd config set merge.sign_key PATH` does"
                    .to_owned(),
            ));
        };
        let path = match (key.strip_prefix("~/"), std::env::var_os("HOME")) {
            (Some(rest), Some(home)) => PathBuf::from(home).join(rest),
            _ => PathBuf::from(key),
        };
        if !path.is_absolute() || !path.exists() {
            return Ok(Err(format!("there is no key {}", path.display())));
        }
        let pool = self.pool(rig)?;
        match pool.repository().signed(commit, &path) {
            Ok(signed) => Ok(Ok(signed)),
            Err(GitError::Run(run)) => {
                let why = match &run.failure {
                    RunFailure::TimedOut { limit } => {
                        format!(
                            "no signature within {} s, as if it asked for something",
                            limit.as_secs()
                        )
                    }
                    RunFailure::Exit { stderr, .. } => said(stderr),
                    other => other.to_string(),
                };
                let key = path.display();
                Ok(Err(format!(
                    "the key {key} does not sign without a question: {why}"
                )))
            }
            Err(error) => Err(git(rig)(error)),
        }
    }
}

/// Takes what tells most of what git and ssh-keygen said.
fn said(stderr: &str) -> String {
    let mut lines = stderr
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty());
    let line = lines
        .find(|line| *line != "error:")
        .unwrap_or("nothing was said");
    let line = line.strip_prefix("error: ").unwrap_or(line);
    line.trim_end_matches('?').trim().to_owned()
}
