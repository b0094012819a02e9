//! `gtd bead retry`.

use gtd_core::Command;

use super::{changed, find, would};
use crate::{
    args::Change,
    context::Context,
    error::{CliError, Doing},
    exit::Exit,
    town,
};

/// Give beads new attempts
///
/// Those that are parked, came back, or ended badly begin again, at once.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The beads, or the beginnings of their ids
    #[arg(required = true)]
    ids: Vec<String>,
    #[command(flatten)]
    change: Change,
}

pub(super) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    let client = town::reach_or_start(ctx).await?;
    for id in &args.ids {
        let bead = find(&client, id).await?;
        if args.change.dry_run {
            would(ctx, &format!("retry {bead}"));
            continue;
        }
        client
            .tell(Command::RetryBead { bead: bead.clone() })
            .await
            .doing(|| format!("retry {bead}"))?;
        changed(ctx, &client, &bead, &format!("{bead} has new attempts")).await?;
    }
    Ok(Exit::Done)
}
