//! `gtd runtime show`.

use gtd_core::config::SecretPlace;

use super::{document, find, limits, price, program, what};
use crate::{clock, context::Context, error::CliError, exit::Exit, show};

/// Show one runtime: its program, its models, what was set
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The runtime
    name: String,
}

pub(super) async fn run(ctx: &Context, args: &Args) -> Result<Exit, CliError> {
    let runtime = find(ctx, &args.name)?;
    let limits = limits(ctx).await?;
    let limit = limits
        .as_ref()
        .and_then(|limits| limits.get(runtime.name.as_str()));
    if ctx.screen.is_json() {
        ctx.screen.document(&document(&runtime, limit));
        return Ok(Exit::Done);
    }
    if ctx.screen.is_quiet() {
        ctx.screen.line(runtime.name.as_str());
        return Ok(Exit::Done);
    }
    let mut lines = vec![format!("{}  {}", runtime.name, what(&runtime))];
    if let Some(words) = program::command(&runtime) {
        lines.push(format!("  program   {}", words.join(" ")));
    }
    for (word, model) in &runtime.models {
        let listed = gtd_core::list_price(model).filter(|_| runtime.price.is_none());
        let cost = listed.map_or_else(String::new, |listed| format!(" ({})", price::price(listed)));
        lines.push(format!("  model     {word} is {model}{cost}"));
    }
    if let Some(price) = runtime.price {
        lines.push(format!("  price     {}", price::price(price)));
    }
    if let Some(context) = runtime.context {
        lines.push(format!("  context   {context} tokens"));
    }
    for variable in runtime.env.keys() {
        lines.push(format!("  variable  {variable}"));
    }
    for (variable, place) in &runtime.secrets {
        lines.push(format!("  secret    {variable}, from {}", found_in(place)));
    }
    if runtime.mcp {
        lines.push("  tools     the agents' verbs, by MCP".to_owned());
    }
    if let Some(most) = runtime.max_parallel {
        lines.push(format!("  at once   {most}"));
    }
    if let Some(limit) = limit {
        let held = show::limit(limit, clock::now(), ctx.screen.look);
        lines.push(format!("  held      {held}"));
    }
    for line in lines {
        ctx.screen.line(line);
    }
    ctx.screen
        .next(&[format!("gtd runtime probe {}", runtime.name)]);
    Ok(Exit::Done)
}

/// Says where a secret is found.
fn found_in(place: &SecretPlace) -> String {
    match place {
        SecretPlace::Env(name) => format!("${name} of the daemon"),
        SecretPlace::Command(words) => format!("`{}`", words.join(" ")),
        SecretPlace::File(path) => path.clone(),
        SecretPlace::Elsewhere => "a keyring, which this gtd cannot open".to_owned(),
    }
}
