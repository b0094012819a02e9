//! Copying a whole log up to a record, and checking a copy. Strict: a copy is for the day when all else is lost.
//!
//! Reads beside a store that is open elsewhere: lines up to a record that was
//! acknowledged never change, and what is sealed meanwhile can be read before
//! it is cut off. A copy is one journal from the first record on, as every
//! version reads it. Nothing is mended here; the next open of the store does that.

use std::{
    io::{self, Write},
    path::Path,
};

use gtd_core::Revision;

use crate::{
    error::StoreError,
    files::Layout,
    journal::{self, Header, Lines},
    line::{HeaderLine, Line},
    sealed::Sealed,
};

/// What a whole log is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalReport {
    /// The town that it belongs to.
    pub town_id: String,
    /// Its last record.
    pub head: Revision,
}

/// Copies the log of the store in `dir` from its first record to the record `until`.
///
/// # Errors
/// When a line up to there is damaged or missing, or the system refuses a read or a write.
pub fn copy_log(
    dir: &Path,
    until: Revision,
    to: &mut dyn Write,
) -> Result<JournalReport, StoreError> {
    let fail = |source| StoreError::io("write a copy of the log to", dir, source);
    let mut is_begun = false;
    let report = walk_log(dir, Some(until), &mut |town, line| {
        if !is_begun {
            to.write_all(HeaderLine::of_whole_log(town).text().as_bytes())?;
            is_begun = true;
        }
        to.write_all(line.text.as_bytes())?;
        to.write_all(b"\n")
    })?;
    if !is_begun {
        to.write_all(HeaderLine::of_whole_log(&report.town_id).text().as_bytes())
            .map_err(fail)?;
    }
    if report.head < until {
        let path = Layout::new(dir).journal();
        let begin = journal::read_header(&path)?.1;
        return Err(damaged(&path, begin, format!("record {until} is missing")));
    }
    Ok(report)
}

/// Checks that every record of the store in `dir` can be read from its segments and its journal.
///
/// # Errors
/// With the place of the first line that is not as it should be, or when the system refuses a read.
pub fn check_log(dir: &Path) -> Result<JournalReport, StoreError> {
    walk_log(dir, None, &mut |_, _| Ok(()))
}

/// Checks that every line of a journal is good, and that no record is missing.
///
/// # Errors
/// With the place of the first line that is not as it should be, or when the system refuses a read.
pub fn check_journal(path: &Path) -> Result<JournalReport, StoreError> {
    let (town_id, begin) = header(path)?;
    let lines = Lines::open(path, begin, Revision(0))?;
    let head = walk(lines, path, begin, Revision(0), None, &mut |_| Ok(()))?;
    Ok(JournalReport { town_id, head })
}

fn walk_log(
    dir: &Path,
    until: Option<Revision>,
    visit: &mut dyn FnMut(&str, &Line) -> io::Result<()>,
) -> Result<JournalReport, StoreError> {
    let layout = Layout::new(dir);
    let path = layout.journal();
    // The journal is opened first: whatever it does not have any more is in a segment by then.
    let (town_id, begin, mut lines) = loop {
        let found = header(&path)?;
        let lines = Lines::open(&path, found.1, Revision(0))?;
        // It may have been replaced between the two.
        if header(&path)? == found {
            break (found.0, found.1, lines);
        }
    };
    let sealed = Sealed::read_only(&layout)?;
    lines.pass_over(sealed.end());
    let (mut head, mut left) = (Revision(0), 0);
    let mut segments = sealed.lines_after(head);
    while until.is_none_or(|until| head < until)
        && let Some(line) = segments.next_line()?
    {
        (head, left) = (line.revision, line.left);
        visit(&town_id, &line)
            .map_err(|source| StoreError::io("write a copy of the log to", dir, source))?;
    }
    if left > 0 {
        let why = format!("the last append lacks {left} records");
        return Err(damaged(&path, begin, why));
    }
    let head = walk(lines, &path, begin, head, until, &mut |line| {
        visit(&town_id, line)
    })?;
    Ok(JournalReport { town_id, head })
}

fn header(path: &Path) -> Result<(String, u64), StoreError> {
    match journal::read_header(path)? {
        (Header::Good { town, .. }, begin) => Ok((town, begin)),
        (Header::Absent, _) => Err(damaged(path, 0, "there is nothing".to_owned())),
        (Header::Bad(why), _) => Err(damaged(path, 0, why.to_string())),
    }
}

fn walk(
    mut lines: Lines,
    path: &Path,
    begin: u64,
    after: Revision,
    until: Option<Revision>,
    visit: &mut dyn FnMut(&Line) -> io::Result<()>,
) -> Result<Revision, StoreError> {
    let mut head = after;
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
            .map_err(|source| StoreError::io("write a copy of the log to", path, source))?;
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
