//! Amounts of a resource as people write them: `2GiB`, `64MiB`, `5%`, `20000`.

use serde::{Deserialize, Serialize};

use crate::diagnostic::{printable, shorten};

/// A text that is no amount.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an amount; write one such as \"2GiB\", \"64MiB\" or \"5%\"")]
pub struct InvalidAmount {
    /// The text, shortened.
    pub text: String,
}

/// So much of a resource: a number of units, or a share of all that there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Amount {
    /// Bytes, inodes, open files.
    Units(u64),
    /// Hundredths of the whole, 0 to 100.
    Percent(u8),
}

const UNITS: [(&str, u64); 10] = [
    ("", 1),
    ("b", 1),
    ("kib", 1 << 10),
    ("mib", 1 << 20),
    ("gib", 1 << 30),
    ("tib", 1 << 40),
    ("kb", 1_000),
    ("mb", 1_000_000),
    ("gb", 1_000_000_000),
    ("tb", 1_000_000_000_000),
];

impl Amount {
    /// Parses a whole number, alone, with a unit of bytes, or with `%`.
    ///
    /// # Errors
    /// When the text has another form, or means more than there are bytes.
    pub fn parse(text: &str) -> Result<Self, InvalidAmount> {
        parse(text).ok_or_else(|| InvalidAmount {
            text: shorten(&printable(text), 40),
        })
    }

    /// Returns how many units this is of a whole.
    #[must_use]
    pub fn of(self, whole: u64) -> u64 {
        match self {
            Self::Units(units) => units,
            Self::Percent(percent) => {
                let part = u128::from(whole) * u128::from(percent) / 100;
                u64::try_from(part).unwrap_or(u64::MAX)
            }
        }
    }
}

fn parse(text: &str) -> Option<Amount> {
    let text = text.trim();
    let n_digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let number: u64 = text[..n_digits].parse().ok()?;
    let unit = text[n_digits..].trim_start();
    if unit == "%" {
        let percent = u8::try_from(number).ok().filter(|share| *share <= 100)?;
        return Some(Amount::Percent(percent));
    }
    let unit = unit.to_ascii_lowercase();
    let (_, size) = UNITS.iter().find(|(name, _)| *name == unit)?;
    number.checked_mul(*size).map(Amount::Units)
}

/// Writes bytes as a person reads them: whole, in the largest unit that leaves at least one.
#[must_use]
pub fn bytes_text(bytes: u64) -> String {
    for (unit, size) in [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)] {
        // Two digits at least, so that half a unit is not lost.
        if bytes >= 10 * size || (bytes >= size && bytes.is_multiple_of(size)) {
            return format!("{} {unit}", bytes / size);
        }
    }
    format!("{bytes} B")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn amounts_read_as_people_write_them() {
        let amount = |text| Amount::parse(text).ok();
        assert_eq!(amount("2GiB"), Some(Amount::Units(2 << 30)));
        assert_eq!(amount(" 64 MiB "), Some(Amount::Units(64 << 20)));
        assert_eq!(amount("5mb"), Some(Amount::Units(5_000_000)));
        assert_eq!(amount("20000"), Some(Amount::Units(20_000)));
        assert_eq!(amount("0"), Some(Amount::Units(0)));
        assert_eq!(amount("5%"), Some(Amount::Percent(5)));
        assert_eq!(amount("100 %"), Some(Amount::Percent(100)));
        for wrong in [
            "",
            "GiB",
            "-1GiB",
            "1.5GiB",
            "101%",
            "2 gigs",
            "5%%",
            "99999999999TiB",
        ] {
            assert!(Amount::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_share_is_of_the_whole() {
        assert_eq!(Amount::Percent(5).of(1_000), 50);
        assert_eq!(Amount::Percent(100).of(u64::MAX), u64::MAX);
        assert_eq!(Amount::Units(7).of(0), 7);
    }

    #[test]
    fn bytes_are_told_in_two_digits_or_more() {
        let told: Vec<String> = [
            0,
            1_023,
            2_048,
            9_000,
            20 << 10,
            1 << 20,
            310 << 20,
            1 << 30,
        ]
        .into_iter()
        .map(bytes_text)
        .collect();
        assert_eq!(
            told,
            [
                "0 B", "1023 B", "2 KiB", "9000 B", "20 KiB", "1 MiB", "310 MiB", "1 GiB"
            ]
        );
    }

    proptest! {
        #[test]
        fn no_text_panics(text in any::<String>()) {
            drop(Amount::parse(&text));
        }
    }
}
