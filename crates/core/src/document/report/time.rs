//! Where the time went: at work, and waiting for what.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::super::{Hands, TimelineDoc};
use crate::BeadId;

/// How long work waited for one thing, over all beads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitDoc {
    /// For what: `you`, `queue`, `seat`, `next attempt`, or a runtime and what it was short of.
    pub reason: String,
    /// How long, in milliseconds.
    pub ms: u64,
    /// How many beads.
    pub beads: usize,
}

/// Where the time went, summed over all beads.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ReportTime {
    /// Agents were at work, in milliseconds.
    pub agent_ms: u64,
    /// Gates ran.
    pub gate_ms: u64,
    /// What was proven was on its way to the target.
    pub merge_ms: u64,
    /// What work waited for: the longest first.
    pub waits: Vec<WaitDoc>,
}

/// Sums a timeline.
pub(super) fn time(timeline: &TimelineDoc) -> ReportTime {
    let mut time = ReportTime::default();
    let mut waits: BTreeMap<&str, (u64, BTreeSet<&BeadId>)> = BTreeMap::new();
    for row in &timeline.rows {
        for segment in &row.segments {
            let to = segment.to.unwrap_or(timeline.until);
            let ms = u64::try_from(to.0.0.saturating_sub(segment.from.0.0)).unwrap_or(0);
            match segment.kind {
                Hands::Agent => time.agent_ms += ms,
                Hands::Gate => time.gate_ms += ms,
                Hands::Merge => time.merge_ms += ms,
                Hands::Queued | Hands::You => {
                    let (sum, beads) = waits.entry(&segment.waits_for).or_default();
                    *sum += ms;
                    beads.insert(&row.bead);
                }
            }
        }
    }
    let waits = waits.into_iter().map(|(reason, (ms, beads))| WaitDoc {
        reason: reason.to_owned(),
        ms,
        beads: beads.len(),
    });
    time.waits = waits.filter(|wait| wait.ms > 0).collect();
    time.waits.sort_by_key(|wait| std::cmp::Reverse(wait.ms));
    time
}
