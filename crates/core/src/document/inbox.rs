//! What needs a person: plans, questions, failures, red targets, pauses, alerts.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::View;
use crate::{
    Bead, BeadId, FaultClass, Goal, Moment, Pause, PauseScope, Phase, PlanState, Reviewing,
    RigName, Standing, WaitReason, Why, explain,
    explain::{Cause, count, halt_text, resume},
    stands_still,
};

/// What the keys of effects that push begin with; rig and ref follow.
pub const PUSH: &str = "push ";

/// Something that needs a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NeedsYou {
    /// Its number, which stays: that of the bead or goal in the order of creation; none for what
    /// is neither.
    #[serde(default)]
    pub n: Option<u64>,
    /// `plan`, `question`, `review`, `failure`, `budget`, `found`, `approval`, `gate`, `pause`,
    /// `stop` or `alert`.
    pub kind: String,
    /// The bead, goal or rig.
    pub subject: String,
    /// Its title.
    pub title: String,
    /// What is asked or said.
    pub text: String,
    /// How many beads wait for it.
    pub unblocks: usize,
    /// Since when.
    pub since: Moment,
    /// The command that answers it.
    pub next: String,
    /// Until when a person does not want to see it.
    #[serde(default)]
    pub snoozed_until: Option<Moment>,
}

impl NeedsYou {
    /// Tells whether it is out of sight for now.
    #[must_use]
    pub fn is_snoozed(&self) -> bool {
        self.snoozed_until.is_some()
    }
}

/// Lists what needs a person, most unblocking first; what is snoozed comes last.
#[must_use]
pub fn needs_you(view: View<'_>, rig: Option<&RigName>) -> Vec<NeedsYou> {
    let graph = view.graph;
    let of_rig = |name: &RigName| rig.is_none_or(|rig| rig == name);
    let mut items: Vec<NeedsYou> = Vec::new();
    if let Some(stop) = graph.stop() {
        items.push(NeedsYou {
            n: None,
            kind: "stop".to_owned(),
            subject: "town".to_owned(),
            title: "everything is stopped".to_owned(),
            text: stop.why.clone(),
            unblocks: graph.n_unfinished(),
            since: Moment(stop.since),
            next: "gtd resume --all".to_owned(),
            snoozed_until: None,
        });
    }
    let mut told = parked(view, rig, &mut items);
    for (bead, _) in graph.waiting_for_yes().filter(|(b, _)| of_rig(&b.rig)) {
        if let Some(item) = approval(view, bead) {
            told.extend(&bead.goal);
            items.push(item);
        }
    }
    for (id, goal) in graph.open_goals().filter(|(_, g)| of_rig(&g.target.rig)) {
        if let Some(bead) = graph.bead(id) {
            items.extend(goal_item(view, bead, goal, &told));
        }
    }
    for bead in graph.found_drafts().filter(|bead| of_rig(&bead.rig)) {
        items.push(NeedsYou {
            n: Some(bead.ordinal),
            kind: "found".to_owned(),
            subject: bead.id.to_string(),
            title: bead.spec.title.clone(),
            text: format!("{} found it; may it begin?", bead.created_by),
            unblocks: graph.dependents(&bead.id).count(),
            since: Moment(bead.since),
            next: format!("gtd approve {}", bead.id),
            snoozed_until: None,
        });
    }
    for queue in graph.queues().filter(|q| of_rig(&q.target.rig)) {
        if let Some(halt) = &queue.halt {
            items.push(NeedsYou {
                n: None,
                kind: "gate".to_owned(),
                subject: queue.target.rig.to_string(),
                title: format!("the queue of {} stands still", queue.target.short_ref()),
                text: halt_text(view.observations, queue, halt),
                unblocks: graph.queued(&queue.target).count(),
                since: Moment(halt.since),
                next: format!("gtd resume {}", queue.target.rig),
                snoozed_until: None,
            });
        }
    }
    for escalation in graph.escalations() {
        let about = BeadId::parse(&escalation.about).ok();
        let bead = about.as_ref().and_then(|id| graph.bead(id));
        if bead.is_some_and(|bead| !of_rig(&bead.rig)) {
            continue;
        }
        items.push(NeedsYou {
            n: bead.map(|bead| bead.ordinal),
            kind: "alert".to_owned(),
            subject: escalation.about.clone(),
            title: bead.map_or_else(|| escalation.about.clone(), |bead| bead.spec.title.clone()),
            text: escalation.text.clone(),
            unblocks: 0,
            since: Moment(escalation.since),
            next: match bead {
                Some(bead) => format!("gtd resume {}", bead.id),
                None => "gtd resume".to_owned(),
            },
            snoozed_until: None,
        });
    }
    items.extend(
        unpushed(view)
            .filter(|(rig, _)| of_rig(rig))
            .map(|(_, item)| item),
    );
    for (runtime, hold) in graph.runtime_holds() {
        if hold.until.is_none() {
            let waiting = graph.unfinished().filter(|bead| {
                bead.phase.is_open() && bead.wished_runtime() == Some(runtime.as_str())
            });
            items.push(NeedsYou {
                n: None,
                kind: "alert".to_owned(),
                subject: runtime.to_string(),
                title: format!("nothing begins with {runtime}"),
                text: hold.text.clone(),
                unblocks: waiting.count(),
                since: Moment(hold.since),
                next: format!("gtd resume {runtime}"),
                snoozed_until: None,
            });
        }
    }
    let revoked = graph.rigs().filter(|known| of_rig(&known.name));
    items.extend(revoked.filter_map(|known| {
        let revoked = known.revoked.as_ref()?;
        Some(NeedsYou {
            title: format!("is not trusted any more by {}", revoked.by),
            next: format!("gtd trust -r {}", known.name),
            ..pause_item(revoked)
        })
    }));
    items.extend(
        graph
            .pauses()
            .iter()
            .filter(|pause| match &pause.scope {
                PauseScope::Town | PauseScope::Role(_) | PauseScope::Runtime(_) => true,
                PauseScope::Rig(name) => of_rig(name),
                PauseScope::Bead(id) => graph.bead(id).is_none_or(|bead| of_rig(&bead.rig)),
            })
            .map(pause_item),
    );
    for item in &mut items {
        let snooze = graph.snooze_of(&item.kind, &item.subject);
        let hides = snooze.filter(|snooze| snooze.hides(item.since.0, view.now));
        item.snoozed_until = hides.map(|snooze| Moment(snooze.until));
    }
    items.sort_by_key(|item| {
        let unblocks = std::cmp::Reverse(item.unblocks);
        (item.is_snoozed(), unblocks, item.since)
    });
    items
}

/// Tells of the branches that a remote does not take.
fn unpushed(view: View<'_>) -> impl Iterator<Item = (&RigName, NeedsYou)> {
    view.graph.back_offs().filter_map(move |(key, wait)| {
        let (rig, branch) = key.strip_prefix(PUSH)?.split_once(' ')?;
        let rig = view.graph.rigs().find(|known| known.name.as_str() == rig)?;
        let branch = branch.strip_prefix("refs/heads/")?;
        rig.rules.merge.push.allows(branch).then(|| {
            let item = NeedsYou {
                n: None,
                kind: "alert".to_owned(),
                subject: rig.name.to_string(),
                title: format!("{branch} is not pushed"),
                text: wait.why.clone(),
                unblocks: 0,
                // A try takes no time to speak of.
                since: Moment(wait.until),
                next: "gtd doctor --only config".to_owned(),
                snoozed_until: None,
            };
            (&rig.name, item)
        })
    })
}

/// Tells of the beads that are parked or ask, or whose reviews failed, and returns their goals.
fn parked<'a>(
    view: View<'a>,
    rig: Option<&RigName>,
    items: &mut Vec<NeedsYou>,
) -> BTreeSet<&'a BeadId> {
    let graph = view.graph;
    let mut told = BTreeSet::new();
    // An attempt that waits for an answer is not parked yet.
    let asking = graph
        .asked()
        .filter(|bead| bead.phase.lease().is_some() && bead.question().is_some());
    let given_up = graph
        .submissions()
        .filter(|bead| matches!(graph.reviewing(bead), Reviewing::GivenUp(_)))
        // The yes to what is protected is worth that of a reviewer, and is asked for already.
        .filter(|bead| graph.unapproved(bead).is_none());
    for bead in graph
        .parked()
        .chain(asking)
        .chain(given_up)
        .filter(|bead| rig.is_none_or(|rig| *rig == bead.rig))
    {
        // A bead in whose place others are planned is told with its goal; and a goal that is planned
        // anew no more has nothing to ask.
        if graph.is_replanned(bead, view.now) || is_moot(view, bead) {
            continue;
        }
        told.extend(bead.goal.as_ref().or(Some(&bead.id)));
        let why = explain(graph, view.observations, &bead.id, view.now);
        if let Some(why) = why.filter(|why| why.verdict == Standing::NeedsYou) {
            let unblocks = graph.dependents(&bead.id).count();
            items.push(failure(bead, &why, unblocks));
        }
    }
    told
}

/// Tells whether an attempt at a new plan of a goal asks or is set aside, and none is wanted.
fn is_moot(view: View<'_>, bead: &Bead) -> bool {
    let goal = view.graph.goal(&bead.id);
    goal.is_some_and(|goal| goal.plan == PlanState::Approved)
        && view.graph.to_replan(&bead.id, view.now).is_empty()
}

/// Tells of a goal that waits for a yes, or that stands still while none of its beads is parked.
fn goal_item(
    view: View<'_>,
    bead: &Bead,
    goal: &Goal,
    told: &BTreeSet<&BeadId>,
) -> Option<NeedsYou> {
    let graph = view.graph;
    let id = &bead.id;
    if goal.plan == PlanState::Proposed {
        return Some(NeedsYou {
            n: Some(bead.ordinal),
            kind: "plan".to_owned(),
            subject: id.to_string(),
            title: bead.spec.title.clone(),
            text: format!("may its plan of {} begin?", count(goal.beads.len(), "bead")),
            unblocks: goal.beads.len(),
            since: Moment(bead.since),
            next: format!("gtd approve {id}"),
            snoozed_until: None,
        });
    }
    if !goal.replan.is_empty() {
        let beads = goal.beads.iter().filter_map(|id| graph.bead(id));
        let drafts = beads.filter(|bead| bead.phase == Phase::Draft).count();
        let old: Vec<&str> = goal.replan.iter().map(BeadId::as_str).collect();
        return Some(NeedsYou {
            n: Some(bead.ordinal),
            kind: "plan".to_owned(),
            subject: id.to_string(),
            title: bead.spec.title.clone(),
            text: format!(
                "may its new plan begin: {} in the place of {}?",
                count(drafts, "bead"),
                old.join(", ")
            ),
            unblocks: graph.tally_of_goal(id).unfinished(),
            since: Moment(bead.since),
            next: format!("gtd approve {id}"),
            snoozed_until: None,
        });
    }
    // A stop and a pause speak for themselves.
    let is_told = told.contains(id) || graph.stop().is_some() || graph.pause_of(bead).is_some();
    if is_told || !stands_still(graph, view.observations, id, view.now) {
        return None;
    }
    let why = explain(graph, view.observations, id, view.now)?;
    // So does a queue that stands still.
    let queue = graph.queue(&goal.target);
    let halt =
        queue.and_then(|queue| Some(halt_text(view.observations, queue, queue.halt.as_ref()?)));
    if halt.is_some_and(|text| why.chain.last().is_some_and(|cause| cause.text == text)) {
        return None;
    }
    // And a runtime that waits for a person.
    let is_held = |cause: &Cause| {
        let mut holds = graph.runtime_holds();
        holds.any(|(_, hold)| hold.until.is_none() && hold.text == cause.text)
    };
    if blocker(&why).is_some_and(is_held) {
        return None;
    }
    Some(failure(bead, &why, graph.tally_of_goal(id).unfinished()))
}

/// Tells of a submission that changes what only a person lets through.
fn approval(view: View<'_>, bead: &Bead) -> Option<NeedsYou> {
    let why = explain(view.graph, view.observations, &bead.id, view.now)?;
    let unblocks = view.graph.dependents(&bead.id).count();
    let is_it = why.reason() == Some(WaitReason::Approval);
    is_it.then(|| NeedsYou {
        kind: "approval".to_owned(),
        ..failure(bead, &why, unblocks)
    })
}

/// Finds what a person is needed for: not what a goal is planned anew for, but why it is not.
fn blocker(why: &Why) -> Option<&Cause> {
    let mut causes = why.chain.iter().rev();
    let blocks = causes.find(|cause| cause.code != WaitReason::Attempts);
    blocks.or(why.chain.last())
}

fn failure(bead: &Bead, why: &Why, unblocks: usize) -> NeedsYou {
    let cause = match &bead.phase {
        Phase::Parked { .. } | Phase::Submitted { .. } => why.chain.first(),
        _ if bead.question().is_some() => why.chain.first(),
        _ => blocker(why),
    };
    NeedsYou {
        n: Some(bead.ordinal),
        kind: match &bead.phase {
            Phase::Parked { why } if why.class == FaultClass::Question => "question",
            Phase::Submitted { .. } => "review",
            _ if bead.question().is_some() => "question",
            _ if cause.is_some_and(|cause| cause.code == WaitReason::Budget) => "budget",
            _ => "failure",
        }
        .to_owned(),
        subject: bead.id.to_string(),
        title: bead.spec.title.clone(),
        text: cause.map(|cause| cause.text.clone()).unwrap_or_default(),
        unblocks,
        since: why.since,
        next: why
            .next
            .first()
            .map(|next| next.cmd.clone())
            .unwrap_or_default(),
        snoozed_until: None,
    }
}

fn pause_item(pause: &Pause) -> NeedsYou {
    NeedsYou {
        n: None,
        kind: "pause".to_owned(),
        subject: match &pause.scope {
            PauseScope::Town => "town".to_owned(),
            PauseScope::Rig(rig) => rig.to_string(),
            PauseScope::Bead(bead) => bead.to_string(),
            PauseScope::Role(role) => role.to_string(),
            PauseScope::Runtime(runtime) => runtime.to_string(),
        },
        title: format!("is paused by {}", pause.by),
        text: if pause.why.trim().is_empty() {
            "no reason was given".to_owned()
        } else {
            pause.why.clone()
        },
        unblocks: 0,
        since: Moment(pause.since),
        next: resume(&pause.scope),
        snoozed_until: None,
    }
}
