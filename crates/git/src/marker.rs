//! Who owns a slot: a small file beside the worktree, never inside it.

use std::{fs, io, path::Path};

use gtd_core::{Epoch, Oid};
use serde::{Deserialize, Serialize};

use crate::error::GitError;

/// Whom a slot is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// Tells one owner from another: the same key asks again for what it has.
    pub key: String,
    /// What unsaved work of this owner is filed under, mostly the bead:
    /// `refs/gtd/snap/<label>/<n>`.
    pub label: String,
    /// The epoch of the lease, for the message of such a snapshot.
    pub epoch: Epoch,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Marker {
    pub(crate) owner: Owner,
    pub(crate) state: State,
    /// The commit that was checked out for the owner, when it was one and no branch.
    pub(crate) detached: Option<Oid>,
}

/// How far a slot is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    /// The worktree is being made: there is nothing of worth in it.
    Fresh,
    /// The tree of an earlier owner, whose work is saved, is being put right.
    Preparing,
    /// The owner may be at work.
    Ready,
    /// The owner has gone; its branch may still be checked out.
    Released,
}

impl Marker {
    /// Stands in for the marker of a slot that has none.
    pub(crate) fn of_nobody(slot: &str) -> Self {
        Self {
            owner: Owner {
                key: "nobody".to_owned(),
                label: slot.to_owned(),
                epoch: Epoch(0),
            },
            state: State::Released,
            detached: None,
        }
    }

    /// Says whether it stands for nobody.
    pub(crate) fn is_nobodys(&self) -> bool {
        self.owner == Self::of_nobody(&self.owner.label).owner
    }

    /// Reads a marker; one that is missing or unreadable is nobody's.
    pub(crate) fn read(path: &Path) -> Result<Option<Self>, GitError> {
        match fs::read(path) {
            Ok(bytes) => Ok(serde_json::from_slice(&bytes).ok()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(GitError::io("read", path)(error)),
        }
    }

    /// Writes a marker so that a reader sees the old one or the new one whole.
    ///
    /// It is not synced: two of them stand in the way of each start of an agent. What a power cut
    /// leaves is the old one, or half a one, which is nobody's; and whatever is in the worktree of
    /// nobody is saved before it is used. Files that were written later do not outlive it.
    pub(crate) fn write(&self, path: &Path) -> Result<(), GitError> {
        let bytes = serde_json::to_vec(self).expect("a marker holds only strings and numbers");
        let draft = path.with_extension("json.new");
        let write = || -> io::Result<()> {
            fs::write(&draft, &bytes)?;
            fs::rename(&draft, path)
        };
        write().map_err(GitError::io("write", path))
    }
}
