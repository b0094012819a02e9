//! The door: so many callers at once, and none of them can take the daemon's last descriptor.
//!
//! Every connection costs a descriptor, and so do the log, the runs and git.
//! Half of what the process may open is for callers; whoever comes after them
//! waits in the kernel's queue until one leaves. When the system itself has no
//! descriptor or memory left the door stays shut for a moment: the server
//! would take such an error for the end of everything.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use nix::sys::resource::{Resource, getrlimit};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{UnixListener, UnixStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_stream::Stream;
use tonic::transport::server::Connected;

use crate::peer::Peer;

/// Callers at once, whatever the limit.
const LEAST: usize = 8;
/// Callers at once at most: more than any town has.
const MOST: usize = 16_384;
/// How long the door stays shut when the system has nothing left for one more.
const SHUT: Duration = Duration::from_millis(100);

/// Lets callers in, one after the other, for ever.
pub(super) fn connections(
    listener: UnixListener,
) -> impl Stream<Item = io::Result<Connection>> + Send + 'static {
    let places = Arc::new(Semaphore::new(most_callers()));
    let (tx, rx) = tokio::sync::mpsc::channel(1);
    tokio::spawn(async move {
        let mut is_told = false;
        while let Ok(place) = Arc::clone(&places).acquire_owned().await {
            let accepted = tokio::select! {
                () = tx.closed() => return,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, _)) => {
                    is_told = false;
                    let connection = Connection {
                        peer: Peer::of(&stream),
                        stream,
                        _place: place,
                    };
                    if tx.send(Ok(connection)).await.is_err() {
                        return;
                    }
                }
                Err(error) => {
                    if !std::mem::replace(&mut is_told, true) {
                        tracing::warn!(%error, "a caller has to wait: it cannot be let in now");
                    }
                    drop(place);
                    tokio::time::sleep(SHUT).await;
                }
            }
        }
    });
    tokio_stream::wrappers::ReceiverStream::new(rx)
}

/// Returns how many callers there may be at once.
fn most_callers() -> usize {
    let soft = getrlimit(Resource::RLIMIT_NOFILE).map_or(1024, |(soft, _)| soft);
    callers_of(soft)
}

fn callers_of(files: u64) -> usize {
    usize::try_from(files / 2)
        .unwrap_or(MOST)
        .clamp(LEAST, MOST)
}

/// One caller's connection; its place is free again when it ends.
#[derive(Debug)]
pub(super) struct Connection {
    stream: UnixStream,
    peer: Peer,
    _place: OwnedSemaphorePermit,
}

impl Connected for Connection {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        self.peer.clone()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callers_get_half_of_what_the_daemon_may_open() {
        assert_eq!(callers_of(4), LEAST);
        assert_eq!(callers_of(64), 32);
        assert_eq!(callers_of(1024), 512);
        assert_eq!(callers_of(u64::MAX), MOST);
    }
}
