//! Folding the log: the newest snapshot, then every record after it.

use std::{io, path::Path, sync::mpsc::sync_channel};

use gtd_core::{Envelope, Graph, Revision, Timestamp};
use gtd_store::{Opened, Options, Preview, Record, Repair, Store, StoreError, Tail};

use super::body;

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

/// Records that are parsed and applied while the next ones are read.
const CHUNK: usize = 1024;
/// Chunks that may wait.
const WAITING: usize = 4;

/// The folded log.
pub(super) struct Folded {
    pub(super) graph: Graph,
    /// The moment of its last record.
    pub(super) last_at: Timestamp,
    /// The snapshot that was used; 0 when there was none.
    pub(super) snapshot: Revision,
}

/// The graph as far as the newest snapshot and the journal tell it, read before the store is open;
/// and what is to be said of snapshots that cannot be used.
pub(super) struct Early {
    /// The snapshot, and the graph with what the journal has after it.
    folded: Option<(Revision, Graph)>,
    pub(super) repairs: Vec<Repair>,
}

/// A graph that may be read before the store is open.
pub(super) struct Shown<'a> {
    pub(super) graph: &'a Graph,
    /// The moment of its last record.
    pub(super) last_at: Timestamp,
    pub(super) town_id: String,
}

impl Early {
    /// Reads what there is, and shows it when it is a whole log.
    fn read(dir: &Path, show: impl FnOnce(Shown<'_>)) -> Self {
        let Preview {
            snapshot,
            ignored,
            tail,
        } = gtd_store::preview(dir);
        let mut folded = snapshot.and_then(|(at, bytes)| Some((at, graph_of(at, &bytes)?)));
        if let (Some((_, graph)), Some(Tail { town_id, records })) = (&mut folded, tail)
            && let Some(last_at) = apply(graph, &records)
        {
            show(Shown {
                graph,
                last_at,
                town_id,
            });
        }
        Self {
            folded,
            repairs: ignored,
        }
    }
}

/// Applies the records of a journal, the first of which is that of the graph; returns the moment of the last.
///
/// One that cannot be read is met again, and told, when the store is open.
fn apply(graph: &mut Graph, records: &[Record]) -> Option<Timestamp> {
    let envelopes: Vec<_> = records
        .iter()
        .map(envelope)
        .collect::<Result<_, _>>()
        .ok()?;
    for (record, envelope) in records.iter().zip(&envelopes).skip(1) {
        graph.apply(record.revision, envelope);
    }
    envelopes.last().map(|envelope| envelope.at)
}

/// Opens the store, and shows meanwhile what can be read without it.
pub(super) fn open(
    dir: &Path,
    show: impl FnOnce(Shown<'_>) + Send,
) -> Result<(Store, Opened, Early), StoreError> {
    let options = Options {
        reads_snapshot: false,
        ..Options::default()
    };
    std::thread::scope(|scope| {
        let early = scope.spawn(|| Early::read(dir, show));
        let opened = Store::open(dir, &options);
        // A thread that nobody joined would pass its panic on, in the place of what the store says.
        let early = early.join().unwrap_or(Early {
            folded: None,
            repairs: Vec::new(),
        });
        let (store, opened) = opened?;
        Ok((store, opened, early))
    })
}

/// Folds the log, from the newest snapshot that can be read.
pub(super) fn fold(store: &Store, early: Early) -> Result<Folded, LoadError> {
    let head = store.head();
    let early = early.folded.filter(|(_, graph)| graph.revision() <= head);
    let folded = early.or_else(|| {
        // Also one that could be loaded and not be read is passed over.
        let mut before = head.next();
        loop {
            let (at, bytes) = store.older_snapshot(before)?;
            if let Some(graph) = graph_of(at, &bytes) {
                return Some((at, graph));
            }
            before = at;
        }
    });
    let (snapshot, graph) = folded.unwrap_or_default();
    fold_behind(store, snapshot, graph)
}

/// Folds the whole log, without any snapshot.
pub(super) fn fold_all(store: &Store) -> Result<Folded, LoadError> {
    fold_behind(store, Revision(0), Graph::default())
}

/// Applies what the store has behind a graph, which comes from a snapshot and may be ahead of it.
fn fold_behind(store: &Store, snapshot: Revision, mut graph: Graph) -> Result<Folded, LoadError> {
    let last_at = match replay(store, &mut graph)? {
        Some(at) => at,
        None => last_moment(store)?,
    };
    Ok(Folded {
        graph,
        last_at,
        snapshot,
    })
}

/// Reads the content of a snapshot; what cannot be used is told.
fn graph_of(revision: Revision, bytes: &[u8]) -> Option<Graph> {
    let why = match body::read(bytes) {
        Ok(graph) if graph.revision() == revision => return Some(graph),
        Ok(graph) => format!("it holds revision {}", graph.revision()),
        Err(why) => why,
    };
    tracing::warn!(%revision, why, "a snapshot cannot be read and is not used");
    None
}

/// Applies all records behind the graph: one thread reads and checks them, another parses and applies.
fn replay(store: &Store, graph: &mut Graph) -> Result<Option<Timestamp>, LoadError> {
    let after = graph.revision();
    std::thread::scope(|scope| {
        let (records, chunks) = sync_channel::<Vec<Record>>(WAITING);
        let folding = scope.spawn(move || -> Result<_, LoadError> {
            let mut last_at = None;
            for record in chunks.into_iter().flatten() {
                let envelope = envelope(&record)?;
                last_at = Some(envelope.at);
                graph.apply(record.revision, &envelope);
            }
            Ok(last_at)
        });
        let mut chunk = Vec::with_capacity(CHUNK);
        let replayed = store.replay(after, |record| {
            chunk.push(record);
            if chunk.len() == CHUNK {
                let full = std::mem::replace(&mut chunk, Vec::with_capacity(CHUNK));
                // An error says that a record could not be parsed, which is told below.
                let _ended = records.send(full);
            }
        });
        let _ended = records.send(chunk);
        drop(records);
        let folded = match folding.join() {
            Ok(folded) => folded,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        replayed?;
        folded
    })
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
