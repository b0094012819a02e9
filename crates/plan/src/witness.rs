//! The witness: it ends leases of what is dead, silent or without progress.
//!
//! Two independent signals, always: silence and an idle process tree, or the
//! same output again and again and a worktree that does not change. A slow
//! agent with real progress lives. What lives is stopped before its lease ends.

use std::time::Duration;

use gtd_core::{
    Bead, Command, Fault, FaultClass, Graph, Holder, HostName, Lease, Observation, PauseScope,
    RunId, Timestamp, WaitReason, WorkerRules,
};

use crate::{
    Effect, EndSeen, LiveSeen, MachineSeen, Plan, Planner, Question, RunSeen, Seen, budget::Budget,
    refresh::is_stopped_for_another, tries::is_no_chance, turn_of, turn_run,
};

/// A granted lease whose process does not begin within this time is dead, in milliseconds.
const START_LIMIT_MS: u64 = 10 * 60_000;
/// An effect that failed and was not tried again for so long is not wanted any more.
const NOT_WANTED: Duration = Duration::from_mins(10);
/// After a gap everybody who holds a claim has so long to give a sign of life, in milliseconds.
const GRACE_MS: u64 = 10 * 60_000;
/// The second signal must have held for this long at least, in milliseconds.
const SECOND_SIGNAL_MS: u64 = 3_000;

/// Plans the care of all leases on one machine.
#[derive(Debug, Clone)]
pub struct Witness {
    /// The machine.
    pub host: HostName,
}

impl Witness {
    fn leases<'a>(&'a self, graph: &'a Graph) -> impl Iterator<Item = (&'a Bead, &'a Lease)> {
        graph.leased().filter_map(|bead| {
            let lease = bead.phase.lease()?;
            let is_here = matches!(&lease.holder, Holder::Seat { host, .. } if *host == self.host);
            is_here.then_some((bead, lease))
        })
    }
}

impl Planner for Witness {
    fn role(&self) -> &'static str {
        "witness"
    }

    fn look(&self, graph: &Graph, seen: &Seen, _now: Timestamp) -> Vec<Question> {
        let mut questions = Vec::new();
        // Asked all the time: what nobody looks at may have slept.
        if claims(graph).next().is_some() {
            questions.push(Question::Awake);
        }
        for (bead, lease) in self.leases(graph) {
            let run = turn_run(&bead.id, lease.epoch, turn_of(lease));
            if let (Some(RunSeen::Live(live)), Some(rules)) = (seen.run(&run), rules(graph, bead))
                && live.repeats >= rules.repeats
            {
                questions.push(Question::Stillness {
                    rig: bead.rig.clone(),
                    slot: lease.holder.name().to_string(),
                });
            }
            if matches!(seen.run(&run), Some(RunSeen::Absent { for_ms }) if *for_ms > START_LIMIT_MS)
            {
                questions.push(Question::Machine);
            }
            questions.push(Question::Run(run));
        }
        questions
    }

    fn plan(&self, graph: &Graph, seen: &Seen, now: Timestamp) -> Plan {
        let mut plan = Plan::default();
        for bead in graph.spent() {
            plan.tell(Command::Quarantine {
                bead: bead.id.clone(),
            });
        }
        for rig in graph.rigs() {
            let limit = rig.rules.worker.breaker;
            let scope = PauseScope::Rig(rig.name.clone());
            let is_paused = graph.pauses().iter().any(|pause| pause.scope == scope);
            if limit > 0 && graph.streak(&rig.name) >= limit && !is_paused {
                plan.tell(Command::TripBreaker {
                    rig: rig.name.clone(),
                    goal: None,
                });
            }
        }
        for (id, goal) in graph.open_goals() {
            if graph.stops_goal(id, now).is_some() {
                plan.tell(Command::TripBreaker {
                    rig: goal.target.rig.clone(),
                    goal: Some(id.clone()),
                });
            }
        }
        for (key, wait) in graph.back_offs() {
            if wait.until.plus(NOT_WANTED) < now {
                plan.tell(Command::Recover { key: key.clone() });
            }
        }
        // Nobody could give a sign of life while the machine slept.
        let had_its_grace = seen.awake().is_some_and(|awake| awake >= GRACE_MS);
        for (bead, lease) in claims(graph) {
            if lease.until < now && had_its_grace {
                plan.tell(expire(
                    bead,
                    lease,
                    FaultClass::GivenBack,
                    "its claim ran out without a sign of life".to_owned(),
                ));
            }
        }
        if graph.stop().is_some() {
            return plan;
        }
        let mut parts = Vec::new();
        for (bead, lease) in self.leases(graph) {
            if let Some(rules) = rules(graph, bead) {
                let mut part = Plan::default();
                let sight = Sight { graph, seen, now };
                sight.watch(&mut part, bead, lease, rules);
                parts.push(part);
            }
        }
        plan.join(graph, parts);
        plan
    }
}

/// Lists what people and programs outside gtd have claimed.
fn claims(graph: &Graph) -> impl Iterator<Item = (&Bead, &Lease)> {
    graph.leased().filter_map(|bead| {
        let lease = bead.phase.lease()?;
        matches!(lease.holder, Holder::Claimant { .. }).then_some((bead, lease))
    })
}

fn rules<'a>(graph: &'a Graph, bead: &Bead) -> Option<&'a WorkerRules> {
    graph.rig(&bead.rig).map(|rig| &rig.rules.worker)
}

/// What one pass knows.
#[derive(Clone, Copy)]
struct Sight<'a> {
    graph: &'a Graph,
    seen: &'a Seen,
    now: Timestamp,
}

impl Sight<'_> {
    /// Tells whether there is nothing that held every process back from its beginning.
    fn may_have_begun(&self) -> bool {
        // Not looked at is no proof that there was room.
        let is_roomy = matches!(self.seen.machine(), Some(MachineSeen::Roomy));
        is_roomy && !self.graph.is_role_paused("worker")
    }

    fn is_used_up(&self, bead: &Bead, run: &RunId, end: &EndSeen) -> bool {
        let budget = Budget {
            graph: self.graph,
            bead,
            review: None,
            now: self.now,
        };
        budget.used_up(run, end).is_some()
    }

    fn watch(&self, plan: &mut Plan, bead: &Bead, lease: &Lease, rules: &WorkerRules) {
        let Self { seen, now, .. } = *self;
        let run = turn_run(&bead.id, lease.epoch, turn_of(lease));
        match seen.run(&run) {
            None | Some(RunSeen::Prepared) => {}
            // It may have begun after it was looked for.
            Some(RunSeen::Absent { .. }) if seen.is_older_than(bead) => {}
            Some(RunSeen::Absent { for_ms }) => {
                if lease.run.is_some() {
                    plan.tell(expire(
                        bead,
                        lease,
                        FaultClass::Lost,
                        "its run vanished from the disk".to_owned(),
                    ));
                } else if *for_ms > START_LIMIT_MS && self.may_have_begun() {
                    plan.tell(expire(
                        bead,
                        lease,
                        FaultClass::Lost,
                        "its process never began".to_owned(),
                    ));
                }
            }
            Some(RunSeen::Lost) => {
                plan.act(Effect::SweepLost { run });
                let is_its_own = is_no_chance(bead, |class| *class == FaultClass::Lost);
                let class = if is_its_own {
                    FaultClass::Killed
                } else {
                    FaultClass::Lost
                };
                let text = "its process vanished without a record of its end".to_owned();
                plan.tell(expire(bead, lease, class, text));
            }
            // The worker gives back what was stopped at its budget.
            Some(RunSeen::Ended(end)) if end.stopped && self.is_used_up(bead, &run, end) => {}
            // And begins a fresh session after what was stopped for one.
            Some(RunSeen::Ended(end))
                if end.stopped && is_stopped_for_another(bead, lease.epoch, &run) => {}
            Some(RunSeen::Ended(end)) if end.stopped => {
                let (class, text) = if end.repeats >= rules.repeats {
                    (FaultClass::NoProgress, no_progress(end.repeats))
                } else {
                    (
                        FaultClass::Silent,
                        "it was stopped: no output and no activity".to_owned(),
                    )
                };
                plan.tell(expire(bead, lease, class, text));
            }
            Some(RunSeen::Ended(_)) => {}
            Some(RunSeen::Live(live)) => {
                let still_ms = seen.stillness(&bead.rig, lease.holder.name().as_str());
                match dead_why(live, still_ms, rules) {
                    Some(why) => {
                        plan.observations.push(stuck(bead, now, why));
                        plan.act(Effect::StopRun { run });
                    }
                    None if live.quiet_ms >= rules.silence_ms / 2 => {
                        let minutes = live.quiet_ms / 60_000;
                        plan.observations.push(stuck(
                            bead,
                            now,
                            format!("no output for {minutes} min; the witness looks"),
                        ));
                    }
                    None => {}
                }
            }
        }
    }
}

fn no_progress(repeats: u32) -> String {
    format!("it printed the same {repeats} times in a row and changed nothing")
}

/// Says why a live run is as good as dead, if two signals agree.
fn dead_why(live: &LiveSeen, still_ms: Option<u64>, rules: &WorkerRules) -> Option<String> {
    let second = SECOND_SIGNAL_MS.min(rules.silence_ms);
    if live.quiet_ms >= rules.silence_ms && live.idle_ms >= second {
        return Some("no output and no activity".to_owned());
    }
    let still = still_ms.is_some_and(|still_ms| still_ms >= second);
    if live.repeats >= rules.repeats && still {
        return Some(no_progress(live.repeats));
    }
    None
}

fn stuck(bead: &Bead, now: Timestamp, text: String) -> Observation {
    Observation {
        subject: bead.id.to_string(),
        reason: WaitReason::Stuck,
        text,
        since: now,
        until: None,
    }
}

fn expire(bead: &Bead, lease: &Lease, class: FaultClass, text: String) -> Command {
    Command::Expire {
        bead: bead.id.clone(),
        epoch: lease.epoch,
        why: Fault {
            class,
            text,
            evidence: String::new(),
            run: lease.run.clone(),
        },
    }
}
