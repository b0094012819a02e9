//! The worker of one lease: a worktree, the run, the checks, and the hand-in.
//!
//! | seen | next |
//! |---|---|
//! | no worktree of this attempt | ensure it |
//! | no run | ensure it |
//! | run at work | wait; stop it at the end of its budget: `budget.rs` |
//! | run ended badly | give the bead back with its evidence |
//! | run ended with a question | wait for the answer, and go on with it: `answers.rs` |
//! | the context of its session is full | a fresh session goes on: `refresh.rs` |
//! | a person told something meanwhile | the next turn with it: `answers.rs` |
//! | run ended well, uncommitted work | commit it |
//! | a check or worker gate not run | ensure it |
//! | a check or worker gate red, and the agent can be asked again | ensure its next turn |
//! | a check or worker gate red | give the bead back with its evidence |
//! | nothing changed | finish as no-op |
//! | all green | hand it in |

use std::collections::BTreeMap;

use gtd_core::{
    Asked, Bead, BeadId, CheckRun, Command, Epoch, Fault, FaultClass, Gate, Graph, Holder,
    HostName, Lease, Observation, Outcome, Phase, RunId, Timestamp, Verdict, WaitReason,
};

use crate::{
    Again, AgentSeen, AgentTurn, Checkout, Effect, EndSeen, Plan, Planner, Question, RunOrder,
    RunSeen, Seen, Task, Work, WorktreeSeen,
    agents::{agent_fault, is_without_session, meter},
    answers::{Asking, asking, ended_agent, kept, n_told, only_told, with_answer, with_told},
    attempt_owner, branch_name,
    budget::Budget,
    check_run,
    evidence::{evidence, line, named, tests, with_tests},
    refresh::{Stage, most_turns_of_refreshes, turns_of_refreshes},
    role::wrap,
    tries::{is_no_chance, sweep, tries},
    turn_of, turn_run, worker_gate_run,
};

/// The longest that an acceptance check may take.
const CHECK_LIMIT_MS: u64 = 20 * 60_000;

/// Turns of one agent at most: its first, and what comes back to it after a red check.
const TURNS: u32 = 3;

/// Plans the work under one lease.
#[derive(Debug, Clone)]
pub struct Worker {
    /// The bead.
    pub bead: BeadId,
    /// The epoch of the lease.
    pub epoch: Epoch,
    /// The machine that this worker is on.
    pub host: HostName,
}

/// What must be green after the work: a check or a gate.
struct Proof {
    name: ProofName,
    work: Work,
    class: FaultClass,
    limit_ms: u64,
    env: BTreeMap<String, String>,
    report: Option<String>,
}

/// What the runs of a proof are named after.
enum ProofName {
    Check { index: usize, command: String },
    Gate(Gate),
}

/// What one pass knows of an attempt whose lease is in effect.
pub(crate) struct Attempt<'a> {
    pub(crate) graph: &'a Graph,
    pub(crate) seen: &'a Seen,
    pub(crate) bead: &'a Bead,
    pub(crate) lease: &'a Lease,
    now: Timestamp,
}

impl Attempt<'_> {
    fn budget(&self) -> Budget<'_> {
        Budget {
            graph: self.graph,
            bead: self.bead,
            review: None,
            now: self.now,
        }
    }

    /// Says why no further turn begins, when the budget is used up.
    pub(crate) fn used_up(&self) -> Option<(FaultClass, String)> {
        let run = self.run();
        match self.seen.run(&run) {
            Some(RunSeen::Ended(end)) => self.budget().used_up(&run, end),
            _ => None,
        }
    }

    fn slot(&self) -> String {
        self.lease.holder.name().to_string()
    }

    pub(crate) fn turn(&self) -> u32 {
        turn_of(self.lease)
    }

    /// The run of the turn that the attempt is at.
    pub(crate) fn run(&self) -> RunId {
        turn_run(&self.bead.id, self.lease.epoch, self.turn())
    }

    /// What the agent of the turn said, when it is an agent's and has ended.
    pub(crate) fn agent(&self) -> Option<&AgentSeen> {
        match self.seen.run(&self.run()) {
            Some(RunSeen::Ended(end)) => end.agent.as_deref(),
            _ => None,
        }
    }
}

impl Worker {
    /// Finds the bead and the lease, while both are still this worker's.
    fn lease<'a>(&self, graph: &'a Graph) -> Option<(&'a Bead, &'a Lease)> {
        let bead = graph.bead(&self.bead)?;
        let lease = bead.phase.lease()?;
        let is_ours = lease.epoch == self.epoch
            && matches!(&lease.holder, Holder::Seat { host, .. } if *host == self.host);
        is_ours.then_some((bead, lease))
    }

    /// Lists the runs of a proof, as far as each before the last said nothing about the work.
    fn runs(&self, seen: &Seen, turn: u32, proof: &Proof) -> Vec<RunId> {
        tries(seen, |retry| match &proof.name {
            ProofName::Check { index, command } => {
                check_run(&self.bead, self.epoch, turn, *index, command, retry)
            }
            ProofName::Gate(gate) => worker_gate_run(&self.bead, self.epoch, turn, gate, retry),
        })
    }

    /// Lists every run that may have been begun under this lease.
    fn all_runs(&self, graph: &Graph, seen: &Seen) -> Vec<RunId> {
        let proofs = graph
            .bead(&self.bead)
            .map(|bead| proofs(graph, bead))
            .unwrap_or_default();
        let turns = match graph.bead(&self.bead) {
            Some(bead) if bead.is_for_an_agent() => {
                let refreshes = most_turns_of_refreshes(bead, self.epoch);
                TURNS + bead.answered_in(self.epoch) + refreshes
            }
            _ => 1,
        };
        (0..turns)
            .flat_map(|turn| {
                let checks = proofs
                    .iter()
                    .flat_map(move |proof| self.runs(seen, turn, proof));
                std::iter::once(turn_run(&self.bead, self.epoch, turn)).chain(checks)
            })
            .collect()
    }

    fn owns(&self, worktree: &WorktreeSeen) -> bool {
        worktree.owner == attempt_owner(&self.bead, self.epoch)
    }

    pub(crate) fn give_back(
        &self,
        plan: &mut Plan,
        class: FaultClass,
        text: String,
        run: &RunId,
        tail: &str,
    ) {
        plan.tell(Command::Return {
            bead: self.bead.clone(),
            epoch: self.epoch,
            why: Fault {
                class,
                text: line(&text),
                evidence: evidence(tail),
                run: Some(run.clone()),
            },
        });
    }
}

impl Planner for Worker {
    fn role(&self) -> &'static str {
        "worker"
    }

    fn look(&self, graph: &Graph, seen: &Seen, now: Timestamp) -> Vec<Question> {
        let Some((bead, lease)) = self.lease(graph) else {
            let runs = self.all_runs(graph, seen);
            return runs.into_iter().map(Question::Run).collect();
        };
        let turn = turn_of(lease);
        let run = turn_run(&self.bead, self.epoch, turn);
        let mut questions = vec![Question::Run(run.clone())];
        let is_asking = asking(bead, self.epoch, now).is_some();
        let (rig, slot) = (bead.rig.clone(), lease.holder.name().to_string());
        match seen.run(&run) {
            Some(RunSeen::Absent { .. }) => {
                questions.push(Question::Owner { rig, slot });
                questions.extend(graph.target_of(bead).map(Question::Tip));
                questions.extend(kept(bead, lease).map(|(_, run)| Question::Run(run.clone())));
            }
            // A look at a worktree costs a process: only when there is something to decide.
            Some(RunSeen::Ended(end)) if went_well(end) && !end.stopped && !is_asking => {
                questions.push(Question::Worktree { rig, slot });
            }
            _ => {}
        }
        // Checks come one after the other, and only after the work.
        let is_over = matches!(seen.run(&run), Some(RunSeen::Ended(end)) if went_well(end));
        if is_over && !is_asking {
            for proof in proofs(graph, bead) {
                let runs = self.runs(seen, turn, &proof);
                let is_green = runs.last().is_some_and(|run| seen.is_green(run));
                questions.extend(runs.into_iter().map(Question::Run));
                if !is_green {
                    break;
                }
            }
        }
        questions
    }

    fn plan(&self, graph: &Graph, seen: &Seen, now: Timestamp) -> Plan {
        let mut plan = Plan::default();
        let Some((bead, lease)) = self.lease(graph) else {
            // The lease is gone: whatever still runs under it has nothing to say any more.
            for run in self.all_runs(graph, seen) {
                if matches!(seen.run(&run), Some(RunSeen::Live(_) | RunSeen::Prepared)) {
                    plan.act(Effect::StopRun { run });
                }
            }
            return plan;
        };
        if graph.stop().is_some() || graph.is_role_paused("worker") {
            return plan;
        }
        let attempt = Attempt {
            graph,
            seen,
            bead,
            lease,
            now,
        };
        let run = attempt.run();
        match seen.run(&run) {
            None => {}
            Some(RunSeen::Absent { .. }) => self.begin(&mut plan, &attempt, now),
            Some(RunSeen::Prepared) => {
                plan.act(Effect::EnsureRun(self.order(
                    &attempt,
                    attempt.turn(),
                    None,
                )));
            }
            Some(RunSeen::Live(live)) => {
                self.note_start(&mut plan, lease, &run);
                attempt.budget().watch(&mut plan, &run, live);
                self.watch_context(&mut plan, &attempt, live);
            }
            // The witness ends what was stopped and what was lost.
            Some(RunSeen::Lost) => {}
            Some(RunSeen::Ended(end)) if end.stopped => {
                meter(&mut plan, graph, (&self.bead, self.epoch), &run, end);
                if let Some((class, text)) = attempt.used_up() {
                    self.give_back(&mut plan, class, text, &run, &end.tail);
                    return plan;
                }
                match attempt.stage() {
                    Stage::Full(_) => self.part(&mut plan, &attempt, now),
                    Stage::Left(refresh) => self.succeed(&mut plan, &attempt, refresh, now),
                    Stage::Work | Stage::Leaving(_) => {}
                }
            }
            Some(RunSeen::Ended(end)) => {
                self.note_start(&mut plan, lease, &run);
                meter(&mut plan, graph, (&self.bead, self.epoch), &run, end);
                if let Stage::Left(refresh) = attempt.stage() {
                    self.succeed(&mut plan, &attempt, refresh, now);
                    return plan;
                }
                if self.leave(&mut plan, &attempt, end, now) {
                    return plan;
                }
                match (work_fault(bead, end), asking(bead, self.epoch, now)) {
                    (Some((class, text)), _) => {
                        let (class, text) = self.session_gone(&attempt).unwrap_or((class, text));
                        self.give_back(&mut plan, class, text, &run, &end.tail);
                    }
                    (None, Some(Asking::Waits)) => {}
                    (None, Some(Asking::Over(asked))) => {
                        let class = FaultClass::Question;
                        self.give_back(&mut plan, class, asked.text.clone(), &run, "");
                    }
                    (None, Some(Asking::Answered(asked))) => {
                        self.go_on(&mut plan, &attempt, asked);
                    }
                    (None, None) => self.prove(&mut plan, &attempt, now),
                }
            }
        }
        plan
    }
}

/// Lists what must be green after the work: the checks of the bead, then the gates for workers.
fn proofs(graph: &Graph, bead: &Bead) -> Vec<Proof> {
    let checks = bead
        .spec
        .acceptance
        .iter()
        .enumerate()
        .filter_map(|(index, criterion)| {
            let command = criterion.check.clone()?;
            Some(Proof {
                work: Work::Check(command.clone()),
                name: ProofName::Check { index, command },
                class: FaultClass::Check {
                    criterion: criterion.text.clone(),
                },
                limit_ms: CHECK_LIMIT_MS,
                env: BTreeMap::new(),
                report: None,
            })
        });
    let gates = graph
        .rig(&bead.rig)
        .into_iter()
        .flat_map(|rig| &rig.rules.gates)
        .filter(|gate| gate.when.is_for_worker())
        .map(|gate| Proof {
            name: ProofName::Gate(gate.clone()),
            work: Work::Gate(gate.name.clone(), gate.for_worker().to_owned()),
            class: FaultClass::Gate {
                gate: gate.name.to_string(),
            },
            limit_ms: gate.timeout_ms,
            env: gate.env.clone(),
            report: gate.junit.clone(),
        });
    checks.chain(gates).collect()
}

/// Tells whether the work ended without a fault; what it is worth, the checks say.
fn went_well(end: &EndSeen) -> bool {
    match &end.agent {
        Some(agent) => agent.fault.is_none() && !end.timed_out,
        None => end.code == Some(0),
    }
}

/// Says why a work run's end is no success, if it is none.
fn work_fault(bead: &Bead, end: &EndSeen) -> Option<(FaultClass, String)> {
    /// The exit code with which the `demo` agent asks.
    const ASKS: i32 = 64;
    const MARK: &str = "gtd-ask: ";
    /// The exit code with which a script says that it met a conflict, and the mark before each file.
    const CONFLICTS: i32 = 65;
    const FILE_MARK: &str = "gtd-conflict: ";
    if end.timed_out {
        return Some((FaultClass::TimedOut, "it took too long".to_owned()));
    }
    if let Some(agent) = &end.agent {
        return agent_fault(bead.wished_runtime()?, agent);
    }
    match (end.code, end.signal) {
        (Some(0), _) => None,
        (Some(ASKS), _) if end.tail.contains(MARK) => {
            let question = end
                .tail
                .lines()
                .rev()
                .find_map(|line| line.split_once(MARK))
                .map_or_else(String::new, |(_, question)| question.trim().to_owned());
            Some((FaultClass::Question, question))
        }
        (Some(CONFLICTS), _) if end.tail.lines().any(|line| line.starts_with(FILE_MARK)) => {
            let files = end.tail.lines();
            let files = files.filter_map(|line| line.strip_prefix(FILE_MARK));
            let files: Vec<String> = files.map(str::to_owned).collect();
            let text = format!("its script met a conflict in {}", named(&files));
            Some((FaultClass::Conflict { files }, text))
        }
        (Some(code), _) => Some((
            FaultClass::Exit { code },
            format!("its script ended with exit code {code}"),
        )),
        (None, signal) => Some((
            FaultClass::Killed,
            match signal {
                Some(signal) => format!("signal {signal} ended it"),
                None => "it ended without an exit code".to_owned(),
            },
        )),
    }
}

impl Worker {
    /// Makes the order for a turn; `again` is what an agent that goes on is told.
    fn order(&self, attempt: &Attempt<'_>, turn: u32, again: Option<Again>) -> RunOrder {
        let bead = attempt.bead;
        let script = bead.spec.run.clone().unwrap_or_default();
        let rig = attempt.graph.rig(&bead.rig);
        let work = match &bead.spec.runtime {
            None => Work::Script(script),
            Some(runtime) => match runtime.as_str() {
                "shell" => Work::Script(script),
                "demo" => Work::Demo(script),
                _ => Work::Agent(AgentTurn {
                    runtime: runtime.clone(),
                    task: Task::Work,
                    again,
                }),
            },
        };
        RunOrder {
            run: turn_run(&self.bead, self.epoch, turn),
            rig: bead.rig.clone(),
            slot: attempt.slot(),
            work,
            bead: Some(bead.id.clone()),
            epoch: self.epoch,
            limit_ms: rig.map_or(CHECK_LIMIT_MS, |rig| rig.rules.worker.limit_ms),
            env: BTreeMap::new(),
            report: None,
        }
    }

    fn begin(&self, plan: &mut Plan, attempt: &Attempt<'_>, now: Timestamp) {
        let Attempt {
            graph, seen, bead, ..
        } = *attempt;
        let owner = attempt_owner(&self.bead, self.epoch);
        if let Some((asked, run)) = kept(bead, attempt.lease) {
            let Some(agent) = ended_agent(seen, run) else {
                return;
            };
            if let Some(agent) = agent
                && self.resume(plan, attempt, (asked, run), agent)
            {
                return;
            }
        }
        if !seen.is_owned_by(&bead.rig, &attempt.slot(), &owner) {
            let Some(target) = graph.target_of(bead) else {
                return;
            };
            let Some(tip) = seen.tip(&target) else { return };
            let Some(start) = tip.start() else {
                plan.observations.push(Observation {
                    subject: bead.id.to_string(),
                    reason: WaitReason::Stuck,
                    text: format!("{} has no commit to begin from", target.branch),
                    since: now,
                    until: None,
                });
                return;
            };
            plan.act(Effect::EnsureWorktree {
                rig: bead.rig.clone(),
                slot: attempt.slot(),
                checkout: Checkout::Attempt {
                    bead: bead.id.clone(),
                    epoch: self.epoch,
                    start: start.clone(),
                },
            });
        }
        plan.act(Effect::EnsureRun(self.order(attempt, 0, None)));
        plan.tell(Command::Started {
            bead: bead.id.clone(),
            epoch: self.epoch,
            run: attempt.run(),
            told: n_told(bead),
        });
    }

    /// Goes on with the answer in the session of an earlier attempt, whose worktree is kept.
    ///
    /// Returns false when the worktree has passed on.
    fn resume(
        &self,
        plan: &mut Plan,
        attempt: &Attempt<'_>,
        (asked, run): (&Asked, &RunId),
        agent: &AgentSeen,
    ) -> bool {
        let (rig, slot) = (&attempt.bead.rig, attempt.slot());
        let is_owned = |epoch| {
            let owner = attempt_owner(&self.bead, epoch);
            attempt.seen.is_owned_by(rig, &slot, &owner)
        };
        if !is_owned(self.epoch) {
            if !is_owned(asked.epoch) {
                return false;
            }
            plan.act(Effect::EnsureWorktree {
                rig: rig.clone(),
                slot: slot.clone(),
                checkout: Checkout::Continued {
                    bead: self.bead.clone(),
                    epoch: self.epoch,
                    after: asked.epoch,
                },
            });
        }
        let place = format!(
            "The worktree is as you left it, and its branch is {} now.",
            branch_name(&self.bead, self.epoch)
        );
        let again = with_told(attempt.bead, with_answer(asked, agent, run, &place));
        self.next_turn(plan, attempt, 0, again);
        true
    }

    /// Goes on with the answer in the session of this attempt.
    fn go_on(&self, plan: &mut Plan, attempt: &Attempt<'_>, asked: &Asked) {
        let Some(agent) = attempt.agent() else { return };
        // A turn is a beginning: a pause and a trust that was taken back hold it as any other.
        if attempt.graph.pause_of(attempt.bead).is_some() {
            return;
        }
        if let Some((class, text)) = attempt.used_up() {
            return self.give_back(plan, class, text, &attempt.run(), "");
        }
        let next = attempt.turn() + 1;
        let place = "The worktree is as you left it.";
        let again = with_told(
            attempt.bead,
            with_answer(asked, agent, &attempt.run(), place),
        );
        self.next_turn(plan, attempt, next, again);
    }

    /// Goes on with what people told while the turn was at work, before the next look at what it did.
    ///
    /// Returns false when nobody told anything, or nothing can go on with it.
    fn listen(&self, plan: &mut Plan, attempt: &Attempt<'_>) -> bool {
        let place = "The worktree is as you left it, and is checked when you stop.";
        let again = attempt
            .agent()
            .and_then(|agent| only_told(attempt.bead, agent, &attempt.run(), place));
        let Some(again) = again.filter(|_| attempt.used_up().is_none()) else {
            return false;
        };
        // A turn is a beginning, as in `go_on`.
        if attempt.graph.pause_of(attempt.bead).is_none() {
            self.next_turn(plan, attempt, attempt.turn() + 1, again);
        }
        true
    }

    /// Begins a turn of a session, with what people told meanwhile.
    pub(crate) fn next_turn(
        &self,
        plan: &mut Plan,
        attempt: &Attempt<'_>,
        turn: u32,
        again: Again,
    ) {
        let Some(again) = self.parting(plan, attempt, again) else {
            return;
        };
        plan.act(Effect::EnsureRun(self.order(attempt, turn, Some(again))));
        plan.tell(Command::Started {
            bead: self.bead.clone(),
            epoch: self.epoch,
            run: turn_run(&self.bead, self.epoch, turn),
            told: n_told(attempt.bead),
        });
    }

    /// Says that a session could not go on, when that is what ended a turn: the work is not to
    /// blame, and the next attempt begins a new one.
    fn session_gone(&self, attempt: &Attempt<'_>) -> Option<(FaultClass, String)> {
        let is_resumed = attempt.turn() > 0 || attempt.bead.answered_in(self.epoch) > 0;
        let agent = attempt.agent()?;
        if !is_resumed || !is_without_session(agent) {
            return None;
        }
        let said = agent.fault.as_ref().map(|(_, said)| line(said));
        let text = format!(
            "its session could not go on, and the next attempt begins a new one: {}",
            said.unwrap_or_default()
        );
        Some((FaultClass::GivenBack, text))
    }

    /// Finds the worktree, while it is this attempt's.
    fn worktree<'a>(&self, attempt: &Attempt<'a>) -> Option<&'a WorktreeSeen> {
        attempt
            .seen
            .worktree(&attempt.bead.rig, attempt.lease.holder.name().as_str())
            .filter(|worktree| self.owns(worktree))
    }

    fn note_start(&self, plan: &mut Plan, lease: &Lease, run: &RunId) {
        if lease.run.as_ref() != Some(run) {
            plan.tell(Command::Started {
                bead: self.bead.clone(),
                epoch: self.epoch,
                run: run.clone(),
                told: 0,
            });
        }
    }

    fn prove(&self, plan: &mut Plan, attempt: &Attempt<'_>, now: Timestamp) {
        let Attempt {
            graph, seen, bead, ..
        } = *attempt;
        let slot = attempt.slot();
        let Some(worktree) = self.worktree(attempt) else {
            if seen.has_no_worktree(&bead.rig, &slot) {
                let class = FaultClass::Check {
                    criterion: "its worktree is whole".to_owned(),
                };
                let run = attempt.run();
                let text = "its worktree is gone or is none any more".to_owned();
                self.give_back(plan, class, text, &run, "");
            }
            return;
        };
        let proofs = proofs(graph, bead);
        let checks_began = proofs
            .first()
            .and_then(|proof| {
                let runs = self.runs(seen, attempt.turn(), proof);
                runs.into_iter().next()
            })
            .is_some_and(|run| !matches!(seen.run(&run), None | Some(RunSeen::Absent { .. })));
        if worktree.dirty && !checks_began {
            // The next pass sees the commit.
            plan.act(self.commit(attempt));
            return;
        }
        let mut checks = Vec::new();
        for proof in proofs {
            let runs = self.runs(seen, attempt.turn(), &proof);
            let Some(run) = runs.last() else { return };
            match seen.run(run) {
                None => return,
                Some(RunSeen::Ended(end)) => match end.verdict() {
                    Verdict::Passed => checks.extend(green_check(&proof, run, end)),
                    Verdict::Failed => {
                        let text = match &proof.class {
                            FaultClass::Check { criterion } => {
                                format!("not met: {} ({})", line(criterion), end.detail())
                            }
                            _ => format!("{} is red ({})", name_of(&proof.work), end.detail()),
                        };
                        let said = with_tests(&end.tail, tests(end, &[]).as_ref());
                        if self.ask_again(plan, attempt, &text, &said) {
                            return;
                        }
                        return self.give_back(plan, proof.class, text, run, &said);
                    }
                    Verdict::Infra => {
                        let name = name_of(&proof.work);
                        let text = format!("{name} could not run: {}", end.detail());
                        let class = infra_class(bead, end, proof.class);
                        return self.give_back(plan, class, text, run, &end.tail);
                    }
                },
                Some(RunSeen::Live(_)) => {
                    plan.observations.push(Observation {
                        subject: bead.id.to_string(),
                        reason: WaitReason::GateRunning,
                        text: format!("{} is at work", name_of(&proof.work)),
                        since: now,
                        until: None,
                    });
                    return;
                }
                Some(RunSeen::Lost) => {
                    sweep(plan, seen, &runs);
                    let text = format!("{} vanished", name_of(&proof.work));
                    return self.give_back(plan, FaultClass::Lost, text, run, "");
                }
                // Where none is at work, and never beside one: both would be in the worktree.
                Some(RunSeen::Absent { .. }) if self.listen(plan, attempt) => return,
                Some(RunSeen::Absent { .. } | RunSeen::Prepared) => {
                    sweep(plan, seen, &runs);
                    plan.act(Effect::EnsureRun(RunOrder {
                        run: run.clone(),
                        rig: bead.rig.clone(),
                        slot,
                        work: proof.work,
                        bead: Some(bead.id.clone()),
                        epoch: self.epoch,
                        limit_ms: proof.limit_ms,
                        env: proof.env,
                        report: proof.report,
                    }));
                    return;
                }
            }
        }
        if self.listen(plan, attempt) {
            return;
        }
        if let Some(agent) = attempt.agent()
            && !worktree.changed
            && !has_checks(bead)
        {
            // Nobody can tell an agent that found nothing to do from one that did nothing.
            let text = "it says that it is done, and nothing has changed".to_owned();
            if !self.ask_again(plan, attempt, &text, "") {
                let class = FaultClass::Check {
                    criterion: "something has changed".to_owned(),
                };
                let said = agent.last_words.clone();
                self.give_back(plan, class, text, &attempt.run(), &said);
            }
            return;
        }
        self.hand_in(plan, attempt, worktree, checks);
    }

    /// Gives what is missing back to the agent, in its own session, as its next turn.
    ///
    /// Returns false when there is no such agent, it has had its turns, or its budget is used up.
    fn ask_again(&self, plan: &mut Plan, attempt: &Attempt<'_>, what: &str, tail: &str) -> bool {
        let next = attempt.turn() + 1;
        let session = attempt.agent().and_then(|agent| agent.session.clone());
        let most = TURNS
            + attempt.bead.answered_in(self.epoch)
            + turns_of_refreshes(attempt.bead, self.epoch);
        let (Some(session), true) = (session, next < most) else {
            return false;
        };
        if attempt.used_up().is_some() {
            return false;
        }
        let used = attempt.agent().map(|agent| agent.used).unwrap_or_default();
        let mut words = not_done_yet(what, &evidence(tail));
        words.push_str(&attempt.budget().reminder(&attempt.run(), &used));
        let again = Again {
            session: Some(session),
            after: attempt.run(),
            words,
        };
        self.next_turn(plan, attempt, next, with_told(attempt.bead, again));
        true
    }

    fn commit(&self, attempt: &Attempt<'_>) -> Effect {
        let (bead, slot) = (attempt.bead, attempt.slot());
        let mut trailers = vec![("Gtd-Bead".to_owned(), bead.id.to_string())];
        trailers.extend(
            bead.goal
                .as_ref()
                .map(|goal| ("Gtd-Convoy".to_owned(), goal.to_string())),
        );
        trailers.push((
            "Gtd-Agent".to_owned(),
            format!("{}/{slot}#{}", bead.rig, self.epoch),
        ));
        Effect::EnsureCommit {
            rig: bead.rig.clone(),
            slot,
            bead: bead.id.clone(),
            epoch: self.epoch,
            subject: bead.spec.title.clone(),
            trailers,
        }
    }

    fn hand_in(
        &self,
        plan: &mut Plan,
        attempt: &Attempt<'_>,
        worktree: &WorktreeSeen,
        checks: Vec<CheckRun>,
    ) {
        let bead = attempt.bead;
        let said = attempt.agent().map(|agent| line(&agent.last_words));
        let summary = said.filter(|said| !said.trim().is_empty());
        debug_assert!(matches!(bead.phase, Phase::Leased(_)));
        match &worktree.start {
            Some(start) if worktree.changed => plan.tell(Command::Submit {
                bead: bead.id.clone(),
                epoch: self.epoch,
                head: worktree.head.clone(),
                base: start.clone(),
                summary: summary.unwrap_or_else(|| bead.spec.title.clone()),
                checks,
            }),
            _ => plan.tell(Command::Finish {
                bead: bead.id.clone(),
                epoch: self.epoch,
                outcome: Outcome::NoOp,
                why: "nothing had to change".to_owned(),
            }),
        }
    }
}

/// Makes the record of an acceptance check that was green.
fn green_check(proof: &Proof, run: &RunId, end: &EndSeen) -> Option<CheckRun> {
    let Work::Check(command) = &proof.work else {
        return None;
    };
    Some(CheckRun {
        command: command.clone(),
        run: run.clone(),
        took_ms: end.took_ms,
        output: end.output.clone(),
    })
}

fn has_checks(bead: &Bead) -> bool {
    let mut criteria = bead.spec.acceptance.iter();
    criteria.any(|criterion| criterion.check.is_some())
}

/// Tells an agent what is missing, with the output that shows it marked as what it is.
fn not_done_yet(what: &str, output: &str) -> String {
    let mut words = format!(
        "This is not done yet. It was checked after you stopped:\n\n{}\n",
        line(what)
    );
    let output = wrap("output of the check", output);
    if !output.is_empty() {
        words.push_str(&format!("\n{output}\n"));
    }
    words.push_str(
        "\nFind out why, put it right in the same worktree, and commit. The same will be checked \
         again.\n",
    );
    words
}

/// A check that cannot be found is the bead's own mistake; a machine that fails is not, unless
/// it fails for this bead again and again.
fn infra_class(bead: &Bead, end: &EndSeen, own: FaultClass) -> FaultClass {
    match end.code {
        Some(code @ (126 | 127)) => FaultClass::Exit { code },
        _ if is_no_chance(bead, |class| *class == FaultClass::Infra) => own,
        _ => FaultClass::Infra,
    }
}

fn name_of(work: &Work) -> String {
    match work {
        Work::Gate(gate, _) => format!("gate {gate}"),
        Work::Check(_) => "an acceptance check".to_owned(),
        Work::Script(_) | Work::Demo(_) | Work::Agent(_) => "the work".to_owned(),
    }
}
