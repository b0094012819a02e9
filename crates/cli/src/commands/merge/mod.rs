//! `gtd merge`: the merge queues. What waits, in which order, what is held, what is tried again.

mod hold;
mod list;
mod order;
mod revert;
mod show;
mod verify;
mod waive;

use gtd_core::RigName;

use super::would;
use crate::{context::Context, error::CliError, exit::Exit};

/// The merge queues: what waits, in which order, and what is held
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
#[command(defer = true)]
enum Verb {
    /// List what was handed in and has not landed
    #[command(visible_alias = "ls")]
    List(list::Args),
    /// Show one submission, or all of a candidate, with what the gates said
    Show(show::Args),
    /// Check against git alone that each landing is proven
    Verify(verify::Args),
    /// Form no new candidate; the one in test goes on, and lands
    Pause(hold::PauseArgs),
    /// End a pause or a freeze, and let queues that stand still go on
    Resume(hold::ResumeArgs),
    /// Move no branch; candidates are formed and proven meanwhile
    Freeze(hold::FreezeArgs),
    /// Put what came back into the queue again as it was, or have the gates run anew
    Retry(order::RetryArgs),
    /// Merge this before everything else of its branch
    First(order::FirstArgs),
    /// Take what gtd's own gates found, or a criterion without proof, as it is in one commit
    Waive(waive::Args),
    /// Take this out of the queue, and set its bead aside
    Drop(order::DropArgs),
    /// Take back what landed, through the queue and with gates of its own
    Revert(revert::Args),
}

impl Args {
    /// Tells whether the command stays until a revert has ended.
    pub(crate) fn waits(&self) -> bool {
        matches!(&self.verb, Verb::Revert(args) if args.waits())
    }
}

pub(crate) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    match args.verb {
        Verb::List(args) => list::run(ctx, args).await,
        Verb::Show(args) => show::run(ctx, args).await,
        Verb::Verify(args) => verify::run(ctx, &args),
        Verb::Pause(args) => hold::pause(ctx, args).await,
        Verb::Resume(args) => hold::resume(ctx, args).await,
        Verb::Freeze(args) => hold::freeze(ctx, args).await,
        Verb::Retry(args) => order::retry(ctx, args).await,
        Verb::First(args) => order::first(ctx, args).await,
        Verb::Revert(args) => revert::run(ctx, args).await,
        Verb::Waive(args) => waive::run(ctx, args).await,
        Verb::Drop(args) => order::drop(ctx, args).await,
    }
}

/// Lists the rigs that a command without an id is about: the one that is named or stood in.
fn rig(ctx: &Context) -> Result<RigName, CliError> {
    ctx.need_rig()
}
