//! The newest records in memory, for watchers; older ones are in the store.

use std::collections::VecDeque;

use gtd_core::Revision;
use tonic::codegen::Bytes;

const RECORDS_MAX: usize = 16 * 1024;
const BYTES_MAX: usize = 32 * 1024 * 1024;
/// How many bytes one answer holds, roughly.
const PAGE_BYTES: usize = 512 * 1024;

/// One record as it stands in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stored {
    /// Its place.
    pub(crate) revision: Revision,
    /// The envelope as JSON.
    pub(crate) json: Bytes,
}

/// What a follower finds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Followed {
    /// The next records.
    Records(Vec<Stored>),
    /// Nothing is new.
    UpToDate,
    /// What comes next is not in memory any more.
    InStore,
}

/// A bounded ring of the newest records.
#[derive(Debug, Default)]
pub(super) struct Tail {
    records: VecDeque<Stored>,
    bytes: usize,
    head: Revision,
}

impl Tail {
    /// Makes the empty ring of a log that ends at `head`.
    pub(super) fn new(head: Revision) -> Self {
        Self {
            head,
            ..Self::default()
        }
    }

    /// Adds the record that follows the head.
    pub(super) fn push(&mut self, record: Stored) {
        self.head = record.revision;
        self.bytes += record.json.len();
        self.records.push_back(record);
        while self.records.len() > RECORDS_MAX || self.bytes > BYTES_MAX {
            let Some(gone) = self.records.pop_front() else {
                return;
            };
            self.bytes -= gone.json.len();
        }
    }

    /// Finds at most `limit` records after a revision.
    pub(super) fn after(&self, after: Revision, limit: usize) -> Followed {
        if after >= self.head {
            return Followed::UpToDate;
        }
        let skip = match self.records.front() {
            Some(first) if first.revision <= after.next() => after.0 + 1 - first.revision.0,
            _ => return Followed::InStore,
        };
        let skip = usize::try_from(skip).unwrap_or(usize::MAX);
        let mut bytes = 0;
        let page = self
            .records
            .iter()
            .skip(skip)
            .take(limit)
            .take_while(|record| {
                let fits = bytes < PAGE_BYTES;
                bytes += record.json.len();
                fits
            })
            .cloned()
            .collect();
        Followed::Records(page)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(revision: u64, size: usize) -> Stored {
        Stored {
            revision: Revision(revision),
            json: vec![b'x'; size].into(),
        }
    }

    fn revisions(found: Followed) -> Vec<u64> {
        match found {
            Followed::Records(records) => records.iter().map(|r| r.revision.0).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_follower_gets_what_comes_after_the_revision_that_it_has() {
        let mut tail = Tail::new(Revision(10));
        assert_eq!(tail.after(Revision(10), 5), Followed::UpToDate);
        assert_eq!(tail.after(Revision(9), 5), Followed::InStore);
        for n in 11..=14 {
            tail.push(record(n, 1));
        }
        assert_eq!(revisions(tail.after(Revision(10), 100)), [11, 12, 13, 14]);
        assert_eq!(revisions(tail.after(Revision(12), 1)), [13]);
        assert_eq!(tail.after(Revision(14), 5), Followed::UpToDate);
        assert_eq!(tail.after(Revision(99), 5), Followed::UpToDate);
        assert_eq!(tail.after(Revision(9), 5), Followed::InStore);
    }

    #[test]
    fn the_ring_holds_a_bounded_number_of_records_and_of_bytes() {
        let mut tail = Tail::new(Revision(0));
        for n in 1..=RECORDS_MAX as u64 + 10 {
            tail.push(record(n, 1));
        }
        assert_eq!(tail.records.len(), RECORDS_MAX);
        assert_eq!(tail.after(Revision(9), 5), Followed::InStore);
        assert_eq!(revisions(tail.after(Revision(10), 1)), [11]);
        let head = tail.head.0;
        for n in 1..=40 {
            tail.push(record(head + n, 1024 * 1024));
        }
        assert!(tail.bytes <= BYTES_MAX, "{}", tail.bytes);
        assert_eq!(
            tail.records.iter().map(|r| r.json.len()).sum::<usize>(),
            tail.bytes
        );
    }
}
