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

use gtd_core::{Gate, Guard, GuardReport, Oid, RunId, Verdict};

use super::guard::Guards;
use crate::{NewTestsSeen, Plan, Question, RunSeen, proof_gate_run, proof_owner, proof_slot};

impl<'a> Guards<'a> {
    fn new_tests(&self, head: &Oid) -> Question {
        Question::NewTests {
            rig: self.refinery.rig.clone(),
            onto: self.tip.clone(),
            head: head.clone(),
        }
    }

    /// Chooses the submission whose tests are run without it.
    fn next_to_prove(&self) -> Option<&'a Oid> {
        let unproven = self.unguarded(Guard::ProofOfTest);
        let mut next = unproven.into_iter().filter(|(bead, head)| {
            self.is_let_through_by(bead, Guard::TestGuard) && self.proof_of(head).is_none()
        });
        next.next().map(|(_, head)| head)
    }

    fn run_of(&self, commit: &Oid, gate: &Gate) -> RunId {
        proof_gate_run(&self.refinery.rig, commit, self.queue, &gate.name)
    }

    /// Asks which tests the next submission adds, and how far their run is.
    pub(super) fn look_at_proof(&self, questions: &mut Vec<Question>) {
        let Some(head) = self.next_to_prove() else {
            return;
        };
        let question = self.new_tests(head);
        if let Some(Some(tests)) = self.seen.new_tests(&question) {
            questions.push(Question::Owner {
                rig: self.refinery.rig.clone(),
                slot: proof_slot(self.target),
            });
            for gate in self.refinery.gates(self.graph) {
                let run = self.run_of(&tests.commit, gate);
                let is_green = self.seen.is_green(&run);
                questions.push(Question::Run(run));
                if !is_green {
                    break;
                }
            }
        }
        questions.push(question);
    }

    /// Tells what is found in a submission; none while that is not known.
    pub(super) fn proof_of(&self, head: &Oid) -> Option<GuardReport> {
        let report = |remark: String| GuardReport {
            remark,
            ..GuardReport::new(Guard::ProofOfTest, vec![], &[])
        };
        let Some(NewTestsSeen { commit, tests }) = self.seen.new_tests(&self.new_tests(head))?
        else {
            return Some(report("it adds no test that stands alone".to_owned()));
        };
        let gates = self.refinery.gates(self.graph);
        if gates.is_empty() {
            return Some(report("no gate runs them".to_owned()));
        }
        for gate in gates {
            let run = self.run_of(commit, gate);
            let verdict = match self.seen.run(&run)? {
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
    pub(super) fn run_proof(&self, plan: &mut Plan) {
        let Some(head) = self.next_to_prove() else {
            return;
        };
        let Some(Some(tests)) = self.seen.new_tests(&self.new_tests(head)) else {
            return;
        };
        for gate in self.refinery.gates(self.graph) {
            let run = self.run_of(&tests.commit, gate);
            match self.seen.run(&run) {
                Some(RunSeen::Ended(_)) => {}
                Some(RunSeen::Absent { .. } | RunSeen::Prepared) => {
                    let (refinery, commit) = (self.refinery, &tests.commit);
                    let owner = proof_owner(&refinery.rig, commit, self.queue);
                    let slot = proof_slot(self.target);
                    refinery.run_gate(self.seen, gate, &slot, commit, &owner, run, plan);
                    return;
                }
                None | Some(RunSeen::Live(_) | RunSeen::Lost) => return,
            }
        }
    }
}
