//! What everybody may read: the graph, the ring of records, the newest revision.

use std::sync::{
    PoisonError, RwLock, RwLockReadGuard,
    atomic::{AtomicBool, Ordering},
};

use gtd_core::{Envelope, Graph, Revision, Timestamp};
use tokio::sync::watch;

use super::{
    clock::Clock,
    tail::{Followed, Stored, Tail},
};

/// What everybody may read.
#[derive(Debug)]
pub(super) struct Published {
    graph: RwLock<Graph>,
    tail: RwLock<Tail>,
    head: watch::Sender<Revision>,
    clock: Clock,
    /// Whether the store is being opened for the first time.
    is_opening: AtomicBool,
}

impl Published {
    /// Holds nothing yet.
    pub(super) fn empty() -> Self {
        Self {
            graph: RwLock::default(),
            tail: RwLock::new(Tail::new(Revision(0))),
            head: watch::channel(Revision(0)).0,
            clock: Clock::new(Timestamp(0)),
            is_opening: AtomicBool::new(true),
        }
    }

    /// Publishes a graph for the first time.
    pub(super) fn begin(&self, graph: Graph, last_at: Timestamp) {
        self.clock.at_least(last_at);
        *self.tail.write().unwrap_or_else(PoisonError::into_inner) = Tail::new(graph.revision());
        self.replace(graph, []);
    }

    /// Says that the store is open.
    pub(super) fn opened(&self) {
        self.is_opening.store(false, Ordering::Release);
    }

    /// Returns whether the store is still being opened, so that writes wait.
    pub(super) fn is_opening(&self) -> bool {
        self.is_opening.load(Ordering::Acquire)
    }

    // A panic while a lock was held leaves at worst an unfinished fold, and the
    // ledger replaces the graph then: reading on is right.
    pub(super) fn graph(&self) -> RwLockReadGuard<'_, Graph> {
        self.graph.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(super) fn not_before(&self, floor: Timestamp) {
        self.clock.at_least(floor);
    }

    pub(super) fn revisions(&self) -> watch::Receiver<Revision> {
        self.head.subscribe()
    }

    pub(super) fn follow(&self, after: Revision, limit: usize) -> Followed {
        self.tail
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .after(after, limit)
    }

    /// Publishes durable records, which the working graph holds already: the graph first, then
    /// the ring, then the wake.
    pub(super) fn extend<'a>(
        &self,
        working: &Graph,
        envelopes: impl IntoIterator<Item = (Revision, &'a Envelope)>,
        records: impl IntoIterator<Item = Stored>,
    ) {
        {
            let mut graph = self.graph.write().unwrap_or_else(PoisonError::into_inner);
            for (revision, envelope) in envelopes {
                graph.follow(working, revision, envelope);
            }
        }
        self.wake(records);
    }

    /// Puts a graph that was folded anew in the place of the old one.
    pub(super) fn replace(&self, graph: Graph, records: impl IntoIterator<Item = Stored>) {
        *self.graph.write().unwrap_or_else(PoisonError::into_inner) = graph;
        self.wake(records);
    }

    fn wake(&self, records: impl IntoIterator<Item = Stored>) {
        {
            let mut tail = self.tail.write().unwrap_or_else(PoisonError::into_inner);
            for record in records {
                tail.push(record);
            }
        }
        let revision = self.graph().revision();
        self.head.send_if_modified(|head| {
            let is_new = *head != revision;
            *head = revision;
            is_new
        });
    }
}
