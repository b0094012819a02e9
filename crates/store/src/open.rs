//! Opening: who may, what is there, and whether it is one whole log.
//!
//! Looking comes first, and nothing on the disk is changed before it is
//! certain that the whole log can be had; then `mend` changes what must be.

use std::{fs, fs::DirBuilder, io, os::unix::fs::DirBuilderExt as _, path::Path};

use gtd_core::Revision;

use crate::{
    compact, database,
    error::StoreError,
    files::{self, Layout},
    journal::{self, Draft, Header, Journal},
    keep,
    kv::{DatabaseError, Kv},
    line::{Cut, Line},
    lock::ProcessLock,
    migrate,
    repair::Repair,
    sealed::{Look, Sealed},
    snapshot,
    store::{Health, Store},
    stored::{Stored, agreed_town},
    survey::{Anchor, Database, Survey, survey},
};

/// How to open a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// How much memory sled may use for its cache, roughly; it takes up to 2.4 times as much.
    pub cache_capacity: u64,
    /// Compares both witnesses from the first record on, not only since the last snapshot.
    pub compares_everything: bool,
    /// Reads the newest snapshot; without it the caller has read it already ([`crate::preview`]).
    pub reads_snapshot: bool,
    /// Seals what a snapshot covers when the journal has so many bytes of it.
    pub seals_at: u64,
    /// Keeps a copy of a store of an older format when it is migrated.
    pub keeps_older: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            cache_capacity: 64 * 1024 * 1024,
            compares_everything: false,
            reads_snapshot: true,
            seals_at: 16 * 1024 * 1024,
            keeps_older: true,
        }
    }
}

/// What an open found and did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// The newest usable snapshot; the records after it come from `Store::replay`.
    pub snapshot: Option<(Revision, Vec<u8>)>,
    /// The last record.
    pub head: Revision,
    /// The town that this log belongs to, made up at the first open.
    pub town_id: String,
    /// What had to be mended.
    pub repairs: Vec<Repair>,
}

/// Opens the database in a folder.
pub(crate) type Opener<'a> = &'a dyn Fn(&Path) -> Result<Box<dyn Kv>, DatabaseError>;

pub(crate) fn open(
    dir: &Path,
    options: &Options,
    opener: Opener<'_>,
) -> Result<(Store, Opened), StoreError> {
    let layout = Layout::new(dir);
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(|source| StoreError::io("create the folder", dir, source))?;
    let lock = ProcessLock::take_store(&layout.lock())?;
    // What a newer version left here may mean something else to it: its log is refused as it is.
    journal::read_header(&layout.journal())?;
    for unfinished in [
        layout.sled_new(),
        layout.sled_keep_new(),
        layout.journal_new(),
        layout.requests_new(),
        layout.kept_new(),
        layout.verify_copy(),
    ] {
        files::remove(&unfinished)
            .map_err(|source| StoreError::io("remove unfinished work in", unfinished, source))?;
    }
    files::remove_drafts(&layout.snapshots()).map_err(|source| {
        StoreError::io("remove unfinished work in", layout.snapshots(), source)
    })?;
    compact::finish_swap(&layout)?;
    keep::put_back(&layout)?;
    let look = match options.compares_everything || layout.recheck().exists() {
        true => Look::Closely,
        false => Look::Briefly,
    };
    let (mut sealed, repairs) = Sealed::open(&layout, look)?;
    sealed.index_requests(look)?;
    let mut opening = Opening {
        layout,
        options,
        opener,
        floor: sealed.end(),
        repairs,
        suspicion: None,
    };
    let mut ready = match opening.make_ready() {
        Ok(ready) => ready,
        Err(error) => {
            // When even this fails the next start does it.
            drop(keep::put_back(&opening.layout));
            return Err(error);
        }
    };
    keep::forget(&opening.layout)?;
    compact::forget_old(&opening.layout)?;
    let migrated = migrate::migrate(&opening.layout, options, &mut ready)?;
    opening.repairs.extend(migrated);
    opening.finish(ready, sealed, lock)
}

/// One open under way.
pub(crate) struct Opening<'a> {
    pub(crate) layout: Layout,
    pub(crate) opener: Opener<'a>,
    /// The last sealed record: all that is looked at comes after it.
    pub(crate) floor: Revision,
    pub(crate) repairs: Vec<Repair>,
    options: &'a Options,
    /// Why the database may be damaged, as seen before sled opened it.
    suspicion: Option<String>,
}

/// Two witnesses that agree.
pub(crate) struct Ready {
    pub(crate) kv: Box<dyn Kv>,
    pub(crate) journal: Journal,
    pub(crate) town: String,
    pub(crate) head: Revision,
}

impl Opening<'_> {
    fn make_ready(&mut self) -> Result<Ready, StoreError> {
        let (header, begin) = journal::read_header(&self.layout.journal())?;
        self.suspicion = keep::keep_suspect(&self.layout)?;
        gtd_fault::point("store.open-database");
        let stored = Stored::open(&self.layout.sled(), self.opener)?;
        let town = agreed_town(&stored, &header)?;
        let length = file_length(&self.layout.journal())?;
        let journal_holds_nothing =
            matches!(header, Header::Absent | Header::Good { .. }) && length <= begin;
        if journal_holds_nothing {
            if stored.holds_nothing(self.floor) {
                return self.begin(stored, &header, town);
            }
            if let Some(why) = stored.unusable() {
                return Err(self.unreadable(why, "it holds no record".to_owned()));
            }
        }
        let Some(town) = town else {
            let why = match &header {
                Header::Bad(why) => format!("its first line: {why}"),
                Header::Absent | Header::Good { .. } => "it holds no record".to_owned(),
            };
            return Err(self.unreadable(stored.flaw().unwrap_or_default(), why));
        };
        let found = self.look(&stored, &header, begin)?;
        self.mend(stored, &header, begin, town, &found)
    }

    pub(crate) fn unreadable(&self, sled: String, journal: String) -> StoreError {
        StoreError::Unreadable {
            dir: self.layout.dir.clone(),
            sled,
            journal,
        }
    }

    /// Gives the kept database, where there is one still, a name under which it stays.
    pub(crate) fn set_kept_aside(&mut self) -> Result<(), StoreError> {
        let kept = self.layout.sled_keep();
        if let (true, Some(why)) = (kept.exists(), self.suspicion.take()) {
            let aside = self.layout.broken("sled");
            fs::rename(kept, &aside)
                .map_err(|source| StoreError::io("set the database aside as", &aside, source))?;
            self.repairs.push(Repair::DatabaseSetAside { why, aside });
        }
        Ok(())
    }

    /// Starts a new log, but never over one that was there once.
    fn begin(
        &mut self,
        stored: Stored,
        header: &Header,
        town: Option<String>,
    ) -> Result<Ready, StoreError> {
        if self.layout.initialised().exists() || self.floor > Revision(0) {
            return Err(StoreError::Emptied {
                dir: self.layout.dir.clone(),
            });
        }
        // What sled could not read may be all that there was.
        self.set_kept_aside()?;
        let fail = |source| StoreError::database("create the database", source);
        let town = town.unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
        let is_complete = stored.flaw().is_none();
        let mut kv = match stored {
            Stored::Open { kv, .. } => kv,
            Stored::Absent | Stored::Broken(_) => {
                (self.opener)(&self.layout.sled()).map_err(fail)?
            }
        };
        if !is_complete {
            database::initialise(kv.as_mut(), &town, Revision(0)).map_err(fail)?;
        }
        let journal = if matches!(header, Header::Good { .. }) {
            Journal::open(&self.layout.journal(), None)?
        } else {
            Draft::create(&self.layout.journal_new(), &town, Cut::default())?
                .finish(&self.layout.journal())?
        };
        for dir in [Some(self.layout.dir.as_path()), self.layout.dir.parent()] {
            dir.map_or(Ok(()), files::sync_dir)
                .map_err(|source| StoreError::io("sync", self.layout.dir.clone(), source))?;
        }
        Ok(Ready {
            kv,
            journal,
            town,
            head: Revision(0),
        })
    }

    /// Surveys since the last snapshot where that tells enough, and everything where not.
    fn look(&self, stored: &Stored, header: &Header, begin: u64) -> Result<Survey, StoreError> {
        let database = stored.view();
        let mut unanswered = None;
        let mut look_after = |anchor| {
            survey(
                &self.layout.dir,
                database.as_ref(),
                &self.layout.journal(),
                anchor,
                None,
                &mut |line| {
                    if self.suspicion.is_some() && unanswered.is_none() {
                        unanswered = self::unanswered(database.as_ref(), line);
                    }
                    Ok(())
                },
            )
        };
        if let Some(anchor) = self.fast_anchor(stored, header)
            && let Ok(found) = look_after(anchor)
            && found.database_damage.is_none()
            && found.journal_damage.is_none()
            && found.dropped.is_none()
        {
            return Ok(found);
        }
        let mut found = look_after(after_the_sealed(self.floor, begin))?;
        if let Some(revision) = unanswered {
            found.database_damage.get_or_insert_with(|| {
                format!("it does not know the request of record {revision} any more")
            });
        }
        Ok(found)
    }

    fn fast_anchor(&self, stored: &Stored, header: &Header) -> Option<Anchor> {
        let is_suspect = self.options.compares_everything
            || self.suspicion.is_some()
            || self.layout.recheck().exists()
            || !matches!(header, Header::Good { .. })
            || stored.flaw().is_some();
        if is_suspect {
            return None;
        }
        let anchor = snapshot::anchor(&self.layout, stored.view()?.head?).ok()??;
        (anchor.revision >= self.floor).then_some(anchor)
    }

    fn finish(
        mut self,
        ready: Ready,
        sealed: Sealed,
        lock: ProcessLock,
    ) -> Result<(Store, Opened), StoreError> {
        // Snapshots are a cache: whatever is wrong with them is told and passed over.
        let (snapshot, ignored) = if self.options.reads_snapshot {
            snapshot::newest(&self.layout, Some(ready.head))
        } else {
            (None, Vec::new())
        };
        self.repairs.extend(ignored);
        let opened = Opened {
            snapshot,
            head: ready.head,
            town_id: ready.town.clone(),
            repairs: self.repairs,
        };
        let mut store = Store {
            kv: ready.kv,
            journal: ready.journal,
            sealed,
            options: self.options.clone(),
            is_marked: self.layout.initialised().exists(),
            layout: self.layout,
            town_id: ready.town,
            head: ready.head,
            health: Health::Sound,
            _lock: lock,
        };
        if store.head > Revision(0) {
            store.mark()?;
        }
        Ok((store, opened))
    }
}

/// Returns the revision of a line whose request the database does not find.
pub(crate) fn unanswered(database: Option<&Database<'_>>, line: &Line) -> Option<Revision> {
    let (database, request) = (database?, line.request.as_ref()?);
    let span = database::find_request(database.kv, request);
    let is_in = matches!(&span, Ok(Some(span))
        if span.first <= line.revision && line.revision <= span.last);
    (!is_in).then_some(line.revision)
}

/// Begins with the first record that is not sealed.
pub(crate) fn after_the_sealed(floor: Revision, journal_begin: u64) -> Anchor {
    Anchor {
        revision: floor,
        journal_end: journal_begin,
        journal_line: None,
    }
}

pub(crate) fn file_length(path: &Path) -> Result<u64, StoreError> {
    match fs::metadata(path) {
        Ok(metadata) => Ok(metadata.len()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        Err(source) => Err(StoreError::io("look at the journal", path, source)),
    }
}
