//! What must be looked at before a target can be planned.

use gtd_core::{Graph, Queue, Target, Timestamp, Verdict};

use super::{
    batch::Next,
    order::order,
    verdict::{Progress, progress},
};
use crate::{Question, Refinery, Seen, gate_slot};

/// How long a candidate is in test before submissions are looked at alone, in milliseconds: gates
/// that are done sooner let the next candidate find the same.
const EARLY_AFTER_MS: i64 = 1_000;

impl Refinery {
    /// Asks what is to be known about one target.
    pub(super) fn look_at(
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
        self.guards(graph, seen, queue, target, &tip)
            .look(questions);
        if queue.halt.is_some() {
            self.look_for_a_culprit(graph, seen, queue, questions);
        }
        if let Some(candidate) = &queue.candidate {
            questions.push(Question::Contains {
                target: target.clone(),
                commit: candidate.commit.clone(),
            });
            questions.push(Question::Owner {
                rig: self.rig.clone(),
                slot: gate_slot(target),
            });
            if candidate.verdict == Some(Verdict::Passed) {
                questions.extend(self.signature(graph, &candidate.commit));
            }
            if candidate.verdict.is_none() {
                for gate in self.gates(graph) {
                    match progress(seen, queue, candidate, gate) {
                        Progress::Told(Verdict::Passed, _) => {}
                        Progress::Unseen(run) => {
                            questions.push(Question::Run(run));
                            break;
                        }
                        _ => break,
                    }
                }
            }
            self.look_at_base(seen, queue, candidate, questions);
            let in_test = now.0.saturating_sub(candidate.formed_at.0);
            let waiting = if in_test >= EARLY_AFTER_MS {
                Self::early(graph, target, candidate)
            } else {
                Vec::new()
            };
            for bead in waiting {
                let order = Self::early_order(graph, target, &tip, candidate, bead);
                questions.push(Question::Assembly(order));
            }
        } else if queue.halt.is_none() {
            match self.next_members(graph, seen, queue, target, &tip) {
                Next::Look(open) => questions.extend(open),
                Next::Members(members) if !members.is_empty() => {
                    let order = order(target, &tip, &members);
                    let assembly = seen.assembly(&order);
                    let joined = assembly.filter(|assembly| !assembly.joined.is_empty());
                    questions
                        .extend(joined.and_then(|joined| self.signature(graph, &joined.commit)));
                    questions.push(Question::Assembly(order));
                }
                Next::Members(_) => {}
            }
        }
    }
}
