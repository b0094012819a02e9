//! A crew member: a standing place with a worktree that stays.
//!
//! | state | until |
//! |---|---|
//! | coming | the crew has seen that its worktree is ready |
//! | here | a person wants it gone |
//! | leaving | the crew has put its worktree away, or found work in it that would be lost |
//!
//! Whether there is such work is known where the worktree is, so the log keeps the wish and then
//! what came of it.

use serde::{Deserialize, Serialize};

use crate::{Actor, RigName, SeatName, Timestamp};

/// A standing place, such as `ada`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CrewMember {
    /// Its name, once in the town.
    pub name: SeatName,
    /// The rig that its worktree is of.
    pub rig: RigName,
    /// Who made it.
    pub by: Actor,
    /// When.
    pub since: Timestamp,
    /// How far it is.
    pub state: CrewState,
}

/// How far a crew member is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum CrewState {
    /// Its worktree is being made.
    Coming,
    /// Its worktree is ready.
    Here {
        /// Why it was not put away when a person wanted that last.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        kept: Option<String>,
    },
    /// Its worktree is to be put away.
    Leaving {
        /// Whether work that has not landed goes too, once it is saved.
        discard: bool,
    },
}

/// What the crew found of a member's worktree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CrewOutcome {
    /// It is ready.
    Ready,
    /// It is gone, and with it the member.
    Gone,
    /// It stays, because of what is in it.
    Kept,
}

impl CrewMember {
    /// Names the branch that its worktree stands on at first, without `refs/heads/`.
    #[must_use]
    pub fn branch(&self) -> String {
        format!("gtd/crew/{}", self.name)
    }

    /// Names its worktree among those of the rig.
    #[must_use]
    pub fn slot(&self) -> String {
        format!("crew-{}", self.name)
    }
}
