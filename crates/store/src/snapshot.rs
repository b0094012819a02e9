//! Snapshots: a cache of the folded log, in files of their own, which may be lost at any time.
//!
//! A file `snapshots/<revision>.snap` is one line and then the content:
//!
//! ```text
//! gtd-snapshot 1 <revision> <length> <crc> <journal line> <crc of that line> <crc of all before>
//! ```
//!
//! Numbers are decimal, checksums CRC-32 (IEEE) in eight hexadecimal digits.
//! Where the journal's line of the revision begins, and what it was, is the
//! anchor of a fast start; the place is counted over all that was ever written
//! to the journal, so that it stays true when sealed records are cut off. A file is whole and synced before it gets its name,
//! so that an interrupted snapshot is no snapshot, and it may be written by any
//! thread while the store goes on.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use gtd_core::Revision;

use crate::{
    error::StoreError,
    files::{self, DRAFT, Layout},
    journal::{self, Header},
    repair::Repair,
    survey::Anchor,
};

/// How many snapshots are kept.
const KEPT: usize = 2;

const MAGIC: &str = "gtd-snapshot";
const FORMAT: u32 = 1;
/// No head line is longer.
const LONGEST_HEAD: u64 = 200;
const ENDING: &str = "snap";

/// A record of the log and where it stands, so that a snapshot of the state after it can be written by any thread.
#[derive(Debug, Clone)]
pub struct SnapshotPlace {
    pub(crate) dir: PathBuf,
    pub(crate) revision: Revision,
    /// The place at which the journal's line of this revision begins.
    pub(crate) journal_line: u64,
    /// The checksum of that line.
    pub(crate) line_crc: u32,
}

impl SnapshotPlace {
    /// Returns the record after which the state is to be written.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// Writes a snapshot and removes those that it makes superfluous; durable on return.
    ///
    /// # Errors
    /// When the system refuses a write; the older snapshots are then as they were.
    pub fn write(&self, body: &[u8]) -> Result<(), StoreError> {
        let path = path_of(&self.dir, self.revision);
        let draft = path.with_extension(DRAFT);
        self.draft(&draft, body)
            .and_then(|()| {
                gtd_fault::point("store.snapshot-drafted");
                fs::rename(&draft, &path)
            })
            .and_then(|()| files::sync_dir(&self.dir))
            .and_then(|()| prune(&self.dir))
            .map_err(|source| {
                // It is worth nothing, and the disk may be full.
                drop(files::remove(&draft));
                StoreError::io("write a snapshot to", path, source)
            })
    }

    fn draft(&self, draft: &Path, body: &[u8]) -> io::Result<()> {
        if !self.dir.is_dir() {
            DirBuilder::new().mode(0o700).create(&self.dir)?;
            self.dir.parent().map_or(Ok(()), files::sync_dir)?;
        }
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(draft)?;
        let head = Head {
            revision: self.revision,
            length: body.len() as u64,
            crc: crc32fast::hash(body),
            journal_line: self.journal_line,
            line_crc: self.line_crc,
        };
        file.write_all(head.text().as_bytes())?;
        file.write_all(body)?;
        file.sync_all()
    }
}

/// What is known about a snapshot without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) revision: Revision,
    length: u64,
    crc: u32,
    journal_line: u64,
    line_crc: u32,
}

impl Head {
    fn text(&self) -> String {
        let front = format!(
            "{MAGIC} {FORMAT} {} {} {:08x} {} {:08x}",
            self.revision, self.length, self.crc, self.journal_line, self.line_crc
        );
        format!("{front} {:08x}\n", crc32fast::hash(front.as_bytes()))
    }

    fn parse(line: &str) -> Result<Self, String> {
        let other = || "its first line is of another kind".to_owned();
        let (front, crc) = line.trim_end().rsplit_once(' ').ok_or_else(other)?;
        let mut fields = front.split(' ');
        if fields.next() != Some(MAGIC) {
            return Err(other());
        }
        let format: u32 = number(fields.next()).ok_or_else(other)?;
        if format != FORMAT {
            return Err(format!(
                "it has format {format}, this program reads {FORMAT}"
            ));
        }
        if hexadecimal(Some(crc)) != Some(crc32fast::hash(front.as_bytes())) {
            return Err("the checksum of its first line does not fit".to_owned());
        }
        let mut head = || {
            Some(Self {
                revision: Revision(number(fields.next())?),
                length: number(fields.next())?,
                crc: hexadecimal(fields.next())?,
                journal_line: number(fields.next())?,
                line_crc: hexadecimal(fields.next())?,
            })
        };
        head().ok_or_else(other)
    }
}

fn number<T: std::str::FromStr>(field: Option<&str>) -> Option<T> {
    field?.parse().ok()
}

fn hexadecimal(field: Option<&str>) -> Option<u32> {
    u32::from_str_radix(field?, 16).ok()
}

/// A head, or why it cannot be used.
pub(crate) type FoundHead = (Revision, Result<Head, String>);

fn path_of(dir: &Path, revision: Revision) -> PathBuf {
    // Names in the order of the revisions.
    dir.join(format!("{:020}.{ENDING}", revision.0))
}

/// Returns all heads, the newest first; an unreadable one with the reason.
pub(crate) fn heads(layout: &Layout) -> io::Result<Vec<FoundHead>> {
    let mut heads: Vec<_> = revisions(&layout.snapshots())?
        .into_iter()
        .map(|revision| (revision, head(&layout.snapshots(), revision)))
        .collect();
    heads.reverse();
    Ok(heads)
}

/// Lists the revisions of which there are snapshots, the oldest first.
fn revisions(dir: &Path) -> io::Result<Vec<Revision>> {
    let mut found = Vec::new();
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(found),
        other => other?,
    };
    for entry in entries {
        let path = entry?.path();
        let is_one = path.extension().is_some_and(|ending| ending == ENDING);
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        if let (true, Some(revision)) = (is_one, number(stem)) {
            found.push(Revision(revision));
        }
    }
    found.sort_unstable();
    Ok(found)
}

fn head(dir: &Path, revision: Revision) -> Result<Head, String> {
    let file = File::open(path_of(dir, revision)).map_err(|error| error.to_string())?;
    let (head, _) = read_head(file)?;
    if head.revision == revision {
        Ok(head)
    } else {
        Err("its first line belongs to another revision".to_owned())
    }
}

/// Reads the first line; returns also what reads on behind it.
fn read_head(file: File) -> Result<(Head, BufReader<File>), String> {
    let mut reader = BufReader::new(file);
    let mut line = String::new();
    (&mut reader)
        .take(LONGEST_HEAD)
        .read_line(&mut line)
        .map_err(|error| error.to_string())?;
    Ok((Head::parse(&line)?, reader))
}

/// Finds the newest snapshot before or at `before` whose line stands in the journal where it should.
pub(crate) fn anchor(layout: &Layout, before: Revision) -> io::Result<Option<Anchor>> {
    let path = layout.journal();
    let Ok((Header::Good { begin, .. }, _)) = journal::read_header(&path) else {
        return Ok(None);
    };
    let anchor = heads(layout)?
        .into_iter()
        .filter_map(|(_, head)| head.ok())
        .filter(|head| head.revision <= before)
        .find_map(|head| {
            let offset = begin.offset_of(head.journal_line)?;
            let (line, journal_end) = journal::line_at(&path, offset)?;
            let is_same = line.revision == head.revision && line.text_crc() == head.line_crc;
            is_same.then_some(Anchor {
                revision: head.revision,
                journal_end,
                journal_line: Some(offset),
            })
        });
    Ok(anchor)
}

/// Reads the content of a snapshot.
pub(crate) fn load(layout: &Layout, head: &Head) -> Result<Vec<u8>, String> {
    let file = File::open(path_of(&layout.snapshots(), head.revision))
        .map_err(|error| error.to_string())?;
    let (_, mut reader) = read_head(file)?;
    let mut body = Vec::with_capacity(usize::try_from(head.length).unwrap_or(0));
    reader
        .read_to_end(&mut body)
        .map_err(|error| error.to_string())?;
    if body.len() as u64 == head.length && crc32fast::hash(&body) == head.crc {
        Ok(body)
    } else {
        Err("its checksum does not fit its content".to_owned())
    }
}

/// A snapshot that can be used, and what was wrong with newer ones.
pub(crate) type Newest = (Option<(Revision, Vec<u8>)>, Vec<Repair>);

/// Reads the newest snapshot that can be used and is not behind `head`.
pub(crate) fn newest(layout: &Layout, head: Option<Revision>) -> Newest {
    let mut ignored = Vec::new();
    let heads = heads(layout).unwrap_or_else(|error| vec![(Revision(0), Err(error.to_string()))]);
    for (at, found) in heads {
        let loaded = found.and_then(|found| {
            if head.is_some_and(|head| at > head) {
                return Err("the log does not reach it".to_owned());
            }
            load(layout, &found)
        });
        match loaded {
            Ok(body) => return (Some((at, body)), ignored),
            Err(why) => ignored.push(Repair::SnapshotIgnored { at, why }),
        }
    }
    (None, ignored)
}

/// Removes all but the newest snapshots that can be used.
fn prune(dir: &Path) -> io::Result<()> {
    let mut n_kept = 0;
    for revision in revisions(dir)?.into_iter().rev() {
        if n_kept < KEPT && head(dir, revision).is_ok() {
            n_kept += 1;
        } else {
            files::remove(&path_of(dir, revision))?;
        }
    }
    Ok(())
}
