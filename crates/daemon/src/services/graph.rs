//! What everybody reads: the graph as a whole, its log as it grows, single things, lists.

use std::sync::{Arc, Mutex, PoisonError};

use gtd_core::{Graph, Revision};
use gtd_wire::{
    Refusal, SNAPSHOT_CHUNK_BYTES,
    pb::{
        common::v1::Record,
        graph::v1::{
            GetRequest, GetResponse, LogRequest, LogResponse, QueryRequest, QueryResponse,
            SnapshotRequest, SnapshotResponse, WatchRequest, WatchResponse,
            graph_service_server::GraphService,
        },
    },
};
use tokio::sync::mpsc::{self, error::SendTimeoutError};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, codegen::Bytes};

use super::{Api, reads};
use crate::{
    ledger::{Followed, Refused, Stored},
    town::Town,
};

/// Chunks of a snapshot that may wait for a slow reader.
const WAITING: usize = 16;
/// Batches of a watch that may wait for a slow reader.
const WATCH_WAITING: usize = 2;
/// A watcher that takes nothing for so long is given up.
const STALLED: std::time::Duration = std::time::Duration::from_secs(20);
/// Records of one batch.
const BATCH: usize = 256;
/// A watcher that is further behind takes a snapshot: that is cheaper for both.
const BEHIND_MAX: u64 = 100_000;
/// How often an idle watch gives a sign of life.
const SIGN_OF_LIFE: std::time::Duration = std::time::Duration::from_secs(15);
/// Records of one page of the log.
const LOG_PAGE: usize = 500;
const LOG_PAGE_MAX: usize = 5_000;
const LOG_BYTES_MAX: usize = 8 * 1024 * 1024;

type Answers<T> = ReceiverStream<Result<T, Status>>;

#[tonic::async_trait]
impl GraphService for Api {
    type SnapshotStream = Answers<SnapshotResponse>;
    type WatchStream = Answers<WatchResponse>;

    async fn snapshot(
        &self,
        _: Request<SnapshotRequest>,
    ) -> Result<Response<Self::SnapshotStream>, Status> {
        let (revision, bytes) = snapshot(Arc::clone(&self.town)).await?;
        let (tx, rx) = mpsc::channel(WAITING);
        let closing = self.town.closing.clone();
        tokio::spawn(async move {
            let mut rest = bytes;
            loop {
                let chunk = rest.split_to(rest.len().min(SNAPSHOT_CHUNK_BYTES));
                let part = SnapshotResponse {
                    revision: revision.0,
                    chunk,
                };
                tokio::select! {
                    () = closing.cancelled() => return,
                    sent = tx.send(Ok(part)) => if sent.is_err() || rest.is_empty() {
                        return;
                    }
                }
            }
        });
        Ok(Response::new(ReceiverStream::new(rx)))
    }

    async fn watch(
        &self,
        request: Request<WatchRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let after = Revision(request.into_inner().after_revision);
        if after > self.town.ledger.graph().revision() {
            return Err(Refusal::FellBehind.to_status());
        }
        let (tx, rx) = mpsc::channel(WATCH_WAITING);
        let town = Arc::clone(&self.town);
        tokio::spawn(async move {
            let closing = town.closing.clone();
            let ended = tokio::select! {
                () = closing.cancelled() => Err(Refusal::Leaving.to_status()),
                () = tx.closed() => return,
                ended = follow(&town, after, &tx) => ended,
            };
            if let Err(status) = ended {
                // A reader that does not read must not hold up the end.
                let _full = tx.try_send(Err(status));
            }
        });
        Ok(Response::new(ReceiverStream::new(rx)))
    }

    async fn get(&self, request: Request<GetRequest>) -> Result<Response<GetResponse>, Status> {
        let (json, revision) = self.get_one(&request.into_inner().id)?;
        Ok(Response::new(gtd_wire::Document::new(json, revision)))
    }

    async fn query(
        &self,
        request: Request<QueryRequest>,
    ) -> Result<Response<QueryResponse>, Status> {
        self.query_list(request.get_ref())
    }

    async fn log(&self, request: Request<LogRequest>) -> Result<Response<LogResponse>, Status> {
        let request = request.into_inner();
        let mut limit = reads::limit(request.limit, LOG_PAGE, LOG_PAGE_MAX);
        if let Some(until) = request.until_revision {
            let left = until.saturating_sub(request.after_revision);
            limit = limit.min(usize::try_from(left).unwrap_or(limit));
        }
        let head = self.town.ledger.graph().revision();
        let after = Revision(request.after_revision);
        let mut records = self.town.ledger.read(after, limit).await?;
        let mut bytes = 0;
        let fits = records
            .iter()
            .take_while(|record| {
                bytes += record.json.len();
                bytes <= LOG_BYTES_MAX
            })
            .count();
        records.truncate(fits.max(1));
        Ok(Response::new(LogResponse {
            records: records.into_iter().map(record).collect(),
            head_revision: head.0,
        }))
    }
}

fn record(stored: Stored) -> Record {
    Record {
        revision: stored.revision.0,
        envelope_json: stored.json,
    }
}

/// Sends every record after `after`, for ever.
async fn follow(
    town: &Town,
    after: Revision,
    tx: &mpsc::Sender<Result<WatchResponse, Status>>,
) -> Result<(), Status> {
    let mut after = after;
    let mut revisions = town.ledger.revisions();
    loop {
        let head = *revisions.borrow_and_update();
        let records = match town.ledger.follow(after, BATCH) {
            Followed::Records(records) => records,
            Followed::InStore if head.0.saturating_sub(after.0) > BEHIND_MAX => {
                return Err(Refusal::FellBehind.to_status());
            }
            Followed::InStore => match town.ledger.read(after, BATCH).await {
                Err(Refused::Overloaded) => {
                    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                    continue;
                }
                read => read?,
            },
            Followed::UpToDate => {
                match tokio::time::timeout(SIGN_OF_LIFE, revisions.changed()).await {
                    Ok(Ok(())) => continue,
                    Ok(Err(_)) => return Err(Refusal::Leaving.to_status()),
                    Err(_) => Vec::new(),
                }
            }
        };
        if let Some(last) = records.last() {
            after = last.revision;
        }
        let batch = WatchResponse {
            records: records.into_iter().map(record).collect(),
            head_revision: head.0.max(after.0),
        };
        match tx.send_timeout(Ok(batch), STALLED).await {
            Ok(()) => {}
            Err(SendTimeoutError::Closed(_)) => return Ok(()),
            Err(SendTimeoutError::Timeout(_)) => {
                tracing::warn!(rev = after.0, "a watcher that reads nothing was given up");
                return Err(Refusal::FellBehind.to_status());
            }
        }
    }
}

/// The last snapshot that was made: several readers often ask at once.
static LAST: Mutex<Option<(String, Revision, Bytes)>> = Mutex::new(None);
/// A larger one is made anew each time, so that it does not stay in memory.
const KEPT_MAX: usize = 16 * 1024 * 1024;
/// One at a time: each costs as much memory as the graph.
static MAKING: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

async fn snapshot(town: Arc<Town>) -> Result<(Revision, Bytes), Status> {
    let _one_at_a_time = MAKING.lock().await;
    let made = tokio::task::spawn_blocking(move || {
        let revision = town.ledger.graph().revision();
        let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((id, at, bytes)) = &*last
            && (id, at) == (&town.id, &revision)
        {
            return Ok((*at, bytes.clone()));
        }
        let graph: Graph = town.ledger.graph().clone();
        let bytes = Bytes::from(serde_json::to_vec(&graph)?);
        *last =
            (bytes.len() <= KEPT_MAX).then(|| (town.id.clone(), graph.revision(), bytes.clone()));
        Ok::<_, serde_json::Error>((graph.revision(), bytes))
    });
    made.await
        .map_err(|error| Status::internal(format!("a snapshot: {error}")))?
        .map_err(|error| Status::internal(format!("a snapshot: {error}")))
}
