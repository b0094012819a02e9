//! `gtd agent list`, and `gtd ps`.

use gtd_core::{AgentDoc, StatusDoc};
use serde_json::json;

use super::Whose;
use crate::{clock, context::Context, error::CliError, exit::Exit, filter::ListArgs, show, town};

/// List who is at work, and the empty seats
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Of all rigs, also in a rig
    #[arg(long)]
    all_rigs: bool,
    #[command(flatten)]
    list: ListArgs,
}

pub(super) async fn run(ctx: &Context, args: Args, whose: Whose) -> Result<Exit, CliError> {
    list(ctx, args.all_rigs, &args.list, whose).await
}

/// Lists agents.
pub(crate) async fn list(
    ctx: &Context,
    all_rigs: bool,
    wish: &ListArgs,
    whose: Whose,
) -> Result<Exit, CliError> {
    let client = town::reach(ctx).await?;
    let rig = if all_rigs { None } else { ctx.rig()? };
    let status: StatusDoc = town::read(&client.status().await?)?;
    let agents: Vec<AgentDoc> = status
        .agents
        .into_iter()
        .filter(|agent| rig.as_ref().is_none_or(|rig| *rig == agent.rig) && whose.takes(agent))
        .collect();
    let agents = wish.apply(agents)?;
    if ctx.screen.is_json() {
        ctx.screen
            .document(&json!({"kind": "AgentList", "api": gtd_core::API,
            "items": agents, "next": ""}));
    } else if ctx.screen.is_quiet() {
        for agent in &agents {
            ctx.screen.line(&agent.name);
        }
    } else if agents.is_empty() {
        ctx.screen.say("nobody is at work");
    } else {
        for line in show::agent_table(&agents, clock::now(), ctx.screen.look) {
            ctx.screen.line(line);
        }
    }
    Ok(Exit::Done)
}
