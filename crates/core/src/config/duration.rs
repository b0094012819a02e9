//! Durations as people write them: `10s`, `1h 30m`, `500ms`.

use std::time::Duration;

use crate::diagnostic::{printable, shorten};

/// A text that is no duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a duration; write one such as \"10s\", \"2m\" or \"1h 30m\"")]
pub struct InvalidDuration {
    /// The text, shortened.
    pub text: String,
}

const UNITS: [(&str, u64); 5] = [
    ("ms", 1),
    ("s", 1_000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
];

/// Parses a duration: whole numbers with `ms`, `s`, `m`, `h` or `d`, largest first, each at most once.
///
/// # Errors
/// When the text has another form, or means more than a thousand years.
pub fn parse_duration(text: &str) -> Result<Duration, InvalidDuration> {
    parse(text).ok_or_else(|| InvalidDuration {
        text: shorten(&printable(text), 40),
    })
}

fn parse(text: &str) -> Option<Duration> {
    const MOST: u64 = 365_250 * 86_400_000;
    let mut rest = text.trim();
    if rest.is_empty() {
        return None;
    }
    let mut total = 0_u64;
    let mut last = u64::MAX;
    while !rest.is_empty() {
        let n_digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let number: u64 = rest[..n_digits].parse().ok()?;
        rest = rest[n_digits..].trim_start();
        let n_letters = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (_, millis) = UNITS.iter().find(|(unit, _)| *unit == &rest[..n_letters])?;
        rest = rest[n_letters..].trim_start();
        if *millis >= last {
            return None;
        }
        last = *millis;
        total = total.checked_add(number.checked_mul(*millis)?)?;
    }
    (total <= MOST).then(|| Duration::from_millis(total))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_read_as_people_write_them() {
        let millis = |text| parse_duration(text).map(|time| time.as_millis()).ok();
        assert_eq!(millis("10s"), Some(10_000));
        assert_eq!(millis("2m"), Some(120_000));
        assert_eq!(millis("1h 30m"), Some(5_400_000));
        assert_eq!(millis("1h30m"), Some(5_400_000));
        assert_eq!(millis("500ms"), Some(500));
        assert_eq!(millis("0s"), Some(0));
        assert_eq!(millis(" 2 d "), Some(172_800_000));
        for wrong in [
            "",
            "10",
            "s",
            "1x",
            "-1s",
            "1.5h",
            "30m 1h",
            "1s 1s",
            "99999999999999999999s",
            "9999999999d",
            "1 m s",
        ] {
            assert_eq!(millis(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC*|[0-9 msh]{0,20}") {
            drop(parse_duration(&text));
        }
    }
}
