//! What each role does next.
//!
//! Pure: a planner gets the graph, what its hands saw of the world, and the
//! moment; it gives questions and a plan. It reaches no clock, no file and no
//! process. The hands are in `gtd-host`, and in the simulator.

mod agent_handover;
mod agent_opinion;
mod agent_plan;
mod agents;
mod answers;
mod budget;
mod crew;
mod effect;
mod evidence;
mod map;
mod mayor;
mod names;
mod plan_attempt;
mod planner;
mod planning;
mod refinery;
mod refresh;
mod retention;
mod role;
mod schedules;
mod seen;
mod standing;
mod tries;
mod turns;
mod witness;
mod worker;

pub use crew::*;
pub use effect::*;
pub use map::*;
pub use mayor::*;
pub use names::*;
pub use planner::*;
pub use refinery::*;
pub use retention::*;
pub use role::*;
pub use seen::*;
pub use witness::*;
pub use worker::*;
