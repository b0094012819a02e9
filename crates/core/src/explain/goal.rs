//! The reason of a goal: its plan, its beads, or its own acceptance.

use super::{Cause, Observations, Standing, Subject, WaitReason, Why, bead::count, step};
use crate::{Bead, BeadId, Goal, Graph, Moment, Outcome, Phase, PlanState, Timestamp};

/// Tells whether nothing of a goal can move without a person.
#[must_use]
pub fn stands_still(
    graph: &Graph,
    observations: &Observations,
    id: &BeadId,
    now: Timestamp,
) -> bool {
    let (Some(bead), Some(goal)) = (graph.bead(id), graph.goal(id)) else {
        return false;
    };
    if bead.phase.is_finished() {
        return false;
    }
    if goal.plan == PlanState::Proposed || graph.stop().is_some() {
        return true;
    }
    let mut open = goal
        .beads
        .iter()
        .filter_map(|id| graph.bead(id))
        .filter(|bead| !bead.phase.is_finished())
        .peekable();
    open.peek().is_some()
        && open.all(|bead| !super::bead::explain(graph, observations, bead, now).clears_by_itself)
}

pub(super) fn explain(
    graph: &Graph,
    observations: &Observations,
    bead: &Bead,
    goal: &Goal,
    now: Timestamp,
) -> Why {
    let id = &bead.id;
    let still = stands_still(graph, observations, id, now);
    let mut why = Why {
        subject: Subject {
            kind: "convoy".to_owned(),
            id: id.clone(),
            title: bead.spec.title.clone(),
        },
        state: graph.goal_state(bead, goal, still).word().to_owned(),
        since: Moment(bead.since),
        verdict: Standing::Waiting,
        clears_by_itself: true,
        eta: None,
        chain: vec![],
        then: String::new(),
        evidence: vec![step(format!("gtd convoy show {id}"), "all of its beads")],
        next: vec![],
    };
    if let Phase::Closed { outcome, why: text } = &bead.phase {
        why.verdict = match outcome {
            Outcome::Cancelled | Outcome::Failed => Standing::Failed,
            _ => Standing::Ok,
        };
        why.then.clone_from(text);
        why.next = vec![step("gtd report", "what happened")];
        return why;
    }
    let cause = |code: WaitReason, text: String, since: Timestamp| Cause {
        code,
        text,
        subject: id.to_string(),
        since: Moment(since),
    };
    let needs_you = |why: &mut Why| {
        why.verdict = Standing::NeedsYou;
        why.clears_by_itself = false;
    };
    if let Some(stop) = graph.stop() {
        needs_you(&mut why);
        why.chain = vec![cause(
            WaitReason::Stopped,
            format!("everything was stopped by {}: {}", stop.by, stop.why),
            stop.since,
        )];
        why.next = vec![step("gtd resume --all", "end the stop")];
        return why;
    }
    match goal.plan {
        PlanState::Proposed => {
            needs_you(&mut why);
            why.chain = vec![cause(
                WaitReason::Approval,
                "its plan waits for your yes".to_owned(),
                bead.since,
            )];
            why.next = vec![step(format!("gtd approve {id}"), "let the plan begin")];
            return why;
        }
        PlanState::Wanted => {
            let seen = observations.about(id.as_str()).next();
            let reason = seen.map_or(WaitReason::Working, |seen| seen.reason);
            let text = seen.map_or_else(
                || "the mayor makes the plan".to_owned(),
                |seen| seen.text.clone(),
            );
            if !reason.clears_by_itself() {
                needs_you(&mut why);
            }
            why.chain = vec![cause(reason, text, bead.since)];
            why.next = vec![step(format!("gtd stop {id}"), "cancel it")];
            return why;
        }
        PlanState::Approved => {}
    }
    let open: Vec<&Bead> = goal
        .beads
        .iter()
        .filter_map(|id| graph.bead(id))
        .filter(|bead| !bead.phase.is_finished())
        .collect();
    if open.is_empty() {
        why.chain = vec![cause(
            WaitReason::GateRunning,
            "all of its beads have ended; its own acceptance is being checked".to_owned(),
            bead.since,
        )];
        why.then = "the goal ends".to_owned();
        return why;
    }
    let reasons: Vec<Why> = open
        .iter()
        .map(|bead| super::bead::explain(graph, observations, bead, now))
        .collect();
    // What needs a person first, then what is at work, then the rest.
    let first = reasons
        .iter()
        .find(|reason| still && !reason.clears_by_itself)
        .or_else(|| {
            reasons
                .iter()
                .find(|reason| reason.reason() == Some(WaitReason::Working))
        })
        .or_else(|| reasons.iter().find(|reason| reason.clears_by_itself));
    why.chain = vec![cause(
        WaitReason::Dependency,
        format!(
            "{} of {} have not ended",
            open.len(),
            count(goal.beads.len(), "bead")
        ),
        bead.since,
    )];
    if let Some(first) = first {
        why.chain.extend(first.chain.iter().cloned());
        why.next.clone_from(&first.next);
        why.eta = first.eta;
    }
    if still {
        needs_you(&mut why);
    }
    why.then = "its own acceptance is checked and the goal ends".to_owned();
    why
}
