//! Opening: who may, what is there, what has to be mended, and mending it.
//!
//! Looking comes first (`survey`), and nothing on the disk is changed before
//! it is certain that the whole log can be had. Mending goes from the union to
//! the journal, and from the journal to the database.

use std::{
    fs::{self, DirBuilder},
    io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use gtd_core::Revision;

use crate::{
    database::{self, Found, Meta, Reader},
    error::{StoreError, Witness},
    files::{self, Layout},
    journal::{self, Draft, Header, Journal, Lines},
    kv::{self, DatabaseError, Kv, PAGE_BYTES, PAGE_ENTRIES, Tree},
    line::Line,
    lock::DirLock,
    record::FORMAT,
    repair::Repair,
    snapshot,
    store::{Health, Store},
    survey::{Anchor, Database, Survey, survey},
};

/// How to open a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// How much memory sled may use for its cache, roughly; it takes up to 2.4 times as much.
    pub cache_capacity: u64,
    /// Compares both witnesses from the first record on, not only since the last snapshot.
    pub compares_everything: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            cache_capacity: 64 * 1024 * 1024,
            compares_everything: false,
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
    let lock = DirLock::take(&layout.lock())?;
    for unfinished in [
        layout.sled_new(),
        layout.journal_new(),
        layout.verify_copy(),
    ] {
        files::remove(&unfinished)
            .map_err(|source| StoreError::io("remove unfinished work in", unfinished, source))?;
    }
    let mut opening = Opening {
        layout,
        options,
        opener,
        repairs: Vec::new(),
    };
    let ready = opening.make_ready()?;
    opening.finish(ready, lock)
}

/// The database as it was found.
pub(crate) enum Stored {
    Absent,
    Broken(String),
    Open {
        kv: Box<dyn Kv>,
        meta: Result<Meta, String>,
    },
}

impl Stored {
    /// Opens what is at `path`; what cannot be opened for no fault of its own is an error.
    pub(crate) fn open(path: &Path, opener: Opener<'_>) -> Result<Self, StoreError> {
        let is_empty = match fs::read_dir(path) {
            Ok(mut entries) => entries.next().is_none(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => true,
            Err(source) => return Err(StoreError::io("read the folder", path, source)),
        };
        if is_empty {
            return Ok(Self::Absent);
        }
        let kv = match opener(path) {
            Ok(kv) => kv,
            Err(error) if error.is_damage() => return Ok(Self::Broken(error.to_string())),
            Err(error) => return Err(StoreError::database("open the database", error)),
        };
        let meta = match database::meta(kv.as_ref()) {
            Err(error) if !error.is_damage() => {
                return Err(StoreError::database("read the database", error));
            }
            meta => meta.map_err(|error| error.to_string()),
        };
        match &meta {
            Ok(Meta {
                format: Some(found),
                ..
            }) if *found > FORMAT => Err(StoreError::NewerFormat {
                found: *found,
                supported: FORMAT,
                at: Witness::Database,
            }),
            _ => Ok(Self::Open { kv, meta }),
        }
    }

    pub(crate) fn view(&self) -> Option<Database<'_>> {
        match self {
            Self::Open { kv, meta } => Some(Database {
                kv: kv.as_ref(),
                head: meta.as_ref().ok().and_then(|meta| meta.head),
            }),
            Self::Absent | Self::Broken(_) => None,
        }
    }

    pub(crate) fn town(&self) -> Option<&str> {
        match self {
            Self::Open { meta: Ok(meta), .. } => meta.town.as_deref(),
            _ => None,
        }
    }

    /// Says what is wrong with it as a whole, apart from its records.
    pub(crate) fn flaw(&self) -> Option<String> {
        match self {
            Self::Absent => Some("there was none".to_owned()),
            Self::Broken(why) | Self::Open { meta: Err(why), .. } => Some(why.clone()),
            Self::Open { meta: Ok(meta), .. } if *meta == Meta::default() => {
                Some("it was empty".to_owned())
            }
            Self::Open { meta: Ok(meta), .. } if meta.town.is_none() || meta.format.is_none() => {
                Some("it does not say whose it is".to_owned())
            }
            Self::Open { .. } => None,
        }
    }

    /// Says why it is there but cannot be used at all.
    fn unusable(&self) -> Option<String> {
        match self {
            Self::Broken(why) | Self::Open { meta: Err(why), .. } => Some(why.clone()),
            Self::Absent | Self::Open { .. } => None,
        }
    }

    /// Returns whether it certainly holds no record.
    pub(crate) fn holds_nothing(&self) -> bool {
        match self {
            Self::Absent => true,
            Self::Broken(_) | Self::Open { meta: Err(_), .. } => false,
            Self::Open { kv, meta: Ok(meta) } => {
                let is_at_zero = meta.head.is_none_or(|head| head == Revision(0));
                let first = Reader::new(kv.as_ref()).at(Revision(1));
                is_at_zero && matches!(first, Found::Missing)
            }
        }
    }
}

/// Compares towns; `None` when neither witness names one.
pub(crate) fn agreed_town(stored: &Stored, header: &Header) -> Result<Option<String>, StoreError> {
    let journal = match header {
        Header::Good { town } => Some(town.as_str()),
        Header::Absent | Header::Bad(_) => None,
    };
    match (stored.town(), journal) {
        (Some(sled), Some(journal)) if sled != journal => Err(StoreError::OtherTown {
            sled: sled.to_owned(),
            journal: journal.to_owned(),
        }),
        (sled, journal) => Ok(sled.or(journal).map(str::to_owned)),
    }
}

struct Opening<'a> {
    layout: Layout,
    options: &'a Options,
    opener: Opener<'a>,
    repairs: Vec<Repair>,
}

struct Ready {
    kv: Box<dyn Kv>,
    journal: Journal,
    town: String,
    head: Revision,
}

impl Opening<'_> {
    fn make_ready(&mut self) -> Result<Ready, StoreError> {
        let (header, begin) = journal::read_header(&self.layout.journal())?;
        let stored = Stored::open(&self.layout.sled(), self.opener)?;
        let town = agreed_town(&stored, &header)?;
        let length = file_length(&self.layout.journal())?;
        let journal_holds_nothing =
            matches!(header, Header::Absent | Header::Good { .. }) && length <= begin;
        if journal_holds_nothing {
            if stored.holds_nothing() {
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

    fn unreadable(&self, sled: String, journal: String) -> StoreError {
        StoreError::Unreadable {
            dir: self.layout.dir.clone(),
            sled,
            journal,
        }
    }

    /// Starts a new log, but never over one that was there once.
    fn begin(
        &mut self,
        stored: Stored,
        header: &Header,
        town: Option<String>,
    ) -> Result<Ready, StoreError> {
        if self.layout.initialised().exists() {
            return Err(StoreError::Emptied {
                dir: self.layout.dir.clone(),
            });
        }
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
            database::initialise(kv.as_mut(), &town).map_err(fail)?;
        }
        let journal = if matches!(header, Header::Good { .. }) {
            Journal::open(&self.layout.journal(), None)?
        } else {
            Draft::create(&self.layout.journal_new(), &town)?.finish(&self.layout.journal())?
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
        let look_after = |anchor| {
            survey(
                &self.layout.dir,
                database.as_ref(),
                &self.layout.journal(),
                anchor,
                None,
                &mut |_| Ok(()),
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
        look_after(from_the_beginning(begin))
    }

    fn fast_anchor(&self, stored: &Stored, header: &Header) -> Option<Anchor> {
        let is_suspect = self.options.compares_everything
            || self.layout.recheck().exists()
            || !matches!(header, Header::Good { .. })
            || stored.flaw().is_some();
        if is_suspect {
            return None;
        }
        let database = stored.view()?;
        snapshot::anchor(database.kv, &self.layout.journal(), database.head?).ok()?
    }

    fn mend(
        &mut self,
        stored: Stored,
        header: &Header,
        begin: u64,
        town: String,
        found: &Survey,
    ) -> Result<Ready, StoreError> {
        if let Some((first, last)) = found.dropped {
            self.repairs.push(Repair::AppendDropped { first, last });
        }
        let journal = match (header, &found.journal_damage) {
            (Header::Good { .. }, None) => self.mend_journal_end(&stored, found)?,
            _ => self.rewrite_journal(&stored, header, begin, &town, found)?,
        };
        let flaw = stored.flaw().or_else(|| found.database_damage.clone());
        let kv = match (stored, flaw) {
            (Stored::Open { kv, .. }, None) => kv,
            (stored, flaw) => {
                // The folder is moved only after the database in it was closed.
                drop(stored);
                self.rebuild_database(&town, found.head, flaw.unwrap_or_default())?
            }
        };
        files::remove(&self.layout.recheck())
            .map_err(|source| StoreError::io("remove", self.layout.recheck(), source))?;
        Ok(Ready {
            kv,
            journal,
            town,
            head: found.head,
        })
    }

    fn mend_journal_end(&mut self, stored: &Stored, found: &Survey) -> Result<Journal, StoreError> {
        let mut journal = Journal::open(&self.layout.journal(), found.journal_line)?;
        if journal.len() > found.journal_end {
            self.repairs.push(Repair::JournalTailCut {
                bytes: journal.len() - found.journal_end,
            });
            journal.cut(found.journal_end)?;
        }
        if found.lacks_break {
            self.repairs.push(Repair::JournalLineEnded {
                revision: found.journal_last,
            });
            journal.end_line()?;
        }
        let Some(database) = stored.view() else {
            return Ok(journal);
        };
        let (first, last) = (found.journal_last.next(), found.head);
        let mut reader = Reader::new(database.kv);
        let mut group = Group::default();
        for revision in (first.0..=last.0).map(Revision) {
            match reader.at(revision) {
                Found::Line(line) => group.lines.push(line),
                Found::Missing | Found::Bad(_) => {
                    let why = "it was readable a moment ago".to_owned();
                    return Err(StoreError::Damaged { revision, why });
                }
            }
            if group.is_full() || revision == last {
                journal.append(&group.take())?;
            }
        }
        if first <= last {
            self.repairs.push(Repair::JournalCaughtUp { first, last });
        }
        Ok(journal)
    }

    fn rewrite_journal(
        &mut self,
        stored: &Stored,
        header: &Header,
        begin: u64,
        town: &str,
        found: &Survey,
    ) -> Result<Journal, StoreError> {
        let path = self.layout.journal();
        let mut draft = Draft::create(&self.layout.journal_new(), town)?;
        survey(
            &self.layout.dir,
            stored.view().as_ref(),
            &path,
            from_the_beginning(begin),
            Some(found.head),
            &mut |line| draft.add(line),
        )?;
        if matches!(header, Header::Absent) {
            self.repairs.push(Repair::JournalRebuilt {
                records: found.head.0,
            });
        } else {
            let aside = self.layout.broken("journal");
            // The old one keeps its place until the new one takes it.
            fs::hard_link(&path, &aside)
                .or_else(|_| fs::copy(&path, &aside).map(drop))
                .map_err(|source| StoreError::io("set the journal aside as", &aside, source))?;
            let why = match (header, &found.journal_damage) {
                (Header::Bad(why), _) => format!("its first line: {why}"),
                (_, why) => why.clone().unwrap_or_default(),
            };
            self.repairs.push(Repair::JournalRewritten {
                why,
                from_database: found.from_database,
                aside,
            });
        }
        draft.finish(&path)
    }

    /// Builds a database beside the old one's place and moves it there when it is whole.
    fn rebuild_database(
        &mut self,
        town: &str,
        head: Revision,
        why: String,
    ) -> Result<Box<dyn Kv>, StoreError> {
        let (path, draft) = (self.layout.sled(), self.layout.sled_new());
        let aside = self.set_aside(&path)?;
        let fail = |source| StoreError::database("rebuild the database", source);
        let mut kv = (self.opener)(&draft).map_err(fail)?;
        database::initialise(kv.as_mut(), town).map_err(fail)?;
        let (_, begin) = journal::read_header(&self.layout.journal())?;
        let mut lines = Lines::open(&self.layout.journal(), begin, Revision(0))?;
        let mut group = Group::default();
        let mut last = Revision(0);
        while let Some(placed) = lines.next_good()? {
            if placed.line.revision != last.next() {
                return Err(self.unreadable(why, format!("record {} is missing", last.next())));
            }
            last = placed.line.revision;
            let is_end_of_append = placed.line.left == 0;
            group.lines.push(placed.line);
            if is_end_of_append && (group.is_full() || last == head) {
                kv.apply(Tree::Log, database::writes_of(&group.take()))
                    .map_err(fail)?;
            }
        }
        if last != head || !group.lines.is_empty() {
            return Err(self.unreadable(why, format!("it ends at record {last}, not at {head}")));
        }
        kv::make_durable(kv.as_mut()).map_err(fail)?;
        drop(kv);
        fs::rename(&draft, &path)
            .and_then(|()| files::sync_dir(&self.layout.dir))
            .map_err(|source| StoreError::io("put the rebuilt database at", &path, source))?;
        self.repairs.push(Repair::DatabaseRebuilt {
            why,
            records: head.0,
            aside,
        });
        (self.opener)(&path).map_err(|source| StoreError::database("open the database", source))
    }

    fn set_aside(&self, path: &Path) -> Result<Option<PathBuf>, StoreError> {
        let aside = self.layout.broken("sled");
        match fs::rename(path, &aside).and_then(|()| files::sync_dir(&self.layout.dir)) {
            Ok(()) => Ok(Some(aside)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(StoreError::io("set the database aside as", aside, source)),
        }
    }

    fn finish(mut self, ready: Ready, lock: DirLock) -> Result<(Store, Opened), StoreError> {
        let snapshot = self.load_snapshot(&ready);
        let opened = Opened {
            snapshot,
            head: ready.head,
            town_id: ready.town.clone(),
            repairs: self.repairs,
        };
        let mut store = Store {
            kv: ready.kv,
            journal: ready.journal,
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

    /// Snapshots are a cache: whatever is wrong with them is told and passed over.
    fn load_snapshot(&mut self, ready: &Ready) -> Option<(Revision, Vec<u8>)> {
        let heads = match snapshot::heads(ready.kv.as_ref()) {
            Ok(heads) => heads,
            Err(error) => {
                self.repairs.push(Repair::SnapshotIgnored {
                    at: Revision(0),
                    why: error.to_string(),
                });
                return None;
            }
        };
        for (at, head) in heads {
            let loaded = head.map_err(str::to_owned).and_then(|head| {
                if at > ready.head {
                    return Err("the log does not reach it".to_owned());
                }
                snapshot::load(ready.kv.as_ref(), &head)
            });
            match loaded {
                Ok(body) => return Some((at, body)),
                Err(why) => self.repairs.push(Repair::SnapshotIgnored { at, why }),
            }
        }
        None
    }
}

/// Lines that go to the disk together.
#[derive(Default)]
struct Group {
    lines: Vec<Line>,
}

impl Group {
    fn is_full(&self) -> bool {
        let size: usize = self.lines.iter().map(|line| line.text.len()).sum();
        self.lines.len() >= PAGE_ENTRIES || size >= PAGE_BYTES
    }

    fn take(&mut self) -> Vec<Line> {
        std::mem::take(&mut self.lines)
    }
}

fn from_the_beginning(journal_begin: u64) -> Anchor {
    Anchor {
        revision: Revision(0),
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
