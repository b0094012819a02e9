//! `gtd bead retry`.

use gtd_core::Command;

use super::several::{Several, each};
use crate::{context::Context, error::CliError, exit::Exit};

/// Give beads new attempts
///
/// Those that are parked, came back, or ended badly begin again, at once.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    beads: Several,
}

pub(super) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    each(ctx, args.beads, "retry", "has new attempts", |bead| {
        Command::RetryBead { bead }
    })
    .await
}
