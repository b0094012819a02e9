//! The line of the role hosts.

use std::pin::Pin;

use gtd_core::{Observation, RoleName};
use gtd_wire::pb::host::v1::{
    Assigned, AttachRequest, AttachResponse, BackOffRequest, BackOffResponse, DegradeRequest,
    DegradeResponse, Hello, Observed, Passed, RecoverRequest, RecoverResponse, Stop,
    attach_request::Up, attach_response::Down, host_service_server::HostService,
};
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use super::Api;
use crate::town::Told;

/// Words to a host that may wait.
const WAITING: usize = 4;

type Answers = ReceiverStream<Result<AttachResponse, Status>>;

super::writes::writes! {
    HostService {
        back_off BackOffRequest => BackOffResponse;
        recover RecoverRequest => RecoverResponse;
        degrade DegradeRequest => DegradeResponse;
    } also {
        type AttachStream = Pin<Box<Answers>>;

        async fn attach(
            &self,
            request: Request<Streaming<AttachRequest>>,
        ) -> Result<Response<Self::AttachStream>, Status> {
            let (tx, rx) = mpsc::channel(WAITING);
            tokio::spawn(self.clone().serve_host(request.into_inner(), tx));
            Ok(Response::new(Box::pin(ReceiverStream::new(rx))))
        }
    }
}

impl Api {
    /// Keeps a host's line until either side ends it.
    async fn serve_host(
        self,
        mut words: Streaming<AttachRequest>,
        tx: mpsc::Sender<Result<AttachResponse, Status>>,
    ) {
        let hello = match words.message().await {
            Ok(Some(AttachRequest {
                up: Some(Up::Hello(hello)),
            })) => hello,
            Ok(_) => {
                let status = Status::invalid_argument("the first word of a host is its hello");
                let _gone = tx.send(Err(status)).await;
                return;
            }
            Err(_) => return,
        };
        let Hello { host, roles } = hello;
        tracing::info!(%host, roles = roles.join(" "), "a host has joined");
        let (id, hears) = self.town.hosts.attach(&host, roles);
        self.keep_line(words, hears, &tx).await;
        for role in self.town.hosts.detach(id) {
            // What it saw is worth nothing without somebody who looks again.
            self.town.board.publish(&role, Vec::new());
        }
        tracing::info!(%host, "a host has left");
    }

    async fn keep_line(
        &self,
        mut words: Streaming<AttachRequest>,
        mut hears: watch::Receiver<Told>,
        tx: &mpsc::Sender<Result<AttachResponse, Status>>,
    ) {
        hears.mark_changed();
        loop {
            tokio::select! {
                () = self.town.closing.cancelled() => return,
                () = tx.closed() => return,
                changed = hears.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    let told = hears.borrow_and_update().clone();
                    let is_last = told == Told::Leave;
                    let down = match told {
                        Told::Run(roles) => Down::Assigned(Assigned { roles }),
                        Told::Leave => Down::Stop(Stop {}),
                    };
                    let sent = tx.send(Ok(AttachResponse { down: Some(down) })).await;
                    if sent.is_err() || is_last {
                        return;
                    }
                }
                word = words.message() => match word {
                    Ok(Some(AttachRequest { up: Some(up) })) => self.hear(up),
                    Ok(Some(AttachRequest { up: None })) => {}
                    Ok(None) | Err(_) => return,
                },
            }
        }
    }

    fn hear(&self, up: Up) {
        match up {
            Up::Hello(_) => {}
            Up::Observed(Observed { role, json }) => {
                let seen = serde_json::from_slice::<Vec<Observation>>(&json)
                    .or_else(|_| serde_json::from_slice(&json).map(|one: Observation| vec![one]));
                match seen {
                    Ok(seen) if RoleName::parse(&role).is_ok() => {
                        self.town.board.publish(&role, seen);
                    }
                    Ok(_) => {}
                    Err(error) => {
                        tracing::warn!(observer = %role, %error, "an observation cannot be read");
                    }
                }
            }
            Up::Passed(Passed {
                role,
                revision,
                ok,
                text,
            }) => {
                if ok {
                    tracing::debug!(role, revision, "passed");
                } else {
                    tracing::warn!(role, revision, why = text, "a pass failed");
                }
                let now = self.town.ledger.now();
                self.town.hosts.passed(&role, now, revision, ok, text);
            }
        }
    }
}
