//! The wall clock, made to never go back.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

use gtd_core::Timestamp;

/// A clock whose readings never fall, whatever the machine's clock does.
#[derive(Debug)]
pub(super) struct Clock {
    latest: AtomicI64,
}

impl Clock {
    /// Starts a clock that shows at least `floor`.
    pub(super) fn new(floor: Timestamp) -> Self {
        Self {
            latest: AtomicI64::new(floor.0),
        }
    }

    /// Reads the clock.
    pub(super) fn now(&self) -> Timestamp {
        self.at_least(Timestamp(wall()))
    }

    /// Raises the floor.
    pub(super) fn at_least(&self, floor: Timestamp) -> Timestamp {
        let before = self.latest.fetch_max(floor.0, Ordering::Relaxed);
        Timestamp(before.max(floor.0))
    }
}

fn wall() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|since| i64::try_from(since.as_millis()).ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_set_back_never_gives_an_earlier_moment() {
        let ahead = Timestamp(wall() + 1_000_000);
        let clock = Clock::new(ahead);
        assert_eq!(clock.now(), ahead);
        assert_eq!(clock.now(), ahead);
        assert!(Clock::new(Timestamp(0)).now() > Timestamp(1_700_000_000_000));
    }
}
