//! The gRPC protocol: generated types, conversions, typed refusals.
//!
//! Nothing here opens a socket. The daemon serves these types, the client
//! calls them, and both agree on the limits and the metadata keys by reading
//! them here.

#![cfg(feature = "rpc")]

mod call;
mod caller;
mod context;
mod convert;
mod document;
mod goal;
mod level;
mod limits;
mod malformed;
pub mod pb;
mod refusal;
mod write;

pub use call::Call;
pub use caller::{Caller, Token};
pub use context::{WriteContext, Written};
pub use document::{Document, Read};
pub use goal::{ApprovalWish, GoalWish, LandWish};
pub use level::Skew;
pub use limits::*;
pub use malformed::Malformed;
pub use refusal::{Refusal, from_status, to_status};
pub use write::{Unsendable, Write, WriteRequest};
