//! The journal file: appending durably, reading around damage, and writing it anew.
//!
//! Reading never changes the file, and it never stops at damage: it goes on at
//! the next whole line and counts what lay between.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufRead as _, BufReader, BufWriter, Read as _, Seek as _, SeekFrom, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use gtd_core::Revision;

use crate::{
    error::{StoreError, Witness},
    files,
    line::{BadLine, Cut, HeaderLine, Line, MAX_LINE},
    record::FORMAT,
};

/// The journal, open for appending.
#[derive(Debug)]
pub(crate) struct Journal {
    file: File,
    path: PathBuf,
    begin: Begin,
    len: u64,
    /// Where the line of the last record begins.
    last_line: Option<u64>,
    /// How many bytes more the disk takes, in tests.
    #[cfg(test)]
    pub(crate) room: Option<usize>,
}

impl Journal {
    pub(crate) fn open(path: &Path, last_line: Option<u64>) -> Result<Self, StoreError> {
        let fail = |source| StoreError::io("open the journal", path, source);
        let file = OpenOptions::new().append(true).open(path).map_err(fail)?;
        let len = file.metadata().map_err(fail)?.len();
        let (Header::Good { begin, .. }, _) = read_header(path)? else {
            return Err(fail(io::ErrorKind::InvalidData.into()));
        };
        Ok(Self {
            file,
            path: path.to_owned(),
            begin,
            len,
            last_line,
            #[cfg(test)]
            room: None,
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn begin(&self) -> Begin {
        self.begin
    }

    pub(crate) fn last_line(&self) -> Option<u64> {
        self.last_line
    }

    /// Appends lines and makes them durable; after a failure the file has its old length again where that can be.
    pub(crate) fn append(&mut self, lines: &[Line]) -> Result<(), StoreError> {
        let mut bytes = Vec::with_capacity(lines.iter().map(|line| line.text.len() + 1).sum());
        let mut last_line = self.last_line;
        for line in lines {
            last_line = Some(self.len + bytes.len() as u64);
            bytes.extend_from_slice(line.text.as_bytes());
            bytes.push(b'\n');
        }
        let written = self.write(&bytes).and_then(|()| self.file.sync_data());
        if let Err(source) = written {
            let is_cut = self.file.set_len(self.len);
            // When even this fails the next open cuts the torn line off.
            drop(is_cut.and_then(|()| self.file.sync_data()));
            return Err(StoreError::io("append to the journal", &self.path, source));
        }
        self.len += bytes.len() as u64;
        self.last_line = last_line;
        Ok(())
    }

    /// Ends a last line that lacks nothing but its line break.
    pub(crate) fn end_line(&mut self) -> Result<(), StoreError> {
        self.write(b"\n")
            .and_then(|()| self.file.sync_data())
            .map_err(|source| {
                StoreError::io("end the last line of the journal", &self.path, source)
            })?;
        self.len += 1;
        Ok(())
    }

    /// Cuts off all that comes after `len`.
    pub(crate) fn cut(&mut self, len: u64) -> Result<(), StoreError> {
        self.file
            .set_len(len)
            .and_then(|()| self.file.sync_all())
            .map_err(|source| {
                StoreError::io("cut the torn end off the journal", &self.path, source)
            })?;
        self.len = len;
        Ok(())
    }

    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        #[cfg(test)]
        if let Some(room) = &mut self.room {
            if bytes.len() > *room {
                self.file.write_all(&bytes[..*room])?;
                *room = 0;
                return Err(io::Error::from_raw_os_error(
                    nix::errno::Errno::ENOSPC as i32,
                ));
            }
            *room -= bytes.len();
        }
        self.file.write_all(bytes)
    }
}

/// What the first line of a journal says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Header {
    /// There is no file, or it has no byte.
    Absent,
    Good {
        town: String,
        format: u32,
        begin: Begin,
    },
    Bad(BadLine),
}

/// Where the records of a journal begin: in the log, in all that was ever written, and in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Begin {
    pub(crate) cut: Cut,
    pub(crate) offset: u64,
}

impl Begin {
    /// Returns the place of a byte of the file that it keeps when the journal is cut at its front.
    pub(crate) fn place_of(self, offset: u64) -> u64 {
        self.cut.base + offset.saturating_sub(self.offset)
    }

    /// Returns where in the file a place is, if it is not cut off.
    pub(crate) fn offset_of(self, place: u64) -> Option<u64> {
        Some(place.checked_sub(self.cut.base)? + self.offset)
    }
}

/// Reads the header; returns also where the records begin.
pub(crate) fn read_header(path: &Path) -> Result<(Header, u64), StoreError> {
    let fail = |source| StoreError::io("read the journal", path, source);
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((Header::Absent, 0)),
        Err(error) => return Err(fail(error)),
    };
    let mut reader = BufReader::new(file);
    let mut bytes = Vec::new();
    match read_line(&mut reader, &mut bytes).map_err(fail)? {
        Ending::Nothing => Ok((Header::Absent, 0)),
        Ending::Break { length } => match HeaderLine::parse(&bytes) {
            Ok(header) if header.format > FORMAT => Err(StoreError::NewerFormat {
                found: header.format,
                supported: FORMAT,
                at: Witness::Journal,
            }),
            Ok(header) => {
                let begin = Begin {
                    // In a file of the first format places are offsets.
                    cut: header.cut.unwrap_or(Cut {
                        after: Revision(0),
                        base: length,
                    }),
                    offset: length,
                };
                let HeaderLine { town, format, .. } = header;
                Ok((
                    Header::Good {
                        town,
                        format,
                        begin,
                    },
                    length,
                ))
            }
            Err(_) if Line::parse(&bytes).is_ok() => Ok((Header::Bad(BadLine::NotARecord), 0)),
            Err(why) => Ok((Header::Bad(why), length)),
        },
        Ending::File { length } => Ok((Header::Bad(BadLine::Incomplete), length)),
    }
}

/// A line and where it stands.
#[derive(Debug)]
pub(crate) struct Placed {
    pub(crate) line: Line,
    pub(crate) offset: u64,
    pub(crate) end: u64,
}

/// What the journal has at one revision.
#[derive(Debug)]
pub(crate) enum At {
    Line(Placed),
    /// It has later records, but not this one.
    Hole,
    /// It has no whole record any more.
    End,
}

/// Reads the whole lines of a journal in rising order, around all damage.
pub(crate) struct Lines {
    /// Empty when there is no journal.
    reader: Option<BufReader<File>>,
    path: PathBuf,
    offset: u64,
    last: Revision,
    /// Whether no line after `last` was met yet: those before it are sealed.
    is_before: bool,
    peeked: Option<Placed>,
    bytes: Vec<u8>,
    /// The first bad line, and how many whole bad lines there are since the last good one.
    pub(crate) first_bad: Option<(u64, BadLine)>,
    pub(crate) bad_since_good: u64,
    /// How many of these begin as a record line does.
    pub(crate) bad_records_since_good: u64,
    /// Bad lines were followed by good ones.
    pub(crate) is_damaged_inside: bool,
    /// The last good line has no line break.
    pub(crate) lacks_break: bool,
}

impl Lines {
    /// Begins at `offset`, after the record `last`; whole lines up to it are passed over.
    pub(crate) fn open(path: &Path, offset: u64, last: Revision) -> Result<Self, StoreError> {
        let opened = File::open(path).and_then(|mut file| {
            file.seek(SeekFrom::Start(offset))?;
            Ok(BufReader::with_capacity(256 * 1024, file))
        });
        let reader = match opened {
            Ok(reader) => Some(reader),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(source) => return Err(StoreError::io("read the journal", path, source)),
        };
        Ok(Self {
            reader,
            path: path.to_owned(),
            offset,
            last,
            is_before: true,
            peeked: None,
            bytes: Vec::new(),
            first_bad: None,
            bad_since_good: 0,
            bad_records_since_good: 0,
            is_damaged_inside: false,
            lacks_break: false,
        })
    }

    /// Passes also over the lines up to this record, before the first line is read.
    pub(crate) fn pass_over(&mut self, last: Revision) {
        self.last = self.last.max(last);
    }

    /// Looks at one revision; the revisions asked for must rise one by one.
    pub(crate) fn at(&mut self, revision: Revision) -> Result<At, StoreError> {
        if self.peeked.is_none() {
            self.peeked = self.next_good()?;
        }
        match self.peeked.take() {
            None => Ok(At::End),
            Some(placed) if placed.line.revision == revision => Ok(At::Line(placed)),
            Some(placed) => {
                self.peeked = Some(placed);
                Ok(At::Hole)
            }
        }
    }

    /// Returns the next whole record with a revision above the last one.
    pub(crate) fn next_good(&mut self) -> Result<Option<Placed>, StoreError> {
        let Some(reader) = &mut self.reader else {
            return Ok(None);
        };
        loop {
            let offset = self.offset;
            let ending = read_line(reader, &mut self.bytes)
                .map_err(|source| StoreError::io("read the journal", &self.path, source))?;
            let (length, has_break) = match ending {
                Ending::Nothing => return Ok(None),
                Ending::Break { length } => (length, true),
                Ending::File { length } => (length, false),
            };
            self.offset += length;
            let line = if self.bytes.len() > MAX_LINE {
                Err(BadLine::TooLong)
            } else {
                Line::parse(&self.bytes)
            };
            let line = match line {
                Ok(line) if line.revision <= self.last && self.is_before => continue,
                Ok(line) if line.revision <= self.last => Err(BadLine::Misplaced(line.revision)),
                line => line,
            };
            match line {
                Ok(line) => {
                    self.is_before = false;
                    self.is_damaged_inside |= self.bad_since_good > 0;
                    self.bad_since_good = 0;
                    self.bad_records_since_good = 0;
                    self.lacks_break = !has_break;
                    self.last = line.revision;
                    return Ok(Some(Placed {
                        line,
                        offset,
                        end: self.offset,
                    }));
                }
                Err(why) => {
                    self.first_bad.get_or_insert((offset, why));
                    self.bad_since_good += u64::from(has_break);
                    let was_record = has_break && self.bytes.starts_with(b"{\"rev\":");
                    self.bad_records_since_good += u64::from(was_record);
                }
            }
        }
    }
}

enum Ending {
    Nothing,
    Break { length: u64 },
    File { length: u64 },
}

/// Reads up to a line break, which is not kept; of a line that is too long only the length.
fn read_line(reader: &mut BufReader<File>, bytes: &mut Vec<u8>) -> io::Result<Ending> {
    bytes.clear();
    let mut length = 0;
    loop {
        let chunk = reader.fill_buf()?;
        if chunk.is_empty() {
            return Ok(if length == 0 {
                Ending::Nothing
            } else {
                Ending::File { length }
            });
        }
        let end = chunk.iter().position(|byte| *byte == b'\n');
        let taken = &chunk[..end.unwrap_or(chunk.len())];
        // One byte more than a line may have makes it unreadable as a line.
        let room = (MAX_LINE + 1).saturating_sub(bytes.len());
        bytes.extend_from_slice(&taken[..taken.len().min(room)]);
        let used = taken.len() + usize::from(end.is_some());
        reader.consume(used);
        length += used as u64;
        if end.is_some() {
            return Ok(Ending::Break { length });
        }
    }
}

/// Reads the one line that begins at `offset`, with where it ends.
pub(crate) fn line_at(path: &Path, offset: u64) -> Option<(Line, u64)> {
    let mut file = File::open(path).ok()?;
    if offset > 0 {
        let mut before = [0];
        file.seek(SeekFrom::Start(offset - 1)).ok()?;
        file.read_exact(&mut before).ok()?;
        if before != *b"\n" {
            return None;
        }
    }
    let mut bytes = Vec::new();
    match read_line(&mut BufReader::new(file), &mut bytes).ok()? {
        Ending::Break { length } => Some((Line::parse(&bytes).ok()?, offset + length)),
        Ending::Nothing | Ending::File { .. } => None,
    }
}

/// Makes an empty file that only its owner may read.
pub(crate) fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
}

/// Writes a whole journal beside the old one and then puts it in its place.
pub(crate) struct Draft {
    writer: BufWriter<File>,
    path: PathBuf,
    len: u64,
    last_line: Option<u64>,
}

impl Draft {
    pub(crate) fn create(path: &Path, town: &str, cut: Cut) -> Result<Self, StoreError> {
        let fail = |source| StoreError::io("write a new journal", path, source);
        let file = create(path).map_err(fail)?;
        let mut writer = BufWriter::with_capacity(256 * 1024, file);
        let header = HeaderLine::new(town, cut).text();
        writer.write_all(header.as_bytes()).map_err(fail)?;
        Ok(Self {
            writer,
            path: path.to_owned(),
            len: header.len() as u64,
            last_line: None,
        })
    }

    pub(crate) fn add(&mut self, line: &Line) -> Result<(), StoreError> {
        self.writer
            .write_all(line.text.as_bytes())
            .and_then(|()| self.writer.write_all(b"\n"))
            .map_err(|source| StoreError::io("write a new journal", &self.path, source))?;
        self.last_line = Some(self.len);
        self.len += line.text.len() as u64 + 1;
        Ok(())
    }

    /// Hands all lines to the system, so that they can be read.
    pub(crate) fn flush(&mut self) -> Result<(), StoreError> {
        self.writer
            .flush()
            .map_err(|source| StoreError::io("write a new journal", &self.path, source))
    }

    /// Makes the new journal durable under its final name.
    pub(crate) fn finish(mut self, path: &Path) -> Result<Journal, StoreError> {
        let fail = |source| StoreError::io("put the new journal in its place", path, source);
        self.writer.flush().map_err(fail)?;
        self.writer.get_ref().sync_all().map_err(fail)?;
        std::fs::rename(&self.path, path).map_err(fail)?;
        path.parent()
            .map_or(Ok(()), files::sync_dir)
            .map_err(fail)?;
        Journal::open(path, self.last_line)
    }
}
