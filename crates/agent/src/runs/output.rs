//! Reads what a run has said, while it goes on saying it.
//!
//! Nothing is cached: every call reads the files anew, and a file that the
//! rotation has just taken away is skipped.

use std::{
    fs::{self, File},
    io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom},
    path::PathBuf,
};

use gtd_core::RunId;

use crate::{
    error::RunError,
    folder,
    runs::Runs,
    segment,
    state::{Progress, TranscriptLine},
};

impl Runs {
    /// Says how far the output has come, at most a fraction of a second ago.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub fn progress(&self, run: &RunId) -> Result<Progress, RunError> {
        match self.folder(run).read(folder::PROGRESS) {
            // Half a record is what a power cut leaves, and nobody has to know it.
            Err(RunError::Parse { .. }) => Ok(Progress::default()),
            other => Ok(other?.unwrap_or_default()),
        }
    }

    /// Returns the last output, at most `max_bytes` of it; what is not UTF-8 is replaced.
    ///
    /// # Errors
    /// When the output cannot be read.
    pub fn tail(&self, run: &RunId, max_bytes: u64) -> Result<String, RunError> {
        let mut parts: Vec<Vec<u8>> = Vec::new();
        let mut left = max_bytes;
        for path in self.files(run, folder::OUTPUT)?.into_iter().rev() {
            if left == 0 {
                break;
            }
            let bytes = match read_end(&path, left) {
                Ok(bytes) => bytes,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(source) => return Err(self.folder(run).reading(folder::OUTPUT, source)),
            };
            left -= bytes.len() as u64;
            parts.push(bytes);
        }
        parts.reverse();
        Ok(String::from_utf8_lossy(&parts.concat()).into_owned())
    }

    /// Returns the report that the run left in its worktree, when it was kept.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn report(&self, run: &RunId) -> Result<Option<Vec<u8>>, RunError> {
        let folder = self.folder(run);
        match fs::read(folder.file(folder::REPORT)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(folder.reading(folder::REPORT, source)),
        }
    }

    /// Returns up to `limit` lines of the transcript that come after `after_seq`.
    ///
    /// # Errors
    /// When the transcript cannot be read.
    pub fn transcript(
        &self,
        run: &RunId,
        after_seq: u64,
        limit: usize,
    ) -> Result<Vec<TranscriptLine>, RunError> {
        let folder = self.folder(run);
        let files = self.files(run, folder::TRANSCRIPT)?;
        let mut found = Vec::new();
        for (n, path) in files.iter().enumerate() {
            if found.len() >= limit {
                break;
            }
            // The whole file lies before the place that was asked for.
            if files
                .get(n + 1)
                .and_then(first_seq)
                .is_some_and(|next| next <= after_seq.saturating_add(1))
            {
                continue;
            }
            match read_lines(path, after_seq, limit, &mut found) {
                Err(source) if source.kind() != io::ErrorKind::NotFound => {
                    return Err(folder.reading(folder::TRANSCRIPT, source));
                }
                _ => {}
            }
        }
        Ok(found)
    }

    fn files(&self, run: &RunId, name: &str) -> Result<Vec<PathBuf>, RunError> {
        let folder = self.folder(run);
        match segment::list(&folder.path, name) {
            Ok(files) => Ok(files),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(source) => Err(folder.reading(name, source)),
        }
    }
}

fn read_end(path: &PathBuf, max_bytes: u64) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let size = file.metadata()?.len();
    file.seek(SeekFrom::Start(size.saturating_sub(max_bytes)))?;
    let mut bytes = Vec::new();
    file.take(max_bytes).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn first_seq(path: &PathBuf) -> Option<u64> {
    let mut start = [0; 40];
    let n = fs::File::open(path).ok()?.read(&mut start).ok()?;
    seq_of(&start[..n])
}

/// Reads the number off a line without parsing the rest of it.
fn seq_of(line: &[u8]) -> Option<u64> {
    let rest = line.strip_prefix(br#"{"seq":"#)?;
    let end = rest.iter().position(|byte| !byte.is_ascii_digit())?;
    std::str::from_utf8(&rest[..end]).ok()?.parse().ok()
}

fn read_lines(
    path: &PathBuf,
    after_seq: u64,
    limit: usize,
    found: &mut Vec<TranscriptLine>,
) -> io::Result<()> {
    let mut reader = BufReader::with_capacity(64 * 1024, File::open(path)?);
    let mut line = Vec::new();
    while found.len() < limit {
        line.clear();
        // A line without its end is still being written.
        if reader.read_until(b'\n', &mut line)? == 0 || line.last() != Some(&b'\n') {
            break;
        }
        if seq_of(&line).is_some_and(|seq| seq > after_seq) {
            found.extend(serde_json::from_slice::<TranscriptLine>(&line));
        }
    }
    Ok(())
}
