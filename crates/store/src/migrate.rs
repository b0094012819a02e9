//! From the format before to this one: a copy is kept, then the journal and the database get their new mark.
//!
//! | format | is |
//! |---|---|
//! | 1 | all records in the database and in the journal, for ever |
//! | 2 | the journal says where it begins; what comes before is in segments |
//!
//! The records themselves are the same. What is kept is the journal, from which
//! every version makes its database: a hard link where the file system has
//! them, since the new journal is another file. A death at any step leaves a
//! store that is opened and migrated by the next start.

use std::{
    fs::{self, DirBuilder, File},
    io::{self, Seek as _, SeekFrom},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _},
    path::{Path, PathBuf},
};

use crate::{
    database,
    error::StoreError,
    files::{self, Layout},
    journal::{self, Header, Journal},
    kv::DatabaseError,
    line::{Cut, HeaderLine},
    open::{Options, Ready},
    record::FORMAT,
    repair::Repair,
};

/// Migrates an open store of an older format; on a full disk it stays one, until a start finds room.
pub(crate) fn migrate(
    layout: &Layout,
    options: &Options,
    ready: &mut Ready,
) -> Result<Option<Repair>, StoreError> {
    let fail = |source: DatabaseError| StoreError::database("migrate the database", source);
    let stored = database::meta(ready.kv.as_ref()).map_err(fail)?.format;
    let (Header::Good { format, .. }, _) = journal::read_header(&layout.journal())? else {
        return Ok(None);
    };
    let from = stored.map_or(format, |stored| stored.min(format));
    if from >= FORMAT {
        return Ok(None);
    }
    let length = ready.journal.len();
    if format < FORMAT {
        if files::require_space(&layout.dir, length, "migrate the log").is_err() {
            return Ok(None);
        }
        if options.keeps_older {
            keep(layout, format)?;
        }
        gtd_fault::point("store.migrate-kept");
        mark_journal(layout, ready)?;
        gtd_fault::point("store.migrate-journal");
    }
    database::set_format(ready.kv.as_mut()).map_err(fail)?;
    gtd_fault::point("store.migrate-database");
    let kept = newest_kept(layout, from)?;
    Ok(Some(Repair::Migrated { from, kept }))
}

fn stem(format: u32) -> String {
    format!("format-{format}.kept")
}

/// Keeps the journal, unless a start that died has kept it already.
fn keep(layout: &Layout, format: u32) -> Result<(), StoreError> {
    let journal = layout.journal();
    let fail = |source| StoreError::io("keep a copy of the older format of", &journal, source);
    if let Some(kept) = newest_kept(layout, format)?
        && is_same_file(&journal, &kept.join("journal.jsonl"))
    {
        return Ok(());
    }
    let draft = layout.kept_new();
    let copy = draft.join("journal.jsonl");
    DirBuilder::new().mode(0o700).create(&draft).map_err(fail)?;
    fs::hard_link(&journal, &copy)
        .or_else(|_| fs::copy(&journal, &copy).map(drop))
        .and_then(|()| files::sync_all(&draft))
        .and_then(|()| fs::rename(&draft, layout.dated(&stem(format))))
        .and_then(|()| files::sync_dir(&layout.dir))
        .map_err(fail)
}

fn is_same_file(one: &Path, other: &Path) -> bool {
    let identity = |path: &Path| fs::metadata(path).map(|file| (file.dev(), file.ino())).ok();
    identity(one).is_some() && identity(one) == identity(other)
}

/// Finds what was kept last of a format.
fn newest_kept(layout: &Layout, format: u32) -> Result<Option<PathBuf>, StoreError> {
    let fail = |source| StoreError::io("read the folder", &layout.dir, source);
    let mut newest = None;
    for entry in fs::read_dir(&layout.dir).map_err(fail)? {
        let entry = entry.map_err(fail)?;
        let name = entry.file_name();
        if name.to_string_lossy().starts_with(&stem(format)) {
            newest = newest.max(Some(entry.path()));
        }
    }
    Ok(newest)
}

/// Puts a journal with the new first line and the same records in the place of the old one.
fn mark_journal(layout: &Layout, ready: &mut Ready) -> Result<(), StoreError> {
    let (path, draft) = (layout.journal(), layout.journal_new());
    let fail = |source| StoreError::io("migrate the journal", &path, source);
    let begin = ready.journal.begin();
    // The places of the snapshots stay true.
    let cut = Cut {
        base: begin.cut.base,
        ..Cut::default()
    };
    let header = HeaderLine::new(&ready.town, cut).text();
    let last_line = ready
        .journal
        .last_line()
        .map(|line| line - begin.offset + header.len() as u64);
    let mut old = File::open(&path).map_err(fail)?;
    old.seek(SeekFrom::Start(begin.offset)).map_err(fail)?;
    let mut new = journal::create(&draft).map_err(fail)?;
    io::copy(&mut header.as_bytes(), &mut new)
        .and_then(|_| io::copy(&mut old, &mut new))
        .and_then(|_| new.sync_all())
        .and_then(|()| fs::rename(&draft, &path))
        .and_then(|()| files::sync_dir(&layout.dir))
        .map_err(fail)?;
    ready.journal = Journal::open(&path, last_line)?;
    Ok(())
}
