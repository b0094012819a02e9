//! `gtd down`: end the daemon, and wait until its process is gone.

use std::time::Duration;

use gtd_client::Client;
use gtd_core::StatusDoc;
use serde_json::json;

use super::would;
use crate::{
    args::Change,
    context::Context,
    error::{CliError, Kind},
    exit::Exit,
    follow, town,
};

/// How long the process may take to end.
const END: Duration = Duration::from_secs(60);

/// End the daemon
///
/// State survives, and agents that are at work live on: the next daemon adopts
/// them. Ends when the process is gone.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// End at once; this is also the default
    #[arg(long, conflicts_with = "when_idle")]
    now: bool,
    /// Wait until no agent is at work and the queue is empty
    #[arg(long)]
    when_idle: bool,
    #[command(flatten)]
    change: Change,
}

pub(crate) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    let client = match town::reach(ctx).await {
        Ok(client) => client,
        Err(error) if matches!(error.kind, Kind::NotRunning { .. }) => {
            report(ctx, None);
            return Ok(Exit::Done);
        }
        Err(error) => return Err(error.doing("end the daemon")),
    };
    let hello = client.hello().await?;
    if args.change.dry_run {
        return Ok(would(ctx, &[format!("end the daemon (pid {})", hello.pid)]));
    }
    if args.when_idle {
        tokio::select! {
            idle = until_idle(ctx, &client) => idle?,
            _ = tokio::signal::ctrl_c() => return Err(CliError::new(Kind::Interrupted)),
        }
    }
    match client.shutdown().await {
        Ok(_) => {}
        // It ended so fast that the answer was lost.
        Err(error) => match CliError::from(error) {
            error if error.is_lost() => {}
            error => return Err(error.doing("end the daemon")),
        },
    }
    follow::until_gone(hello.pid, ctx.wait_limit.unwrap_or(END)).await?;
    report(ctx, Some(hello.pid));
    Ok(Exit::Done)
}

async fn until_idle(ctx: &Context, client: &Client) -> Result<(), CliError> {
    let mut told = false;
    loop {
        let status: StatusDoc = town::read(&client.status().await?)?;
        let working = status
            .agents
            .iter()
            .filter(|agent| agent.bead.is_some())
            .count();
        let waiting: usize = status.merge.iter().map(|queue| queue.waiting).sum();
        if working + waiting == 0 {
            return Ok(());
        }
        if !told {
            let text = format!("waiting for {working} agents and {waiting} in the queue");
            ctx.screen.say(text);
            told = true;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

fn report(ctx: &Context, pid: Option<u32>) {
    if ctx.screen.is_json() {
        ctx.screen
            .document(&json!({"kind": "Daemon", "api": gtd_core::API,
            "town": ctx.places.town, "pid": pid, "running": false, "ended": pid.is_some()}));
        return;
    }
    ctx.screen.say(match pid {
        Some(pid) => format!("ended  town {}  pid {pid}", ctx.places.town),
        None => format!("not running  town {}", ctx.places.town),
    });
}
