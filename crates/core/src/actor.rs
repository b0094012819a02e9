//! Who did it: all callers share one user id, so a name alone proves nothing.

use serde::{Deserialize, Serialize};

use crate::{BeadId, Epoch, RoleName};

/// Who stands behind a write.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// A person at this machine, by login name.
    Person(String),
    /// A role actor.
    Role(RoleName),
    /// The holder of a lease.
    Lease {
        /// The bead.
        bead: BeadId,
        /// The epoch.
        epoch: Epoch,
    },
    /// The daemon itself, at its start.
    Daemon,
}

impl std::fmt::Display for Actor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Person(name) => f.write_str(name),
            Self::Role(role) => write!(f, "{role}"),
            Self::Lease { bead, epoch } => write!(f, "{bead}#{epoch}"),
            Self::Daemon => f.write_str("gtdd"),
        }
    }
}
