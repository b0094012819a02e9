//! What a merge queue is put to, and what came of it.

/// When changes are handed in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Arrivals {
    /// So many wait at every moment.
    Always(u64),
    /// By chance, so many in the time of one gate on average.
    PerGate(f64),
}

/// What a merge queue is put to.
#[derive(Debug, Clone, PartialEq)]
pub struct Load {
    /// The seed.
    pub seed: u64,
    /// Changes that are handed in, or decided when they never end.
    pub changes: u64,
    /// When they come.
    pub arrivals: Arrivals,
    /// Changes that are wrong by themselves, of a thousand.
    pub wrong: u64,
    /// Pairs of neighbours that do not go together although they merge, of a million.
    pub pairs: u64,
    /// Changes that meet another one in the same line, of a thousand.
    pub lines: u64,
    /// Runs of the gate that are red for no reason, of a thousand.
    pub flakes: u64,
    /// Reds whose output names whose fault it is, of a thousand; of the others a third names
    /// somebody else.
    pub named: u64,
    /// How long one run of the gate takes, in milliseconds.
    pub gate_ms: u64,
    /// Whether roles die, reports are lost, gates hang and people push.
    pub faults: bool,
}

impl Load {
    /// Makes the load of a queue that is never empty.
    #[must_use]
    pub fn steady(seed: u64, changes: u64, wrong: u64) -> Self {
        Self {
            seed,
            changes,
            arrivals: Arrivals::Always(96),
            wrong,
            pairs: 0,
            lines: 0,
            flakes: 0,
            named: 0,
            gate_ms: 120_000,
            faults: false,
        }
    }

    /// Makes a load in which everything goes wrong.
    #[must_use]
    pub fn of_faults(seed: u64, changes: u64) -> Self {
        Self {
            arrivals: Arrivals::PerGate(2.0),
            pairs: 1_000,
            lines: 30,
            flakes: 30,
            named: 500,
            faults: true,
            ..Self::steady(seed, changes, 40)
        }
    }
}

/// What came of a load.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Figures {
    /// Changes that landed or were sent back for what a gate said.
    pub decided: u64,
    /// Changes that landed.
    pub landed: u64,
    /// Changes that were sent back for what a gate said.
    pub sent_back: u64,
    /// Changes that were sent back because they did not merge.
    pub conflicts: u64,
    /// Changes that were sent back and were wrong in nothing.
    pub false_rejects: u64,
    /// Runs of the gate.
    pub runs: u64,
    /// How long each change that was decided had waited, in milliseconds.
    pub waits: Vec<u64>,
    /// Deaths of the refinery.
    pub crashes: u64,
    /// Pushes of somebody else.
    pub pushes: u64,
    /// Runs of the gate that hung, vanished or could not begin.
    pub bad_runs: u64,
    /// Candidates that landed.
    pub landings: u64,
}

impl Figures {
    /// Returns how many changes one run of the gate decided.
    #[must_use]
    pub fn per_run(&self) -> f64 {
        ratio(self.decided, self.runs)
    }

    /// Returns the share of those decided that landed.
    #[must_use]
    pub fn landed_share(&self) -> f64 {
        ratio(self.landed, self.decided + self.conflicts)
    }

    /// Returns the share of those handed in that were sent back without fault.
    #[must_use]
    pub fn false_share(&self) -> f64 {
        ratio(self.false_rejects, self.decided)
    }

    /// Returns the wait in milliseconds that so many of a hundred changes did not exceed.
    #[must_use]
    pub fn wait(&self, percent: usize) -> u64 {
        let mut waits = self.waits.clone();
        waits.sort_unstable();
        let at = (waits.len() * percent / 100).min(waits.len().saturating_sub(1));
        waits.get(at).copied().unwrap_or(0)
    }
}

fn ratio(part: u64, whole: u64) -> f64 {
    let float = |n: u64| f64::from(u32::try_from(n).unwrap_or(u32::MAX));
    if whole == 0 {
        0.0
    } else {
        float(part) / float(whole)
    }
}

/// Returns the most changes that one green or red can decide, when so many of a thousand are
/// wrong: the bound of information theory.
#[must_use]
pub fn bound(wrong: u64) -> f64 {
    let p = ratio(wrong, 1_000);
    1.0 / (-p * p.log2() - (1.0 - p) * (1.0 - p).log2())
}
