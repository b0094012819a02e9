//! The client against a real server over a real Unix socket.

#![expect(clippy::unwrap_used, reason = "a test says so when it fails")]

mod calls;
mod fake;
mod mirror;
mod streams;
