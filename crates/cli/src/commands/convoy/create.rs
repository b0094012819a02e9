//! `gtd convoy create`.

use gtd_client::{GoalWish, WriteContext};
use gtd_core::{BeadDoc, Criterion, Priority};

use super::super::goal::{self, Land};
use crate::{
    clock,
    context::Context,
    error::{CliError, Doing},
    exit::Exit,
    town::{self, DocumentKind},
    wishes,
};

/// Make a goal of beads that exist
///
/// They land together then, count as one, and end as one: the goal closes when
/// all of them have ended and what must be true at the end is.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What the beads are for, in a sentence
    title: String,
    /// The beads, or the beginnings of their ids
    #[arg(required = true, value_name = "ID")]
    ids: Vec<String>,
    /// The whole story; `-` reads it from stdin, `@FILE` from a file
    #[arg(short, long, value_name = "TEXT")]
    description: Option<String>,
    /// What must be true at the end, with a command that proves it
    #[arg(long, value_name = "TEXT[=CHECK]", value_parser = wishes::criterion)]
    accept: Vec<Criterion>,
    /// Where it lands
    #[arg(long, value_name = "WHERE")]
    land: Option<Land>,
    /// The branch that it is meant for
    #[arg(long, value_name = "BRANCH")]
    branch: Option<String>,
    /// Seats at most
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    max: Option<u32>,
    /// No new attempt after this: 07:00, 6h, or RFC 3339
    #[arg(long, value_name = "WHEN")]
    until: Option<String>,
    /// The urgency, 0 (critical) to 4 (backlog)
    #[arg(short, long, value_name = "N", value_parser = wishes::priority)]
    priority: Option<Priority>,
    /// Check everything and create nothing
    #[arg(short = 'n', long)]
    dry_run: bool,
    /// Answer every question with yes
    #[arg(short, long)]
    yes: bool,
}

pub(super) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    let mut spec = wishes::titled(&args.title);
    if let Some(text) = &args.description {
        spec.description = wishes::text(ctx, text)?;
    }
    spec.acceptance = args.accept;
    spec.priority = args.priority.unwrap_or_default();
    let until = args.until.as_deref().map(clock::ahead).transpose()?;
    let client = match args.dry_run {
        true => town::reach(ctx).await?,
        false => town::reach_or_start(ctx).await?,
    };
    let mut beads = Vec::new();
    // Beads know their rig, wherever one stands; a rig that is named goes before.
    let mut rig = match ctx.names_a_rig() {
        true => ctx.rig()?,
        false => None,
    };
    for id in &args.ids {
        let found = town::find(&client, id).await?;
        beads.push(found.bead()?);
        // What is no bead is the ledger's to refuse.
        if rig.is_none() && found.kind == DocumentKind::Bead {
            rig = Some(town::read::<BeadDoc>(&found.document)?.rig);
        }
    }
    let rig = match rig {
        Some(rig) => rig,
        None => ctx.need_rig()?,
    };
    let title = spec.title.clone();
    let wish = GoalWish {
        land: goal::land_wish(args.land),
        branch: args.branch,
        max: args.max,
        until,
        validate_only: args.dry_run,
        ..GoalWish::new(rig, spec)
    };
    let mut receipt = goal::patient(ctx, &client)
        .gather(wish, &beads, WriteContext::default())
        .await
        .doing(|| "make the convoy".to_owned())?;
    if args.dry_run {
        return Ok(goal::tell_rehearsal(ctx, &title, &receipt, beads.len()));
    }
    if let (true, Some(first)) = (receipt.written.ids.is_empty(), beads.first()) {
        // It is there already, and nothing was written.
        let bead: BeadDoc = town::read(&client.get(first.as_str()).await?)?;
        receipt
            .written
            .ids
            .extend(bead.convoy.map(|id| id.to_string()));
    }
    goal::tell(ctx, &client, &title, &receipt, false).await
}
