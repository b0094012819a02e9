//! The gates of a project: what holds for a row, and what a row means.

use std::{collections::BTreeMap, ops::Range};

use toml::{Spanned, de::DeValue};

use super::{duration::parse_duration, rows::two_of_a_name, value::Value};
use crate::{
    Diagnostic, Gate, GateName, GateWhen, Guard, GuardPolicy, InvalidName, toml_text::TomlText,
};

const TIMEOUT_MS: u64 = 20 * 60_000;

/// Checks what one value alone cannot tell: a name, a command, and no name twice.
pub(super) fn check_rows(
    source: &TomlText<'_>,
    rows: &[(Value, &Spanned<DeValue<'_>>)],
) -> Result<(), Diagnostic> {
    let mut seen: BTreeMap<&str, Range<usize>> = BTreeMap::new();
    for (row, place) in rows {
        let span_of = |key: &str| place.get_ref().get(key).map_or(place.span(), Spanned::span);
        let Some(name) = row.get("name").and_then(Value::as_str) else {
            return Err(source
                .mistake(place.span(), "this gate has no `name`")
                .with_help("add a line such as name = \"test\""));
        };
        match (row.get("run"), row.get("builtin")) {
            (None, None) => {
                return Err(source
                    .mistake(place.span(), &format!("gate `{name}` has no command"))
                    .with_help("add a line such as run = \"make test\""));
            }
            (Some(_), Some(_)) => {
                return Err(source
                    .mistake(
                        span_of("builtin"),
                        &format!("gate `{name}` has both `run` and `builtin`"),
                    )
                    .with_help("leave one of them out"));
            }
            _ => {}
        }
        if let Some(path) = row.get("junit").and_then(Value::as_str)
            && !is_inside(path)
        {
            return Err(source
                .mistake(
                    span_of("junit"),
                    &format!("the report of gate `{name}` is not in the worktree"),
                )
                .with_help(
                    "name it from the top of the repository, as in junit = \"target/junit.xml\"",
                ));
        }
        let is_for_worker = matches!(
            row.get("when").and_then(Value::as_str),
            Some("worker" | "both")
        );
        if row.get("affected").is_some() && !is_for_worker {
            return Err(source
                .mistake(
                    span_of("affected"),
                    &format!("gate `{name}` does not run where its `affected` would"),
                )
                .with_help("let workers run it too: when = \"both\""));
        }
        if let Some(first) = seen.insert(name, span_of("name")) {
            return Err(two_of_a_name(source, "gates", name, first, span_of("name")));
        }
    }
    Ok(())
}

/// Returns what a row wants of a gate that gtd brings along: blocked by what it finds, unless the
/// row says that it is not required.
pub(super) fn builtin_policy(rows: &[Value], guard: Guard) -> Option<GuardPolicy> {
    let of_guard = |row: &&Value| row.get("builtin").and_then(Value::as_str) == Some(guard.word());
    let row = rows.iter().find(of_guard)?;
    Some(match row.get("required") {
        Some(Value::Bool(false)) => GuardPolicy::List,
        _ => GuardPolicy::Block,
    })
}

/// Makes the gates of the rows that are commands.
pub(super) fn gates(rows: &[Value]) -> Result<Vec<Gate>, InvalidName> {
    rows.iter()
        .filter_map(|row| Some((row, row.get("run")?.as_str()?)))
        .map(|(row, run)| {
            let text = |key| row.get(key).and_then(Value::as_str);
            Ok(Gate {
                name: GateName::parse(text("name").unwrap_or_default())?,
                run: run.to_owned(),
                affected: text("affected").map(str::to_owned),
                when: match text("when") {
                    Some("worker") => GateWhen::Worker,
                    Some("both") => GateWhen::Both,
                    Some("goal") => GateWhen::Goal,
                    _ => GateWhen::Merge,
                },
                timeout_ms: text("timeout")
                    .and_then(|text| parse_duration(text).ok())
                    .and_then(|time| u64::try_from(time.as_millis()).ok())
                    .unwrap_or(TIMEOUT_MS),
                env: environment(row),
                junit: text("junit").map(str::to_owned),
            })
        })
        .collect()
}

/// Tells whether a path leads to a file in the worktree.
fn is_inside(path: &str) -> bool {
    let is_plain = |part: &str| part != ".." && part != ".git";
    !path.trim().is_empty()
        && !path.starts_with('/')
        && !path.ends_with('/')
        && !path.contains('\0')
        && path.split('/').all(is_plain)
}

fn environment(row: &Value) -> BTreeMap<String, String> {
    match row.get("env") {
        Some(Value::Table(variables)) => variables
            .iter()
            .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
            .collect(),
        _ => BTreeMap::new(),
    }
}
