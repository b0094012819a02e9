//! The supervised processes: a list, their output, a stop.

use std::{sync::Arc, time::Duration};

use gtd_core::{BeadId, Graph, Holder, ListDoc, Moment, Rejection, RunId};
use gtd_host::Runs;
use gtd_wire::{
    Written,
    pb::run::v1::{
        ListRequest, ListResponse, StopRequest, StopResponse, TailRequest, TailResponse,
        run_service_server::RunService, tail_request::Subject,
    },
};
use serde::Serialize;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use super::{
    Api, caller_of, document,
    lines::{self, Until},
    lookup, reads, rejected,
    transcripts::{GoesOn, Output, Tailed},
};
use crate::{ledger::chain, town::Town};

const PAGE: usize = 200;
const PAGE_MAX: usize = 5_000;
/// How long a stopped run has before it is killed.
const GRACE: Duration = Duration::from_secs(10);

/// One run.
#[derive(Debug, Serialize)]
pub(super) struct RunDoc {
    id: String,
    /// `prepared`, `live`, `exited` or `lost`.
    state: &'static str,
    bead: Option<String>,
    epoch: Option<u64>,
    rig: Option<String>,
    purpose: Option<String>,
    program: String,
    pid: Option<i32>,
    pub(super) started_at: Option<Moment>,
    ended_at: Option<Moment>,
    exit_code: Option<i32>,
    signal: Option<i32>,
    stopped: bool,
    timed_out: bool,
    bytes: u64,
    lines: u64,
    last_line: String,
}

#[tonic::async_trait]
impl RunService for Api {
    type TailStream = ReceiverStream<Result<TailResponse, Status>>;

    async fn list(&self, request: Request<ListRequest>) -> Result<Response<ListResponse>, Status> {
        let request = request.into_inner();
        let bead = match request.bead.as_str() {
            "" => None,
            text => {
                let graph = self.town.ledger.graph();
                Some(lookup::bead(&graph, text).map_err(rejected)?.id.clone())
            }
        };
        let revision = self.town.ledger.graph().revision();
        let town = Arc::clone(&self.town);
        let listed = tokio::task::spawn_blocking(move || list(&town, bead.as_ref(), &request));
        let items = listed
            .await
            .map_err(|error| Status::internal(error.to_string()))??;
        let page = ListDoc {
            items,
            next: String::new(),
        };
        document("RunList", page, revision)
    }

    async fn tail(
        &self,
        request: Request<TailRequest>,
    ) -> Result<Response<Self::TailStream>, Status> {
        let request = request.into_inner();
        let runs = self.town.runs.clone();
        let until = match request.follow {
            true => Until::TheEnd,
            false => Until::Now,
        };
        let (subject, goes_on) = {
            // What is meant is found once, in one graph.
            let graph = self.town.ledger.graph();
            let goes_on = match until {
                Until::TheEnd => self.goes_on(&graph, request.subject.as_ref())?,
                Until::Now => None,
            };
            (self.subject_of(&graph, request.subject)?, goes_on)
        };
        let opened = tokio::task::spawn_blocking(move || {
            Output::open(runs, subject, goes_on, request.after_seq, request.last)
        });
        let output = opened
            .await
            .map_err(|error| Status::internal(error.to_string()))??;
        let closing = self.town.closing.clone();
        let wrap = |lines| TailResponse { lines };
        Ok(Response::new(lines::stream(output, until, closing, wrap)))
    }

    async fn stop(&self, request: Request<StopRequest>) -> Result<Response<StopResponse>, Status> {
        let caller = caller_of(&request)?;
        let request = request.into_inner();
        let run = RunId::parse(&request.run).map_err(|_| no_run(&request.run))?;
        let runs = self.town.runs.clone();
        let stopped = {
            let run = run.clone();
            tokio::task::spawn_blocking(move || {
                runs.spec(&run).map_err(|_| no_run(run.as_str()))?;
                runs.stop(&run, GRACE).map_err(failed)
            })
        };
        stopped
            .await
            .map_err(|error| Status::internal(error.to_string()))??;
        let by = caller.actor();
        tracing::info!(%run, %by, why = request.why, "a run was asked to end");
        let written = Written {
            revision: self.town.ledger.graph().revision(),
            ..Written::default()
        };
        Ok(Response::new(StopResponse {
            written: Some(written.into()),
        }))
    }
}

impl Api {
    /// Makes what tells whether an attempt still has its seat: until then more of its runs may
    /// begin, the first one included.
    fn goes_on(&self, graph: &Graph, subject: Option<&Subject>) -> Result<Option<GoesOn>, Status> {
        let Some(Subject::Attempt(attempt)) = subject else {
            return Ok(None);
        };
        let bead = lookup::bead(graph, &attempt.bead).map_err(rejected)?;
        let (id, epoch) = (bead.id.clone(), attempt.epoch.unwrap_or(bead.epoch.0));
        let ledger = self.town.ledger.clone();
        Ok(Some(Box::new(move || {
            let graph = ledger.graph();
            let lease = graph.bead(&id).and_then(|bead| bead.phase.lease());
            let is_held = lease.is_some_and(|lease| {
                lease.epoch.0 == epoch && matches!(lease.holder, Holder::Seat { .. })
            });
            is_held.then(|| graph.revision())
        })))
    }

    fn subject_of(&self, graph: &Graph, subject: Option<Subject>) -> Result<Tailed, Status> {
        match subject {
            Some(Subject::Attempt(attempt)) => {
                let bead = lookup::bead(graph, &attempt.bead).map_err(rejected)?;
                let epoch = attempt.epoch.unwrap_or(bead.epoch.0);
                Ok(Tailed::Begin(format!("{}.e{epoch}.", bead.id)))
            }
            Some(Subject::Run(text)) => {
                let text = text.trim();
                if let Ok(run) = RunId::parse(text)
                    && self.town.runs.run_dir(&run).exists()
                {
                    return Ok(Tailed::Run(run));
                }
                if text.starts_with("mr-") {
                    return Ok(Tailed::Begin(format!("{text}.")));
                }
                let bead = lookup::bead(graph, text).map_err(|_| no_run(text))?;
                Ok(Tailed::Begin(format!("{}.e{}.", bead.id, bead.epoch)))
            }
            None => Err(rejected(Rejection::BadText {
                field: "`subject`".to_owned(),
                why: "is missing".to_owned(),
            })),
        }
    }
}

fn list(town: &Town, bead: Option<&BeadId>, request: &ListRequest) -> Result<Vec<RunDoc>, Status> {
    let runs = &town.runs;
    let mut found: Vec<RunDoc> = runs
        .list()
        .map_err(failed)?
        .iter()
        .filter(|run| bead.is_none_or(|bead| is_of(run, bead)))
        .filter_map(|run| describe(runs, run))
        .map(|run| RunDoc {
            rig: run.bead.as_deref().and_then(|bead| rig_of(town, bead)),
            ..run
        })
        .filter(|run| !request.live_only || matches!(run.state, "live" | "prepared"))
        .filter(|run| request.rig.is_empty() || run.rig.as_deref() == Some(&*request.rig))
        .collect();
    found.sort_by(|a, b| (b.started_at, &b.id).cmp(&(a.started_at, &a.id)));
    found.truncate(reads::limit(request.limit, PAGE, PAGE_MAX));
    Ok(found)
}

fn rig_of(town: &Town, bead: &str) -> Option<String> {
    let bead = BeadId::parse(bead).ok()?;
    Some(town.ledger.graph().bead(&bead)?.rig.to_string())
}

fn is_of(run: &RunId, bead: &BeadId) -> bool {
    run.as_str()
        .strip_prefix(bead.as_str())
        .is_some_and(|rest| rest.starts_with('.'))
}

/// Describes a run; one that is just being pruned is passed over.
pub(super) fn describe(runs: &Runs, run: &RunId) -> Option<RunDoc> {
    let state = runs.state(run).ok()?;
    let spec = runs.spec(run).ok();
    let label = |key: &str| spec.as_ref()?.labels.get(key).cloned();
    let progress = runs.progress(run).unwrap_or_default();
    let mut doc = RunDoc {
        id: run.to_string(),
        state: "prepared",
        bead: label("bead"),
        epoch: spec.as_ref().map(|spec| spec.epoch.0).filter(|n| *n > 0),
        rig: None,
        purpose: run.as_str().rsplit('.').next().map(str::to_owned),
        program: spec
            .as_ref()
            .map(|spec| spec.program.to_string_lossy().into_owned())
            .unwrap_or_default(),
        pid: None,
        started_at: None,
        ended_at: None,
        exit_code: None,
        signal: None,
        stopped: false,
        timed_out: false,
        bytes: progress.bytes,
        lines: progress.lines,
        last_line: progress.last_line,
    };
    match state {
        gtd_host::RunState::Absent => return None,
        gtd_host::RunState::Prepared => {}
        gtd_host::RunState::Lost => doc.state = "lost",
        gtd_host::RunState::Live(live) => {
            doc.state = "live";
            doc.pid = live.child.map(|child| child.pid);
            doc.started_at = Some(Moment(live.started_at));
        }
        gtd_host::RunState::Exited(exit) => {
            doc.state = "exited";
            doc.started_at = Some(Moment(exit.started_at));
            doc.ended_at = Some(Moment(exit.ended_at));
            doc.stopped = exit.stopped;
            doc.timed_out = exit.timed_out;
            match exit.end {
                gtd_host::End::Code(code) => doc.exit_code = Some(code),
                gtd_host::End::Signal(signal) => doc.signal = Some(signal),
            }
        }
    }
    Some(doc)
}

pub(super) fn no_run(name: &str) -> Status {
    rejected(Rejection::NotFound {
        kind: "run".to_owned(),
        name: name.to_owned(),
    })
}

pub(super) fn failed(error: impl std::error::Error + 'static) -> Status {
    Status::internal(chain(&error))
}
