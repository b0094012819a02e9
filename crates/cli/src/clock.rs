//! Moments and durations as people type them: `07:00`, `6h`, `yesterday`, RFC 3339.

use std::{
    sync::OnceLock,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use gtd_core::{Timestamp, config::parse_duration};
use jiff::{Zoned, civil::Time, tz::TimeZone};

use crate::error::CliError;

/// Where a machine says its time zone.
const LOCALTIME: &str = "/etc/localtime";

/// Tells the moment by the wall clock.
pub(crate) fn now() -> Timestamp {
    let passed = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp(i64::try_from(passed.as_millis()).unwrap_or(i64::MAX))
}

/// Returns the time zone of this machine.
///
/// The machine's own file says it in one read. To find it by its name, as a name in `TZ` demands,
/// the whole list of zones is read first, which takes longer than the rest of a short command.
pub(crate) fn zone() -> TimeZone {
    static ZONE: OnceLock<TimeZone> = OnceLock::new();
    let find = || {
        let own = match std::env::var_os("TZ") {
            None => std::fs::read(LOCALTIME).ok(),
            Some(_) => None,
        };
        own.and_then(|file| TimeZone::tzif("Local", &file).ok())
            .unwrap_or_else(TimeZone::system)
    };
    ZONE.get_or_init(find).clone()
}

/// Reads a duration of the command line.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    // A bare number is taken as seconds, as `timeout` and `sleep` do.
    if let Ok(seconds) = text.parse::<u64>() {
        return Ok(Duration::from_secs(seconds));
    }
    parse_duration(text).map_err(|error| error.to_string())
}

/// Reads a moment that lies ahead: the next 07:00, six hours from now.
pub(crate) fn ahead(text: &str) -> Result<Timestamp, CliError> {
    moment(text, &here_and_now(), Direction::Ahead)
}

/// Reads a moment that lies behind: the last 22:00, eight hours ago.
pub(crate) fn behind(text: &str) -> Result<Timestamp, CliError> {
    moment(text, &here_and_now(), Direction::Behind)
}

fn here_and_now() -> Zoned {
    jiff::Timestamp::now().to_zoned(zone())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    Ahead,
    Behind,
}

fn moment(text: &str, now: &Zoned, direction: Direction) -> Result<Timestamp, CliError> {
    let wrong = || {
        CliError::usage(format!("`{text}` is not a moment"))
            .help("write it as 07:00, 6h or 2026-03-01T08:00:00Z")
    };
    let stamp = |zoned: &Zoned| Timestamp(zoned.timestamp().as_millisecond());
    let text = text.trim();
    if let Ok(length) = duration_of(text) {
        let now = stamp(now);
        let millis = i64::try_from(length.as_millis()).map_err(|_| wrong())?;
        return Ok(match direction {
            Direction::Ahead => Timestamp(now.0.saturating_add(millis)),
            Direction::Behind => Timestamp(now.0.saturating_sub(millis)),
        });
    }
    if let Some(time) = time_of_day(text) {
        let today = at(now.date(), time, now.time_zone()).ok_or_else(wrong)?;
        let day = match direction {
            Direction::Ahead if today <= *now => now.date().tomorrow(),
            Direction::Behind if today > *now => now.date().yesterday(),
            _ => return Ok(stamp(&today)),
        };
        let other = day.ok().and_then(|day| at(day, time, now.time_zone()));
        return other.as_ref().map(stamp).ok_or_else(wrong);
    }
    let day = match (text, direction) {
        ("yesterday", Direction::Behind) => now.date().yesterday().ok(),
        ("today", Direction::Behind) => Some(now.date()),
        ("tomorrow", Direction::Ahead) => now.date().tomorrow().ok(),
        _ => None,
    };
    if let Some(day) = day {
        let start = at(day, Time::midnight(), now.time_zone()).ok_or_else(wrong)?;
        return Ok(stamp(&start));
    }
    if let Ok(moment) = text.parse::<jiff::Timestamp>() {
        return Ok(Timestamp(moment.as_millisecond()));
    }
    text.parse::<jiff::civil::DateTime>()
        .ok()
        .and_then(|local| local.to_zoned(now.time_zone().clone()).ok())
        .map(|zoned| stamp(&zoned))
        .ok_or_else(wrong)
}

fn duration_of(text: &str) -> Result<Duration, String> {
    parse_duration(text).map_err(|error| error.to_string())
}

fn time_of_day(text: &str) -> Option<Time> {
    let mut parts = text.split(':').map(|part| {
        (1..=2)
            .contains(&part.len())
            .then(|| part.parse::<i8>().ok())
            .flatten()
    });
    let (hour, minute) = (parts.next()??, parts.next()??);
    let second = match parts.next() {
        None => 0,
        Some(second) => second?,
    };
    if parts.next().is_some() {
        return None;
    }
    Time::new(hour, minute, second, 0).ok()
}

fn at(day: jiff::civil::Date, time: Time, zone: &TimeZone) -> Option<Zoned> {
    day.to_datetime(time).to_zoned(zone.clone()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, direction: Direction) -> Option<String> {
        let now: jiff::Timestamp = "2026-11-22T23:00:00Z".parse().unwrap();
        let now = now.to_zoned(TimeZone::fixed(jiff::tz::offset(1)));
        moment(text, &now, direction)
            .ok()
            .map(|moment| gtd_core::Moment(moment).to_string())
    }

    #[test]
    fn a_time_of_day_is_the_next_or_the_last_one() {
        let ahead = |text| check(text, Direction::Ahead);
        let behind = |text| check(text, Direction::Behind);
        assert_eq!(ahead("07:00").as_deref(), Some("2026-11-23T06:00:00.000Z"));
        assert_eq!(ahead("00:00").as_deref(), Some("2026-11-23T23:00:00.000Z"));
        assert_eq!(behind("22:00").as_deref(), Some("2026-11-22T21:00:00.000Z"));
        assert_eq!(behind("00:00").as_deref(), Some("2026-11-22T23:00:00.000Z"));
        assert_eq!(ahead("6h").as_deref(), Some("2026-11-23T05:00:00.000Z"));
        assert_eq!(behind("8h").as_deref(), Some("2026-11-22T15:00:00.000Z"));
        assert_eq!(
            ahead("2026-12-01T08:00:00+01:00").as_deref(),
            Some("2026-12-01T07:00:00.000Z")
        );
        assert_eq!(
            behind("yesterday").as_deref(),
            Some("2026-11-21T23:00:00.000Z")
        );
        for wrong in ["", "25:00", "7", "7:", "7:00:00:00", "soon", "-1:00"] {
            assert_eq!(ahead(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_zone_of_this_machine_is_the_one_that_its_name_leads_to() {
        let now = jiff::Timestamp::now();
        let (ours, named) = (now.to_zoned(zone()), now.to_zoned(TimeZone::system()));
        assert_eq!(ours.datetime(), named.datetime());
    }

    #[test]
    fn a_bare_number_is_seconds() {
        assert_eq!(duration("90"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("2m"), Ok(Duration::from_secs(120)));
        assert!(duration("2 weeks").is_err());
    }
}
