//! Streams of lines: what is there, then what comes.

use std::time::Duration;

use gtd_wire::{Refusal, pb::common::v1::Line};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::Status;

/// Batches that may wait for a slow reader.
const WAITING: usize = 8;
/// How often a followed file is looked at.
const LOOK: Duration = Duration::from_millis(250);
/// Lines of one batch.
pub(super) const BATCH: usize = 500;

/// Where lines come from. Looking blocks.
pub(super) trait Source: Send + 'static {
    /// Takes the next lines, at most [`BATCH`]; none when there are none yet.
    fn next(&mut self) -> Result<Vec<Line>, Status>;

    /// Tells whether nothing more will come. Asked before the look that finds nothing.
    fn has_ended(&mut self) -> bool;
}

/// Whether a stream goes on when it has caught up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Until {
    /// It ends with what is there.
    Now,
    /// It goes on until the source has ended.
    TheEnd,
}

/// Sends the lines of a source; `wrap` makes the message.
pub(super) fn stream<T: Send + 'static>(
    mut source: impl Source,
    until: Until,
    closing: CancellationToken,
    wrap: fn(Vec<Line>) -> T,
) -> ReceiverStream<Result<T, Status>> {
    let (tx, rx) = mpsc::channel(WAITING);
    tokio::spawn(async move {
        loop {
            let look = tokio::task::spawn_blocking(move || {
                let has_ended = source.has_ended();
                let lines = source.next();
                (source, has_ended, lines)
            });
            let Ok((back, has_ended, lines)) = look.await else {
                return;
            };
            source = back;
            let lines = match lines {
                Ok(lines) => lines,
                Err(status) => {
                    let _gone = tx.try_send(Err(status));
                    return;
                }
            };
            if lines.is_empty() {
                if has_ended || until == Until::Now {
                    return;
                }
                tokio::select! {
                    () = closing.cancelled() => break,
                    () = tx.closed() => return,
                    () = tokio::time::sleep(LOOK) => {}
                }
                continue;
            }
            tokio::select! {
                () = closing.cancelled() => break,
                sent = tx.send(Ok(wrap(lines))) => if sent.is_err() {
                    return;
                },
            }
        }
        let _full = tx.try_send(Err(Refusal::Leaving.to_status()));
    });
    ReceiverStream::new(rx)
}
