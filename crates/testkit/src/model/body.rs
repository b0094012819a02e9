//! The body of an answer, which can also break off or fall silent.

use std::{
    collections::VecDeque,
    error::Error,
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

use hyper::body::{Body, Bytes, Frame, SizeHint};
use serde_json::Value;

/// The pieces of a body and how it ends.
pub(super) struct Pieces {
    pieces: VecDeque<Bytes>,
    end: End,
}

/// How a body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// As it should.
    Whole,
    /// The connection breaks.
    Broken,
    /// The connection has to break as soon as what was sent is out.
    Breaking,
    /// Nothing more comes, and the connection stays.
    Silent,
}

/// The reason for which the connection breaks.
#[derive(Debug)]
pub(super) struct BrokenOff;

impl fmt::Display for BrokenOff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the scenario breaks the connection here")
    }
}

impl Error for BrokenOff {}

impl Pieces {
    /// Makes a body of one document.
    pub(super) fn document(document: &Value) -> Self {
        Self::new([document.to_string()], End::Whole)
    }

    /// Makes a body of pieces that are sent one by one.
    pub(super) fn new(pieces: impl IntoIterator<Item = String>, end: End) -> Self {
        Self {
            pieces: pieces.into_iter().map(Bytes::from).collect(),
            end,
        }
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        ctx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        if let Some(piece) = self.pieces.pop_front() {
            return Poll::Ready(Some(Ok(Frame::data(piece))));
        }
        match self.end {
            End::Whole => Poll::Ready(None),
            // An error now would take the last pieces with it: they are sent first.
            End::Broken => {
                self.end = End::Breaking;
                ctx.waker().wake_by_ref();
                Poll::Pending
            }
            End::Breaking => Poll::Ready(Some(Err(BrokenOff))),
            End::Silent => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.pieces.is_empty() && self.end == End::Whole
    }

    fn size_hint(&self) -> SizeHint {
        let sent: usize = self.pieces.iter().map(Bytes::len).sum();
        let sent = u64::try_from(sent).unwrap_or(u64::MAX);
        match (self.end, self.pieces.len()) {
            (End::Whole, 0 | 1) => SizeHint::with_exact(sent),
            _ => SizeHint::new(),
        }
    }
}

/// Writes one event of a stream.
pub(super) fn event(name: &str, data: &Value) -> String {
    format!("event: {name}\ndata: {data}\n\n")
}

/// Writes one event that has no name.
pub(super) fn data(data: &Value) -> String {
    format!("data: {data}\n\n")
}
