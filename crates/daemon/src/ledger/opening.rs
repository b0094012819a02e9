//! How a start of the ledger is told: first that there is something to read, then how the open ended.

use std::{io, sync::mpsc};

use gtd_store::Repair;
use tokio::sync::oneshot;

use super::LoadError;

/// What a start found.
#[derive(Debug)]
pub(crate) struct Started {
    /// What the store had to mend.
    pub(crate) repairs: Vec<Repair>,
}

/// An open of the store that may still be under way.
#[derive(Debug)]
pub(crate) struct Opening {
    /// The town that the log belongs to.
    pub(crate) town_id: String,
    end: oneshot::Receiver<Result<Started, LoadError>>,
}

impl Opening {
    /// Waits until the store is open and writes are taken.
    ///
    /// # Errors
    /// When the store cannot be opened, or a record cannot be read: then nothing is ever written.
    pub(crate) async fn end(&mut self) -> Result<Started, LoadError> {
        (&mut self.end).await.unwrap_or_else(|_| Err(vanished()))
    }
}

/// The side of the thread that opens.
pub(super) struct Teller {
    readable: mpsc::Sender<String>,
    end: oneshot::Sender<Result<Started, LoadError>>,
}

/// The side of whoever waits.
pub(super) struct Listener {
    readable: mpsc::Receiver<String>,
    end: oneshot::Receiver<Result<Started, LoadError>>,
}

/// Makes both sides.
pub(super) fn pair() -> (Teller, Listener) {
    let (tell, readable) = mpsc::channel();
    let (send, end) = oneshot::channel();
    let teller = Teller {
        readable: tell,
        end: send,
    };
    (teller, Listener { readable, end })
}

impl Teller {
    /// Says that the log of this town can be read.
    pub(super) fn readable(&self, town_id: &str) {
        // Whoever heard it once has stopped to listen.
        let _heard_before = self.readable.send(town_id.to_owned());
    }

    /// Says how the open ended.
    pub(super) fn end(self, ended: Result<Started, LoadError>) {
        // Before `readable` is dropped, by which the other side knows that nothing comes any more.
        let _gone = self.end.send(ended);
    }
}

impl Listener {
    /// Waits until there is something to read, or never will be.
    pub(super) fn wait(mut self) -> Result<Opening, LoadError> {
        match self.readable.recv() {
            Ok(town_id) => Ok(Opening {
                town_id,
                end: self.end,
            }),
            Err(_) => Err(match self.end.try_recv() {
                Ok(Err(error)) => error,
                Ok(Ok(_)) | Err(_) => vanished(),
            }),
        }
    }
}

fn vanished() -> LoadError {
    LoadError::Thread(io::Error::other("it ended without a word"))
}
