//! `gtd mcp serve`.

use std::{
    fs::File,
    io,
    os::fd::{AsFd, BorrowedFd},
};

use gtd_client::Caller;
use rmcp::{ServiceExt as _, service::ServerInitializeError};

use super::tools::Tools;
use crate::{commands::brief::Lease, context::Context, error::CliError, exit::Exit, town};

/// For agents: offer the verbs of a lease as tools, on stdin and stdout
///
/// Whoever speaks MCP there has what `gtd brief`, `bead show`, `bead note`, `bead create`,
/// `ask` and `done` do, with the same token and the same refusals. It ends with stdin.
/// `[runtimes.NAME] mcp = true` lets gtd start it beside an agent program.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    lease: Lease,
}

pub(super) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    let (bead, epoch) = args.lease.subject()?;
    let caller = args.lease.caller()?;
    // A model that a person lends their own pen to would be that person.
    if !matches!(caller, Caller::Lease { .. }) {
        return Err(CliError::usage(
            "which token? GTD_TOKEN, as an attempt has it",
        ));
    }
    // No daemon need be there yet, and one that is begun anew is found again.
    let client = town::open_as(ctx, caller);
    let tools = Tools::new(client, bead, epoch, ctx.folder.clone());
    let failed = |error: Box<dyn std::error::Error + Send + Sync>| {
        CliError::io("speak MCP on stdin and stdout", io::Error::other(error))
    };
    match tools.serve(streams()?).await {
        Ok(served) => {
            served
                .waiting()
                .await
                .map_err(|error| failed(error.into()))?;
        }
        // Whoever was to speak left before a word.
        Err(ServerInitializeError::ConnectionClosed(_)) => {}
        Err(error) => return Err(failed(error.into())),
    }
    Ok(Exit::Done)
}

/// Opens stdin and stdout once more: the screen holds the lock of the one that everybody shares.
fn streams() -> Result<(tokio::fs::File, tokio::fs::File), CliError> {
    let open = |stream: BorrowedFd<'_>| {
        let again = stream.try_clone_to_owned();
        let again = again.map_err(|error| CliError::io("open stdin and stdout", error))?;
        Ok::<_, CliError>(tokio::fs::File::from_std(File::from(again)))
    };
    Ok((open(io::stdin().as_fd())?, open(io::stdout().as_fd())?))
}
