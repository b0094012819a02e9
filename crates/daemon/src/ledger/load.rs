//! Folding the log: the newest snapshot, then every record after it.

use std::io;

use gtd_core::{Envelope, Graph, Revision, Timestamp};
use gtd_store::{Record, Store, StoreError};

/// Why the ledger cannot start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    /// The store cannot be opened or read.
    #[error("open the log")]
    Store {
        /// What the store says.
        #[source]
        source: StoreError,
    },
    /// A record says something that this version does not know.
    #[error("read record {revision} of the log")]
    Record {
        /// The record.
        revision: Revision,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// The ledger's thread cannot be started.
    #[error("start the thread of the ledger")]
    Thread(#[source] io::Error),
}

/// Reads the envelope of a record.
pub(super) fn envelope(record: &Record) -> Result<Envelope, LoadError> {
    serde_json::from_str(&record.body).map_err(|source| LoadError::Record {
        revision: record.revision,
        source,
    })
}

/// Folds the log; also returns the moment of its last record.
pub(super) fn fold(
    store: &Store,
    snapshot: Option<(Revision, Vec<u8>)>,
) -> Result<(Graph, Timestamp), LoadError> {
    let mut graph = snapshot
        .and_then(|(revision, body)| match serde_json::from_slice::<Graph>(&body) {
            Ok(graph) if graph.revision() == revision => Some(graph),
            Ok(graph) => {
                let holds = graph.revision();
                tracing::warn!(%revision, %holds, "a snapshot holds another revision and is not used");
                None
            }
            Err(error) => {
                tracing::warn!(%revision, %error, "a snapshot cannot be read and is not used");
                None
            }
        })
        .unwrap_or_default();
    let mut failure = None;
    let mut last_at = None;
    store.replay(graph.revision(), |record| {
        if failure.is_some() {
            return;
        }
        match envelope(&record) {
            Ok(envelope) => {
                last_at = Some(envelope.at);
                graph.apply(record.revision, &envelope);
            }
            Err(error) => failure = Some(error),
        }
    })?;
    if let Some(failure) = failure {
        return Err(failure);
    }
    let last_at = match last_at {
        Some(at) => at,
        None => last_moment(store)?,
    };
    Ok((graph, last_at))
}

fn last_moment(store: &Store) -> Result<Timestamp, LoadError> {
    let head = store.head();
    if head == Revision(0) {
        return Ok(Timestamp(0));
    }
    let last = store.read(Revision(head.0 - 1), 1)?;
    last.first()
        .map_or(Ok(Timestamp(0)), |record| Ok(envelope(record)?.at))
}
