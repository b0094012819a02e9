//! From nothing to a town that answers, and back.
//!
//! Folders, the lock of the one daemon, the key, the log, the socket, the
//! services, the built-in host; then a line that says "ready". The end goes
//! the other way and is bounded at every step: roles stop, streams end, a
//! snapshot is written. Runs live on under their shims.

mod awake;
mod door;
mod notify;
mod rounds;
mod socket;

use std::{
    io::{self, Write as _},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use gtd_client::{KeyError, Places, PlacesError, RigFoldersError, TownKey, UserTexts};
use gtd_core::{
    HostName, Moment,
    config::{Config, resources},
};
use gtd_host::{HostError, HostOptions};
use gtd_store::{LockError, ProcessLock, StoreError};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;
use tonic::transport::Server;

use crate::{
    backup::{self, BackupError},
    board::Board,
    callers::{Gate, Gatekeeper},
    ledger::{Ballast, Ledger, LoadError, Opening},
    logs, services,
    town::{BUILT_IN, Hosts, Rigs, Town},
};

/// How long the roles have to stop.
const ROLES_STOP: Duration = Duration::from_secs(4);
/// How long calls and streams have to end.
const CALLS_END: Duration = Duration::from_secs(4);
/// How long the last snapshot may take.
const LEDGER_CLOSE: Duration = Duration::from_secs(4);
/// How long blocking work may hold up the very end.
const THREADS_END: Duration = Duration::from_secs(1);
/// The wait before the built-in host is started again.
const HOST_AGAIN: Duration = Duration::from_secs(2);

/// Why the daemon cannot run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BootError {
    /// Another daemon has this town.
    #[error("start gtdd: {} runs this town already", holder(*pid))]
    Held {
        /// Its process.
        pid: Option<u32>,
    },
    /// The folders cannot be told or made.
    #[error("prepare the folders of the town")]
    Places(#[from] PlacesError),
    /// A restore that was begun cannot be finished.
    #[error("finish the restore of a backup")]
    Restore(#[source] BackupError),
    /// The key cannot be had.
    #[error("prepare the key of the town")]
    Key(#[from] KeyError),
    /// The log cannot be opened.
    #[error("start the ledger")]
    Ledger(#[source] LoadError),
    /// The list of rigs cannot be read.
    #[error("find the rigs")]
    Rigs(#[from] RigFoldersError),
    /// The runs or the shim cannot be found.
    #[error("prepare the runs")]
    Runs(#[source] HostError),
    /// A file of the daemon's own cannot be used.
    #[error("{act} {}", path.display())]
    File {
        /// What was being done.
        act: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The runtime cannot be had.
    #[error("start the runtime")]
    Runtime(#[source] io::Error),
    /// The protocol's descriptions cannot be served.
    #[error("prepare the services")]
    Services(#[source] tonic_reflection::server::Error),
    /// The server ended by itself.
    #[error("serve the socket")]
    Server(#[source] Option<tonic::transport::Error>),
}

impl BootError {
    /// Returns the exit code.
    pub(crate) fn exit(&self) -> u8 {
        match self {
            Self::Held { .. } => 7,
            Self::Places(_) => 78,
            _ => 1,
        }
    }

    /// Returns the next command that helps, where there is one.
    pub(crate) fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Held { .. } => Some("gtd status   # or end it: gtd down"),
            Self::Ledger(LoadError::Store { source }) => source.hint(),
            _ => None,
        }
    }
}

/// Takes the lock of the town's only daemon, or says who has it.
pub(crate) fn be_alone(places: &Places) -> Result<ProcessLock, BootError> {
    let path = places.lock();
    ProcessLock::take(&path).map_err(|error| match error {
        LockError::Held { pid } => BootError::Held { pid },
        LockError::Io(source) => BootError::File {
            act: "lock",
            path,
            source,
        },
    })
}

fn holder(pid: Option<u32>) -> String {
    pid.map_or_else(
        || "another process".to_owned(),
        |pid| format!("process {pid}"),
    )
}

/// Runs the town until somebody ends it.
///
/// # Errors
/// When it cannot be started, or the server ends by itself.
pub(crate) fn run(places: &Places) -> Result<(), BootError> {
    places.prepare()?;
    let _alone = be_alone(places)?;
    let mut ballast = Ballast::new(places.ballast(), ballast_size(places));
    ballast.make_way();
    backup::finish(places).map_err(BootError::Restore)?;
    logs::start(&places.logs(), logs::DAEMON);
    let key = TownKey::load_or_create(&places.key_file())?;
    let runs = gtd_host::runs(places).map_err(BootError::Runs)?;
    let board = Arc::new(Board::default());
    let (ledger, opening) =
        Ledger::start(&places.store(), ballast, Arc::clone(&board)).map_err(not_opened)?;
    let town = Arc::new(Town {
        rigs: Rigs::load(places)?,
        places: places.clone(),
        key,
        id: opening.town_id.clone(),
        started_at: ledger.now(),
        ledger,
        board,
        hosts: Hosts::default(),
        runs,
        started: Instant::now(),
        leaving: CancellationToken::new(),
        closing: CancellationToken::new(),
        stopping: tokio::sync::Mutex::default(),
        config_reads: AtomicU64::new(1),
        backing_up: std::sync::Mutex::default(),
    });
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(64)
        .enable_all()
        .build()
        .map_err(BootError::Runtime)?;
    let outcome = runtime.block_on(live(town, opening));
    runtime.shutdown_timeout(THREADS_END);
    outcome
}

fn not_opened(error: LoadError) -> BootError {
    match error {
        LoadError::Store {
            source: StoreError::Held { pid, .. },
        } => BootError::Held { pid },
        other => BootError::Ledger(other),
    }
}

/// Reads how large the ballast is to be; a configuration that is wrong is told where it matters.
fn ballast_size(places: &Places) -> u64 {
    let configured = UserTexts::read(places)
        .ok()
        .and_then(|texts| texts.config().ok());
    let config = configured.unwrap_or_else(|| Config::merge([]));
    resources(&config).ballast
}

/// The signals that end a daemon.
struct Signals {
    term: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> io::Result<Self> {
        Ok(Self {
            term: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Waits for the wish that the daemon ends.
    async fn end(&mut self) {
        tokio::select! {
            _ = self.term.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

async fn live(town: Arc<Town>, opening: Opening) -> Result<(), BootError> {
    // Before "ready": a wish to end must never meet the default of the system.
    let mut signals = Signals::listen().map_err(BootError::Runtime)?;
    let mut hang_up = signal(SignalKind::hangup()).map_err(BootError::Runtime)?;
    let mut server = serve(&town).await?;
    let card = socket::leave_card(&town)?;
    if !takes_writes(&town, opening, &mut signals).await? {
        // Asked to end before anything was written: a death is as good.
        return Ok(());
    }
    rounds::reconcile_stop(&town).await;
    town.rigs.refresh(&town.ledger).await;
    let host_cancel = CancellationToken::new();
    let host = tokio::spawn(keep_host(Arc::clone(&town), host_cancel.clone()));
    let rounds = tokio::spawn(rounds::go(Arc::clone(&town)));
    announce(&town);
    let notifier = notify::Notifier::find().map(Arc::new);
    let signs = notifier.clone().map(|notifier| {
        notifier.ready(&town);
        let town = Arc::clone(&town);
        tokio::spawn(async move { notifier.go(town).await })
    });
    let outcome = loop {
        tokio::select! {
            () = town.leaving.cancelled() => break Ok(()),
            () = signals.end() => break Ok(()),
            _ = hang_up.recv() => {
                tracing::info!("reading the configuration again");
                town.rigs.refresh(&town.ledger).await;
                town.config_reads.fetch_add(1, Ordering::AcqRel);
            }
            ended = &mut server => break Err(BootError::Server(ended.ok().and_then(Result::err))),
        }
    };
    tracing::info!("ending: the runs live on");
    if let Some(signs) = signs {
        signs.abort();
    }
    if let Some(notifier) = &notifier {
        notifier.stopping();
    }
    town.leaving.cancel();
    let ending = end(&town, host_cancel, host, server, outcome.is_ok());
    tokio::select! {
        () = ending => {}
        // Whoever asks twice does not want to wait.
        () = signals.end() => tracing::warn!("ended at once, as asked a second time"),
    }
    rounds.abort();
    drop(card);
    outcome
}

/// Waits until the log takes writes; false when somebody wants the end before that.
///
/// Meanwhile reads are answered, and nothing of the daemon's own acts.
async fn takes_writes(
    town: &Town,
    mut opening: Opening,
    signals: &mut Signals,
) -> Result<bool, BootError> {
    let started = tokio::select! {
        ended = opening.end() => ended.map_err(not_opened)?,
        () = town.leaving.cancelled() => return Ok(false),
        () = signals.end() => return Ok(false),
    };
    for repair in &started.repairs {
        // A warning also goes to the terminal: nothing is mended in silence.
        tracing::warn!("the log was mended: {repair}");
    }
    Ok(true)
}

async fn end(
    town: &Town,
    host_cancel: CancellationToken,
    host: JoinHandle<()>,
    server: JoinHandle<Result<(), tonic::transport::Error>>,
    server_lives: bool,
) {
    host_cancel.cancel();
    if tokio::time::timeout(ROLES_STOP, host).await.is_err() {
        tracing::warn!("the roles did not stop in time");
    }
    town.closing.cancel();
    if server_lives && tokio::time::timeout(CALLS_END, server).await.is_err() {
        tracing::warn!("calls were cut off");
    }
    if tokio::time::timeout(LEDGER_CLOSE, town.ledger.close())
        .await
        .is_err()
    {
        // What was acknowledged is durable; only the last snapshot is missing.
        tracing::warn!("the last snapshot was not written in time");
    }
    tracing::info!("ended");
}

async fn serve(
    town: &Arc<Town>,
) -> Result<JoinHandle<Result<(), tonic::transport::Error>>, BootError> {
    let routes = services::routes(Arc::clone(town))
        .await
        .map_err(BootError::Services)?;
    let listener = socket::bind(town.places.socket())?;
    let gate = Gate(Arc::new(Gatekeeper::new(Arc::clone(town))));
    let closing = town.closing.clone();
    let server = Server::builder()
        .http2_keepalive_interval(Some(gtd_wire::KEEPALIVE_INTERVAL))
        .http2_keepalive_timeout(Some(gtd_wire::KEEPALIVE_TIMEOUT))
        .initial_stream_window_size(gtd_wire::STREAM_WINDOW_BYTES)
        .http2_max_header_list_size(gtd_wire::MAX_HEADER_BYTES)
        .layer(gate)
        .add_routes(routes)
        .serve_with_incoming_shutdown(door::connections(listener), closing.cancelled_owned());
    Ok(tokio::spawn(server))
}

/// Keeps the built-in host alive: it comes in by the socket like everybody else.
async fn keep_host(town: Arc<Town>, cancel: CancellationToken) {
    loop {
        let options = HostOptions {
            places: town.places.clone(),
            name: HostName::parse(BUILT_IN).expect("a plain word is a name"),
            roles: Vec::new(),
            key: town.key.clone(),
            shim: town.runs.shim_program().to_owned(),
            cancel: cancel.clone(),
        };
        // In a task of its own, so that a panic there is a failure here.
        match tokio::spawn(gtd_host::run_host(options)).await {
            _ if cancel.is_cancelled() => return,
            Ok(Ok(())) => tracing::warn!("the built-in host left"),
            Ok(Err(error)) => tracing::error!(why = error.chain(), "the built-in host failed"),
            Err(panic) => tracing::error!(why = %panic, "the built-in host panicked"),
        }
        tokio::select! {
            () = cancel.cancelled() => return,
            () = tokio::time::sleep(HOST_AGAIN) => {}
        }
    }
}

fn announce(town: &Town) {
    let pid = std::process::id();
    let socket = town.places.socket().display();
    let version = env!("CARGO_PKG_VERSION");
    let at = Moment(town.started_at);
    tracing::info!(version, pid, town = town.id, revision = %town.ledger.graph().revision(), "ready");
    // Nobody may be listening any more, and that is no reason to fail.
    let _nobody = writeln!(
        io::stdout(),
        "gtdd {version} is ready: process {pid}, socket {socket}, since {at}"
    );
}
