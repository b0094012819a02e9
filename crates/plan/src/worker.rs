//! The worker of one lease: a worktree, the run, the checks, and the hand-in.
//!
//! | seen | next |
//! |---|---|
//! | no worktree of this attempt | ensure it |
//! | no run | ensure it |
//! | run at work | wait |
//! | run ended badly | give the bead back with its evidence |
//! | run ended well, uncommitted work | commit it |
//! | a check or worker gate not run | ensure it |
//! | a check or worker gate red | give the bead back with its evidence |
//! | nothing changed | finish as no-op |
//! | all green | hand it in |

use std::collections::BTreeMap;

use gtd_core::{
    Bead, BeadId, Command, Epoch, Fault, FaultClass, Graph, Holder, HostName, Lease, Observation,
    Outcome, Phase, RunId, Timestamp, Verdict, WaitReason,
};

use crate::{
    Checkout, Effect, EndSeen, Plan, Planner, Question, RunOrder, RunSeen, Seen, Work,
    WorktreeSeen, attempt_owner, check_run, work_run, worker_gate_run,
};

/// How much of an output is kept as evidence, in bytes.
pub(crate) const EVIDENCE: usize = 4_000;
/// The longest that an acceptance check may take.
const CHECK_LIMIT_MS: u64 = 20 * 60_000;

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

/// One run after the work: a check or a gate.
struct Proof {
    run: RunId,
    work: Work,
    class: FaultClass,
    limit_ms: u64,
    env: BTreeMap<String, String>,
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

    fn proofs(&self, graph: &Graph, bead: &Bead) -> Vec<Proof> {
        let checks = bead
            .spec
            .acceptance
            .iter()
            .enumerate()
            .filter_map(|(index, criterion)| {
                Some(Proof {
                    run: check_run(&bead.id, self.epoch, index),
                    work: Work::Check(criterion.check.clone()?),
                    class: FaultClass::Check {
                        criterion: criterion.text.clone(),
                    },
                    limit_ms: CHECK_LIMIT_MS,
                    env: BTreeMap::new(),
                })
            });
        let gates = graph
            .rig(&bead.rig)
            .into_iter()
            .flat_map(|rig| &rig.rules.gates)
            .filter(|gate| gate.when.is_for_worker())
            .map(|gate| Proof {
                run: worker_gate_run(&bead.id, self.epoch, &gate.name),
                work: Work::Gate(gate.name.clone(), gate.run.clone()),
                class: FaultClass::Gate {
                    gate: gate.name.to_string(),
                },
                limit_ms: gate.timeout_ms,
                env: gate.env.clone(),
            });
        checks.chain(gates).collect()
    }

    /// Lists every run that may have been begun under this lease.
    fn all_runs(&self, graph: &Graph) -> impl Iterator<Item = RunId> {
        let proofs = graph
            .bead(&self.bead)
            .map(|bead| self.proofs(graph, bead))
            .unwrap_or_default();
        std::iter::once(work_run(&self.bead, self.epoch))
            .chain(proofs.into_iter().map(|proof| proof.run))
    }

    fn owns(&self, worktree: &WorktreeSeen) -> bool {
        worktree.owner == attempt_owner(&self.bead, self.epoch)
    }

    fn give_back(&self, plan: &mut Plan, class: FaultClass, text: String, run: &RunId, tail: &str) {
        plan.tell(Command::Return {
            bead: self.bead.clone(),
            epoch: self.epoch,
            why: Fault {
                class,
                text,
                evidence: evidence(tail),
                run: Some(run.clone()),
            },
        });
    }
}

/// Keeps the end of an output, at a line's begin where that is near.
pub(crate) fn evidence(tail: &str) -> String {
    let mut from = tail.len().saturating_sub(EVIDENCE);
    while !tail.is_char_boundary(from) {
        from += 1;
    }
    tail[from..].trim_end().to_owned()
}

impl Planner for Worker {
    fn role(&self) -> &'static str {
        "worker"
    }

    fn look(&self, graph: &Graph, seen: &Seen, _now: Timestamp) -> Vec<Question> {
        let run = work_run(&self.bead, self.epoch);
        let Some((bead, lease)) = self.lease(graph) else {
            return self.all_runs(graph).map(Question::Run).collect();
        };
        let mut questions = vec![Question::Run(run.clone())];
        // A look at a worktree costs a process: only when there is something to decide.
        let worktree = Question::Worktree {
            rig: bead.rig.clone(),
            slot: lease.holder.name().to_string(),
        };
        match seen.run(&run) {
            Some(RunSeen::Absent { .. }) => {
                questions.push(worktree);
                questions.extend(graph.target_of(bead).map(Question::Tip));
            }
            Some(RunSeen::Ended(end)) if end.code == Some(0) && !end.stopped => {
                questions.push(worktree);
            }
            _ => {}
        }
        // Checks come one after the other, and only after the work.
        if matches!(seen.run(&run), Some(RunSeen::Ended(end)) if end.code == Some(0)) {
            for proof in self.proofs(graph, bead) {
                let state = seen.run(&proof.run);
                questions.push(Question::Run(proof.run.clone()));
                let green =
                    matches!(state, Some(RunSeen::Ended(end)) if end.verdict() == Verdict::Passed);
                if !green {
                    break;
                }
            }
        }
        questions
    }

    fn plan(&self, graph: &Graph, seen: &Seen, now: Timestamp) -> Plan {
        let mut plan = Plan::default();
        let run = work_run(&self.bead, self.epoch);
        let Some((bead, lease)) = self.lease(graph) else {
            // The lease is gone: whatever still runs under it has nothing to say any more.
            for run in self.all_runs(graph) {
                if matches!(seen.run(&run), Some(RunSeen::Live(_) | RunSeen::Prepared)) {
                    plan.act(Effect::StopRun { run });
                }
            }
            return plan;
        };
        if graph.stop().is_some() || graph.is_role_paused("worker") {
            return plan;
        }
        let slot = lease.holder.name().to_string();
        let worktree = seen
            .worktree(&bead.rig, &slot)
            .filter(|worktree| self.owns(worktree));
        match seen.run(&run) {
            None => {}
            Some(RunSeen::Absent { .. }) => {
                self.begin(&mut plan, graph, seen, bead, &slot, worktree);
            }
            Some(RunSeen::Prepared) => plan.act(Effect::EnsureRun(self.order(graph, bead, &slot))),
            Some(RunSeen::Live(_)) => self.note_start(&mut plan, lease, &run),
            // The witness ends what was stopped and what was lost.
            Some(RunSeen::Lost) => {}
            Some(RunSeen::Ended(end)) if end.stopped => {}
            Some(RunSeen::Ended(end)) => {
                self.note_start(&mut plan, lease, &run);
                match work_fault(end) {
                    Some((class, text)) => {
                        self.give_back(&mut plan, class, text, &run, &end.tail);
                    }
                    None => self.prove(&mut plan, graph, seen, bead, &slot, worktree, now),
                }
            }
        }
        plan
    }
}

/// Says why a work run's end is no success, if it is none.
fn work_fault(end: &EndSeen) -> Option<(FaultClass, String)> {
    /// The exit code with which the `demo` agent asks.
    const ASKS: i32 = 64;
    const MARK: &str = "gtd-ask: ";
    if end.timed_out {
        return Some((FaultClass::TimedOut, "it took too long".to_owned()));
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
    fn order(&self, graph: &Graph, bead: &Bead, slot: &str) -> RunOrder {
        let script = bead.spec.run.clone().unwrap_or_default();
        RunOrder {
            run: work_run(&self.bead, self.epoch),
            rig: bead.rig.clone(),
            slot: slot.to_owned(),
            work: if bead.wished_runtime() == Some("demo") {
                Work::Demo(script)
            } else {
                Work::Script(script)
            },
            bead: Some(bead.id.clone()),
            epoch: self.epoch,
            limit_ms: graph
                .rig(&bead.rig)
                .map_or(CHECK_LIMIT_MS, |rig| rig.rules.worker.limit_ms),
            env: BTreeMap::new(),
        }
    }

    fn begin(
        &self,
        plan: &mut Plan,
        graph: &Graph,
        seen: &Seen,
        bead: &Bead,
        slot: &str,
        worktree: Option<&WorktreeSeen>,
    ) {
        if worktree.is_none() {
            let start = graph
                .target_of(bead)
                .and_then(|target| seen.tip(&target)?.start().cloned());
            let Some(start) = start else { return };
            plan.act(Effect::EnsureWorktree {
                rig: bead.rig.clone(),
                slot: slot.to_owned(),
                checkout: Checkout::Attempt {
                    bead: bead.id.clone(),
                    epoch: self.epoch,
                    start,
                },
            });
        }
        plan.act(Effect::EnsureRun(self.order(graph, bead, slot)));
        plan.tell(Command::Started {
            bead: bead.id.clone(),
            epoch: self.epoch,
            run: work_run(&self.bead, self.epoch),
        });
    }

    fn note_start(&self, plan: &mut Plan, lease: &Lease, run: &RunId) {
        if lease.run.as_ref() != Some(run) {
            plan.tell(Command::Started {
                bead: self.bead.clone(),
                epoch: self.epoch,
                run: run.clone(),
            });
        }
    }

    #[expect(clippy::too_many_arguments, reason = "what one pass knows")]
    fn prove(
        &self,
        plan: &mut Plan,
        graph: &Graph,
        seen: &Seen,
        bead: &Bead,
        slot: &str,
        worktree: Option<&WorktreeSeen>,
        now: Timestamp,
    ) {
        let run = work_run(&self.bead, self.epoch);
        let Some(worktree) = worktree else {
            self.give_back(
                plan,
                FaultClass::Lost,
                "its worktree is gone".to_owned(),
                &run,
                "",
            );
            return;
        };
        let proofs = self.proofs(graph, bead);
        let checks_began = proofs.first().is_some_and(|proof| {
            !matches!(seen.run(&proof.run), None | Some(RunSeen::Absent { .. }))
        });
        if worktree.dirty && !checks_began {
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
            plan.act(Effect::EnsureCommit {
                rig: bead.rig.clone(),
                slot: slot.to_owned(),
                bead: bead.id.clone(),
                epoch: self.epoch,
                subject: bead.spec.title.clone(),
                trailers,
            });
            // The next pass sees the commit.
            return;
        }
        for proof in proofs {
            match seen.run(&proof.run) {
                Some(RunSeen::Ended(end)) => match end.verdict() {
                    Verdict::Passed => {}
                    Verdict::Failed => {
                        let text = match &proof.class {
                            FaultClass::Check { criterion } => {
                                format!("not met: {criterion} ({})", end.detail())
                            }
                            _ => format!("{} is red ({})", name_of(&proof.work), end.detail()),
                        };
                        return self.give_back(plan, proof.class, text, &proof.run, &end.tail);
                    }
                    Verdict::Infra => {
                        let text =
                            format!("{} could not run: {}", name_of(&proof.work), end.detail());
                        return self.give_back(plan, infra_class(end), text, &proof.run, &end.tail);
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
                    plan.act(Effect::SweepLost {
                        run: proof.run.clone(),
                    });
                    return self.give_back(
                        plan,
                        FaultClass::Lost,
                        format!("{} vanished", name_of(&proof.work)),
                        &proof.run,
                        "",
                    );
                }
                Some(RunSeen::Absent { .. } | RunSeen::Prepared) | None => {
                    plan.act(Effect::EnsureRun(RunOrder {
                        run: proof.run,
                        rig: bead.rig.clone(),
                        slot: slot.to_owned(),
                        work: proof.work,
                        bead: Some(bead.id.clone()),
                        epoch: self.epoch,
                        limit_ms: proof.limit_ms,
                        env: proof.env,
                    }));
                    return;
                }
            }
        }
        self.hand_in(plan, bead, worktree);
    }

    fn hand_in(&self, plan: &mut Plan, bead: &Bead, worktree: &WorktreeSeen) {
        debug_assert!(matches!(bead.phase, Phase::Leased(_)));
        match &worktree.start {
            Some(start) if worktree.changed => plan.tell(Command::Submit {
                bead: bead.id.clone(),
                epoch: self.epoch,
                head: worktree.head.clone(),
                base: start.clone(),
                summary: bead.spec.title.clone(),
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

/// A check that cannot be found is the bead's own mistake; a machine that fails is not.
fn infra_class(end: &EndSeen) -> FaultClass {
    match end.code {
        Some(code @ (126 | 127)) => FaultClass::Exit { code },
        _ => FaultClass::Infra,
    }
}

fn name_of(work: &Work) -> String {
    match work {
        Work::Gate(gate, _) => format!("gate {gate}"),
        Work::Check(_) => "an acceptance check".to_owned(),
        Work::Script(_) | Work::Demo(_) => "the work".to_owned(),
    }
}
