//! `gtd convoy add`.

use gtd_core::Command;

use super::{
    super::{bead::changed, would},
    find,
};
use crate::{
    args::Change,
    context::Context,
    error::{CliError, Doing},
    exit::Exit,
    town,
};

/// Have more beads answer a goal
///
/// A bead answers one goal at most. One that somebody worked on joins only
/// where its work would land on the same branch.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The goal, or the beginning of its id
    goal: String,
    /// The beads, or the beginnings of their ids
    #[arg(required = true, value_name = "ID")]
    ids: Vec<String>,
    #[command(flatten)]
    change: Change,
}

pub(super) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    let client = town::reach_for(ctx, &args.change).await?;
    let goal = find(&client, &args.goal).await?;
    let mut beads = Vec::new();
    for id in &args.ids {
        beads.push(town::find(&client, id).await?.bead()?);
    }
    let ids: Vec<String> = beads.iter().map(ToString::to_string).collect();
    let ids = ids.join(", ");
    if args.change.dry_run {
        return Ok(would(ctx, &[format!("add {ids} to {goal}")]));
    }
    let command = Command::JoinGoal {
        goal: goal.clone(),
        beads,
    };
    client
        .tell(command)
        .await
        .doing(|| format!("add {ids} to {goal}"))?;
    let sentence = format!("{ids} added to {goal}");
    changed(ctx, &client, &goal, &sentence).await?;
    Ok(Exit::Done)
}
