//! What holds up a runtime: its limit is reached, its provider is away, or nobody is logged in.
//!
//! | it is held up | passes | who begins |
//! |---|---|---|
//! | for a while | at its moment | nobody, then one attempt that tries |
//! | until a person acts | when they say so | nobody, then one attempt that tries |
//!
//! The attempt that tries decides: when the provider answers it, all go on; when it fails in
//! the same way, the wait is twice as long.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{BeadId, HoldsUp, RuntimeFault, Timestamp, WaitReason};

/// Why nothing begins with a runtime.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuntimeHold {
    /// What it is.
    pub fault: RuntimeFault,
    /// In words, as the last attempt told it.
    pub text: String,
    /// The bead whose attempt ran into it last.
    pub bead: BeadId,
    /// Since when nothing begins.
    pub since: Timestamp,
    /// When the last attempt failed of it.
    pub last: Timestamp,
    /// How many attempts in a row found it so; those that were at work together count once.
    pub failures: u32,
    /// When one attempt may try; none when a person has to act first.
    pub until: Option<Timestamp>,
}

impl RuntimeHold {
    /// Clocks differ, and whoever comes in the very second is often too early.
    const AFTER_RESET: Duration = Duration::from_secs(60);

    /// Makes the hold that follows when an attempt fails of `fault`.
    ///
    /// `before` is the hold that there was, and `began` when the attempt began.
    #[must_use]
    pub fn after(
        before: Option<&Self>,
        fault: RuntimeFault,
        text: String,
        bead: BeadId,
        began: Timestamp,
        at: Timestamp,
    ) -> Self {
        let same_wave = before.filter(|before| began < before.last);
        let failures = match (before, same_wave) {
            (_, Some(wave)) => wave.failures,
            (Some(before), None) if before.fault.word() == fault.word() => before.failures + 1,
            _ => 1,
        };
        let until = until(&fault, failures, at);
        let since = before.map_or(at, |before| before.since);
        // Of what was at work together, that counts which holds longest.
        if let Some(wave) = same_wave
            && (wave.until.is_none() || until.is_some_and(|until| Some(until) <= wave.until))
        {
            return Self {
                last: wave.last.max(at),
                ..wave.clone()
            };
        }
        Self {
            fault,
            text,
            bead,
            since,
            last: at,
            failures,
            until,
        }
    }

    /// Returns the reason that it is for what waits.
    #[must_use]
    pub fn reason(&self) -> WaitReason {
        match self.fault {
            RuntimeFault::RateLimited { .. } => WaitReason::RateLimit,
            _ => WaitReason::RuntimeDown,
        }
    }

    /// Tells whether a limit of its provider is reached, which passes.
    #[must_use]
    pub fn is_limit(&self) -> bool {
        matches!(self.fault, RuntimeFault::RateLimited { .. })
    }

    /// Tells whether its moment has come, so that one attempt may try.
    #[must_use]
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.until.is_some_and(|until| until <= now)
    }
}

/// Who may begin with a runtime.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admits {
    /// Everybody.
    All,
    /// One attempt, which tries whether it goes again.
    One,
    /// Nobody.
    Nobody,
}

/// Tells when one may try again after a fault.
fn until(fault: &RuntimeFault, failures: u32, at: Timestamp) -> Option<Timestamp> {
    if fault.holds_up() == HoldsUp::RuntimeUntilAPerson {
        return None;
    }
    if let RuntimeFault::RateLimited { until: Some(reset) } = fault
        && *reset > at
    {
        return Some(reset.plus(RuntimeHold::AFTER_RESET));
    }
    let (first, most) = match fault {
        RuntimeFault::RateLimited { .. } => (60, 30 * 60),
        _ => (30, 10 * 60),
    };
    let wait = Duration::from_secs(first << failures.saturating_sub(1).min(10));
    Some(at.plus(wait.min(Duration::from_secs(most))))
}
