//! Everything that the store can refuse or fail at.

use std::{fmt, io, path::PathBuf};

use gtd_core::Revision;

use crate::kv::DatabaseError;

/// One of the two places that hold the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Witness {
    /// The sled database.
    Database,
    /// The JSON-lines journal.
    Journal,
}

impl fmt::Display for Witness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Database => "database",
            Self::Journal => "journal",
        })
    }
}

/// Says what the store could not do.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process has the store open.
    #[error("open the store: {} is held by {}", path.display(), holder(*pid))]
    Held {
        /// The lock file.
        path: PathBuf,
        /// The process that holds it, where it could be read.
        pid: Option<u32>,
    },
    /// The data were written by a newer gtd.
    #[error(
        "open the store: its {at} has format {found}, this program knows formats up to {supported}"
    )]
    NewerFormat {
        /// The format of the data.
        found: u32,
        /// The newest format that this program reads.
        supported: u32,
        /// Where it was seen.
        at: Witness,
    },
    /// The database and the journal tell two different stories.
    #[error(
        "open the store: record {revision} differs: the database has {sled}, the journal has {journal}"
    )]
    Diverged {
        /// The first record that differs.
        revision: Revision,
        /// The line in the database.
        sled: String,
        /// The line in the journal.
        journal: String,
    },
    /// The database and the journal belong to two towns.
    #[error("open the store: its database belongs to town {sled}, its journal to town {journal}")]
    OtherTown {
        /// The town of the database.
        sled: String,
        /// The town of the journal.
        journal: String,
    },
    /// Neither witness is whole, and together they are not either.
    #[error("read the log in {}: the database: {sled}; the journal: {journal}", dir.display())]
    Unreadable {
        /// The folder of the store.
        dir: PathBuf,
        /// What is wrong with the database.
        sled: String,
        /// What is wrong with the journal.
        journal: String,
    },
    /// A sealed record can be read in neither copy of its segment.
    #[error("read the sealed record {revision} in {}: {why}", path.display())]
    SegmentLost {
        /// The first copy of the segment.
        path: PathBuf,
        /// The record.
        revision: Revision,
        /// What is wrong with the copies.
        why: String,
    },
    /// There was a log once, and now both witnesses are empty or gone.
    #[error("open the store: {} held a log once, and now both its database and its journal are empty", dir.display())]
    Emptied {
        /// The folder of the store.
        dir: PathBuf,
    },
    /// The disk or the quota is full.
    #[error("{act}: no space is left on the device")]
    OutOfSpace {
        /// What needed the space.
        act: &'static str,
        /// What was refused.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// An earlier write failed; what is on the disk is known again after the next open.
    #[error(
        "write to the store: an earlier write failed, and the store has not been opened again since"
    )]
    Poisoned,
    /// The records do not follow the head.
    #[error("append record {found}: record {expected} is next")]
    NotContiguous {
        /// The revision that is next.
        expected: Revision,
        /// The revision that was given.
        found: Revision,
    },
    /// A body is longer than a record may be.
    #[error("append record {revision}: its body has {size} bytes, {limit} are allowed")]
    TooLarge {
        /// The record.
        revision: Revision,
        /// The length of its body.
        size: usize,
        /// The greatest length allowed.
        limit: usize,
    },
    /// A body is not one JSON object on one line.
    #[error("append record {revision}: its body is not one JSON object on one line")]
    NotAnObject {
        /// The record.
        revision: Revision,
        /// What the parser said.
        #[source]
        source: Option<serde_json::Error>,
    },
    /// A snapshot of a state that the log has not reached, or that has no record.
    #[error("write a snapshot of revision {at}: the log goes from 1 to {head}")]
    NoSuchRevision {
        /// The revision asked for.
        at: Revision,
        /// The last record.
        head: Revision,
    },
    /// A stored record is not what was written; the next open mends it.
    #[error("read record {revision}: {why}")]
    Damaged {
        /// The record.
        revision: Revision,
        /// What is wrong with it.
        why: String,
    },
    /// A journal that has to be whole is not.
    #[error("read the journal {}: at byte {at}: {why}", path.display())]
    JournalDamaged {
        /// The file.
        path: PathBuf,
        /// Where the first bad line begins.
        at: u64,
        /// What is wrong there.
        why: String,
    },
    /// The database failed.
    #[error("{act}")]
    Database {
        /// What was being done.
        act: &'static str,
        /// What the database did.
        #[source]
        source: DatabaseError,
    },
    /// The system refused an act on a file.
    #[error("{act} {}", path.display())]
    Io {
        /// What was being done.
        act: &'static str,
        /// To which file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl StoreError {
    /// Returns what to do next, where something helps; each is tried by a test.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Unreadable { .. } => Some(
                "gtd backup restore FILE --replace, and gtd backup list shows which there are; \
                 without a backup, copy the folder away; then put an older copy of `journal.jsonl` in the place of the damaged one: \
                 what the database still has is added to it",
            ),
            Self::Emptied { .. } => Some(
                "gtd backup restore FILE --replace, and gtd backup list shows which there are; \
                 or put a copy of `journal.jsonl` or of `sled` back: one of them is enough; \
                 to begin anew instead, move the folder away",
            ),
            Self::SegmentLost { .. } => Some(
                "gtd backup restore FILE --replace, and gtd backup list shows which there are; \
                 or put a good copy of the segment back into `segments` or `segments-copy`: one of them is enough",
            ),
            Self::NewerFormat { .. } => Some(
                "install the version of gtd that wrote it, or one that is newer; \
                 or restore a backup of before: gtd backup restore FILE --replace",
            ),
            Self::Diverged { .. } | Self::OtherTown { .. } => Some(
                "move away the one that is wrong, `sled` or `journal.jsonl`: it is made again from the other",
            ),
            _ => None,
        }
    }

    pub(crate) fn database(act: &'static str, source: DatabaseError) -> Self {
        if source.is_out_of_space() {
            Self::OutOfSpace {
                act,
                source: Box::new(source),
            }
        } else {
            Self::Database { act, source }
        }
    }

    pub(crate) fn io(act: &'static str, path: impl Into<PathBuf>, source: io::Error) -> Self {
        if crate::kv::is_out_of_space(&source) {
            Self::OutOfSpace {
                act,
                source: Box::new(source),
            }
        } else {
            Self::Io {
                act,
                path: path.into(),
                source,
            }
        }
    }
}

fn holder(pid: Option<u32>) -> String {
    pid.map_or_else(
        || "another process".to_owned(),
        |pid| format!("process {pid}"),
    )
}
