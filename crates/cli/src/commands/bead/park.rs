//! `gtd bead park`.

use gtd_core::Command;

use super::{changed, find, would};
use crate::{
    args::Change,
    context::Context,
    error::{CliError, Doing},
    exit::Exit,
    town,
};

/// Set a bead aside until a person says otherwise
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The bead, or the beginning of its id
    id: String,
    #[command(flatten)]
    change: Change,
}

pub(super) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    let client = town::reach_for(ctx, &args.change).await?;
    let bead = find(&client, &args.id).await?;
    if args.change.dry_run {
        return Ok(would(ctx, &[format!("park {bead}")]));
    }
    let why = args.change.why();
    client
        .tell(Command::ParkBead {
            bead: bead.clone(),
            why,
        })
        .await
        .doing(|| format!("park {bead}"))?;
    changed(ctx, &client, &bead, &format!("{bead} parked")).await?;
    ctx.screen.next(&[format!("gtd bead retry {bead}")]);
    Ok(Exit::Done)
}
