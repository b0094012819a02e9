//! What is done with several beads, one after the other.

use gtd_core::{BeadId, Command};

use super::{changed, find, print_documents, would};
use crate::{
    args::Change,
    context::Context,
    error::{CliError, Doing},
    exit::Exit,
    town,
};

/// Beads, and what every change takes.
#[derive(Debug, clap::Args)]
pub(super) struct Several {
    /// The beads, or the beginnings of their ids
    #[arg(required = true)]
    ids: Vec<String>,
    #[command(flatten)]
    change: Change,
}

/// Does the same with each bead; a reason becomes a remark of each.
pub(super) async fn each(
    ctx: &Context,
    args: Several,
    verb: &str,
    done: &str,
    command: impl Fn(BeadId) -> Command,
) -> Result<Exit, CliError> {
    let client = town::reach_for(ctx, &args.change).await?;
    let mut beads = Vec::new();
    for id in &args.ids {
        beads.push(find(&client, id).await?);
    }
    if args.change.dry_run {
        let acts: Vec<String> = beads.iter().map(|bead| format!("{verb} {bead}")).collect();
        return Ok(would(ctx, &acts));
    }
    let mut documents = Vec::new();
    for bead in beads {
        client
            .tell(command(bead.clone()))
            .await
            .doing(|| format!("{verb} {bead}"))?;
        if let Some(text) = args.change.reason.clone() {
            let note = Command::AddNote {
                bead: bead.clone(),
                text,
            };
            client
                .tell(note)
                .await
                .doing(|| format!("add the reason to {bead}"))?;
        }
        if ctx.screen.is_json() {
            documents.push(client.get(bead.as_str()).await?);
        } else {
            changed(ctx, &client, &bead, &format!("{bead} {done}")).await?;
        }
    }
    if ctx.screen.is_json() {
        print_documents(ctx, "BeadList", documents);
    }
    Ok(Exit::Done)
}
