//! Whose fault a red candidate of one is: the base's or the bead's.

use gtd_core::{Candidate, Command, Fault, FaultClass, Gate, GateRun, Graph, Queue, Verdict};

use super::verdict::{gate_run, lost_run};
use crate::{
    Effect, Plan, Question, Refinery, RunSeen, Seen, base_gate_owner, base_gate_run,
    evidence::with_tests, gate_slot,
};

/// Runs of a gate on the base until a red of it is believed: it stops everybody.
const BASE_RUNS: u32 = 2;

impl Refinery {
    /// Asks how far the gate is on the base that was red on a candidate.
    pub(super) fn look_at_base(
        &self,
        seen: &Seen,
        queue: &Queue,
        candidate: &Candidate,
        questions: &mut Vec<Question>,
    ) {
        let Some(red) = red_gate(candidate) else {
            return;
        };
        for turn in 0..BASE_RUNS {
            let run = base_gate_run(&self.rig, &candidate.base, queue, &red.gate, turn);
            let is_red = matches!(seen.run(&run), Some(RunSeen::Ended(end)) if end.verdict() == Verdict::Failed);
            questions.push(Question::Run(run));
            if !is_red {
                break;
            }
        }
    }

    /// Sends a red submission back when the base is green, and finds out whether it is.
    pub(super) fn blame(
        &self,
        graph: &Graph,
        seen: &Seen,
        queue: &Queue,
        candidate: &Candidate,
        plan: &mut Plan,
    ) {
        let void = |why: String| Command::Void {
            candidate: candidate.id.clone(),
            why,
        };
        let Some(red) = red_gate(candidate) else {
            plan.tell(void("its verdict names no gate".to_owned()));
            return;
        };
        let gates = self.gates(graph);
        let Some(gate) = gates.into_iter().find(|gate| gate.name == red.gate) else {
            plan.tell(void(format!("gate {} is gone", red.gate)));
            return;
        };
        if queue.green.contains(&red.gate) {
            plan.steps
                .extend(sent_back(candidate, red).map(crate::Step::Tell));
            return;
        }
        self.look_for_a_red_base(seen, queue, candidate, gate, plan);
    }

    fn look_for_a_red_base(
        &self,
        seen: &Seen,
        queue: &Queue,
        candidate: &Candidate,
        gate: &Gate,
        plan: &mut Plan,
    ) {
        let base = &candidate.base;
        let mut shown = None;
        for turn in 0..BASE_RUNS {
            let run = base_gate_run(&self.rig, base, queue, &gate.name, turn);
            match seen.run(&run) {
                None | Some(RunSeen::Live(_)) => return,
                Some(RunSeen::Absent { .. } | RunSeen::Prepared) => {
                    let owner = base_gate_owner(&self.rig, base, queue, turn);
                    let slot = gate_slot(&candidate.target);
                    self.run_gate(seen, gate, &slot, base, &owner, run, plan);
                    return;
                }
                Some(RunSeen::Lost) => {
                    plan.act(Effect::SweepLost { run: run.clone() });
                    shown = Some(lost_run(gate, base, &run));
                    break;
                }
                Some(RunSeen::Ended(end)) => {
                    let before: Vec<GateRun> = shown.take().into_iter().collect();
                    let known = shown.insert(gate_run(gate, base, &run, end, &before));
                    if known.verdict != Verdict::Failed {
                        break;
                    }
                }
            }
        }
        plan.steps.extend(shown.map(|gate| {
            crate::Step::Tell(Command::JudgeBase {
                target: candidate.target.clone(),
                gate,
            })
        }));
    }
}

/// Makes the command that sends the only member of a red candidate back.
fn sent_back(candidate: &Candidate, red: &GateRun) -> Option<Command> {
    let member = candidate.members.first()?;
    Some(Command::SendBack {
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
            evidence: with_tests(&red.evidence, red.tests.as_deref()),
            run: Some(red.run.clone()),
        },
    })
}

/// Finds the red that decided: gates that were red once and then green come before it.
fn red_gate(candidate: &Candidate) -> Option<&GateRun> {
    let mut runs = candidate.gates.iter().rev();
    runs.find(|run| candidate.verdict == Some(Verdict::Failed) && run.verdict == Verdict::Failed)
}
