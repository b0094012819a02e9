//! Compaction: what a snapshot covers is sealed, and database and journal are made anew with the rest.
//!
//! sled never gives space back and a journal only grows, so both are replaced
//! by new ones that hold the records after the sealed ones. The long part of
//! it runs beside the store, on any thread; the end of it is short and belongs
//! to the thread that owns the store.
//!
//! | step | after a death here the next start … |
//! |---|---|
//! | segments are written, both copies, and read back | removes what has no name yet; a segment with one name gets its second copy |
//! | the index of requests is brought up to date | does that itself |
//! | `journal.new` and `sled.new` are built and compared | removes them |
//! | what came meanwhile is added to both | removes them |
//! | `journal.new` becomes `journal.jsonl` | finds sealed records in the database, and passes them over |
//! | `sled` becomes `sled.old` | takes it back |
//! | `sled.new` becomes `sled`, and is opened | removes `sled.old` once `sled` was opened and found whole |
//!
//! At every step segments, journal and database together hold every record,
//! and everything after the sealed records stands in both witnesses.

use std::{
    fs,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
};

use gtd_core::Revision;

use crate::{
    database,
    error::StoreError,
    files::{self, Layout},
    journal::{self, Begin, Draft, Header, Lines},
    kv::{self, DatabaseError, Kv, Page, Writes},
    line::Cut,
    mend::Group,
    open::after_the_sealed,
    record::FORMAT,
    sealed::{self, Look, Sealed},
    sled_kv::SledKv,
    snapshot,
    store::Store,
    survey::{Database, survey},
};

/// A segment ends at the first whole append after so many bytes of lines.
const SEGMENT: u64 = 32 * 1024 * 1024;
/// A new database takes at most so many times the bytes of its lines.
const DATABASE_PER_LINE: u64 = 4;

/// A compaction that is due.
#[derive(Debug)]
pub struct Compaction {
    layout: Layout,
    town: String,
    cache_capacity: u64,
    begin: Begin,
    /// The last record that will be sealed.
    until: Revision,
    /// The last record when it began.
    head: Revision,
    /// How many bytes the journal had then.
    length: u64,
}

/// New files that are whole up to a record, and not in their places yet.
pub struct Compacted {
    sealed: Sealed,
    draft: Draft,
    kv: Box<dyn Kv>,
    head: Revision,
    /// Where the line of `head` ends in the journal that is replaced.
    journal_end: u64,
}

impl std::fmt::Debug for Compacted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Compacted")
            .field("sealed", &self.sealed.end())
            .field("head", &self.head)
            .finish_non_exhaustive()
    }
}

impl Store {
    /// Returns whether it may be time for a compaction; costs nothing.
    #[must_use]
    pub fn is_long(&self) -> bool {
        let begin = self.journal.begin();
        self.journal.len() - begin.offset >= self.seals_at() || begin.cut.after < self.sealed.end()
    }

    fn seals_at(&self) -> u64 {
        match gtd_fault::point_result("store.seals-early") {
            Ok(()) => self.options.seals_at,
            Err(_) => 1,
        }
    }

    /// Looks whether a snapshot covers enough of the journal to seal it.
    ///
    /// # Errors
    /// When the snapshots cannot be listed.
    pub fn compaction(&self) -> Result<Option<Compaction>, StoreError> {
        self.refuse_when_poisoned()?;
        let begin = self.journal.begin();
        let (Header::Good { format: FORMAT, .. }, _) = journal::read_header(self.journal.path())?
        else {
            // It is migrated first, at a start that has room for that.
            return Ok(None);
        };
        // The last record stays: two witnesses without any are a loss, and not an end.
        let before = Revision(self.head.0.saturating_sub(1));
        let anchor = snapshot::anchor(&self.layout, before).map_err(|source| {
            StoreError::io("look for a snapshot in", self.layout.snapshots(), source)
        })?;
        let floor = self.sealed.end();
        let until = match anchor {
            Some(anchor)
                if anchor.revision > floor
                    && anchor.journal_end - begin.offset >= self.seals_at() =>
            {
                anchor.revision
            }
            _ if begin.cut.after < floor => floor,
            _ => return Ok(None),
        };
        Ok(Some(Compaction {
            layout: self.layout.clone(),
            town: self.town_id.clone(),
            cache_capacity: self.options.cache_capacity,
            begin,
            until,
            head: self.head,
            length: self.journal.len(),
        }))
    }

    /// Puts the new files of a compaction in their places, with what was appended since it began.
    ///
    /// # Errors
    /// When the system refuses a write: the store is poisoned then, and the next open decides.
    pub fn finish(&mut self, compacted: Compacted) -> Result<(), StoreError> {
        self.refuse_when_poisoned()?;
        self.poison_on_failure(|store| store.swap(compacted))
    }

    fn swap(&mut self, compacted: Compacted) -> Result<(), StoreError> {
        let Compacted {
            sealed,
            mut draft,
            mut kv,
            head,
            journal_end,
        } = compacted;
        let mut lines = Lines::open(self.journal.path(), journal_end, head)?;
        let never = AtomicBool::new(false);
        let last = copy_on(&mut lines, head, self.head, &mut draft, kv.as_mut(), &never)?;
        if last != self.head {
            return Err(files::no_whole_line(&self.layout, last.next()));
        }
        kv::make_durable(kv.as_mut()).map_err(new_database)?;
        // sled writes into its folder by name, also when it is closed: nobody may have it open while it moves.
        drop(kv);
        gtd_fault::point("store.compact-ready");
        self.journal = draft.finish(&self.layout.journal())?;
        gtd_fault::point("store.compact-journal");
        let (path, old) = (self.layout.sled(), self.layout.sled_old());
        self.kv = Box::new(Closed);
        let moved = |source| StoreError::io("put the compact database at", &path, source);
        files::remove(&old).map_err(moved)?;
        fs::rename(&path, &old).map_err(moved)?;
        gtd_fault::point("store.compact-aside");
        fs::rename(self.layout.sled_new(), &path).map_err(moved)?;
        files::sync_dir(&self.layout.dir).map_err(moved)?;
        gtd_fault::point("store.compact-swapped");
        let kv = SledKv::open(&path, self.options.cache_capacity).map_err(new_database)?;
        let meta = database::meta(&kv).map_err(new_database)?;
        if meta.head != Some(self.head) {
            return Err(files::no_whole_line(&self.layout, self.head));
        }
        self.kv = Box::new(kv);
        self.sealed = sealed;
        forget_old(&self.layout)
    }
}

impl Compaction {
    /// Returns the last record that is going to be sealed.
    #[must_use]
    pub fn until(&self) -> Revision {
        self.until
    }

    /// Seals records and builds the new files; `None` when `stop` was set meanwhile.
    ///
    /// The store goes on beside it, but for an open of the same folder.
    ///
    /// # Errors
    /// When the journal is damaged, or the system refuses a read or a write. Nothing is lost then.
    pub fn run(self, stop: &AtomicBool) -> Result<Option<Compacted>, StoreError> {
        let built = self.build(stop);
        if !matches!(built, Ok(Some(_))) {
            // What stays behind all the same is removed by the next open.
            for unfinished in [self.layout.journal_new(), self.layout.sled_new()] {
                drop(files::remove(&unfinished));
            }
        }
        built
    }

    fn build(&self, stop: &AtomicBool) -> Result<Option<Compacted>, StoreError> {
        files::require_space(&self.layout.dir, self.length, "compact the log")?;
        let mut sealed = Sealed::read_only(&self.layout)?;
        let path = self.layout.journal();
        let mut lines = Lines::open(&path, self.begin.offset, sealed.end())?;
        let Some(end) = self.seal(&mut sealed, &mut lines, stop)? else {
            return Ok(None);
        };
        let is_stopped = || stop.load(Ordering::Relaxed);
        if is_stopped() {
            return Ok(None);
        }
        sealed.index_requests(Look::Briefly)?;
        gtd_fault::point("store.compact-sealed");
        let end = match end {
            Some(end) => end,
            // Everything was sealed before: the end of the last sealed line is to be found.
            None => self.find_end()?,
        };
        let needed = (self.length - end) * DATABASE_PER_LINE;
        files::require_space(&self.layout.dir, needed, "compact the log")?;
        let cut = Cut {
            after: self.until,
            base: self.begin.place_of(end),
        };
        let mut draft = Draft::create(&self.layout.journal_new(), &self.town, cut)?;
        let database = self.layout.sled_new();
        files::remove(&database)
            .map_err(|source| StoreError::io("make room for", &database, source))?;
        let mut kv = self.open(&database)?;
        database::initialise(kv.as_mut(), &self.town, self.until).map_err(new_database)?;
        let mut lines = Lines::open(&path, end, self.until)?;
        let (from, to) = (self.until, self.head);
        let last = copy_on(&mut lines, from, to, &mut draft, kv.as_mut(), stop)?;
        if is_stopped() {
            return Ok(None);
        }
        if last != self.head {
            return Err(files::no_whole_line(&self.layout, last.next()));
        }
        kv::make_durable(kv.as_mut()).map_err(new_database)?;
        drop(kv);
        draft.flush()?;
        if is_stopped() {
            return Ok(None);
        }
        let kv = self.open(&database)?;
        self.compare(kv.as_ref())?;
        Ok(Some(Compacted {
            sealed,
            draft,
            kv,
            head: self.head,
            journal_end: self.length,
        }))
    }

    fn open(&self, path: &Path) -> Result<Box<dyn Kv>, StoreError> {
        let kv = SledKv::open(path, self.cache_capacity).map_err(new_database)?;
        Ok(Box::new(kv))
    }

    /// Writes segments up to the record that was chosen; returns where its line ends, if it was not sealed before.
    fn seal(
        &self,
        sealed: &mut Sealed,
        lines: &mut Lines,
        stop: &AtomicBool,
    ) -> Result<Option<Option<u64>>, StoreError> {
        let mut draft: Option<sealed::Draft> = None;
        let mut end = None;
        let mut last = sealed.end();
        while last < self.until {
            if stop.load(Ordering::Relaxed) {
                return Ok(None);
            }
            let next = lines.next_good()?;
            let Some(placed) = next
                .filter(|placed| placed.line.revision == last.next() && !lines.is_damaged_inside)
            else {
                return Err(files::no_whole_line(&self.layout, last.next()));
            };
            let line = placed.line;
            last = line.revision;
            end = Some(placed.end);
            let open = match &mut draft {
                Some(open) => open,
                None => draft.insert(sealed.draft()?),
            };
            open.add(&line)?;
            let is_full = open.raw >= SEGMENT && line.left == 0;
            if (is_full || last == self.until)
                && let Some(full) = draft.take()
            {
                sealed.add(full.finish()?);
            }
        }
        Ok(Some(end))
    }

    fn find_end(&self) -> Result<u64, StoreError> {
        let last = Revision(self.until.0 - 1);
        let mut lines = Lines::open(&self.layout.journal(), self.begin.offset, last)?;
        match lines.next_good()? {
            Some(placed) if placed.line.revision == self.until => Ok(placed.end),
            _ => Err(files::no_whole_line(&self.layout, self.until)),
        }
    }

    /// Compares the new files, as they can be read from the disk.
    fn compare(&self, kv: &dyn Kv) -> Result<(), StoreError> {
        let journal = self.layout.journal_new();
        let (_, begin) = journal::read_header(&journal)?;
        let database = Database {
            kv,
            head: database::meta(kv).map_err(new_database)?.head,
        };
        let found = survey(
            &self.layout.dir,
            Some(&database),
            &journal,
            after_the_sealed(self.until, begin),
            None,
            &mut |_| Ok(()),
        )?;
        let problem = found.database_damage.or(found.journal_damage);
        match problem {
            None if found.head == self.head && found.journal_last == self.head => Ok(()),
            problem => Err(StoreError::Damaged {
                revision: found.head.next(),
                why: problem.unwrap_or_else(|| "the compact log ends before it".to_owned()),
            }),
        }
    }
}

/// Copies the lines after one record and up to another into the new witnesses, until it is stopped;
/// returns the last that followed the one before it.
fn copy_on(
    lines: &mut Lines,
    after: Revision,
    until: Revision,
    draft: &mut Draft,
    kv: &mut dyn Kv,
    stop: &AtomicBool,
) -> Result<Revision, StoreError> {
    let mut last = after;
    let mut group = Group::default();
    while last < until && !stop.load(Ordering::Relaxed) {
        let Some(placed) = lines.next_good()? else {
            break;
        };
        if placed.line.revision != last.next() {
            break;
        }
        last = placed.line.revision;
        draft.add(&placed.line)?;
        let is_end_of_append = placed.line.left == 0;
        group.lines.push(placed.line);
        if (is_end_of_append && group.is_full()) || last == until {
            kv.apply(database::writes_of(&group.take()))
                .map_err(new_database)?;
        }
    }
    Ok(last)
}

fn new_database(source: DatabaseError) -> StoreError {
    StoreError::database("build a compact database", source)
}

/// Takes the database back that a death between two renames left aside.
pub(crate) fn finish_swap(layout: &Layout) -> Result<(), StoreError> {
    let (path, old) = (layout.sled(), layout.sled_old());
    if path.exists() || !old.exists() {
        return Ok(());
    }
    fs::rename(&old, &path)
        .and_then(|()| files::sync_dir(&layout.dir))
        .map_err(|source| StoreError::io("put the database back at", path, source))
}

/// Removes the database that was replaced by one that is known to be whole.
pub(crate) fn forget_old(layout: &Layout) -> Result<(), StoreError> {
    let old = layout.sled_old();
    files::remove(&old).map_err(|source| StoreError::io("remove", old, source))
}

/// Stands where the database was while it is replaced.
struct Closed;

impl Closed {
    fn error<T>() -> Result<T, DatabaseError> {
        Err(DatabaseError::Stopped("it is being replaced".to_owned()))
    }
}

impl Kv for Closed {
    fn apply(&mut self, _: Writes) -> Result<(), DatabaseError> {
        Self::error()
    }

    fn flush(&mut self) -> Result<(), DatabaseError> {
        Self::error()
    }

    fn sync(&mut self) -> Result<(), DatabaseError> {
        Self::error()
    }

    fn get(&self, _: &[u8]) -> Result<Option<Vec<u8>>, DatabaseError> {
        Self::error()
    }

    fn range(&self, _: &[u8], _: &[u8]) -> Result<Page, DatabaseError> {
        Self::error()
    }
}
