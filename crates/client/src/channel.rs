//! The connection over the Unix socket.

use std::{
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::Duration,
};

use gtd_wire::{
    ANSWER_WINDOW_BYTES, Caller, KEEPALIVE_INTERVAL, KEEPALIVE_TIMEOUT, MAX_HEADER_BYTES,
};
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tonic::{
    Request, Status,
    service::{Interceptor, interceptor::InterceptedService},
    transport::{Channel, Endpoint, Uri},
};

use crate::places::user;

/// The channel of one caller.
pub(crate) type CallerChannel = InterceptedService<Channel, Introduce>;

/// How long one look at a full backlog waits.
const BACKLOG_WAIT: Duration = Duration::from_millis(20);

/// Nobody listens at the socket.
#[derive(Debug, thiserror::Error)]
#[error("reach {}", socket.display())]
pub(crate) struct Unreachable {
    pub(crate) socket: PathBuf,
    #[source]
    pub(crate) source: io::Error,
}

/// Puts the caller into each request.
#[derive(Debug, Clone)]
pub(crate) struct Introduce(Caller);

impl Interceptor for Introduce {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        self.0.put(request.metadata_mut());
        Ok(request)
    }
}

/// Makes a channel that connects at the first call, and again after each break.
pub(crate) fn open(socket: &Path, caller: Caller) -> CallerChannel {
    let socket = socket.to_owned();
    // The name is never resolved: the connector knows where to go.
    let channel = Endpoint::from_static("http://gtd.invalid")
        .initial_stream_window_size(ANSWER_WINDOW_BYTES)
        .http2_max_header_list_size(MAX_HEADER_BYTES)
        .http2_keep_alive_interval(KEEPALIVE_INTERVAL)
        .keep_alive_timeout(KEEPALIVE_TIMEOUT)
        .connect_with_connector_lazy(tower::service_fn(move |_: Uri| {
            let socket = socket.clone();
            async move {
                match dial(&socket).await {
                    Ok(stream) => Ok(TokioIo::new(stream)),
                    Err(source) => Err(Unreachable { socket, source }),
                }
            }
        }));
    InterceptedService::new(channel, Introduce(caller))
}

/// Connects, and waits while the backlog of a daemon that does not move is full:
/// the deadline of the call ends that.
pub(crate) async fn dial(socket: &Path) -> io::Result<UnixStream> {
    // One look at a name of this machine: a thread for it would cost more than the look.
    let owner = std::fs::symlink_metadata(socket)?.uid();
    if owner != user() {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "the socket belongs to another user",
        ));
    }
    loop {
        match UnixStream::connect(socket).await {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                tokio::time::sleep(BACKLOG_WAIT).await;
            }
            dialled => return dialled,
        }
    }
}
