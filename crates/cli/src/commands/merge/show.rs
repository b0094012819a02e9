//! `gtd merge show`.

use gtd_core::MergeShownDoc;

use crate::{clock, context::Context, error::CliError, exit::Exit, last, show, town};

/// Show one submission, or all of a candidate, with what the gates said
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A bead or the beginning of its id, or a candidate such as mr-1f0c3b77aa
    #[arg(value_name = "ID")]
    id: String,
}

pub(super) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    let client = town::reach(ctx).await?;
    let id = last::named(args.id.trim())?;
    let document = client.merge(&id).await?;
    if ctx.screen.is_json() {
        ctx.screen.document(&document);
        return Ok(Exit::Done);
    }
    let shown: MergeShownDoc = town::read(&document)?;
    if ctx.screen.is_quiet() {
        for row in &shown.members {
            ctx.screen.line(row.bead.as_str());
        }
        return Ok(Exit::Done);
    }
    for line in show::merge_shown(&shown, clock::now(), ctx.screen.look) {
        ctx.screen.line(line);
    }
    Ok(Exit::Done)
}
