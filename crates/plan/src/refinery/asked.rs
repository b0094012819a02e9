//! The gates that people ask for: run by the refinery, in the same surroundings as in the queue.
//!
//! | what is seen | next |
//! |---|---|
//! | no run yet | a clean worktree at the commit, then the gate |
//! | green | that is the answer |
//! | could not run | that is the answer |
//! | red, for the first time | once more in a clean worktree: a flaky gate is told from a red one |
//! | red twice, or red and green | that is the answer |
//!
//! One at a time in each rig. Nothing that a gate says here moves anything.

use gtd_core::{Command, Gate, GateAsk, GateRun, Graph, Verdict};

use super::verdict::{gate_run, lost_run};
use crate::{Effect, Plan, Question, Refinery, RunSeen, Seen, asked_owner, asked_run, asked_slot};

/// Runs of one gate on one commit until the answer is believed.
const RUNS: u32 = 2;

impl Refinery {
    fn asked<'a>(&self, graph: &'a Graph) -> Option<(&'a GateAsk, Option<&'a Gate>)> {
        let ask = graph.gate_asks().find(|ask| ask.rig == self.rig)?;
        let rules = &graph.rig(&self.rig)?.rules;
        Some((ask, rules.gates.iter().find(|gate| gate.name == ask.gate)))
    }

    /// Asks how far the gate is that a person asked for.
    pub(super) fn look_at_asked(&self, graph: &Graph, seen: &Seen, questions: &mut Vec<Question>) {
        let Some((ask, Some(gate))) = self.asked(graph) else {
            return;
        };
        questions.push(Question::Owner {
            rig: self.rig.clone(),
            slot: asked_slot().to_owned(),
        });
        for turn in 0..RUNS {
            let run = asked_run(ask, gate, turn);
            let is_red = matches!(seen.run(&run), Some(RunSeen::Ended(end)) if end.verdict() == Verdict::Failed);
            questions.push(Question::Run(run));
            if !is_red {
                break;
            }
        }
    }

    /// Runs the gate that a person asked for, or says what it showed.
    pub(super) fn answer_gates(&self, graph: &Graph, seen: &Seen) -> Plan {
        let mut plan = Plan::default();
        let Some((ask, gate)) = self.asked(graph) else {
            return plan;
        };
        let mut runs: Vec<GateRun> = Vec::new();
        for turn in 0..RUNS {
            // A gate that is gone meanwhile shows nothing.
            let Some(gate) = gate else { break };
            let run = asked_run(ask, gate, turn);
            match seen.run(&run) {
                None | Some(RunSeen::Live(_)) => return plan,
                Some(RunSeen::Absent { .. } | RunSeen::Prepared) => {
                    let owner = asked_owner(ask, turn);
                    let slot = asked_slot();
                    self.run_gate(seen, gate, slot, &ask.commit, &owner, run, &mut plan);
                    return plan;
                }
                Some(RunSeen::Lost) => {
                    plan.act(Effect::SweepLost { run: run.clone() });
                    runs.push(lost_run(gate, &ask.commit, &run));
                    break;
                }
                Some(RunSeen::Ended(end)) => {
                    let shown = gate_run(gate, &ask.commit, &run, end, &runs);
                    let is_red = shown.verdict == Verdict::Failed;
                    runs.push(shown);
                    if !is_red {
                        break;
                    }
                }
            }
        }
        plan.tell(Command::AnswerGate {
            number: ask.number,
            runs,
        });
        plan
    }
}
