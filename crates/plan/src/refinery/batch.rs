//! Who is in the next candidate.
//!
//! | what is known | the next candidate |
//! |---|---|
//! | nothing stands under suspicion | as many as are most likely to be told green or red by one run |
//! | several are suspected, and the red tests are in the files of one of them | all but that one |
//! | several are suspected, and the red output names one of them | all but that one |
//! | several are suspected | the first half of them |
//! | one is suspected | that one |
//!
//! One run of the gates tells most when green and red are equally likely. With
//! a share `p` of wrong work that is so for ln 2 · (1−p)/p submissions, taken
//! down to a power of two so that halves stay whole.
//!
//! Those that are suspected are known to be red together. A green part of them
//! lands, and what is left is then known to be red on the new tip: a single one
//! that is left is not run again, because its tree was tried already. What is
//! behind a red part is suspected no more; it was handed in earlier than
//! everything else, so it is in the next candidate again.

use gtd_core::{Bead, FailureRate, GateRun, Graph, Oid, Phase, Queue, Target, Verdict};

use super::owner::{owner_of, owner_of_tests};
use crate::{Question, Refinery, Seen};

/// Fewer suspects than this are not worth a look at what they changed.
const ATTRIBUTED: usize = 3;

/// Who is in the next candidate, or what must be looked at before that can be told.
pub(super) enum Next<'a> {
    Members(Vec<&'a Bead>),
    Look(Vec<Question>),
}

impl Refinery {
    /// Chooses the members of the next candidate.
    pub(super) fn next_members<'a>(
        &self,
        graph: &'a Graph,
        seen: &Seen,
        queue: &Queue,
        target: &Target,
        tip: &Oid,
    ) -> Next<'a> {
        let guards = self.guards(graph, seen, queue, target, tip);
        let may_merge = |bead: &&Bead| {
            graph.pause_of(bead).is_none()
                && guards.is_let_through(bead)
                && !graph.reviewing(bead).is_waiting()
        };
        let mut suspects: Vec<&Bead> = queue
            .suspects
            .iter()
            .filter_map(|id| graph.bead(id))
            .filter(|bead| matches!(bead.phase, Phase::Submitted { .. }))
            .filter(may_merge)
            .collect();
        if suspects.is_empty() {
            let cap = graph.rig(&self.rig).map_or(1, |rig| rig.rules.merge.batch);
            let n = batch_size(queue.memory.failures, cap);
            return Next::Members(graph.queued(target).filter(may_merge).take(n).collect());
        }
        if let Some(red) = last_red(queue).filter(|_| suspects.len() >= ATTRIBUTED) {
            let changed = suspects.iter().filter_map(|bead| self.changed(bead));
            let open: Vec<Question> = changed.filter(|question| !seen.knows(question)).collect();
            if !open.is_empty() {
                return Next::Look(open);
            }
            let files = suspects.iter().map(|bead| {
                let question = self.changed(bead);
                question.map_or(&[][..], |question| seen.changed(&question))
            });
            let files = files.collect::<Vec<_>>();
            let tests = red.tests.iter().flat_map(|report| &report.red);
            let by_test = owner_of_tests(&tests.collect::<Vec<_>>(), &files);
            if let Some(owner) = by_test.or_else(|| owner_of(&red.evidence, &files)) {
                suspects.remove(owner);
                return Next::Members(suspects);
            }
        }
        let half = (suspects.len() / 2).max(1);
        suspects.truncate(half);
        Next::Members(suspects)
    }

    /// Asks what a submission changed.
    fn changed(&self, bead: &Bead) -> Option<Question> {
        let (from, to): (&Oid, &Oid) = match &bead.phase {
            Phase::Submitted { base, head, .. } => (base, head),
            _ => return None,
        };
        Some(Question::Changed {
            rig: self.rig.clone(),
            from: from.clone(),
            to: to.clone(),
        })
    }
}

/// Returns how many submissions one run tells most about.
pub(super) fn batch_size(failures: FailureRate, cap: u32) -> usize {
    const WHOLE: u64 = 1_000_000;
    let wrong = u64::from(failures.millionths()).clamp(1, WHOLE);
    let best = 69 * (WHOLE - wrong) / (100 * wrong);
    let size = best.checked_ilog2().map_or(1, |power| 1_u64 << power);
    usize::try_from(size.min(u64::from(cap.max(1)))).unwrap_or(1)
}

/// Finds the red that the suspects are suspected for.
fn last_red(queue: &Queue) -> Option<&GateRun> {
    let runs = queue
        .memory
        .tried
        .iter()
        .rev()
        .map(|tried| tried.runs.last());
    let mut red = runs.flatten().filter(|run| run.verdict == Verdict::Failed);
    red.next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_as_large_as_one_run_tells_most_about() {
        let rate = |millionths: u32| -> FailureRate {
            serde_json::from_str(&millionths.to_string()).expect("a number")
        };
        for (millionths, size) in [
            (0, 64),
            (10_000, 64),
            (20_000, 32),
            (50_000, 8),
            (100_000, 4),
            (300_000, 1),
            (1_000_000, 1),
        ] {
            assert_eq!(batch_size(rate(millionths), 64), size, "{millionths}");
        }
        assert_eq!(batch_size(FailureRate::default(), 64), 8);
        assert_eq!(batch_size(FailureRate::default(), 3), 3);
        assert_eq!(batch_size(FailureRate::default(), 0), 1);
    }
}
