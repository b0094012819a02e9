//! What leaves the repository: pushes.

use gtd_core::{Oid, RigName};
use gtd_git::Push;

use super::{Hands, git};
use crate::HostError;

impl Hands {
    /// Looks which commit was pushed last to a branch of a remote.
    pub(super) fn see_pushed(
        &self,
        rig: &RigName,
        remote: &str,
        name: &str,
    ) -> Result<Option<Oid>, HostError> {
        let pool = self.pool(rig)?;
        pool.repository().pushed(remote, name).map_err(git(rig))
    }

    /// Pushes a branch, unless the remote has it already.
    pub(super) fn ensure_pushed(
        &self,
        rig: &RigName,
        remote: &str,
        name: &str,
        commit: &Oid,
    ) -> Result<(), HostError> {
        let pool = self.pool(rig)?;
        let repository = pool.repository();
        if repository.pushed(remote, name).map_err(git(rig))?.as_ref() == Some(commit) {
            return Ok(());
        }
        match repository.push(remote, name, commit).map_err(git(rig))? {
            Push::Done => Ok(()),
            Push::Refused(why) => Err(HostError::NotPushed {
                branch: name.strip_prefix("refs/heads/").unwrap_or(name).to_owned(),
                remote: remote.to_owned(),
                why,
            }),
        }
    }
}
