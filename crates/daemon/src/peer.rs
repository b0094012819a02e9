//! The other end of one connection: what the kernel says of it, looked at once.
//!
//! The kernel fixes user and process of the other end when it dials. Whether a
//! run of the town started that process is read from `/proc`, which costs some
//! twenty file reads: at the first call that hangs on it, and then never again
//! for this connection. Later looks could only know less: ancestors end, and
//! their numbers pass to others.

use std::{
    path::Path,
    sync::{Arc, OnceLock},
};

use tokio::net::{UnixStream, unix::UCred};

use crate::callers;

/// The other end of one connection. Clones share what was found out.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    credentials: Option<UCred>,
    is_agent: Arc<OnceLock<bool>>,
}

impl Peer {
    /// Asks the kernel who is at the other end of a connection that was accepted.
    pub(crate) fn of(stream: &UnixStream) -> Self {
        Self {
            credentials: stream.peer_cred().ok(),
            is_agent: Arc::default(),
        }
    }

    /// Returns the user of the other end, if the kernel told it.
    pub(crate) fn user(&self) -> Option<u32> {
        self.credentials.map(|credentials| credentials.uid())
    }

    /// Tells whether a run of the town whose runs are in `runs` started the other end.
    pub(crate) fn is_agent(&self, runs: &Path) -> bool {
        let pid = self.credentials.and_then(|credentials| credentials.pid());
        *self.is_agent.get_or_init(|| callers::is_agent(pid, runs))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_look_at_the_ancestors_serves_a_whole_connection() {
        let (stream, _other) = UnixStream::pair().unwrap();
        let first = Peer::of(&stream);
        let second = first.clone();
        assert_eq!(first.user(), Some(nix::unistd::getuid().as_raw()));
        assert!(first.is_agent.get().is_none(), "nobody asked yet");
        let found = first.is_agent(Path::new("/nowhere/runs"));
        assert_eq!(second.is_agent.get(), Some(&found));
    }
}
