//! What can go wrong with a backup.

use std::{io, path::PathBuf};

use gtd_client::{PlacesError, RigFoldersError};
use gtd_core::Revision;
use gtd_host::HostError;
use gtd_store::StoreError;

use crate::ledger::LoadError;

/// Why a backup cannot be made, checked or restored.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BackupError {
    /// A file of that name is there.
    #[error("write the backup {}: it exists already", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// There is no such file.
    #[error("read the backup {}: there is no such file", path.display())]
    Absent {
        /// The file.
        path: PathBuf,
    },
    /// The file is not what was written.
    #[error("read the backup {}: {what}: {why}", path.display())]
    Garbled {
        /// The file.
        path: PathBuf,
        /// Which part of it.
        what: String,
        /// What is wrong there.
        why: String,
    },
    /// The log in it, or the one that was to be backed up, is damaged.
    #[error("use the log")]
    Log(#[source] StoreError),
    /// A record in it is not known to this version.
    #[error("fold the log")]
    Fold(#[source] LoadError),
    /// The daemon is at work.
    #[error("restore a town that is at work: {} runs it", holder(*pid))]
    Held {
        /// Its process.
        pid: Option<u32>,
    },
    /// The town holds data.
    #[error("restore into this town: {} holds a log already", path.display())]
    NotEmpty {
        /// The store.
        path: PathBuf,
    },
    /// The folders cannot be told or made.
    #[error("prepare the folders of the town")]
    Places(#[from] PlacesError),
    /// The list of rigs in it cannot be read.
    #[error("read the list of rigs")]
    Rigs(#[from] RigFoldersError),
    /// Runs or repositories cannot be looked at.
    #[error("look at runs and repositories")]
    Host(#[from] HostError),
    /// A file cannot be used.
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
    /// The log that was built ends elsewhere.
    #[error("build the store: it ends at record {found}, the backup at {expected}")]
    OtherHead {
        /// Where it should end.
        expected: Revision,
        /// Where it ends.
        found: Revision,
    },
}

impl BackupError {
    /// Returns the exit code.
    pub(crate) fn exit(&self) -> u8 {
        match self {
            Self::Held { .. } | Self::NotEmpty { .. } | Self::Exists { .. } => 7,
            Self::Absent { .. } => 3,
            Self::Places(_) => 78,
            _ => 1,
        }
    }

    /// Returns what helps, where something does.
    pub(crate) fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Held { .. } => Some("gtd down"),
            Self::NotEmpty { .. } => Some("what is there is kept aside with: --replace"),
            Self::Absent { .. } | Self::Garbled { .. } => Some("gtd backup list"),
            _ => None,
        }
    }

    pub(super) fn file(
        act: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { act, path, source }
    }
}

fn holder(pid: Option<u32>) -> String {
    pid.map_or_else(
        || "another process".to_owned(),
        |pid| format!("process {pid}"),
    )
}
