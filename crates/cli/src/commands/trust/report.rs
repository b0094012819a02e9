//! `gtd trust report`: what became of the work of each runtime.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use gtd_core::{TrustBy, TrustDoc};

use crate::{clock, context::Context, error::CliError, exit::Exit, show, town};

/// Takes the words that name what a line is.
fn by() -> impl TypedValueParser<Value = TrustBy> {
    PossibleValuesParser::new(TrustBy::ALL.map(TrustBy::word))
        .map(|word| TrustBy::of_word(&word).unwrap_or_default())
}

/// What became of the work of each runtime
///
/// How much of what it began it handed in, how much of that landed, came back
/// or was set aside for a person, what was taken back later, what reviewers
/// said of it, and how many landings still stood after 1, 7 and 30 days, of
/// those that are old enough to tell. From the log, from the beginning: of the
/// rig, or elsewhere of the whole town. It informs and decides nothing.
///
/// Areas are known where submissions were looked at (`review` of the policy).
/// With --json there is each landing, with what was thought of it before its
/// gates ran.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What one line is
    #[arg(long, value_name = "WHAT", default_value = "runtime", value_parser = by())]
    by: TrustBy,
    /// Attempts that began from then on: 22:00, 8h, yesterday, or RFC 3339
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,
    /// Of all rigs, also in a rig
    #[arg(long)]
    all_rigs: bool,
}

pub(super) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    let since = args.since.as_deref().map(clock::behind).transpose()?;
    let client = town::reach(ctx).await?;
    let rig = if args.all_rigs { None } else { ctx.rig()? };
    let document = client.trust_report(args.by, since, rig.as_ref()).await?;
    if ctx.screen.is_json() {
        ctx.screen.document(&document);
        return Ok(Exit::Done);
    }
    let trust: TrustDoc = town::read(&document)?;
    if ctx.screen.is_quiet() {
        for row in &trust.rows {
            ctx.screen.line(&row.runtime);
        }
        return Ok(Exit::Done);
    }
    for line in show::trust(&trust, ctx.screen.look) {
        ctx.screen.line(line);
    }
    Ok(Exit::Done)
}
