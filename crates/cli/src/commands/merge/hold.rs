//! `gtd merge pause`, `freeze` and `resume`: what a person holds back in the merges of a rig.

use std::time::Duration;

use gtd_client::Client;
use gtd_core::{Command, HoldKind, MergeDoc, Timestamp};
use serde_json::json;

use super::{rig, would};
use crate::{
    args::Change,
    clock,
    context::Context,
    error::{CliError, Doing},
    exit::Exit,
    lists,
    output::clock as at_clock,
    town,
};

/// Form no new candidate; the one in test goes on, and lands
#[derive(Debug, clap::Args)]
pub(super) struct PauseArgs {
    /// End it by itself after so long
    #[arg(long = "for", value_name = "DUR", value_parser = clock::duration)]
    length: Option<Duration>,
    #[command(flatten)]
    change: Change,
}

/// Move no branch; candidates are formed and proven meanwhile
///
/// Once it is answered no branch of the rig is moved by gtd, not even by what had begun before.
#[derive(Debug, clap::Args)]
pub(super) struct FreezeArgs {
    /// End it by itself at this moment: 07:00, 6h, 2026-03-01T08:00:00Z
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    #[command(flatten)]
    change: Change,
}

/// End a pause or a freeze, and let queues that stand still go on
#[derive(Debug, clap::Args)]
pub(super) struct ResumeArgs {
    #[command(flatten)]
    change: Change,
}

pub(super) async fn pause(ctx: &Context, args: PauseArgs) -> Result<Exit, CliError> {
    let until = args.length.map(|length| clock::now().plus(length));
    hold(ctx, HoldKind::Pause, until, &args.change).await
}

pub(super) async fn freeze(ctx: &Context, args: FreezeArgs) -> Result<Exit, CliError> {
    if args.change.why().trim().is_empty() {
        return Err(CliError::usage("a freeze needs its reason")
            .help("others will ask: gtd merge freeze -m \"the release\""));
    }
    let until = args.until.as_deref().map(clock::ahead).transpose()?;
    hold(ctx, HoldKind::Freeze, until, &args.change).await
}

async fn hold(
    ctx: &Context,
    kind: HoldKind,
    until: Option<Timestamp>,
    change: &Change,
) -> Result<Exit, CliError> {
    let rig = rig(ctx)?;
    let client = town::reach_for(ctx, change).await?;
    let verb = match kind {
        HoldKind::Pause => "pause",
        HoldKind::Freeze => "freeze",
    };
    if change.dry_run {
        return Ok(would(ctx, &[format!("{verb} the merges of {rig}")]));
    }
    client
        .tell(Command::HoldMerges {
            rig: rig.clone(),
            kind,
            until,
            why: change.why(),
        })
        .await
        .doing(|| format!("{verb} the merges of {rig}"))?;
    let ends = until.map_or_else(
        || "until somebody resumes them".to_owned(),
        |until| {
            let at = at_clock(gtd_core::Moment(until), clock::now(), ctx.screen.look);
            format!("until {at}")
        },
    );
    let sentence = match kind {
        HoldKind::Pause => {
            format!("merges of {rig} paused {ends}: what is in test goes on, nothing new is formed")
        }
        HoldKind::Freeze => format!("merges of {rig} frozen {ends}: no branch moves"),
    };
    tell(ctx, &client, &sentence).await?;
    ctx.screen
        .next(&["gtd merge list".to_owned(), "gtd merge resume".to_owned()]);
    Ok(Exit::Done)
}

pub(super) async fn resume(ctx: &Context, args: ResumeArgs) -> Result<Exit, CliError> {
    let rig = rig(ctx)?;
    let client = town::reach_for(ctx, &args.change).await?;
    if args.change.dry_run {
        return Ok(would(ctx, &[format!("resume the merges of {rig}")]));
    }
    client
        .tell(Command::ReleaseMerges { rig: rig.clone() })
        .await
        .doing(|| format!("resume the merges of {rig}"))?;
    tell(ctx, &client, &format!("merges of {rig} go on")).await?;
    ctx.screen.next(&["gtd merge list".to_owned()]);
    Ok(Exit::Done)
}

/// Prints the queues as they are now, or a sentence.
async fn tell(ctx: &Context, client: &Client, sentence: &str) -> Result<(), CliError> {
    if !ctx.screen.is_json() {
        ctx.screen.line(sentence);
        return Ok(());
    }
    let rig = rig(ctx)?;
    let queues: Vec<MergeDoc> = lists::all(client, &lists::queues(Some(&rig))).await?;
    ctx.screen
        .document(&json!({"kind": "QueueList", "api": gtd_core::API, "items": queues, "next": ""}));
    Ok(())
}
