//! What the hands can do to the world. Each is keyed, and a second try finds it done.

use std::collections::BTreeMap;

use gtd_core::{
    BackOff, Bead, BeadId, Candidate, Epoch, GateName, Graph, Observation, Oid, PUSH, RigName,
    RunId, RuntimeName, SeatName, Target, WaitReason, review_owner,
};

use crate::attempt_owner;

/// One act on the world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// A worktree of the pool holds this and belongs to this owner.
    EnsureWorktree {
        /// The rig.
        rig: RigName,
        /// The worktree's name in the pool.
        slot: String,
        /// What stands in it.
        checkout: Checkout,
    },
    /// The run exists; never a second process for one run.
    EnsureRun(RunOrder),
    /// What an agent left uncommitted is one commit.
    EnsureCommit {
        /// The rig.
        rig: RigName,
        /// The worktree's name in the pool.
        slot: String,
        /// The bead.
        bead: BeadId,
        /// The epoch.
        epoch: Epoch,
        /// The commit's subject.
        subject: String,
        /// The commit's trailers.
        trailers: Vec<(String, String)>,
    },
    /// A ref is at `new`; moved only by compare-and-swap, never by force.
    EnsureRef {
        /// The rig.
        rig: RigName,
        /// The full name.
        name: String,
        /// Where it is to be.
        new: Oid,
        /// Where it was; none when it did not exist.
        old: Option<Oid>,
    },
    /// A commit carries a note with what it is proven by.
    EnsureNote {
        /// The rig.
        rig: RigName,
        /// The commit.
        commit: Oid,
        /// What the note says.
        text: String,
    },
    /// A branch of a remote has what landed on it here; never by force.
    EnsurePushed {
        /// The rig.
        rig: RigName,
        /// The remote.
        remote: String,
        /// The full name of the branch, here and there.
        name: String,
        /// What landed.
        commit: Oid,
    },
    /// What landed for a goal on a branch of its own is proposed to a host outside, or how that
    /// stands is looked at. A run of its own.
    Propose(Proposal),
    /// The integration branch of a goal is brought into its branch, by fast-forward.
    BringHome {
        /// The goal.
        goal: BeadId,
        /// The target whose `ref` goes into its `branch`.
        target: Target,
    },
    /// The worktree of a standing member is put away, unless work in it would be lost.
    PutAwayCrew {
        /// The member.
        member: SeatName,
        /// Where its work lands.
        target: Target,
        /// The worktree's name in the pool.
        slot: String,
        /// The branch that the worktree was made on, without `refs/heads/`.
        branch: String,
        /// Whether work that has not landed goes too, once it is saved.
        discard: bool,
    },
    /// A run ends: its whole process tree.
    StopRun {
        /// The run.
        run: RunId,
    },
    /// Nothing of a lost run is alive any more.
    SweepLost {
        /// The run.
        run: RunId,
    },
}

/// A pull request to be opened, or to be looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// The run.
    pub run: RunId,
    /// The goal.
    pub goal: BeadId,
    /// Its branch, and the branch that it is meant for.
    pub target: Target,
    /// The remote that it is pushed to.
    pub remote: String,
    /// The commit that is proposed.
    pub commit: Oid,
    /// It is the first look: a pull request that was closed before is not meant.
    pub is_first: bool,
    /// Its title.
    pub title: String,
    /// Its text.
    pub body: String,
}

/// What stands in a worktree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checkout {
    /// The branch of one attempt; ignored files of earlier owners stay, as caches.
    Attempt {
        /// The bead.
        bead: BeadId,
        /// The epoch.
        epoch: Epoch,
        /// Where the branch begins, when it does not exist yet.
        start: Oid,
    },
    /// What an earlier attempt at the same bead left, its uncommitted work included, on a branch
    /// of the attempt that goes on with it.
    Continued {
        /// The bead.
        bead: BeadId,
        /// The epoch.
        epoch: Epoch,
        /// The epoch of the attempt that left it.
        after: Epoch,
    },
    /// The branch of a standing member, which may do in its worktree whatever it likes.
    Standing {
        /// The member.
        member: SeatName,
        /// The branch, without `refs/heads/`.
        branch: String,
        /// Where the branch begins, when it does not exist yet.
        start: Oid,
    },
    /// Exactly one commit and nothing else.
    Exact {
        /// The commit.
        commit: Oid,
        /// Who uses it.
        owner: String,
    },
}

/// One process to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunOrder {
    /// The run.
    pub run: RunId,
    /// The rig.
    pub rig: RigName,
    /// The worktree that it runs in.
    pub slot: String,
    /// What runs.
    pub work: Work,
    /// The bead, for the environment.
    pub bead: Option<BeadId>,
    /// The epoch, for the environment.
    pub epoch: Epoch,
    /// The longest that it may take, in milliseconds.
    pub limit_ms: u64,
    /// Environment variables besides the allow list.
    pub env: BTreeMap<String, String>,
    /// The report that it leaves, as a path in the worktree.
    pub report: Option<String>,
}

/// What a run is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Work {
    /// A bead's script in the `shell` runtime.
    Script(String),
    /// The scripted agent of the `demo` runtime.
    Demo(String),
    /// One turn of an agent program.
    Agent(AgentTurn),
    /// An acceptance check.
    Check(String),
    /// A gate.
    Gate(GateName, String),
}

/// One turn of an agent program on a bead or a goal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentTurn {
    /// The runtime.
    pub runtime: RuntimeName,
    /// What it is there for.
    pub task: Task,
    /// The turn that it goes on from; none begins with the prompt of its role.
    pub again: Option<Again>,
}

/// What an agent is there for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Task {
    /// To do a bead.
    Work,
    /// To plan a goal; it is shown the repository as it is in this commit.
    Plan(Oid),
    /// To answer what a person asks; it is shown the repository as it is in this commit.
    Answer(Oid),
    /// To review what was handed in; it is shown what that changes.
    Review {
        /// The target's tip: what the submission shares with it is not its own.
        onto: Oid,
        /// What was handed in.
        head: Oid,
    },
    /// To talk with a person and to do what they say, as a standing member.
    Stand {
        /// The member.
        member: SeatName,
        /// The bead that is claimed under its name, whose pen the turn has.
        owns: Option<(BeadId, Epoch)>,
    },
}

/// A turn that goes on from another, and what is said in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Again {
    /// The session that goes on; a program without sessions is told everything anew.
    pub session: Option<String>,
    /// The run that was its last turn.
    pub after: RunId,
    /// What it is told.
    pub words: String,
}

impl Effect {
    /// Returns the key under which this effect is one and the same.
    #[must_use]
    pub fn key(&self) -> String {
        match self {
            Self::EnsureWorktree { rig, slot, .. } => format!("worktree {rig}/{slot}"),
            Self::EnsureRun(order) => format!("run {}", order.run),
            Self::EnsureCommit { bead, epoch, .. } => format!("commit {bead}.e{epoch}"),
            Self::EnsureRef { rig, name, new, .. } => format!("ref {rig} {name} {new}"),
            Self::EnsureNote { rig, commit, .. } => format!("note {rig} {commit}"),
            Self::EnsurePushed { rig, name, .. } => format!("{PUSH}{rig} {name}"),
            Self::Propose(proposal) => format!("propose {}", proposal.goal),
            Self::BringHome { goal, .. } => format!("land {goal}"),
            Self::PutAwayCrew { member, .. } => format!("put away {member}"),
            Self::StopRun { run } => format!("stop {run}"),
            Self::SweepLost { run } => format!("sweep {run}"),
        }
    }

    /// Returns the kind of effect, in a word.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::EnsureWorktree { .. } => "worktree",
            Self::EnsureRun(_) => "run",
            Self::EnsureCommit { .. } => "commit",
            Self::EnsureRef { .. } => "ref",
            Self::EnsureNote { .. } => "note",
            Self::EnsurePushed { .. } => "push",
            Self::Propose(_) => "propose",
            Self::BringHome { .. } => "land",
            Self::PutAwayCrew { .. } => "put-away",
            Self::StopRun { .. } => "stop",
            Self::SweepLost { .. } => "sweep",
        }
    }

    /// Says whose work waits while this effect waits after a failure.
    #[must_use]
    pub fn held_up(&self, graph: &Graph, wait: &BackOff) -> Vec<Observation> {
        let text = match wait.failures {
            0 | 1 => format!("failed to {}", wait.why),
            n => format!("failed {n} times to {}", wait.why),
        };
        self.beads(graph)
            .map(|bead| Observation {
                subject: bead.id.to_string(),
                reason: WaitReason::Backoff,
                text: text.clone(),
                since: bead.since,
                until: Some(wait.until),
            })
            .collect()
    }

    /// Says whose work waits while the machine is short of something that this effect needs.
    #[must_use]
    pub fn short_of(&self, graph: &Graph, why: &str) -> Vec<Observation> {
        self.beads(graph)
            .map(|bead| Observation {
                subject: bead.id.to_string(),
                reason: WaitReason::Resources,
                text: why.to_owned(),
                since: bead.since,
                until: None,
            })
            .collect()
    }

    /// Lists the beads whose work goes on with this effect.
    fn beads<'a>(&self, graph: &'a Graph) -> impl Iterator<Item = &'a Bead> {
        let of_candidate = |is_wanted: &dyn Fn(&Candidate) -> bool| {
            let in_test = graph.queues().filter_map(|queue| queue.candidate.as_ref());
            in_test
                .filter(|candidate| is_wanted(candidate))
                .flat_map(|candidate| &candidate.members)
                .map(|member| member.bead.clone())
                .collect()
        };
        let beads: Vec<BeadId> = match self {
            Self::EnsureWorktree { checkout, .. } => match checkout {
                Checkout::Attempt { bead, .. } | Checkout::Continued { bead, .. } => {
                    vec![bead.clone()]
                }
                Checkout::Standing { .. } => vec![],
                Checkout::Exact { commit, owner } => {
                    let planned = graph.planning().find(|goal| {
                        let of_goal = attempt_owner(&goal.id, goal.epoch);
                        of_goal == *owner
                    });
                    let reviewed = || {
                        graph.in_review().find(|bead| {
                            bead.open_reviews().any(|(epoch, review)| {
                                review_owner(&bead.id, epoch, review.number) == *owner
                            })
                        })
                    };
                    match planned.or_else(reviewed) {
                        Some(bead) => vec![bead.id.clone()],
                        None => of_candidate(&|known| known.commit == *commit),
                    }
                }
            },
            Self::PutAwayCrew { .. } => vec![],
            Self::EnsureRun(order) => match &order.bead {
                Some(bead) => vec![bead.clone()],
                None => of_candidate(&|known| order.run.as_str().starts_with(known.id.as_str())),
            },
            Self::EnsureCommit { bead, .. } => vec![bead.clone()],
            Self::EnsureRef { new: commit, .. } | Self::EnsureNote { commit, .. } => {
                of_candidate(&|known| known.commit == *commit)
            }
            Self::EnsurePushed { .. } => vec![],
            Self::Propose(proposal) => vec![proposal.goal.clone()],
            Self::BringHome { goal, .. } => vec![goal.clone()],
            Self::StopRun { .. } | Self::SweepLost { .. } => vec![],
        };
        beads.into_iter().filter_map(|id| graph.bead(&id))
    }
}
