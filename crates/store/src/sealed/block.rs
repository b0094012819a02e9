//! One block of a segment: some record lines as a gzip member that tells its own length.
//!
//! A segment is nothing but blocks, so `zcat` prints its lines. What the store
//! needs to find a record without unpacking all before it stands in the extra
//! field of the member (RFC 1952), where other programs pass it over:
//!
//! | bytes | is |
//! |---|---|
//! | 10 | the gzip header, with only the flag of an extra field |
//! | 2 | the length of the extra field: 28 |
//! | 4 | the name `gt` of the subfield, and its length: 24 |
//! | 4 | the length of the whole member |
//! | 8, 8 | the first and the last revision |
//! | 4 | the CRC-32 of the 20 bytes before |
//! | … | the deflated lines, each with its line break |
//! | 4, 4 | CRC-32 and length of the lines, as gzip has them |
//!
//! Numbers are little-endian, as everywhere in gzip.

use std::io::{self, Read as _, Write as _};

use flate2::{Compression, read::DeflateDecoder, write::DeflateEncoder};
use gtd_core::Revision;

use crate::line::Line;

/// A block is closed when its lines have so many bytes.
pub(super) const RAW: usize = 256 * 1024;

/// The bytes before the deflated lines.
pub(super) const HEAD: usize = 40;
const TAIL: usize = 8;
/// gzip, deflate, an extra field, no time, no level, no system.
const GZIP: [u8; 10] = [0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 255];
const EXTRA: [u8; 6] = [28, 0, b'g', b't', 24, 0];

/// What a block says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) length: usize,
    pub(super) first: Revision,
    pub(super) last: Revision,
}

impl Head {
    /// Reads a head; `None` when these bytes are none.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let rest = bytes.strip_prefix(&GZIP)?.strip_prefix(&EXTRA)?;
        let (told, rest) = rest.split_at_checked(20)?;
        if rest.get(..4)? != crc32fast::hash(told).to_le_bytes() {
            return None;
        }
        let length = u32::from_le_bytes(told[..4].try_into().ok()?);
        let revision = |at: usize| Some(u64::from_le_bytes(told.get(at..at + 8)?.try_into().ok()?));
        Some(Self {
            length: usize::try_from(length).ok()?,
            first: Revision(revision(4)?),
            last: Revision(revision(12)?),
        })
    }

    fn bytes(self) -> io::Result<Vec<u8>> {
        let length = u32::try_from(self.length).map_err(io::Error::other)?;
        let mut told = length.to_le_bytes().to_vec();
        told.extend(self.first.0.to_le_bytes());
        told.extend(self.last.0.to_le_bytes());
        let crc = crc32fast::hash(&told).to_le_bytes();
        Ok([&GZIP[..], &EXTRA, &told, &crc].concat())
    }
}

/// Packs lines, each of which ends with a line break.
pub(super) fn pack(first: Revision, last: Revision, lines: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = DeflateEncoder::new(vec![0; HEAD], Compression::default());
    encoder.write_all(lines)?;
    let mut bytes = encoder.finish()?;
    bytes.extend(crc32fast::hash(lines).to_le_bytes());
    let length = u32::try_from(lines.len()).map_err(io::Error::other)?;
    bytes.extend(length.to_le_bytes());
    let head = Head {
        length: bytes.len(),
        first,
        last,
    };
    bytes[..HEAD].copy_from_slice(&head.bytes()?);
    Ok(bytes)
}

/// Unpacks a whole block and checks everything in it; the error says what is wrong.
pub(super) fn unpack(bytes: &[u8]) -> Result<Vec<Line>, String> {
    let head = Head::parse(bytes).ok_or("the head of a block cannot be read")?;
    if head.length != bytes.len() || head.length < HEAD + TAIL {
        return Err("a block has the wrong length".to_owned());
    }
    let (packed, tail) = bytes[HEAD..].split_at(bytes.len() - HEAD - TAIL);
    let (crc, length) = tail.split_at(4);
    let length = u32::from_le_bytes(length.try_into().expect("four bytes are left"));
    let mut lines = Vec::new();
    // One byte more than it may have is enough to know that it has too many.
    DeflateDecoder::new(packed)
        .take(u64::from(length) + 1)
        .read_to_end(&mut lines)
        .map_err(|error| format!("a block cannot be unpacked: {error}"))?;
    let is_whole = lines.len() == length as usize
        && crc32fast::hash(&lines).to_le_bytes() == crc
        && lines.ends_with(b"\n");
    if !is_whole {
        return Err("the checksum of a block does not fit its content".to_owned());
    }
    let mut found = Vec::new();
    for bytes in lines[..lines.len() - 1].split(|byte| *byte == b'\n') {
        let line = Line::parse(bytes).map_err(|why| why.to_string())?;
        let expected = Revision(head.first.0 + found.len() as u64);
        if line.revision != expected {
            return Err(format!(
                "record {} stands where {expected} should",
                line.revision
            ));
        }
        found.push(line);
    }
    match found.last() {
        Some(line) if line.revision == head.last => Ok(found),
        _ => Err(format!("record {} is missing", head.last)),
    }
}

#[cfg(test)]
mod tests {
    use flate2::read::MultiGzDecoder;

    use super::*;
    use crate::record::Record;

    fn lines(revisions: std::ops::RangeInclusive<u64>) -> Vec<Line> {
        revisions
            .map(|n| {
                let record = Record {
                    revision: Revision(n),
                    request: None,
                    body: format!(r#"{{"n":{n},"text":"some text that is packed"}}"#).into(),
                };
                Line::seal(&record, 0)
            })
            .collect()
    }

    fn text(lines: &[Line]) -> Vec<u8> {
        lines
            .iter()
            .flat_map(|line| [line.text.as_bytes(), b"\n"].concat())
            .collect()
    }

    fn packed(first: u64, last: u64) -> Vec<u8> {
        pack(Revision(first), Revision(last), &text(&lines(first..=last))).unwrap()
    }

    #[test]
    fn a_block_reads_back_as_the_lines_that_it_was_made_of() {
        let bytes = packed(7, 300);
        assert_eq!(unpack(&bytes).unwrap(), lines(7..=300));
        let head = Head::parse(&bytes).unwrap();
        assert_eq!((head.first, head.last), (Revision(7), Revision(300)));
        assert_eq!(head.length, bytes.len());
        assert!(
            bytes.len() * 3 < text(&lines(7..=300)).len(),
            "it is packed"
        );
    }

    #[test]
    fn any_gzip_reads_blocks_that_stand_one_after_the_other() {
        let bytes = [packed(1, 5), packed(6, 9)].concat();
        let mut read = Vec::new();
        MultiGzDecoder::new(&bytes[..])
            .read_to_end(&mut read)
            .unwrap();
        assert_eq!(read, text(&lines(1..=9)));
    }

    #[test]
    fn every_flipped_bit_and_every_cut_of_a_block_is_noticed() {
        let bytes = packed(1, 3);
        let whole = unpack(&bytes).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            // The padding of the last deflated byte says nothing: then the lines are the same.
            let read = unpack(&flipped);
            assert!(read.is_err() || read.as_ref() == Ok(&whole), "bit {bit}");
        }
        for length in 0..bytes.len() {
            assert!(unpack(&bytes[..length]).is_err(), "{length} bytes");
        }
    }

    #[test]
    fn lines_that_do_not_follow_each_other_are_no_block() {
        let mut holed = lines(1..=5);
        holed.remove(2);
        let bytes = pack(Revision(1), Revision(5), &text(&holed)).unwrap();
        assert_eq!(
            unpack(&bytes).unwrap_err(),
            "record 4 stands where 3 should"
        );
        let bytes = pack(Revision(1), Revision(6), &text(&lines(1..=5))).unwrap();
        assert_eq!(unpack(&bytes).unwrap_err(), "record 6 is missing");
    }
}
