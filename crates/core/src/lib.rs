//! Beads, the work graph, and the pure rules that decide, apply and explain.
//!
//! This crate reaches no clock, no file, no process and no runtime: everything
//! that it knows about the world comes in as an argument.

mod ids;

pub use ids::*;
