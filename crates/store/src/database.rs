//! How record lines stand in the database: keys, chunks, and reading them back in order.
//!
//! It decides nothing about damage; it reports per revision what it found.

use std::collections::{BTreeMap, VecDeque};

use gtd_core::{RequestId, Revision};

use crate::{
    kv::{self, DatabaseError, Kv, Page, Writes},
    line::{BadLine, Line},
    record::{FORMAT, RequestSpan},
};

/// The longest value; see the module doc of the crate.
pub(crate) const CHUNK: usize = 7 * 1024;

/// After so many unreadable records in a row the rest is taken as unreadable too.
const PATIENCE: u32 = 64;

const FORMAT_KEY: &[u8] = b"m/format";
const HEAD_KEY: &[u8] = b"m/head";
const TOWN_KEY: &[u8] = b"m/town";
const RECORDS_END: &[u8] = b"e0";
const RECORD_KEY_LENGTH: usize = 10;

pub(crate) fn record_key(revision: Revision) -> Vec<u8> {
    let mut key = b"e/".to_vec();
    key.extend_from_slice(&revision.0.to_be_bytes());
    key
}

fn request_key(request: &RequestId) -> Vec<u8> {
    let mut key = b"r/".to_vec();
    key.extend_from_slice(request.as_str().as_bytes());
    key
}

/// What the database says about itself.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Meta {
    pub(crate) format: Option<u32>,
    pub(crate) town: Option<String>,
    pub(crate) head: Option<Revision>,
}

pub(crate) fn meta(kv: &dyn Kv) -> Result<Meta, DatabaseError> {
    let read = |key| kv.get(key);
    let unfit = |key: &str| DatabaseError::Corrupt(format!("{key} does not hold what it should"));
    let format = read(FORMAT_KEY)?
        .map(|bytes| number(&bytes).and_then(|format| u32::try_from(format).ok()))
        .map(|format| format.ok_or_else(|| unfit("m/format")))
        .transpose()?;
    let head = read(HEAD_KEY)?
        .map(|bytes| number(&bytes).ok_or_else(|| unfit("m/head")))
        .transpose()?;
    let town = read(TOWN_KEY)?
        .map(|bytes| String::from_utf8(bytes).map_err(|_| unfit("m/town")))
        .transpose()?;
    Ok(Meta {
        format,
        town,
        head: head.map(Revision),
    })
}

fn number(bytes: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(bytes.try_into().ok()?))
}

/// Makes an empty database one of this format and town, whose records begin after `head`; durable on return.
pub(crate) fn initialise(kv: &mut dyn Kv, town: &str, head: Revision) -> Result<(), DatabaseError> {
    let mut writes = Writes::default();
    writes.put(FORMAT_KEY, u64::from(FORMAT).to_be_bytes());
    writes.put(TOWN_KEY, town.as_bytes());
    writes.put(HEAD_KEY, head.0.to_be_bytes());
    kv.apply(writes)?;
    kv::make_durable(kv)
}

/// Makes a database of an older format one of this format; durable on return.
pub(crate) fn set_format(kv: &mut dyn Kv) -> Result<(), DatabaseError> {
    let mut writes = Writes::default();
    writes.put(FORMAT_KEY, u64::from(FORMAT).to_be_bytes());
    kv.apply(writes)?;
    kv::make_durable(kv)
}

/// Returns the batch that stores these lines, which follow each other.
///
/// They may be of several appends. All records of a request stand in one append;
/// a later append for the same request would take its entry over.
pub(crate) fn writes_of(lines: &[Line]) -> Writes {
    let mut writes = Writes::default();
    let mut spans: BTreeMap<&RequestId, RequestSpan> = BTreeMap::new();
    for line in lines {
        put_line(&mut writes, line);
        if let Some(request) = &line.request {
            let first = RequestSpan {
                first: line.revision,
                last: line.revision,
            };
            let span = spans.entry(request).or_insert(first);
            span.last = line.revision;
        }
        let is_end_of_append = line.left == 0;
        if is_end_of_append {
            put_spans(&mut writes, std::mem::take(&mut spans));
        }
    }
    if let Some(line) = lines.last() {
        writes.put(HEAD_KEY, line.revision.0.to_be_bytes());
    }
    writes
}

fn put_line(writes: &mut Writes, line: &Line) {
    let key = record_key(line.revision);
    let mut chunks = line.text.as_bytes().chunks(CHUNK);
    writes.put(key.clone(), chunks.next().expect("a line is never empty"));
    for (number, chunk) in (1_u32..).zip(chunks) {
        let mut key = key.clone();
        key.extend_from_slice(&number.to_be_bytes());
        writes.put(key, chunk);
    }
}

fn put_spans(writes: &mut Writes, spans: BTreeMap<&RequestId, RequestSpan>) {
    for (request, span) in spans {
        let mut value = span.first.0.to_be_bytes().to_vec();
        value.extend_from_slice(&span.last.0.to_be_bytes());
        writes.put(request_key(request), value);
    }
}

pub(crate) fn find_request(
    kv: &dyn Kv,
    request: &RequestId,
) -> Result<Option<RequestSpan>, DatabaseError> {
    let Some(value) = kv.get(&request_key(request))? else {
        return Ok(None);
    };
    let (Some(first), Some(last)) = (
        value.get(..8).and_then(number),
        value.get(8..).and_then(number),
    ) else {
        return Err(DatabaseError::Corrupt(
            "the entry of a request does not hold two revisions".to_owned(),
        ));
    };
    Ok(Some(RequestSpan {
        first: Revision(first),
        last: Revision(last),
    }))
}

/// What the database has at one revision.
#[derive(Debug)]
pub(crate) enum Found {
    Line(Line),
    Missing,
    Bad(String),
}

/// What stands at a revision.
type ReadLine = (Revision, Result<Line, BadLine>);

/// Reads record lines in rising order, a page at a time, and record by record once a page cannot be read.
pub(crate) struct Reader<'a> {
    kv: &'a dyn Kv,
    ready: VecDeque<ReadLine>,
    is_exhausted: bool,
    failures: Option<u32>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(kv: &'a dyn Kv) -> Self {
        Self {
            kv,
            ready: VecDeque::new(),
            is_exhausted: false,
            failures: None,
        }
    }

    /// Looks at one revision; the revisions asked for must rise.
    pub(crate) fn at(&mut self, revision: Revision) -> Found {
        while self.failures.is_none() {
            match self.ready.front() {
                Some((found, _)) if *found < revision => {
                    self.ready.pop_front();
                }
                Some((found, _)) if *found > revision => return Found::Missing,
                Some(_) => {
                    let line = self.ready.pop_front().map(|(_, line)| line);
                    return line.map_or(Found::Missing, found);
                }
                None if self.is_exhausted => return Found::Missing,
                None => {
                    if self.fill(revision).is_err() {
                        self.failures = Some(0);
                    }
                }
            }
        }
        self.at_alone(revision)
    }

    fn at_alone(&mut self, revision: Revision) -> Found {
        if self.failures >= Some(PATIENCE) {
            return Found::Bad("the database cannot be read".to_owned());
        }
        match self.groups(&record_key(revision), &record_key(revision.next())) {
            Ok((mut groups, _)) => {
                self.failures = Some(0);
                groups
                    .pop_front()
                    .map_or(Found::Missing, |(_, line)| found(line))
            }
            Err(error) => {
                self.failures = self.failures.map(|n| n + 1);
                Found::Bad(error.to_string())
            }
        }
    }

    fn fill(&mut self, from: Revision) -> Result<(), DatabaseError> {
        let (ready, is_exhausted) = self.groups(&record_key(from), RECORDS_END)?;
        self.ready = ready;
        self.is_exhausted = is_exhausted;
        Ok(())
    }

    /// Reads pages until at least one record is whole; says whether the range is at its end.
    fn groups(&self, from: &[u8], to: &[u8]) -> Result<(VecDeque<ReadLine>, bool), DatabaseError> {
        let mut groups = VecDeque::new();
        let mut open: Option<Chunks> = None;
        let mut from = from.to_vec();
        loop {
            let Page { entries, more } = self.kv.range(&from, to)?;
            if let Some((key, _)) = entries.last() {
                from = kv::after(key);
            }
            for (key, value) in entries {
                let Some((revision, chunk)) = place(&key) else {
                    return Err(DatabaseError::Corrupt(
                        "a key of a record has the wrong length".to_owned(),
                    ));
                };
                match &mut open {
                    Some(chunks) if chunks.revision == revision => chunks.add(chunk, &value),
                    _ => {
                        groups.extend(open.take().map(Chunks::close));
                        open = Some(Chunks::start(revision, chunk, value));
                    }
                }
            }
            if !more {
                groups.extend(open.map(Chunks::close));
                return Ok((groups, true));
            }
            if !groups.is_empty() {
                // The record that is not whole yet is read again with the next page.
                return Ok((groups, false));
            }
        }
    }
}

fn found(line: Result<Line, BadLine>) -> Found {
    match line {
        Ok(line) => Found::Line(line),
        Err(error) => Found::Bad(error.to_string()),
    }
}

fn place(key: &[u8]) -> Option<(Revision, u32)> {
    let revision = number(key.get(2..RECORD_KEY_LENGTH)?)?;
    let chunk = match key.get(RECORD_KEY_LENGTH..)? {
        [] => 0,
        chunk => u32::from_be_bytes(chunk.try_into().ok()?),
    };
    Some((Revision(revision), chunk))
}

struct Chunks {
    revision: Revision,
    bytes: Vec<u8>,
    next: u32,
    is_whole: bool,
}

impl Chunks {
    fn start(revision: Revision, chunk: u32, bytes: Vec<u8>) -> Self {
        Self {
            revision,
            bytes,
            next: 1,
            is_whole: chunk == 0,
        }
    }

    fn add(&mut self, chunk: u32, bytes: &[u8]) {
        self.is_whole &= chunk == self.next;
        self.next = chunk.saturating_add(1);
        self.bytes.extend_from_slice(bytes);
    }

    fn close(self) -> ReadLine {
        let line = if self.is_whole {
            Line::parse(&self.bytes)
        } else {
            Err(BadLine::Incomplete)
        };
        let line = line.and_then(|line| {
            if line.revision == self.revision {
                Ok(line)
            } else {
                Err(BadLine::Misplaced(line.revision))
            }
        });
        (self.revision, line)
    }
}
