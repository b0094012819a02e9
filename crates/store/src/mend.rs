//! Mending: from the union of both witnesses to the journal, and from the journal to the database.
//!
//! Each step leaves a folder from which the next open comes to the same log:
//! new files are whole before they get their names, and what is damaged is set
//! aside and never removed.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use gtd_core::Revision;

use crate::{
    database::{self, Found, Reader},
    error::StoreError,
    files,
    journal::{self, Draft, Header, Journal, Lines},
    kv::{self, Kv, PAGE_BYTES, PAGE_ENTRIES},
    line::{Cut, Line},
    open::{self, Opening, Ready, after_the_sealed},
    repair::Repair,
    stored::Stored,
    survey::{Survey, survey},
};

/// A rebuilt database is at most this many times as long as its journal.
const DATABASE_PER_JOURNAL: u64 = 3;

impl Opening<'_> {
    /// Makes both witnesses whole, the journal first, and says what was done.
    pub(crate) fn mend(
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
        let is_vouched_for = matches!(header, Header::Good { .. })
            && found.journal_damage.is_none()
            && found.journal_last == found.head;
        let flaw = stored.flaw().or_else(|| found.database_damage.clone());
        let kv = match (stored, flaw) {
            (Stored::Open { kv, .. }, None) => kv,
            (stored, flaw) => {
                // The folder is moved only after the database in it was closed.
                drop(stored);
                self.rebuild_database(&town, found.head, flaw.unwrap_or_default())?
            }
        };
        if !is_vouched_for {
            // What sled cut off may be what the journal lacks.
            self.set_kept_aside()?;
        }
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
        let cut = match header {
            // So that snapshots find their places again.
            Header::Good { begin, .. } if begin.cut.after == self.floor => begin.cut,
            _ => Cut {
                after: self.floor,
                base: 0,
            },
        };
        let mut draft = Draft::create(&self.layout.journal_new(), town, cut)?;
        survey(
            &self.layout.dir,
            stored.view().as_ref(),
            &path,
            after_the_sealed(self.floor, begin),
            Some(found.head),
            &mut |line| draft.add(line),
        )?;
        if matches!(header, Header::Absent) {
            self.repairs.push(Repair::JournalRebuilt {
                records: found.head.0 - self.floor.0,
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
        let length = open::file_length(&self.layout.journal())?;
        let needed = length * DATABASE_PER_JOURNAL;
        files::require_space(&self.layout.dir, needed, "rebuild the database")?;
        let aside = self.set_aside(&path)?;
        let fail = |source| StoreError::database("rebuild the database", source);
        let mut kv = (self.opener)(&draft).map_err(fail)?;
        database::initialise(kv.as_mut(), town, self.floor).map_err(fail)?;
        let (_, begin) = journal::read_header(&self.layout.journal())?;
        let mut lines = Lines::open(&self.layout.journal(), begin, self.floor)?;
        let mut group = Group::default();
        let mut last = self.floor;
        while let Some(placed) = lines.next_good()? {
            if placed.line.revision != last.next() {
                return Err(self.unreadable(why, format!("record {} is missing", last.next())));
            }
            last = placed.line.revision;
            let is_end_of_append = placed.line.left == 0;
            group.lines.push(placed.line);
            if is_end_of_append && (group.is_full() || last == head) {
                kv.apply(database::writes_of(&group.take())).map_err(fail)?;
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
            records: head.0 - self.floor.0,
            aside,
        });
        (self.opener)(&path).map_err(|source| StoreError::database("open the database", source))
    }

    /// Moves the damaged database away: as it was before sled opened it, where that was kept.
    fn set_aside(&self, path: &Path) -> Result<Option<PathBuf>, StoreError> {
        let aside = self.layout.broken("sled");
        let kept = self.layout.sled_keep();
        if kept.exists() {
            return fs::rename(&kept, &aside)
                .and_then(|()| files::sync_dir(&self.layout.dir))
                .and_then(|()| {
                    gtd_fault::point("store.keep-aside");
                    files::remove(path)
                })
                .map(|()| Some(aside.clone()))
                .map_err(|source| StoreError::io("set the database aside as", &aside, source));
        }
        match fs::rename(path, &aside).and_then(|()| files::sync_dir(&self.layout.dir)) {
            Ok(()) => Ok(Some(aside)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(StoreError::io("set the database aside as", aside, source)),
        }
    }
}

/// Lines that go to the disk together.
#[derive(Default)]
pub(crate) struct Group {
    pub(crate) lines: Vec<Line>,
}

impl Group {
    pub(crate) fn is_full(&self) -> bool {
        let size: usize = self.lines.iter().map(|line| line.text.len()).sum();
        self.lines.len() >= PAGE_ENTRIES || size >= PAGE_BYTES
    }

    pub(crate) fn take(&mut self) -> Vec<Line> {
        std::mem::take(&mut self.lines)
    }
}
