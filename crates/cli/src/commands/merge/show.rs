//! `gtd merge show`.

use gtd_core::MergeShownDoc;

use crate::{
    clock,
    commands::recent::{self, About},
    context::Context,
    error::CliError,
    exit::Exit,
    last, show, town,
};

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
    let mut document = client.merge(&id).await?;
    let shown: MergeShownDoc = town::read(&document)?;
    let beads = shown.members.iter().map(|row| row.bead.clone());
    let changed = shown.members.iter().map(|row| row.since).max();
    let about = About::Beads(beads.collect());
    if ctx.screen.is_json() {
        let recent = recent::find(&client, &about, changed).await?;
        recent.add_to(&mut document);
        ctx.screen.document(&document);
        return Ok(Exit::Done);
    }
    if ctx.screen.is_quiet() {
        for row in &shown.members {
            ctx.screen.line(row.bead.as_str());
        }
        return Ok(Exit::Done);
    }
    for line in show::merge_shown(&shown, clock::now(), ctx.screen.look) {
        ctx.screen.line(line);
    }
    let recent = recent::find(&client, &about, changed).await?;
    recent.print(ctx, &[]);
    Ok(Exit::Done)
}
