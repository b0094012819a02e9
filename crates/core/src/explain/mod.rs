//! Why something waits: one evaluator for every surface.
//!
//! Pure: the graph, what the roles saw, and the moment go in. Each bead that
//! has not ended gets exactly one reason, and `unknown` is a bug in gtd.

mod bead;
mod goal;
mod look;
mod money;
mod plan;
mod queue;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{BeadId, Graph, Halt, Moment, Queue, Timestamp};

pub(crate) use bead::{blame, count, resume};
pub use goal::stands_still;

use self::look::Look;

/// Why something waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitReason {
    /// It does not wait: somebody is at work.
    Working,
    /// Another bead must end first.
    Dependency,
    /// All seats are taken.
    Capacity,
    /// More urgent beads go first.
    Priority,
    /// A provider's limit.
    RateLimit,
    /// Most of a provider's window is used.
    QuotaGuard,
    /// The money is spent.
    Budget,
    /// Its time has not come, or is over.
    Schedule,
    /// The next attempt waits a little.
    Backoff,
    /// A gate is at work.
    GateRunning,
    /// A gate was red; the next attempt mends it.
    GateFailed,
    /// A gate could not run.
    GateInfra,
    /// A reviewer reads, or has read and wants it otherwise.
    Review,
    /// In the merge queue.
    MergeQueue,
    /// A red batch is being split.
    Bisecting,
    /// Its work did not merge; it is done anew.
    Conflict,
    /// The target fails a gate without us.
    MainRed,
    /// What would land cannot be signed.
    Signature,
    /// Somebody outside decides: a pull request is open.
    PullRequest,
    /// A pull request cannot be opened or seen, is red, or was closed.
    RemoteFailed,
    /// A person has to say yes.
    Approval,
    /// A worker asks.
    Question,
    /// All attempts are spent.
    Attempts,
    /// No sign of life; the witness looks.
    Stuck,
    /// Edits the same files as another.
    Overlap,
    /// No program can do it.
    RuntimeDown,
    /// The machine is short of something.
    Resources,
    /// A person paused or parked it.
    Paused,
    /// A person stopped everything.
    Stopped,
    /// The configuration changed since it was trusted.
    Untrusted,
    /// A bug in gtd.
    Unknown,
}

impl WaitReason {
    /// Every reason with its code, and whether it clears by itself.
    pub const ALL: [(Self, &'static str, bool); 31] = [
        (Self::Working, "working", true),
        (Self::Dependency, "dependency", true),
        (Self::Capacity, "capacity", true),
        (Self::Priority, "priority", true),
        (Self::RateLimit, "rate_limit", true),
        (Self::QuotaGuard, "quota_guard", true),
        (Self::Budget, "budget", false),
        (Self::Schedule, "schedule", true),
        (Self::Backoff, "backoff", true),
        (Self::GateRunning, "gate_running", true),
        (Self::GateFailed, "gate_failed", true),
        (Self::GateInfra, "gate_infra", false),
        (Self::Review, "review", true),
        (Self::MergeQueue, "merge_queue", true),
        (Self::Bisecting, "bisecting", true),
        (Self::Conflict, "conflict", true),
        (Self::MainRed, "main_red", false),
        (Self::Signature, "signature", false),
        (Self::PullRequest, "pull_request", true),
        (Self::RemoteFailed, "remote_failed", false),
        (Self::Approval, "approval", false),
        (Self::Question, "question", false),
        (Self::Attempts, "attempts", false),
        (Self::Stuck, "stuck", true),
        (Self::Overlap, "overlap", true),
        (Self::RuntimeDown, "runtime_down", false),
        (Self::Resources, "resources", true),
        (Self::Paused, "paused", false),
        (Self::Stopped, "stopped", false),
        (Self::Untrusted, "untrusted", false),
        (Self::Unknown, "unknown", false),
    ];

    /// Returns the stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(reason, _, _)| *reason == self)
            .map_or("unknown", |(_, code, _)| code)
    }

    /// Tells whether it usually clears without a person.
    #[must_use]
    pub fn clears_by_itself(self) -> bool {
        Self::ALL
            .iter()
            .any(|(reason, _, by_itself)| *reason == self && *by_itself)
    }
}

/// What a role saw of the world and the graph does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation {
    /// What it is about: a bead id, a rig name, or `town`.
    pub subject: String,
    /// The reason that it gives.
    pub reason: WaitReason,
    /// In words.
    pub text: String,
    /// Since when.
    pub since: Timestamp,
    /// When it is expected to clear.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// The latest observations of all roles, by subject.
#[derive(Debug, Clone, Default)]
pub struct Observations {
    by_role: BTreeMap<String, Vec<Observation>>,
}

impl Observations {
    /// Replaces what a role saw.
    pub fn publish(&mut self, role: &str, seen: Vec<Observation>) {
        if seen.is_empty() {
            self.by_role.remove(role);
        } else {
            self.by_role.insert(role.to_owned(), seen);
        }
    }

    /// Lists everything that was seen, by role.
    pub fn all(&self) -> impl Iterator<Item = &Observation> {
        self.by_role.values().flatten()
    }

    /// Finds what was seen of a subject.
    pub fn about<'a>(&'a self, subject: &'a str) -> impl Iterator<Item = &'a Observation> {
        self.by_role
            .values()
            .flatten()
            .filter(move |seen| seen.subject == subject)
    }
}

/// Says why a queue stands still, with what was found out about it.
pub(crate) fn halt_text(observations: &Observations, queue: &Queue, halt: &Halt) -> String {
    let key = queue.target.key();
    let mut text = halt.text.clone();
    for seen in observations.about(&key) {
        text.push_str("; ");
        text.push_str(&seen.text);
    }
    text
}

/// What stands behind a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Done.
    Ok,
    /// Goes on without a person.
    Waiting,
    /// Does not go on without a person.
    NeedsYou,
    /// Ended badly.
    Failed,
}

/// One link of the chain of causes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// The reason.
    pub code: WaitReason,
    /// In words.
    pub text: String,
    /// What it is about.
    #[serde(rename = "ref")]
    pub subject: String,
    /// Since when.
    pub since: Moment,
}

/// A command that a person can run next, and what it does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextStep {
    /// The command line.
    pub cmd: String,
    /// What it does.
    pub text: String,
}

/// The subject of a [`Why`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// `bead` or `convoy`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The id.
    pub id: BeadId,
    /// The title.
    pub title: String,
}

/// Why something is as it is: the document of `gtd why`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Why {
    /// What it is about.
    pub subject: Subject,
    /// The state, in a word.
    pub state: String,
    /// Since when.
    pub since: Moment,
    /// What stands behind it.
    pub verdict: Standing,
    /// Whether it goes on without a person.
    pub clears_by_itself: bool,
    /// When it is expected to clear.
    pub eta: Option<Moment>,
    /// The reason first, then what stands behind it. Empty when it is done.
    pub chain: Vec<Cause>,
    /// What follows when the reason clears.
    pub then: String,
    /// Commands that show the proof.
    pub evidence: Vec<NextStep>,
    /// Commands that change something.
    pub next: Vec<NextStep>,
}

impl Why {
    /// Returns the reason, while there is one.
    #[must_use]
    pub fn reason(&self) -> Option<WaitReason> {
        self.chain.first().map(|cause| cause.code)
    }
}

/// Explains a bead or a goal.
#[must_use]
pub fn explain(
    graph: &Graph,
    observations: &Observations,
    id: &BeadId,
    now: Timestamp,
) -> Option<Why> {
    let bead = graph.bead(id)?;
    let look = Look {
        graph,
        observations,
        now,
    };
    Some(match graph.goal(id) {
        Some(goal) => goal::explain(look, bead, goal),
        None => bead::explain(look, bead),
    })
}

/// Finds the reason of a bead or a goal alone: the one that [`explain`] tells first, without the
/// rest of the story. Nothing when it has ended.
#[must_use]
pub fn wait_reason(
    graph: &Graph,
    observations: &Observations,
    id: &BeadId,
    now: Timestamp,
) -> Option<WaitReason> {
    let bead = graph.bead(id)?;
    if graph.goal(id).is_some() {
        return explain(graph, observations, id, now)?.reason();
    }
    let look = Look {
        graph,
        observations,
        now,
    };
    (!bead.phase.is_finished()).then(|| bead::find(look, bead).reason)
}

fn step(cmd: impl Into<String>, text: &str) -> NextStep {
    NextStep {
        cmd: cmd.into(),
        text: text.to_owned(),
    }
}
