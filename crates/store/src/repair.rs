//! What had to be mended at an open, in words for the log and the person.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use gtd_core::Revision;

use crate::record::FORMAT;

/// One thing that was mended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Repair {
    /// The end of the journal was not a whole record, as after a crash.
    JournalTailCut {
        /// How many bytes were cut off.
        bytes: u64,
    },
    /// The last line of the journal lacked only its line break.
    JournalLineEnded {
        /// The record in that line.
        revision: Revision,
    },
    /// Records that only the database had were appended to the journal.
    JournalCaughtUp {
        /// The first of them.
        first: Revision,
        /// The last of them.
        last: Revision,
    },
    /// The journal was damaged before its end and was written anew.
    JournalRewritten {
        /// What was wrong with it.
        why: String,
        /// How many records came from the database.
        from_database: u64,
        /// Where the damaged journal is now.
        aside: PathBuf,
    },
    /// The journal was missing or held nothing and was written anew from the database.
    JournalRebuilt {
        /// How many records it has now.
        records: u64,
    },
    /// The database was damaged or missing and was built anew from the journal.
    DatabaseRebuilt {
        /// What was wrong with it.
        why: String,
        /// How many records it has now.
        records: u64,
        /// Where the damaged database is now, if there was one.
        aside: Option<PathBuf>,
    },
    /// The database may have been damaged where the journal could not vouch for it; a copy was kept.
    DatabaseSetAside {
        /// Why it may have been damaged.
        why: String,
        /// Where it is now, as it was found.
        aside: PathBuf,
    },
    /// The last append had reached neither witness whole, was never acknowledged, and was dropped.
    AppendDropped {
        /// The first record of it.
        first: Revision,
        /// The last record of it that had arrived.
        last: Revision,
    },
    /// A copy of a segment was damaged or missing and was written anew from the other.
    SegmentMended {
        /// The first record of the segment.
        first: Revision,
        /// The last record of the segment.
        last: Revision,
        /// What was wrong with the copy.
        why: String,
    },
    /// The store was of an older format.
    Migrated {
        /// The older format.
        from: u32,
        /// Where a copy is that an older version reads.
        kept: Option<PathBuf>,
    },
    /// A snapshot was unusable; an older one or the log itself serves instead.
    SnapshotIgnored {
        /// The revision of the snapshot.
        at: Revision,
        /// What is wrong with it.
        why: String,
    },
}

impl fmt::Display for Repair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::JournalTailCut { bytes } => {
                write!(
                    f,
                    "The journal ended in a torn line; {bytes} bytes were cut off."
                )
            }
            Self::JournalLineEnded { revision } => {
                write!(
                    f,
                    "The journal's line of record {revision} lacked its line break, which was added."
                )
            }
            Self::JournalCaughtUp { first, last } => write!(
                f,
                "The journal lacked records {first} to {last}, which were taken from the database."
            ),
            Self::JournalRewritten {
                why,
                from_database,
                aside,
            } => write!(
                f,
                "The journal was damaged ({why}) and was written anew, with {from_database} records from the \
                 database; the old one is now {}.",
                name(aside)
            ),
            Self::JournalRebuilt { records } => write!(
                f,
                "The journal held nothing and was rebuilt from the {records} records of the database."
            ),
            Self::DatabaseRebuilt {
                why,
                records,
                aside,
            } => {
                write!(
                    f,
                    "The database was rebuilt from the {records} records of the journal ({why})"
                )?;
                match aside {
                    Some(aside) => write!(f, "; the old one is now {}.", name(aside)),
                    None => f.write_str("."),
                }
            }
            Self::DatabaseSetAside { why, aside } => write!(
                f,
                "The database may have been damaged ({why}) where the journal cannot vouch for it; a copy of it \
                 as it was found is now {}.",
                name(aside)
            ),
            Self::AppendDropped { first, last } => write!(
                f,
                "Records {first} to {last} are part of an append that never arrived whole, and were dropped."
            ),
            Self::SegmentMended { first, last, why } => write!(
                f,
                "A copy of the sealed records {first} to {last} was damaged ({why}) and was written anew from the \
                 other copy."
            ),
            Self::Migrated { from, kept } => {
                write!(
                    f,
                    "The log was in format {from} and is in format {FORMAT} now"
                )?;
                match kept {
                    Some(kept) => write!(f, "; a copy for older versions is {}.", name(kept)),
                    None => f.write_str("."),
                }
            }
            Self::SnapshotIgnored { at, why } => {
                write!(f, "The snapshot of revision {at} is not used: {why}.")
            }
        }
    }
}

fn name(path: &Path) -> std::path::Display<'_> {
    path.file_name().map_or(path, Path::new).display()
}
