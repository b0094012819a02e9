//! `gtd reject`: say no, and what becomes of the work then.

use clap::ValueEnum;
use gtd_client::WriteContext;
use gtd_core::{Command, ConvoyDoc, NeedsYou};

use super::would;
use crate::{
    context::Context,
    error::{CliError, Doing, Kind},
    exit::Exit,
    lists,
    town::{self, DocumentKind},
};

/// Say no to a plan, or to going on with a bead
///
/// What is tried again has the reason in the brief of its next attempt. Work
/// that waits in the merge queue, because it changes protected files, leaves it.
/// A new plan for what is left of a goal is set aside, and the goal stays as it
/// was; with --then cancel the goal itself is cancelled.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The goal or the bead, or the beginning of its id
    id: String,
    /// Why; it stands in the log
    #[arg(short = 'm', long, value_name = "TEXT")]
    reason: String,
    /// What becomes of it; without it, it is cancelled, or set aside when it is a new plan
    #[arg(long, value_name = "FATE")]
    then: Option<Fate>,
    /// Check everything and change nothing
    #[arg(short = 'n', long)]
    dry_run: bool,
}

/// What becomes of rejected work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Fate {
    /// It is tried again, with the reason.
    Retry,
    /// It is set aside.
    Park,
    /// It is given up.
    Cancel,
}

pub(crate) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    let client = town::reach(ctx).await?;
    let found = town::find(&client, &args.id).await?;
    let bead = found.bead()?;
    let is_new_plan = found.kind == DocumentKind::Convoy && {
        let convoy: ConvoyDoc = town::read(&found.document)?;
        !convoy.replaces.is_empty()
    };
    let then = args.then.unwrap_or(match is_new_plan {
        true => Fate::Park,
        false => Fate::Cancel,
    });
    let fate = match then {
        Fate::Retry => "has new attempts",
        Fate::Park if is_new_plan => "keeps its plan: the new one is set aside",
        Fate::Park => "is set aside",
        Fate::Cancel => "is cancelled",
    };
    let is_fate_of_goal = then == Fate::Cancel || (then == Fate::Park && is_new_plan);
    if found.kind == DocumentKind::Convoy && !is_fate_of_goal {
        return Err(CliError::usage(format!(
            "{bead} is a goal: a plan that is rejected is cancelled"
        ))
        .help(format!("gtd reject {bead} -m WHY")));
    }
    let waiting: Vec<NeedsYou> = lists::all(&client, &lists::inbox(None)).await?;
    let Some(item) = waiting.iter().find(|item| item.subject == bead.as_str()) else {
        return Err(
            CliError::new(Kind::State(format!("{bead} does not wait for you"))).help(format!(
                "what does: gtd inbox   end it all the same: gtd stop {bead}"
            )),
        );
    };
    let is_queued = item.kind == "approval";
    if args.dry_run {
        return Ok(would(ctx, &[format!("reject {bead}: it {fate}")]));
    }
    let why = args.reason;
    // Each is one write: the words and what follows from them are never apart.
    let written = match then {
        // What was handed in goes back.
        Fate::Retry if is_queued => {
            let command = Command::WantChanges {
                bead: bead.clone(),
                why,
                comments: String::new(),
            };
            client.tell(command).await
        }
        Fate::Retry => {
            let note = format!("rejected: {why}");
            client.answer(&bead, note, WriteContext::default()).await
        }
        Fate::Park => {
            let bead = bead.clone();
            client.tell(Command::ParkBead { bead, why }).await
        }
        Fate::Cancel => {
            let bead = bead.clone();
            client.tell(Command::Cancel { bead, why }).await
        }
    };
    written.doing(|| format!("reject {bead}"))?;
    if ctx.screen.is_json() {
        ctx.screen.document(&client.get(bead.as_str()).await?);
    } else if ctx.screen.is_quiet() {
        ctx.screen.line(bead.as_str());
    } else {
        ctx.screen.line(format!("{bead} {fate}"));
    }
    Ok(Exit::Done)
}
