//! Everything that starts, adopts, watches and stops processes.
//!
//! A *run* is one supervised process below a small shim (`gtd-shim`). The file
//! system is the shim's only interface, so that a run outlives the daemon that
//! launched it and a daemon of a newer version can adopt it. [`Runs`] is the
//! caller's side; [`runtime`] turns scripts, commands and demo agents into a
//! [`RunSpec`]; [`gate`] reads a verdict off an ended run, and [`read_junit`] what its
//! single tests showed.
//!
//! It does not decide what to run or when: planners do. It is blocking code on
//! purpose and holds no async runtime; [`Runs::exit_notice`] gives a descriptor
//! that any event loop can wait for.

mod awake;
mod error;
mod folder;
pub mod gate;
mod junit;
mod proc;
mod runs;
pub mod runtime;
mod secret;
mod segment;
mod shim;
mod spec;
mod state;
pub mod stream;

pub use awake::SleepLock;
pub use error::RunError;
pub use junit::read_junit;
pub use runs::Runs;
pub use secret::{SecretError, SecretValues, find_secret};
pub use shim::shim_main;
pub use spec::{DEFAULT_OUTPUT_CAP, RunSpec, Stdin};
pub use state::{Child, End, Exit, Kind, Live, Progress, ReportEnd, RunState, TranscriptLine};
