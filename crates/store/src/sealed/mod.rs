//! The sealed part of the log: segments from the first record on, each held twice.
//!
//! | name | is |
//! |---|---|
//! | `segments/<first>-<last>.jsonl.gz` | the first copy of the lines of these records; see `block` |
//! | `segments-copy/…` | the second copy, byte by byte the same |
//! | `requests.idx` | where to find what answered a request: made of the segments; see `requests` |
//!
//! What is sealed stands neither in the database nor in the journal any more.
//! A start looks at names and lengths only; a whole check and every read look
//! at the bytes, and a read that meets damage takes the other copy and asks
//! for a whole check at the next start.

mod block;
mod requests;
mod segment;

use std::{
    fs::{self, DirBuilder, File},
    io,
    os::unix::fs::DirBuilderExt as _,
};

use gtd_core::{RequestId, Revision};

use self::requests::Requests;
pub(crate) use self::segment::{Draft, Segment};
use crate::{
    error::StoreError,
    files::{self, Layout},
    line::Line,
    record::RequestSpan,
    repair::Repair,
};

/// All segments, in their order and without a gap.
#[derive(Debug)]
pub(crate) struct Sealed {
    layout: Layout,
    segments: Vec<Segment>,
    requests: Requests,
}

/// How closely an open looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    /// At names and lengths.
    Briefly,
    /// At every byte.
    Closely,
}

impl Sealed {
    /// Finds the segments, makes both copies of each whole, and says what had to be mended.
    pub(crate) fn open(layout: &Layout, look: Look) -> Result<(Self, Vec<Repair>), StoreError> {
        let mut repairs = Vec::new();
        for folder in layout.segments() {
            files::remove_drafts(&folder)
                .map_err(|source| StoreError::io("remove unfinished work in", folder, source))?;
        }
        let segments = list(layout)?;
        if !segments.is_empty() {
            // Also a whole folder may be gone.
            make_folders(layout)?;
        }
        for segment in &segments {
            if look == Look::Briefly && !segment.is_odd() {
                continue;
            }
            if let Some(why) = segment.mend()? {
                repairs.push(Repair::SegmentMended {
                    first: segment.first,
                    last: segment.last,
                    why,
                });
            }
        }
        let sealed = Self {
            layout: layout.clone(),
            requests: Requests::open(layout),
            segments,
        };
        Ok((sealed, repairs))
    }

    /// Finds the segments and changes nothing, for whoever does not hold the store.
    pub(crate) fn read_only(layout: &Layout) -> Result<Self, StoreError> {
        Ok(Self {
            layout: layout.clone(),
            requests: Requests::open(layout),
            segments: list(layout)?,
        })
    }

    /// Returns the last record that is sealed; 0 when none is.
    pub(crate) fn end(&self) -> Revision {
        self.segments
            .last()
            .map_or(Revision(0), |segment| segment.last)
    }

    /// Says all that is wrong with either copy of any segment.
    pub(crate) fn problems(&self) -> Vec<String> {
        let mut found = Vec::new();
        for segment in &self.segments {
            for (problem, folder) in segment.problems().into_iter().zip(self.layout.segments()) {
                let Some(why) = problem else { continue };
                let name = segment::name_of(segment.first, segment.last);
                found.push(format!("{}: {why}", folder.join(name).display()));
            }
        }
        found
    }

    /// Reads the lines after a revision, in order.
    pub(crate) fn lines_after(&self, revision: Revision) -> Lines<'_> {
        Lines {
            sealed: self,
            next: revision.next(),
            ready: Vec::new().into_iter(),
        }
    }

    fn lines_at(&self, revision: Revision) -> Result<Option<Vec<Line>>, StoreError> {
        let at = self
            .segments
            .partition_point(|segment| segment.last < revision);
        let Some(segment) = self.segments.get(at) else {
            return Ok(None);
        };
        let (lines, is_mended) = segment.lines_from(revision)?;
        if is_mended {
            // The next start looks at everything.
            drop(File::create(self.layout.recheck()));
        }
        Ok(Some(lines))
    }

    /// Finds the sealed records that answered a request.
    pub(crate) fn find_request(
        &self,
        request: &RequestId,
    ) -> Result<Option<RequestSpan>, StoreError> {
        let candidates = self.requests.candidates(request).inspect_err(|_| {
            drop(File::create(self.layout.recheck()));
        })?;
        // A later append takes the entry over.
        for first in candidates.into_iter().rev() {
            let mut last = None;
            let mut lines = self.lines_after(Revision(first.0.saturating_sub(1)));
            while let Some(line) = lines.next_line()? {
                if line.request.as_ref() == Some(request) {
                    last = Some(line.revision);
                }
                if line.left == 0 || last.is_none() {
                    break;
                }
            }
            if let Some(last) = last {
                return Ok(Some(RequestSpan { first, last }));
            }
        }
        Ok(None)
    }

    /// Brings the index of requests up to the last segment; `look` closely makes it anew.
    pub(crate) fn index_requests(&mut self, look: Look) -> Result<(), StoreError> {
        if look == Look::Briefly && self.requests.end() == self.end() {
            return Ok(());
        }
        self.requests = match look {
            Look::Briefly if self.requests.end() < self.end() => self.requests.extended(self)?,
            _ => Requests::empty(&self.layout).extended(self)?,
        };
        Ok(())
    }

    /// Begins a segment after the last one.
    pub(crate) fn draft(&self) -> Result<Draft, StoreError> {
        make_folders(&self.layout)?;
        Draft::create(&self.layout.segments(), self.end().next())
    }

    /// Takes up a segment that was finished.
    pub(crate) fn add(&mut self, last: Revision) {
        let segment = Segment::new(&self.layout.segments(), self.end().next(), last);
        self.segments.push(segment);
    }
}

/// The sealed lines after a revision.
pub(crate) struct Lines<'a> {
    sealed: &'a Sealed,
    next: Revision,
    ready: std::vec::IntoIter<Line>,
}

impl Lines<'_> {
    /// Returns the next line, or `None` after the last sealed one.
    pub(crate) fn next_line(&mut self) -> Result<Option<Line>, StoreError> {
        if let Some(line) = self.ready.next() {
            self.next = line.revision.next();
            return Ok(Some(line));
        }
        let Some(lines) = self.sealed.lines_at(self.next)? else {
            return Ok(None);
        };
        self.ready = lines.into_iter();
        let first = self.ready.next();
        if let Some(line) = &first {
            self.next = line.revision.next();
        }
        Ok(first)
    }
}

/// Lists the segments of both folders; a gap between them is a loss.
fn list(layout: &Layout) -> Result<Vec<Segment>, StoreError> {
    let folders = layout.segments();
    let mut names = Vec::new();
    for folder in &folders {
        let entries = match fs::read_dir(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            other => other,
        };
        let fail = |source| StoreError::io("list the segments in", folder, source);
        for entry in entries.map_err(fail)? {
            let name = entry.map_err(fail)?.file_name();
            names.extend(name.to_str().and_then(segment::parse_name));
        }
    }
    names.sort_unstable();
    names.dedup();
    let mut end = Revision(0);
    let mut segments = Vec::with_capacity(names.len());
    for (first, last) in names {
        if first != end.next() {
            return Err(StoreError::SegmentLost {
                path: folders[0].clone(),
                revision: end.next(),
                why: format!("there is no segment from it up to record {first}"),
            });
        }
        segments.push(Segment::new(&folders, first, last));
        end = last;
    }
    Ok(segments)
}

fn make_folders(layout: &Layout) -> Result<(), StoreError> {
    for folder in layout.segments().iter().filter(|folder| !folder.is_dir()) {
        DirBuilder::new()
            .mode(0o700)
            .create(folder)
            .and_then(|()| files::sync_dir(&layout.dir))
            .map_err(|source| StoreError::io("make the folder", folder, source))?;
    }
    Ok(())
}
