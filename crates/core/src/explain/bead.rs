//! The reason of one bead, looked for in a fixed order: the person's word
//! first, then where the bead is.

use super::{Cause, NextStep, Observation, Observations, Standing, Subject, WaitReason, Why, step};
use crate::{
    Bead, FaultClass, Graph, HaltKind, Holder, Lease, Moment, Phase, PlanState, Queue, Timestamp,
};

/// How far a chain of dependences is followed.
const CHAIN_MAX: usize = 12;

/// A reason that was found, before it becomes a document.
struct Found {
    reason: WaitReason,
    text: String,
    since: Timestamp,
    until: Option<Timestamp>,
    by_itself: bool,
    then: String,
    evidence: Vec<NextStep>,
    next: Vec<NextStep>,
    behind: Vec<Cause>,
}

impl Found {
    fn new(reason: WaitReason, text: impl Into<String>, since: Timestamp) -> Self {
        Self {
            reason,
            text: text.into(),
            since,
            until: None,
            by_itself: reason.clears_by_itself(),
            then: String::new(),
            evidence: Vec::new(),
            next: Vec::new(),
            behind: Vec::new(),
        }
    }

    fn next(mut self, cmd: impl Into<String>, text: &str) -> Self {
        self.next.push(step(cmd, text));
        self
    }

    fn evidence(mut self, cmd: impl Into<String>, text: &str) -> Self {
        self.evidence.push(step(cmd, text));
        self
    }

    fn then(mut self, text: impl Into<String>) -> Self {
        self.then = text.into();
        self
    }

    fn until(mut self, until: Option<Timestamp>) -> Self {
        self.until = until;
        self
    }

    fn needs_person(mut self) -> Self {
        self.by_itself = false;
        self
    }
}

pub(super) fn explain(
    graph: &Graph,
    observations: &Observations,
    bead: &Bead,
    now: Timestamp,
) -> Why {
    let state = graph.state_of(bead, now).word().to_owned();
    let subject = Subject {
        kind: "bead".to_owned(),
        id: bead.id.clone(),
        title: bead.spec.title.clone(),
    };
    if bead.phase.is_finished() {
        let good = bead.phase.is_good();
        let id = &bead.id;
        return Why {
            subject,
            state,
            since: Moment(bead.since),
            verdict: if good { Standing::Ok } else { Standing::Failed },
            clears_by_itself: true,
            eta: None,
            chain: vec![],
            then: ending(&bead.phase),
            evidence: vec![step(format!("gtd bead show {id}"), "its whole story")],
            next: if good {
                vec![]
            } else {
                vec![step(format!("gtd bead retry {id}"), "try it again")]
            },
        };
    }
    let found = find(graph, observations, bead, now, 0);
    let mut chain = vec![Cause {
        code: found.reason,
        text: found.text,
        subject: bead.id.to_string(),
        since: Moment(found.since),
    }];
    chain.extend(found.behind);
    Why {
        subject,
        state,
        since: Moment(found.since),
        verdict: if found.by_itself {
            Standing::Waiting
        } else {
            Standing::NeedsYou
        },
        clears_by_itself: found.by_itself,
        eta: found.until.map(Moment),
        chain,
        then: found.then,
        evidence: found.evidence,
        next: found.next,
    }
}

fn ending(phase: &Phase) -> String {
    match phase {
        Phase::Landed { commit, .. } => format!("landed as {}", commit.short()),
        Phase::Closed { why, .. } => why.clone(),
        _ => String::new(),
    }
}

fn find(
    graph: &Graph,
    observations: &Observations,
    bead: &Bead,
    now: Timestamp,
    depth: usize,
) -> Found {
    let id = &bead.id;
    if let Some(stop) = graph.stop() {
        return Found::new(
            WaitReason::Stopped,
            format!("everything was stopped by {}: {}", stop.by, stop.why),
            stop.since,
        )
        .then("it goes on where it was")
        .next("gtd resume --all", "end the stop");
    }
    if bead.phase == Phase::Draft {
        let goal = bead.goal.as_ref();
        let found = Found::new(
            WaitReason::Approval,
            "its plan waits for your yes",
            bead.since,
        )
        .then("it begins when its needs are met");
        return match goal {
            Some(goal) => found
                .evidence(format!("gtd convoy show {goal}"), "the plan")
                .next(format!("gtd approve {goal}"), "let the plan begin"),
            None => found,
        };
    }
    if let Phase::Parked { why } = &bead.phase {
        let reason = match why.class {
            FaultClass::Person => WaitReason::Paused,
            FaultClass::Question => WaitReason::Question,
            FaultClass::Infra => WaitReason::GateInfra,
            _ => WaitReason::Attempts,
        };
        return Found::new(reason, why.text.clone(), bead.since)
            .then("a retry gives it all of its attempts anew")
            .evidence(format!("gtd logs {id}"), "what it printed")
            .evidence(format!("gtd bead show {id}"), "its attempts")
            .next(format!("gtd bead retry {id}"), "try it again")
            .next(format!("gtd bead close {id} -m WHY"), "give it up");
    }
    match &bead.phase {
        Phase::Leased(lease) => at_work(observations, bead, lease),
        Phase::Submitted { .. } => handed_in(graph, observations, bead),
        _ => open(graph, observations, bead, now, depth),
    }
}

/// Turns what a role saw into the reason.
fn observed(seen: &Observation) -> Found {
    Found::new(seen.reason, seen.text.clone(), seen.since).until(seen.until)
}

fn at_work(observations: &Observations, bead: &Bead, lease: &Lease) -> Found {
    let id = &bead.id;
    if let Some(seen) = observations.about(id.as_str()).next() {
        return observed(seen)
            .then("the attempt goes on, or ends and counts")
            .evidence(format!("gtd logs {id} -n 40"), "its last output");
    }
    let name = lease.holder.name();
    let text = match (&lease.holder, &lease.run) {
        (Holder::Claimant { .. }, _) => format!("{name} has claimed it"),
        (Holder::Seat { .. }, None) => format!("{name} is starting (attempt {})", lease.epoch),
        (Holder::Seat { .. }, Some(_)) => format!("{name} is at work (attempt {})", lease.epoch),
    };
    Found::new(WaitReason::Working, text, lease.granted_at)
        .then("when it is done, its checks run and it is handed in")
        .evidence(format!("gtd logs {id} -f"), "what it prints")
        .next(format!("gtd stop {id}"), "cancel it")
}

fn handed_in(graph: &Graph, observations: &Observations, bead: &Bead) -> Found {
    let id = &bead.id;
    if let Some(pause) = graph.pause_of(bead) {
        return paused(pause);
    }
    let target = graph.target_of(bead);
    let Some((target, queue)) = target
        .as_ref()
        .and_then(|target| Some((target, graph.queue(target)?)))
    else {
        return Found::new(
            WaitReason::MergeQueue,
            "handed in; the refinery looks at it next",
            bead.since,
        )
        .then("its gates run on the merged tree")
        .evidence("gtd logs refinery -n 20", "what the refinery does");
    };
    if let Some(halt) = &queue.halt {
        let reason = match halt.kind {
            HaltKind::MainRed => WaitReason::MainRed,
            HaltKind::GateInfra => WaitReason::GateInfra,
        };
        let rig = &bead.rig;
        return Found::new(reason, halt.text.clone(), halt.since)
            .then("the queue goes on when the branch moves or you resume it")
            .evidence(format!("gtd logs {}", halt.run), "the gate's output")
            .next(format!("gtd resume {rig}"), "run the gate again");
    }
    let in_candidate = queue
        .candidate
        .as_ref()
        .filter(|candidate| candidate.members.iter().any(|member| member.bead == *id));
    let is_suspect = queue.suspects.contains(id);
    if is_suspect {
        let n = queue.suspects.len();
        return Found::new(
            WaitReason::Bisecting,
            format!("a batch was red; {n} of it are still under suspicion"),
            bead.since,
        )
        .then("green parts land, the culprit goes back to a worker")
        .evidence("gtd logs refinery -n 20", "the splits so far");
    }
    if let Some(candidate) = in_candidate {
        if let Some(seen) = observations.about(id.as_str()).next() {
            return observed(seen)
                .then("green lands, red goes back with its output")
                .evidence(format!("gtd logs {}", candidate.id), "the gates' output");
        }
        return Found::new(
            WaitReason::GateRunning,
            format!(
                "candidate {} of {} is in its gates",
                candidate.id,
                count(candidate.members.len(), "bead")
            ),
            candidate.formed_at,
        )
        .then("green lands, red goes back with its output")
        .evidence(format!("gtd logs {}", candidate.id), "the gates' output");
    }
    if let Some(seen) = observations
        .about(id.as_str())
        .find(|seen| seen.reason == WaitReason::Review)
    {
        return observed(seen);
    }
    in_line(graph, bead, target, queue)
}

fn in_line(graph: &Graph, bead: &Bead, target: &crate::Target, queue: &Queue) -> Found {
    let n = graph.queued(target).count();
    let position = graph
        .queued(target)
        .position(|other| other.id == bead.id)
        .map_or(n, |at| at + 1);
    let draining = if queue.candidate.is_some() {
        "a candidate is in test"
    } else {
        "the refinery forms the next candidate"
    };
    Found::new(
        WaitReason::MergeQueue,
        format!("position {position} of {n}; {draining}"),
        bead.since,
    )
    .then("its gates run on the merged tree")
    .evidence("gtd logs refinery -n 20", "what the refinery does")
}

fn paused(pause: &crate::Pause) -> Found {
    let scope = match &pause.scope {
        crate::PauseScope::Town => String::new(),
        crate::PauseScope::Rig(rig) => format!(" {rig}"),
        crate::PauseScope::Bead(bead) => format!(" {bead}"),
        crate::PauseScope::Role(role) => format!(" {role}"),
    };
    let text = if pause.why.is_empty() {
        format!("paused by {}", pause.by)
    } else {
        format!("paused by {}: {}", pause.by, pause.why)
    };
    Found::new(WaitReason::Paused, text, pause.since)
        .then("it goes on where it was")
        .next(format!("gtd resume{scope}"), "end the pause")
}

fn open(
    graph: &Graph,
    observations: &Observations,
    bead: &Bead,
    now: Timestamp,
    depth: usize,
) -> Found {
    let id = &bead.id;
    if let Some(pause) = graph.pause_of(bead) {
        return paused(pause);
    }
    if graph.is_spent(bead) {
        let text = match &bead.phase {
            Phase::Returned { why } => format!("all attempts are spent; the last: {}", why.text),
            _ => "all attempts are spent".to_owned(),
        };
        return Found::new(WaitReason::Attempts, text, bead.since)
            .then("a retry gives it all of its attempts anew")
            .evidence(format!("gtd logs {id}"), "what it printed")
            .next(format!("gtd bead retry {id}"), "try it again");
    }
    let goal = bead.goal.as_ref().and_then(|goal| graph.goal(goal));
    if let Some(until) = goal.and_then(|goal| goal.until)
        && until <= now
    {
        return Found::new(
            WaitReason::Schedule,
            "its goal's time is over; no new attempt begins",
            until,
        )
        .needs_person()
        .then("nothing, until somebody decides")
        .next(format!("gtd bead close {id} -m WHY"), "give it up");
    }
    if let Some(blocker) = graph.blockers(bead).first() {
        return dependency(graph, observations, bead, blocker, now, depth);
    }
    if let Some(defer) = bead.spec.defer_until.filter(|defer| *defer > now) {
        return Found::new(WaitReason::Schedule, "it is deferred", bead.created_at)
            .until(Some(defer))
            .then("it begins when a seat is free");
    }
    if let Some(not_before) = bead.not_before.filter(|moment| *moment > now) {
        let story = match &bead.phase {
            Phase::Returned { why } => format!("; the last: {}", why.text),
            _ => String::new(),
        };
        return Found::new(
            WaitReason::Backoff,
            format!("attempt {} waits a little{story}", bead.epoch.next()),
            bead.since,
        )
        .until(Some(not_before))
        .then(format!("attempt {} begins", bead.epoch.next()))
        .evidence(format!("gtd logs {id}"), "what the last attempt printed")
        .next(format!("gtd bead retry {id}"), "begin at once");
    }
    if goal.is_some_and(|goal| goal.plan != PlanState::Approved) {
        return Found::new(
            WaitReason::Approval,
            "its plan waits for your yes",
            bead.since,
        );
    }
    if bead.wished_runtime().is_none() {
        return Found::new(
            WaitReason::RuntimeDown,
            "it has no script, and no agent program is configured",
            bead.since,
        )
        .then("somebody can take it by hand")
        .next(format!("gtd bead claim {id}"), "do it yourself")
        .next(format!("gtd bead close {id} -m WHY"), "give it up");
    }
    for subject in [id.as_str(), bead.rig.as_str(), "town"] {
        if let Some(seen) = observations.about(subject).next() {
            return observed(seen).then("it begins when a seat is free");
        }
    }
    ready(graph, bead, now)
}

fn ready(graph: &Graph, bead: &Bead, now: Timestamp) -> Found {
    let id = &bead.id;
    if let Phase::Returned { why } = &bead.phase {
        let reason = match &why.class {
            FaultClass::Conflict { .. } => Some(WaitReason::Conflict),
            FaultClass::Gate { .. } | FaultClass::Check { .. } => Some(WaitReason::GateFailed),
            _ => None,
        };
        if let Some(reason) = reason {
            return Found::new(reason, why.text.clone(), bead.since)
                .then(format!("attempt {} begins", bead.epoch.next()))
                .evidence(format!("gtd logs {id}"), "the output");
        }
    }
    let ahead = graph
        .ready(&bead.rig, now)
        .take_while(|other| other.id != *id)
        .count();
    let max = graph.rig(&bead.rig).map_or(0, |rig| {
        usize::try_from(rig.rules.worker.max).unwrap_or(usize::MAX)
    });
    let busy = graph.leased().filter(|other| other.rig == bead.rig).count();
    let found = if busy >= max {
        Found::new(
            WaitReason::Capacity,
            format!(
                "all {max} worker slots are busy; {} in line",
                ordinal(ahead + 1)
            ),
            bead.since,
        )
    } else if ahead > 0 {
        Found::new(
            WaitReason::Priority,
            format!("{} ahead", count(ahead, "bead")),
            bead.since,
        )
    } else {
        Found::new(WaitReason::Priority, "it is next in line", bead.since)
    };
    found
        .then("it begins when a seat is free")
        .next("gtd ps", "who is at work")
}

fn dependency(
    graph: &Graph,
    observations: &Observations,
    bead: &Bead,
    blocker: &Bead,
    now: Timestamp,
    depth: usize,
) -> Found {
    let n = graph.blockers(bead).len();
    let others = if n > 1 {
        format!(" and {}", count(n - 1, "other"))
    } else {
        String::new()
    };
    let other = &blocker.id;
    let mut found = Found::new(
        WaitReason::Dependency,
        format!("waits for {other}{others} ({})", blocker.spec.title),
        bead.since,
    )
    .then("it begins when that has landed");
    if blocker.phase.is_finished() {
        found.text = format!(
            "needs {other}, which ended as {}",
            graph.state_of(blocker, now).word()
        );
        return found
            .needs_person()
            .next(format!("gtd bead retry {other}"), "try that one again")
            .next(
                format!("gtd bead dep rm {} --needs {other}", bead.id),
                "drop the need",
            );
    }
    if depth < CHAIN_MAX {
        let behind = find(graph, observations, blocker, now, depth + 1);
        found.by_itself = behind.by_itself;
        found.until = behind.until;
        found.behind.push(Cause {
            code: behind.reason,
            text: behind.text,
            subject: other.to_string(),
            since: Moment(behind.since),
        });
        found.behind.extend(behind.behind);
        if !behind.by_itself {
            found.next.extend(behind.next);
        }
    }
    found.next(format!("gtd why {other}"), "why that waits")
}

pub(super) fn count(n: usize, what: &str) -> String {
    if n == 1 {
        format!("1 {what}")
    } else {
        format!("{n} {what}s")
    }
}

fn ordinal(n: usize) -> String {
    let suffix = match (n % 10, n % 100) {
        (1, teen) if teen != 11 => "st",
        (2, teen) if teen != 12 => "nd",
        (3, teen) if teen != 13 => "rd",
        _ => "th",
    };
    format!("{n}{suffix}")
}
