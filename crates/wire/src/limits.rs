//! What both sides of the socket agree on.

use std::time::Duration;

/// Who calls, in the metadata of each request.
pub const CALLER_KEY: &str = "gtd-caller";

/// What proves it, in the metadata of each request of a role or a lease holder.
pub const TOKEN_KEY: &str = "gtd-token";

/// The level of the API: rises when an old client or daemon could misread the other.
/// Levels that are one apart work together ([`crate::Skew`]).
pub const API_LEVEL: u32 = 1;

/// The largest message in bytes, set on both sides.
pub const MAX_MESSAGE_BYTES: usize = 16 * 1024 * 1024;

/// The flow-control window of what one caller sends in bytes: a stalled reader costs the daemon little.
pub const STREAM_WINDOW_BYTES: u32 = 64 * 1024;

/// The flow-control window of what the daemon answers in bytes: a long page comes without a word in between.
///
/// It is the reader's memory; what the daemon holds for one that stalls is the transport's send buffer.
pub const ANSWER_WINDOW_BYTES: u32 = 1024 * 1024;

/// The largest chunk of a snapshot in bytes.
pub const SNAPSHOT_CHUNK_BYTES: usize = 64 * 1024;

/// The largest header list in bytes; a refusal with its details travels in one.
pub const MAX_HEADER_BYTES: u32 = 1024 * 1024;

/// How long a unary call may take when nothing else is said.
pub const DEFAULT_DEADLINE: Duration = Duration::from_secs(5);

/// How often an idle connection is probed.
pub const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(30);

/// How long the answer to a probe may take.
pub const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);
