//! `gtd bead note`.

use gtd_core::Command;

use super::{changed, find};
use crate::{
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
    let client = town::reach_or_start(ctx).await?;
    let bead = find(&client, &args.id).await?;
    client
        .tell(Command::AddNote {
            bead: bead.clone(),
            text,
        })
        .await
        .doing(|| format!("add a note to {bead}"))?;
    changed(ctx, &client, &bead, &format!("{bead} noted")).await?;
    Ok(Exit::Done)
}
