//! The names in the store's folder, and the small acts on files that sled and the journal share.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use gtd_core::Revision;

use crate::error::StoreError;

/// The ending of a file that is not whole yet.
pub(crate) const DRAFT: &str = "new";

/// Knows where everything is in the folder.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    pub(crate) dir: PathBuf,
}

impl Layout {
    pub(crate) fn new(dir: &Path) -> Self {
        Self {
            dir: dir.to_owned(),
        }
    }

    pub(crate) fn lock(&self) -> PathBuf {
        self.dir.join("lock")
    }

    pub(crate) fn sled(&self) -> PathBuf {
        self.dir.join("sled")
    }

    pub(crate) fn sled_new(&self) -> PathBuf {
        self.dir.join("sled.new")
    }

    pub(crate) fn sled_keep(&self) -> PathBuf {
        self.dir.join("sled.keep")
    }

    pub(crate) fn sled_keep_new(&self) -> PathBuf {
        self.dir.join("sled.keep.new")
    }

    /// The database that a compact one has just replaced.
    pub(crate) fn sled_old(&self) -> PathBuf {
        self.dir.join("sled.old")
    }

    /// The folders of both copies of the segments.
    pub(crate) fn segments(&self) -> [PathBuf; 2] {
        ["segments", "segments-copy"].map(|name| self.dir.join(name))
    }

    pub(crate) fn requests(&self) -> PathBuf {
        self.dir.join("requests.idx")
    }

    /// Where the copy of an older format is made.
    pub(crate) fn kept_new(&self) -> PathBuf {
        self.dir.join("kept.new")
    }

    pub(crate) fn requests_new(&self) -> PathBuf {
        self.dir.join("requests.new")
    }

    pub(crate) fn snapshots(&self) -> PathBuf {
        self.dir.join("snapshots")
    }

    pub(crate) fn journal(&self) -> PathBuf {
        self.dir.join("journal.jsonl")
    }

    pub(crate) fn journal_new(&self) -> PathBuf {
        self.dir.join("journal.new")
    }

    pub(crate) fn initialised(&self) -> PathBuf {
        self.dir.join("initialised")
    }

    pub(crate) fn recheck(&self) -> PathBuf {
        self.dir.join("recheck")
    }

    pub(crate) fn verify_copy(&self) -> PathBuf {
        self.dir.join("verify.tmp")
    }

    /// Returns a free name like `sled.broken-20261122T210405Z`.
    pub(crate) fn broken(&self, stem: &str) -> PathBuf {
        self.dated(&format!("{stem}.broken"))
    }

    /// Returns a free name that begins so and bears the date in UTC.
    pub(crate) fn dated(&self, stem: &str) -> PathBuf {
        let now = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ");
        let first = self.dir.join(format!("{stem}-{now}"));
        let more = (2..).map(|n| self.dir.join(format!("{stem}-{now}-{n}")));
        std::iter::once(first)
            .chain(more)
            .find(|path| fs::symlink_metadata(path).is_err())
            .expect("the numbers do not end")
    }
}

/// Makes the names in a folder durable.
pub(crate) fn sync_dir(dir: &Path) -> io::Result<()> {
    let dir = if dir.as_os_str().is_empty() {
        Path::new(".")
    } else {
        dir
    };
    File::open(dir)?.sync_all()
}

/// Writes a small file so that it is there whole, or not at all, after a power cut.
pub(crate) fn write_durable(path: &Path, content: &str) -> io::Result<()> {
    let draft = path.with_extension("draft");
    let mut file = File::create(&draft)?;
    io::Write::write_all(&mut file, content.as_bytes())?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    path.parent().map_or(Ok(()), sync_dir)
}

/// Removes a file or a whole folder; what is not there is removed already.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    let gone = match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match gone {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Syncs every file below a folder, and the folders themselves.
pub(crate) fn sync_all(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync_all(&entry.path())?;
        } else {
            File::open(entry.path())?.sync_all()?;
        }
    }
    sync_dir(dir)
}

/// Adds up the lengths of all files below a folder, in bytes.
pub(crate) fn size_of(dir: &Path) -> io::Result<u64> {
    let mut size = 0;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        size += if entry.file_type()?.is_dir() {
            size_of(&entry.path())?
        } else {
            entry.metadata()?.len()
        };
    }
    Ok(size)
}

/// Refuses an act while the disk could not take so many bytes more, and a little.
pub(crate) fn require_space(dir: &Path, bytes: u64, act: &'static str) -> Result<(), StoreError> {
    const BALLAST: u64 = 4 * 1024 * 1024;
    let fail = |errno: nix::Error| StoreError::io("ask for the free space of", dir, errno.into());
    let disk = nix::sys::statvfs::statvfs(dir).map_err(fail)?;
    let available = disk.blocks_available() * disk.fragment_size();
    let needed = bytes + BALLAST;
    if available >= needed {
        return Ok(());
    }
    Err(StoreError::OutOfSpace {
        act,
        source: format!("{needed} bytes are needed, {available} are free").into(),
    })
}

/// Copies a folder with all that is in it.
pub(crate) fn copy_dir(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_dir(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// Removes what a death in the middle of a write has left in a folder.
pub(crate) fn remove_drafts(folder: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == DRAFT) {
            remove(&path)?;
        }
    }
    Ok(())
}

/// Says that the journal has no whole line of a record; the next start looks at everything,
/// and mends it.
pub(crate) fn no_whole_line(layout: &Layout, revision: Revision) -> StoreError {
    drop(File::create(layout.recheck()));
    StoreError::Damaged {
        revision,
        why: "the journal has no whole line of it".to_owned(),
    }
}
