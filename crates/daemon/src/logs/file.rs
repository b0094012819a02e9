//! One log file with its predecessor.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

/// How large a file may become before it is set aside.
const SIZE_MAX: u64 = 8 * 1024 * 1024;

/// Returns the path of a log.
pub(super) fn path_of(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.log"))
}

/// Returns the path of what was set aside.
pub(super) fn old_path_of(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.log.1"))
}

/// Reads the number of a line.
pub(super) fn seq_of(line: &[u8]) -> Option<u64> {
    let rest = line.strip_prefix(br#"{"seq":"#)?;
    let end = rest.iter().position(|byte| !byte.is_ascii_digit())?;
    std::str::from_utf8(&rest[..end]).ok()?.parse().ok()
}

/// A log that is being written.
#[derive(Debug)]
pub(super) struct LogFile {
    folder: PathBuf,
    name: String,
    file: File,
    size: u64,
    seq: u64,
    size_max: u64,
}

impl LogFile {
    /// Opens a log and goes on after its last line.
    pub(super) fn open(folder: &Path, name: &str) -> io::Result<Self> {
        Self::open_with(folder, name, SIZE_MAX)
    }

    fn open_with(folder: &Path, name: &str, size_max: u64) -> io::Result<Self> {
        let path = path_of(folder, name);
        let mut file = append_to(&path)?;
        let size = file.seek(SeekFrom::End(0))?;
        let seq = last_seq(&path)
            .or_else(|| last_seq(&old_path_of(folder, name)))
            .unwrap_or(0);
        let mut log = Self {
            folder: folder.to_owned(),
            name: name.to_owned(),
            file,
            size,
            seq,
            size_max,
        };
        log.end_torn_line(&path)?;
        Ok(log)
    }

    /// A crash may have left half a line, which must not swallow the next one.
    fn end_torn_line(&mut self, path: &Path) -> io::Result<()> {
        if self.size == 0 {
            return Ok(());
        }
        let mut last = [0];
        let mut file = File::open(path)?;
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
        if last != *b"\n" {
            self.file.write_all(b"\n")?;
            self.size += 1;
        }
        Ok(())
    }

    /// Writes a line; `make` gets its number and gives a JSON object that begins with `{"seq":N`.
    pub(super) fn write(&mut self, make: impl FnOnce(u64) -> String) -> io::Result<()> {
        if self.size >= self.size_max {
            fs::rename(
                path_of(&self.folder, &self.name),
                old_path_of(&self.folder, &self.name),
            )?;
            self.file = append_to(&path_of(&self.folder, &self.name))?;
            self.size = 0;
        }
        let mut line = make(self.seq + 1);
        line.push('\n');
        self.file.write_all(line.as_bytes())?;
        self.seq += 1;
        self.size += line.len() as u64;
        Ok(())
    }
}

fn append_to(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)
}

fn last_seq(path: &Path) -> Option<u64> {
    let mut file = File::open(path).ok()?;
    let size = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(size.saturating_sub(256 * 1024)))
        .ok()?;
    let mut end = Vec::new();
    file.read_to_end(&mut end).ok()?;
    end.split(|byte| *byte == b'\n').rev().find_map(seq_of)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(seq: u64) -> String {
        format!(r#"{{"seq":{seq},"text":"0123456789"}}"#)
    }

    #[test]
    fn a_log_never_takes_more_than_two_files_and_counts_on_over_both_and_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = LogFile::open_with(folder.path(), "mayor", 200).unwrap();
        for _ in 0..40 {
            log.write(line).unwrap();
        }
        drop(log);
        let mut names: Vec<_> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, ["mayor.log", "mayor.log.1"]);
        assert!(fs::metadata(folder.path().join("mayor.log")).unwrap().len() < 300);
        fs::write(
            folder.path().join("mayor.log"),
            format!("{}\n{{\"seq\":41,\"te", line(40)),
        )
        .unwrap();
        let mut log = LogFile::open_with(folder.path(), "mayor", 10_000).unwrap();
        log.write(line).unwrap();
        let text = fs::read_to_string(folder.path().join("mayor.log")).unwrap();
        let last = text.lines().last().unwrap();
        assert!(seq_of(last.as_bytes()).unwrap() >= 41, "{text}");
        assert_eq!(text.lines().count(), 3);
    }
}
