//! What the store keeps: a numbered JSON object, and which request it answers.

use gtd_core::{RequestId, Revision};

/// The format of the database and of the journal that this crate writes.
pub const FORMAT: u32 = 2;

/// The format in which nothing was ever sealed, and in which a copy of a whole log is written still.
pub(crate) const WHOLE_FORMAT: u32 = 1;

/// The longest body that one record may have, in bytes.
pub const MAX_BODY: usize = 4 * 1024 * 1024;

/// One record of the event log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its place in the log; the first is 1.
    pub revision: Revision,
    /// The request that it answers, if any.
    pub request: Option<RequestId>,
    /// One JSON object without a line break: the envelope.
    pub body: Box<str>,
}

/// The records that answered one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestSpan {
    /// The first of them.
    pub first: Revision,
    /// The last of them.
    pub last: Revision,
}
