//! The one writer: decides every command, makes it durable, publishes it.
//!
//! A dedicated thread owns the store. It drains what waits, decides each order
//! on a *working* graph, appends everything at once (one sync for the whole
//! batch), applies it to the *published* graph, wakes the watchers and answers.
//! It calls nobody and knows nothing of gRPC.
//!
//! | state | writes | reads |
//! |---|---|---|
//! | being opened, once the snapshot and the journal are read | wait | graph; the store and what it holds wait |
//! | open | decided and appended | graph, ring, store |
//! | read-only, after a failed append | refused, with why | graph, ring; the store once it opens again |
//! | the reserve is given up | those that end something | graph, ring, store |
//! | closed | refused | graph, ring |

mod answer;
mod ballast;
mod batch;
mod body;
mod clock;
mod compactions;
mod keeper;
mod load;
mod opening;
mod published;
mod snapshots;
mod tail;

#[cfg(test)]
mod tests;

use std::{
    path::Path,
    sync::{
        Arc, RwLockReadGuard,
        mpsc::{SyncSender, TrySendError},
    },
};

use gtd_core::{Actor, Command, Graph, Rejection, RequestId, Revision, Timestamp};
use gtd_store::{Store, StoreError};
use tokio::sync::{oneshot, watch};

pub(crate) use self::{
    answer::Answer,
    ballast::Ballast,
    load::LoadError,
    opening::Opening,
    tail::{Followed, Stored},
};
use self::{clock::Clock, keeper::Keeper, opening::Started, published::Published};
use crate::board::Board;

/// How many orders may wait.
const WAITING_MAX: usize = 1024;

/// What a caller wants written: usually one command.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    /// Who asks.
    pub(crate) by: Actor,
    /// The caller's name for the write.
    pub(crate) request: Option<RequestId>,
    /// The revision that the caller has seen.
    pub(crate) expected: Option<Revision>,
    /// Decided on the same state, all or none: none may depend on another.
    pub(crate) commands: Vec<Command>,
}

impl Order {
    /// Makes an order of the daemon itself.
    pub(crate) fn of_daemon(command: Command) -> Self {
        Self {
            by: Actor::Daemon,
            request: None,
            expected: None,
            commands: vec![command],
        }
    }
}

/// Why an order was not carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    /// The rules say no.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// Too much waits already.
    #[error("too much waits already")]
    Overloaded,
    /// The ledger has ended.
    #[error("the ledger has ended")]
    Closed,
    /// A bug: deciding it failed in a way that no rule foresees.
    #[error("an error inside gtdd: {0}")]
    Broken(String),
}

/// What is sent to the thread.
enum Message {
    Write {
        order: Order,
        reply: oneshot::Sender<Result<Answer, Refused>>,
    },
    /// Decides and writes nothing.
    Rehearse {
        order: Order,
        reply: oneshot::Sender<Result<Answer, Refused>>,
    },
    /// Looks up what a request was answered with.
    Recall {
        by: Actor,
        request: RequestId,
        reply: oneshot::Sender<Result<Option<Answer>, Refused>>,
    },
    Read {
        after: Revision,
        limit: usize,
        reply: oneshot::Sender<Result<Vec<Stored>, Refused>>,
    },
    Close {
        reply: oneshot::Sender<()>,
    },
}

/// A handle to the ledger; clones share it.
#[derive(Clone)]
pub(crate) struct Ledger {
    messages: SyncSender<Message>,
    published: Arc<Published>,
}

impl std::fmt::Debug for Ledger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ledger").finish_non_exhaustive()
    }
}

impl Ledger {
    /// Starts the thread, which opens the store and folds the log; returns as soon as there is something to read.
    ///
    /// # Errors
    /// When the store cannot be opened, a record cannot be read, or no thread can be had. What is
    /// found later is told by [`Opening::end`].
    pub(crate) fn start(
        dir: &Path,
        ballast: Ballast,
        board: Arc<Board>,
    ) -> Result<(Self, Opening), LoadError> {
        let (messages, inbox) = std::sync::mpsc::sync_channel(WAITING_MAX);
        let (teller, listener) = opening::pair();
        let published = Arc::new(Published::empty());
        let ledger = Self {
            messages,
            published: Arc::clone(&published),
        };
        let dir = dir.to_owned();
        std::thread::Builder::new()
            .name("ledger".to_owned())
            .spawn(
                move || match Keeper::open(&dir, ballast, board, published, &teller) {
                    Ok((keeper, started)) => {
                        teller.end(Ok(started));
                        keeper.run(&inbox);
                    }
                    Err(error) => teller.end(Err(error)),
                },
            )
            .map_err(LoadError::Thread)?;
        Ok((ledger, listener.wait()?))
    }

    /// Has an order decided and made durable.
    ///
    /// The order is handed over before the first wait: a caller that goes away
    /// afterwards changes nothing.
    ///
    /// # Errors
    /// When the rules refuse it, or nothing can be written now.
    pub(crate) async fn write(&self, order: Order) -> Result<Answer, Refused> {
        self.ask(|reply| Message::Write { order, reply }).await
    }

    /// Has an order decided, and writes nothing.
    ///
    /// # Errors
    /// When the rules would refuse it.
    pub(crate) async fn rehearse(&self, order: Order) -> Result<Answer, Refused> {
        self.ask(|reply| Message::Rehearse { order, reply }).await
    }

    /// Returns what a request of this caller was answered with.
    ///
    /// # Errors
    /// When it is another caller's, or the store cannot be read now.
    pub(crate) async fn recall(
        &self,
        by: Actor,
        request: RequestId,
    ) -> Result<Option<Answer>, Refused> {
        self.ask(|reply| Message::Recall { by, request, reply })
            .await
    }

    /// Reads at most `limit` records after a revision from the store.
    ///
    /// # Errors
    /// When the store cannot be read now.
    pub(crate) async fn read(&self, after: Revision, limit: usize) -> Result<Vec<Stored>, Refused> {
        self.ask(|reply| Message::Read {
            after,
            limit,
            reply,
        })
        .await
    }

    async fn ask<T>(
        &self,
        message: impl FnOnce(oneshot::Sender<Result<T, Refused>>) -> Message,
    ) -> Result<T, Refused> {
        let (reply, answer) = oneshot::channel();
        match self.messages.try_send(message(reply)) {
            Ok(()) => answer.await.unwrap_or(Err(Refused::Closed)),
            Err(TrySendError::Full(_)) => Err(Refused::Overloaded),
            Err(TrySendError::Disconnected(_)) => Err(Refused::Closed),
        }
    }

    /// Returns the published graph; the guard must not be held across a wait.
    pub(crate) fn graph(&self) -> RwLockReadGuard<'_, Graph> {
        self.published.graph()
    }

    /// Returns a moment that is not before the last record's.
    pub(crate) fn now(&self) -> Timestamp {
        self.published.now()
    }

    /// Returns whether the store is still being opened: reads are answered, writes wait.
    pub(crate) fn is_opening(&self) -> bool {
        self.published.is_opening()
    }

    /// Gives a receiver that wakes at each new revision.
    pub(crate) fn revisions(&self) -> watch::Receiver<Revision> {
        self.published.revisions()
    }

    /// Follows the log from memory.
    pub(crate) fn follow(&self, after: Revision, limit: usize) -> Followed {
        self.published.follow(after, limit)
    }

    /// Writes a snapshot, closes the store and ends the thread.
    pub(crate) async fn close(&self) {
        let (reply, closed) = oneshot::channel();
        let messages = self.messages.clone();
        // The channel may be full: the thread drains it, and a blocking send waits for that.
        let sent = tokio::task::spawn_blocking(move || messages.send(Message::Close { reply }));
        if matches!(sent.await, Ok(Ok(()))) {
            // An error says that the thread has ended already.
            let _ended = closed.await;
        }
    }
}

/// Folds the whole log of a store, for whoever has it open without a ledger; also returns a moment
/// that is not before its last record's.
pub(crate) fn fold(store: &Store) -> Result<(Graph, Timestamp), LoadError> {
    let folded = load::fold_all(store)?;
    Ok((folded.graph, Clock::new(folded.last_at).now()))
}

/// Says what an error is, with everything that stands behind it.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        text = format!("{text}: {source}");
        next = source.source();
    }
    text
}

impl From<StoreError> for LoadError {
    fn from(source: StoreError) -> Self {
        Self::Store { source }
    }
}
