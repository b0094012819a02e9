//! Takes what a run says and puts it on disk, under a cap, without ever making the run wait.
//!
//! Raw bytes go to `out.log`, lines to `transcript.jsonl`; each has half of the
//! cap. A disk that refuses a write costs output, never the run.

use std::{
    borrow::Cow,
    collections::VecDeque,
    io::BufRead as _,
    path::Path,
    time::{Duration, Instant},
};

use gtd_core::Timestamp;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::{
    folder::{self, Folder, Keep},
    segment::Segments,
    shim::{
        now,
        redact::{Redactor, Secrets},
        repeats::Repeats,
    },
    state::{Kind, Progress},
};

const LONGEST_LINE: usize = 64 * 1024;
const SMALLEST_CAP: u64 = 64 * 1024;
const LONGEST_LAST_LINE: usize = 300;
const PROGRESS_EVERY: Duration = Duration::from_millis(200);
const FLUSH_AT: usize = 256 * 1024;

/// All output of one run.
#[derive(Debug)]
pub(super) struct Output {
    folder: Folder,
    raw: Segments,
    transcript: Transcript,
    line_limit: usize,
    clean_out: Redactor,
    clean_err: Redactor,
    out: Vec<u8>,
    err: Vec<u8>,
    bytes: u64,
    digest: Sha256,
    lines: u64,
    repeats: Repeats,
    last_line: Vec<u8>,
    next_progress: Option<Instant>,
    last_progress: Option<Instant>,
}

impl Output {
    pub(super) fn create(folder: &Folder, cap: u64, secrets: Secrets) -> Self {
        let half = cap.max(SMALLEST_CAP) / 2;
        let transcript = Transcript::create(&folder.path, half);
        // A line of the transcript, even one of escapes alone, fits into one file.
        let fits = usize::try_from(transcript.files.tail_size() / 8).unwrap_or(LONGEST_LINE);
        Self {
            folder: folder.clone(),
            raw: Segments::create(&folder.path, folder::OUTPUT, half),
            transcript,
            line_limit: fits.min(LONGEST_LINE),
            clean_out: Redactor::new(secrets.clone()),
            clean_err: Redactor::new(secrets),
            out: Vec::new(),
            err: Vec::new(),
            bytes: 0,
            digest: Sha256::new(),
            lines: 0,
            repeats: Repeats::default(),
            last_line: Vec::new(),
            next_progress: None,
            last_progress: None,
        }
    }

    /// Takes what was read from one of the two streams.
    pub(super) fn take(&mut self, kind: Kind, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        let clean = self.redactor(kind).take(bytes);
        self.take_clean(kind, &clean);
        let earliest = self
            .last_progress
            .map_or_else(Instant::now, |last| last + PROGRESS_EVERY);
        self.next_progress.get_or_insert(earliest);
    }

    fn take_clean(&mut self, kind: Kind, bytes: &[u8]) {
        self.digest.update(bytes);
        self.take_raw(bytes);
        let at = now();
        let mut partial = std::mem::take(self.partial(kind));
        let mut rest = bytes;
        while !rest.is_empty() {
            let mut part = rest;
            let room = self.line_limit.saturating_sub(partial.len());
            if part.len() > room {
                part = &part[..room];
            }
            let before = part.len();
            part.read_until(b'\n', &mut partial)
                .expect("reading memory cannot fail");
            rest = &rest[before - part.len()..];
            if partial.last() == Some(&b'\n') {
                partial.pop();
                self.line(at, kind, &partial);
                partial.clear();
            } else if partial.len() >= self.line_limit {
                let cut = cut_at_character(&partial);
                self.line(at, kind, &partial[..cut]);
                partial.drain(..cut);
            }
        }
        *self.partial(kind) = partial;
        self.transcript.flush();
    }

    /// Says something in the shim's own name.
    pub(super) fn note(&mut self, text: &str) {
        self.transcript.push(now(), Kind::Note, text.as_bytes());
        self.transcript.flush();
    }

    /// When the progress record should be written next.
    pub(super) fn due(&self) -> Option<Instant> {
        self.next_progress
    }

    /// Writes the progress record if it is due.
    pub(super) fn tick(&mut self) {
        if self.next_progress.is_some_and(|due| due <= Instant::now()) {
            self.write_progress();
        }
    }

    /// Ends lines that have no end, and writes the last progress record.
    pub(super) fn finish(&mut self) {
        for kind in [Kind::Out, Kind::Err] {
            let held = self.redactor(kind).finish();
            self.take_clean(kind, &held);
            let partial = std::mem::take(self.partial(kind));
            if !partial.is_empty() {
                self.line(now(), kind, &partial);
            }
        }
        self.transcript.flush();
        self.write_progress();
    }

    /// Returns how many bytes there were, and how many of them are not on disk.
    pub(super) fn totals(&self) -> (u64, u64) {
        (self.bytes, self.raw.dropped().min(self.bytes))
    }

    /// Returns the SHA-256 of all bytes so far, both streams as they came, in hexadecimal digits.
    pub(super) fn digest(&self) -> String {
        format!("{:x}", self.digest.clone().finalize())
    }

    fn take_raw(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = usize::try_from(self.raw.room()).unwrap_or(usize::MAX);
            if room == 0 {
                self.raw.roll();
                continue;
            }
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.raw.append(now);
            bytes = later;
        }
    }

    fn line(&mut self, at: Timestamp, kind: Kind, line: &[u8]) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        self.lines += 1;
        self.repeats.push(line);
        if !line.trim_ascii().is_empty() {
            self.last_line.clear();
            self.last_line
                .extend_from_slice(&line[..line.len().min(LONGEST_LAST_LINE)]);
        }
        self.transcript.push(at, kind, line);
    }

    fn write_progress(&mut self) {
        self.next_progress = None;
        self.last_progress = Some(Instant::now());
        let progress = Progress {
            bytes: self.bytes,
            lines: self.lines,
            repeats: self.repeats.count(),
            last_line: String::from_utf8_lossy(&self.last_line).into_owned(),
        };
        // The next record comes soon, and the disk may have room by then.
        drop(
            self.folder
                .write(folder::PROGRESS, &progress, Keep::Lightly),
        );
    }

    fn redactor(&mut self, kind: Kind) -> &mut Redactor {
        match kind {
            Kind::Err => &mut self.clean_err,
            Kind::Out | Kind::Note => &mut self.clean_out,
        }
    }

    fn partial(&mut self, kind: Kind) -> &mut Vec<u8> {
        match kind {
            Kind::Err => &mut self.err,
            Kind::Out | Kind::Note => &mut self.out,
        }
    }
}

/// Finds the end of the last whole character, so that a split line breaks none.
fn cut_at_character(bytes: &[u8]) -> usize {
    match std::str::from_utf8(&bytes[bytes.len().saturating_sub(4)..]) {
        Ok(_) => bytes.len(),
        Err(_) => (1..=3.min(bytes.len()))
            .map(|back| bytes.len() - back)
            .find(|at| *at > 0 && is_start_of_unfinished(&bytes[*at..]))
            .unwrap_or(bytes.len()),
    }
}

fn is_start_of_unfinished(bytes: &[u8]) -> bool {
    matches!(std::str::from_utf8(bytes), Err(error) if error.valid_up_to() == 0 && error.error_len().is_none())
}

/// The transcript's files, and which lines are in them.
#[derive(Debug)]
struct Transcript {
    files: Segments,
    pending: Vec<u8>,
    seq: u64,
    /// The last line of the head, once there is a tail.
    head_end: u64,
    /// The first line of each file of the tail that is kept.
    tail: VecDeque<u64>,
    cap: u64,
}

#[derive(Serialize)]
struct Line<'a> {
    seq: u64,
    at: Timestamp,
    kind: Kind,
    text: Cow<'a, str>,
}

impl Transcript {
    fn create(folder: &Path, cap: u64) -> Self {
        Self {
            files: Segments::create(folder, folder::TRANSCRIPT, cap),
            pending: Vec::new(),
            seq: 0,
            head_end: 0,
            tail: VecDeque::new(),
            cap,
        }
    }

    fn push(&mut self, at: Timestamp, kind: Kind, text: &[u8]) {
        let start = self.pending.len();
        self.encode(at, kind, text);
        if self.pending.len() as u64 > self.files.room() {
            // It does not fit: it becomes the first line of the next file.
            self.pending.truncate(start);
            self.seq -= 1;
            self.flush();
            self.roll(at);
            self.encode(at, kind, text);
        }
        if self.pending.len() > FLUSH_AT {
            self.flush();
        }
    }

    fn encode(&mut self, at: Timestamp, kind: Kind, text: &[u8]) {
        self.seq += 1;
        let line = Line {
            seq: self.seq,
            at,
            kind,
            text: String::from_utf8_lossy(text),
        };
        serde_json::to_writer(&mut self.pending, &line).expect("a line is always valid JSON");
        self.pending.push(b'\n');
    }

    fn flush(&mut self) {
        if !self.pending.is_empty() {
            self.files.append(&self.pending);
            self.pending.clear();
        }
    }

    fn roll(&mut self, at: Timestamp) {
        if self.files.number() == 0 {
            self.head_end = self.seq;
        }
        self.files.roll();
        self.tail.push_back(self.seq + 1);
        if self.tail.len() > 2 {
            self.tail.pop_front();
            let from = self.head_end + 1;
            let to = self.tail.front().map_or(from, |first| first - 1);
            let note = format!(
                "lines {from} to {to} were dropped: the output is over its cap of {} bytes",
                self.cap * 2
            );
            self.encode(at, Kind::Note, note.as_bytes());
        }
    }
}
