//! The deacon's errands: runs that nobody has a claim on any more are ended, and those of what has
//! ended long ago are removed.
//!
//! A bead may be cancelled while no host is there to see it. Its run goes on
//! under its shim, with nobody to speak for.

use std::{collections::HashSet, time::Duration};

use gtd_agent::{RunState, Runs};
use gtd_core::{BeadId, Epoch, Graph, RunId, review_of_run};
use tracing::{info, warn};

use crate::{
    HostError,
    actor::{Stage, now},
    retention,
};

/// How often the runs are looked through.
const EVERY: Duration = Duration::from_mins(1);
/// How many such looks there are from one to the next at what may be removed.
const PRUNE_EVERY: u32 = 60;
/// How long an orphan has before it is killed.
const GRACE: Duration = Duration::from_secs(5);

/// Runs the errands until it is cancelled.
pub(crate) async fn run_errands(stage: Stage) -> Result<(), HostError> {
    let mut ended: HashSet<RunId> = HashSet::new();
    let mut round = 0_u32;
    loop {
        let (hands, mirror) = (stage.hands.clone(), stage.mirror.clone());
        let is_prune = round.is_multiple_of(PRUNE_EVERY);
        round = round.wrapping_add(1);
        let mut known = std::mem::take(&mut ended);
        let swept = tokio::task::spawn_blocking(move || {
            sweep(hands.runs(), &mut known, |run, bead, epoch| {
                let graph = mirror.graph();
                match review_of_run(run) {
                    Some((of, epoch, number)) => is_read(&graph, &of, epoch, number),
                    None => is_current(&graph, bead, epoch),
                }
            });
            if is_prune {
                let graph = mirror.graph().clone();
                retention::prune(hands.places(), hands.runs(), &graph, now());
            }
            known
        })
        .await;
        if let Ok(known) = swept {
            ended = known;
        }
        tokio::select! {
            () = stage.cancel.cancelled() => return Ok(()),
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

/// Tells whether the lease of a run, or the goal that it checks, is still there.
fn is_current(graph: &Graph, bead: &BeadId, epoch: Epoch) -> bool {
    graph
        .bead(bead)
        .is_some_and(|bead| match bead.phase.lease() {
            Some(lease) => lease.epoch == epoch,
            None => epoch == Epoch(0) && !bead.phase.is_finished(),
        })
}

/// Tells whether a review goes on; it is the refinery that ends it.
fn is_read(graph: &Graph, bead: &BeadId, epoch: Epoch, number: u32) -> bool {
    let attempt = graph.bead(bead).and_then(|bead| bead.attempt(epoch));
    let open = attempt.and_then(|attempt| attempt.open_review());
    open.is_some_and(|review| review.number == number)
}

/// Ends every live run of a bead whose lease is gone; remembers those that have ended.
fn sweep(
    runs: &Runs,
    ended: &mut HashSet<RunId>,
    is_current: impl Fn(&RunId, &BeadId, Epoch) -> bool,
) {
    let list = match runs.list() {
        Ok(list) => list,
        Err(error) => {
            warn!(%error, "the runs could not be listed");
            return;
        }
    };
    for run in list {
        if ended.contains(&run) {
            continue;
        }
        match runs.state(&run) {
            Ok(RunState::Live(_)) => {
                let Ok(spec) = runs.spec(&run) else { continue };
                let Some(bead) = spec
                    .labels
                    .get("bead")
                    .and_then(|id| BeadId::parse(id).ok())
                else {
                    continue;
                };
                if !is_current(&run, &bead, spec.epoch) {
                    info!(run = %run, "ending a run whose lease is gone");
                    if let Err(error) = runs.stop(&run, GRACE) {
                        warn!(run = %run, %error, "the run could not be ended");
                    }
                }
            }
            Ok(RunState::Exited(_)) => {
                ended.insert(run);
            }
            Ok(RunState::Absent | RunState::Prepared | RunState::Lost) | Err(_) => {}
        }
    }
}
