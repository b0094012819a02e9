//! The reason of a goal that has no plan yet, or that is planned anew.

use super::{
    WaitReason,
    bead::{Found, dependency, find as find_of_bead, held_runtime, observed, paused, question},
    look::Look,
    money::{nearly_used, warning},
};
use crate::{Bead, Fault, FaultClass, Goal, Lease, Phase, PlanState};

/// Names the plan that is to be made.
fn noun(goal: &Goal) -> &'static str {
    match goal.plan {
        PlanState::Wanted => "its plan",
        PlanState::Proposed | PlanState::Approved => "a new plan for what is left",
    }
}

/// Tells whether a new plan for what is left of a goal is to be made.
pub(super) fn is_wanted_anew(look: Look<'_>, bead: &Bead) -> bool {
    !look.graph.to_replan(&bead.id, look.now).is_empty()
}

/// Says that a new plan for what is left of a goal waits for a yes.
pub(super) fn waits_for_yes(bead: &Bead) -> Found {
    let id = &bead.id;
    let text = "a new plan for what is left of it waits for your yes";
    Found::new(WaitReason::Approval, text, bead.since)
        .then("its beads take the place of those that were given up")
        .evidence(format!("gtd convoy show {id}"), "the new plan, as drafts")
        .next(format!("gtd approve {id}"), "let it begin")
        .next(
            format!("gtd reject {id} -m WHY"),
            "leave everything as it is",
        )
}

/// Finds the reason of a bead whose attempts are spent, where a new plan puts others in its place.
pub(super) fn anew(look: Look<'_>, bead: &Bead, why: &Fault) -> Option<Found> {
    let Look { graph, now, .. } = look;
    if !graph.is_replanned(bead, now) {
        return None;
    }
    let id = bead.goal.as_ref()?;
    let (owner, goal) = (graph.bead(id)?, graph.goal(id)?);
    let behind = match goal.replan.is_empty() {
        true => find(look, owner, goal),
        false => waits_for_yes(owner),
    };
    let mut found = Found::new(
        WaitReason::Attempts,
        format!("{}; {}", why.text, behind.text),
        bead.since,
    )
    .until(behind.until)
    .then("other beads take its place")
    .evidence(format!("gtd logs {}", bead.id), "what it printed")
    .evidence(format!("gtd bead show {}", bead.id), "its attempts");
    found.by_itself = behind.by_itself;
    found.on = behind.on;
    found.next = behind.next;
    Some(
        found
            .next(
                format!("gtd bead retry {}", bead.id),
                "try it again all the same",
            )
            .next(format!("gtd bead close {} -m WHY", bead.id), "give it up"),
    )
}

/// Finds why a goal has no plan yet, or no new one: the person's word first, then the attempt,
/// then what it waits for.
pub(super) fn find(look: Look<'_>, bead: &Bead, goal: &Goal) -> Found {
    let Look { graph, now, .. } = look;
    if let Phase::Parked { .. } = bead.phase {
        return find_of_bead(look, bead);
    }
    let pause = graph
        .pause_of(bead)
        .or_else(|| graph.pause_of_role("mayor"));
    if let Some(pause) = pause {
        return paused(pause);
    }
    if let Some(asked) = bead.question() {
        return question(bead, asked);
    }
    if let Some(lease) = bead.phase.lease() {
        return at_work(look, bead, goal, lease);
    }
    let noun = noun(goal);
    if let Some(found) = dependency(look, bead) {
        return found.then(format!("{noun} is made"));
    }
    if let Some(until) = goal.until.filter(|until| *until <= now) {
        let text = "its time is over; no plan is made any more";
        return Found::new(WaitReason::Schedule, text, until)
            .needs_person()
            .then("nothing, until somebody decides");
    }
    if let Phase::Returned { why } = &bead.phase
        && let FaultClass::Runtime { runtime, .. } = &why.class
        && let Some(found) = held_runtime(look, runtime.as_str(), bead.not_before)
    {
        return found;
    }
    if let Some(not_before) = bead.waits_until().filter(|moment| *moment > now) {
        let story = match &bead.phase {
            Phase::Returned { why } => format!("; the last: {}", why.text),
            _ => String::new(),
        };
        let next = bead.epoch.next();
        return Found::new(
            WaitReason::Backoff,
            format!("attempt {next} at {noun} waits a little{story}"),
            bead.since,
        )
        .until(Some(not_before))
        .then(format!("attempt {next} at {noun} begins"))
        .evidence(
            format!("gtd logs {}", bead.id),
            "what the last attempt said",
        )
        .next(format!("gtd bead retry {}", bead.id), "begin at once");
    }
    if let Some(seen) = look.observations.about(bead.id.as_str()).next() {
        return observed(seen).then(format!("{noun} is made"));
    }
    let text = format!("the mayor begins {noun}");
    Found::new(WaitReason::Working, text, bead.since).then("the plan's beads begin")
}

fn at_work(look: Look<'_>, bead: &Bead, goal: &Goal, lease: &Lease) -> Found {
    let id = &bead.id;
    let noun = noun(goal);
    let found = match look.observations.about(id.as_str()).next() {
        Some(seen) => observed(seen),
        None => {
            let who = bead.runtime_at_work().unwrap_or("an agent");
            let word = match lease.run {
                Some(_) => "makes",
                None => "begins",
            };
            let text = format!("{who} {word} {noun} (attempt {})", lease.epoch);
            match nearly_used(look, bead) {
                None => Found::new(WaitReason::Working, text, lease.granted_at),
                Some(short) => {
                    let text = format!("{text}; {}", warning(&short));
                    Found::new(WaitReason::Working, text, lease.granted_at)
                        .next(short.more.cmd, &short.more.text)
                }
            }
        }
    };
    found
        .then("the plan is checked, and its beads begin")
        .evidence(format!("gtd logs {id} -f"), "what it says")
}
