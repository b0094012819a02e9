//! Which sealed record answered a request: an index that is made of the segments, and can be made again.
//!
//! It is one file of pages, `requests.idx`. The hash of a request tells its
//! page, so that a lookup reads one page however long the log is; what is found
//! is only a hint, and its reader looks at the record itself.
//!
//! | page | holds |
//! |---|---|
//! | 0 | `gtd-req1`, the number of pages and of entries, the last sealed record that is in it, CRC-32 of all that |
//! | 1 … | CRC-32 of the rest, the number of entries (u16), and the entries in order: 56 bits of the hash, 40 bits of the revision, big-endian |

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write as _},
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
};

use gtd_core::{RequestId, Revision};

use super::Sealed;
use crate::{
    error::StoreError,
    files::{self, Layout},
    journal::create,
};

const PAGE: usize = 4096;
const MAGIC: &[u8; 8] = b"gtd-req1";
/// Magic, pages, entries, last record.
const TOLD: usize = 32;
const ENTRY: usize = 12;
const HASH: usize = 7;
/// CRC-32 and the number of entries.
const PAGE_HEAD: usize = 6;
const CAPACITY: usize = (PAGE - PAGE_HEAD) / ENTRY;
/// Entries in a page on the average: of a million pages not one has more than fit.
const MEAN: u64 = 240;

type Entry = [u8; ENTRY];

/// The index, or none.
#[derive(Debug)]
pub(super) struct Requests {
    path: PathBuf,
    found: Option<Found>,
}

#[derive(Debug)]
struct Found {
    file: File,
    pages: u64,
    entries: u64,
    end: Revision,
}

impl Requests {
    /// Finds the index; one whose first page cannot be read is none.
    pub(super) fn open(layout: &Layout) -> Self {
        let path = layout.requests();
        Self {
            found: Found::open(&path),
            path,
        }
    }

    pub(super) fn empty(layout: &Layout) -> Self {
        Self {
            path: layout.requests(),
            found: None,
        }
    }

    /// Returns the last sealed record that is in it.
    pub(super) fn end(&self) -> Revision {
        self.found.as_ref().map_or(Revision(0), |found| found.end)
    }

    /// Returns the records that may be the first answer to a request, in order.
    pub(super) fn candidates(&self, request: &RequestId) -> Result<Vec<Revision>, StoreError> {
        let Some(found) = &self.found else {
            return Ok(Vec::new());
        };
        let hash = hash_of(request);
        let entries = found
            .page(page_of(hash, found.pages))
            .map_err(|source| StoreError::io("look up a request in", &self.path, source))?;
        let wanted = hash_bytes(hash);
        Ok(entries
            .iter()
            .filter(|entry| entry[..HASH] == wanted)
            .map(revision_of)
            .collect())
    }

    /// Writes the index that has also what was sealed since.
    pub(super) fn extended(&self, sealed: &Sealed) -> Result<Self, StoreError> {
        let mut fresh = Vec::new();
        let mut lines = sealed.lines_after(self.end());
        let mut answered: Vec<RequestId> = Vec::new();
        while let Some(line) = lines.next_line()? {
            if let Some(request) = &line.request
                && !answered.contains(request)
            {
                fresh.push(entry_of(hash_of(request), line.revision));
                answered.push(request.clone());
            }
            if line.left == 0 {
                answered.clear();
            }
        }
        fresh.sort_unstable();
        let known = self.found.as_ref().map_or(0, |found| found.entries);
        let total = known + fresh.len() as u64;
        let mut pages = total.div_ceil(MEAN).max(1);
        loop {
            match self.write(&fresh, total, pages, sealed.end()) {
                Ok(true) => return Ok(Self::open_at(&self.path)),
                Ok(false) => pages += pages.div_ceil(4),
                // What cannot be read is made anew.
                Err(error) if error.kind() == io::ErrorKind::InvalidData && known > 0 => {
                    return Self::empty_at(&self.path).extended(sealed);
                }
                Err(source) => return Err(StoreError::io("write", &self.path, source)),
            }
        }
    }

    fn open_at(path: &Path) -> Self {
        Self {
            found: Found::open(path),
            path: path.to_owned(),
        }
    }

    fn empty_at(path: &Path) -> Self {
        Self {
            found: None,
            path: path.to_owned(),
        }
    }

    /// Merges what is known and what is new; false when a page would have too many entries.
    fn write(&self, fresh: &[Entry], total: u64, pages: u64, end: Revision) -> io::Result<bool> {
        let draft = self.path.with_extension("new");
        let file = create(&draft)?;
        let mut writer = BufWriter::with_capacity(64 * PAGE, file);
        writer.write_all(&first_page(pages, total, end))?;
        let mut merged = Merged {
            known: self.found.as_ref(),
            next_page: 0,
            ready: Vec::new().into_iter().peekable(),
            fresh: fresh.iter().copied().peekable(),
        };
        let mut waiting = merged.next_entry()?;
        for page in 0..pages {
            let mut entries = Vec::with_capacity(CAPACITY);
            while let Some(entry) = waiting
                && page_of(hash_in(&entry), pages) == page
            {
                entries.push(entry);
                waiting = merged.next_entry()?;
            }
            if entries.len() > CAPACITY {
                return Ok(false);
            }
            writer.write_all(&page_with(&entries))?;
        }
        let file = writer
            .into_inner()
            .map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        fs::rename(&draft, &self.path)?;
        self.path.parent().map_or(Ok(()), files::sync_dir)?;
        Ok(true)
    }
}

impl Found {
    fn open(path: &Path) -> Option<Self> {
        let file = File::open(path).ok()?;
        let mut bytes = [0; PAGE];
        file.read_exact_at(&mut bytes, 0).ok()?;
        let (told, rest) = bytes.split_at(TOLD);
        let is_one = told.starts_with(MAGIC) && rest[..4] == crc32fast::hash(told).to_le_bytes();
        let number = |at: usize| Some(u64::from_le_bytes(told.get(at..at + 8)?.try_into().ok()?));
        let pages = number(8)?;
        let length = file.metadata().ok()?.len();
        (is_one && pages > 0 && length == (pages + 1) * PAGE as u64).then_some(Self {
            file,
            pages,
            entries: number(16)?,
            end: Revision(number(24)?),
        })
    }

    fn page(&self, number: u64) -> io::Result<Vec<Entry>> {
        let mut bytes = [0; PAGE];
        self.file
            .read_exact_at(&mut bytes, (number + 1) * PAGE as u64)?;
        let (crc, rest) = bytes.split_at(4);
        let count = usize::from(u16::from_le_bytes([rest[0], rest[1]]));
        if crc != crc32fast::hash(rest).to_le_bytes() || count > CAPACITY {
            let why = format!("page {number} is damaged");
            return Err(io::Error::new(io::ErrorKind::InvalidData, why));
        }
        let entries = rest[2..].chunks_exact(ENTRY).take(count);
        Ok(entries
            .map(|entry| entry.try_into().expect("a chunk has its length"))
            .collect())
    }
}

/// The entries of an index and new ones, in order.
struct Merged<'a, I: Iterator<Item = Entry>> {
    known: Option<&'a Found>,
    next_page: u64,
    ready: std::iter::Peekable<std::vec::IntoIter<Entry>>,
    fresh: std::iter::Peekable<I>,
}

impl<I: Iterator<Item = Entry>> Merged<'_, I> {
    fn next_entry(&mut self) -> io::Result<Option<Entry>> {
        while let Some(known) = self.known
            && self.ready.peek().is_none()
            && self.next_page < known.pages
        {
            self.ready = known.page(self.next_page)?.into_iter().peekable();
            self.next_page += 1;
        }
        let is_known_first = match (self.ready.peek(), self.fresh.peek()) {
            (Some(known), Some(fresh)) => known <= fresh,
            (known, _) => known.is_some(),
        };
        Ok(match is_known_first {
            true => self.ready.next(),
            false => self.fresh.next(),
        })
    }
}

fn first_page(pages: u64, entries: u64, end: Revision) -> [u8; PAGE] {
    let mut page = [0; PAGE];
    page[..8].copy_from_slice(MAGIC);
    for (at, number) in [(8, pages), (16, entries), (24, end.0)] {
        page[at..at + 8].copy_from_slice(&number.to_le_bytes());
    }
    let crc = crc32fast::hash(&page[..TOLD]).to_le_bytes();
    page[TOLD..TOLD + 4].copy_from_slice(&crc);
    page
}

fn page_with(entries: &[Entry]) -> [u8; PAGE] {
    let mut page = [0; PAGE];
    let count = u16::try_from(entries.len()).expect("a page has few entries");
    page[4..PAGE_HEAD].copy_from_slice(&count.to_le_bytes());
    let places = page[PAGE_HEAD..].chunks_exact_mut(ENTRY);
    for (place, entry) in places.zip(entries) {
        place.copy_from_slice(entry);
    }
    let crc = crc32fast::hash(&page[4..]).to_le_bytes();
    page[..4].copy_from_slice(&crc);
    page
}

/// FNV-1a with a finish that spreads it over all bits; written down here, since it stands on the disk.
fn hash_of(request: &RequestId) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in request.as_str().bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    (hash ^ (hash >> 33)) >> 8
}

fn hash_bytes(hash: u64) -> [u8; HASH] {
    let mut bytes = [0; HASH];
    bytes.copy_from_slice(&hash.to_be_bytes()[1..]);
    bytes
}

fn entry_of(hash: u64, revision: Revision) -> Entry {
    let mut entry = [0; ENTRY];
    entry[..HASH].copy_from_slice(&hash_bytes(hash));
    entry[HASH..].copy_from_slice(&revision.0.to_be_bytes()[3..]);
    entry
}

fn hash_in(entry: &Entry) -> u64 {
    let mut bytes = [0; 8];
    bytes[1..].copy_from_slice(&entry[..HASH]);
    u64::from_be_bytes(bytes)
}

fn revision_of(entry: &Entry) -> Revision {
    let mut bytes = [0; 8];
    bytes[3..].copy_from_slice(&entry[HASH..]);
    Revision(u64::from_be_bytes(bytes))
}

/// Returns the page of a hash; pages follow the order of hashes.
fn page_of(hash: u64, pages: u64) -> u64 {
    let page = (u128::from(hash) * u128::from(pages)) >> 56;
    u64::try_from(page).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(n: u64) -> RequestId {
        RequestId::parse(&format!("request-{n}")).unwrap()
    }

    fn entries(numbers: std::ops::Range<u64>) -> Vec<Entry> {
        let mut entries: Vec<Entry> = numbers
            .map(|n| entry_of(hash_of(&request(n)), Revision(n + 1)))
            .collect();
        entries.sort_unstable();
        entries
    }

    #[test]
    fn every_request_is_found_in_an_index_that_was_made_in_steps() {
        let dir = tempfile::tempdir().unwrap();
        let mut index = Requests::empty(&Layout::new(dir.path()));
        for step in 1..=4 {
            let total = step * 5000;
            let fresh = entries(total - 5000..total);
            let pages = total.div_ceil(MEAN);
            let written = index.write(&fresh, total, pages, Revision(total)).unwrap();
            assert!(written, "no page has too many of {total}");
            index = Requests::open(&Layout::new(dir.path()));
            assert_eq!(index.end(), Revision(total));
        }
        for n in 0..20_000 {
            assert_eq!(index.candidates(&request(n)).unwrap(), [Revision(n + 1)]);
        }
        assert_eq!(index.candidates(&request(20_000)).unwrap(), []);
    }

    #[test]
    fn a_page_that_would_have_too_many_entries_is_noticed_and_nothing_is_written() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path());
        let index = Requests::empty(&layout);
        let fresh = entries(0..1000);
        assert!(!index.write(&fresh, 1000, 2, Revision(1000)).unwrap());
        assert!(!layout.requests().exists());
        assert!(index.write(&fresh, 1000, 5, Revision(1000)).unwrap());
    }

    #[test]
    fn the_place_of_a_request_never_changes() {
        let entry = entry_of(hash_of(&request(7)), Revision(0x01_0203_0405));
        assert_eq!(entry[HASH..], [1, 2, 3, 4, 5]);
        assert_eq!(revision_of(&entry), Revision(0x01_0203_0405));
        assert_eq!(hash_in(&entry), hash_of(&request(7)));
        assert!(hash_in(&entry) < 1 << 56);
    }
}
