//! Output on disk under a cap: a head that is kept and a tail that rotates.
//!
//! `name` is the head (a quarter of the cap), `name.1`, `name.2` and so on are
//! what came later, three eighths each; only the newest two of those are kept.
//! Numbers never return, so a reader that races the writer sees a file that is
//! gone and never a file that begins anew.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

/// Lists the files of `name` that exist, oldest first.
pub(crate) fn list(folder: &Path, name: &str) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let file = entry.file_name();
        let Some(rest) = file.to_str().and_then(|file| file.strip_prefix(name)) else {
            continue;
        };
        let number = match rest.strip_prefix('.') {
            Some(number) => number.parse::<u64>().ok(),
            None if rest.is_empty() => Some(0),
            None => None,
        };
        found.extend(number.map(|number| (number, entry.path())));
    }
    found.sort();
    Ok(found.into_iter().map(|(_, path)| path).collect())
}

/// The writer of one such series of files.
#[derive(Debug)]
pub(crate) struct Segments {
    folder: PathBuf,
    name: &'static str,
    cap: u64,
    file: Option<File>,
    number: u64,
    size: u64,
    /// The size of the segment before this one.
    before: u64,
    dropped: u64,
}

impl Segments {
    pub(crate) fn create(folder: &Path, name: &'static str, cap: u64) -> Self {
        let mut segments = Self {
            folder: folder.to_owned(),
            name,
            cap,
            file: None,
            number: 0,
            size: 0,
            before: 0,
            dropped: 0,
        };
        segments.open();
        segments
    }

    /// How many bytes still fit into the newest file.
    pub(crate) fn room(&self) -> u64 {
        let size = if self.number == 0 {
            self.cap / 4
        } else {
            self.tail_size()
        };
        size.saturating_sub(self.size)
    }

    /// How large each file of the tail may become.
    pub(crate) fn tail_size(&self) -> u64 {
        self.cap / 8 * 3
    }

    /// How many bytes are not on disk: rotated away, or refused by the disk.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// The number of the newest file.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Appends to the newest file; what the disk refuses is dropped, never waited for.
    pub(crate) fn append(&mut self, bytes: &[u8]) {
        let written = match &mut self.file {
            Some(file) => file.write_all(bytes).is_ok(),
            None => false,
        };
        let n = bytes.len() as u64;
        // A failed write may have written a part: it counts for the cap all the same.
        self.size += n;
        if !written {
            self.dropped += n;
        }
    }

    /// Goes on in a new file, and removes the oldest of the tail.
    pub(crate) fn roll(&mut self) {
        if self.number >= 2 {
            let oldest = self.path(self.number - 1);
            // When it cannot be removed the disk holds a little more than the cap.
            drop(fs::remove_file(oldest));
            self.dropped += self.before;
        }
        self.before = self.size;
        self.number += 1;
        self.size = 0;
        self.open();
    }

    fn open(&mut self) {
        self.file = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(self.path(self.number))
            .ok();
    }

    fn path(&self, number: u64) -> PathBuf {
        if number == 0 {
            self.folder.join(self.name)
        } else {
            self.folder.join(format!("{}.{number}", self.name))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_and_the_newest_tail_are_kept_within_the_cap() {
        let folder = tempfile::tempdir().unwrap();
        let mut segments = Segments::create(folder.path(), "x", 800);
        for n in 0..1000u32 {
            if segments.room() < 10 {
                segments.roll();
            }
            segments.append(format!("{n:09}\n").as_bytes());
        }
        let files = list(folder.path(), "x").unwrap();
        let text: String = files
            .iter()
            .map(|file| fs::read_to_string(file).unwrap())
            .collect();
        assert!(text.starts_with("000000000\n"));
        assert!(text.ends_with("000000999\n"));
        assert!(text.len() <= 800);
        assert_eq!(text.len() as u64 + segments.dropped(), 10_000);
        assert_eq!(files.len(), 3);
    }
}
