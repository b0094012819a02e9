//! `gtd role list`.

use gtd_core::ListDoc;
use serde_json::{Value, json};

use crate::{
    context::Context,
    error::CliError,
    exit::Exit,
    filter::ListArgs,
    output::{Cell, Ink, Table},
    town,
};

/// List the roles
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    list: ListArgs,
}

pub(super) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    let client = town::reach(ctx).await?;
    let roles: ListDoc<Value> = town::read(&client.roles(None).await?)?;
    let roles = args.list.apply(roles.items)?;
    if ctx.screen.is_json() {
        ctx.screen.document(
            &json!({"kind": "RoleList", "api": gtd_core::API, "items": roles, "next": ""}),
        );
        return Ok(Exit::Done);
    }
    let text = |role: &Value, key: &str| role[key].as_str().unwrap_or_default().to_owned();
    if ctx.screen.is_quiet() {
        for role in &roles {
            ctx.screen.line(text(role, "name"));
        }
        return Ok(Exit::Done);
    }
    let mut table = Table::new(&["ROLE", "STATE", "LAYER", "RIG", "SUMMARY"], &["SUMMARY"]);
    for role in &roles {
        let state = text(role, "state");
        let ink = match state.as_str() {
            "ok" => Ink::Good,
            "degraded" | "absent" => Ink::Bad,
            "paused" => Ink::Warn,
            _ => Ink::Faint,
        };
        table.row([
            Cell::inked(text(role, "name"), Ink::Strong),
            Cell::inked(state, ink),
            Cell::from(text(role, "layer")),
            Cell::from(text(role, "rig")),
            Cell::inked(text(role, "summary"), Ink::Faint),
        ]);
    }
    for line in table.render(ctx.screen.look) {
        ctx.screen.line(line);
    }
    Ok(Exit::Done)
}
