//! `gtd rig list`.

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

/// List the rigs
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    list: ListArgs,
}

pub(super) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    let client = town::reach(ctx).await?;
    let rigs: ListDoc<Value> = town::read(&client.rigs().await?)?;
    let rigs = args.list.apply(rigs.items)?;
    if ctx.screen.is_json() {
        ctx.screen
            .document(&json!({"kind": "RigList", "api": gtd_core::API, "items": rigs, "next": ""}));
        return Ok(Exit::Done);
    }
    let text = |rig: &Value, key: &str| rig[key].as_str().unwrap_or_default().to_owned();
    if ctx.screen.is_quiet() {
        for rig in &rigs {
            ctx.screen.line(text(rig, "name"));
        }
        return Ok(Exit::Done);
    }
    if rigs.is_empty() {
        ctx.screen.say("no rigs.   in a repository: gtd init");
        return Ok(Exit::Done);
    }
    let mut table = Table::new(&["RIG", "BRANCH", "GATES", "TRUSTED", "PATH"], &["PATH"]);
    for rig in &rigs {
        let gates = rig["gates"].as_array().map_or(0, Vec::len);
        let (trusted, ink) = match rig["trusted"].as_bool() {
            Some(true) => ("yes", Ink::Good),
            Some(false) if rig["revoked"].is_object() => ("revoked", Ink::Bad),
            Some(false) => ("changed", Ink::Warn),
            None => ("unreadable", Ink::Bad),
        };
        table.row([
            Cell::inked(text(rig, "name"), Ink::Strong),
            Cell::from(text(rig, "branch")),
            Cell::from(gates.to_string()),
            Cell::inked(trusted, ink),
            Cell::from(text(rig, "path")),
        ]);
    }
    for line in table.render(ctx.screen.look) {
        ctx.screen.line(line);
    }
    Ok(Exit::Done)
}
