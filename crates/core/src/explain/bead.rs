//! The reason of one bead, looked for in a fixed order: the person's word
//! first, then where the bead is.
//!
//! A bead that waits for another goes on by itself when the last one of that
//! chain does. A chain may be as long as the town: it is followed in a loop.

use super::{
    Cause, NextStep, Observation, Standing, Subject, WaitReason, Why,
    goal::waits_for_goal,
    look::{Look, Memo},
    money::{nearly_used, warning},
    queue::handed_in,
    step,
};
use crate::{
    Actor, Asked, Bead, BeadId, FaultClass, Holder, Lease, Moment, Phase, Purse, Shortage,
    Timestamp,
};

/// How many links of a chain of dependences are told.
const CHAIN_MAX: usize = 12;
/// How many beads ahead are counted.
const AHEAD_MAX: usize = 100;

/// A reason that was found, before it becomes a document.
pub(super) struct Found {
    pub(super) reason: WaitReason,
    pub(super) text: String,
    pub(super) since: Timestamp,
    pub(super) until: Option<Timestamp>,
    pub(super) by_itself: bool,
    pub(super) then: String,
    pub(super) evidence: Vec<NextStep>,
    pub(super) next: Vec<NextStep>,
    /// The unfinished bead or goal that this one waits for.
    pub(super) on: Option<BeadId>,
}

impl Found {
    pub(super) fn new(reason: WaitReason, text: impl Into<String>, since: Timestamp) -> Self {
        let text = text.into();
        Self {
            reason,
            text: if text.trim().is_empty() {
                reason.code().replace('_', " ")
            } else {
                text
            },
            since,
            until: None,
            by_itself: reason.clears_by_itself(),
            then: String::new(),
            evidence: Vec::new(),
            next: Vec::new(),
            on: None,
        }
    }

    pub(super) fn next(mut self, cmd: impl Into<String>, text: &str) -> Self {
        self.next.push(step(cmd, text));
        self
    }

    pub(super) fn evidence(mut self, cmd: impl Into<String>, text: &str) -> Self {
        self.evidence.push(step(cmd, text));
        self
    }

    pub(super) fn then(mut self, text: impl Into<String>) -> Self {
        self.then = text.into();
        self
    }

    pub(super) fn until(mut self, until: Option<Timestamp>) -> Self {
        self.until = until;
        self
    }

    pub(super) fn needs_person(mut self) -> Self {
        self.by_itself = false;
        self
    }

    fn cause(&self, subject: &BeadId) -> Cause {
        Cause {
            code: self.reason,
            text: self.text.clone(),
            subject: subject.to_string(),
            since: Moment(self.since),
        }
    }
}

pub(super) fn explain(look: Look<'_>, bead: &Bead) -> Why {
    let state = look.graph.state_of(bead, look.now).word().to_owned();
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
    let mut found = find(look, bead);
    let mut chain = vec![found.cause(&bead.id)];
    follow(look, &mut found, &mut chain);
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

/// Follows a dependence to the last of its chain, which decides whether it clears by itself.
fn follow(look: Look<'_>, found: &mut Found, chain: &mut Vec<Cause>) {
    let mut next = found.on.clone();
    let mut steps = 0;
    while let Some(other) = next.as_ref().and_then(|id| look.graph.bead(id)) {
        let behind = if look.graph.goal(&other.id).is_some() {
            waits_for_goal(look, &mut Memo::default(), other)
        } else {
            find(look, other)
        };
        if chain.len() <= CHAIN_MAX {
            chain.push(behind.cause(&other.id));
        }
        next = behind.on.clone();
        steps += 1;
        if next.is_none() || steps > look.graph.n_beads() {
            found.by_itself = behind.by_itself;
            found.until = behind.until;
            if !behind.by_itself {
                found.next.splice(0..0, behind.next);
            }
            return;
        }
    }
}

/// Finds the reason of a bead that has not ended, without looking at what it waits for.
pub(super) fn find(look: Look<'_>, bead: &Bead) -> Found {
    let Look { graph, .. } = look;
    let id = &bead.id;
    if let Some(stop) = graph.stop() {
        return Found::new(
            WaitReason::Stopped,
            format!("everything was stopped by {}", blame(&stop.by, &stop.why)),
            stop.since,
        )
        .then("it goes on where it was")
        .next("gtd resume --all", "end the stop");
    }
    if graph.rig(&bead.rig).is_none() {
        return Found::new(
            WaitReason::Untrusted,
            format!("its repository {} is no rig of this town", bead.rig),
            bead.since,
        )
        .then("it goes on where it was")
        .next("gtd init", "in the repository: make it a rig again")
        .next(format!("gtd bead close {id} -m WHY"), "give it up");
    }
    if bead.phase == Phase::Draft {
        return draft(bead);
    }
    if let Phase::Parked { why } = &bead.phase {
        if let Some(found) = super::plan::anew(look, bead, why) {
            return found;
        }
        let reason = match why.class {
            FaultClass::Person => WaitReason::Paused,
            FaultClass::Question => WaitReason::Question,
            FaultClass::Infra => WaitReason::GateInfra,
            FaultClass::Conflict { .. } => WaitReason::Conflict,
            _ => WaitReason::Attempts,
        };
        let is_conflict = reason == WaitReason::Conflict;
        let asks = why.class == FaultClass::Question;
        let text = match (reason, planned_anew(look, bead)) {
            (WaitReason::Attempts, Some(told)) => format!("{}; {told}", why.text),
            _ => why.text.clone(),
        };
        let found = Found::new(reason, text, bead.since)
            .needs_person()
            .then(match (asks, bead.question()) {
                _ if is_conflict => "whoever takes it has the conflict in the brief",
                (true, Some(_)) => "it goes on in the same session, with the answer",
                (true, None) => "the next attempt has the answer in its brief",
                (false, _) => "a retry gives it all of its attempts anew",
            })
            .evidence(format!("gtd logs {id}"), "what it printed")
            .evidence(format!("gtd bead show {id}"), "its attempts");
        let found = if asks {
            found.next(format!("gtd answer {id} \"…\""), "answer, and it goes on")
        } else if is_conflict {
            found
                .next(
                    format!("gtd bead edit {id} --runtime NAME"),
                    "have an agent do it; then try it again",
                )
                .next(format!("gtd bead retry {id}"), "try it again")
        } else {
            found.next(format!("gtd bead retry {id}"), "try it again")
        };
        return found.next(format!("gtd bead close {id} -m WHY"), "give it up");
    }
    if let (None, Some(revoked)) = (bead.phase.lease(), graph.revoked(&bead.rig)) {
        return untrusted(bead, revoked);
    }
    if let Some(asked) = bead.question() {
        return question(bead, asked);
    }
    match &bead.phase {
        Phase::Leased(lease) => at_work(look, bead, lease),
        Phase::Submitted { .. } => handed_in(look, bead),
        _ => open(look, bead),
    }
}

/// Says how often the goal of a bead was planned anew, where it is not any more.
fn planned_anew(look: Look<'_>, bead: &Bead) -> Option<String> {
    let goal = look.graph.goal(bead.goal.as_ref()?)?;
    let most = look.graph.policy_of(bead).replans.most;
    let times = match goal.replans {
        0 => return None,
        1 => "once".to_owned(),
        n => format!("{n} times"),
    };
    Some(match goal.replans < most {
        true => format!("a new plan of its goal was tried {times}"),
        false => format!("a new plan of its goal was tried {times}, and is not any more"),
    })
}

/// Says that an attempt waits for the answer to its question.
pub(super) fn question(bead: &Bead, asked: &Asked) -> Found {
    let id = &bead.id;
    Found::new(WaitReason::Question, asked.text.clone(), asked.since)
        .until(Some(asked.until))
        .then("the answer is the next turn of its session; without one it is parked, and goes on when it comes")
        .evidence(format!("gtd logs {id}"), "what it said")
        .next(format!("gtd answer {id} \"…\""), "answer, and it goes on")
        .next(format!("gtd bead close {id} -m WHY"), "give it up")
}

/// Says that nothing of a rig begins because a person does not trust it any more.
fn untrusted(bead: &Bead, revoked: &crate::Pause) -> Found {
    let text = format!(
        "{} is not trusted any more by {}",
        bead.rig,
        blame(&revoked.by, &revoked.why)
    );
    Found::new(WaitReason::Untrusted, text, revoked.since)
        .then("it goes on where it was")
        .next(
            format!("gtd trust -r {}", bead.rig),
            "look at its configuration, and trust it again",
        )
}

fn draft(bead: &Bead) -> Found {
    if bead.is_found_and_waits() {
        let id = &bead.id;
        let text = format!("{} found it; it waits for your yes", bead.created_by);
        return Found::new(WaitReason::Approval, text, bead.since)
            .then("it joins the goal at which it was found, and begins")
            .evidence(format!("gtd bead show {id}"), "what was found")
            .next(format!("gtd approve {id}"), "let it begin")
            .next(format!("gtd bead close {id} -m WHY"), "it is not wanted");
    }
    let found = Found::new(
        WaitReason::Approval,
        "its plan waits for your yes",
        bead.since,
    )
    .then("it begins when its needs are met");
    match &bead.goal {
        Some(goal) => found
            .evidence(format!("gtd convoy show {goal}"), "the plan")
            .next(format!("gtd approve {goal}"), "let the plan begin"),
        None => found.next(format!("gtd bead close {} -m WHY", bead.id), "give it up"),
    }
}

/// Turns what a role saw into the reason.
pub(super) fn observed(seen: &Observation) -> Found {
    let mut found = Found::new(seen.reason, seen.text.clone(), seen.since).until(seen.until);
    // What ends at a moment needs nobody.
    found.by_itself |= seen.until.is_some();
    match seen.reason {
        WaitReason::Resources => found.next("gtd doctor --only host", "what is short"),
        WaitReason::RemoteFailed => found.next(
            "gtd doctor --only config",
            "whether the remote and gh are there",
        ),
        WaitReason::Signature => found.next("gtd doctor --only signing", "what the key needs"),
        _ => found,
    }
}

fn at_work(look: Look<'_>, bead: &Bead, lease: &Lease) -> Found {
    let id = &bead.id;
    if let (Holder::Seat { .. }, Some(pause)) = (&lease.holder, look.graph.pause_of_role("worker"))
    {
        return paused(pause);
    }
    if let Some(seen) = look.observations.about(id.as_str()).next() {
        return observed(seen)
            .then(match seen.reason {
                WaitReason::Resources => "it begins when there is room",
                _ => "the attempt goes on, or ends and counts",
            })
            .evidence(format!("gtd logs {id} -n 40"), "its last output");
    }
    let name = lease.holder.name();
    let text = match (&lease.holder, &lease.run) {
        (Holder::Claimant { .. }, _) => format!("{name} has claimed it"),
        (Holder::Seat { .. }, None) => format!("{name} is starting (attempt {})", lease.epoch),
        (Holder::Seat { .. }, Some(_)) => format!("{name} is at work (attempt {})", lease.epoch),
    };
    let short = nearly_used(look, bead);
    let text = match &short {
        None => text,
        Some(short) => format!("{text}; {}", warning(short)),
    };
    let found = Found::new(WaitReason::Working, text, lease.granted_at)
        .then("when it is done, its checks run and it is handed in")
        .evidence(format!("gtd logs {id} -f"), "what it prints");
    let found = match short {
        None => found,
        Some(short) => found.next(short.more.cmd, &short.more.text),
    };
    found.next(format!("gtd stop {id}"), "cancel it")
}

pub(super) fn paused(pause: &crate::Pause) -> Found {
    let text = format!("paused by {}", blame(&pause.by, &pause.why));
    Found::new(WaitReason::Paused, text, pause.since)
        .then("it goes on where it was")
        .next(resume(&pause.scope), "end the pause")
}

/// Returns the command that ends a pause.
pub(crate) fn resume(scope: &crate::PauseScope) -> String {
    match scope {
        crate::PauseScope::Town => "gtd resume".to_owned(),
        crate::PauseScope::Rig(rig) => format!("gtd resume {rig}"),
        crate::PauseScope::Bead(bead) => format!("gtd resume {bead}"),
        crate::PauseScope::Role(role) => format!("gtd resume {role}"),
        crate::PauseScope::Runtime(runtime) => format!("gtd resume {runtime}"),
    }
}

fn open(look: Look<'_>, bead: &Bead) -> Found {
    let Look {
        graph,
        observations,
        now,
    } = look;
    let id = &bead.id;
    if let Some(pause) = graph.pause_of(bead) {
        return paused(pause);
    }
    if graph.is_spent(bead) {
        let text = match &bead.phase {
            Phase::Returned { why } => format!("all attempts are spent; the last: {}", why.text),
            _ => "all attempts are spent".to_owned(),
        };
        let mut found = Found::new(WaitReason::Attempts, text, bead.since)
            .then("the witness sets it aside, and a person is asked")
            .evidence(format!("gtd logs {id}"), "what it printed")
            .next(format!("gtd bead retry {id}"), "try it again");
        // The witness has the next step, not yet a person.
        found.by_itself = true;
        return found;
    }
    let goal = bead.goal.as_ref().and_then(|goal| graph.goal(goal));
    if let Some(until) = goal.and_then(|goal| goal.until)
        && graph.is_over(bead, now)
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
    if let Some(found) = dependency(look, bead) {
        return found;
    }
    if let Some(defer) = bead.spec.defer_until.filter(|defer| *defer > now) {
        return Found::new(WaitReason::Schedule, "it is deferred", bead.created_at)
            .until(Some(defer))
            .then("it begins when a seat is free");
    }
    if let Some(found) = runtime(look, bead) {
        return found;
    }
    if let Err(short) = Purse::new(graph, now).reserve(bead) {
        return budget(&short, bead);
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
    if let Some(pause) = ["crew", "worker"]
        .into_iter()
        .find_map(|role| graph.pause_of_role(role))
    {
        return paused(pause);
    }
    for subject in [id.as_str(), bead.rig.as_str(), "town"] {
        if let Some(seen) = observations.about(subject).next() {
            return observed(seen).then("it begins when a seat is free");
        }
    }
    ready(look, bead)
}

/// Says that a cap has not enough left for an attempt.
fn budget(short: &Shortage, bead: &Bead) -> Found {
    let next = short.next();
    let mut found = Found::new(WaitReason::Budget, short.text(), bead.since)
        .until(short.cap.again)
        .then("it begins when there is enough for an attempt")
        .evidence(format!("gtd cost {}", bead.id), "what it has cost so far")
        .next(next.cmd, &next.text);
    found.by_itself = short.clears_by_itself();
    found
}

/// Finds what holds up the runtime of a bead: a person, its provider, or the attempt that tries.
fn runtime(look: Look<'_>, bead: &Bead) -> Option<Found> {
    held_runtime(look, bead.wished_runtime()?, bead.not_before)
}

/// Finds what holds up a runtime for what waits `not_before` a moment of its own.
pub(super) fn held_runtime(
    look: Look<'_>,
    runtime: &str,
    not_before: Option<Timestamp>,
) -> Option<Found> {
    let Look { graph, now, .. } = look;
    if let Some(pause) = graph.pause_of_runtime(runtime) {
        return Some(paused(pause));
    }
    let hold = graph.runtime_hold(runtime)?;
    let reason = hold.reason();
    let logs = format!("gtd logs {}", hold.bead);
    if hold.is_over(now) {
        let trial = &graph.trial_of(runtime)?.id;
        let text = format!("{trial} tries whether {runtime} goes again");
        let mut found = Found::new(reason, text, hold.since)
            .then("it begins when that one gets its answers")
            .evidence(logs, "what its last attempt said");
        found.by_itself = true;
        return Some(found);
    }
    let found = Found::new(reason, hold.text.clone(), hold.since)
        .until(hold.until.max(not_before.filter(|_| hold.until.is_some())))
        .evidence(logs, "what its last attempt said");
    let resume = format!("gtd resume {runtime}");
    Some(if hold.until.is_some() {
        let mut found = found
            .then("one attempt tries it, and the others follow")
            .next(resume, "try it at once");
        found.by_itself = true;
        found
    } else {
        found
            .needs_person()
            .then("one attempt tries it, and the others follow")
            .next(resume, "when it is mended: let one attempt try")
    })
}

fn ready(look: Look<'_>, bead: &Bead) -> Found {
    let Look { graph, now, .. } = look;
    let id = &bead.id;
    if let Phase::Returned { why } = &bead.phase {
        let reason = match &why.class {
            FaultClass::Conflict { .. } => Some(WaitReason::Conflict),
            FaultClass::Gate { gate } if gate == crate::REVIEW => Some(WaitReason::Review),
            FaultClass::Gate { .. } | FaultClass::Check { .. } => Some(WaitReason::GateFailed),
            // A person's wish is the story of the next attempt.
            FaultClass::Person => Some(WaitReason::Review),
            _ => None,
        };
        if let Some(reason) = reason {
            return Found::new(reason, why.text.clone(), bead.since)
                .then(format!("attempt {} begins", bead.epoch.next()))
                .evidence(format!("gtd logs {id}"), "the output");
        }
    }
    let ahead = graph.n_ready_before(bead, now, AHEAD_MAX);
    let admission = graph.rig(&bead.rig).map(|rig| graph.admission(rig));
    let in_seat = |other: &&Bead| {
        let lease = other.phase.lease();
        lease.is_some_and(|lease| matches!(lease.holder, Holder::Seat { .. }))
    };
    let of_goal = bead.goal.as_ref().and_then(|id| {
        let max = usize::try_from(graph.seats_of(id)?).unwrap_or(usize::MAX);
        let busy = graph
            .leased()
            .filter(|other| other.goal.as_ref() == Some(id))
            .filter(in_seat)
            .count();
        (busy >= max).then_some(max)
    });
    let found = if let Some(max) = of_goal {
        Found::new(
            WaitReason::Capacity,
            format!("all {max} seats that its goal may have are busy"),
            bead.since,
        )
    } else if let Some(held) = admission.filter(|seats| seats.is_held_by_queue()) {
        let text = format!(
            "{} wait for the gates, more than land: {} of {} worker slots are open; {}",
            count(held.queued, "submission"),
            held.may,
            held.max,
            place(ahead + 1)
        );
        return Found::new(WaitReason::Capacity, text, bead.since)
            .then("more begin as the queue gets shorter")
            .evidence("gtd merge list", "what waits, and what is in test")
            .next(
                format!("gtd config explain merge.backlog -r {}", bead.rig),
                "how long the queue may be",
            );
    } else if let Some(full) = admission.filter(|seats| seats.room() == 0) {
        Found::new(
            WaitReason::Capacity,
            format!(
                "all {} worker slots are busy; {}",
                full.max,
                place(ahead + 1)
            ),
            bead.since,
        )
    } else if ahead > 0 {
        Found::new(
            WaitReason::Priority,
            if ahead < AHEAD_MAX {
                format!("{} ahead", count(ahead, "bead"))
            } else {
                format!("{AHEAD_MAX} beads or more ahead")
            },
            bead.since,
        )
    } else {
        Found::new(WaitReason::Priority, "it is next in line", bead.since)
    };
    found
        .then("it begins when a seat is free")
        .next("gtd ps", "who is at work")
}

/// Finds the edge that holds a bead back: one that nothing can satisfy any more before all others.
pub(super) fn dependency(look: Look<'_>, bead: &Bead) -> Option<Found> {
    let Look { graph, now, .. } = look;
    let unmet = || {
        graph
            .unmet_needs(bead)
            .filter_map(|(owner, need)| Some((owner, need, graph.bead(&need.on)?)))
    };
    let (owner, need, blocker) = unmet()
        .find(|(_, _, blocker)| blocker.phase.is_finished())
        .or_else(|| unmet().next())?;
    let other = &need.on;
    if blocker.phase.is_finished() {
        let text = format!(
            "needs {other}, which ended as {}",
            graph.state_of(blocker, now).word()
        );
        let found = Found::new(WaitReason::Dependency, text, bead.since).needs_person();
        let found = if blocker.phase.is_good() {
            // It waited for a failure that did not come.
            found.then("nothing, until somebody decides").next(
                format!("gtd bead close {} -m WHY", bead.id),
                "it is not needed",
            )
        } else {
            found
                .then("it begins when that has landed")
                .next(format!("gtd bead retry {other}"), "try that one again")
        };
        return Some(found.next(
            format!("gtd bead dep rm {} --needs {other}", owner.id),
            "drop the need",
        ));
    }
    let n = graph.blockers(bead).len();
    let others = if n > 1 {
        format!(" and {}", count(n - 1, "other"))
    } else {
        String::new()
    };
    let mut found = Found::new(
        WaitReason::Dependency,
        format!("waits for {other}{others} ({})", blocker.spec.title),
        bead.since,
    )
    .then("it begins when that has ended as it must")
    .next(format!("gtd why {other}"), "why that waits");
    found.on = Some(other.clone());
    Some(found)
}

/// Names who did it, with the reason when one was given.
pub(crate) fn blame(by: &Actor, why: &str) -> String {
    match why.trim() {
        "" => by.to_string(),
        why => format!("{by}: {why}"),
    }
}

pub(crate) fn count(n: usize, what: &str) -> String {
    if n == 1 {
        format!("1 {what}")
    } else {
        format!("{n} {what}s")
    }
}

/// Tells a place in line; past the first ones nobody counts.
fn place(n: usize) -> String {
    if n > AHEAD_MAX {
        return format!("{AHEAD_MAX} or more are before it");
    }
    let suffix = match (n % 10, n % 100) {
        (1, teen) if teen != 11 => "st",
        (2, teen) if teen != 12 => "nd",
        (3, teen) if teen != 13 => "rd",
        _ => "th",
    };
    format!("{n}{suffix} in line")
}
