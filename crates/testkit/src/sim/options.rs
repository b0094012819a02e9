//! What a simulated town is like, and what comes of it.

use std::fmt;

/// What a simulated town is like.
#[derive(Debug, Clone)]
pub struct Options {
    /// Steps with faults; after them faults stop and everything must end.
    pub ticks: u32,
    /// Beads in the town's plans at most.
    pub beads: u16,
    /// Whether anything ever goes wrong.
    pub faults: bool,
    /// Whether the hands look for what is true already before they act.
    ///
    /// Without it they begin a run that exists, and merge what is merged.
    pub adopt_first: bool,
    /// Whether the whole trace is kept, and not only its end.
    pub whole_trace: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            ticks: 1_000,
            beads: 10,
            faults: true,
            adopt_first: true,
            whole_trace: false,
        }
    }
}

/// What came of a simulated town in which every promise was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The seed.
    pub seed: u64,
    /// A hash over everything that happened.
    pub hash: u64,
    /// How many steps it took.
    pub steps: u32,
    /// How many events the log has.
    pub events: u64,
    /// Beads that landed.
    pub landed: u32,
    /// Beads that ended without a landing.
    pub closed: u32,
    /// How often the daemon or the host died.
    pub crashes: u32,
    /// What happened, as far as it was kept.
    pub trace: Vec<String>,
}

/// A promise that was broken.
#[derive(Debug, Clone)]
pub struct Broken {
    /// The seed.
    pub seed: u64,
    /// The step at which it was seen.
    pub tick: u32,
    /// What was seen.
    pub what: String,
    /// What happened before, as far as it was kept.
    pub trace: Vec<String>,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.trace {
            writeln!(f, "  {line}")?;
        }
        write!(
            f,
            "seed {} broke a promise at tick {}: {}",
            self.seed, self.tick, self.what
        )
    }
}

impl std::error::Error for Broken {}
