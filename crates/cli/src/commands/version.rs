//! `gtd version`: which versions run. Works without a daemon.

use std::time::Duration;

use gtd_client::{Client, ClientError};
use serde_json::{Value, json};

use crate::{context::Context, error::CliError, exit::Exit, town};

const LOOK: Duration = Duration::from_secs(1);

/// Which versions run
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

pub(crate) async fn run(ctx: &Context, _args: Args) -> Result<Exit, CliError> {
    let client = env!("CARGO_PKG_VERSION");
    let within = ctx.deadline.unwrap_or(LOOK);
    let daemon = Client::open(ctx.places.socket(), town::person())
        .with_deadline(within)
        .hello()
        .await;
    let silent = !matches!(&daemon, Ok(_) | Err(ClientError::NotRunning { .. }));
    let daemon = daemon.ok();
    if ctx.screen.is_json() {
        let daemon = daemon.map_or(
            Value::Null,
            |hello| json!({"version": hello.version, "pid": hello.pid, "town": hello.town}),
        );
        ctx.screen
            .document(&json!({"kind": "Version", "api": gtd_core::API,
            "client": client, "daemon": daemon}));
        return Ok(Exit::Done);
    }
    ctx.screen.line(format!("gtd   {client}"));
    ctx.screen.line(match daemon {
        Some(hello) => format!(
            "gtdd  {}  town {}  pid {}",
            hello.version, hello.town, hello.pid
        ),
        None if silent => "gtdd  does not answer".to_owned(),
        None => "gtdd  not running".to_owned(),
    });
    Ok(Exit::Done)
}
