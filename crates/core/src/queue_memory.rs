//! What a merge queue has learnt: how often work is wrong, which trees were tried, whose red
//! counts.
//!
//! All of it follows from the log, and all of it may be forgotten: without it
//! the same is found out again, with more runs of gates.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use crate::{GateName, GateOutcome, GateRun, Oid, Verdict};

/// How often a submission is wrong, in millionths: an average in which the newest count most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FailureRate(u32);

impl FailureRate {
    const WHOLE: u32 = 1_000_000;
    /// So many submissions make most of the average.
    const SPAN: u32 = 64;

    /// Returns the rate in millionths.
    #[must_use]
    pub fn millionths(self) -> u32 {
        self.0
    }

    /// Takes one more submission into the average.
    pub(crate) fn note(&mut self, is_wrong: bool) {
        self.0 -= self.0 / Self::SPAN;
        if is_wrong {
            self.0 += Self::WHOLE / Self::SPAN;
        }
    }
}

impl Default for FailureRate {
    /// One of twenty, until something is known.
    fn default() -> Self {
        Self(Self::WHOLE / 20)
    }
}

/// What gates showed on one tree, whichever commit had it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tried {
    /// The tree.
    pub tree: Oid,
    /// Each run, oldest first; those that said nothing about the tree are not among them.
    pub runs: Vec<GateRun>,
}

/// How far a red of a gate is believed without a second run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Belief {
    /// Second runs on a red tree that were red too, since one was green.
    pub agreed: u32,
    /// Reds that were believed without a second run, since the last one that had one.
    pub believed: u32,
    /// Second runs that were green: the gate is flaky.
    pub flips: u32,
}

impl Belief {
    /// So many second runs in a row must agree before one red is enough.
    const TRUSTED: u32 = 20;
    /// Of so many reds of a trusted gate one has a second run all the same.
    const SAMPLED: u32 = 8;

    /// Tells whether a red that would send work back is looked at a second time.
    #[must_use]
    pub fn wants_second_run(self) -> bool {
        self.agreed < Self::TRUSTED || self.believed + 1 >= Self::SAMPLED
    }

    fn note(&mut self, outcome: Option<GateOutcome>, n_red: usize, is_last_word: bool) {
        match (outcome, n_red) {
            (Some(GateOutcome::Flaky), _) => {
                self.flips += 1;
                self.agreed = 0;
            }
            (Some(GateOutcome::Failed), 2..) => {
                self.agreed += 1;
                self.believed = 0;
            }
            (Some(GateOutcome::Failed), _) if is_last_word => self.believed += 1,
            _ => {}
        }
    }
}

/// What a merge queue has learnt.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct QueueMemory {
    /// How often a submission is wrong.
    #[serde(default)]
    pub failures: FailureRate,
    /// The trees that were tried last, the newest last.
    #[serde(default, skip_serializing_if = "VecDeque::is_empty")]
    pub tried: VecDeque<Tried>,
    /// How far each gate is believed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub beliefs: BTreeMap<GateName, Belief>,
}

impl QueueMemory {
    /// So many trees are remembered.
    const TREES: usize = 32;

    /// Tells whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Lists what a gate showed on a tree, oldest first.
    pub fn runs_on<'a>(
        &'a self,
        tree: &'a Oid,
        gate: &'a GateName,
    ) -> impl Iterator<Item = &'a GateRun> {
        let tried = self.tried.iter().filter(move |tried| tried.tree == *tree);
        tried
            .flat_map(|tried| &tried.runs)
            .filter(move |run| run.gate == *gate)
    }

    /// Tells whether a run was on a tree.
    #[must_use]
    pub fn knows(&self, tree: &Oid, run: &GateRun) -> bool {
        let mut of_gate = self.runs_on(tree, &run.gate);
        of_gate.any(|known| known.run == run.run && known.verdict == run.verdict)
    }

    /// Takes what gates showed on a tree; `is_last_word` says that nothing smaller will be tried.
    pub(crate) fn note(&mut self, tree: &Oid, runs: &[GateRun], is_last_word: bool) {
        let gates: std::collections::BTreeSet<&GateName> =
            runs.iter().map(|run| &run.gate).collect();
        for gate in gates {
            let of_gate = || runs.iter().filter(|run| run.gate == *gate);
            let outcome = GateOutcome::over(of_gate().map(|run| run.verdict));
            let n_red = of_gate()
                .filter(|run| run.verdict == Verdict::Failed)
                .count();
            let belief = self.beliefs.entry(gate.clone()).or_default();
            belief.note(outcome, n_red, is_last_word);
        }
        let mut known = self.forget(tree).map_or_else(Vec::new, |tried| tried.runs);
        for run in runs {
            let is_new = known.iter().all(|other| other.run != run.run);
            if is_new && run.verdict != Verdict::Infra {
                known.push(run.clone());
            }
        }
        if self.tried.len() == Self::TREES {
            self.tried.pop_front();
        }
        self.tried.push_back(Tried {
            tree: tree.clone(),
            runs: known,
        });
    }

    fn forget(&mut self, tree: &Oid) -> Option<Tried> {
        let at = self.tried.iter().position(|tried| tried.tree == *tree)?;
        self.tried.remove(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_goes_to_where_the_newest_are() {
        let mut rate = FailureRate::default();
        for _ in 0..500 {
            rate.note(false);
        }
        assert!(rate.millionths() < 100, "{rate:?}");
        for n in 0..1_000 {
            rate.note(n % 10 == 0);
        }
        assert!((70_000..130_000).contains(&rate.millionths()), "{rate:?}");
        for _ in 0..5_000 {
            rate.note(true);
        }
        assert!(rate.millionths() <= FailureRate::WHOLE, "{rate:?}");
    }

    #[test]
    fn a_red_is_believed_once_second_runs_agree_and_looked_at_again_when_one_does_not() {
        let mut belief = Belief::default();
        for _ in 0..Belief::TRUSTED {
            assert!(belief.wants_second_run());
            belief.note(Some(GateOutcome::Failed), 2, true);
        }
        let believed = std::iter::from_fn(|| {
            (!belief.wants_second_run()).then(|| belief.note(Some(GateOutcome::Failed), 1, true))
        });
        assert_eq!(believed.count(), 7);
        belief.note(Some(GateOutcome::Failed), 2, true);
        assert!(!belief.wants_second_run());
        belief.note(Some(GateOutcome::Flaky), 1, false);
        assert!(belief.wants_second_run());
    }
}
