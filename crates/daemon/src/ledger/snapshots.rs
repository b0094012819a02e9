//! Snapshots are made on a thread of their own and written by the ledger.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use gtd_core::{Graph, Revision};

/// Events between two snapshots.
const EVERY: u64 = 20_000;

/// A snapshot in bytes.
pub(super) type Made = (Revision, Vec<u8>);

/// Says when a snapshot is due, and makes it aside.
#[derive(Debug)]
pub(super) struct Snapshots {
    last: Revision,
    is_busy: Arc<AtomicBool>,
    made: Arc<Mutex<Option<Made>>>,
}

impl Snapshots {
    /// Goes on after the snapshot of `last`.
    pub(super) fn after(last: Revision) -> Self {
        Self {
            last,
            is_busy: Arc::default(),
            made: Arc::default(),
        }
    }

    /// Begins a snapshot when enough events have come since the last one.
    pub(super) fn begin_when_due(&mut self, graph: &Graph) {
        let revision = graph.revision();
        if revision.0.saturating_sub(self.last.0) < EVERY
            || self.is_busy.swap(true, Ordering::AcqRel)
        {
            return;
        }
        self.last = revision;
        let graph = graph.clone();
        let (is_busy, made) = (Arc::clone(&self.is_busy), Arc::clone(&self.made));
        let spawned = std::thread::Builder::new()
            .name("snapshot".to_owned())
            .spawn(move || {
                if let Some(bytes) = bytes(&graph) {
                    *made.lock().unwrap_or_else(PoisonError::into_inner) = Some((revision, bytes));
                }
                is_busy.store(false, Ordering::Release);
            });
        if let Err(error) = spawned {
            self.is_busy.store(false, Ordering::Release);
            tracing::warn!(%error, "no thread could be had for a snapshot");
        }
    }

    /// Takes the snapshot that was made.
    pub(super) fn take(&mut self) -> Option<Made> {
        self.made
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    /// Makes the last snapshot here and now, unless nothing happened since the one before.
    pub(super) fn last(&mut self, graph: &Graph) -> Option<Made> {
        let revision = graph.revision();
        if revision == self.last {
            return self.take();
        }
        self.last = revision;
        Some((revision, bytes(graph)?))
    }
}

fn bytes(graph: &Graph) -> Option<Vec<u8>> {
    serde_json::to_vec(graph)
        .inspect_err(|error| tracing::error!(%error, "a snapshot cannot be made"))
        .ok()
}
