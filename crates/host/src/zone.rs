//! The time zone of this machine.

use gtd_core::Zone;

/// Looks up the local time zone; where there is none, it is UTC.
#[must_use]
pub fn local_zone() -> Zone {
    Zone::new(jiff::tz::TimeZone::system())
}
