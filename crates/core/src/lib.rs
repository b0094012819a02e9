//! Beads, the work graph, and the pure rules that decide, apply and explain.
//!
//! This crate reaches no clock, no file, no process and no runtime: everything
//! that it knows about the world comes in as an argument.

mod actor;
mod bead;
mod beads_file;
mod budget;
mod command;
pub mod config;
mod crew;
mod decide;
mod diagnostic;
mod discovery;
mod document;
mod event;
mod event_type;
mod evidence;
mod explain;
mod graph;
mod hash;
mod ids;
mod merges;
mod moment;
mod plan_file;
mod question;
mod queue_memory;
mod rejection;
mod rig;
mod runtime_fault;
mod runtime_hold;
mod schedule;
mod snooze;
mod spec_kit;
mod toml_text;
mod town;
mod undo;

pub use actor::*;
pub use bead::*;
pub use beads_file::*;
pub use budget::*;
pub use command::*;
pub use crew::*;
pub use decide::*;
pub use diagnostic::Diagnostic;
pub use discovery::*;
pub use document::*;
pub use event::*;
pub use evidence::*;
pub use explain::*;
pub use graph::*;
pub use hash::*;
pub use ids::*;
pub use merges::*;
pub use moment::*;
pub use plan_file::*;
pub use question::*;
pub use queue_memory::*;
pub use rejection::*;
pub use rig::*;
pub use runtime_fault::*;
pub use runtime_hold::*;
pub use schedule::*;
pub use snooze::*;
pub use spec_kit::*;
pub use town::*;
pub use undo::*;
