//! Cron expressions: which moments they name in a time zone.
//!
//! Pure: the zone is an argument, and so is the moment. What a clock that is
//! put forward leaves out or one that is put back repeats is decided by
//! `croner`, as vixie-cron does: once, and not lost.

use std::{fmt, sync::Arc};

use croner::parser::{CronParser, Seconds};
use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// Times that were missed are counted up to so many.
const MISSED_MAX: u32 = 1_000;

/// When something comes: five fields, or six with the seconds first, or `@daily` and the like.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cron(Arc<str>);

/// Why a text is no cron expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no cron expression: {why}")]
pub struct BadCron {
    /// The text, shortened.
    pub text: String,
    /// What is wrong with it.
    pub why: String,
}

/// A time that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// The moment.
    pub at: Timestamp,
    /// How many times passed before it and do not count any more.
    pub missed: u32,
}

/// The time zone in which cron expressions are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone(jiff::tz::TimeZone);

impl Zone {
    /// Takes a zone that somebody looked up in the world.
    #[must_use]
    pub fn new(zone: jiff::tz::TimeZone) -> Self {
        Self(zone)
    }

    /// Returns the zone without offset.
    #[must_use]
    pub fn utc() -> Self {
        Self(jiff::tz::TimeZone::UTC)
    }

    /// Returns its name, such as `Europe/Berlin`; where only the offset is known, that.
    #[must_use]
    pub fn name(&self, at: Timestamp) -> String {
        match self.0.iana_name() {
            Some(name) => name.to_owned(),
            None => jiff::Timestamp::from_millisecond(at.0)
                .map(|at| self.0.to_offset(at).to_string())
                .unwrap_or_default(),
        }
    }

    /// Returns how far its clocks are before those of UTC at a moment, in seconds.
    #[must_use]
    pub fn offset_s(&self, at: Timestamp) -> i32 {
        self.at(at).map_or(0, |at| at.offset().seconds())
    }

    fn at(&self, moment: Timestamp) -> Option<jiff::Zoned> {
        let second = moment.0.div_euclid(1_000);
        let moment = jiff::Timestamp::from_second(second).ok()?;
        Some(moment.to_zoned(self.0.clone()))
    }
}

impl Cron {
    /// The longest expression, in bytes.
    pub const MAX: usize = 200;

    /// Parses a cron expression.
    ///
    /// # Errors
    /// When it is none, or names no moment at all, such as 30 February.
    pub fn parse(text: &str) -> Result<Self, BadCron> {
        let bad = |why: String| BadCron {
            text: text.chars().take(60).collect(),
            why,
        };
        if text.len() > Self::MAX {
            return Err(bad("it is too long".to_owned()));
        }
        let cron = Self(text.split_whitespace().collect::<Vec<_>>().join(" ").into());
        cron.pattern().map_err(bad)?;
        match cron.next_after(Timestamp(0), &Zone::utc()) {
            Some(_) => Ok(cron),
            None => Err(bad("no moment is like that".to_owned())),
        }
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the first moment after another one.
    #[must_use]
    pub fn next_after(&self, moment: Timestamp, zone: &Zone) -> Option<Timestamp> {
        let next = self
            .pattern()
            .ok()?
            .find_next_occurrence(&zone.at(moment)?, false);
        Some(stamp(&next.ok()?))
    }

    /// Returns the last moment after `after`, up to and with `until`.
    #[must_use]
    pub fn last_in(&self, after: Timestamp, until: Timestamp, zone: &Zone) -> Option<Due> {
        let pattern = self.pattern().ok()?;
        let mut found: Option<Due> = None;
        let mut from = zone.at(until)?;
        loop {
            let Ok(time) = pattern.find_previous_occurrence(&from, found.is_none()) else {
                return found;
            };
            let at = stamp(&time);
            match &mut found {
                _ if at <= after => return found,
                None => found = Some(Due { at, missed: 0 }),
                Some(due) if due.missed < MISSED_MAX => due.missed += 1,
                Some(_) => return found,
            }
            from = time;
        }
    }

    fn pattern(&self) -> Result<croner::Cron, String> {
        // Its words say "Pattern" and "Component error"; the reader knows what was read.
        CronParser::builder()
            .seconds(Seconds::Optional)
            .build()
            .parse(&self.0)
            .map_err(|error| {
                let text = error.to_string();
                let text = ["Invalid pattern: ", "Component error: "]
                    .iter()
                    .find_map(|word| text.strip_prefix(word))
                    .unwrap_or(&text);
                let mut chars = text.trim_end_matches('.').chars();
                chars.next().map_or_else(String::new, |first| {
                    first.to_lowercase().chain(chars).collect()
                })
            })
    }
}

fn stamp(zoned: &jiff::Zoned) -> Timestamp {
    Timestamp(zoned.timestamp().as_millisecond())
}

impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Moment;

    fn at(text: &str) -> Timestamp {
        Moment::parse(text).unwrap().0
    }

    /// Central European time, as its rule says it: no file is read.
    fn berlin() -> Zone {
        Zone::new(jiff::tz::TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap())
    }

    fn next(cron: &str, from: &str, n: usize) -> Vec<String> {
        let cron = Cron::parse(cron).unwrap();
        let mut moment = at(from);
        let times = std::iter::from_fn(|| {
            moment = cron.next_after(moment, &berlin())?;
            Some(Moment(moment).to_string())
        });
        times.take(n).collect()
    }

    #[test]
    fn a_time_of_day_stays_one_when_the_clocks_change() {
        assert_eq!(
            next("0 6 * * *", "2026-03-27T12:00:00Z", 3),
            [
                "2026-03-28T05:00:00.000Z",
                "2026-03-29T04:00:00.000Z",
                "2026-03-30T04:00:00.000Z"
            ]
        );
        // 02:30 does not exist that night, and exists twice in autumn: once each.
        assert_eq!(
            next("30 2 * * *", "2026-03-28T12:00:00Z", 2),
            ["2026-03-29T01:00:00.000Z", "2026-03-30T00:30:00.000Z"]
        );
        assert_eq!(
            next("30 2 * * *", "2026-10-24T12:00:00Z", 2),
            ["2026-10-25T00:30:00.000Z", "2026-10-26T01:30:00.000Z"]
        );
    }

    #[test]
    fn what_was_missed_is_one_time_and_a_number() {
        let cron = Cron::parse("0 6 * * *").unwrap();
        let zone = Zone::utc();
        let last = |after: &str, until: &str| {
            let due = cron.last_in(at(after), at(until), &zone)?;
            Some((Moment(due.at).to_string(), due.missed))
        };
        assert_eq!(
            last("2026-01-01T06:00:00Z", "2026-01-02T05:59:59.999Z"),
            None
        );
        assert_eq!(
            last("2026-01-01T06:00:00Z", "2026-01-02T06:00:00Z"),
            Some(("2026-01-02T06:00:00.000Z".to_owned(), 0))
        );
        assert_eq!(
            last("2026-01-01T06:00:00Z", "2026-01-05T09:00:00.5Z"),
            Some(("2026-01-05T06:00:00.000Z".to_owned(), 3))
        );
        // A clock that was set back names no time again.
        assert_eq!(last("2026-01-05T06:00:00Z", "2026-01-05T05:00:00Z"), None);
        let often = Cron::parse("* * * * * *").unwrap();
        let due = often.last_in(
            at("2026-01-01T00:00:00Z"),
            at("2026-02-01T00:00:00Z"),
            &zone,
        );
        assert_eq!(due.map(|due| due.missed), Some(MISSED_MAX));
    }

    #[test]
    fn what_is_no_expression_is_refused_with_its_reason() {
        for good in [
            "0 6 * * MON",
            "*/5 * * * *",
            "@daily",
            "  0  6 * *  1-5 ",
            "0 0 L * *",
        ] {
            assert!(Cron::parse(good).is_ok(), "{good}");
        }
        assert_eq!(Cron::parse(" 0  6 * * 1").unwrap().as_str(), "0 6 * * 1");
        for bad in [
            "",
            "soon",
            "0 6 * *",
            "61 * * * *",
            "0 0 30 2 *",
            "0 25 * * *",
            "@sometimes",
        ] {
            let error = Cron::parse(bad).unwrap_err();
            assert!(!error.why.is_empty(), "{bad}");
        }
        assert!(Cron::parse(&"1,".repeat(200)).is_err());
    }
}
