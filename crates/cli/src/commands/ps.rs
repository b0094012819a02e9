//! `gtd ps`: who is at work.

use gtd_core::StatusDoc;
use serde_json::json;

use crate::{clock, context::Context, error::CliError, exit::Exit, show, town};

/// Who is at work
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Of all rigs, also in a rig
    #[arg(long)]
    all_rigs: bool,
}

pub(crate) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    let client = town::reach(ctx).await?;
    let rig = if args.all_rigs { None } else { ctx.rig()? };
    let mut status: StatusDoc = town::read(&client.status().await?)?;
    status
        .agents
        .retain(|agent| rig.as_ref().is_none_or(|rig| *rig == agent.rig));
    if ctx.screen.is_json() {
        ctx.screen
            .document(&json!({"kind": "AgentList", "api": gtd_core::API,
            "items": status.agents, "next": ""}));
        return Ok(Exit::Done);
    }
    if ctx.screen.is_quiet() {
        for agent in &status.agents {
            ctx.screen.line(&agent.name);
        }
        return Ok(Exit::Done);
    }
    if status.agents.is_empty() {
        ctx.screen.say("nobody is at work");
        return Ok(Exit::Done);
    }
    for line in show::agent_table(&status.agents, clock::now(), ctx.screen.look) {
        ctx.screen.line(line);
    }
    Ok(Exit::Done)
}
