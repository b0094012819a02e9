//! The real `gtdd`, its socket, its folders, its end.

#![expect(clippy::unwrap_used, reason = "a test says so when it fails")]

mod access;
mod crash;
mod ending;
mod goals;
mod hosts;
mod load;
mod reads;
mod rigs;
mod roles;
mod streams;
mod town;
