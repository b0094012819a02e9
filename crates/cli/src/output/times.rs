//! Times as people say them.

use std::time::Duration;

use gtd_core::{Moment, Timestamp};
use jiff::{Zoned, tz::TimeZone};

use super::look::Look;

/// Says at what time of day a moment is, with the day when that is another than today.
pub(crate) fn clock(moment: Moment, now: Timestamp, look: Look) -> String {
    let (Some(then), Some(now)) = (zoned(moment.0, look), zoned(now, look)) else {
        return moment.to_string();
    };
    if then.date() == now.date() {
        then.strftime("%H:%M").to_string()
    } else if then.year() == now.year() {
        then.strftime("%-d %b %H:%M").to_string()
    } else {
        then.strftime("%-d %b %Y %H:%M").to_string()
    }
}

/// Says from when to when, with the days unless both are today's.
pub(crate) fn period(since: Moment, until: Moment, now: Timestamp, look: Look) -> String {
    let days = |moment: Moment| zoned(moment.0, look).map(|then| then.date());
    let today = zoned(now, look).map(|now| now.date());
    // Seen from a day on which neither lies, both have their day.
    let seen_from = if days(since) == today && days(until) == today {
        now
    } else {
        Timestamp(0)
    };
    let year = |text: String| match zoned(now, look) {
        Some(now) => text.replace(&format!(" {} ", now.year()), " "),
        None => text,
    };
    format!(
        "{} to {}",
        year(clock(since, seen_from, look)),
        year(clock(until, seen_from, look))
    )
}

/// Steps of an axis, in seconds.
const STEPS: [i64; 19] = [
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200,
    86_400, 604_800,
];

/// Chooses the moments at which an axis has its labels: at most so many, at round times.
pub(crate) fn axis(
    since: Timestamp,
    until: Timestamp,
    at_most: usize,
    look: Look,
) -> Vec<(Timestamp, String)> {
    let at_most = i64::try_from(at_most.max(1)).unwrap_or(1);
    let length = (until.0 - since.0).max(1);
    let fits = |step: &&i64| length / (**step * 1_000) < at_most;
    let step = STEPS.iter().find(fits).copied();
    // Longer than the longest: whole weeks.
    let weeks = length / 604_800_000 / at_most + 1;
    let step = step.unwrap_or(604_800 * weeks) * 1_000;
    let offset = zoned(since, look).map_or(0, |then| i64::from(then.offset().seconds()) * 1_000);
    let first = (since.0 + offset).div_euclid(step) * step - offset;
    let mut at = if first < since.0 { first + step } else { first };
    let format = match step {
        86_400_000.. => "%-d %b",
        60_000.. => "%H:%M",
        _ => "%H:%M:%S",
    };
    let mut labels = Vec::new();
    while at < until.0 {
        let label = zoned(Timestamp(at), look).map(|then| then.strftime(format).to_string());
        labels.push((Timestamp(at), label.unwrap_or_default()));
        at += step;
    }
    labels
}

/// Says at what time of day a moment in RFC 3339 is, to the second.
pub(crate) fn time_of_day(moment: &str, look: Look) -> Option<String> {
    let moment: jiff::Timestamp = moment.parse().ok()?;
    let then = moment.to_zoned(zone(look));
    Some(then.strftime("%H:%M:%S").to_string())
}

fn zoned(moment: Timestamp, look: Look) -> Option<Zoned> {
    let moment = jiff::Timestamp::from_millisecond(moment.0).ok()?;
    Some(moment.to_zoned(zone(look)))
}

fn zone(look: Look) -> TimeZone {
    if look.local {
        crate::clock::zone()
    } else {
        TimeZone::UTC
    }
}

/// Says how long ago a moment was.
pub(crate) fn ago(moment: Moment, now: Timestamp) -> String {
    if moment.0 > now {
        return format!("in {}", span(moment.0.since(now)));
    }
    let passed = now.since(moment.0);
    if passed < Duration::from_secs(1) {
        return "just now".to_owned();
    }
    format!("{} ago", span(passed))
}

/// Says how long something takes: at most two units.
pub(crate) fn span(time: Duration) -> String {
    let seconds = time.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    let two = |first: u64, unit: &str, second: u64, lower: &str| {
        if second == 0 {
            format!("{first}{unit}")
        } else {
            format!("{first}{unit} {second}{lower}")
        }
    };
    if days > 0 {
        two(days, "d", hours, "h")
    } else if hours > 0 {
        two(hours, "h", minutes, "m")
    } else if minutes >= 10 {
        format!("{minutes}m")
    } else if minutes > 0 {
        two(minutes, "m", seconds % 60, "s")
    } else {
        format!("{seconds}s")
    }
}

/// Says how long something took, with tenths below ten seconds.
pub(crate) fn span_ms(millis: u64) -> String {
    if millis < 10_000 {
        format!("{}.{} s", millis / 1_000, millis / 100 % 10)
    } else {
        span(Duration::from_millis(millis))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_in_at_most_two_units() {
        let at = |seconds: u64| span(Duration::from_secs(seconds));
        assert_eq!(at(0), "0s");
        assert_eq!(at(59), "59s");
        assert_eq!(at(61), "1m 1s");
        assert_eq!(at(120), "2m");
        assert_eq!(at(60 * 41 + 7), "41m");
        assert_eq!(at(3_600 + 65), "1h 1m");
        assert_eq!(at(90_000), "1d 1h");
        assert_eq!(span_ms(312), "0.3 s");
        assert_eq!(span_ms(65_000), "1m 5s");
    }

    #[test]
    fn a_time_of_day_has_its_day_when_that_is_not_today() {
        let look = Look::of(crate::output::Wishes::default(), |_| None, true, true);
        let at = |text: &str| {
            let moment: jiff::Timestamp = text.parse().unwrap();
            Moment(Timestamp(moment.as_millisecond()))
        };
        let now = at("2026-11-22T08:00:00Z").0;
        let shown = |text: &str| clock(at(text), now, look);
        assert_eq!(shown("2026-11-22T07:05:59Z"), "07:05");
        assert_eq!(shown("2026-11-21T22:40:32Z"), "21 Nov 22:40");
        assert_eq!(shown("2025-12-31T23:59:00Z"), "31 Dec 2025 23:59");
        let range = |since: &str| period(at(since), Moment(now), now, look);
        assert_eq!(range("2026-11-22T07:00:00Z"), "07:00 to 08:00");
        assert_eq!(
            range("2026-11-21T22:40:00Z"),
            "21 Nov 22:40 to 22 Nov 08:00"
        );
        assert_eq!(
            time_of_day("2026-01-02T03:04:05.006Z", look).as_deref(),
            Some("03:04:05")
        );
        assert_eq!(time_of_day("yesterday", look), None);
    }

    #[test]
    fn a_moment_lies_behind_or_ahead() {
        let now = Timestamp(1_000_000);
        assert_eq!(ago(Moment(Timestamp(988_000)), now), "12s ago");
        assert_eq!(ago(Moment(Timestamp(1_000_000)), now), "just now");
        assert_eq!(ago(Moment(Timestamp(1_240_000)), now), "in 4m");
    }
}
