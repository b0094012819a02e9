//! `gtd up`: start the daemon, or say that it runs.

use serde_json::json;

use super::would;
use crate::{
    args::Change, context::Context, daemon_program::DaemonProgram, error::CliError, exit::Exit,
    town,
};

/// Start the daemon of the town
///
/// Does nothing when it runs already. Agents that are still at work from
/// before are adopted.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Run the daemon here, in the foreground
    #[arg(long)]
    foreground: bool,
    /// Let the service manager of your session keep the daemon
    #[arg(long, value_name = "WHAT", conflicts_with = "foreground")]
    service: Option<super::service::Act>,
    #[command(flatten)]
    change: Change,
}

pub(crate) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    if let Some(act) = args.service {
        return super::service::run(ctx, act, &args.change).await;
    }
    if args.change.dry_run {
        let program = DaemonProgram::find(&ctx.places)?;
        let running = town::reach(ctx).await.is_ok();
        let act = match running {
            true => "do nothing: the daemon is running".to_owned(),
            false => format!("start {}", program.path().display()),
        };
        return Ok(would(ctx, &[act]));
    }
    if args.foreground {
        return Err(DaemonProgram::find(&ctx.places)?.become_daemon());
    }
    let opened = town::open(ctx).await?;
    let was_started = opened.started.is_some();
    let hello = match opened.started {
        Some(hello) => hello,
        None => opened.client.hello().await?,
    };
    let socket = ctx.places.socket().display();
    if ctx.screen.is_json() {
        ctx.screen.document(&json!({
            "kind": "Daemon",
            "api": gtd_core::API,
            "version": hello.version,
            "pid": hello.pid,
            "town": hello.town,
            "socket": socket.to_string(),
            "started": was_started,
            "revision": hello.revision.0,
        }));
        return Ok(Exit::Done);
    }
    if !was_started {
        ctx.screen
            .say(format!("running  town {}  pid {}", hello.town, hello.pid));
    }
    ctx.screen.line(format!("unix:{socket}"));
    ctx.screen.next(&["gtd status".to_owned()]);
    Ok(Exit::Done)
}
