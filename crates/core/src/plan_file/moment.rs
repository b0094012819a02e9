//! Moments in a plan: a date and time with its offset from UTC.

use toml::{
    Spanned,
    de::DeValue,
    value::{Datetime, Offset},
};

use crate::{Diagnostic, Moment, Timestamp, toml_text::TomlText};

/// Reads a moment; a text of the same form will do.
pub(super) fn moment(
    source: &TomlText<'_>,
    value: &Spanned<DeValue<'_>>,
) -> Result<Timestamp, Diagnostic> {
    let datetime = match value.get_ref() {
        DeValue::Datetime(datetime) => Some(*datetime),
        DeValue::String(text) => text.parse().ok(),
        _ => None,
    };
    datetime.and_then(timestamp).ok_or_else(|| {
        source
            .mistake(
                value.span(),
                "`defer` wants a date and time with its offset from UTC",
            )
            .with_help("such as 2026-03-01T08:00:00Z or 2026-03-01T08:00:00+01:00")
    })
}

fn timestamp(datetime: Datetime) -> Option<Timestamp> {
    let (date, time, offset) = (datetime.date?, datetime.time?, datetime.offset?);
    let offset_minutes = match offset {
        Offset::Z => 0,
        Offset::Custom { minutes } => i64::from(minutes),
    };
    let millis = time.nanosecond.unwrap_or(0) / 1_000_000;
    let as_if_utc = Moment::parse(&format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{millis:03}Z",
        date.year,
        date.month,
        date.day,
        time.hour,
        time.minute,
        time.second.unwrap_or(0)
    ))?;
    Some(Timestamp(as_if_utc.0.0 - offset_minutes * 60_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_counted_from_1970_in_utc() {
        let check = |text: &str| timestamp(text.parse().unwrap()).unwrap().0;
        assert_eq!(check("1970-01-01T00:00:00Z"), 0);
        assert_eq!(check("2000-02-29T12:30:15.5Z"), 951_827_415_500);
        assert_eq!(check("2026-01-02T03:04:05Z"), 1_767_323_045_000);
        assert_eq!(check("2026-01-02T04:04:05+01:00"), 1_767_323_045_000);
        assert_eq!(check("1969-12-31T23:59:59Z"), -1_000);
    }
}
