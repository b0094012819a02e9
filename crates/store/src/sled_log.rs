//! Looks at the log of sled 0.34 before sled does, and changes nothing.
//!
//! When sled opens, it takes the first message that it cannot read for the
//! torn end of a crash: it erases that message and every segment behind it, or
//! skips the rest of the segment and uses its room again. That is right after a
//! crash and wrong after a flipped bit, and afterwards nobody can tell which it
//! was. This module reads what sled would read, and no more: the segments that
//! were written since sled's own index (`snap.…`), so that it costs less than
//! the open that follows.
//!
//! | what is found | is |
//! |---|---|
//! | each segment but the newest ends in a cap or is full; the newest ends in zeros or in what it held before | whole |
//! | a segment's header has a wrong checksum, a segment is missing before the newest, or a message in it cannot be read | suspect |
//! | readable messages behind an unreadable one, or an unreadable last message | suspect |
//!
//! A torn write is suspect too: only the journal can tell the two apart.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io,
    os::unix::fs::FileExt as _,
    path::Path,
};

/// Segments of a database that was made with sled's defaults, as ours are.
const SEGMENT: usize = 512 * 1024;
const SEGMENT_HEADER: usize = 20;
/// A message begins only where this many bytes are left.
const LONGEST_HEADER: usize = 32;
const MASK: i64 = i64::MAX;
const CAP: u8 = 2;
const LAST_KIND: u8 = 11;

/// Says why the database in `folder` may be damaged; `None` when it is whole, or there is none.
pub(crate) fn suspicion(folder: &Path) -> io::Result<Option<String>> {
    let file = match File::open(folder.join("db")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other?,
    };
    let since = indexed_until(folder)? / SEGMENT as i64 * SEGMENT as i64;
    let segments = match Segments::find(&file, since)? {
        Ok(segments) => segments,
        Err(why) => return Ok(Some(why)),
    };
    if let Some(why) = segments.gap() {
        return Ok(Some(why));
    }
    let newest = segments.at.last_key_value().map(|(lsn, _)| *lsn);
    let mut bytes = vec![0; SEGMENT];
    for (lsn, offset) in &segments.at {
        let length = read_at(&file, &mut bytes, *offset)?;
        let number = u64::try_from(*lsn).unwrap_or(0) / SEGMENT as u64;
        if let Some(at) = unreadable(&bytes[..length], number, newest == Some(*lsn)) {
            let at = offset + at as u64;
            return Ok(Some(format!("byte {at} of sled's file cannot be read")));
        }
    }
    Ok(None)
}

/// Returns up to where sled's newest index reaches, which it says in its name.
fn indexed_until(folder: &Path) -> io::Result<i64> {
    let mut newest = 0;
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let lsn = name
            .to_str()
            .and_then(|name| name.strip_prefix("snap."))
            .and_then(|hex| i64::from_str_radix(hex, 16).ok());
        newest = newest.max(lsn.unwrap_or(0));
    }
    Ok(newest)
}

/// The segments that sled would read, by their place in its log.
struct Segments {
    at: BTreeMap<i64, u64>,
    /// Up to where the log was on the disk when the newest of them was begun.
    stable: i64,
}

impl Segments {
    /// Reads all segment headers; the inner error says which of them is damaged.
    fn find(file: &File, since: i64) -> io::Result<Result<Self, String>> {
        let mut found = Self {
            at: BTreeMap::new(),
            stable: since,
        };
        let length = file.metadata()?.len();
        for offset in (0..length).step_by(SEGMENT) {
            let mut header = [0; SEGMENT_HEADER];
            if read_at(file, &mut header, offset)? < SEGMENT_HEADER || header == [0; SEGMENT_HEADER]
            {
                continue;
            }
            let (crc, rest) = header.split_at(4);
            if crc32fast::hash(rest) ^ u32::MAX != u32::from_le_bytes(fixed(crc)) {
                return Ok(Err(format!("the header at byte {offset} of sled's file")));
            }
            let lsn = i64::from_le_bytes(fixed(&rest[..8])) ^ MASK;
            if lsn < since {
                continue;
            }
            found.stable = found
                .stable
                .max(i64::from_le_bytes(fixed(&rest[8..])) ^ MASK);
            if found.at.insert(lsn, offset).is_some() {
                return Ok(Err(format!("sled's file has two segments of place {lsn}")));
            }
        }
        Ok(Ok(found))
    }

    /// Finds a segment that is missing where sled expects an unbroken row of them.
    fn gap(&self) -> Option<String> {
        let mut expected = self.stable / SEGMENT as i64 * SEGMENT as i64;
        for lsn in self.at.range(expected..).map(|(lsn, _)| *lsn) {
            if lsn != expected {
                return Some(format!("sled's file lacks the segment of place {expected}"));
            }
            expected += SEGMENT as i64;
        }
        None
    }
}

/// Finds where a segment stops being readable before its end.
fn unreadable(segment: &[u8], number: u64, is_newest: bool) -> Option<usize> {
    let mut at = SEGMENT_HEADER;
    let end = loop {
        if at + LONGEST_HEADER > SEGMENT {
            return None;
        }
        match Message::at(segment, at, number) {
            Some(message) if message.is_readable => {
                if message.kind == CAP {
                    return None;
                }
                at = message.end;
            }
            other => break other,
        }
    };
    let is_torn = end.is_some();
    let goes_on = || {
        (at + 1..segment.len()).any(|later| {
            Message::at(segment, later, number).is_some_and(|message| message.is_readable)
        })
    };
    (!is_newest || is_torn || goes_on()).then_some(at)
}

/// What looks like a message of one segment.
struct Message {
    kind: u8,
    end: usize,
    is_readable: bool,
}

impl Message {
    fn at(segment: &[u8], at: usize, number: u64) -> Option<Self> {
        let bytes = segment.get(at..)?;
        let crc = u32::from_le_bytes(fixed(bytes.get(..4)?));
        let kind = *bytes.get(4)?;
        if kind == 0 || kind > LAST_KIND {
            return None;
        }
        let mut rest = bytes.get(5..)?;
        let length = usize::try_from(varint(&mut rest)?).ok()?;
        let its_number = varint(&mut rest)?;
        let _page = varint(&mut rest)?;
        if its_number != number {
            return None;
        }
        let header = bytes.len() - rest.len();
        let body = rest.get(..length)?;
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(body);
        hasher.update(&bytes[4..header]);
        Some(Self {
            kind,
            end: at + header + length,
            is_readable: hasher.finalize() ^ u32::MAX == crc,
        })
    }
}

/// Reads a number as sled writes it: short ones in one byte, longer ones behind a byte that tells the length.
fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let (first, rest) = bytes.split_first()?;
    let (value, used) = match *first {
        short @ 0..=240 => (u64::from(short), 0),
        high @ 241..=248 => (
            240 + 256 * (u64::from(high) - 241) + u64::from(*rest.first()?),
            1,
        ),
        249 => (
            2288 + 256 * u64::from(*rest.first()?) + u64::from(*rest.get(1)?),
            2,
        ),
        long => {
            let length = usize::from(long - 247);
            let mut whole = [0; 8];
            whole[..length].copy_from_slice(rest.get(..length)?);
            (u64::from_le_bytes(whole), length)
        }
    };
    *bytes = &rest[used..];
    Some(value)
}

fn fixed<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes.try_into().expect("the caller cuts it to length")
}

/// Reads until the buffer or the file is at its end.
fn read_at(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut length = 0;
    while length < bytes.len() {
        match file.read_at(&mut bytes[length..], offset + length as u64) {
            Ok(0) => break,
            Ok(n) => length += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}
