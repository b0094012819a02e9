//! One segment: records that never change any more, in two files that hold the same bytes.
//!
//! Whatever cannot be read in one copy is read in the other, block by block.
//! A segment gets its names when both copies were read back and found whole.

use std::{
    cell::OnceCell,
    fs::{self, File},
    io::{self, BufReader, BufWriter, Read as _, Write as _},
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
};

use gtd_core::Revision;

use super::block::{self, Head};
use crate::{
    error::StoreError,
    files::{self, DRAFT},
    journal::create,
    line::Line,
};

/// The ending of a finished copy.
const ENDING: &str = ".jsonl.gz";

/// Both copies of one segment.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) first: Revision,
    pub(crate) last: Revision,
    copies: [PathBuf; 2],
    blocks: OnceCell<Vec<Block>>,
}

/// Where a block is in either copy.
#[derive(Debug, Clone, Copy)]
struct Block {
    offset: u64,
    head: Head,
}

/// Returns the name of a segment in each of the folders.
pub(super) fn name_of(first: Revision, last: Revision) -> String {
    // Names in the order of the revisions.
    format!("{:020}-{:020}{ENDING}", first.0, last.0)
}

/// Reads what a name says.
pub(super) fn parse_name(name: &str) -> Option<(Revision, Revision)> {
    let (first, last) = name.strip_suffix(ENDING)?.split_once('-')?;
    let number = |text: &str| text.parse().ok().map(Revision);
    let (first, last) = (number(first)?, number(last)?);
    (name == name_of(first, last) && first <= last).then_some((first, last))
}

impl Segment {
    pub(super) fn new(folders: &[PathBuf; 2], first: Revision, last: Revision) -> Self {
        let name = name_of(first, last);
        Self {
            first,
            last,
            copies: folders.each_ref().map(|folder| folder.join(&name)),
            blocks: OnceCell::new(),
        }
    }

    /// Returns the lines from a revision to the end of its block; says also what is wrong with a copy.
    pub(super) fn lines_from(&self, revision: Revision) -> Result<(Vec<Line>, bool), StoreError> {
        let blocks = self.blocks()?;
        let at = blocks.partition_point(|block| block.head.last < revision);
        let block = blocks.get(at).ok_or_else(|| self.lost(revision, &[]))?;
        let mut problems = Vec::new();
        for copy in &self.copies {
            match read(copy, *block).and_then(|bytes| block::unpack(&bytes)) {
                Ok(mut lines) => {
                    let skip = usize::try_from(revision.0 - block.head.first.0).unwrap_or(0);
                    lines.drain(..skip);
                    return Ok((lines, !problems.is_empty()));
                }
                Err(why) => problems.push(why),
            }
        }
        Err(self.lost(revision, &problems))
    }

    /// Finds all blocks, from head to head, in whichever copy a head can be read.
    fn blocks(&self) -> Result<&[Block], StoreError> {
        if let Some(blocks) = self.blocks.get() {
            return Ok(blocks);
        }
        let found = self.find_blocks()?;
        Ok(self.blocks.get_or_init(|| found))
    }

    fn find_blocks(&self) -> Result<Vec<Block>, StoreError> {
        let files = self.copies.each_ref().map(File::open);
        let head_at = |file: &io::Result<File>, offset| {
            let mut bytes = [0; block::HEAD];
            let file = file.as_ref().map_err(ToString::to_string)?;
            file.read_exact_at(&mut bytes, offset)
                .map_err(|error| error.to_string())?;
            Head::parse(&bytes).ok_or_else(|| format!("no block begins at byte {offset}"))
        };
        let mut blocks = Vec::new();
        let (mut offset, mut next) = (0, self.first);
        while next <= self.last {
            let heads = files.each_ref().map(|file| head_at(file, offset));
            let head = heads
                .iter()
                .flatten()
                .find(|head| head.first == next && next <= head.last && head.last <= self.last)
                .copied()
                .ok_or_else(|| {
                    let problems = heads.map(|head| head.err().unwrap_or_else(|| other(next)));
                    self.lost(next, &problems)
                })?;
            blocks.push(Block { offset, head });
            next = head.last.next();
            offset += head.length as u64;
        }
        Ok(blocks)
    }

    /// Checks every byte of one copy; the error says what is wrong.
    fn check(&self, copy: &Path) -> Result<(), String> {
        check(copy, self.first, self.last)
    }

    /// Says what is wrong with each copy; both are read from the first byte to the last.
    pub(super) fn problems(&self) -> [Option<String>; 2] {
        self.copies.each_ref().map(|copy| self.check(copy).err())
    }

    /// Returns whether a copy is missing or the two are not of the same length.
    pub(super) fn is_odd(&self) -> bool {
        let [one, other] = self.copies.each_ref().map(fs::metadata);
        !matches!((one, other), (Ok(one), Ok(other)) if one.len() == other.len())
    }

    /// Makes both copies whole, each block from whichever copy has it; returns what was wrong.
    pub(super) fn mend(&self) -> Result<Option<String>, StoreError> {
        let problems = self.problems();
        let blocks = self.find_blocks()?;
        for (copy, problem) in self.copies.iter().zip(&problems) {
            if problem.is_some() {
                self.write_anew(copy, &blocks)?;
            }
        }
        Ok(problems.into_iter().flatten().next())
    }

    fn write_anew(&self, copy: &Path, blocks: &[Block]) -> Result<(), StoreError> {
        let fail = |source| StoreError::io("write a segment anew at", copy, source);
        let draft = copy.with_extension(DRAFT);
        let mut writer = BufWriter::new(create(&draft).map_err(fail)?);
        for block in blocks {
            let found = self.copies.iter().find_map(|copy| {
                let bytes = read(copy, *block).ok()?;
                block::unpack(&bytes).ok().map(|_| bytes)
            });
            let bytes = found.ok_or_else(|| self.lost(block.head.first, &[]))?;
            writer.write_all(&bytes).map_err(fail)?;
        }
        let file = writer
            .into_inner()
            .map_err(|error| fail(error.into_error()))?;
        file.sync_all().map_err(fail)?;
        fs::rename(&draft, copy).map_err(fail)?;
        copy.parent().map_or(Ok(()), files::sync_dir).map_err(fail)
    }

    fn lost(&self, revision: Revision, problems: &[String]) -> StoreError {
        let why = match problems {
            [] => "neither copy can be read".to_owned(),
            problems => problems.join("; "),
        };
        StoreError::SegmentLost {
            path: self.copies[0].clone(),
            revision,
            why,
        }
    }
}

fn other(revision: Revision) -> String {
    format!("another block begins where that of record {revision} should")
}

fn read(copy: &Path, block: Block) -> Result<Vec<u8>, String> {
    let mut bytes = vec![0; block.head.length];
    File::open(copy)
        .and_then(|file| file.read_exact_at(&mut bytes, block.offset))
        .map_err(|error| error.to_string())?;
    match Head::parse(&bytes) {
        Some(head) if head == block.head => Ok(bytes),
        _ => Err(format!("no block begins at byte {}", block.offset)),
    }
}

/// Reads a whole file as a segment of these records.
fn check(path: &Path, first: Revision, last: Revision) -> Result<(), String> {
    let told = |error: io::Error| error.to_string();
    let mut reader = BufReader::with_capacity(256 * 1024, File::open(path).map_err(told)?);
    let mut next = first;
    while next <= last {
        let mut bytes = vec![0; block::HEAD];
        reader.read_exact(&mut bytes).map_err(told)?;
        let head = Head::parse(&bytes)
            .filter(|head| head.first == next && head.length >= block::HEAD)
            .ok_or_else(|| other(next))?;
        let rest = (head.length - block::HEAD) as u64;
        (&mut reader)
            .take(rest)
            .read_to_end(&mut bytes)
            .map_err(told)?;
        block::unpack(&bytes)?;
        next = head.last.next();
    }
    match reader.read(&mut [0]).map_err(told)? {
        0 if next == last.next() => Ok(()),
        _ => Err(format!("it does not end with record {last}")),
    }
}

/// Both copies of a segment while they are written.
pub(crate) struct Draft {
    folders: [PathBuf; 2],
    files: [BufWriter<File>; 2],
    drafts: [PathBuf; 2],
    first: Revision,
    /// The record that is next.
    next: Revision,
    /// The first record whose line waits, and all lines that wait.
    begin: Revision,
    lines: Vec<u8>,
    /// All bytes of lines so far.
    pub(crate) raw: u64,
}

impl Draft {
    pub(super) fn create(folders: &[PathBuf; 2], first: Revision) -> Result<Self, StoreError> {
        let drafts = folders
            .each_ref()
            .map(|folder| folder.join(format!("{:020}.{DRAFT}", first.0)));
        let open = |path: &PathBuf| {
            create(path)
                .map(BufWriter::new)
                .map_err(|source| StoreError::io("write a segment to", path, source))
        };
        Ok(Self {
            folders: folders.clone(),
            files: [open(&drafts[0])?, open(&drafts[1])?],
            drafts,
            first,
            next: first,
            begin: first,
            lines: Vec::with_capacity(block::RAW + 4096),
            raw: 0,
        })
    }

    /// Adds the line of the record that is next.
    pub(crate) fn add(&mut self, line: &Line) -> Result<(), StoreError> {
        debug_assert_eq!(line.revision, self.next);
        self.lines.extend_from_slice(line.text.as_bytes());
        self.lines.push(b'\n');
        self.raw += line.text.len() as u64 + 1;
        self.next = line.revision.next();
        if self.lines.len() >= block::RAW {
            self.close_block()?;
        }
        Ok(())
    }

    fn close_block(&mut self) -> Result<(), StoreError> {
        if self.lines.is_empty() {
            return Ok(());
        }
        let fail = |source| StoreError::io("write a segment to", &self.drafts[0], source);
        let last = Revision(self.next.0 - 1);
        let bytes = block::pack(self.begin, last, &self.lines).map_err(fail)?;
        for file in &mut self.files {
            file.write_all(&bytes).map_err(fail)?;
        }
        self.begin = self.next;
        self.lines.clear();
        Ok(())
    }

    /// Makes both copies durable, reads them back, and gives them their names.
    pub(crate) fn finish(mut self) -> Result<Revision, StoreError> {
        self.close_block()?;
        let last = Revision(self.next.0 - 1);
        for (file, draft) in self.files.into_iter().zip(&self.drafts) {
            let fail = |source| StoreError::io("write a segment to", draft, source);
            let file = file
                .into_inner()
                .map_err(|error| fail(error.into_error()))?;
            file.sync_all().map_err(fail)?;
            forget(&file);
            check(draft, self.first, last)
                .map_err(|why| fail(io::Error::new(io::ErrorKind::InvalidData, why)))?;
        }
        gtd_fault::point("store.segment-drafted");
        let name = name_of(self.first, last);
        for (draft, folder) in self.drafts.iter().zip(&self.folders) {
            let path = folder.join(&name);
            fs::rename(draft, &path)
                .and_then(|()| files::sync_dir(folder))
                .map_err(|source| StoreError::io("put a segment at", path, source))?;
            gtd_fault::point("store.segment-named");
        }
        Ok(last)
    }
}

/// Lets the system drop what it keeps of a file in memory, so that it is read from the disk.
fn forget(file: &File) {
    #[cfg(target_os = "linux")]
    {
        use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};
        // Only a wish: without it the check reads what was written, and not what arrived.
        let _refused = posix_fadvise(file, 0, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = file;
}
