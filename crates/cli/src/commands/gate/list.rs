//! `gtd gate list`.

use gtd_core::ListDoc;
use serde_json::{Value, json};

use crate::{clock, context::Context, error::CliError, exit::Exit, filter::ListArgs, show, town};

/// List the gates, each with what it said last
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Of all rigs, also in a rig
    #[arg(long)]
    all_rigs: bool,
    #[command(flatten)]
    list: ListArgs,
}

pub(super) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    let client = town::reach(ctx).await?;
    let rig = if args.all_rigs { None } else { ctx.rig()? };
    let gates: ListDoc<Value> = town::read(&client.gates(rig.as_ref()).await?)?;
    let gates = args.list.apply(gates.items)?;
    if ctx.screen.is_json() {
        ctx.screen.document(
            &json!({"kind": "GateList", "api": gtd_core::API, "items": gates, "next": ""}),
        );
    } else if ctx.screen.is_quiet() {
        for gate in &gates {
            ctx.screen.line(gate["name"].as_str().unwrap_or_default());
        }
    } else if gates.is_empty() {
        ctx.screen.say(
            "no gates: nothing is proven before it lands.   [[gate]] in gtd.toml, then gtd trust",
        );
    } else {
        for line in show::gate_table(&gates, clock::now(), ctx.screen.look) {
            ctx.screen.line(line);
        }
    }
    Ok(Exit::Done)
}
