//! `gtd crew stop`.

use std::time::Duration;

use gtd_core::Command;

use super::{document, find, look_for, would};
use crate::{
    args::Change,
    context::Context,
    error::{CliError, Doing},
    exit::Exit,
    follow, town,
};

/// How long one waits for the end of a turn, unless --timeout says.
const LIMIT: Duration = Duration::from_secs(30);

/// Stop the agent of a member; its session and its worktree stay
///
/// A turn that goes on is asked to end, and killed when it does not within some seconds. What the
/// member was told and has not heard waits until it is started again.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The member
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    change: Change,
}

pub(super) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    let client = town::reach_for(ctx, &args.change).await?;
    let member = find(&client, &args.name).await?;
    let name = &member.name;
    if args.change.dry_run {
        return Ok(would(ctx, &[format!("stop {name}")]));
    }
    client
        .tell(Command::StopCrew {
            member: name.clone(),
        })
        .await
        .doing(|| format!("stop {name}"))?;
    let ended = follow::until_some(&client, async || {
        let member = look_for(&client, name.as_str()).await?;
        let is_at_work = |member: &gtd_core::CrewDoc| {
            let agent = member.agent.as_ref();
            agent.is_some_and(|agent| agent.run.is_some())
        };
        Ok(member.filter(|member| !is_at_work(member)))
    });
    let limit = ctx.wait_limit.unwrap_or(LIMIT);
    let Ok(member) = tokio::time::timeout(limit, ended).await else {
        ctx.screen.insist(format!(
            "the turn of {name} has not ended yet.   gtd crew list; gtd logs crew"
        ));
        return Ok(Exit::StillGoing);
    };
    let member = member?;
    if ctx.screen.is_json() {
        ctx.screen.document(&document(ctx, &member));
    } else {
        ctx.screen.line(format!("stopped {name}"));
        ctx.screen.next(&[format!("gtd crew start {name}")]);
    }
    Ok(Exit::Done)
}
