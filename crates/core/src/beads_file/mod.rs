//! The interchange file of bead trackers: one issue a line, as JSON.
//!
//! | in the file | here |
//! |---|---|
//! | `title` `description` `priority` `labels` `estimated_minutes` `defer_until` `metadata` | the same |
//! | `acceptance_criteria` | one criterion without a check |
//! | `issue_type` | the type, or a task for one that is not known here |
//! | `status` closed, tombstone | closed as done, closed as cancelled |
//! | any other `status` | open: who worked on it there does not work on it here |
//! | `dependencies` | needs and relations; parent-child is the parent |
//! | `comments` | remarks |
//! | everything, as it stood | [`BeadSpec::extra`](crate::BeadSpec::extra), so that an export gives it back |
//!
//! A script never comes in by a file: only a person or an approved plan sets one.

mod read;
mod write;

use serde::{Deserialize, Serialize};

pub use self::{
    read::{BeadsFile, read_beads},
    write::beads_line,
};
use crate::{BeadId, BeadSpec, Need, Note, Outcome, Timestamp};

/// The first line of a file.
pub const BEADS_HEADER: &str = r#"{"_schema":"beads-jsonl/1","_sort":"stable-v1"}"#;

/// A bead as a file tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportedBead {
    /// Its id, there and here.
    pub id: BeadId,
    /// What is wanted; `extra` is the issue as it stood.
    pub spec: BeadSpec,
    /// What it needs and relates to.
    #[serde(default)]
    pub needs: Vec<Need>,
    /// Remarks.
    #[serde(default)]
    pub notes: Vec<Note>,
    /// How it ended, if it did.
    #[serde(default)]
    pub end: Option<ImportedEnd>,
    /// When it was made.
    #[serde(default)]
    pub created_at: Option<Timestamp>,
}

/// How an imported bead ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportedEnd {
    /// How.
    pub outcome: Outcome,
    /// In words.
    pub why: String,
    /// When.
    pub at: Option<Timestamp>,
}
