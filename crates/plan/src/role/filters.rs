//! The filters of templates. What is foreign stays foreign through all of them.

use minijinja::{Environment, Error, ErrorKind, Value, value::ValueKind};

use super::untrusted::Foreign;

/// The most that `tail` and `head` let through, in bytes: a line may be very long.
const LONGEST_CUT: usize = 8_000;
const SOMEBODY: &str = "somebody else";

/// The filters, beside those of the template language itself.
pub(super) const NAMES: &[&str] = &[
    "tail",
    "head",
    "indent",
    "quote",
    "bullet",
    "age",
    "usd",
    "tokens",
    "untrusted",
];

/// Filters of the template language that are worth a suggestion.
pub(super) const COMMON: &[&str] = &[
    "default", "first", "format", "int", "join", "last", "length", "lines", "list", "lower",
    "replace", "reverse", "round", "sort", "split", "string", "title", "trim", "unique", "upper",
];

/// Adds the filters.
pub(super) fn add_filters(env: &mut Environment<'_>) {
    env.add_filter("tail", |value: Value, lines: Option<usize>| {
        map(&value, |text| tail(text, lines.unwrap_or(20)))
    });
    env.add_filter("head", |value: Value, lines: Option<usize>| {
        map(&value, |text| head(text, lines.unwrap_or(20)))
    });
    env.add_filter("indent", |value: Value, width: Option<usize>| {
        let space = " ".repeat(width.unwrap_or(4).min(100));
        map(&value, |text| {
            text.lines().collect::<Vec<_>>().join(&format!("\n{space}"))
        })
    });
    env.add_filter("quote", |value: Value| map(&value, quote));
    env.add_filter("bullet", bullet);
    env.add_filter("age", age);
    env.add_filter("usd", usd);
    env.add_filter("tokens", tokens);
    env.add_filter("untrusted", |value: Value, origin: Option<String>| {
        let origin = origin.as_deref().unwrap_or(SOMEBODY);
        let (text, known) = text_of(&value)?;
        Ok::<_, Error>(foreign(known.unwrap_or_else(|| origin.to_owned()), text))
    });
}

fn foreign(origin: String, text: String) -> Value {
    Value::from_object(Foreign { origin, text })
}

/// Returns the text of a value, and its origin when it is foreign.
fn text_of(value: &Value) -> Result<(String, Option<String>), Error> {
    if let Some(foreign) = value.downcast_object_ref::<Foreign>() {
        return Ok((foreign.text.clone(), Some(foreign.origin.clone())));
    }
    match value.kind() {
        ValueKind::Undefined | ValueKind::None => Err(no_value()),
        _ => Ok((value.to_string(), None)),
    }
}

/// Says that there is nothing to print.
pub(super) fn no_value() -> Error {
    Error::new(
        ErrorKind::UndefinedError,
        "it has no value here; ask first, with {% if … %}",
    )
}

fn map(value: &Value, change: impl Fn(&str) -> String) -> Result<Value, Error> {
    let (text, origin) = text_of(value)?;
    let text = change(&text);
    Ok(match origin {
        Some(origin) => foreign(origin, text),
        None => Value::from(text),
    })
}

fn tail(text: &str, lines: usize) -> String {
    let all: Vec<&str> = text.trim_end().lines().collect();
    let kept = all[all.len().saturating_sub(lines)..].join("\n");
    let mut from = kept.len().saturating_sub(LONGEST_CUT);
    while !kept.is_char_boundary(from) {
        from += 1;
    }
    if from == 0 {
        kept
    } else {
        format!("…{}", &kept[from..])
    }
}

fn head(text: &str, lines: usize) -> String {
    let kept = text.lines().take(lines).collect::<Vec<_>>().join("\n");
    let mut to = kept.len().min(LONGEST_CUT);
    while !kept.is_char_boundary(to) {
        to -= 1;
    }
    if to == kept.len() {
        kept
    } else {
        format!("{}…", &kept[..to])
    }
}

fn quote(text: &str) -> String {
    let lines: Vec<String> = text
        .lines()
        .map(|line| format!("> {line}").trim_end().to_owned())
        .collect();
    lines.join("\n")
}

/// Writes a list, or the lines of a text, as a list with `-`.
fn bullet(value: Value) -> Result<Value, Error> {
    let one = |text: &str| format!("- {}", text.lines().collect::<Vec<_>>().join("\n  "));
    if !matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable) {
        return map(&value, |text| {
            text.lines().map(one).collect::<Vec<_>>().join("\n")
        });
    }
    let mut origins: Vec<String> = Vec::new();
    let mut lines = Vec::new();
    for item in value.try_iter()? {
        let (text, origin) = text_of(&item)?;
        lines.push(one(&text));
        origins.extend(origin);
    }
    origins.sort_unstable();
    origins.dedup();
    let text = lines.join("\n");
    Ok(match origins.as_slice() {
        [] => Value::from(text),
        origins => foreign(origins.join(", "), text),
    })
}

/// Writes seconds as a person would: `12s`, `5m`, `3h`, `2d`.
fn age(seconds: f64) -> String {
    match seconds.max(0.0) {
        s if s < 60.0 => format!("{s:.0}s"),
        s if s < 3_600.0 => format!("{:.0}m", (s / 60.0).floor()),
        s if s < 86_400.0 => format!("{:.0}h", (s / 3_600.0).floor()),
        s => format!("{:.0}d", (s / 86_400.0).floor()),
    }
}

/// Writes dollars; what is infinite or not there is no limit.
fn usd(value: Value) -> Result<String, Error> {
    if value.is_none() {
        return Ok("no limit".to_owned());
    }
    let dollars = f64::try_from(value)?;
    Ok(if dollars.is_finite() {
        format!("${dollars:.2}")
    } else {
        "no limit".to_owned()
    })
}

/// Writes a number of tokens: `900`, `12.3k`, `1.2M`.
fn tokens(count: f64) -> String {
    match count {
        n if n < 1_000.0 => format!("{n:.0}"),
        n if n < 1_000_000.0 => format!("{:.1}k", n / 1_000.0),
        n => format!("{:.1}M", n / 1_000_000.0),
    }
}
