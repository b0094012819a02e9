//! `gtd bead retry`.

use gtd_core::Command;

use super::{changed, find, print_documents, would};
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
    let client = town::reach_for(ctx, &args.change).await?;
    let mut beads = Vec::new();
    for id in &args.ids {
        beads.push(find(&client, id).await?);
    }
    if args.change.dry_run {
        let acts: Vec<String> = beads.iter().map(|bead| format!("retry {bead}")).collect();
        return Ok(would(ctx, &acts));
    }
    let mut documents = Vec::new();
    for bead in beads {
        client
            .tell(Command::RetryBead { bead: bead.clone() })
            .await
            .doing(|| format!("retry {bead}"))?;
        if ctx.screen.is_json() {
            documents.push(client.get(bead.as_str()).await?);
        } else {
            changed(ctx, &client, &bead, &format!("{bead} has new attempts")).await?;
        }
    }
    if ctx.screen.is_json() {
        print_documents(ctx, "BeadList", documents);
    }
    Ok(Exit::Done)
}
