//! The plan of a goal in plain words: an agent makes it, in turns of one session.
//!
//! So it makes a new one for what is left, where the attempts at a bead are spent,
//! nothing else of the goal goes on, and the rules let it.
//!
//! An attempt at a plan is an attempt at the goal itself, under a lease and an
//! epoch as every attempt. Its worktree is a copy of the target to look at; what
//! is changed there goes nowhere.
//!
//! What one attempt does next: `plan_attempt.rs`.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use gtd_core::{
    Bead, Command, Goal, Graph, Holder, HostName, Lease, Observation, PlanState, Purse, RigName,
    RunId, RuntimeName, SeatName, Timestamp, WaitReason,
};

use crate::{
    Effect, Plan, Question, RunSeen, Seen,
    agents::held_up,
    answers::{Asking, asking, kept},
    plan_attempt::{Attempt, TURNS},
    plan_seat, turn_of, turn_run,
};

/// Plans of one rig that are made at once, at most.
const AT_ONCE: usize = 3;
/// A goal that ended within this time may have left a run of its plan behind.
const RECENT: Duration = Duration::from_mins(2);

/// Asks what plans need to know.
pub(crate) fn look(graph: &Graph, seen: &Seen, host: &HostName, now: Timestamp) -> Vec<Question> {
    let mut questions = Vec::new();
    let mut rigs: BTreeSet<&RigName> = BTreeSet::new();
    for (bead, goal) in wanted(graph, now) {
        let Some(lease) = own_lease(bead, host) else {
            if may_begin(graph, bead, goal, now) {
                rigs.insert(&bead.rig);
            }
            continue;
        };
        rigs.insert(&bead.rig);
        let (rig, slot) = (bead.rig.clone(), lease.holder.name().to_string());
        let run = turn_run(&bead.id, lease.epoch, turn_of(lease));
        match seen.run(&run) {
            Some(RunSeen::Absent { .. }) => {
                questions.push(Question::Owner { rig, slot });
                questions.push(Question::Tip(goal.target.clone()));
                questions.extend(kept(bead, lease).map(|(_, run)| Question::Run(run.clone())));
            }
            // Nothing is decided on what its worktree holds while it waits for an answer.
            Some(RunSeen::Ended(_))
                if matches!(asking(bead, lease.epoch, now), Some(Asking::Waits)) => {}
            Some(RunSeen::Ended(end)) if !end.stopped => {
                questions.push(Question::Worktree { rig, slot });
            }
            Some(RunSeen::Prepared) => questions.push(Question::Owner { rig, slot }),
            _ => {}
        }
        questions.push(Question::Run(run));
    }
    questions.extend(left_over(graph, now).map(Question::Run));
    questions.extend(rigs.into_iter().cloned().map(Question::Means));
    questions
}

/// Plans for each goal by itself.
pub(crate) fn plan(graph: &Graph, seen: &Seen, host: &HostName, now: Timestamp) -> Vec<Plan> {
    let mut parts: Vec<Plan> = left_over(graph, now)
        .filter(|run| matches!(seen.run(run), Some(RunSeen::Live(_) | RunSeen::Prepared)))
        .map(|run| {
            let mut part = Plan::default();
            part.act(Effect::StopRun { run });
            part
        })
        .collect();
    let mut pass = Pass {
        graph,
        seen,
        host,
        now,
        tried: BTreeSet::new(),
        seats: Seats::new(graph),
        purse: Purse::new(graph, now),
    };
    // What is at work first: it may end and make room.
    let (at_work, waiting): (Vec<_>, Vec<_>) =
        wanted(graph, now).partition(|(bead, _)| own_lease(bead, host).is_some());
    for (bead, goal) in at_work.into_iter().chain(waiting) {
        let mut part = Plan::default();
        match own_lease(bead, host) {
            Some(lease) => {
                let attempt = Attempt {
                    graph,
                    seen,
                    bead,
                    goal,
                    lease,
                };
                attempt.go_on(&mut part, now);
            }
            None => pass.begin(&mut part, bead, goal),
        }
        parts.push(part);
    }
    parts
}

/// Lists the open goals that want a plan, or a new one, and those at whose plan somebody works.
fn wanted(graph: &Graph, now: Timestamp) -> impl Iterator<Item = (&Bead, &Goal)> {
    graph
        .open_goals()
        .filter_map(|(id, goal)| Some((graph.bead(id)?, goal)))
        .filter(move |(bead, goal)| {
            goal.plan == PlanState::Wanted
                || bead.phase.lease().is_some()
                || !graph.to_replan(&bead.id, now).is_empty()
        })
}

/// Returns the lease of the attempt at a plan, when it is this machine's.
fn own_lease<'a>(bead: &'a Bead, host: &HostName) -> Option<&'a Lease> {
    let lease = bead.phase.lease()?;
    matches!(&lease.holder, Holder::Seat { host: at, .. } if at == host).then_some(lease)
}

/// Tells whether an attempt at a plan may begin, as far as the graph knows.
fn may_begin(graph: &Graph, bead: &Bead, goal: &Goal, now: Timestamp) -> bool {
    bead.phase.is_open()
        && graph.pause_of(bead).is_none()
        && graph.rig(&bead.rig).is_some()
        && !graph.is_spent(bead)
        && goal.until.is_none_or(|until| until > now)
        && bead.waits_until().is_none_or(|until| until <= now)
        && graph.unmet_needs(bead).next().is_none()
}

/// Lists the runs of plans whose attempt is over: what still runs there speaks for nobody.
fn left_over(graph: &Graph, now: Timestamp) -> impl Iterator<Item = RunId> {
    let came_back = wanted(graph, now)
        .map(|(bead, _)| bead)
        .filter(|bead| bead.phase.lease().is_none());
    let ended = graph
        .ended_goals()
        .filter_map(move |(id, _)| graph.bead(id))
        .take_while(move |bead| bead.since.plus(RECENT) > now);
    came_back
        .chain(ended)
        .filter(|bead| bead.epoch.0 > 0)
        .flat_map(|bead| {
            let turns = TURNS + bead.answered_in(bead.epoch);
            (0..turns).map(|turn| turn_run(&bead.id, bead.epoch, turn))
        })
}

/// Who plans at present, rig by rig, and where sessions wait for an answer.
struct Seats {
    at_work: BTreeMap<RigName, BTreeSet<SeatName>>,
    kept: BTreeSet<(RigName, SeatName)>,
}

impl Seats {
    fn new(graph: &Graph) -> Self {
        let mut at_work: BTreeMap<_, BTreeSet<SeatName>> = BTreeMap::new();
        for bead in graph.planning() {
            if let Some(lease) = bead.phase.lease() {
                let of_rig = at_work.entry(bead.rig.clone()).or_default();
                of_rig.insert(lease.holder.name().clone());
            }
        }
        let kept = graph.asked().filter_map(|bead| {
            let asked = bead.kept_session()?;
            Some((bead.rig.clone(), asked.seat.clone()))
        });
        Self {
            at_work,
            kept: kept.collect(),
        }
    }

    /// Takes a seat for a plan: `own`, where its session waits, or else one where none does.
    fn take(&mut self, rig: &RigName, own: Option<&SeatName>) -> Option<SeatName> {
        let at_work = self.at_work.entry(rig.clone()).or_default();
        if at_work.len() >= AT_ONCE {
            return None;
        }
        let free = |seat: &SeatName| {
            !at_work.contains(seat) && !self.kept.contains(&(rig.clone(), seat.clone()))
        };
        let seat = own
            .filter(|own| !at_work.contains(*own))
            .cloned()
            .or_else(|| (0..).map(plan_seat).find(free))?;
        at_work.insert(seat.clone());
        Some(seat)
    }
}

/// What one pass keeps over all goals.
struct Pass<'a> {
    graph: &'a Graph,
    seen: &'a Seen,
    host: &'a HostName,
    now: Timestamp,
    /// Runtimes with an attempt in this pass that tries whether they go again.
    tried: BTreeSet<RuntimeName>,
    seats: Seats,
    purse: Purse<'a>,
}

impl Pass<'_> {
    /// Begins an attempt, or says what it waits for.
    fn begin(&mut self, plan: &mut Plan, bead: &Bead, goal: &Goal) {
        if !may_begin(self.graph, bead, goal, self.now) {
            return;
        }
        let Some(means) = self.seen.means(&bead.rig) else {
            return;
        };
        let wait = |reason, text: String, until| Observation {
            subject: bead.id.to_string(),
            reason,
            text,
            since: bead.since,
            until,
        };
        let Some(runtime) = &means.mayor else {
            let text = "no agent program is configured that could make its plan: write \
                        [runtimes.claude] and below it preset = \"claude-code\" into config.toml \
                        (`gtd config path` shows where)";
            let seen = wait(WaitReason::RuntimeDown, text.to_owned(), None);
            return plan.observations.push(seen);
        };
        if let Some((reason, text, until)) = held_up(self.graph, runtime, &mut self.tried, self.now)
        {
            return plan.observations.push(wait(reason, text, until));
        }
        let reserved = match self.purse.reserve_plan(bead, runtime) {
            Ok(reserved) => reserved,
            Err(short) => {
                let next = short.next().cmd;
                let text = format!("{}; `{next}` raises it", short.text());
                let seen = wait(WaitReason::Budget, text, short.cap.again);
                return plan.observations.push(seen);
            }
        };
        let wished = bead.kept_session().map(|asked| &asked.seat);
        match self.seats.take(&bead.rig, wished) {
            Some(seat) => {
                self.purse.hold(bead, reserved);
                plan.tell(Command::BeginPlan {
                    goal: bead.id.clone(),
                    seat,
                    host: self.host.clone(),
                    runtime: runtime.clone(),
                    epoch: bead.epoch.next(),
                });
            }
            None => {
                let text = format!("{AT_ONCE} other goals of {} are being planned", bead.rig);
                plan.observations
                    .push(wait(WaitReason::Capacity, text, None));
            }
        }
    }
}
