//! `gtd agent path`: for `cd "$(gtd agent path quartz)"`.

use serde_json::json;

use super::{Whose, find, worktree};
use crate::{
    context::Context,
    error::{CliError, Kind},
    exit::Exit,
    town,
};

/// Print the folder that an agent works in
///
/// As in: cd "$(gtd agent path quartz)"
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The agent, or the bead that it holds
    #[arg(value_name = "AGENT")]
    agent: String,
}

pub(super) async fn run(ctx: &Context, args: Args, whose: Whose) -> Result<Exit, CliError> {
    let client = town::reach(ctx).await?;
    let agent = find(&client, &args.agent, whose).await?;
    let Some(folder) = worktree(ctx, &agent) else {
        let why = format!("{} has no worktree of its own", agent.name);
        return Err(CliError::new(Kind::State(why))
            .help("who has claimed a bead works in a folder of their own choice"));
    };
    if ctx.screen.is_json() {
        ctx.screen
            .document(&json!({"kind": "AgentPath", "api": gtd_core::API,
            "name": agent.name, "path": folder}));
    } else {
        ctx.screen.line(folder.to_string_lossy());
    }
    Ok(Exit::Done)
}
