//! `gtd bead reopen`.

use gtd_core::Command;

use super::several::{Several, each};
use crate::{context::Context, error::CliError, exit::Exit};

/// Let beads begin anew that ended without a landing
///
/// However they ended: done, given up or cancelled. What needs them waits
/// again. What has landed is not reopened: it is reverted, or followed by new
/// work.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    beads: Several,
}

pub(super) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    each(ctx, args.beads, "reopen", "is open again", |bead| {
        Command::ReopenBead { bead }
    })
    .await
}
