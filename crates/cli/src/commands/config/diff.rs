//! `gtd config diff`.

use gtd_core::config::Origin;
use serde_json::json;

use crate::{
    commands::trust,
    context::Context,
    error::CliError,
    exit::Exit,
    output::{Cell, Ink, Table},
    settings,
};

/// What is other than the defaults, or than what you trusted
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// By which lines the files of the rig differ from what you trusted
    #[arg(long)]
    trusted: bool,
}

pub(super) fn run(ctx: &Context, args: &Args) -> Result<Exit, CliError> {
    if args.trusted {
        return since_trust(ctx);
    }
    let config = settings::effective(ctx, ctx.rig()?.as_ref())?;
    for warning in config.warnings() {
        ctx.screen.warn(warning.to_string());
    }
    let mut items = Vec::new();
    for (key, value, origin) in config
        .list()
        .filter(|(_, _, origin)| **origin != Origin::Default)
    {
        let default = config
            .explain(key)
            .ok()
            .and_then(|found| found.into_iter().find(|item| item.key == key)?.default);
        if default.as_ref() != Some(value) {
            items.push((key, value, default, origin.to_string()));
        }
    }
    if ctx.screen.is_json() {
        let items: Vec<_> = items
            .iter()
            .map(|(key, value, default, origin)| {
                json!({"key": key, "value": value, "default": default, "origin": origin})
            })
            .collect();
        ctx.screen.document(
            &json!({"kind": "ConfigList", "api": gtd_core::API, "items": items, "next": ""}),
        );
        return Ok(Exit::Done);
    }
    if ctx.screen.is_quiet() {
        for (key, ..) in &items {
            ctx.screen.line(key);
        }
        return Ok(Exit::Done);
    }
    if items.is_empty() {
        ctx.screen.say("everything is as gtd brings it along");
        return Ok(Exit::Done);
    }
    let mut table = Table::new(&["KEY", "VALUE", "DEFAULT", "FROM"], &["VALUE", "DEFAULT"]);
    for (key, value, default, origin) in items {
        table.row([
            Cell::inked(key, Ink::Strong),
            Cell::from(value.to_string()),
            Cell::inked(
                default.map_or("–".to_owned(), |value| value.to_string()),
                Ink::Faint,
            ),
            Cell::inked(origin, Ink::Faint),
        ]);
    }
    for line in table.render(ctx.screen.look) {
        ctx.screen.line(line);
    }
    Ok(Exit::Done)
}

/// Shows by which lines the files of the rig differ from what was trusted.
fn since_trust(ctx: &Context) -> Result<Exit, CliError> {
    let rig = ctx.need_rig()?;
    let lines = trust::since_trust(ctx, &rig)?;
    if ctx.screen.is_json() {
        ctx.screen.document(
            &json!({"kind": "TrustDiff", "api": gtd_core::API, "rig": rig,
            "changed": !lines.is_empty(), "changes": lines}),
        );
        return Ok(Exit::Done);
    }
    if lines.is_empty() {
        ctx.screen.say(format!("{rig} is as you trusted it"));
    }
    trust::print_changes(ctx, &lines);
    if !lines.is_empty() {
        ctx.screen.next(&["gtd trust".to_owned()]);
    }
    Ok(Exit::Done)
}
