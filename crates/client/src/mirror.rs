//! The whole graph in this process, kept in step with the daemon's.
//!
//! A snapshot first, then every record. After a break it goes on from its own
//! revision; only when the daemon does not keep what follows any more does it
//! take a snapshot again. It never shows a graph that was not true at its
//! revision.

use std::{
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
    time::Duration,
};

use gtd_core::{Graph, Revision};
use tokio::{sync::watch, task::JoinHandle, time::sleep};

use crate::{Client, ClientError, LogPage};

/// The wait after the first failure; it doubles.
const FIRST_WAIT: Duration = Duration::from_millis(50);

/// The longest wait after a failure.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// The whole graph in this process. Clones share it; the last one ends it.
#[derive(Debug, Clone)]
pub struct Mirror {
    shared: Arc<Shared>,
    revision: watch::Receiver<Revision>,
    keeper: Arc<Keeper>,
}

#[derive(Debug)]
struct Shared {
    graph: RwLock<Graph>,
    trouble: RwLock<Option<Arc<ClientError>>>,
}

/// Ends the task with the last mirror.
#[derive(Debug)]
struct Keeper(JoinHandle<()>);

impl Drop for Keeper {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Mirror {
    /// Takes a snapshot and keeps it in step from then on.
    ///
    /// # Errors
    /// When the first snapshot cannot be had.
    pub async fn open(client: Client) -> Result<Self, ClientError> {
        let graph = client.snapshot().await?;
        let (sender, revision) = watch::channel(graph.revision());
        let shared = Arc::new(Shared {
            graph: RwLock::new(graph),
            trouble: RwLock::new(None),
        });
        let task = keep(client, shared.clone(), sender);
        Ok(Self {
            shared,
            revision,
            keeper: Arc::new(Keeper(tokio::spawn(task))),
        })
    }

    /// Looks at the graph. Nothing may be awaited while the guard lives.
    pub fn graph(&self) -> RwLockReadGuard<'_, Graph> {
        read(&self.shared.graph)
    }

    /// Returns the revision of the graph.
    #[must_use]
    pub fn revision(&self) -> Revision {
        *self.revision.borrow()
    }

    /// Returns what wakes at each new revision.
    #[must_use]
    pub fn revisions(&self) -> watch::Receiver<Revision> {
        self.revision.clone()
    }

    /// Waits until the graph has seen a revision, such as that of one's own last write.
    pub async fn wait_for(&self, revision: Revision) {
        let mut revisions = self.revision.clone();
        let seen = revisions.wait_for(|seen| *seen >= revision).await;
        // The sender lives as long as the keeper, and the keeper as long as this mirror.
        drop(seen);
    }

    /// Returns why the graph does not go on at the moment, if it does not.
    #[must_use]
    pub fn trouble(&self) -> Option<Arc<ClientError>> {
        read(&self.shared.trouble).clone()
    }

    /// Tells whether the task that keeps the graph in step has died.
    #[must_use]
    pub fn is_dead(&self) -> bool {
        self.keeper.0.is_finished()
    }
}

async fn keep(client: Client, shared: Arc<Shared>, sender: watch::Sender<Revision>) {
    let mut wait = FIRST_WAIT;
    loop {
        let before = *sender.borrow();
        let error = match follow(&client, &shared, &sender).await {
            Err(ClientError::FellBehind) => match client.snapshot().await {
                Ok(graph) => {
                    let revision = graph.revision();
                    *write(&shared.graph) = graph;
                    sender.send_replace(revision);
                    None
                }
                Err(error) => Some(error),
            },
            Err(error) => Some(error),
            // The daemon ended the stream in good order.
            Ok(()) => None,
        };
        if *sender.borrow() != before {
            wait = FIRST_WAIT;
        }
        *write(&shared.trouble) = error.map(Arc::new);
        sleep(wait).await;
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}

/// Follows the log until something ends it.
async fn follow(
    client: &Client,
    shared: &Shared,
    sender: &watch::Sender<Revision>,
) -> Result<(), ClientError> {
    let after = *sender.borrow();
    let mut stream = client.watch(after).await?;
    *write(&shared.trouble) = None;
    while let Some(page) = stream.next().await? {
        let (revision, applied) = {
            let mut graph = write(&shared.graph);
            let applied = apply(&mut graph, &page);
            (graph.revision(), applied)
        };
        sender.send_if_modified(|seen| std::mem::replace(seen, revision) != revision);
        applied?;
    }
    Ok(())
}

/// Folds a page into the graph; a gap means that records were missed.
fn apply(graph: &mut Graph, page: &LogPage) -> Result<(), ClientError> {
    for record in &page.records {
        if record.revision <= graph.revision() {
            continue;
        }
        if record.revision != graph.revision().next() {
            return Err(ClientError::FellBehind);
        }
        graph.apply(record.revision, &record.envelope);
    }
    Ok(())
}

/// A panic while the graph was held leaves it as it was: `apply` never panics.
fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}
