//! `gtd ps`: who is at work; the same as `gtd agent list`.

use super::agent::{self, Whose};
use crate::{context::Context, error::CliError, exit::Exit, filter::ListArgs};

/// Who is at work
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Of all rigs, also in a rig
    #[arg(long)]
    all_rigs: bool,
    #[command(flatten)]
    list: ListArgs,
}

pub(crate) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    agent::list(ctx, args.all_rigs, &args.list, Whose::Anybody).await
}
