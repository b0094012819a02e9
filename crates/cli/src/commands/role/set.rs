//! `gtd role set`.

use gtd_core::config::Value as Setting;
use serde_json::Value;

use super::file::{RoleFile, Whose};
use crate::{
    args::Change,
    commands::config::{schema, text},
    context::Context,
    error::{CliError, Kind},
    exit::Exit,
};

/// Change what a role file says; its comments stay
///
/// A role that gtd brings along gets a file of yours that says only what differs.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The role
    #[arg(value_name = "ROLE")]
    role: String,
    /// What is to be, such as limits.attempts=2; several lists with commas
    #[arg(value_name = "KEY=VALUE", required = true)]
    settings: Vec<String>,
    #[command(flatten)]
    whose: Whose,
    #[command(flatten)]
    change: Change,
}

pub(super) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    let file = RoleFile::find(ctx, &args.role, args.whose)?;
    let schema = schema::of_roles();
    let mut made = file.text_or_begin();
    for setting in &args.settings {
        let Some((key, value)) = setting.split_once('=') else {
            return Err(CliError::usage(format!("`{setting}` has no `=`"))
                .help("gtd role set ROLE limits.attempts=2"));
        };
        let value = value_of(&schema, key, value)?;
        made = text::with(&made, key, &value)
            .map_err(|error| CliError::new(Kind::State(format!("{}: {error}", file.name))))?;
    }
    let act = format!("set {} in {}", args.settings.join(" "), file.name);
    let undo = match file.text {
        Some(_) => format!("gtd role edit {}{}", file.role, file.flag()),
        None => format!("gtd role reset {}{}", file.role, file.flag()),
    };
    file.change(ctx, Some(&made), &act, &undo, &args.change)
        .await
}

/// Reads a value as the schema of roles says it.
fn value_of(schema: &Value, key: &str, text: &str) -> Result<Setting, CliError> {
    let found = key
        .split('.')
        .try_fold(schema, |at, part| at["properties"].get(part));
    let is_var = key.starts_with("prompt.vars.");
    let Some(found) = found
        .filter(|found| found["properties"].is_null())
        .or(is_var.then_some(&Value::Null))
    else {
        let parent = key.split('.').next().unwrap_or_default();
        let at = schema["properties"]
            .get(parent)
            .filter(|at| at["properties"].is_object());
        let known = at.unwrap_or(schema)["properties"].as_object();
        let known: Vec<&str> = known
            .into_iter()
            .flatten()
            .map(|(key, _)| key.as_str())
            .collect();
        let of = if at.is_some() {
            format!(" in {parent}")
        } else {
            String::new()
        };
        return Err(CliError::new(Kind::NoKey(key.to_owned()))
            .help(format!("keys{of}: {}", known.join(" "))));
    };
    let word = |text: &str| Setting::Text(text.trim().to_owned());
    let wrong = |wanted: &str| CliError::usage(format!("`{key}` wants {wanted}, not `{text}`"));
    Ok(match found["type"].as_str() {
        Some("integer") => Setting::Integer(text.parse().map_err(|_| wrong("a whole number"))?),
        Some("number") => Setting::Number(text.parse().map_err(|_| wrong("a number"))?),
        Some("array") => Setting::List(
            text.split(',')
                .filter(|item| !item.trim().is_empty())
                .map(word)
                .collect(),
        ),
        _ => word(text),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_read_as_its_key_takes_it() {
        let schema = schema::of_roles();
        let value =
            |key: &str, text: &str| value_of(&schema, key, text).map_err(|error| error.message());
        assert_eq!(value("limits.attempts", "2"), Ok(Setting::Integer(2)));
        assert_eq!(
            value("limits.turn", "10m"),
            Ok(Setting::Text("10m".to_owned()))
        );
        assert_eq!(
            value("runtime.use", "claude, codex").map(|list| list.to_string()),
            Ok("[\"claude\", \"codex\"]".to_owned())
        );
        assert_eq!(
            value("prompt.vars.style", "terse"),
            Ok(Setting::Text("terse".to_owned()))
        );
        assert!(value("limits.attemps", "2").is_err());
        assert!(value("limits", "2").is_err());
        assert!(value("limits.attempts", "two").is_err());
    }
}
