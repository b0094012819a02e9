//! `gtd merge retry`, `first` and `drop`: what a person wants of single submissions.

use gtd_client::Client;
use gtd_core::{BeadId, Command, MergeShownDoc, ReviewDoc};

use super::would;
use crate::{
    args::Change,
    context::Context,
    error::{CliError, Doing, Kind},
    exit::Exit,
    last, town,
};

/// Put what came back into the queue again as it was, or have the gates run anew
///
/// What gates or conflicts sent back goes in with the same commit, and no agent works on it. Where
/// the queue stands still, or the submission is suspected of a red batch, it goes on and the gates
/// run anew.
#[derive(Debug, clap::Args)]
pub(super) struct RetryArgs {
    /// A bead or the beginning of its id, or a candidate
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    change: Change,
}

/// Merge this before everything else of its branch
#[derive(Debug, clap::Args)]
pub(super) struct FirstArgs {
    /// A bead or the beginning of its id, or a candidate
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    change: Change,
}

/// Take this out of the queue, and set its bead aside
#[derive(Debug, clap::Args)]
pub(super) struct DropArgs {
    /// A bead or the beginning of its id, or a candidate
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    change: Change,
}

/// What is done with each submission, in words.
struct Act {
    verb: &'static str,
    done: &'static str,
}

pub(super) async fn retry(ctx: &Context, args: RetryArgs) -> Result<Exit, CliError> {
    let act = Act {
        verb: "retry",
        done: "is in the queue, and its gates run anew",
    };
    refuse_unread(ctx, &args).await?;
    let command = |bead| Command::RetrySubmission { bead };
    each(ctx, &args.id, &args.change, &act, command).await
}

/// Refuses what waits for a reviewer: to put it in the queue would be a yes in the place of one,
/// which nobody has said.
async fn refuse_unread(ctx: &Context, args: &RetryArgs) -> Result<(), CliError> {
    let client = town::reach_for(ctx, &args.change).await?;
    for row in find(&client, &args.id).await?.members {
        let id = row.bead;
        let review: ReviewDoc = town::read(&client.review(id.as_str()).await?)?;
        if review.waits_for_reviewer {
            let text = format!("{id} waits for a review, and no gate has run");
            return Err(CliError::new(Kind::State(text)).help(format!(
                "say yes in the place of the reviewer: gtd review {id} --approve   about this: gtd why {id}"
            )));
        }
    }
    Ok(())
}

pub(super) async fn first(ctx: &Context, args: FirstArgs) -> Result<Exit, CliError> {
    let act = Act {
        verb: "put first",
        done: "is merged next",
    };
    let command = |bead| Command::PreferSubmission { bead };
    each(ctx, &args.id, &args.change, &act, command).await
}

pub(super) async fn drop(ctx: &Context, args: DropArgs) -> Result<Exit, CliError> {
    let act = Act {
        verb: "drop",
        done: "is out of the queue and set aside",
    };
    let why = match args.change.why() {
        why if why.trim().is_empty() => "taken out of the merge queue".to_owned(),
        why => why,
    };
    let command = |bead| Command::ParkBead {
        bead,
        why: why.clone(),
    };
    each(ctx, &args.id, &args.change, &act, command).await
}

/// Does it with each submission that an id means.
async fn each(
    ctx: &Context,
    id: &str,
    change: &Change,
    act: &Act,
    command: impl Fn(BeadId) -> Command,
) -> Result<Exit, CliError> {
    let client = town::reach_for(ctx, change).await?;
    let shown = find(&client, id).await?;
    let mut beads: Vec<BeadId> = shown.members.into_iter().map(|row| row.bead).collect();
    // The last that is put first is the first.
    beads.reverse();
    if change.dry_run {
        let acts: Vec<String> = beads
            .iter()
            .map(|bead| format!("{} {bead}", act.verb))
            .collect();
        return Ok(would(ctx, &acts));
    }
    for bead in &beads {
        client
            .tell(command(bead.clone()))
            .await
            .doing(|| format!("{} {bead}", act.verb))?;
    }
    if ctx.screen.is_json() {
        ctx.screen.document(&client.merge(&shown.id).await?);
        return Ok(Exit::Done);
    }
    for bead in beads.iter().rev() {
        ctx.screen.line(if ctx.screen.is_quiet() {
            bead.to_string()
        } else {
            format!("{bead} {}", act.done)
        });
    }
    ctx.screen.next(&["gtd merge list".to_owned()]);
    Ok(Exit::Done)
}

async fn find(client: &Client, id: &str) -> Result<MergeShownDoc, CliError> {
    let id = last::named(id.trim())?;
    town::read(&client.merge(&id).await?)
}
