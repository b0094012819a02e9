//! One merge queue under load, from one seed: the planner of the refinery and
//! the ledger's rules of production, with a gate that knows what is wrong.
//!
//! | real | here |
//! |---|---|
//! | `Refinery`, `decide`, `apply` | the same code |
//! | git | changes that are numbers, trees that are sets of them |
//! | the gate | takes a time, and is red when a change is wrong, two do not go together, or by chance |
//! | crew and workers | changes are handed in when the load says so |
//!
//! It measures how much one run of the gate decides, how long changes wait, and
//! who is sent back without fault; and with faults it looks at each landing.
//! Beside it are models of what others do, under the same load.

mod load;
mod peers;
mod town;
mod world;

pub use load::{Arrivals, Figures, Load, bound};
pub use peers::Peer;

/// Puts the planner of the refinery to a load.
///
/// # Errors
/// When a promise is broken: which one, and when.
pub fn run(load: &Load) -> Result<Figures, String> {
    town::run(load)
}
