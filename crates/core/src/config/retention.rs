//! How long the traces of what has ended are kept.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{amount::Amount, duration::parse_duration, merge::Config};

/// How long, and how much.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retention {
    /// The age after which runs of what has ended go.
    pub age: Duration,
    /// What all runs may take together, in bytes; none is no limit.
    pub size: Option<u64>,
}

/// Returns how long the traces of what has ended are kept.
#[must_use]
pub fn retention(config: &Config) -> Retention {
    let text = |key: &str| config.get(key).and_then(|(value, _)| value.as_str());
    let age = text("retention.runs").and_then(|text| parse_duration(text).ok());
    let size = text("retention.runs_size").and_then(|text| Amount::parse(text).ok());
    Retention {
        // Whatever is checked has a value; without one nothing is ever too old.
        age: age.unwrap_or(Duration::MAX),
        size: size.map(|size| size.of(0)).filter(|size| *size > 0),
    }
}
