//! `gtd bead show`.

use crate::{commands::status, context::Context, error::CliError, exit::Exit, town};

/// Show one bead with all that is known of it
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The bead, or the beginning of its id
    id: String,
}

pub(super) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    let client = town::reach(ctx).await?;
    let found = town::find(&client, &args.id).await?;
    crate::last::remember(&found.id);
    found.bead()?;
    status::card(ctx, &client, &found).await?;
    Ok(Exit::Done)
}
