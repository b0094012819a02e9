//! The reason of a goal that has no plan yet.

use super::{
    WaitReason,
    bead::{Found, dependency, find as find_of_bead, held_runtime, observed, paused, question},
    look::Look,
    money::{nearly_used, warning},
};
use crate::{Bead, FaultClass, Goal, Lease, Phase};

/// Finds why a goal has no plan yet: the person's word first, then the attempt, then what it
/// waits for.
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
        return at_work(look, bead, lease);
    }
    if let Some(found) = dependency(look, bead) {
        return found.then("its plan is made");
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
            format!("attempt {next} at its plan waits a little{story}"),
            bead.since,
        )
        .until(Some(not_before))
        .then(format!("attempt {next} at its plan begins"))
        .evidence(
            format!("gtd logs {}", bead.id),
            "what the last attempt said",
        )
        .next(format!("gtd bead retry {}", bead.id), "begin at once");
    }
    if let Some(seen) = look.observations.about(bead.id.as_str()).next() {
        return observed(seen).then("its plan is made");
    }
    Found::new(WaitReason::Working, "the mayor begins its plan", bead.since)
        .then("the plan's beads begin")
}

fn at_work(look: Look<'_>, bead: &Bead, lease: &Lease) -> Found {
    let id = &bead.id;
    let found = match look.observations.about(id.as_str()).next() {
        Some(seen) => observed(seen),
        None => {
            let who = bead.runtime_at_work().unwrap_or("an agent");
            let word = match lease.run {
                Some(_) => "makes its plan",
                None => "begins its plan",
            };
            let text = format!("{who} {word} (attempt {})", lease.epoch);
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
