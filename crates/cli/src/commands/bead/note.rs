//! `gtd bead note`.

use gtd_client::Client;
use gtd_core::{BeadId, Command};

use super::{changed, find};
use crate::{
    commands::brief::Lease,
    context::Context,
    error::{CliError, Doing},
    exit::Exit,
    town, wishes,
};

/// Add a remark
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The bead, or the beginning of its id
    id: String,
    /// The words; `-` reads them from stdin
    text: String,
}

pub(super) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    let text = wishes::text(ctx, &args.text)?;
    let client = match Lease::of_agent() {
        Some(lease) => lease.reach(ctx).await?,
        None => town::reach_or_start(ctx).await?,
    };
    let bead = find(&client, &args.id).await?;
    add(&client, &bead, text).await?;
    changed(ctx, &client, &bead, &format!("{bead} noted")).await?;
    Ok(Exit::Done)
}

/// Adds a remark, as whoever calls.
pub(crate) async fn add(client: &Client, bead: &BeadId, text: String) -> Result<(), CliError> {
    let command = Command::AddNote {
        bead: bead.clone(),
        text,
    };
    let noted = client.tell(command).await;
    noted.doing(|| format!("add a note to {bead}"))?;
    Ok(())
}
