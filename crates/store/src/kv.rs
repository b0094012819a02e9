//! The narrow door to the database, so that tests can put a failing one in.
//!
//! It speaks of keys and bytes only. `apply` is atomic, `flush` followed by
//! `sync` makes durable all that was applied before; neither alone does.

use std::io;

/// Says what the database did instead of its work.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// The system refused a read or a write.
    #[error("its file could not be read or written")]
    Io(#[source] io::Error),
    /// The database noticed that its own files are damaged.
    #[error("its files are damaged: {0}")]
    Corrupt(String),
    /// The database gave up in the middle of an operation.
    #[error("it panicked: {0}")]
    Panicked(String),
    /// Another process has the database open, without our lock.
    #[error("another process has it open")]
    Busy,
    /// The database can do nothing more in this process.
    #[error("it stopped working in this process: {0}")]
    Stopped(String),
}

impl DatabaseError {
    /// Returns whether the disk or the quota is full.
    #[must_use]
    pub fn is_out_of_space(&self) -> bool {
        match self {
            Self::Io(source) => is_out_of_space(source),
            Self::Panicked(text) => [
                "StorageFull",
                "QuotaExceeded",
                "No space left",
                "quota exceeded",
            ]
            .iter()
            .any(|sign| text.contains(sign)),
            Self::Corrupt(_) | Self::Busy | Self::Stopped(_) => false,
        }
    }

    /// Returns whether the files themselves are at fault, so that a rebuilt database would help.
    pub(crate) fn is_damage(&self) -> bool {
        use io::ErrorKind as Kind;
        match self {
            Self::Corrupt(_) => true,
            Self::Panicked(_) => !self.is_out_of_space(),
            Self::Io(source) => matches!(
                source.kind(),
                Kind::UnexpectedEof | Kind::InvalidData | Kind::InvalidInput | Kind::NotFound
            ),
            Self::Busy | Self::Stopped(_) => false,
        }
    }
}

pub(crate) fn is_out_of_space(source: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    matches!(source.kind(), Kind::StorageFull | Kind::QuotaExceeded)
}

/// What one atomic batch writes.
#[derive(Debug, Default, Clone)]
pub(crate) struct Writes(pub(crate) Vec<(Vec<u8>, Vec<u8>)>);

impl Writes {
    pub(crate) fn put(&mut self, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) {
        self.0.push((key.into(), value.into()));
    }
}

/// Some entries in the order of their keys.
#[derive(Debug, Default)]
pub(crate) struct Page {
    pub(crate) entries: Vec<(Vec<u8>, Vec<u8>)>,
    /// Whether the range may hold more after these.
    pub(crate) more: bool,
}

/// A page ends at this many entries …
pub(crate) const PAGE_ENTRIES: usize = 512;
/// … or when it has this many bytes.
pub(crate) const PAGE_BYTES: usize = 1024 * 1024;

/// An ordered map on the disk.
pub(crate) trait Kv: Send {
    /// Applies all of a batch or nothing; not durable yet.
    fn apply(&mut self, writes: Writes) -> Result<(), DatabaseError>;

    /// Hands all that was applied to the system.
    fn flush(&mut self) -> Result<(), DatabaseError>;

    /// Makes durable all that was flushed.
    fn sync(&mut self) -> Result<(), DatabaseError>;

    /// Reads one value.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, DatabaseError>;

    /// Reads the first entries at or after `from` and before `to`.
    fn range(&self, from: &[u8], to: &[u8]) -> Result<Page, DatabaseError>;
}

/// Flushes and syncs.
pub(crate) fn make_durable(kv: &mut dyn Kv) -> Result<(), DatabaseError> {
    kv.flush()?;
    kv.sync()
}

/// Returns the smallest key after `key`.
pub(crate) fn after(key: &[u8]) -> Vec<u8> {
    let mut next = key.to_vec();
    next.push(0);
    next
}
