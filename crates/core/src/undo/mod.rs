//! Undo: what a person did last, and what takes it back.
//!
//! A write of a person is an operation: its records, one after the other, under
//! one request. Undoing computes from the graph of before what the operation
//! changed, and puts that back in one event of its own; the log keeps both.
//! What somebody else built upon meanwhile is never taken away: that is
//! refused, with another way.

mod operation;
mod reverse;

use serde::{Deserialize, Serialize};

use crate::{
    Bead, BeadId, Goal, Moment, Pause, PauseScope, Revision, RigName, Schedule, ScheduleName,
};

pub use self::{
    operation::{Operation, operations},
    reverse::reverse,
};

/// What takes an operation back: everything as it was before.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Reversal {
    /// The first record of the operation.
    pub op: Revision,
    /// Its last record.
    pub last: Revision,
    /// Up to here nothing was built upon it; what changed later is not touched.
    pub until: Revision,
    /// What it did, in words.
    pub what: String,
    /// The beads that are as they were.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub beads: Vec<Bead>,
    /// The goals that are as they were.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub goals: Vec<(BeadId, Goal)>,
    /// The beads and goals that it made, and that are not there any more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub withdrawn: Vec<BeadId>,
    /// The pauses that hold again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paused: Vec<Pause>,
    /// The pauses that it made, and that hold no more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resumed: Vec<PauseScope>,
    /// The schedules that are there again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub schedules: Vec<Schedule>,
    /// The schedules that it made, and that are not there any more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unscheduled: Vec<(RigName, ScheduleName)>,
}

/// One operation in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpDoc {
    /// Its number: that of its first record.
    pub id: Revision,
    /// What it did, in words.
    pub what: String,
    /// Who.
    pub by: String,
    /// When.
    pub at: Moment,
    /// The operation that it took back.
    pub undoes: Option<Revision>,
    /// The operation that took it back.
    pub undone_by: Option<Revision>,
}
