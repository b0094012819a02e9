//! What the gates say of a candidate.
//!
//! | what is known of a gate on the candidate's tree | next |
//! |---|---|
//! | green, under whichever commit | the next gate |
//! | never run | run it in a clean worktree of exactly this commit |
//! | red once, a batch | red: smaller ones will tell |
//! | red once, one submission, the gate is not trusted | run it once more: flaky is not red |
//! | red once, one submission, the gate is trusted | red |
//! | red twice | red |
//! | it could not run | nothing is said about the tree |

use gtd_core::{
    Candidate, Command, Epoch, Gate, GateRun, Graph, Observation, Oid, Queue, RunId, Timestamp,
    Verdict, WaitReason,
};

use crate::{
    Checkout, Effect, EndSeen, Plan, Refinery, RunOrder, RunSeen, Seen, Work,
    evidence::{evidence, tests},
    gate_slot, merge_gate_owner, merge_gate_run,
};

/// How far one gate is on a candidate.
pub(super) enum Progress {
    /// Nobody has looked at this run yet.
    Unseen(RunId),
    /// This run is to begin, in the worktree of this owner.
    Wanted { run: RunId, owner: String },
    /// It is at work.
    Live,
    /// It is told, by these runs.
    Told(Verdict, Vec<GateRun>),
}

impl Refinery {
    /// Runs the gates of a candidate, one after the other, and judges it.
    pub(super) fn judge(
        &self,
        graph: &Graph,
        seen: &Seen,
        now: Timestamp,
        queue: &Queue,
        candidate: &Candidate,
        plan: &mut Plan,
    ) {
        let mut runs = Vec::new();
        let mut verdict = Verdict::Passed;
        for gate in self.gates(graph) {
            match progress(seen, queue, candidate, gate) {
                Progress::Unseen(_) => return,
                Progress::Wanted { run, owner } => {
                    let slot = gate_slot(&candidate.target);
                    let commit = &candidate.commit;
                    self.run_gate(seen, gate, &slot, commit, &owner, run, plan);
                    return;
                }
                Progress::Live => {
                    plan.observations
                        .extend(candidate.members.iter().map(|member| Observation {
                            subject: member.bead.to_string(),
                            reason: WaitReason::GateRunning,
                            text: format!("gate {} runs on candidate {}", gate.name, candidate.id),
                            since: now,
                            until: None,
                        }));
                    return;
                }
                Progress::Told(told, shown) => {
                    let lost = shown.iter().filter(|run| run.verdict == Verdict::Infra);
                    let lost = lost.filter(|run| seen.run(&run.run) == Some(&RunSeen::Lost));
                    for run in lost {
                        let run = run.run.clone();
                        plan.act(Effect::SweepLost { run });
                    }
                    runs.extend(shown);
                    verdict = told;
                }
            }
            if verdict != Verdict::Passed {
                break;
            }
        }
        plan.tell(Command::Judge {
            candidate: candidate.id.clone(),
            verdict,
            gates: runs,
        });
    }

    /// Tells whether every gate that there is now was green on what a candidate would land.
    pub(super) fn is_proven(&self, graph: &Graph, queue: &Queue, candidate: &Candidate) -> bool {
        self.gates(graph).into_iter().all(|gate| {
            candidate.gates.iter().any(|run| {
                run.gate == gate.name
                    && run.verdict == Verdict::Passed
                    && queue.is_about(candidate, run)
            })
        })
    }

    /// Runs a gate in the worktree of a slot, on exactly one commit.
    #[expect(clippy::too_many_arguments, reason = "what one gate run is")]
    pub(super) fn run_gate(
        &self,
        seen: &Seen,
        gate: &Gate,
        slot: &str,
        commit: &Oid,
        owner: &str,
        run: RunId,
        plan: &mut Plan,
    ) {
        if !seen.is_owned_by(&self.rig, slot, owner) {
            plan.act(Effect::EnsureWorktree {
                rig: self.rig.clone(),
                slot: slot.to_owned(),
                checkout: Checkout::Exact {
                    commit: commit.clone(),
                    owner: owner.to_owned(),
                },
            });
        }
        plan.act(Effect::EnsureRun(RunOrder {
            run,
            rig: self.rig.clone(),
            slot: slot.to_owned(),
            work: Work::Gate(gate.name.clone(), gate.run.clone()),
            bead: None,
            epoch: Epoch(0),
            limit_ms: gate.timeout_ms,
            env: gate.env.clone(),
            report: gate.junit.clone(),
        }));
    }
}

/// Tells how far a gate is on a candidate.
pub(super) fn progress(seen: &Seen, queue: &Queue, candidate: &Candidate, gate: &Gate) -> Progress {
    let known = queue.memory.runs_on(&candidate.tree, &gate.name);
    let mut runs: Vec<GateRun> = known.cloned().collect();
    if runs.iter().any(|run| run.verdict == Verdict::Passed) {
        return Progress::Told(Verdict::Passed, runs);
    }
    let belief = queue.memory.beliefs.get(&gate.name);
    let wants_two =
        candidate.members.len() == 1 && belief.copied().unwrap_or_default().wants_second_run();
    let enough = if wants_two { 2 } else { 1 };
    let mut turn = 0;
    while runs.len() < enough {
        let run = merge_gate_run(&candidate.id, queue, &gate.name, turn);
        let owner = merge_gate_owner(&candidate.id, queue, turn);
        turn += 1;
        if runs.iter().any(|known| known.run == run) {
            continue;
        }
        match seen.run(&run) {
            None => return Progress::Unseen(run),
            Some(RunSeen::Absent { .. } | RunSeen::Prepared) => {
                return Progress::Wanted { run, owner };
            }
            Some(RunSeen::Live(_)) => return Progress::Live,
            Some(RunSeen::Lost) => {
                runs.push(lost_run(gate, &candidate.commit, &run));
                return Progress::Told(Verdict::Infra, runs);
            }
            Some(RunSeen::Ended(end)) => {
                let shown = gate_run(gate, &candidate.commit, &run, end, &runs);
                let verdict = shown.verdict;
                runs.push(shown);
                if verdict != Verdict::Failed {
                    return Progress::Told(verdict, runs);
                }
            }
        }
    }
    Progress::Told(Verdict::Failed, runs)
}

/// Makes the record of a gate run from how it ended; `before` are earlier runs on the same tree.
pub(crate) fn gate_run(
    gate: &Gate,
    commit: &Oid,
    run: &RunId,
    end: &EndSeen,
    before: &[GateRun],
) -> GateRun {
    let verdict = end.verdict();
    GateRun {
        gate: gate.name.clone(),
        commit: commit.clone(),
        verdict,
        detail: end.detail(),
        took_ms: end.took_ms,
        run: run.clone(),
        evidence: if verdict == Verdict::Passed {
            String::new()
        } else {
            evidence(&end.tail)
        },
        code: end.code,
        output: end.output.clone(),
        tests: tests(end, before).map(Box::new),
    }
}

pub(super) fn lost_run(gate: &Gate, commit: &Oid, run: &RunId) -> GateRun {
    GateRun {
        gate: gate.name.clone(),
        commit: commit.clone(),
        verdict: Verdict::Infra,
        detail: "its process vanished".to_owned(),
        took_ms: 0,
        run: run.clone(),
        evidence: String::new(),
        code: None,
        output: String::new(),
        tests: None,
    }
}
