//! Role files, for whoever decides which of them are in effect.
//!
//! Texts in, roles and their rules out; nothing here reads a file. The daemon
//! reads them, because it alone knows what a person has trusted.

pub use gtd_plan::{
    Layer, MayorScene, ReviewerScene, RoleKind, RoleLimits, RoleSet, RoleSpec, RoleVar,
    WorkerScene, estimate_tokens, mayor_context, member_context, render, reviewer_context,
    worker_context, worker_rules,
};
