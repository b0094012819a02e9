//! The union of the two witnesses, revision by revision, without changing either.
//!
//! | database | journal | the union has |
//! |---|---|---|
//! | good | good, equal | it |
//! | good | good, different | a refusal that shows both |
//! | good | missing or bad | the database's; the journal is to be mended |
//! | missing or bad | good | the journal's; the database is to be rebuilt |
//! | missing or bad | missing or bad | a refusal, unless it is past the end of both |
//!
//! The database is written first, so a journal that goes on after it means
//! that the database has lost records. The last append counts only when all of
//! it is in the union.

use std::path::Path;

use gtd_core::Revision;

use crate::{
    database::{Found, Reader},
    error::StoreError,
    journal::{At, Lines},
    kv::Kv,
    line::Line,
};

/// Where a survey begins.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Anchor {
    /// The last record that is not looked at.
    pub(crate) revision: Revision,
    /// Where its line ends in the journal.
    pub(crate) journal_end: u64,
    /// Where its line begins.
    pub(crate) journal_line: Option<u64>,
}

/// The database as a survey sees it.
pub(crate) struct Database<'a> {
    pub(crate) kv: &'a dyn Kv,
    /// The head that it claims, where that can be read.
    pub(crate) head: Option<Revision>,
}

/// What a survey found.
#[derive(Debug)]
pub(crate) struct Survey {
    /// The last record of the union.
    pub(crate) head: Revision,
    /// What is wrong with the database's records.
    pub(crate) database_damage: Option<String>,
    /// The journal's last record that belongs to the union.
    pub(crate) journal_last: Revision,
    /// Where its line begins and ends; all after that is to be cut off.
    pub(crate) journal_line: Option<u64>,
    pub(crate) journal_end: u64,
    /// Its line lacks only the line break.
    pub(crate) lacks_break: bool,
    /// What is wrong with the journal before its end.
    pub(crate) journal_damage: Option<String>,
    /// How many records only the database has.
    pub(crate) from_database: u64,
    /// The part of an append that never arrived whole.
    pub(crate) dropped: Option<(Revision, Revision)>,
}

/// Compares both witnesses after `anchor` and shows each line of the union to `visit`.
///
/// With `until`, a survey made before, it ends at that head and judges nothing.
pub(crate) fn survey(
    dir: &Path,
    database: Option<&Database<'_>>,
    journal: &Path,
    anchor: Anchor,
    until: Option<Revision>,
    visit: &mut dyn FnMut(&Line) -> Result<(), StoreError>,
) -> Result<Survey, StoreError> {
    let mut walk = Walk::new(dir, database, journal, anchor)?;
    let mut revision = anchor.revision.next();
    while until.is_none_or(|until| revision <= until) {
        let Some(line) = walk.step(revision)? else {
            break;
        };
        visit(&line)?;
        revision = revision.next();
    }
    if until.is_none() {
        walk.judge()?;
    }
    Ok(walk.found)
}

struct Walk<'a> {
    dir: &'a Path,
    reader: Option<Reader<'a>>,
    claims: Option<Revision>,
    lines: Lines,
    database_last: Revision,
    /// The last append that is whole: its last record, and the journal's state there.
    whole: Anchor,
    whole_journal_last: Revision,
    found: Survey,
}

impl<'a> Walk<'a> {
    fn new(
        dir: &'a Path,
        database: Option<&Database<'a>>,
        journal: &Path,
        anchor: Anchor,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            dir,
            reader: database.map(|database| Reader::new(database.kv)),
            claims: database.and_then(|database| database.head),
            lines: Lines::open(journal, anchor.journal_end, anchor.revision)?,
            database_last: anchor.revision,
            whole: anchor,
            whole_journal_last: anchor.revision,
            found: Survey {
                head: anchor.revision,
                database_damage: None,
                journal_last: anchor.revision,
                journal_line: anchor.journal_line,
                journal_end: anchor.journal_end,
                lacks_break: false,
                journal_damage: None,
                from_database: 0,
                dropped: None,
            },
        })
    }

    /// Returns the line of the union at one revision, or `None` past its end.
    fn step(&mut self, revision: Revision) -> Result<Option<Line>, StoreError> {
        let stored = self
            .reader
            .as_mut()
            .map_or(Found::Missing, |reader| reader.at(revision));
        let line = match (self.lines.at(revision)?, stored) {
            (At::Line(placed), Found::Line(line)) => {
                if placed.line.text != line.text {
                    return Err(StoreError::Diverged {
                        revision,
                        sled: shown(&line.text),
                        journal: shown(&placed.line.text),
                    });
                }
                self.database_last = revision;
                self.keep_journal_line(placed.offset, placed.end, revision);
                line
            }
            (At::Line(placed), stored) => {
                self.database_is_damaged(|| match stored {
                    Found::Bad(why) => format!("record {revision}: {why}"),
                    Found::Missing | Found::Line(_) => {
                        format!("record {revision} is missing, and the journal has it")
                    }
                });
                self.keep_journal_line(placed.offset, placed.end, revision);
                placed.line
            }
            (at, Found::Line(line)) => {
                if matches!(at, At::Hole) {
                    let why = self.journal_says(revision);
                    self.found.journal_damage.get_or_insert(why);
                }
                self.database_last = revision;
                self.found.from_database += 1;
                line
            }
            (At::Hole, stored) => return Err(self.lost(revision, &stored)),
            (At::End, stored) if self.claims >= Some(revision) => {
                return Err(self.lost(revision, &stored));
            }
            (At::End, Found::Bad(why)) => {
                self.database_is_damaged(|| format!("record {revision}: {why}"));
                return Ok(None);
            }
            (At::End, Found::Missing) => return Ok(None),
        };
        self.found.head = revision;
        if line.left == 0 {
            self.whole = Anchor {
                revision,
                journal_end: self.found.journal_end,
                journal_line: self.found.journal_line,
            };
            self.whole_journal_last = self.found.journal_last;
        }
        Ok(Some(line))
    }

    fn keep_journal_line(&mut self, offset: u64, end: u64, revision: Revision) {
        self.found.journal_last = revision;
        self.found.journal_line = Some(offset);
        self.found.journal_end = end;
    }

    fn database_is_damaged(&mut self, why: impl FnOnce() -> String) {
        self.found.database_damage.get_or_insert_with(why);
    }

    /// Draws the conclusions that need the end of both.
    fn judge(&mut self) -> Result<(), StoreError> {
        let from_database_at_end = self.found.head.0 - self.found.journal_last.0;
        let is_more = self.lines.bad_records_since_good > from_database_at_end;
        if is_more || self.lines.bad_since_good > 0 && from_database_at_end == 0 {
            // A crash leaves no whole line that is bad, and nobody can say what was in it.
            let next = self.found.head.next();
            return Err(self.lost(next, &Found::Missing));
        }
        if self.lines.is_damaged_inside {
            let why = self.journal_says(self.found.head);
            self.found.journal_damage.get_or_insert(why);
        }
        self.found.lacks_break = self.lines.lacks_break;
        if self.found.head > self.whole.revision {
            self.found.dropped = Some((self.whole.revision.next(), self.found.head));
            self.found.lacks_break &= self.found.journal_last == self.whole_journal_last;
            self.found.head = self.whole.revision;
            self.found.journal_last = self.whole_journal_last;
            self.found.journal_end = self.whole.journal_end;
            self.found.journal_line = self.whole.journal_line;
        }
        if self.reader.is_some() {
            let (claims, last, head) = (self.claims, self.database_last, self.found.head);
            if claims != Some(last) || last != head {
                self.database_is_damaged(|| match claims {
                    None => format!("it does not say where its log ends; the log ends at {head}"),
                    Some(claims) => format!(
                        "it says that its log ends at {claims}, its records end at {last}, the log ends at {head}"
                    ),
                });
            }
        }
        Ok(())
    }

    fn journal_says(&self, revision: Revision) -> String {
        match &self.lines.first_bad {
            Some((offset, why)) => format!("the line at byte {offset}: {why}"),
            None => format!("record {revision} is missing"),
        }
    }

    fn lost(&self, revision: Revision, stored: &Found) -> StoreError {
        StoreError::Unreadable {
            dir: self.dir.to_owned(),
            sled: match (stored, &self.reader, &self.found.database_damage) {
                (Found::Bad(why), _, _) => format!("record {revision}: {why}"),
                (_, None, _) => "there is none that can be read".to_owned(),
                (_, Some(_), Some(why)) => format!("record {revision} is missing; {why}"),
                (_, Some(_), None) => format!("record {revision} is missing"),
            },
            journal: self.journal_says(revision),
        }
    }
}

/// A line may have megabytes; a person needs its beginning.
fn shown(text: &str) -> String {
    const SHOWN: usize = 2000;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}… ({} bytes)", &text[..end], text.len()),
        None => text.to_owned(),
    }
}
