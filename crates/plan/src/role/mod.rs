//! Role files: who a role is, what wakes it, what it may touch, what it must hand over.
//!
//! Data and prompts only. Texts come in as arguments and prompts go out as texts;
//! which files exist, and which of them are trusted, is for the caller to find
//! out. Nothing here decides what a role does: the planners do.

mod builtin;
mod check;
mod context;
mod file;
mod filters;
mod goal;
mod narrow;
mod render;
mod resolve;
mod review;
mod rules;
mod scan;
mod scene;
mod set;
mod spec;
mod template;
mod untrusted;
mod variables;
mod words;

pub use context::*;
pub use goal::*;
pub use render::{RenderError, estimate_tokens, render};
pub use review::{ReviewerScene, reviewer_context};
pub use rules::{RoleRules, worker_rules};
pub(crate) use scene::said_by;
pub use scene::{WorkerScene, member_context, worker_context};
pub use set::{Layer, RoleSet};
pub use spec::*;
pub use template::Template;
pub(crate) use untrusted::wrap;
pub use words::*;
