//! Small looks into JSON of programs whose next version may say something else.

use serde_json::Value;

/// Parses a line that is one JSON object.
pub(super) fn object(line: &str) -> Option<Value> {
    if !line.starts_with('{') {
        return None;
    }
    serde_json::from_str(line).ok()
}

/// Finds a value by its path; `/a/b/0` as in RFC 6901.
pub(super) fn text<'a>(value: &'a Value, path: &str) -> Option<&'a str> {
    value.pointer(path)?.as_str()
}

/// Finds a whole number by its path.
pub(super) fn number(value: &Value, path: &str) -> Option<u64> {
    let found = value.pointer(path)?;
    found.as_u64().or_else(|| {
        let float = found.as_f64().filter(|float| *float >= 0.0)?;
        // Counts and times far below 2^53: nothing is lost.
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it was checked to be positive, and no count comes near the end of u64"
        )]
        Some(float as u64)
    })
}

/// Reads a sum of dollars as millionths.
pub(super) fn usd_micros(value: &Value, path: &str) -> Option<u64> {
    let usd = value.pointer(path)?.as_f64().filter(|usd| *usd >= 0.0)?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it was checked to be positive, and no sum of dollars comes near the end of u64"
    )]
    Some((usd * 1e6).round() as u64)
}

/// Lists the items of an array; none when it is no array.
pub(super) fn items<'a>(value: &'a Value, path: &str) -> &'a [Value] {
    value
        .pointer(path)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// Shortens a text to one line of at most 200 characters.
pub(super) fn line(text: &str) -> String {
    const MOST: usize = 200;
    let one: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if one.chars().count() <= MOST {
        return one;
    }
    let cut: String = one.chars().take(MOST - 1).collect();
    format!("{cut}…")
}
