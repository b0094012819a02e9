//! A whole town in one thread, from one seed: the planners and the ledger's
//! rules of production, in a world that loses, doubles and delays.
//!
//! | real | here |
//! |---|---|
//! | planners, `decide`, `apply`, `explain` | the same code |
//! | git, worktrees | commits in memory, with merges, conflicts and red trees |
//! | agents, gates, shims | scripts drawn from the seed |
//! | passes of roles | single steps; between two of them anything may happen |
//! | people | meddle first, and do what `gtd why` advises later |
//!
//! Promises are looked at after every event. After the faults comes a calm in
//! which everything must end. A seed that breaks a promise replays exactly.
//!
//! It has no clock, no file, no thread and no runtime of its own, and it does
//! not test the hands of `gtd-host`: those meet real processes elsewhere.

mod accidents;
mod actor;
mod cast;
mod checks;
mod claims;
mod git;
mod hands;
mod ledger;
mod meddle;
mod obey;
mod options;
mod pass;
mod person;
pub mod queue;
mod rng;
mod runs;
mod swarm;
mod town;
mod trace;
mod world;

pub use options::{Broken, Options, Outcome};

/// Runs a town from its seed to its end.
///
/// # Errors
/// When a promise is broken: which one, when, and what happened before.
pub fn run(seed: u64, options: &Options) -> Result<Outcome, Box<Broken>> {
    town::run(seed, options)
}
