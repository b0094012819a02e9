//! Which commit made a target red, when it is red without us.
//!
//! The line of first parents is searched with the gate that is red, between
//! the tip and the last commit that carries evidence: that one was green when
//! it landed. Nothing is remembered but the runs themselves, which have names;
//! so a search that was broken off goes on where it was.
//!
//! What is found is told to a person. Nothing is taken back by itself.

use gtd_core::{Gate, Graph, Halt, HaltKind, Observation, Queue, Verdict, WaitReason};

use crate::{
    LineCommit, Plan, Question, Refinery, RunSeen, Seen, base_gate_owner, base_gate_run,
    evidence::line, gate_slot,
};

/// How far a search is.
enum Search<'a> {
    /// Something has to be looked at first.
    Look(Question),
    /// The gate has to run on this commit.
    Run(&'a LineCommit),
    /// The gate is at work on this commit.
    Wait(&'a LineCommit, usize),
    /// This is what was found.
    Found(String),
    /// The gate cannot tell.
    Lost,
}

impl Refinery {
    /// Asks what the search for a culprit needs.
    pub(super) fn look_for_a_culprit(
        &self,
        graph: &Graph,
        seen: &Seen,
        queue: &Queue,
        questions: &mut Vec<Question>,
    ) {
        let Some((halt, _)) = self.red_main(graph, queue) else {
            return;
        };
        questions.push(Question::Owner {
            rig: self.rig.clone(),
            slot: gate_slot(&queue.target),
        });
        if let Search::Look(question) = self.search(seen, queue, halt) {
            questions.push(question);
        }
    }

    /// Runs the gate where the search is, or tells what it found.
    pub(super) fn find_a_culprit(
        &self,
        graph: &Graph,
        seen: &Seen,
        queue: &Queue,
        plan: &mut Plan,
    ) {
        let Some((halt, gate)) = self.red_main(graph, queue) else {
            return;
        };
        let say = |text: String| Observation {
            subject: queue.target.key(),
            reason: WaitReason::MainRed,
            text,
            since: halt.since,
            until: None,
        };
        match self.search(seen, queue, halt) {
            Search::Look(_) | Search::Lost => {}
            Search::Run(commit) => {
                let run = base_gate_run(&self.rig, &commit.oid, queue, &gate.name, 0);
                let owner = base_gate_owner(&self.rig, &commit.oid, queue, 0);
                let slot = gate_slot(&queue.target);
                self.run_gate(seen, gate, &slot, &commit.oid, &owner, run, plan);
            }
            Search::Wait(commit, left) => plan.observations.push(say(format!(
                "gate {} runs on {}; {left} commits may have made it red",
                gate.name,
                commit.oid.short()
            ))),
            Search::Found(text) => plan.observations.push(say(text)),
        }
    }

    /// Finds the gate that is red on the target by itself.
    fn red_main<'a>(&self, graph: &'a Graph, queue: &'a Queue) -> Option<(&'a Halt, &'a Gate)> {
        let halt = queue.halt.as_ref();
        let halt = halt.filter(|halt| halt.kind == HaltKind::MainRed)?;
        let gates = self.gates(graph);
        let gate = gates.into_iter().find(|gate| gate.name == halt.gate)?;
        Some((halt, gate))
    }

    fn search<'a>(&self, seen: &'a Seen, queue: &Queue, halt: &Halt) -> Search<'a> {
        let question = Question::Line {
            target: queue.target.clone(),
            tip: halt.commit.clone(),
        };
        let Some(commits) = seen.line(&question) else {
            return match seen.knows(&question) {
                true => Search::Lost,
                false => Search::Look(question),
            };
        };
        let (Some(tip), Some(oldest)) = (commits.first(), commits.last()) else {
            return Search::Lost;
        };
        let gate = &halt.gate;
        if commits.len() == 1 {
            return Search::Found(match tip.is_proven {
                true => format!(
                    "{} was green when it landed and is red now: gate {gate} is flaky, or what it \
                     needs has changed outside of the repository",
                    tip.oid.short()
                ),
                false => format!(
                    "gate {gate} is red on the first commit there is, {} ({}): it has never been \
                     green here",
                    tip.oid.short(),
                    line(&tip.subject)
                ),
            });
        }
        // Red at `red` and all before it in the list, which is newest first; green at `green`.
        let (mut red, mut green) = (0, commits.len() - 1);
        let mut at = green;
        loop {
            let commit = &commits[at];
            let run = base_gate_run(&self.rig, &commit.oid, queue, gate, 0);
            match seen.run(&run) {
                None if seen.knows(&Question::Run(run.clone())) => return Search::Lost,
                None => return Search::Look(Question::Run(run)),
                Some(RunSeen::Absent { .. } | RunSeen::Prepared) => return Search::Run(commit),
                Some(RunSeen::Live(_)) => return Search::Wait(commit, green - red),
                Some(RunSeen::Lost) => return Search::Lost,
                Some(RunSeen::Ended(end)) => match end.verdict() {
                    Verdict::Infra => return Search::Lost,
                    Verdict::Passed => green = at,
                    Verdict::Failed if at == commits.len() - 1 => {
                        return Search::Found(match oldest.is_proven {
                            true => format!(
                                "{} was green when it landed and is red now: gate {gate} or \
                                 what it needs has changed outside of the repository",
                                oldest.oid.short()
                            ),
                            false => format!(
                                "gate {gate} is red as far back as {} ({})",
                                oldest.oid.short(),
                                line(&oldest.subject)
                            ),
                        });
                    }
                    Verdict::Failed => red = at,
                },
            }
            if green - red == 1 {
                let culprit = &commits[red];
                return Search::Found(format!(
                    "gate {gate} is red since {} by {}: {}; it is green on {} before it",
                    culprit.oid.short(),
                    line(&culprit.author),
                    line(&culprit.subject),
                    commits[green].oid.short()
                ));
            }
            at = red + (green - red) / 2;
        }
    }
}
