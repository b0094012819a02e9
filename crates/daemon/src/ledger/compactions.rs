//! When the log is compacted, and the thread that does the long part of it.
//!
//! The ledger only puts the finished files in their places; sealing records and
//! building the new ones happens on a thread of its own, one at a time.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use gtd_core::Revision;
use gtd_store::{Compacted, Store, StoreError};

use super::{chain, keeper::words_of};

/// Records between two looks whether one is due.
const EVERY: u64 = 2048;
/// How often a ledger without work looks whether one has ended.
pub(super) const LOOK: Duration = Duration::from_millis(200);

type Ended = Result<Option<Compacted>, StoreError>;

/// Says when a compaction is due, and runs its long part aside.
#[derive(Debug, Default)]
pub(super) struct Compactions {
    /// Where it was looked last.
    looked: Option<Revision>,
    stop: Arc<AtomicBool>,
    worker: Option<JoinHandle<Ended>>,
}

impl Compactions {
    /// Returns whether one is under way or waits to be taken.
    pub(super) fn is_busy(&self) -> bool {
        self.worker.is_some()
    }

    /// Begins one when the store is long and a snapshot covers enough of it.
    pub(super) fn begin_when_due(&mut self, store: &Store) {
        let head = store.head();
        let is_early = self
            .looked
            .is_some_and(|looked| head.0.saturating_sub(looked.0) < EVERY);
        if self.is_busy() || is_early || !store.is_long() {
            return;
        }
        self.looked = Some(head);
        let compaction = match store.compaction() {
            Ok(Some(compaction)) => compaction,
            Ok(None) => return,
            Err(error) => return failed(&chain(&error)),
        };
        let stop = Arc::clone(&self.stop);
        let spawned = std::thread::Builder::new()
            .name("compaction".to_owned())
            .spawn(move || compaction.run(&stop));
        match spawned {
            Ok(worker) => self.worker = Some(worker),
            Err(error) => failed(&error.to_string()),
        }
    }

    /// Takes what has ended, if it ended well.
    pub(super) fn take_finished(&mut self) -> Option<Compacted> {
        let worker = self.worker.take_if(|worker| worker.is_finished())?;
        match worker.join() {
            Ok(Ok(compacted)) => compacted,
            Ok(Err(error)) => {
                failed(&chain(&error));
                None
            }
            Err(panic) => {
                failed(&words_of(panic.as_ref()));
                None
            }
        }
    }

    /// Ends the one under way, before the store is closed or opened again.
    pub(super) fn abandon(&mut self) {
        let Some(worker) = self.worker.take() else {
            return;
        };
        self.stop.store(true, Ordering::Relaxed);
        // What it has sealed stays; the next one goes on from there.
        drop(worker.join());
        self.stop.store(false, Ordering::Relaxed);
    }
}

/// Nothing is lost: the log is only longer than it need be.
fn failed(why: &str) {
    tracing::warn!(why, "the log could not be compacted");
}
