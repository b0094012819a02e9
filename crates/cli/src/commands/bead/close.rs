//! `gtd bead close`.

use gtd_core::{Command, Outcome};

use super::{changed, find, would};
use crate::{
    args::Change,
    context::Context,
    error::{CliError, Doing},
    exit::Exit,
    town,
};

/// How a bead ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
enum How {
    /// Done, without a change that gtd landed.
    #[default]
    Done,
    /// Nothing had to change.
    NoOp,
    /// Not wanted any more.
    Cancelled,
    /// It cannot be done.
    Failed,
}

/// End a bead without a landing
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The bead, or the beginning of its id
    id: String,
    /// How it ended; what needs it goes on after done and no-op only
    #[arg(long = "as", value_name = "HOW", default_value = "done")]
    how: How,
    /// The bead that says the same
    #[arg(long, value_name = "ID", conflicts_with = "how")]
    duplicate_of: Option<String>,
    #[command(flatten)]
    change: Change,
}

pub(super) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    let client = town::reach_for(ctx, &args.change).await?;
    let bead = find(&client, &args.id).await?;
    let outcome = match (&args.duplicate_of, args.how) {
        (Some(of), _) => Outcome::Duplicate {
            of: find(&client, of).await?,
        },
        (None, How::Done) => Outcome::Done,
        (None, How::NoOp) => Outcome::NoOp,
        (None, How::Cancelled) => Outcome::Cancelled,
        (None, How::Failed) => Outcome::Failed,
    };
    if args.change.dry_run {
        return Ok(would(ctx, &[format!("close {bead}")]));
    }
    let why = args.change.why();
    client
        .tell(Command::CloseBead {
            bead: bead.clone(),
            outcome,
            why,
        })
        .await
        .doing(|| format!("close {bead}"))?;
    changed(ctx, &client, &bead, &format!("{bead} closed")).await?;
    Ok(Exit::Done)
}
