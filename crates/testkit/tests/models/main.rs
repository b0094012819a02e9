//! The model service on loopback, asked over real HTTP.

mod http;
mod promises;
