//! The plan file: the beads of a goal, written in TOML by a person or a mayor.
//!
//! Parsing is the whole gate: what comes out holds together (every need is met,
//! no circle, every bead can be done by something) and what does not is refused
//! with its line and a way out. Nothing is created here.

mod fields;
mod moment;
mod needs;
mod parse;
mod runtime;

#[cfg(test)]
mod tests;

pub use parse::{PlanContext, PlanError, parse_plan};
