//! Reading a log while it is written and set aside.

use std::{
    collections::VecDeque,
    fs::File,
    io::{self, BufRead as _, BufReader, Seek as _, SeekFrom},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use gtd_core::{InvalidName, RoleName};

use super::file::{old_path_of, path_of, seq_of};

/// Why a log cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadLogError {
    /// The name could lead out of the folder.
    #[error("read a log")]
    Name(#[from] InvalidName),
    /// The file cannot be read.
    #[error("read the log {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// One line with its number.
pub(crate) type NumberedLine = (u64, String);

/// Reads a log from its kept beginning to its end, and on as it grows.
#[derive(Debug)]
pub(crate) struct LogReader {
    path: PathBuf,
    open: Option<BufReader<File>>,
    inode: u64,
    after: u64,
    waiting: VecDeque<NumberedLine>,
}

impl LogReader {
    /// Begins after the line `after`, with the last `last` lines at most.
    ///
    /// # Errors
    /// When the name is none, or a file cannot be read.
    pub(crate) fn open(
        folder: &Path,
        name: &str,
        after: u64,
        last: Option<usize>,
    ) -> Result<Self, ReadLogError> {
        RoleName::parse(name)?;
        let mut reader = Self {
            path: path_of(folder, name),
            open: None,
            inode: 0,
            after,
            waiting: VecDeque::new(),
        };
        let old = old_path_of(folder, name);
        if let Some(mut file) = open(&old)? {
            reader.take_lines(&mut file, &old)?;
        }
        reader.read_on()?;
        if let Some(last) = last {
            let surplus = reader.waiting.len().saturating_sub(last);
            reader.waiting.drain(..surplus);
        }
        Ok(reader)
    }

    /// Takes at most `limit` lines, once they have been written.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) fn next(&mut self, limit: usize) -> Result<Vec<NumberedLine>, ReadLogError> {
        if self.waiting.is_empty() {
            self.read_on()?;
        }
        let n_lines = limit.min(self.waiting.len());
        Ok(self.waiting.drain(..n_lines).collect())
    }

    fn read_on(&mut self) -> Result<(), ReadLogError> {
        let path = self.path.clone();
        // What is open is read to its end, under whatever name it has now.
        if let Some(mut file) = self.open.take() {
            self.take_lines(&mut file, &path)?;
            self.open = Some(file);
        }
        let inode = std::fs::metadata(&path).map_or(0, |found| found.ino());
        if inode == self.inode || inode == 0 {
            return Ok(());
        }
        if let Some(mut file) = open(&path)? {
            self.take_lines(&mut file, &path)?;
            self.inode = inode;
            self.open = Some(file);
        }
        Ok(())
    }

    fn take_lines(&mut self, file: &mut BufReader<File>, path: &Path) -> Result<(), ReadLogError> {
        let fail = |source| ReadLogError::Read {
            path: path.to_owned(),
            source,
        };
        let mut line = Vec::new();
        loop {
            line.clear();
            let n_bytes = file.read_until(b'\n', &mut line).map_err(fail)?;
            if line.last() != Some(&b'\n') {
                // Half a line: it is read again when it is whole.
                let back = i64::try_from(n_bytes).unwrap_or(0);
                file.seek(SeekFrom::Current(-back)).map_err(fail)?;
                return Ok(());
            }
            line.pop();
            if let Some(seq) = seq_of(&line).filter(|seq| *seq > self.after) {
                self.after = seq;
                let text = String::from_utf8_lossy(&line).into_owned();
                self.waiting.push_back((seq, text));
            }
        }
    }
}

fn open(path: &Path) -> Result<Option<BufReader<File>>, ReadLogError> {
    match File::open(path) {
        Ok(file) => Ok(Some(BufReader::with_capacity(64 * 1024, file))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(ReadLogError::Read {
            path: path.to_owned(),
            source,
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, io::Write as _};

    use super::*;

    fn numbers(lines: Vec<NumberedLine>) -> Vec<u64> {
        lines.into_iter().map(|(seq, _)| seq).collect()
    }

    fn append(path: &Path, text: &str) {
        let mut file = fs::OpenOptions::new()
            .append(true)
            .create(true)
            .open(path)
            .unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    #[test]
    fn a_reader_misses_no_line_when_the_file_is_set_aside() {
        let folder = tempfile::tempdir().unwrap();
        let (new, old) = (
            path_of(folder.path(), "crew"),
            old_path_of(folder.path(), "crew"),
        );
        append(&old, "{\"seq\":1}\n{\"seq\":2}\n");
        append(&new, "{\"seq\":3}\n{\"seq\":4,");
        let mut reader = LogReader::open(folder.path(), "crew", 1, None).unwrap();
        assert_eq!(numbers(reader.next(10).unwrap()), [2, 3]);
        assert_eq!(numbers(reader.next(10).unwrap()), [0; 0]);
        append(&new, "\"x\":0}\n{\"seq\":5}\n");
        fs::rename(&new, &old).unwrap();
        append(&new, "{\"seq\":6}\n");
        assert_eq!(numbers(reader.next(2).unwrap()), [4, 5]);
        assert_eq!(numbers(reader.next(2).unwrap()), [6]);
        let mut last = LogReader::open(folder.path(), "crew", 0, Some(2)).unwrap();
        assert_eq!(numbers(last.next(10).unwrap()), [5, 6]);
        assert!(matches!(
            LogReader::open(folder.path(), "../key", 0, None),
            Err(ReadLogError::Name(_))
        ));
    }
}
