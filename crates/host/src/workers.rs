//! One worker actor for each live lease on this machine.

use std::{
    collections::HashSet,
    hash::{DefaultHasher, Hash, Hasher},
    time::Duration,
};

use gtd_client::{Client, TownKey};
use gtd_core::{BeadId, Epoch, Graph, Holder, HostName, RoleName};
use gtd_plan::Worker;
use tokio::task::JoinSet;
use tracing::Instrument;

use crate::{
    HostError,
    actor::{Actor, Stage, Waking},
    supervise::keep,
};

/// Lists the leases of a machine.
fn leases(graph: &Graph, host: &HostName) -> HashSet<(BeadId, Epoch)> {
    graph
        .leased()
        .filter_map(|bead| {
            let lease = bead.phase.lease()?;
            matches!(&lease.holder, Holder::Seat { host: at, .. } if at == host)
                .then(|| (bead.id.clone(), lease.epoch))
        })
        .collect()
}

/// Starts a worker for each lease that has none, until it is cancelled.
pub(crate) async fn run_workers(
    stage: Stage,
    host: HostName,
    key: TownKey,
    pen: Client,
) -> Result<(), HostError> {
    let mut revisions = stage.mirror.revisions();
    let mut at_work: HashSet<(BeadId, Epoch)> = HashSet::new();
    let mut tasks: JoinSet<(BeadId, Epoch)> = JoinSet::new();
    loop {
        revisions.borrow_and_update();
        let wanted = leases(&stage.mirror.graph(), &host);
        for (bead, epoch) in wanted {
            if at_work.insert((bead.clone(), epoch)) {
                tasks.spawn(run_worker(
                    stage.clone(),
                    host.clone(),
                    key.clone(),
                    pen.clone(),
                    bead,
                    epoch,
                ));
            }
        }
        tokio::select! {
            () = stage.cancel.cancelled() => break,
            changed = revisions.changed() => {
                if changed.is_err() {
                    break;
                }
            }
            Some(ended) = tasks.join_next() => {
                if let Ok(ended) = ended {
                    at_work.remove(&ended);
                }
            }
        }
    }
    while tasks.join_next().await.is_some() {}
    Ok(())
}

async fn run_worker(
    stage: Stage,
    host: HostName,
    key: TownKey,
    role_pen: Client,
    bead: BeadId,
    epoch: Epoch,
) -> (BeadId, Epoch) {
    let pen = role_pen.speaking_as(key.lease(bead.clone(), epoch));
    let observer =
        RoleName::parse(&format!("worker.{bead}.e{epoch}")).unwrap_or_else(|_| worker_role());
    let planner = Worker {
        bead: bead.clone(),
        epoch,
        host,
    };
    let cancel = stage.cancel.clone();
    let span = tracing::info_span!("actor", role = "worker", bead = %bead, epoch = epoch.0);
    let start = || {
        let actor = Actor::new(
            planner.clone(),
            observer.clone(),
            pen.clone(),
            role_pen.clone(),
            stage.clone(),
        );
        let (id, mine) = (bead.clone(), bead.clone());
        let interest_of = move |graph: &Graph| interest(graph, &mine);
        let is_over = move |graph: &Graph| {
            graph
                .bead(&id)
                .and_then(|bead| bead.phase.lease())
                .is_none_or(|lease| lease.epoch != epoch)
        };
        let waking = Waking::new(Duration::ZERO, interest_of);
        async move { actor.run(&waking, is_over).await }.instrument(span.clone())
    };
    keep(worker_role(), role_pen.clone(), cancel, start).await;
    (bead, epoch)
}

fn worker_role() -> RoleName {
    RoleName::parse("worker").expect("a plain word")
}

/// A number that changes when the bead of a worker does, or a pause or stop.
fn interest(graph: &Graph, bead: &BeadId) -> u64 {
    let mut hasher = DefaultHasher::new();
    graph.bead(bead).map(|bead| bead.changed).hash(&mut hasher);
    graph.stop().is_some().hash(&mut hasher);
    for pause in graph.pauses() {
        pause.scope.hash(&mut hasher);
    }
    hasher.finish()
}
