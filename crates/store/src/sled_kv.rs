//! The database in sled 0.34.
//!
//! What sled does not do is done here: its panics become errors, its `flush`
//! is followed by an `fdatasync` through a handle of our own, and the files of
//! a new database and their folder are synced once. It knows no record.

use std::{
    any::Any,
    collections::BTreeSet,
    ffi::OsString,
    fs::{self, File},
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use crate::{
    files,
    kv::{DatabaseError, Kv, PAGE_BYTES, PAGE_ENTRIES, Page, Writes},
};

/// sled gives its own lock back a little after it was dropped.
const LOCK_PATIENCE: Duration = Duration::from_secs(10);

pub(crate) struct SledKv {
    /// Empty only while it is dropped.
    open: Option<Trees>,
    file: File,
    blobs: PathBuf,
    synced_blobs: BTreeSet<OsString>,
}

struct Trees {
    // The fields are dropped in this order.
    log: sled::Tree,
    db: sled::Db,
}

impl SledKv {
    pub(crate) fn open(path: &Path, cache_capacity: u64) -> Result<Self, DatabaseError> {
        let data = path.join("db");
        let is_new = !data.exists();
        remove_unfinished_snapshots(path).map_err(DatabaseError::Io)?;
        let deadline = Instant::now() + LOCK_PATIENCE;
        let trees = loop {
            match open_on_its_own_thread(path, cache_capacity) {
                Err(DatabaseError::Busy) if Instant::now() < deadline => {
                    thread::sleep(Duration::from_millis(5));
                }
                other => break other?,
            }
        };
        let mut kv = Self {
            open: Some(trees),
            file: File::open(&data).map_err(DatabaseError::Io)?,
            blobs: path.join("blobs"),
            synced_blobs: BTreeSet::new(),
        };
        if is_new {
            kv.flush()?;
            kv.sync()?;
            sync_new(path).map_err(DatabaseError::Io)?;
        }
        Ok(kv)
    }

    fn trees(&self) -> &Trees {
        self.open.as_ref().expect("it is emptied only by drop")
    }

    fn log(&self) -> &sled::Tree {
        &self.trees().log
    }

    /// Syncs blob files, which the size of our chunks should never let come to be.
    fn sync_blobs(&mut self) -> io::Result<()> {
        let mut present = BTreeSet::new();
        let mut is_changed = false;
        for entry in fs::read_dir(&self.blobs)? {
            let name = entry?.file_name();
            if !self.synced_blobs.contains(&name) {
                match File::open(self.blobs.join(&name)).and_then(|file| file.sync_all()) {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                    other => other?,
                }
                is_changed = true;
            }
            present.insert(name);
        }
        if is_changed {
            files::sync_dir(&self.blobs)?;
        }
        self.synced_blobs = present;
        Ok(())
    }
}

impl Drop for SledKv {
    fn drop(&mut self) {
        let trees = self.open.take();
        // sled flushes while it is dropped, and may panic over damage as everywhere else.
        drop(catch_unwind(AssertUnwindSafe(move || drop(trees))));
    }
}

impl Kv for SledKv {
    fn apply(&mut self, writes: Writes) -> Result<(), DatabaseError> {
        let mut batch = sled::Batch::default();
        for (key, value) in writes.0 {
            batch.insert(key, value);
        }
        caught(|| self.log().apply_batch(batch))
    }

    fn flush(&mut self) -> Result<(), DatabaseError> {
        caught(|| self.trees().db.flush()).map(drop)
    }

    fn sync(&mut self) -> Result<(), DatabaseError> {
        self.sync_blobs().map_err(DatabaseError::Io)?;
        self.file.sync_data().map_err(DatabaseError::Io)
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, DatabaseError> {
        caught(|| {
            let value = self.log().get(key)?;
            Ok(value.map(|value| value.to_vec()))
        })
    }

    fn range(&self, from: &[u8], to: &[u8]) -> Result<Page, DatabaseError> {
        if from >= to {
            return Ok(Page::default());
        }
        caught(|| {
            let mut page = Page::default();
            let mut size = 0;
            for entry in self.log().range(from..to) {
                let (key, value) = entry?;
                size += key.len() + value.len();
                page.entries.push((key.to_vec(), value.to_vec()));
                if size >= PAGE_BYTES || page.entries.len() >= PAGE_ENTRIES {
                    page.more = true;
                    break;
                }
            }
            Ok(page)
        })
    }
}

fn open_on_its_own_thread(path: &Path, cache_capacity: u64) -> Result<Trees, DatabaseError> {
    let path = path.to_owned();
    let opener = thread::Builder::new()
        .name("sled-open".to_owned())
        .spawn(move || {
            caught(|| {
                let db = sled::Config::default()
                    .path(path)
                    .cache_capacity(cache_capacity)
                    .mode(sled::Mode::HighThroughput)
                    .flush_every_ms(None)
                    .open()?;
                let log = db.open_tree("log")?;
                // Older versions kept their snapshots here; they are files now.
                db.drop_tree("snapshots")?;
                Ok(Trees { log, db })
            })
        })
        .map_err(DatabaseError::Io)?;
    opener
        .join()
        .unwrap_or_else(|panic| Err(DatabaseError::Panicked(panic_text(&*panic))))
}

/// Removes the index snapshots that sled was writing when it died or the disk was full.
///
/// sled takes them for finished ones, finds them damaged, and never opens again.
fn remove_unfinished_snapshots(path: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|end| end == "generating") {
            files::remove(&path)?;
        }
    }
    Ok(())
}

/// Makes the names and the settings of a new database durable.
fn sync_new(path: &Path) -> io::Result<()> {
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            File::open(entry.path())?.sync_all()?;
        }
    }
    files::sync_dir(&path.join("blobs"))?;
    files::sync_dir(path)?;
    path.parent().map_or(Ok(()), files::sync_dir)
}

fn caught<T>(act: impl FnOnce() -> sled::Result<T>) -> Result<T, DatabaseError> {
    match catch_unwind(AssertUnwindSafe(act)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(explain(error)),
        Err(panic) => Err(DatabaseError::Panicked(panic_text(&*panic))),
    }
}

fn explain(error: sled::Error) -> DatabaseError {
    match error {
        sled::Error::Io(source) if source.to_string().contains("could not acquire lock") => {
            DatabaseError::Busy
        }
        sled::Error::Io(source) => DatabaseError::Io(source),
        sled::Error::ReportableBug(text) if text.contains("IO thread") => {
            DatabaseError::Stopped(text)
        }
        other => DatabaseError::Corrupt(other.to_string()),
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a word");
    // sled prints whole pages into some of its panics.
    text.chars().take(300).collect()
}
