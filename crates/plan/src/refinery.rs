//! The refinery of one rig: it proves and merges, one candidate a target.
//!
//! | the target's queue | next |
//! |---|---|
//! | a candidate that the target contains | record the landing (finished work first) |
//! | the target is not where it was left | record the move, give the candidate up |
//! | a candidate without verdict | run its gates, judge |
//! | a green candidate whose member was taken back | give it up |
//! | a green candidate | move the ref by compare-and-swap, record |
//! | a red candidate of one, base not proven | run the gate on the base |
//! | a red candidate of one, base green | send it back with its evidence |
//! | no candidate, suspects | put the first half of them together |
//! | no candidate, submissions | put the first of them together |
//! | halted | nothing, until a person acts or the target moves |
//! | paused by a person | no new candidate |
//! | frozen by a person | no ref moves |
//!
//! Beside the queues it runs the gates that people ask for: `asked`.
//!
//! The adaptive queue takes the place of [`Refinery::next_members`].

use std::hash::{DefaultHasher, Hash, Hasher};

use gtd_core::{
    Bead, Candidate, Command, Epoch, Fault, FaultClass, Gate, GateRun, Graph, HoldKind, LandMode,
    Member, MergeHold, Observation, Oid, Phase, Queue, RigName, Target, Timestamp, Verdict,
    WaitReason,
};

use crate::{
    AssemblyMember, AssemblyOrder, Checkout, Effect, EndSeen, Plan, Planner, Question, RunOrder,
    RunSeen, Seen, Work, base_gate_owner, base_gate_run, candidate_id, candidate_ref,
    evidence::{evidence, line, named},
    gate_slot, merge_gate_owner, merge_gate_run,
};

/// Submissions looked at alone while a candidate is in test, in one pass at most.
const EARLY_LOOKS: usize = 32;
/// How long a candidate is in test before submissions are looked at alone, in milliseconds: gates
/// that are done sooner let the next candidate find the same.
const EARLY_AFTER_MS: i64 = 1_000;

/// Plans the merges of one rig.
#[derive(Debug, Clone)]
pub struct Refinery {
    /// The rig.
    pub rig: RigName,
}

impl Planner for Refinery {
    fn role(&self) -> &'static str {
        "refinery"
    }

    fn look(&self, graph: &Graph, seen: &Seen, now: Timestamp) -> Vec<Question> {
        let mut questions = Vec::new();
        for target in self.targets(graph) {
            self.look_at(graph, seen, now, &target, &mut questions);
        }
        self.look_at_asked(graph, seen, &mut questions);
        questions
    }

    fn plan(&self, graph: &Graph, seen: &Seen, now: Timestamp) -> Plan {
        let mut plan = Plan::default();
        if graph.stop().is_some() || graph.is_role_paused("refinery") {
            return plan;
        }
        let mut parts = Vec::new();
        for target in self.targets(graph) {
            let mut part = Plan::default();
            self.plan_target(graph, seen, now, &target, &mut part);
            parts.push(part);
            if seen.tip(&target).is_some() && self.freeze(graph, now).is_none() {
                parts.push(Self::bring_home(graph, &target));
            }
        }
        parts.push(self.answer_gates(graph, seen));
        plan.join(graph, parts);
        plan
    }
}

impl Refinery {
    /// Returns a number that changes when a queue of the rig, a pause, a stop or a wish to land does.
    #[must_use]
    pub fn interest(&self, graph: &Graph) -> u64 {
        let mut hasher = DefaultHasher::new();
        graph.stop().is_some().hash(&mut hasher);
        for pause in graph.pauses() {
            pause.scope.hash(&mut hasher);
        }
        graph
            .rig(&self.rig)
            .map(|rig| (&rig.digest, rig.revoked.is_some()))
            .hash(&mut hasher);
        for hold in graph.holds().filter(|hold| hold.rig == self.rig) {
            (hold.kind, hold.until).hash(&mut hasher);
        }
        for ask in graph.gate_asks().filter(|ask| ask.rig == self.rig) {
            ask.number.hash(&mut hasher);
        }
        for queue in graph.queues().filter(|queue| queue.target.rig == self.rig) {
            queue.generation.hash(&mut hasher);
            queue.tip.hash(&mut hasher);
            queue.suspects.hash(&mut hasher);
            queue.first.hash(&mut hasher);
            queue.green.hash(&mut hasher);
            queue.halt.is_some().hash(&mut hasher);
            queue.infra.hash(&mut hasher);
            if let Some(candidate) = &queue.candidate {
                candidate.id.hash(&mut hasher);
                candidate.verdict.is_some().hash(&mut hasher);
            }
        }
        for target in graph
            .targets_with_submissions()
            .filter(|t| t.rig == self.rig)
        {
            for bead in graph.queued(&target) {
                bead.id.hash(&mut hasher);
                bead.epoch.hash(&mut hasher);
            }
        }
        for (id, _) in graph.landing_asked() {
            id.hash(&mut hasher);
        }
        hasher.finish()
    }

    /// Lists the targets at which something is to be done.
    fn targets(&self, graph: &Graph) -> Vec<Target> {
        let mut targets: Vec<Target> = Vec::new();
        let in_test = graph
            .queues()
            .filter(|queue| queue.candidate.is_some())
            .map(|queue| queue.target.clone());
        let to_bring_home = graph.landing_asked().map(|(_, goal)| goal.target.clone());
        let submitted = graph.targets_with_submissions();
        for target in in_test.chain(submitted).chain(to_bring_home) {
            if target.rig == self.rig && !targets.contains(&target) {
                targets.push(target);
            }
        }
        targets
    }

    /// Finds the freeze under which no ref of the rig moves.
    fn freeze<'a>(&self, graph: &'a Graph, now: Timestamp) -> Option<&'a MergeHold> {
        graph.hold_of(&self.rig, HoldKind::Freeze, now)
    }

    fn gates<'a>(&self, graph: &'a Graph) -> Vec<&'a Gate> {
        graph
            .rig(&self.rig)
            .into_iter()
            .flat_map(|rig| &rig.rules.gates)
            .filter(|gate| gate.when.is_for_merge())
            .collect()
    }

    fn look_at(
        &self,
        graph: &Graph,
        seen: &Seen,
        now: Timestamp,
        target: &Target,
        questions: &mut Vec<Question>,
    ) {
        questions.push(Question::Tip(target.clone()));
        let Some(tip) = seen.tip(target).and_then(|tip| tip.start()).cloned() else {
            return;
        };
        let empty = Queue::new(target.clone());
        let queue = graph.queue(target).unwrap_or(&empty);
        if let Some(candidate) = &queue.candidate {
            questions.push(Question::Contains {
                target: target.clone(),
                commit: candidate.commit.clone(),
            });
            questions.push(Question::Owner {
                rig: self.rig.clone(),
                slot: gate_slot(target),
            });
            for gate in self.gates(graph) {
                let run = merge_gate_run(&candidate.id, queue, &gate.name);
                let green = matches!(seen.run(&run), Some(RunSeen::Ended(end)) if end.verdict() == Verdict::Passed);
                questions.push(Question::Run(run));
                if !green {
                    break;
                }
            }
            if let Some(red) = red_gate(candidate) {
                questions.push(Question::Run(base_gate_run(
                    &self.rig,
                    &candidate.base,
                    queue,
                    &red.gate,
                )));
            }
            let in_test = now.0.saturating_sub(candidate.formed_at.0);
            let waiting = if in_test >= EARLY_AFTER_MS {
                Self::early(graph, target, candidate)
            } else {
                Vec::new()
            };
            for bead in waiting {
                questions.push(Question::Assembly(order(target, &tip, &[bead])));
            }
        } else if queue.halt.is_none() {
            let members = self.next_members(graph, queue, target);
            if !members.is_empty() {
                questions.push(Question::Assembly(order(target, &tip, &members)));
            }
        }
    }

    /// Lists submissions that came while a candidate is in test.
    fn early<'a>(graph: &'a Graph, target: &'a Target, candidate: &'a Candidate) -> Vec<&'a Bead> {
        graph
            .queued(target)
            .filter(|bead| candidate.members.iter().all(|m| m.bead != bead.id))
            .take(EARLY_LOOKS)
            .collect()
    }

    /// Chooses the members of the next candidate.
    fn next_members<'a>(&self, graph: &'a Graph, queue: &Queue, target: &Target) -> Vec<&'a Bead> {
        let batch = graph.rig(&self.rig).map_or(1, |rig| {
            usize::try_from(rig.rules.merge.batch.max(1)).unwrap_or(1)
        });
        let may_merge = |bead: &&Bead| graph.pause_of(bead).is_none();
        let suspects: Vec<&Bead> = queue
            .suspects
            .iter()
            .filter_map(|id| graph.bead(id))
            .filter(|bead| matches!(bead.phase, Phase::Submitted { .. }))
            .filter(may_merge)
            .collect();
        if suspects.is_empty() {
            return graph.queued(target).filter(may_merge).take(batch).collect();
        }
        let half = (suspects.len() / 2).max(1);
        suspects.into_iter().take(half).collect()
    }

    fn plan_target(
        &self,
        graph: &Graph,
        seen: &Seen,
        now: Timestamp,
        target: &Target,
        plan: &mut Plan,
    ) {
        let Some(tip) = seen.tip(target) else { return };
        let Some(start) = tip.start() else {
            if graph.queued(target).next().is_some() {
                plan.tell(Command::Escalate {
                    about: target.key(),
                    text: format!("{} has no commit that work could land on", target.branch),
                });
            }
            return;
        };
        let empty = Queue::new(target.clone());
        let queue = graph.queue(target).unwrap_or(&empty);
        if let Some(candidate) = &queue.candidate
            && candidate.verdict == Some(Verdict::Passed)
        {
            match seen.contains(target, &candidate.commit) {
                // Whether it has landed decides everything else.
                None => return,
                Some(true) => {
                    plan.tell(Command::Land {
                        candidate: candidate.id.clone(),
                    });
                    return;
                }
                Some(false) => {}
            }
        }
        // Main went ahead of the integration branch: begin from where main is. A candidate on
        // the old base would part the two for good.
        if target.mode == LandMode::Integration
            && tip.branch_is_ahead
            && let (Some(at), Some(branch)) = (&tip.at, &tip.branch)
        {
            if self.freeze(graph, now).is_some() {
                return;
            }
            if let Some(candidate) = &queue.candidate {
                plan.tell(Command::Void {
                    candidate: candidate.id.clone(),
                    why: format!("{} moved to {}", target.branch, branch.short()),
                });
            }
            plan.act(Effect::EnsureRef {
                rig: self.rig.clone(),
                name: target.r#ref.clone(),
                new: branch.clone(),
                old: Some(at.clone()),
            });
            return;
        }
        if queue.tip.as_ref() != Some(start) {
            if let Some(candidate) = &queue.candidate {
                plan.tell(Command::Void {
                    candidate: candidate.id.clone(),
                    why: format!("{} moved to {}", target.short_ref(), start.short()),
                });
            }
            plan.tell(Command::ObserveTarget {
                target: target.clone(),
                tip: start.clone(),
            });
            return;
        }
        if queue.halt.is_some() {
            return;
        }
        match &queue.candidate {
            Some(candidate) => {
                Self::send_early_conflicts(graph, seen, target, start, candidate, plan);
                self.plan_candidate(graph, seen, now, queue, candidate, tip.at.as_ref(), plan);
            }
            None if graph.hold_of(&self.rig, HoldKind::Pause, now).is_some() => {}
            None => self.form(graph, seen, queue, target, start, plan),
        }
    }

    fn bring_home(graph: &Graph, target: &Target) -> Plan {
        let mut plan = Plan::default();
        for (id, goal) in graph.landing_asked() {
            if goal.target == *target {
                plan.act(Effect::BringHome {
                    goal: id.clone(),
                    target: target.clone(),
                });
            }
        }
        plan
    }

    fn send_early_conflicts(
        graph: &Graph,
        seen: &Seen,
        target: &Target,
        tip: &Oid,
        candidate: &Candidate,
        plan: &mut Plan,
    ) {
        for bead in Self::early(graph, target, candidate) {
            if let Some(assembly) = seen.assembly(&order(target, tip, &[bead])) {
                for (_, files) in &assembly.conflicts {
                    plan.tell(conflict(bead, target, files));
                }
            }
        }
    }

    fn form(
        &self,
        graph: &Graph,
        seen: &Seen,
        queue: &Queue,
        target: &Target,
        tip: &Oid,
        plan: &mut Plan,
    ) {
        let members = self.next_members(graph, queue, target);
        let Some(assembly) = seen.assembly(&order(target, tip, &members)) else {
            return;
        };
        for (id, files) in &assembly.conflicts {
            if let Some(bead) = members.iter().find(|bead| bead.id == *id) {
                plan.tell(conflict(bead, target, files));
            }
        }
        let joined: Vec<Member> = assembly
            .joined
            .iter()
            .filter_map(|id| members.iter().find(|bead| bead.id == *id))
            .filter_map(|bead| member(bead))
            .collect();
        if joined.is_empty() {
            return;
        }
        let id = candidate_id(&assembly.commit, queue.infra);
        plan.act(Effect::EnsureRef {
            rig: self.rig.clone(),
            name: candidate_ref(&id),
            new: assembly.commit.clone(),
            old: None,
        });
        plan.tell(Command::Form {
            id,
            target: target.clone(),
            base: tip.clone(),
            members: joined,
            commit: assembly.commit.clone(),
            tree: assembly.tree.clone(),
            retry: queue.infra,
        });
    }

    #[expect(clippy::too_many_arguments, reason = "what one pass knows")]
    fn plan_candidate(
        &self,
        graph: &Graph,
        seen: &Seen,
        now: Timestamp,
        queue: &Queue,
        candidate: &Candidate,
        at: Option<&Oid>,
        plan: &mut Plan,
    ) {
        match candidate.verdict {
            None => self.judge(graph, seen, now, queue, candidate, plan),
            Some(Verdict::Passed) if has_lost_a_member(graph, candidate) => {
                plan.tell(Command::Void {
                    candidate: candidate.id.clone(),
                    why: "not all of it is handed in any more".to_owned(),
                });
            }
            Some(Verdict::Passed) if !self.is_proven(graph, candidate) => {
                plan.tell(Command::Void {
                    candidate: candidate.id.clone(),
                    why: "its gates have changed since they ran".to_owned(),
                });
            }
            Some(Verdict::Passed) if self.freeze(graph, now).is_some() => {}
            Some(Verdict::Passed) => {
                plan.act(Effect::EnsureRef {
                    rig: self.rig.clone(),
                    name: candidate.target.r#ref.clone(),
                    new: candidate.commit.clone(),
                    old: at.cloned(),
                });
                plan.tell(Command::Land {
                    candidate: candidate.id.clone(),
                });
            }
            Some(Verdict::Failed) => self.blame(graph, seen, queue, candidate, plan),
            Some(Verdict::Infra) => plan.tell(Command::Void {
                candidate: candidate.id.clone(),
                why: "its gates could not run".to_owned(),
            }),
        }
    }

    /// Tells whether every gate that there is now was green on a candidate.
    fn is_proven(&self, graph: &Graph, candidate: &Candidate) -> bool {
        self.gates(graph).into_iter().all(|gate| {
            candidate.gates.iter().any(|run| {
                run.gate == gate.name
                    && run.verdict == Verdict::Passed
                    && run.commit == candidate.commit
            })
        })
    }

    fn judge(
        &self,
        graph: &Graph,
        seen: &Seen,
        now: Timestamp,
        queue: &Queue,
        candidate: &Candidate,
        plan: &mut Plan,
    ) {
        let mut runs = Vec::new();
        for gate in self.gates(graph) {
            let run = merge_gate_run(&candidate.id, queue, &gate.name);
            match seen.run(&run) {
                None => return,
                Some(RunSeen::Absent { .. } | RunSeen::Prepared) => {
                    let owner = merge_gate_owner(&candidate.id, queue);
                    self.run_gate(
                        seen,
                        gate,
                        &gate_slot(&candidate.target),
                        &candidate.commit,
                        &owner,
                        run,
                        plan,
                    );
                    return;
                }
                Some(RunSeen::Live(_)) => {
                    for member in &candidate.members {
                        plan.observations.push(Observation {
                            subject: member.bead.to_string(),
                            reason: WaitReason::GateRunning,
                            text: format!("gate {} runs on candidate {}", gate.name, candidate.id),
                            since: now,
                            until: None,
                        });
                    }
                    return;
                }
                Some(RunSeen::Lost) => {
                    plan.act(Effect::SweepLost { run: run.clone() });
                    runs.push(lost_run(gate, &candidate.commit, &run));
                    break;
                }
                Some(RunSeen::Ended(end)) => {
                    let gate_run = gate_run(gate, &candidate.commit, &run, end);
                    let green = gate_run.verdict == Verdict::Passed;
                    runs.push(gate_run);
                    if !green {
                        break;
                    }
                }
            }
        }
        let verdict = runs
            .iter()
            .map(|run| run.verdict)
            .find(|verdict| *verdict != Verdict::Passed)
            .unwrap_or(Verdict::Passed);
        plan.tell(Command::Judge {
            candidate: candidate.id.clone(),
            verdict,
            gates: runs,
        });
    }

    /// Runs a gate in the worktree of a slot, on exactly one commit.
    #[expect(clippy::too_many_arguments, reason = "what one gate run is")]
    pub(crate) fn run_gate(
        &self,
        seen: &Seen,
        gate: &Gate,
        slot: &str,
        commit: &Oid,
        owner: &str,
        run: gtd_core::RunId,
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
        }));
    }

    /// Finds whose fault a red candidate of one is: the base's or the bead's.
    fn blame(
        &self,
        graph: &Graph,
        seen: &Seen,
        queue: &Queue,
        candidate: &Candidate,
        plan: &mut Plan,
    ) {
        let Some(red) = red_gate(candidate) else {
            plan.tell(Command::Void {
                candidate: candidate.id.clone(),
                why: "its verdict names no gate".to_owned(),
            });
            return;
        };
        let Some(gate) = self
            .gates(graph)
            .into_iter()
            .find(|gate| gate.name == red.gate)
        else {
            plan.tell(Command::Void {
                candidate: candidate.id.clone(),
                why: format!("gate {} is gone", red.gate),
            });
            return;
        };
        if queue.green.contains(&red.gate) {
            let Some(member) = candidate.members.first() else {
                return;
            };
            plan.tell(Command::SendBack {
                bead: member.bead.clone(),
                epoch: member.epoch,
                why: Fault {
                    class: FaultClass::Gate {
                        gate: red.gate.to_string(),
                    },
                    text: format!(
                        "gate {} is red on the merged tree ({}) and green on {} without it",
                        red.gate,
                        red.detail,
                        candidate.target.short_ref()
                    ),
                    evidence: red.evidence.clone(),
                    run: Some(red.run.clone()),
                },
            });
            return;
        }
        let run = base_gate_run(&self.rig, &candidate.base, queue, &red.gate);
        match seen.run(&run) {
            None | Some(RunSeen::Live(_)) => {}
            Some(RunSeen::Absent { .. } | RunSeen::Prepared) => {
                let owner = base_gate_owner(&self.rig, &candidate.base, queue);
                self.run_gate(
                    seen,
                    gate,
                    &gate_slot(&candidate.target),
                    &candidate.base,
                    &owner,
                    run,
                    plan,
                );
            }
            Some(RunSeen::Lost) => {
                plan.act(Effect::SweepLost { run: run.clone() });
                plan.tell(Command::JudgeBase {
                    target: candidate.target.clone(),
                    gate: lost_run(gate, &candidate.base, &run),
                });
            }
            Some(RunSeen::Ended(end)) => plan.tell(Command::JudgeBase {
                target: candidate.target.clone(),
                gate: gate_run(gate, &candidate.base, &run, end),
            }),
        }
    }
}

/// Tells whether somebody took a member back; the target is known not to have it.
fn has_lost_a_member(graph: &Graph, candidate: &Candidate) -> bool {
    candidate.members.iter().any(|wanted| {
        let known = graph.bead(&wanted.bead).and_then(member);
        known.as_ref() != Some(wanted)
    })
}

fn red_gate(candidate: &Candidate) -> Option<&GateRun> {
    (candidate.verdict == Some(Verdict::Failed))
        .then(|| {
            candidate
                .gates
                .iter()
                .find(|run| run.verdict == Verdict::Failed)
        })
        .flatten()
}

/// Makes the record of a gate run from how it ended.
pub(crate) fn gate_run(gate: &Gate, commit: &Oid, run: &gtd_core::RunId, end: &EndSeen) -> GateRun {
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
    }
}

pub(crate) fn lost_run(gate: &Gate, commit: &Oid, run: &gtd_core::RunId) -> GateRun {
    GateRun {
        gate: gate.name.clone(),
        commit: commit.clone(),
        verdict: Verdict::Infra,
        detail: "its process vanished".to_owned(),
        took_ms: 0,
        run: run.clone(),
        evidence: String::new(),
    }
}

fn member(bead: &Bead) -> Option<Member> {
    match &bead.phase {
        Phase::Submitted { epoch, head, .. } => Some(Member {
            bead: bead.id.clone(),
            epoch: *epoch,
            head: head.clone(),
        }),
        _ => None,
    }
}

fn order(target: &Target, base: &Oid, beads: &[&Bead]) -> AssemblyOrder {
    AssemblyOrder {
        target: target.clone(),
        base: base.clone(),
        members: beads
            .iter()
            .filter_map(|bead| {
                let member = member(bead)?;
                Some(AssemblyMember {
                    bead: member.bead,
                    epoch: member.epoch,
                    head: member.head,
                    title: bead.spec.title.clone(),
                    goal: bead.goal.clone(),
                })
            })
            .collect(),
    }
}

fn conflict(bead: &Bead, target: &Target, files: &[String]) -> Command {
    /// Files that are kept in the record.
    const KEPT: usize = 100;
    let onto = target.short_ref();
    let (class, text) = if files.is_empty() {
        // Its agent went somewhere else: from the same place the next attempt would do the same.
        let criterion = format!("it stands on the history of {onto}");
        let text = format!("it shares no history with {onto}");
        (FaultClass::Check { criterion }, text)
    } else {
        let kept = files.iter().take(KEPT).cloned().collect();
        let text = format!("it does not merge onto {onto}: {}", named(files));
        (FaultClass::Conflict { files: kept }, text)
    };
    Command::SendBack {
        bead: bead.id.clone(),
        epoch: bead.epoch,
        why: Fault {
            class,
            text: line(&text),
            evidence: String::new(),
            run: None,
        },
    }
}
