//! Runs roles: wake, observe, plan, perform. Supervises them.
//!
//! A role has no inbox. It is woken without data, looks at the whole state,
//! plans, acts. No handle to the ledger exists here: every role is a client of
//! the daemon like anybody else, and may live in another process.

mod actor;
mod bells;
mod describe;
mod emergency;
mod epochs;
mod errands;
mod error;
mod hands;
mod leftovers;
mod machine;
mod notify;
mod processes;
mod retention;
mod run;
mod stillness;
mod supervise;
mod survey;
mod workers;
mod zone;

pub mod roles;

pub use emergency::{StopReport, effects_have_ended, stop_everything, thaw_everything};
pub use epochs::{EpochsSeen, end_every_run, epochs_seen};
pub use error::HostError;
pub use gtd_agent::{
    End, Kind, RunState, Runs, SleepLock, TranscriptLine,
    stream::{AgentEvent, Reader},
};
pub use gtd_plan::is_spent_attempt;
pub use leftovers::{Leftover, Sweep, sweep_leftovers};
pub use notify::{ChannelSeen, channels, try_channels};
pub use run::{HostOptions, run_host};
pub use survey::{Survey, commit_at, runs, shim_path, survey};
pub use zone::local_zone;
