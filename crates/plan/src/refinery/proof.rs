//! Whether the tests that a submission adds are red without its work.
//!
//! | what is seen of the base with the new tests | next |
//! |---|---|
//! | no test is added in a file that is for tests alone | nothing is found |
//! | a gate has not run there | run it in a clean worktree, one submission at a time |
//! | a gate is red | nothing is found: they say something about the work |
//! | a gate could not run | nothing is found, and that is said |
//! | every gate is green | the new tests prove nothing |
//!
//! A test that does not build without the work is red, which is enough. Of tests that stand in the
//! same file as the work nobody can tell.

use gtd_core::{Graph, Guard, GuardReport, Oid, Queue, Target, Verdict};

use crate::{
    NewTestsSeen, Plan, Question, Refinery, RunSeen, Seen, proof_gate_run, proof_owner, proof_slot,
};

impl Refinery {
    fn new_tests(&self, tip: &Oid, head: &Oid) -> Question {
        Question::NewTests {
            rig: self.rig.clone(),
            onto: tip.clone(),
            head: head.clone(),
        }
    }

    /// Chooses the submission whose tests are run without it.
    fn next_to_prove<'a>(
        &self,
        graph: &'a Graph,
        seen: &Seen,
        queue: &Queue,
        target: &'a Target,
        tip: &Oid,
    ) -> Option<&'a Oid> {
        let unproven = self.unguarded(graph, target, Guard::ProofOfTest);
        let mut next = unproven.into_iter().filter(|(bead, head)| {
            let guard = Guard::TestGuard;
            self.is_let_through_by(graph, seen, queue, tip, bead, guard)
                && self.proof_of(graph, seen, queue, tip, head).is_none()
        });
        next.next().map(|(_, head)| head)
    }

    /// Asks which tests the next submission adds, and how far their run is.
    pub(super) fn look_at_proof(
        &self,
        graph: &Graph,
        seen: &Seen,
        queue: &Queue,
        target: &Target,
        tip: &Oid,
        questions: &mut Vec<Question>,
    ) {
        let Some(head) = self.next_to_prove(graph, seen, queue, target, tip) else {
            return;
        };
        let question = self.new_tests(tip, head);
        if let Some(Some(tests)) = seen.new_tests(&question) {
            questions.push(Question::Owner {
                rig: self.rig.clone(),
                slot: proof_slot(target),
            });
            for gate in self.gates(graph) {
                let run = proof_gate_run(&self.rig, &tests.commit, queue, &gate.name);
                let is_green = seen.is_green(&run);
                questions.push(Question::Run(run));
                if !is_green {
                    break;
                }
            }
        }
        questions.push(question);
    }

    /// Tells what is found in a submission; none while that is not known.
    pub(super) fn proof_of(
        &self,
        graph: &Graph,
        seen: &Seen,
        queue: &Queue,
        tip: &Oid,
        head: &Oid,
    ) -> Option<GuardReport> {
        let report = |remark: String| GuardReport {
            remark,
            ..GuardReport::new(Guard::ProofOfTest, vec![], &[])
        };
        let Some(NewTestsSeen { commit, tests }) = seen.new_tests(&self.new_tests(tip, head))?
        else {
            return Some(report("it adds no test that stands alone".to_owned()));
        };
        let gates = self.gates(graph);
        if gates.is_empty() {
            return Some(report("no gate runs them".to_owned()));
        }
        for gate in gates {
            let run = proof_gate_run(&self.rig, commit, queue, &gate.name);
            let verdict = match seen.run(&run)? {
                RunSeen::Ended(end) => end.verdict(),
                RunSeen::Lost => Verdict::Infra,
                RunSeen::Absent { .. } | RunSeen::Prepared | RunSeen::Live(_) => return None,
            };
            match verdict {
                Verdict::Passed => {}
                Verdict::Failed => {
                    return Some(report(format!(
                        "red without the work in gate {}",
                        gate.name
                    )));
                }
                Verdict::Infra => {
                    let name = &gate.name;
                    return Some(report(format!(
                        "gate {name} could not run without the work"
                    )));
                }
            }
        }
        Some(GuardReport::new(Guard::ProofOfTest, tests.clone(), &[]))
    }

    /// Runs the next gate on the new tests of one submission, without its work.
    pub(super) fn run_proof(
        &self,
        graph: &Graph,
        seen: &Seen,
        queue: &Queue,
        target: &Target,
        tip: &Oid,
        plan: &mut Plan,
    ) {
        let Some(head) = self.next_to_prove(graph, seen, queue, target, tip) else {
            return;
        };
        let Some(Some(tests)) = seen.new_tests(&self.new_tests(tip, head)) else {
            return;
        };
        for gate in self.gates(graph) {
            let run = proof_gate_run(&self.rig, &tests.commit, queue, &gate.name);
            match seen.run(&run) {
                Some(RunSeen::Ended(_)) => {}
                Some(RunSeen::Absent { .. } | RunSeen::Prepared) => {
                    let owner = proof_owner(&self.rig, &tests.commit, queue);
                    let slot = proof_slot(target);
                    self.run_gate(seen, gate, &slot, &tests.commit, &owner, run, plan);
                    return;
                }
                None | Some(RunSeen::Live(_) | RunSeen::Lost) => return,
            }
        }
    }
}
