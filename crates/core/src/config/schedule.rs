//! The schedules of a project: what holds for a row, and what a row means.

use std::{collections::BTreeMap, ops::Range};

use toml::{Spanned, de::DeValue};

use super::{rows::two_of_a_name, value::Value};
use crate::{
    BeadSpec, Cron, Diagnostic, ScheduleName, ScheduleRule, ScheduledGoal, toml_text::TomlText,
};

/// Checks what one value alone cannot tell: a name, a time, a goal, and no name twice.
pub(super) fn check_rows(
    source: &TomlText<'_>,
    rows: &[(Value, &Spanned<DeValue<'_>>)],
) -> Result<(), Diagnostic> {
    let mut seen: BTreeMap<&str, Range<usize>> = BTreeMap::new();
    for (row, place) in rows {
        let span_of = |key: &str| place.get_ref().get(key).map_or(place.span(), Spanned::span);
        let missing = |what: &str, line: &str| {
            source
                .mistake(place.span(), what)
                .with_help(&format!("add a line such as {line}"))
        };
        let Some(name) = row.get("name").and_then(Value::as_str) else {
            return Err(missing("this schedule has no `name`", "name = \"nightly\""));
        };
        let Some(cron) = row.get("cron").and_then(Value::as_str) else {
            return Err(missing(
                &format!("schedule `{name}` has no `cron`"),
                "cron = \"0 6 * * MON\"",
            ));
        };
        if let Err(error) = Cron::parse(cron) {
            return Err(source
                .mistake(span_of("cron"), &error.to_string())
                .with_help(
                    "minute, hour, day, month, weekday: \"0 6 * * MON\" is Mondays at six",
                ));
        }
        if row.get("goal").is_none() {
            return Err(missing(
                &format!("schedule `{name}` has no `goal`"),
                "goal = \"Update the dependencies\"",
            ));
        }
        if let Some(first) = seen.insert(name, span_of("name")) {
            return Err(two_of_a_name(
                source,
                "schedules",
                name,
                first,
                span_of("name"),
            ));
        }
    }
    Ok(())
}

/// Makes the schedules of rows that were checked.
pub(super) fn schedules(rows: &[Value]) -> Vec<ScheduleRule> {
    rows.iter()
        .filter_map(|row| {
            let text = |key| row.get(key).and_then(Value::as_str);
            let spec = BeadSpec::titled(text("goal")?);
            Some(ScheduleRule {
                name: ScheduleName::parse(text("name")?).ok()?,
                cron: Cron::parse(text("cron")?).ok()?,
                goal: match text("run") {
                    Some(script) => ScheduledGoal::of_script(spec, script),
                    None => ScheduledGoal::of_words(spec),
                },
            })
        })
        .collect()
}
