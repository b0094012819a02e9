//! `gtd cost`: what models used, and for what.

mod budget;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use gtd_client::CostWish;
use gtd_core::{CostBy, CostDoc};

use crate::{clock, context::Context, error::CliError, exit::Exit, show, town};

/// Takes the words that name a way to group.
fn by() -> impl TypedValueParser<Value = CostBy> {
    PossibleValuesParser::new(CostBy::ALL.map(CostBy::word))
        .map(|word| CostBy::of_word(&word).unwrap_or_default())
}

/// What models used, and for what
///
/// Tokens are counted by the agents' programs, and so is the money. Where a
/// program names no price, it is estimated from list prices or from that of
/// its runtime, and marked with ~; how many runs have no price at all is said.
/// Of a goal or bead since it was made; else the last 24 hours, of the rig or
/// elsewhere of the whole town.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Option<Verb>,
    /// Only this goal or bead, or the beginning of its id
    id: Option<String>,
    /// What one line is
    #[arg(long, value_name = "WHAT", default_value = "bead", value_parser = by())]
    by: CostBy,
    /// From then on: 22:00, 8h, yesterday, or RFC 3339
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,
    /// Up to then
    #[arg(long, value_name = "WHEN")]
    until: Option<String>,
    /// Of all rigs, also in a rig
    #[arg(long)]
    all_rigs: bool,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// What may be spent, and how far that is used
    Budget(budget::Args),
}

pub(crate) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    if let Some(Verb::Budget(args)) = args.verb {
        return budget::run(ctx, args).await;
    }
    let since = args.since.as_deref().map(clock::behind).transpose()?;
    let until = args.until.as_deref().map(clock::behind).transpose()?;
    let client = town::reach(ctx).await?;
    let id = town::subject(&client, args.id.as_deref(), "gtd cost -r RIG").await?;
    let rig = match (&id, args.all_rigs) {
        (None, false) => ctx.rig()?,
        _ => None,
    };
    let document = client
        .cost(&CostWish {
            since,
            until,
            by: args.by,
            id,
            rig,
        })
        .await?;
    if ctx.screen.is_json() {
        ctx.screen.document(&document);
        return Ok(Exit::Done);
    }
    let cost: CostDoc = town::read(&document)?;
    if ctx.screen.is_quiet() {
        for row in &cost.groups {
            ctx.screen.line(&row.key);
        }
        return Ok(Exit::Done);
    }
    for line in show::cost(&cost, clock::now(), ctx.screen.look) {
        ctx.screen.line(line);
    }
    Ok(Exit::Done)
}
