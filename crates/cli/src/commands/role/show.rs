//! `gtd role show`.

use gtd_core::ListDoc;
use serde_json::{Value, json};

use crate::{context::Context, error::CliError, exit::Exit, output::span_ms, town};

/// Show a role: its layer, its limits, its verbs, how its last pass went
///
/// A role that the files of a repository make another is shown once for the town and once for each
/// such rig.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The role
    #[arg(value_name = "ROLE")]
    role: String,
    /// Only what differs from the role that gtd brings along
    #[arg(long, conflicts_with = "prompt")]
    diff: bool,
    /// Only the text of its prompt, before it is rendered
    #[arg(long)]
    prompt: bool,
}

pub(super) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    let client = town::reach(ctx).await?;
    let roles = match client.roles(Some(&args.role)).await {
        Ok(document) => town::read::<ListDoc<Value>>(&document)?.items,
        Err(error) => {
            return Err(CliError::from(error).help("roles: gtd role list"));
        }
    };
    if ctx.screen.is_json() {
        ctx.screen.document(
            &json!({"kind": "Role", "api": gtd_core::API, "name": args.role, "items": roles}),
        );
        return Ok(Exit::Done);
    }
    if ctx.screen.is_quiet() {
        ctx.screen.line(&args.role);
        return Ok(Exit::Done);
    }
    for role in &roles {
        let lines = match (args.diff, args.prompt) {
            (true, _) => differences(role),
            (_, true) => vec![prompt(role, roles.len() > 1)],
            _ => lines(role),
        };
        for line in lines {
            ctx.screen.line(line);
        }
    }
    if args.diff || args.prompt {
        return Ok(Exit::Done);
    }
    ctx.screen.next(&[
        format!("gtd logs {}", args.role),
        format!("gtd pause {}", args.role),
    ]);
    Ok(Exit::Done)
}

/// Shows what of a role is not as gtd brings it along.
fn differences(role: &Value) -> Vec<String> {
    let name = named(role);
    let Some(differs) = role["differs"].as_array() else {
        return vec![format!("{name}  is all of your own")];
    };
    if differs.is_empty() {
        return vec![format!("{name}  is as gtd brings it along")];
    }
    let mut lines = vec![name];
    for differing in differs {
        let key = differing["key"].as_str().unwrap_or_default();
        // A whole prompt is no line.
        if key == "prompt.template.text" {
            lines.push(
                "  prompt.template.text  is another   gtd role show NAME --prompt".to_owned(),
            );
            continue;
        }
        let (now, before) = (&differing["value"], &differing["builtin"]);
        lines.push(format!("  {key} = {now}   (builtin {before})"));
    }
    lines
}

/// Returns the text of a role's prompt, below its name where there are several.
fn prompt(role: &Value, is_one_of_several: bool) -> String {
    let text = role["template"]
        .as_str()
        .unwrap_or("it is code and has no prompt");
    match is_one_of_several {
        true => format!("==> {} <==\n{}", named(role), text.trim_end()),
        false => text.trim_end().to_owned(),
    }
}

fn named(role: &Value) -> String {
    let name = role["name"].as_str().unwrap_or_default();
    match role["rig"].as_str() {
        Some(rig) => format!("{name} on {rig}"),
        None => name.to_owned(),
    }
}

/// Shows one role as the town has it, or a rig.
fn lines(role: &Value) -> Vec<String> {
    let text = |key: &str| role[key].as_str().unwrap_or_default().to_owned();
    let words = |key: &str| {
        let items = role[key].as_array().into_iter().flatten();
        items
            .filter_map(Value::as_str)
            .collect::<Vec<_>>()
            .join(", ")
    };
    let of = match role["rig"].as_str() {
        Some(rig) => format!(" on {rig}"),
        None => String::new(),
    };
    let mut lines = vec![format!("{}{of}  {}", text("name"), text("state"))];
    let mut fact = |name: &str, text: String| {
        if !text.is_empty() {
            lines.push(format!("  {name:<11}{text}"));
        }
    };
    fact("is", text("summary"));
    fact("kind", text("kind"));
    fact("trouble", text("text"));
    fact("layer", text("layer"));
    fact("extends", text("extends"));
    fact("host", text("host"));
    fact("prompt", text("prompt"));
    fact("verbs", words("verbs"));
    for (key, value) in role["limits"].as_object().into_iter().flatten() {
        let value = match (key.strip_suffix("_ms"), value.as_u64()) {
            (Some(_), Some(length)) => span_ms(length),
            (None, Some(number)) => number.to_string(),
            (_, None) => continue,
        };
        let key = key.strip_suffix("_ms").unwrap_or(key);
        fact("limit", format!("{key} {value}"));
    }
    fact("no effect", words("without_effect"));
    lines
}
