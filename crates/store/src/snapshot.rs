//! Snapshots: a cache of the folded log in the database, which may be lost at any time.
//!
//! The head is written last and carries the checksum of all chunks, so that an
//! interrupted snapshot is no snapshot. It also remembers where the journal's
//! line of its revision begins: that is the anchor of a fast start.

use std::path::Path;

use gtd_core::Revision;
use serde::{Deserialize, Serialize};

use crate::{
    database::CHUNK,
    journal,
    kv::{self, DatabaseError, Kv, Tree, Writes},
    survey::Anchor,
};

/// How many snapshots are kept.
const KEPT: usize = 2;

/// How many chunks go into one batch.
const BATCH: usize = 64;

const HEADS: &[u8] = b"h/";
const HEADS_END: &[u8] = b"h0";
const CHUNKS_END: &[u8] = b"c0";

/// What is known about a snapshot without reading it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Head {
    pub(crate) revision: Revision,
    len: u64,
    crc: u32,
    /// Where the journal's line of this revision begins.
    journal_line: u64,
    /// The checksum of that line.
    line_crc: u32,
}

/// A head, or why it cannot be used.
pub(crate) type FoundHead = (Revision, Result<Head, &'static str>);

fn head_key(revision: Revision) -> Vec<u8> {
    let mut key = HEADS.to_vec();
    key.extend_from_slice(&revision.0.to_be_bytes());
    key
}

fn chunk_key(revision: Revision, chunk: u32) -> Vec<u8> {
    let mut key = b"c/".to_vec();
    key.extend_from_slice(&revision.0.to_be_bytes());
    key.extend_from_slice(&chunk.to_be_bytes());
    key
}

/// Returns all heads, the newest first; an unreadable one with the reason.
pub(crate) fn heads(kv: &dyn Kv) -> Result<Vec<FoundHead>, DatabaseError> {
    let page = kv.range(Tree::Snapshots, HEADS, HEADS_END)?;
    let mut heads: Vec<_> = page
        .entries
        .into_iter()
        .filter_map(|(key, value)| {
            let revision = u64::from_be_bytes(key.get(2..)?.try_into().ok()?);
            Some((Revision(revision), parse(Revision(revision), &value)))
        })
        .collect();
    heads.reverse();
    Ok(heads)
}

fn parse(revision: Revision, value: &[u8]) -> Result<Head, &'static str> {
    let (crc, json) = value
        .split_first_chunk::<4>()
        .ok_or("its head is too short")?;
    if crc32fast::hash(json) != u32::from_be_bytes(*crc) {
        return Err("the checksum of its head does not fit");
    }
    let head: Head = serde_json::from_slice(json).map_err(|_| "its head is of another kind")?;
    if head.revision == revision {
        Ok(head)
    } else {
        Err("its head belongs to another revision")
    }
}

/// Finds the newest snapshot before or at `before` whose line stands in the journal where it should.
pub(crate) fn anchor(
    kv: &dyn Kv,
    journal: &Path,
    before: Revision,
) -> Result<Option<Anchor>, DatabaseError> {
    let anchor = heads(kv)?
        .into_iter()
        .filter_map(|(_, head)| head.ok())
        .filter(|head| head.revision <= before)
        .find_map(|head| {
            let (line, journal_end) = journal::line_at(journal, head.journal_line)?;
            let is_same = line.revision == head.revision && line.text_crc() == head.line_crc;
            is_same.then_some(Anchor {
                revision: head.revision,
                journal_end,
                journal_line: Some(head.journal_line),
            })
        });
    Ok(anchor)
}

/// Reads the content of a snapshot.
pub(crate) fn load(kv: &dyn Kv, head: &Head) -> Result<Vec<u8>, String> {
    let mut body = Vec::new();
    let mut from = chunk_key(head.revision, 0);
    let to = chunk_key(head.revision.next(), 0);
    let mut expected = 0;
    loop {
        let page = kv
            .range(Tree::Snapshots, &from, &to)
            .map_err(|error| error.to_string())?;
        for (key, value) in &page.entries {
            if *key != chunk_key(head.revision, expected) {
                return Err("one of its chunks is missing".to_owned());
            }
            expected += 1;
            body.extend_from_slice(value);
        }
        match page.entries.last() {
            Some((key, _)) if page.more => from = kv::after(key),
            _ => break,
        }
    }
    if body.len() as u64 == head.len && crc32fast::hash(&body) == head.crc {
        Ok(body)
    } else {
        Err("its checksum does not fit its content".to_owned())
    }
}

/// Writes a snapshot and removes those that it makes superfluous; durable on return.
pub(crate) fn write(
    kv: &mut dyn Kv,
    revision: Revision,
    journal_line: u64,
    line_crc: u32,
    body: &[u8],
) -> Result<(), DatabaseError> {
    forget(kv, &[revision])?;
    remove_chunks(kv, &chunk_key(revision, 0), &chunk_key(revision.next(), 0))?;
    let chunks: Vec<&[u8]> = body.chunks(CHUNK).collect();
    let mut number = 0;
    for batch in chunks.chunks(BATCH) {
        let mut writes = Writes::default();
        for chunk in batch {
            writes.put(chunk_key(revision, number), *chunk);
            number += 1;
        }
        kv.apply(Tree::Snapshots, writes)?;
    }
    kv::make_durable(kv)?;
    let head = Head {
        revision,
        len: body.len() as u64,
        crc: crc32fast::hash(body),
        journal_line,
        line_crc,
    };
    let json = serde_json::to_vec(&head).expect("numbers are always JSON");
    let mut value = crc32fast::hash(&json).to_be_bytes().to_vec();
    value.extend_from_slice(&json);
    let mut writes = Writes::default();
    writes.put(head_key(revision), value);
    kv.apply(Tree::Snapshots, writes)?;
    kv::make_durable(kv)?;
    prune(kv)
}

/// Removes all but the newest snapshots, and chunks that no head speaks for.
fn prune(kv: &mut dyn Kv) -> Result<(), DatabaseError> {
    let (mut kept, mut old) = (Vec::new(), Vec::new());
    for (revision, head) in heads(kv)? {
        if head.is_ok() && kept.len() < KEPT {
            kept.push(revision);
        } else {
            old.push(revision);
        }
    }
    forget(kv, &old)?;
    let mut from = chunk_key(Revision(0), 0);
    for revision in kept.into_iter().rev() {
        remove_chunks(kv, &from, &chunk_key(revision, 0))?;
        from = chunk_key(revision.next(), 0);
    }
    remove_chunks(kv, &from, CHUNKS_END)
}

/// Removes heads, durably, before any of their chunks may go.
fn forget(kv: &mut dyn Kv, revisions: &[Revision]) -> Result<(), DatabaseError> {
    let mut writes = Writes::default();
    for revision in revisions {
        if kv.get(Tree::Snapshots, &head_key(*revision))?.is_some() {
            writes.remove(head_key(*revision));
        }
    }
    if writes.0.is_empty() {
        return Ok(());
    }
    kv.apply(Tree::Snapshots, writes)?;
    kv::make_durable(kv)
}

fn remove_chunks(kv: &mut dyn Kv, from: &[u8], to: &[u8]) -> Result<(), DatabaseError> {
    loop {
        let page = kv.range(Tree::Snapshots, from, to)?;
        if page.entries.is_empty() {
            return Ok(());
        }
        let mut writes = Writes::default();
        for (key, _) in page.entries {
            writes.remove(key);
        }
        kv.apply(Tree::Snapshots, writes)?;
        kv.flush()?;
    }
}
