//! What roles and the daemon see of the world: latest of each, never stored.

use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use gtd_core::{Observation, Observations};

/// The latest observations of everybody.
#[derive(Debug, Default)]
pub(crate) struct Board {
    seen: RwLock<Observations>,
}

impl Board {
    /// Replaces what `observer` saw.
    pub(crate) fn publish(&self, observer: &str, seen: Vec<Observation>) {
        self.seen
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .publish(observer, seen);
    }

    /// Returns what is seen now; the guard must not be held across a wait.
    pub(crate) fn read(&self) -> RwLockReadGuard<'_, Observations> {
        self.seen.read().unwrap_or_else(PoisonError::into_inner)
    }
}
