//! `gtd resume`: end a pause, or the stop of everything.

use std::time::Duration;

use gtd_core::{Command, PauseScope, StatusDoc};
use serde_json::json;

use super::{pause, would};
use crate::{
    args::Change,
    context::Context,
    daemon_program::DaemonProgram,
    error::{CliError, Doing, Kind},
    exit::Exit,
    town,
};

/// How long the emergency verb may take.
const THAW: Duration = Duration::from_secs(10);

/// End a pause, or the stop of everything
///
/// Without a word: every pause of the town and of the present rig. A merge
/// queue that stands still runs its gates again.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A goal, a bead, a role, a rig or a runtime
    #[arg(conflicts_with = "all")]
    scope: Option<String>,
    /// End the stop of everything
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    change: Change,
}

pub(crate) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    if args.all {
        return thaw(ctx, &args.change).await;
    }
    let client = town::reach_for(ctx, &args.change).await?;
    let scopes = match &args.scope {
        Some(word) => vec![pause::scope_of(ctx, &client, word).await?],
        None => {
            let rig = ctx.rig()?.map(PauseScope::Rig);
            [PauseScope::Town].into_iter().chain(rig).collect()
        }
    };
    let names: Vec<String> = scopes.iter().map(pause::name_of).collect();
    let names = names.join(" and ");
    if args.change.dry_run {
        return Ok(would(ctx, &[format!("resume {names}")]));
    }
    for scope in scopes {
        client
            .tell(Command::Resume { scope })
            .await
            .doing(|| format!("resume {names}"))?;
    }
    if ctx.screen.is_json() {
        ctx.screen
            .document(&json!({"kind": "Pause", "api": gtd_core::API,
            "scope": names, "paused": false}));
    } else {
        ctx.screen.line(format!("resumed {names}"));
        let status: StatusDoc = town::read(&client.status().await?)?;
        if status.stopped.is_some() {
            ctx.screen
                .warn("everything is still stopped: gtd resume --all");
        }
        ctx.screen.next(&["gtd status".to_owned()]);
    }
    Ok(Exit::Done)
}

/// Ends the stop: the program's own verb first, because it needs no daemon; then the daemon hears of it.
async fn thaw(ctx: &Context, change: &Change) -> Result<Exit, CliError> {
    if change.dry_run {
        return Ok(would(ctx, &["end the stop of everything".to_owned()]));
    }
    town::need_person("end the stop of everything")?;
    let output = DaemonProgram::find(&ctx.places)?.run(&["thaw"], THAW)?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(CliError::new(Kind::State(format!(
            "cannot end the stop: {said}"
        ))));
    }
    let heard = match town::reach(ctx).await {
        Ok(client) => client.tell(Command::Thaw).await.map_err(CliError::from),
        Err(error) => Err(error),
    };
    let is_running = match heard {
        Ok(_) => true,
        // Without a daemon there is nothing more to end.
        Err(error) if matches!(error.kind, Kind::NotRunning { .. }) => false,
        Err(error) => return Err(error.doing("end the stop")),
    };
    if ctx.screen.is_json() {
        ctx.screen
            .document(&json!({"kind": "Stop", "api": gtd_core::API,
            "stopped": false, "daemon": is_running}));
    } else {
        ctx.screen.line("resumed: the stop of everything is over");
        let next = if is_running { "gtd status" } else { "gtd up" };
        ctx.screen.next(&[next.to_owned()]);
    }
    Ok(Exit::Done)
}
