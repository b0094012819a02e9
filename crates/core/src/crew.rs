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
//!
//! A member may have an agent, which a person started. It works in turns of one session:
//!
//! | its agent is | until |
//! |---|---|
//! | quiet | a person tells it something, or a bead is claimed under its name |
//! | in a turn | its run has ended, or a person stopped it |
//! | stopped | a person starts it; what it is told meanwhile is refused |
//!
//! What a turn is told stands in the log from its beginning on, and the turn names its run: whoever
//! finds it begun finds the same words and the same run.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Actor, BeadId, Epoch, Note, RigName, RunId, RuntimeName, SeatName, Timestamp};

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
    /// The agent that a person started there; none where people work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<Box<CrewAgent>>,
}

/// The agent of a standing member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CrewAgent {
    /// The runtime.
    pub runtime: RuntimeName,
    /// A person stopped it: no turn begins.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stopped: bool,
    /// The session of its program that goes on with the next turn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// How many turns have begun.
    #[serde(default)]
    pub turns: u64,
    /// The turn that goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn: Option<CrewTurn>,
    /// The run of the last turn that ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<RunId>,
    /// Why the last turn did not end well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    /// What it was told and no turn has begun with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unheard: Vec<Note>,
    /// The beads that it was told are its own, each with the epoch of that.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub given: BTreeMap<BeadId, Epoch>,
}

/// A turn of a standing member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CrewTurn {
    /// Its number, from 1.
    pub number: u64,
    /// Its run.
    pub run: RunId,
    /// When it began.
    pub since: Timestamp,
    /// What it is told.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub told: Vec<Note>,
    /// The bead that it is told is its own, with its epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bead: Option<(BeadId, Epoch)>,
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

/// Names the run of a turn of a standing member that begins at a moment.
///
/// # Panics
/// Never: it is made of valid names and short enough.
#[must_use]
pub fn crew_run(member: &SeatName, turn: u64, at: Timestamp) -> RunId {
    RunId::parse(&format!("crew-{member}-{:x}.t{turn}", at.0)).expect("valid names and numbers")
}

impl CrewAgent {
    /// Makes an agent that has not begun.
    #[must_use]
    pub fn new(runtime: RuntimeName) -> Self {
        Self {
            runtime,
            stopped: false,
            session: None,
            turns: 0,
            turn: None,
            last: None,
            fault: None,
            unheard: Vec::new(),
            given: BTreeMap::new(),
        }
    }
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
