//! The reason of a goal: its plan, its beads, or its own acceptance.

use super::{
    Cause, Observations, Standing, Subject, WaitReason, Why,
    bead::{Found, blame, count, observed, paused},
    look::{Look, Memo},
    step,
};
use crate::{
    Bead, BeadId, FaultClass, Goal, Graph, LandMode, Landing, Moment, Outcome, Phase, PlanState,
    Timestamp, Verdict,
};

/// Tells whether nothing of a goal can move without a person.
#[must_use]
pub fn stands_still(
    graph: &Graph,
    observations: &Observations,
    id: &BeadId,
    now: Timestamp,
) -> bool {
    let look = Look {
        graph,
        observations,
        now,
    };
    match (graph.bead(id), graph.goal(id)) {
        (Some(bead), Some(goal)) => stands(look, &mut Memo::default(), bead, goal),
        _ => false,
    }
}

pub(super) fn stands(look: Look<'_>, memo: &mut Memo, bead: &Bead, goal: &Goal) -> bool {
    if bead.phase.is_finished() {
        return false;
    }
    if look.graph.stop().is_some() || goal.plan == PlanState::Proposed {
        return true;
    }
    let mut open = look.graph.open_beads_of(&bead.id);
    if open.any(|open| memo.goes_on(look, &open.id)) {
        return false;
    }
    let own = own_part(look, bead, goal);
    match &own.on {
        Some(on) => !memo.goes_on(look, on),
        None => !own.by_itself,
    }
}

/// Finds what a goal itself does or waits for, besides its beads.
fn own_part(look: Look<'_>, bead: &Bead, goal: &Goal) -> Found {
    let id = &bead.id;
    if !goal.replan.is_empty() {
        return super::plan::waits_for_yes(bead);
    }
    if super::plan::is_wanted_anew(look, bead) {
        return super::plan::find(look, bead, goal);
    }
    let n_open = look.graph.open_in_goal(id);
    if goal.plan == PlanState::Approved && n_open > 0 {
        let n = goal.beads.len();
        return Found::new(
            WaitReason::Dependency,
            match (n_open, n) {
                (1, 1) => "its one bead has not ended".to_owned(),
                (1, n) => format!("1 of {} has not ended", count(n, "bead")),
                (open, n) => format!("{open} of {} have not ended", count(n, "bead")),
            },
            bead.since,
        )
        .needs_person();
    }
    if goal.plan == PlanState::Wanted {
        return super::plan::find(look, bead, goal);
    }
    if let Some(pause) = look.graph.pause_of_role("mayor") {
        return paused(pause);
    }
    if let Some(seen) = look.observations.about(id.as_str()).next() {
        return observed(seen);
    }
    if goal.target.mode == LandMode::PullRequest {
        match &goal.landing {
            Landing::Asked { since } => {
                return Found::new(
                    WaitReason::PullRequest,
                    "its pull request is being opened",
                    *since,
                )
                .then("it has landed when that is merged");
            }
            Landing::Refused { why } => {
                return Found::new(WaitReason::RemoteFailed, why.clone(), bead.since)
                    .next(format!("gtd convoy land {id}"), "propose it again")
                    .next(format!("gtd convoy cancel {id}"), "give it up");
            }
            Landing::Unasked | Landing::Done { .. } => {}
        }
    }
    Found::new(
        WaitReason::GateRunning,
        "all of its beads have ended; its own acceptance is being checked",
        bead.since,
    )
}

/// Finds the reason of a goal that something else waits for.
pub(super) fn waits_for_goal(look: Look<'_>, memo: &mut Memo, bead: &Bead) -> Found {
    let id = &bead.id;
    let Some(goal) = look.graph.goal(id) else {
        return Found::new(WaitReason::Dependency, "", bead.since);
    };
    let mut found = if goal.plan == PlanState::Proposed {
        Found::new(
            WaitReason::Approval,
            "its plan waits for your yes",
            bead.since,
        )
        .next(format!("gtd approve {id}"), "let the plan begin")
    } else {
        own_part(look, bead, goal).next(format!("gtd why {id}"), "why that goal waits")
    };
    found.by_itself = memo.goes_on(look, id);
    found
}

pub(super) fn explain(look: Look<'_>, bead: &Bead, goal: &Goal) -> Why {
    let Look { graph, .. } = look;
    let id = &bead.id;
    let mut memo = Memo::default();
    let still = stands(look, &mut memo, bead, goal);
    let mut why = Why {
        subject: Subject {
            kind: "convoy".to_owned(),
            id: id.clone(),
            title: bead.spec.title.clone(),
        },
        state: graph.goal_state(bead, goal, still).word().to_owned(),
        since: Moment(bead.since),
        verdict: if still {
            Standing::NeedsYou
        } else {
            Standing::Waiting
        },
        clears_by_itself: !still,
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
        why.evidence.extend(
            goal.proof
                .iter()
                .filter(|run| run.verdict != Verdict::Passed)
                .map(|run| {
                    let what = format!("what {} printed", run.gate);
                    step(format!("gtd logs {}", run.run), &what)
                }),
        );
        why.next = vec![step("gtd report", "what happened")];
        return why;
    }
    let cause = |code: WaitReason, text: String, since: Timestamp| Cause {
        code,
        text,
        subject: id.to_string(),
        since: Moment(since),
    };
    if let Some(stop) = graph.stop() {
        why.chain = vec![cause(
            WaitReason::Stopped,
            format!("everything was stopped by {}", blame(&stop.by, &stop.why)),
            stop.since,
        )];
        why.then = "it goes on where it was".to_owned();
        why.next = vec![step("gtd resume --all", "end the stop")];
        return why;
    }
    if goal.plan == PlanState::Proposed {
        why.chain = vec![cause(
            WaitReason::Approval,
            "its plan waits for your yes".to_owned(),
            bead.since,
        )];
        why.then = "its beads begin".to_owned();
        why.next = vec![step(format!("gtd approve {id}"), "let the plan begin")];
        return why;
    }
    let own = own_part(look, bead, goal);
    why.chain = vec![cause(own.reason, own.text, own.since)];
    why.eta = own.until.map(Moment);
    why.next = own.next;
    why.then = "its own acceptance is checked and the goal ends".to_owned();
    let is_planned_anew = !goal.replan.is_empty() || super::plan::is_wanted_anew(look, bead);
    if goal.plan == PlanState::Wanted || is_planned_anew {
        let given_up = look.graph.open_beads_of(id).filter_map(|open| {
            let Phase::Parked { why } = &open.phase else {
                return None;
            };
            let is_it = is_planned_anew && why.class == FaultClass::Attempts;
            is_it.then(|| Cause {
                code: WaitReason::Attempts,
                text: why.text.clone(),
                subject: open.id.to_string(),
                since: Moment(open.since),
            })
        });
        why.chain.extend(given_up.take(1));
        why.then = own.then;
        why.evidence.extend(own.evidence);
        why.next.push(step(format!("gtd stop {id}"), "cancel it"));
        return why;
    }
    // What needs a person first when nothing moves, then what is at work, then the rest.
    let first = if still {
        graph.open_beads_of(id).next()
    } else {
        graph
            .open_beads_of(id)
            .find(|bead| bead.phase.lease().is_some())
            .or_else(|| {
                graph
                    .open_beads_of(id)
                    .find(|open| memo.goes_on(look, &open.id))
            })
    };
    if let Some(first) = first {
        let behind = super::bead::explain(look, first);
        why.chain.extend(behind.chain);
        why.next = behind.next;
        why.eta = behind.eta;
    }
    why
}
