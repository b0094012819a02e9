//! `gtd merge list`.

use gtd_core::{MergeDoc, MergeRow};
use serde_json::json;

use crate::{
    clock, context::Context, error::CliError, exit::Exit, filter::ListArgs, lists, show, town,
};

/// List what was handed in and has not landed
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    list: ListArgs,
    /// Of all rigs, also in a rig
    #[arg(long)]
    all_rigs: bool,
}

pub(super) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    let client = town::reach(ctx).await?;
    let rig = if args.all_rigs { None } else { ctx.rig()? };
    let queues: Vec<MergeDoc> = lists::all(&client, &lists::queues(rig.as_ref())).await?;
    let rows: Vec<MergeRow> = lists::all(&client, &lists::merges(rig.as_ref())).await?;
    let rows = args.list.apply(rows)?;
    if ctx.screen.is_json() {
        ctx.screen
            .document(&json!({"kind": "MergeList", "api": gtd_core::API,
            "items": rows, "next": "", "queues": queues}));
    } else if ctx.screen.is_quiet() {
        for row in &rows {
            ctx.screen.line(row.bead.as_str());
        }
    } else {
        for line in show::merge_list(&queues, &rows, clock::now(), ctx.screen.look) {
            ctx.screen.line(line);
        }
        if rows.is_empty() {
            ctx.screen.say("nothing waits to be merged");
        }
    }
    Ok(Exit::Done)
}
