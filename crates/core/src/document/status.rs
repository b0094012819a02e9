//! `gtd status` and `gtd ps`: does it need me, what is done, is it healthy.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{BudgetDoc, HoldDoc, NeedsYou, View, budget_docs, merge, needs_you};
use crate::{
    Bead, BeadId, ContextUse, Holder, Moment, Phase, RigName, RuntimeName, WaitReason, explain,
    explain::blame,
};

/// One goal in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConvoyRow {
    /// The goal's id.
    pub id: BeadId,
    /// The rig.
    pub rig: RigName,
    /// The title.
    pub title: String,
    /// The state, in a word.
    pub state: String,
    /// All of its beads.
    pub total: usize,
    /// Landed, or closed well.
    pub done: usize,
    /// Landed.
    pub landed: usize,
    /// At work.
    pub running: usize,
    /// In the merge queue.
    pub queued: usize,
    /// Set aside.
    pub parked: usize,
    /// Ended badly.
    pub failed: usize,
    /// The policy that it names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<crate::PolicyName>,
    /// Where it lands.
    pub branch: String,
    /// The branch that a person may bring it into now, with `gtd convoy land`.
    #[serde(default)]
    pub home: Option<String>,
    /// When it was set.
    pub created_at: Moment,
}

/// One merge queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MergeDoc {
    /// The rig.
    pub rig: RigName,
    /// The branch.
    pub branch: String,
    /// `idle`, `draining`, `bisecting`, `paused`, `frozen` or `halted`.
    pub state: String,
    /// The candidate in test.
    pub candidate: Option<String>,
    /// How many submissions wait or are in test.
    pub waiting: usize,
    /// How long the oldest has waited, in seconds.
    pub oldest_wait_s: u64,
    /// The tip.
    pub commit: Option<String>,
    /// Why it is halted.
    pub halt: Option<String>,
    /// Gates that were green on the tip.
    #[serde(default)]
    pub green: Vec<String>,
    /// How many candidates landed here.
    #[serde(default)]
    pub landings: u64,
    /// What a person holds back.
    #[serde(default)]
    pub holds: Vec<HoldDoc>,
}

/// One agent at work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentDoc {
    /// The seat's or claimant's name.
    pub name: String,
    /// The rig.
    pub rig: RigName,
    /// The role.
    pub role: String,
    /// The runtime.
    pub runtime: Option<String>,
    /// `running`, `starting` or `idle`.
    pub state: String,
    /// The bead that it holds.
    pub bead: Option<BeadId>,
    /// The bead's title.
    pub title: Option<String>,
    /// The attempt.
    pub attempt: Option<u64>,
    /// What it does, in words.
    pub activity: String,
    /// Since when it holds the bead.
    pub started_at: Option<Moment>,
    /// The run, when its process was seen.
    pub run: Option<String>,
    /// How full the context of its session is; none where nobody can tell.
    #[serde(default)]
    pub context: Option<ContextUse>,
}

/// What holds up a runtime, so that nothing begins with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitDoc {
    /// The runtime.
    pub runtime: RuntimeName,
    /// What it is, in a word.
    pub reason: String,
    /// In words, as the last attempt told it.
    pub text: String,
    /// Since when nothing begins.
    pub since: Moment,
    /// When one attempt tries again; none when a person has to act first.
    pub until: Option<Moment>,
    /// The bead whose attempt ran into it last.
    pub bead: BeadId,
    /// What lets it go on at once.
    pub next: String,
}

/// The whole town on one page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusDoc {
    /// The rig that was asked about; none for the whole town.
    pub rig: Option<RigName>,
    /// Everything is stopped.
    pub stopped: Option<String>,
    /// What the machine is short of, so that nothing new begins.
    #[serde(default)]
    pub short: Vec<String>,
    /// What needs a person, most unblocking first.
    pub needs_you: Vec<NeedsYou>,
    /// The ways of telling a person that failed when they were used last.
    #[serde(default)]
    pub silent: Vec<String>,
    /// Runtimes with which nothing begins for a while.
    #[serde(default)]
    pub limits: Vec<LimitDoc>,
    /// What may be spent, and how far that is used: of the town, of rigs, of goals.
    #[serde(default)]
    pub budgets: Vec<BudgetDoc>,
    /// How many decisions a person does not want to see for now.
    #[serde(default)]
    pub snoozed: usize,
    /// When the first of them is seen again.
    #[serde(default)]
    pub snoozed_until: Option<Moment>,
    /// Goals that have not ended, and those that ended last.
    pub convoys: Vec<ConvoyRow>,
    /// The merge queues.
    pub merge: Vec<MergeDoc>,
    /// Who is at work.
    pub agents: Vec<AgentDoc>,
    /// Beads by state.
    pub counts: std::collections::BTreeMap<String, usize>,
    /// Tokens that roles used while nothing was to be judged: none, by construction.
    pub idle_tokens: u64,
    /// Dollars spent.
    pub usd: Dollars,
    /// Some of that is estimated.
    #[serde(default)]
    pub usd_estimated: bool,
    /// Where to go on.
    pub revision: u64,
}

/// A number of dollars as a JSON number with six digits at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Dollars(pub u64);

impl Serialize for Dollars {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[expect(clippy::cast_precision_loss, reason = "money for display")]
        serializer.serialize_f64(self.0 as f64 / 1e6)
    }
}

impl<'de> Deserialize<'de> for Dollars {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = f64::deserialize(deserializer)?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "money for display"
        )]
        Ok(Self((number.max(0.0) * 1e6) as u64))
    }
}

/// Makes the page of the whole town, or of one rig.
#[must_use]
pub fn status_doc(view: View<'_>, rig: Option<&RigName>) -> StatusDoc {
    let graph = view.graph;
    let (snoozed, needs_you): (Vec<_>, Vec<_>) = needs_you(view, rig)
        .into_iter()
        .partition(NeedsYou::is_snoozed);
    let of_rig = |name: &RigName| rig.is_none_or(|rig| rig == name);
    let is_shown = |(_, goal): &(&BeadId, &crate::Goal)| of_rig(&goal.target.rig);
    let mut goals: Vec<_> = graph.open_goals().filter(is_shown).collect();
    goals.sort_by_cached_key(|(id, _)| {
        std::cmp::Reverse(graph.bead(id).map_or(0, |bead| bead.since.0))
    });
    let n_shown = goals.len().max(1) + 2;
    let convoys = goals
        .into_iter()
        .chain(graph.ended_goals().filter(is_shown))
        .take(n_shown)
        .filter_map(|(id, goal)| Some(convoy_row(view, graph.bead(id)?, goal)))
        .collect();
    StatusDoc {
        rig: rig.cloned(),
        stopped: graph
            .stop()
            .map(|stop| format!("by {}", blame(&stop.by, &stop.why))),
        short: short(view),
        silent: view
            .observations
            .about(NOTIFY)
            .map(|seen| seen.text.clone())
            .collect(),
        limits: limits(view),
        budgets: budget_docs(view, rig),
        needs_you,
        snoozed: snoozed.len(),
        snoozed_until: snoozed.iter().filter_map(|item| item.snoozed_until).min(),
        convoys,
        merge: graph
            .queues()
            .cloned()
            .chain(held_without_a_queue(view))
            .filter(|queue| of_rig(&queue.target.rig))
            .map(|queue| merge_doc(view, &queue))
            .collect(),
        agents: agent_docs(view, rig),
        counts: graph
            .counts(rig, view.now)
            .into_iter()
            .map(|(state, n)| (state.word().to_owned(), n))
            .collect(),
        idle_tokens: 0,
        usd: Dollars(graph.spend().usd_micros),
        usd_estimated: graph.spend().estimated_micros > 0,
        revision: graph.revision().0,
    }
}

fn limits(view: View<'_>) -> Vec<LimitDoc> {
    let holds = view.graph.runtime_holds();
    holds
        .map(|(runtime, hold)| LimitDoc {
            runtime: runtime.clone(),
            reason: hold.fault.word().to_owned(),
            text: hold.text.clone(),
            since: Moment(hold.since),
            until: hold.until.map(Moment),
            bead: hold.bead.clone(),
            next: format!("gtd resume {runtime}"),
        })
        .collect()
}

/// What the deacon's remarks on channels are about.
pub const NOTIFY: &str = "notify";

/// Says what the machine is short of: once, whoever else waits for the same.
fn short(view: View<'_>) -> Vec<String> {
    let seen = || {
        let all = view.observations.all();
        all.filter(|seen| seen.reason == WaitReason::Resources)
    };
    let of_town: BTreeSet<String> = seen()
        .filter(|seen| seen.subject == "town")
        .map(|seen| seen.text.clone())
        .collect();
    if of_town.is_empty() {
        return seen().map(|seen| seen.text.clone()).take(1).collect();
    }
    of_town.into_iter().collect()
}

/// Makes one line of a list of goals.
#[must_use]
pub fn convoy_row(view: View<'_>, bead: &Bead, goal: &crate::Goal) -> ConvoyRow {
    let tally = view.graph.tally_of_goal(&bead.id);
    ConvoyRow {
        id: bead.id.clone(),
        rig: bead.rig.clone(),
        title: bead.spec.title.clone(),
        state: super::bead::state(view, bead),
        total: tally.total(),
        done: tally.landed + tally.closed,
        landed: tally.landed,
        running: tally.leased,
        queued: tally.submitted,
        parked: tally.parked,
        failed: tally.failed + tally.cancelled,
        policy: bead.spec.policy.clone(),
        branch: goal.target.short_ref().to_owned(),
        home: home(view, bead, goal),
        created_at: Moment(bead.created_at),
    }
}

/// Names the branch that waits for a person to bring the work home: told by the newest goal of an
/// integration branch, once it rests with something landed and is not home.
fn home(view: View<'_>, bead: &Bead, goal: &crate::Goal) -> Option<String> {
    let graph = view.graph;
    if goal.target.mode != crate::LandMode::Integration
        || matches!(goal.landing, crate::Landing::Done { .. })
    {
        return None;
    }
    // While it moves there is nothing to decide yet.
    let rests = bead.phase.is_finished()
        || crate::stands_still(graph, view.observations, &bead.id, view.now);
    if !rests || graph.newest_landed_goal(&goal.target) != Some(&bead.id) {
        return None;
    }
    let tip = graph
        .queue(&goal.target)
        .and_then(|queue| queue.tip.as_ref());
    let is_home = |other: &crate::Goal| match &other.landing {
        crate::Landing::Done { commit } => tip == Some(commit),
        _ => false,
    };
    let is_at_home = graph.goals_at_home(&goal.target).any(is_home);
    (!is_at_home).then(|| goal.target.branch.clone())
}

/// Makes a queue for each rig whose merges are held before anything was merged there.
fn held_without_a_queue(view: View<'_>) -> impl Iterator<Item = crate::Queue> {
    let graph = view.graph;
    let has_queue = |rig: &RigName| graph.queues().any(|queue| queue.target.rig == *rig);
    graph
        .rigs()
        .filter(move |rig| !has_queue(&rig.name) && !merge::holds(view, &rig.name).is_empty())
        .map(|rig| crate::Queue::new(rig.usual_target()))
}

fn merge_doc(view: View<'_>, queue: &crate::Queue) -> MergeDoc {
    let waiting: Vec<&Bead> = view.graph.queued(&queue.target).collect();
    let holds = merge::holds(view, &queue.target.rig);
    let held = holds.iter().map(|hold| hold.kind).max();
    let state = if queue.halt.is_some() {
        "halted"
    } else if let Some(kind) = held {
        kind.word()
    } else if !queue.suspects.is_empty() {
        "bisecting"
    } else if waiting.is_empty() {
        "idle"
    } else {
        "draining"
    };
    MergeDoc {
        rig: queue.target.rig.clone(),
        branch: queue.target.short_ref().to_owned(),
        state: state.to_owned(),
        candidate: queue.candidate.as_ref().map(|c| c.id.to_string()),
        waiting: waiting.len(),
        oldest_wait_s: waiting
            .iter()
            .map(|bead| view.now.since(bead.since).as_secs())
            .max()
            .unwrap_or(0),
        commit: queue.tip.as_ref().map(ToString::to_string),
        halt: queue.halt.as_ref().map(|halt| halt.text.clone()),
        green: queue.green.iter().map(ToString::to_string).collect(),
        landings: queue.landings,
        holds,
    }
}

/// Lists who is at work, and the empty seats.
#[must_use]
pub fn agent_docs(view: View<'_>, rig: Option<&RigName>) -> Vec<AgentDoc> {
    let graph = view.graph;
    let mut agents: Vec<AgentDoc> = graph
        .leased()
        .chain(graph.planning())
        .filter(|bead| rig.is_none_or(|rig| *rig == bead.rig))
        .filter_map(|bead| {
            let Phase::Leased(lease) = &bead.phase else {
                return None;
            };
            let why = explain(graph, view.observations, &bead.id, view.now)?;
            Some(AgentDoc {
                name: lease.holder.name().to_string(),
                rig: bead.rig.clone(),
                role: match lease.holder {
                    Holder::Seat { .. } if graph.goal(&bead.id).is_some() => "mayor".to_owned(),
                    Holder::Seat { .. } => "worker".to_owned(),
                    Holder::Claimant { .. } => "claimant".to_owned(),
                },
                runtime: bead.runtime_at_work().map(str::to_owned),
                state: if lease.run.is_some() || matches!(lease.holder, Holder::Claimant { .. }) {
                    "running".to_owned()
                } else {
                    "starting".to_owned()
                },
                bead: Some(bead.id.clone()),
                title: Some(bead.spec.title.clone()),
                attempt: Some(lease.epoch.0),
                activity: why
                    .chain
                    .first()
                    .map(|c| c.text.clone())
                    .unwrap_or_default(),
                started_at: Some(Moment(lease.granted_at)),
                run: lease.run.as_ref().map(ToString::to_string),
                context: lease
                    .run
                    .as_ref()
                    .and_then(|run| graph.metered(run).context),
            })
        })
        .collect();
    agents.extend(
        graph
            .seats()
            .filter(|(_, seat)| seat.bead.is_none())
            .filter(|(_, seat)| rig.is_none_or(|rig| *rig == seat.rig))
            .map(|(name, seat)| AgentDoc {
                name: name.to_string(),
                rig: seat.rig.clone(),
                role: "worker".to_owned(),
                runtime: None,
                state: "idle".to_owned(),
                bead: None,
                title: None,
                attempt: None,
                activity: "no bead".to_owned(),
                started_at: None,
                run: None,
                context: None,
            }),
    );
    agents
}
