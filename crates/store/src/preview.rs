//! What the newest snapshot and the journal tell before the database is open.
//!
//! Every whole append that stands in the journal belongs to the union of both
//! witnesses, whatever the database holds. So the log may be shown as far as
//! the journal goes while sled still reads its own files, which takes a second
//! for each gigabyte. The open that follows may find more, never less, or it
//! is refused. Nothing is changed here, and nothing is mended: a journal that
//! is not as it should be behind the snapshot shows nothing.

use std::path::Path;

use gtd_core::Revision;

use crate::{
    files::Layout,
    journal::{self, Header, Lines},
    open,
    record::Record,
    repair::Repair,
    snapshot,
};

/// More than this is not shown: to fold it takes longer than to wait.
const TAIL_MAX: u64 = 64 * 1024 * 1024;

/// The log before its store is open.
#[derive(Debug)]
pub struct Preview {
    /// The newest snapshot that can be used.
    pub snapshot: Option<(Revision, Vec<u8>)>,
    /// What is wrong with newer ones.
    pub ignored: Vec<Repair>,
    /// What the journal has from the snapshot on; `None` when the journal alone cannot vouch for it.
    pub tail: Option<Tail>,
}

/// The end of a journal that is whole.
#[derive(Debug)]
pub struct Tail {
    /// The town that it belongs to.
    pub town_id: String,
    /// The record of the snapshot, and every record after it.
    pub records: Vec<Record>,
}

/// Reads the newest snapshot of the store in `dir` and what the journal has after it.
///
/// The snapshot alone is only a cache: its reader compares it with the head of the opened store.
#[must_use]
pub fn preview(dir: &Path) -> Preview {
    let layout = Layout::new(dir);
    let (snapshot, ignored) = snapshot::newest(&layout, None);
    let tail = snapshot.as_ref().and_then(|(at, _)| tail(&layout, *at));
    Preview {
        snapshot,
        ignored,
        tail,
    }
}

/// Reads the journal from a snapshot on; nothing when something in it is not as it should be.
fn tail(layout: &Layout, snapshot: Revision) -> Option<Tail> {
    let path = layout.journal();
    let Ok((Header::Good { town, .. }, _)) = journal::read_header(&path) else {
        return None;
    };
    let anchor = snapshot::anchor(layout, snapshot).ok()??;
    if anchor.revision != snapshot || anchor.journal_line.is_none() {
        return None;
    }
    if open::file_length(&path).ok()? > anchor.journal_end + TAIL_MAX {
        return None;
    }
    let (first, _) = journal::line_at(&path, anchor.journal_line?)?;
    let mut records = vec![first.record()];
    let mut n_whole = 1;
    let mut lines = Lines::open(&path, anchor.journal_end, snapshot).ok()?;
    let mut last = snapshot;
    while let Some(placed) = lines.next_good().ok()? {
        if placed.line.revision != last.next() {
            return None;
        }
        last = placed.line.revision;
        records.push(placed.line.record());
        if placed.line.left == 0 {
            n_whole = records.len();
        }
    }
    if lines.is_damaged_inside || lines.bad_since_good > 0 {
        return None;
    }
    // Half of an append was never acknowledged, and the open may drop it.
    records.truncate(n_whole);
    Some(Tail {
        town_id: town,
        records,
    })
}
