//! Which runs may go: the deacon asks, and removes what is named here.
//!
//! Only traces of what has ended go: the output of a run is evidence while its
//! bead or goal is open, and of a bead that waits for a person the last attempt
//! is what that person looks at. Work itself is in git and is none of this.
//!
//! | a run of | goes |
//! |---|---|
//! | a bead or goal that has not ended, or that the town does not know | never |
//! | an ended bead of a goal that has not ended | never |
//! | a candidate that is in test | never |
//! | the last turn of a standing member, which the next one goes on from | never |
//! | a notice to a person, which without it would be told again | after a month |
//! | anything else | after its time, or when all runs together are too large, oldest first |

use std::time::Duration;

use gtd_core::{BeadId, Graph, RigName, RunId, Timestamp, config::Retention};

use crate::NOTICE;

/// A run that has ended, as it lies on the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptRun {
    /// The run.
    pub run: RunId,
    /// The bead or goal that it was for; none for the gate of a candidate.
    pub bead: Option<BeadId>,
    /// When it ended.
    pub ended_at: Timestamp,
    /// What it takes, in bytes.
    pub bytes: u64,
}

/// What ended so lately is left alone, however much there is: somebody may be about to read it.
const REST: Duration = Duration::from_mins(10);

/// How long they say that somebody was told.
const TOLD: Duration = Duration::from_hours(31 * 24);

/// Lists the runs that may go, the oldest first.
#[must_use]
pub fn spent_runs(
    graph: &Graph,
    runs: &[KeptRun],
    rules: &Retention,
    now: Timestamp,
) -> Vec<RunId> {
    let mut total: u64 = runs.iter().map(|run| run.bytes).sum();
    let mut over: Vec<&KeptRun> = runs.iter().filter(|run| is_over(graph, run)).collect();
    over.sort_by_key(|run| run.ended_at);
    let mut spent = Vec::new();
    for run in over {
        let age = now.since(run.ended_at);
        if run.run.as_str().starts_with(NOTICE) && age < TOLD {
            continue;
        }
        let is_too_much = age >= REST && rules.size.is_some_and(|most| total > most);
        if age >= rules.age || is_too_much {
            total = total.saturating_sub(run.bytes);
            spent.push(run.run.clone());
        }
    }
    spent
}

/// Tells whether nobody needs the traces of a run any more.
fn is_over(graph: &Graph, run: &KeptRun) -> bool {
    match &run.bead {
        Some(bead) => has_ended(graph, bead),
        None => !is_of_a_queue(graph, run.run.as_str()) && !graph.is_turn_of_crew(&run.run),
    }
}

fn has_ended(graph: &Graph, id: &BeadId) -> bool {
    graph.bead(id).is_some_and(|bead| {
        let goal = bead.goal.as_ref().and_then(|goal| graph.bead(goal));
        bead.phase.is_finished() && goal.is_none_or(|goal| goal.phase.is_finished())
    })
}

/// Tells whether what an attempt at a bead left may go: its bead has ended.
///
/// What the town does not know is not its to take away.
#[must_use]
pub fn is_spent_attempt(graph: &Graph, bead: &BeadId) -> bool {
    graph
        .bead(bead)
        .is_some_and(|bead| bead.phase.is_finished())
}

/// Tells whether a run of no bead says something that a queue or a person still waits for.
fn is_of_a_queue(graph: &Graph, run: &str) -> bool {
    let of_rig = |kind: &str, rig: &RigName| run.starts_with(&format!("{kind}-{rig}-"));
    let mut waiting = graph.targets_with_submissions();
    waiting.any(|target| of_rig("proof", &target.rig))
        || graph.queues().any(|queue| {
            let is_busy = queue.candidate.is_some() || queue.halt.is_some();
            is_busy && of_rig("base", &queue.target.rig)
        })
        || graph.gate_asks().any(|ask| of_rig("asked", &ask.rig))
        || is_in_test(graph, run.split('.').next().unwrap_or(run))
}

fn is_in_test(graph: &Graph, candidate: &str) -> bool {
    let mut candidates = graph.queues().filter_map(|queue| queue.candidate.as_ref());
    candidates.any(|known| known.id.as_str() == candidate)
}

/// Tells whether the ref that keeps a candidate may go once it is old enough: what landed is on
/// its branch, and what did not is formed anew from the branches of its members.
#[must_use]
pub fn is_spent_candidate(graph: &Graph, candidate: &str) -> bool {
    !is_in_test(graph, candidate)
}
