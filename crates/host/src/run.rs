//! A role host: joins the town and runs the roles that the daemon assigns to it.

use std::{
    collections::{BTreeSet, HashMap},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use gtd_agent::Runs;
use gtd_client::{Client, ClientError, HostLine, Mirror, Order, Orders, Places, TownKey};
use gtd_core::{Graph, HostName, RigName, RoleName, RuntimeName};
use gtd_plan::{Crew, Mayor, Planner, Refinery, Witness};
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, info, warn};

use crate::{
    HostError,
    actor::{Actor, Stage, Waking},
    errands::run_errands,
    hands::Hands,
    notify::run_notices,
    supervise::keep,
    workers::run_workers,
};

/// The wait before the host joins again.
const REJOIN: Duration = Duration::from_millis(200);
/// The longest such wait.
const REJOIN_MAX: Duration = Duration::from_secs(5);

/// What a role host needs.
#[derive(Debug, Clone)]
pub struct HostOptions {
    /// The folders of the town.
    pub places: Places,
    /// The name of this host process among the town's.
    pub name: HostName,
    /// The roles that it would run; none means all.
    pub roles: Vec<RoleName>,
    /// The key that makes the roles' tokens.
    pub key: TownKey,
    /// The shim's program.
    pub shim: PathBuf,
    /// Ends the host; its runs go on.
    pub cancel: CancellationToken,
}

/// The machine that seats are on. All hosts of one machine share it.
fn machine_name() -> HostName {
    HostName::parse("local").expect("a plain word")
}

/// Joins the town and runs the assigned roles until it is cancelled.
///
/// When the daemon goes away it joins again; its runs live on meanwhile.
///
/// # Errors
/// When the runs cannot be opened, or the daemon refuses this host.
pub async fn run_host(options: HostOptions) -> Result<(), HostError> {
    let runs = Runs::open(&options.places.runs(), options.shim.clone()).map_err(HostError::Run)?;
    let hands = Hands::new(Arc::new(options.places.clone()), runs, options.key.clone());
    let mut wait = REJOIN;
    loop {
        let stay = join(&options, hands.clone());
        let outcome = tokio::select! {
            () = options.cancel.cancelled() => return Ok(()),
            outcome = stay => outcome,
        };
        match outcome {
            Ok(Left::Dismissed) => return Ok(()),
            Ok(Left::LineEnded) => wait = REJOIN,
            Err(HostError::Client(ClientError::Rejected(rejection))) => {
                return Err(HostError::Client(ClientError::Rejected(rejection)));
            }
            Err(error) => warn!(error = error.chain(), "the host lost the daemon"),
        }
        tokio::select! {
            () = options.cancel.cancelled() => return Ok(()),
            () = tokio::time::sleep(wait) => {}
        }
        wait = (wait * 2).min(REJOIN_MAX);
    }
}

/// Why a stay in the town ended.
enum Left {
    /// The daemon ended the line.
    LineEnded,
    /// The daemon told the host to leave.
    Dismissed,
}

async fn join(options: &HostOptions, hands: Hands) -> Result<Left, HostError> {
    let speak_as = options
        .roles
        .first()
        .cloned()
        .unwrap_or_else(|| role("deacon"));
    let client = Client::connect(&options.places, options.key.role(speak_as))
        .await
        .map_err(HostError::Client)?;
    let mirror = Mirror::open(client.clone())
        .await
        .map_err(HostError::Client)?;
    let (line, orders) = client
        .attach(options.name.as_str(), &options.roles)
        .await
        .map_err(HostError::Client)?;
    hands.speak_through(client.clone());
    let cancel = options.cancel.child_token();
    let stage = Stage {
        mirror,
        hands,
        line: line.clone(),
        cancel: cancel.clone(),
    };
    let mut cast = Cast {
        options,
        stage,
        playing: HashMap::new(),
    };
    let outcome = follow(orders, &mut cast, &line).await;
    cancel.cancel();
    cast.end().await;
    outcome
}

async fn follow(
    mut orders: Orders,
    cast: &mut Cast<'_>,
    line: &HostLine,
) -> Result<Left, HostError> {
    loop {
        match orders.next().await.map_err(HostError::Client)? {
            None => return Ok(Left::LineEnded),
            Some(Order::Stop) => return Ok(Left::Dismissed),
            Some(Order::Run(roles)) => {
                info!(roles = roles.join(" "), "assigned");
                cast.assign(&roles).await;
            }
        }
        if line.is_down() {
            return Ok(Left::LineEnded);
        }
    }
}

/// The roles that this host plays at present.
struct Cast<'a> {
    options: &'a HostOptions,
    stage: Stage,
    playing: HashMap<String, (CancellationToken, JoinHandle<()>)>,
}

impl Cast<'_> {
    /// Starts what is new and ends what was taken away.
    async fn assign(&mut self, roles: &[String]) {
        let wanted: BTreeSet<&String> = roles.iter().collect();
        let gone: Vec<String> = self
            .playing
            .keys()
            .filter(|name| !wanted.contains(name))
            .cloned()
            .collect();
        for name in gone {
            if let Some((cancel, task)) = self.playing.remove(&name) {
                cancel.cancel();
                drop(task.await);
            }
        }
        for name in wanted {
            if !self.playing.contains_key(name)
                && let Some(part) = self.start(name)
            {
                self.playing.insert(name.clone(), part);
            }
        }
    }

    async fn end(&mut self) {
        for (_, (cancel, task)) in self.playing.drain() {
            cancel.cancel();
            drop(task.await);
        }
    }

    fn start(&self, name: &str) -> Option<(CancellationToken, JoinHandle<()>)> {
        let cancel = self.stage.cancel.child_token();
        let stage = Stage {
            cancel: cancel.clone(),
            ..self.stage.clone()
        };
        let pen = Client::open(
            self.options.places.socket(),
            self.options.key.role(role(name)),
        );
        let span = tracing::info_span!("actor", role = name);
        let task = match name {
            "mayor" => tokio::spawn(
                // What it looks at costs processes, and every change of the town wakes it.
                play(
                    Mayor {
                        host: machine_name(),
                    },
                    pen,
                    stage,
                    Waking::new(Duration::from_millis(100), any_change),
                )
                .instrument(span),
            ),
            "crew" => {
                let crew = Crew {
                    host: machine_name(),
                    runtimes: runtimes(),
                };
                let waking = Waking::new(Duration::from_millis(2), any_change);
                tokio::spawn(play(crew, pen, stage, waking).instrument(span))
            }
            "witness" => {
                let witness = Witness {
                    host: machine_name(),
                };
                let waking = Waking::new(Duration::from_millis(250), any_change);
                tokio::spawn(play(witness, pen, stage, waking).instrument(span))
            }
            "refinery" => tokio::spawn(run_refineries(stage, pen).instrument(span)),
            "worker" => {
                let key = self.options.key.clone();
                let start =
                    move || run_workers(stage.clone(), machine_name(), key.clone(), pen.clone());
                let pen = Client::open(
                    self.options.places.socket(),
                    self.options.key.role(role(name)),
                );
                tokio::spawn(keep(role("worker"), pen, cancel.clone(), start).instrument(span))
            }
            "deacon" => {
                let speak = pen.clone();
                let start = move || {
                    let (stage, pen) = (stage.clone(), speak.clone());
                    async move {
                        let notices = run_notices(stage.clone(), pen);
                        let (swept, ()) = tokio::join!(run_errands(stage), notices);
                        swept
                    }
                };
                tokio::spawn(keep(role("deacon"), pen, cancel.clone(), start).instrument(span))
            }
            other => {
                warn!(role = other, "this version does not know the role");
                return None;
            }
        };
        Some((cancel, task))
    }
}

fn role(name: &str) -> RoleName {
    RoleName::parse(name).unwrap_or_else(|_| RoleName::parse("deacon").expect("a plain word"))
}

fn runtimes() -> BTreeSet<RuntimeName> {
    gtd_agent::runtime::Runtime::ALL
        .iter()
        .filter_map(|runtime| RuntimeName::parse(runtime.name()).ok())
        .collect()
}

fn any_change(graph: &Graph) -> u64 {
    graph.revision().0
}

/// Plays one role under supervision.
async fn play<P: Planner + Clone + Send + Sync + 'static>(
    planner: P,
    pen: Client,
    stage: Stage,
    waking: Waking,
) {
    let observer = role(planner.role());
    play_as(planner, observer, pen, stage, waking).await;
}

/// Plays one of several actors of a role, with a name of its own among the observers.
async fn play_as<P: Planner + Clone + Send + Sync + 'static>(
    planner: P,
    observer: RoleName,
    pen: Client,
    stage: Stage,
    waking: Waking,
) {
    let name = role(planner.role());
    let waking = Arc::new(waking);
    let cancel = stage.cancel.clone();
    let supervisor = pen.clone();
    let start = move || {
        let actor = Actor::new(
            planner.clone(),
            observer.clone(),
            pen.clone(),
            pen.clone(),
            stage.clone(),
        );
        let waking = waking.clone();
        async move { actor.run(&waking, |_| false).await }.in_current_span()
    };
    keep(name, supervisor, cancel, start).await;
}

/// Keeps one refinery for each rig.
async fn run_refineries(stage: Stage, pen: Client) {
    let mut revisions = stage.mirror.revisions();
    let mut known: BTreeSet<RigName> = BTreeSet::new();
    let mut tasks: JoinSet<()> = JoinSet::new();
    loop {
        revisions.borrow_and_update();
        let rigs: Vec<RigName> = stage
            .mirror
            .graph()
            .rigs()
            .map(|rig| rig.name.clone())
            .collect();
        for rig in rigs {
            if known.insert(rig.clone()) {
                let planner = Refinery { rig: rig.clone() };
                let waker = planner.clone();
                let observer = RoleName::parse(&format!("refinery.{rig}"))
                    .unwrap_or_else(|_| role("refinery"));
                let waking =
                    Waking::new(Duration::ZERO, move |graph: &Graph| waker.interest(graph));
                let actor = play_as(planner, observer, pen.clone(), stage.clone(), waking);
                tasks.spawn(actor.in_current_span());
            }
        }
        tokio::select! {
            () = stage.cancel.cancelled() => break,
            changed = revisions.changed() => {
                if changed.is_err() {
                    break;
                }
            }
        }
    }
    while tasks.join_next().await.is_some() {}
}
