//! A server with just enough of a town in it, on a runtime of its own that can be killed.

use std::{
    path::{Path, PathBuf},
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use gtd_core::{Actor, Envelope, Event, Graph, PauseScope, Rejection, Revision, Timestamp};
use gtd_wire::{
    API_LEVEL, Caller, Refusal, WriteRequest, Written,
    pb::{
        common::v1::{Line, Record},
        graph::v1::{graph_service_server::*, *},
        host::v1::{host_service_server::*, *},
        mail::v1::{mail_service_server::*, *},
        run::v1::{StopRequest as RunStopRequest, run_service_server::*, *},
        town::v1::{town_service_server::*, *},
    },
    to_status,
};
use tokio::{net::UnixListener, runtime::Runtime, sync::mpsc, sync::watch};
use tokio_stream::{Stream, StreamExt, wrappers::ReceiverStream, wrappers::UnixListenerStream};
use tonic::{Request, Response, Status, Streaming, transport::Server};

pub(crate) type Replies<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// What the server does with the next write.
#[derive(Debug, Clone)]
pub(crate) enum Mood {
    Answer,
    Refuse(Rejection),
    Say(Refusal),
    Hang,
}

/// What the server knows; it outlives the server, as a disk does.
pub(crate) struct World {
    pub(crate) mood: Mutex<Mood>,
    pub(crate) api_level: AtomicU32,
    /// Each write that came, with its request id.
    pub(crate) writes: Mutex<Vec<(Caller, String, gtd_core::Command)>>,
    pub(crate) log: Mutex<Vec<Envelope>>,
    pub(crate) head: watch::Sender<u64>,
    /// Records up to this one are not kept.
    pub(crate) forgotten: AtomicU64,
    pub(crate) snapshots: AtomicU32,
    /// Watches end after so many records.
    pub(crate) short: AtomicU64,
    pub(crate) heard: Mutex<Vec<AttachRequest>>,
}

impl World {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            mood: Mutex::new(Mood::Answer),
            api_level: AtomicU32::new(API_LEVEL),
            writes: Mutex::default(),
            log: Mutex::default(),
            head: watch::channel(0).0,
            forgotten: AtomicU64::new(0),
            snapshots: AtomicU32::new(0),
            short: AtomicU64::new(u64::MAX),
            heard: Mutex::default(),
        })
    }

    pub(crate) fn set(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    /// Lets something happen.
    pub(crate) fn happen(&self, n: u64) {
        let mut log = self.log.lock().unwrap();
        for _ in 0..n {
            let number = log.len();
            log.push(Envelope {
                at: Timestamp(i64::try_from(number).unwrap()),
                by: Actor::Daemon,
                request: None,
                cause: None,
                event: Event::Paused {
                    scope: PauseScope::Town,
                    why: format!("number {number}"),
                },
            });
        }
        self.head.send_replace(log.len() as u64);
    }

    pub(crate) fn graph(&self) -> Graph {
        let mut graph = Graph::default();
        for (index, envelope) in self.log.lock().unwrap().iter().enumerate() {
            graph.apply(Revision(index as u64 + 1), envelope);
        }
        graph
    }

    fn records(&self, after: u64, limit: usize) -> Vec<Record> {
        let log = self.log.lock().unwrap();
        log.iter()
            .enumerate()
            .skip(usize::try_from(after).unwrap())
            .take(limit)
            .map(|(index, envelope)| Record {
                revision: index as u64 + 1,
                envelope_json: serde_json::to_vec(envelope).unwrap().into(),
            })
            .collect()
    }
}

/// A server on a runtime of its own.
pub(crate) struct Town {
    runtime: Option<Runtime>,
    pub(crate) socket: PathBuf,
}

impl Town {
    pub(crate) fn start(socket: &Path, world: &Arc<World>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        drop(std::fs::remove_file(socket));
        let listener = {
            let _inside = runtime.enter();
            UnixListener::bind(socket).unwrap()
        };
        let fake = Fake(world.clone());
        runtime.spawn(
            Server::builder()
                .add_service(TownServiceServer::new(fake.clone()))
                .add_service(MailServiceServer::new(fake.clone()))
                .add_service(GraphServiceServer::new(fake.clone()))
                .add_service(HostServiceServer::new(fake.clone()))
                .add_service(RunServiceServer::new(fake))
                .serve_with_incoming(UnixListenerStream::new(listener)),
        );
        Self {
            runtime: Some(runtime),
            socket: socket.to_owned(),
        }
    }

    /// Ends the server and all of its connections at once.
    pub(crate) fn kill(mut self) {
        self.end();
    }

    fn end(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Drop for Town {
    fn drop(&mut self) {
        self.end();
    }
}

#[derive(Clone)]
struct Fake(Arc<World>);

impl Fake {
    async fn write<R: WriteRequest>(
        &self,
        request: Request<R>,
    ) -> Result<Response<R::Response>, Status> {
        let caller = Caller::take(request.metadata()).map_err(|m| to_status(&m.into()))?;
        let (command, context) = request
            .into_inner()
            .command()
            .map_err(|malformed| to_status(&malformed.into()))?;
        let id = context.request.map(|id| id.to_string()).unwrap_or_default();
        let number = {
            let mut writes = self.0.writes.lock().unwrap();
            writes.push((caller, id, command));
            writes.len()
        };
        let mood = self.0.mood.lock().unwrap().clone();
        match mood {
            Mood::Answer => Ok(Response::new(
                Written {
                    revision: Revision(number as u64),
                    ids: vec![format!("mail-{number}")],
                    ..Written::default()
                }
                .into(),
            )),
            Mood::Refuse(rejection) => Err(to_status(&rejection)),
            Mood::Say(refusal) => Err(refusal.to_status()),
            Mood::Hang => std::future::pending().await,
        }
    }
}

/// What these tests never call.
macro_rules! silent {
    ($($method:ident $request:ident $response:ident,)*) => { $(
        fn $method<'life0, 'async_trait>(
            &'life0 self,
            _: Request<$request>,
        ) -> Pin<Box<dyn Future<Output = Result<Response<$response>, Status>> + Send + 'async_trait>>
        where
            'life0: 'async_trait,
            Self: 'async_trait,
        {
            Box::pin(async { Err(Status::unimplemented("not here")) })
        }
    )* };
}

#[tonic::async_trait]
impl MailService for Fake {
    async fn send(&self, request: Request<SendRequest>) -> Result<Response<SendResponse>, Status> {
        self.write(request).await
    }

    async fn ack(&self, request: Request<AckRequest>) -> Result<Response<AckResponse>, Status> {
        self.write(request).await
    }

    async fn read(&self, request: Request<ReadRequest>) -> Result<Response<ReadResponse>, Status> {
        let reader = request.into_inner().reader;
        let json = serde_json::json!({ "kind": "MailList", "reader": reader });
        Ok(Response::new(ReadResponse {
            json: json.to_string().into_bytes().into(),
            revision: 5,
        }))
    }
}

#[tonic::async_trait]
impl TownService for Fake {
    async fn hello(&self, _: Request<HelloRequest>) -> Result<Response<HelloResponse>, Status> {
        Ok(Response::new(HelloResponse {
            version: "9.9.9".into(),
            pid: std::process::id(),
            town: "home".into(),
            api_level: self.0.api_level.load(Ordering::SeqCst),
            revision: 1,
            opening: false,
            config_reads: 0,
        }))
    }

    type LogsStream = Replies<LogsResponse>;

    async fn logs(&self, _: Request<LogsRequest>) -> Result<Response<Self::LogsStream>, Status> {
        Err(Status::unimplemented("not here"))
    }

    silent! {
        status StatusRequest StatusResponse,
        why WhyRequest WhyResponse,
        report ReportRequest ReportResponse,
        cost CostRequest CostResponse,
        trust_report TrustReportRequest TrustReportResponse,
        pause PauseRequest PauseResponse,
        resume ResumeRequest ResumeResponse,
        stop_all StopAllRequest StopAllResponse,
        thaw ThawRequest ThawResponse,
        shutdown ShutdownRequest ShutdownResponse,
        config ConfigRequest ConfigResponse,
        add_rig AddRigRequest AddRigResponse,
        trust_rig TrustRigRequest TrustRigResponse,
        remove_rig RemoveRigRequest RemoveRigResponse,
        sweep_rig SweepRigRequest SweepRigResponse,
        revoke_trust RevokeTrustRequest RevokeTrustResponse,
        list_rigs ListRigsRequest ListRigsResponse,
        roles RolesRequest RolesResponse,
        check_roles CheckRolesRequest CheckRolesResponse,
        render_role RenderRoleRequest RenderRoleResponse,
        gates GatesRequest GatesResponse,
        backup BackupRequest BackupResponse,
        operations OperationsRequest OperationsResponse,
        schedule_backups ScheduleBackupsRequest ScheduleBackupsResponse,
        undo UndoRequest UndoResponse,
        review ReviewRequest ReviewResponse,
        timeline TimelineRequest TimelineResponse,
        try_channels TryChannelsRequest TryChannelsResponse,
    }
}

#[tonic::async_trait]
impl RunService for Fake {
    type TailStream = Replies<TailResponse>;

    /// Three lines in two messages, then either the end or nothing for ever.
    async fn tail(
        &self,
        request: Request<TailRequest>,
    ) -> Result<Response<Self::TailStream>, Status> {
        let request = request.into_inner();
        let line = |seq| Line {
            seq,
            json: format!("{{\"seq\":{seq}}}").into_bytes().into(),
        };
        let messages = [vec![line(1), line(2)], vec![], vec![line(3)]].map(|lines| {
            let mut lines = lines;
            lines.retain(|line| line.seq > request.after_seq);
            Ok(TailResponse { lines })
        });
        let some = tokio_stream::iter(messages);
        Ok(Response::new(if request.follow {
            Box::pin(some.chain(tokio_stream::pending()))
        } else {
            Box::pin(some)
        }))
    }

    silent! {
        list ListRequest ListResponse,
        stop RunStopRequest StopResponse,
    }
}

#[tonic::async_trait]
impl HostService for Fake {
    type AttachStream = Replies<AttachResponse>;

    /// Assigns the roles of the hello, and stops the host after its second word.
    async fn attach(
        &self,
        request: Request<Streaming<AttachRequest>>,
    ) -> Result<Response<Self::AttachStream>, Status> {
        use gtd_wire::pb::host::v1::{Assigned, Stop, attach_request::Up, attach_response::Down};
        let world = self.0.clone();
        let mut words = request.into_inner();
        let (sender, receiver) = mpsc::channel(4);
        tokio::spawn(async move {
            let mut n = 0;
            while let Ok(Some(word)) = words.message().await {
                world.heard.lock().unwrap().push(word.clone());
                n += 1;
                let down = match word.up {
                    Some(Up::Hello(hello)) => Down::Assigned(Assigned { roles: hello.roles }),
                    _ if n == 3 => Down::Stop(Stop {}),
                    _ => continue,
                };
                let down = Some(down);
                if sender.send(Ok(AttachResponse { down })).await.is_err() {
                    return;
                }
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }

    silent! {
        back_off BackOffRequest BackOffResponse,
        recover RecoverRequest RecoverResponse,
        degrade DegradeRequest DegradeResponse,
    }
}

#[tonic::async_trait]
impl GraphService for Fake {
    type SnapshotStream = Replies<SnapshotResponse>;
    type WatchStream = Replies<WatchResponse>;

    async fn snapshot(
        &self,
        _: Request<SnapshotRequest>,
    ) -> Result<Response<Self::SnapshotStream>, Status> {
        self.0.snapshots.fetch_add(1, Ordering::SeqCst);
        let graph = self.0.graph();
        let json = serde_json::to_vec(&graph).unwrap();
        let revision = graph.revision().0;
        let chunks: Vec<_> = json
            .chunks(10)
            .map(|chunk| {
                let chunk = chunk.to_vec().into();
                Ok(SnapshotResponse { revision, chunk })
            })
            .collect();
        Ok(Response::new(Box::pin(tokio_stream::iter(chunks))))
    }

    async fn watch(
        &self,
        request: Request<WatchRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let world = self.0.clone();
        let mut after = request.into_inner().after_revision;
        if after < world.forgotten.load(Ordering::SeqCst) {
            return Err(Refusal::FellBehind.to_status());
        }
        let short = world.short.load(Ordering::SeqCst);
        let mut head = world.head.subscribe();
        let (sender, receiver) = mpsc::channel(1);
        tokio::spawn(async move {
            let mut sent = 0;
            loop {
                let head_revision = *head.borrow_and_update();
                let records = world.records(after, 2);
                let Some(last) = records.last() else {
                    if head.changed().await.is_err() {
                        return;
                    }
                    continue;
                };
                after = last.revision;
                sent += records.len() as u64;
                let page = WatchResponse {
                    records,
                    head_revision,
                };
                if sender.send(Ok(page)).await.is_err() || sent >= short {
                    return;
                }
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }

    async fn log(&self, request: Request<LogRequest>) -> Result<Response<LogResponse>, Status> {
        let request = request.into_inner();
        Ok(Response::new(LogResponse {
            records: self
                .0
                .records(request.after_revision, request.limit as usize),
            head_revision: *self.0.head.borrow(),
        }))
    }

    silent! {
        get GetRequest GetResponse,
        query QueryRequest QueryResponse,
    }
}

/// Looks until it is so, and fails after ten seconds.
pub(crate) async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = std::time::Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(10), "never: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
