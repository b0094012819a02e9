//! Real runs below the real shim.

#![expect(clippy::unwrap_used, reason = "a failure here is a failed test")]

mod acp;
mod agent;
mod launch;
mod output;
mod place;
mod tree;
