//! The open store: append, read, look up, snapshot.
//!
//! It is one thread's own. What went wrong on the disk poisons it: nothing is
//! appended any more until the store is opened again and the disk has been
//! looked at.

use std::{fs::File, path::Path};

use gtd_core::{RequestId, Revision};

use crate::{
    database::{self, Found, Reader},
    error::StoreError,
    files::{self, Layout},
    journal::{Journal, Lines, line_at},
    kv::Kv,
    line::Line,
    lock::ProcessLock,
    open::{self, Opened, Options},
    record::{MAX_BODY, Record, RequestSpan},
    sealed::Sealed,
    snapshot::{self, SnapshotPlace},
};

/// The durable event log, held by this process alone.
pub struct Store {
    // The fields are dropped in this order: the lock goes last.
    pub(crate) kv: Box<dyn Kv>,
    pub(crate) journal: Journal,
    pub(crate) sealed: Sealed,
    pub(crate) options: Options,
    pub(crate) layout: Layout,
    pub(crate) town_id: String,
    pub(crate) head: Revision,
    pub(crate) health: Health,
    pub(crate) is_marked: bool,
    pub(crate) _lock: ProcessLock,
}

/// Whether the store may still be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Health {
    Sound,
    Poisoned,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store")
            .field("dir", &self.layout.dir)
            .field("head", &self.head)
            .field("health", &self.health)
            .finish_non_exhaustive()
    }
}

impl Store {
    /// Opens the store in `dir`, mends what can be mended, and says what that was.
    ///
    /// # Errors
    /// When another process holds it, when it was written by a newer program,
    /// when its two witnesses contradict each other or are both lost, or when
    /// the system refuses a read or a write.
    pub fn open(dir: &Path, options: &Options) -> Result<(Self, Opened), StoreError> {
        open::open(dir, options, &|path| {
            let kv = crate::sled_kv::SledKv::open(path, options.cache_capacity)?;
            Ok(Box::new(kv))
        })
    }

    /// Appends records, atomically and durably in both witnesses.
    ///
    /// After an error of the disk nobody knows whether the records are durable:
    /// the store is poisoned, and the next open decides.
    ///
    /// # Errors
    /// When the records do not follow the head or cannot be records (nothing has
    /// happened then), or when a write fails.
    pub fn append(&mut self, records: &[Record]) -> Result<(), StoreError> {
        self.refuse_when_poisoned()?;
        self.check(records)?;
        let Some(last) = records.last() else {
            return Ok(());
        };
        let lines: Vec<Line> = records
            .iter()
            .zip((0..records.len()).rev())
            .map(|(record, left)| Line::seal(record, u32::try_from(left).unwrap_or(u32::MAX)))
            .collect();
        self.poison_on_failure(|store| store.append_lines(&lines))?;
        self.head = last.revision;
        Ok(())
    }

    fn append_lines(&mut self, lines: &[Line]) -> Result<(), StoreError> {
        let fail = |source| StoreError::database("append to the database", source);
        self.kv.apply(database::writes_of(lines)).map_err(fail)?;
        gtd_fault::point("store.before-flush");
        self.kv.flush().map_err(fail)?;
        gtd_fault::point("store.after-flush");
        self.kv.sync().map_err(fail)?;
        gtd_fault::point("store.after-sync");
        self.journal.append(lines)?;
        gtd_fault::point("store.after-journal");
        self.mark()
    }

    /// Leaves the sign that there are records, before the first of them is acknowledged.
    pub(crate) fn mark(&mut self) -> Result<(), StoreError> {
        if !self.is_marked {
            let path = self.layout.initialised();
            files::write_durable(&path, &self.town_id)
                .map_err(|source| StoreError::io("write", path, source))?;
            self.is_marked = true;
        }
        Ok(())
    }

    fn check(&self, records: &[Record]) -> Result<(), StoreError> {
        let mut expected = self.head;
        for record in records {
            expected = expected.next();
            let revision = record.revision;
            if revision != expected {
                return Err(StoreError::NotContiguous {
                    expected,
                    found: revision,
                });
            }
            if record.body.len() > MAX_BODY {
                return Err(StoreError::TooLarge {
                    revision,
                    size: record.body.len(),
                    limit: MAX_BODY,
                });
            }
            let is_one_line = !record.body.contains(['\n', '\r']);
            if !is_one_line || !record.body.starts_with('{') || !record.body.ends_with('}') {
                return Err(StoreError::NotAnObject {
                    revision,
                    source: None,
                });
            }
            serde_json::from_str::<serde::de::IgnoredAny>(&record.body).map_err(|source| {
                StoreError::NotAnObject {
                    revision,
                    source: Some(source),
                }
            })?;
        }
        Ok(())
    }

    /// Returns the revision of the last record; 0 when there is none.
    #[must_use]
    pub fn head(&self) -> Revision {
        self.head
    }

    /// Returns the town that this log belongs to.
    #[must_use]
    pub fn town_id(&self) -> &str {
        &self.town_id
    }

    /// Returns the journal's path.
    #[must_use]
    pub fn journal_path(&self) -> &Path {
        self.journal.path()
    }

    /// Finds the records that answered a request.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn find_request(&self, request: &RequestId) -> Result<Option<RequestSpan>, StoreError> {
        let found = database::find_request(self.kv.as_ref(), request)
            .map_err(|source| StoreError::database("look up a request", source))?;
        match found {
            Some(span) => Ok(Some(span)),
            None => self.sealed.find_request(request),
        }
    }

    /// Reads at most `limit` records after a revision.
    ///
    /// # Errors
    /// When a record is damaged; the next open mends it.
    pub fn read(&self, after: Revision, limit: usize) -> Result<Vec<Record>, StoreError> {
        let last = Revision(after.0.saturating_add(limit as u64)).min(self.head);
        let mut records = Vec::new();
        self.visit(after, last, |record| records.push(record))?;
        Ok(records)
    }

    /// Shows all records after a revision to `visit`, in order, with bounded memory.
    ///
    /// # Errors
    /// When a record is damaged; the next open mends it.
    pub fn replay(&self, after: Revision, visit: impl FnMut(Record)) -> Result<(), StoreError> {
        self.visit(after, self.head, visit)
    }

    /// Shows the records after one and up to another: the sealed ones, then those of the database.
    fn visit(
        &self,
        after: Revision,
        last: Revision,
        mut visit: impl FnMut(Record),
    ) -> Result<(), StoreError> {
        if after >= last {
            return Ok(());
        }
        let mut revision = after.next();
        let mut sealed = self.sealed.lines_after(after);
        while revision <= last.min(self.sealed.end()) {
            let Some(line) = sealed.next_line()? else {
                break;
            };
            visit(line.record());
            revision = line.revision.next();
        }
        let mut reader = Reader::new(self.kv.as_ref());
        while revision <= last {
            visit(self.record_at(&mut reader, revision)?);
            revision = revision.next();
        }
        Ok(())
    }

    fn record_at(&self, reader: &mut Reader<'_>, revision: Revision) -> Result<Record, StoreError> {
        let why = match reader.at(revision) {
            Found::Line(line) => return Ok(line.record()),
            Found::Missing => "it is missing".to_owned(),
            Found::Bad(why) => why,
        };
        // Without this sign the next start would look at the newest records only.
        drop(File::create(self.layout.recheck()));
        Err(StoreError::Damaged { revision, why })
    }

    /// Writes a snapshot of the state after the record `at`, and keeps the last two.
    ///
    /// # Errors
    /// When there is no such record, or the system refuses a write. The log is as good as before.
    pub fn write_snapshot(&self, at: Revision, body: &[u8]) -> Result<(), StoreError> {
        self.snapshot_place(at)?.write(body)
    }

    /// Finds the place of a record, with which any thread can write a snapshot of the state after it.
    ///
    /// # Errors
    /// When there is no such record, or it cannot be found in the journal.
    pub fn snapshot_place(&self, at: Revision) -> Result<SnapshotPlace, StoreError> {
        self.refuse_when_poisoned()?;
        let (journal_line, line_crc) = self.locate(at)?;
        Ok(SnapshotPlace {
            dir: self.layout.snapshots(),
            revision: at,
            journal_line: self.journal.begin().place_of(journal_line),
            line_crc,
        })
    }

    /// Reads the newest snapshot before `before` that can be used, for whoever cannot use that one.
    #[must_use]
    pub fn older_snapshot(&self, before: Revision) -> Option<(Revision, Vec<u8>)> {
        let heads = snapshot::heads(&self.layout).ok()?;
        heads
            .into_iter()
            .filter(|(at, _)| *at < before)
            .find_map(|(at, head)| Some((at, snapshot::load(&self.layout, &head.ok()?).ok()?)))
    }

    /// Finds where the journal's line of a record begins, and its checksum.
    fn locate(&self, at: Revision) -> Result<(u64, u32), StoreError> {
        // A place of a sealed record would be of no use: the journal begins after it.
        if at <= self.sealed.end() || at > self.head {
            return Err(StoreError::NoSuchRevision {
                at,
                head: self.head,
            });
        }
        if let (true, Some(offset)) = (at == self.head, self.journal.last_line())
            && let Some((line, _)) = line_at(self.journal.path(), offset)
        {
            return Ok((offset, line.text_crc()));
        }
        let anchor = snapshot::anchor(&self.layout, Revision(at.0 - 1)).map_err(|source| {
            StoreError::io("look for a snapshot in", self.layout.snapshots(), source)
        })?;
        let (last, begin) = match anchor {
            Some(anchor) => (anchor.revision, anchor.journal_end),
            None => (self.sealed.end(), self.journal.begin().offset),
        };
        let mut lines = Lines::open(self.journal.path(), begin, last)?;
        while let Some(placed) = lines.next_good()? {
            if placed.line.revision == at {
                return Ok((placed.offset, placed.line.text_crc()));
            }
        }
        Err(files::no_whole_line(&self.layout, at))
    }

    /// Gives the store back; all that was appended is durable already.
    pub fn close(self) {
        drop(self);
    }

    pub(crate) fn refuse_when_poisoned(&self) -> Result<(), StoreError> {
        match self.health {
            Health::Sound => Ok(()),
            Health::Poisoned => Err(StoreError::Poisoned),
        }
    }

    pub(crate) fn poison_on_failure<T>(
        &mut self,
        act: impl FnOnce(&mut Self) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let result = act(self);
        if result.is_err() {
            self.health = Health::Poisoned;
        }
        result
    }
}
