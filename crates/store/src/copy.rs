//! Copying a journal up to a record, and checking a copy. Strict: a copy is for the day when all else is lost.
//!
//! Reads beside a store that is open elsewhere: lines up to a record that was
//! acknowledged never change. Nothing is mended here; the next open of the
//! store does that.

use std::{
    io::{self, Write},
    path::Path,
};

use gtd_core::Revision;

use crate::{
    error::StoreError,
    journal::{self, Header, Lines},
    line::{HeaderLine, Line},
};

/// What a whole journal is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalReport {
    /// The town that it belongs to.
    pub town_id: String,
    /// Its last record.
    pub head: Revision,
}

/// Copies a journal from its header to the record `until`.
///
/// # Errors
/// When a line up to there is damaged or missing, or the system refuses a read or a write.
pub fn copy_journal(
    from: &Path,
    until: Revision,
    to: &mut dyn Write,
) -> Result<JournalReport, StoreError> {
    let fail = |source| StoreError::io("write a copy of the journal", from, source);
    let (town_id, begin) = header(from)?;
    to.write_all(HeaderLine::new(&town_id).text().as_bytes())
        .map_err(fail)?;
    let head = walk(from, begin, Some(until), &mut |line| {
        to.write_all(line.text.as_bytes())?;
        to.write_all(b"\n")
    })?;
    if head < until {
        return Err(damaged(from, begin, format!("record {until} is missing")));
    }
    Ok(JournalReport { town_id, head })
}

/// Checks that every line of a journal is good, and that no record is missing.
///
/// # Errors
/// With the place of the first line that is not as it should be, or when the system refuses a read.
pub fn check_journal(path: &Path) -> Result<JournalReport, StoreError> {
    let (town_id, begin) = header(path)?;
    let head = walk(path, begin, None, &mut |_| Ok(()))?;
    Ok(JournalReport { town_id, head })
}

fn header(path: &Path) -> Result<(String, u64), StoreError> {
    match journal::read_header(path)? {
        (Header::Good { town }, begin) => Ok((town, begin)),
        (Header::Absent, _) => Err(damaged(path, 0, "there is nothing".to_owned())),
        (Header::Bad(why), _) => Err(damaged(path, 0, why.to_string())),
    }
}

fn walk(
    path: &Path,
    begin: u64,
    until: Option<Revision>,
    visit: &mut dyn FnMut(&Line) -> io::Result<()>,
) -> Result<Revision, StoreError> {
    let mut lines = Lines::open(path, begin, Revision(0))?;
    let mut head = Revision(0);
    let mut end = begin;
    let mut left = 0;
    while until.is_none_or(|until| head < until) {
        let next = lines.next_good()?;
        if let Some((at, why)) = &lines.first_bad {
            return Err(damaged(path, *at, why.to_string()));
        }
        let Some(placed) = next else { break };
        let expected = head.next();
        if placed.line.revision != expected {
            let why = format!("record {expected} is missing");
            return Err(damaged(path, placed.offset, why));
        }
        visit(&placed.line)
            .map_err(|source| StoreError::io("write a copy of the journal", path, source))?;
        (head, end, left) = (expected, placed.end, placed.line.left);
    }
    if left > 0 {
        let why = format!("the last append lacks {left} records");
        return Err(damaged(path, end, why));
    }
    if lines.lacks_break {
        return Err(damaged(path, end, "the last line has no end".to_owned()));
    }
    Ok(head)
}

fn damaged(path: &Path, at: u64, why: String) -> StoreError {
    StoreError::JournalDamaged {
        path: path.to_owned(),
        at,
        why,
    }
}
