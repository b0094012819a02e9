//! Streams: records of the log, lines of output, the snapshot.

use std::{collections::VecDeque, time::Duration};

use gtd_core::{Envelope, Graph, Revision};
use gtd_wire::{
    Call, MAX_MESSAGE_BYTES,
    pb::{
        self,
        common::v1::{Line, Record},
        graph::v1::graph_service_client::GraphServiceClient,
        run::v1::run_service_client::RunServiceClient,
        town::v1::town_service_client::TownServiceClient,
    },
};
use tonic::Streaming;

use crate::{Client, ClientError, client::unlimited};

/// One record of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// Its place in the log.
    pub revision: Revision,
    /// What happened.
    pub envelope: Envelope,
}

impl Recorded {
    fn take(record: &Record, method: &'static str) -> Result<Self, ClientError> {
        match serde_json::from_slice(&record.envelope_json) {
            Ok(envelope) => Ok(Self {
                revision: Revision(record.revision),
                envelope,
            }),
            Err(error) => Err(ClientError::Unreadable {
                method,
                why: format!("record {}: {error}", record.revision),
            }),
        }
    }
}

/// Some records of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogPage {
    /// The records, in order.
    pub records: Vec<Recorded>,
    /// The newest revision of the log.
    pub head: Revision,
}

/// Every record after a revision, as they come.
#[derive(Debug)]
pub struct Watch {
    stream: Streaming<pb::graph::v1::WatchResponse>,
    deadline: Duration,
}

impl Watch {
    const METHOD: &'static str = "graph.watch";

    /// Waits for the next records; an empty page is a sign of life. Nothing when the daemon ended
    /// the stream.
    ///
    /// # Errors
    /// With [`ClientError::FellBehind`] when a snapshot is needed, or when the connection broke.
    pub async fn next(&mut self) -> Result<Option<LogPage>, ClientError> {
        let next = self.stream.message().await;
        let Some(page) = next.map_err(|s| ClientError::of(s, Self::METHOD, self.deadline))? else {
            return Ok(None);
        };
        let records = page
            .records
            .iter()
            .map(|record| Recorded::take(record, Self::METHOD))
            .collect::<Result<_, _>>()?;
        Ok(Some(LogPage {
            records,
            head: Revision(page.head_revision),
        }))
    }
}

/// Lines of output or of a log, as they come.
#[derive(Debug)]
pub struct Lines {
    source: LineSource,
    waiting: VecDeque<Line>,
    deadline: Duration,
}

#[derive(Debug)]
enum LineSource {
    Run(Streaming<pb::run::v1::TailResponse>),
    Log(Streaming<pb::town::v1::LogsResponse>),
}

impl Lines {
    /// Waits for the next line; nothing after the last.
    ///
    /// # Errors
    /// When the connection broke or the daemon refuses.
    pub async fn next(&mut self) -> Result<Option<Line>, ClientError> {
        loop {
            if let Some(line) = self.waiting.pop_front() {
                return Ok(Some(line));
            }
            let more = match &mut self.source {
                LineSource::Run(stream) => stream.message().await.map(|m| m.map(|m| m.lines)),
                LineSource::Log(stream) => stream.message().await.map(|m| m.map(|m| m.lines)),
            };
            match more {
                Ok(Some(lines)) => self.waiting.extend(lines),
                Ok(None) => return Ok(None),
                Err(status) => return Err(ClientError::of(status, "lines", self.deadline)),
            }
        }
    }
}

impl Client {
    /// Takes the whole graph.
    ///
    /// # Errors
    /// When the daemon is silent or is not there, or the graph cannot be read.
    pub async fn snapshot(&self) -> Result<Graph, ClientError> {
        const METHOD: &str = "graph.snapshot";
        let mut stream = self
            .stream(METHOD, |service| async move {
                GraphServiceClient::new(service)
                    .max_decoding_message_size(MAX_MESSAGE_BYTES)
                    .snapshot(unlimited(pb::graph::v1::SnapshotRequest {}))
                    .await
            })
            .await?;
        let mut json = Vec::new();
        loop {
            // Each chunk has the deadline of a call: a daemon that stops midway is silent.
            let within = self.deadline();
            match tokio::time::timeout(within, stream.message()).await {
                Ok(Ok(Some(message))) => json.extend_from_slice(&message.chunk),
                Ok(Ok(None)) => break,
                Ok(Err(status)) => return Err(ClientError::of(status, METHOD, within)),
                Err(_) => {
                    return Err(ClientError::Silent {
                        method: METHOD,
                        within,
                    });
                }
            }
        }
        serde_json::from_slice(&json).map_err(|error| ClientError::Unreadable {
            method: METHOD,
            why: error.to_string(),
        })
    }

    /// Watches every record after a revision.
    ///
    /// # Errors
    /// With [`ClientError::FellBehind`] when a snapshot is needed, or when the daemon is not there.
    pub async fn watch(&self, after: Revision) -> Result<Watch, ClientError> {
        let request = pb::graph::v1::WatchRequest {
            after_revision: after.0,
        };
        let stream = self
            .stream(Watch::METHOD, |service| async move {
                GraphServiceClient::new(service)
                    .max_decoding_message_size(MAX_MESSAGE_BYTES)
                    .watch(unlimited(request))
                    .await
            })
            .await?;
        Ok(Watch {
            stream,
            deadline: self.deadline(),
        })
    }

    /// Reads records of the log; a limit of 0 means the usual number.
    ///
    /// # Errors
    /// When the daemon refuses, is silent or is not there.
    pub async fn log(
        &self,
        after: Revision,
        limit: u32,
        until: Option<Revision>,
    ) -> Result<LogPage, ClientError> {
        let request = pb::graph::v1::LogRequest {
            after_revision: after.0,
            limit,
            until_revision: until.map(|revision| revision.0),
        };
        let page = self.call(request).await?;
        let records = page
            .records
            .iter()
            .map(|record| Recorded::take(record, pb::graph::v1::LogRequest::NAME))
            .collect::<Result<_, _>>()?;
        Ok(LogPage {
            records,
            head: Revision(page.head_revision),
        })
    }

    /// Follows the output of a run or of an attempt.
    ///
    /// # Errors
    /// When there is no such run, or the daemon is silent or is not there.
    pub async fn tail(&self, request: pb::run::v1::TailRequest) -> Result<Lines, ClientError> {
        let stream = self
            .stream("run.tail", |service| async move {
                RunServiceClient::new(service)
                    .max_decoding_message_size(MAX_MESSAGE_BYTES)
                    .tail(unlimited(request))
                    .await
            })
            .await?;
        Ok(self.lines(LineSource::Run(stream)))
    }

    /// Follows the log of the daemon or of a role.
    ///
    /// # Errors
    /// When there is no such role, or the daemon is silent or is not there.
    pub async fn logs(&self, request: pb::town::v1::LogsRequest) -> Result<Lines, ClientError> {
        let stream = self
            .stream("town.logs", |service| async move {
                TownServiceClient::new(service)
                    .max_decoding_message_size(MAX_MESSAGE_BYTES)
                    .logs(unlimited(request))
                    .await
            })
            .await?;
        Ok(self.lines(LineSource::Log(stream)))
    }

    fn lines(&self, source: LineSource) -> Lines {
        Lines {
            source,
            waiting: VecDeque::new(),
            deadline: self.deadline(),
        }
    }
}
