//! Wakes a role when a run ends, without asking again and again.

use std::{
    collections::HashSet,
    os::fd::OwnedFd,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use gtd_agent::Runs;
use gtd_core::RunId;
use tokio::{io::unix::AsyncFd, sync::Notify, task::JoinSet};

/// How long a run goes unwatched that cannot be listened to.
const DEAF: Duration = Duration::from_secs(2);

/// The bells of one role: one for each run that it saw at work.
#[derive(Debug)]
pub(crate) struct Bells {
    runs: Runs,
    hung: Arc<Mutex<HashSet<RunId>>>,
    rings: Arc<Notify>,
    tasks: JoinSet<()>,
}

impl Bells {
    pub(crate) fn new(runs: Runs) -> Self {
        Self {
            runs,
            hung: Arc::default(),
            rings: Arc::new(Notify::new()),
            tasks: JoinSet::new(),
        }
    }

    /// Returns what is notified when a run ends.
    pub(crate) fn rings(&self) -> Arc<Notify> {
        self.rings.clone()
    }

    /// Hangs a bell on a run that is at work, unless there is one.
    pub(crate) fn hang(&mut self, run: &RunId) {
        while self.tasks.try_join_next().is_some() {}
        let is_new = self
            .hung
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(run.clone());
        if !is_new {
            return;
        }
        let (hung, rings, runs, run) = (
            self.hung.clone(),
            self.rings.clone(),
            self.runs.clone(),
            run.clone(),
        );
        self.tasks.spawn(async move {
            match runs.exit_notice(&run) {
                Ok(Some(notice)) => match watch(notice) {
                    Some(notice) => drop(notice.readable().await),
                    None => tokio::time::sleep(DEAF).await,
                },
                // It has ended between the look and now.
                Ok(None) => {}
                Err(_) => tokio::time::sleep(DEAF).await,
            }
            hung.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .remove(&run);
            rings.notify_one();
        });
    }
}

/// Registers a pidfd that nobody else holds: it stays open until the registration ends.
#[expect(
    deprecated,
    reason = "`AsyncFd::new` is deprecated for types that may close the descriptor; `OwnedFd` cannot"
)]
fn watch(notice: OwnedFd) -> Option<AsyncFd<OwnedFd>> {
    AsyncFd::new(notice).ok()
}
