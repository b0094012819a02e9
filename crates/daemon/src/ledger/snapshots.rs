//! When a snapshot is due, and the thread that writes it.
//!
//! The ledger only hands a graph over; making the bytes and waiting for the
//! disk happen on a thread of their own, one at a time.

use std::thread::JoinHandle;

use gtd_core::{Graph, Revision};
use gtd_store::{SnapshotPlace, StoreError};

use super::{body, chain};

/// Events between two snapshots at least …
const EVERY: u64 = 20_000;
/// … and one for so many beads, so that writing them stays cheap beside what is appended.
const BEADS_PER_EVENT: u64 = 4;
/// At the end one is written unless replaying costs less: one event for so many beads.
const BEADS_PER_EVENT_AT_END: u64 = 32;

/// Says when a snapshot is due, and writes it aside.
#[derive(Debug)]
pub(super) struct Snapshots {
    last: Revision,
    writer: Option<JoinHandle<()>>,
}

impl Snapshots {
    /// Goes on after the snapshot of `last`.
    pub(super) fn after(last: Revision) -> Self {
        Self { last, writer: None }
    }

    /// Begins a snapshot when enough events have come since the last one.
    pub(super) fn begin_when_due(
        &mut self,
        graph: &Graph,
        place: impl FnOnce(Revision) -> Result<SnapshotPlace, StoreError>,
    ) {
        if self.is_busy() || self.events_since(graph) < EVERY.max(n_beads(graph) / BEADS_PER_EVENT)
        {
            return;
        }
        self.last = graph.revision();
        let place = match place(self.last) {
            Ok(place) => place,
            Err(error) => return failed(self.last, &chain(&error)),
        };
        let graph = graph.clone();
        let spawned = std::thread::Builder::new()
            .name("snapshot".to_owned())
            .spawn(move || write(&place, graph));
        match spawned {
            Ok(writer) => self.writer = Some(writer),
            Err(error) => failed(self.last, &error.to_string()),
        }
    }

    /// Returns whether one is being written.
    pub(super) fn is_busy(&self) -> bool {
        let writer = self.writer.as_ref();
        writer.is_some_and(|writer| !writer.is_finished())
    }

    /// Waits for the snapshot under way, and writes the last one here and now where it is worth it.
    pub(super) fn end(
        mut self,
        graph: Graph,
        place: impl FnOnce(Revision) -> Result<SnapshotPlace, StoreError>,
    ) {
        if let Some(Err(panic)) = self.writer.take().map(JoinHandle::join) {
            failed(self.last, &super::keeper::words_of(panic.as_ref()));
        }
        let since = self.events_since(&graph);
        if since == 0 || since < n_beads(&graph) / BEADS_PER_EVENT_AT_END {
            return;
        }
        match place(graph.revision()) {
            Ok(place) => write(&place, graph),
            Err(error) => failed(graph.revision(), &chain(&error)),
        }
    }

    fn events_since(&self, graph: &Graph) -> u64 {
        graph.revision().0.saturating_sub(self.last.0)
    }
}

fn n_beads(graph: &Graph) -> u64 {
    u64::try_from(graph.n_beads()).unwrap_or(u64::MAX)
}

fn write(place: &SnapshotPlace, graph: Graph) {
    let written = body::write(graph)
        .map_err(|error| error.to_string())
        .and_then(|bytes| place.write(&bytes).map_err(|error| chain(&error)));
    match written {
        Ok(()) => tracing::debug!(revision = %place.revision(), "a snapshot was written"),
        Err(why) => failed(place.revision(), &why),
    }
}

/// Nothing is lost: the older one, or the log itself, serves instead.
fn failed(revision: Revision, why: &str) {
    tracing::warn!(%revision, why, "a snapshot could not be written");
}
