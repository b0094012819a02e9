//! Checks a store from the first record to the last without changing anything in it.
//!
//! sled cannot be opened without writing, so its folder is copied first; the
//! copy is removed afterwards.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use gtd_core::Revision;

use crate::{
    error::StoreError,
    files::{self, Layout},
    journal::{self, Header},
    kv::Kv,
    lock::ProcessLock,
    open::{self, Options},
    sealed::Sealed,
    sled_kv::SledKv,
    snapshot,
    stored::{Stored, agreed_town},
    survey::survey,
};

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifyReport {
    /// The town that the log belongs to, where that can be read.
    pub town_id: Option<String>,
    /// The last record of the union of both witnesses.
    pub head: Revision,
    /// The length of the journal.
    pub journal_bytes: u64,
    /// The snapshots that can be used, the newest first.
    pub snapshots: Vec<Revision>,
    /// All that is not as it should be, in words.
    pub problems: Vec<String>,
}

impl VerifyReport {
    /// Returns whether nothing is wrong.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.problems.is_empty()
    }
}

/// Checks the store in `dir`, which nobody may have open meanwhile.
///
/// # Errors
/// When somebody holds it, when it was written by a newer program, or when the
/// system refuses a read. Damage is not an error but a problem in the report.
pub fn verify(dir: &Path) -> Result<VerifyReport, StoreError> {
    let layout = Layout::new(dir);
    fs::metadata(dir).map_err(|source| StoreError::io("look at the folder", dir, source))?;
    let _lock = ProcessLock::take_store(&layout.lock())?;
    let copy = Copy::of(&layout)?;
    let (header, begin) = journal::read_header(&layout.journal())?;
    let cache = Options::default().cache_capacity;
    let stored = Stored::open(&copy.path, &|path| {
        Ok(Box::new(SledKv::open(path, cache)?) as Box<dyn Kv>)
    })?;
    let mut report = VerifyReport {
        town_id: None,
        head: Revision(0),
        journal_bytes: open::file_length(&layout.journal())?,
        snapshots: Vec::new(),
        problems: Vec::new(),
    };
    match &header {
        Header::Good { .. } => {}
        Header::Absent => report.problem("the journal is missing"),
        Header::Bad(why) => report.problem(format!("the first line of the journal: {why}")),
    }
    if let Some(why) = stored.flaw() {
        report.problem(format!("the database: {why}"));
    }
    match agreed_town(&stored, &header) {
        Ok(town) => report.town_id = town,
        Err(error) => report.problem(error.to_string()),
    }
    let floor = report.check_sealed(&layout);
    report.compare(&layout, &stored, floor, begin)?;
    report.check_snapshots(&layout);
    if report.head == Revision(0) && layout.initialised().exists() {
        report.problem("the log is empty, and it was not once");
    }
    Ok(report)
}

impl VerifyReport {
    fn problem(&mut self, text: impl Into<String>) {
        self.problems.push(text.into());
    }

    /// Checks every byte of both copies of the segments; returns the last sealed record.
    fn check_sealed(&mut self, layout: &Layout) -> Revision {
        match Sealed::read_only(layout) {
            Ok(sealed) => {
                for problem in sealed.problems() {
                    self.problem(problem);
                }
                sealed.end()
            }
            Err(error) => {
                self.problem(error.to_string());
                Revision(0)
            }
        }
    }

    fn compare(
        &mut self,
        layout: &Layout,
        stored: &Stored,
        floor: Revision,
        begin: u64,
    ) -> Result<(), StoreError> {
        let database = stored.view();
        let mut unanswered = Vec::new();
        let mut head = floor;
        let surveyed = survey(
            &layout.dir,
            database.as_ref(),
            &layout.journal(),
            open::after_the_sealed(floor, begin),
            None,
            &mut |line| {
                head = line.revision;
                if unanswered.len() < 10 {
                    unanswered.extend(open::unanswered(database.as_ref(), line));
                }
                Ok(())
            },
        );
        self.head = head;
        let found = match surveyed {
            Ok(found) => found,
            Err(error @ (StoreError::Io { .. } | StoreError::OutOfSpace { .. })) => {
                return Err(error);
            }
            Err(error) => {
                self.problem(error.to_string());
                return Ok(());
            }
        };
        self.head = found.head;
        if let Some(why) = found.database_damage {
            self.problem(format!("the database: {why}"));
        }
        if let Some(why) = found.journal_damage {
            self.problem(format!("the journal: {why}"));
        }
        if self.journal_bytes > found.journal_end {
            let bytes = self.journal_bytes - found.journal_end;
            self.problem(format!("the journal has {bytes} bytes too many at its end"));
        }
        if found.journal_last < found.head {
            let last = found.journal_last;
            self.problem(format!("the journal ends at record {last}"));
        }
        if found.lacks_break {
            self.problem("the last line of the journal lacks its line break");
        }
        for revision in unanswered {
            self.problem(format!(
                "the request of record {revision} is not found in the database"
            ));
        }
        Ok(())
    }

    fn check_snapshots(&mut self, layout: &Layout) {
        let heads = match snapshot::heads(layout) {
            Ok(heads) => heads,
            Err(error) => return self.problem(format!("the snapshots: {error}")),
        };
        for (at, head) in heads {
            match head.and_then(|head| snapshot::load(layout, &head)) {
                Ok(_) => self.snapshots.push(at),
                Err(why) => self.problem(format!("the snapshot of revision {at}: {why}")),
            }
        }
    }
}

/// A copy of the database's folder, removed when dropped.
struct Copy {
    path: PathBuf,
}

impl Copy {
    fn of(layout: &Layout) -> Result<Self, StoreError> {
        let copy = Self {
            path: layout.verify_copy(),
        };
        let fail = |source| StoreError::io("copy the database to", &copy.path, source);
        files::remove(&copy.path).map_err(fail)?;
        // What an open that died has left is not what it found.
        let found = Some(layout.sled_keep()).filter(|kept| kept.exists());
        match files::copy_dir(&found.unwrap_or_else(|| layout.sled()), &copy.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(fail(error)),
            _ => Ok(copy),
        }
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        // What stays behind is removed at the next open.
        drop(files::remove(&self.path));
    }
}
