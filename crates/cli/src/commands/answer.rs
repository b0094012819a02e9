//! `gtd answer`: answer the question that an agent left with its bead.

use gtd_client::WriteContext;
use gtd_core::{WaitReason, Why};

use crate::{
    context::Context,
    error::{CliError, Doing, Kind},
    exit::Exit,
    town, wishes,
};

/// Answer the question of a bead, or of whoever plans a goal
///
/// The agent goes on in its session, in its worktree as it left it, with your
/// answer as its next turn. Where there is no session any more, the brief of the
/// next attempt has the answer. It stays a note of yours either way.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The bead or goal that asks, or the beginning of its id
    id: String,
    /// The answer; `-` reads it from stdin
    text: String,
    /// Check everything and change nothing
    #[arg(short = 'n', long)]
    dry_run: bool,
}

pub(crate) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    let client = town::reach(ctx).await?;
    let text = wishes::text(ctx, &args.text)?;
    let found = town::find(&client, &args.id).await?;
    let bead = found.bead()?;
    let why: Why = town::read(&client.why(Some(bead.as_str())).await?)?;
    if why.reason() != Some(WaitReason::Question) {
        return Err(CliError::new(Kind::State(format!(
            "{bead} does not ask: it is {}",
            why.state
        )))
        .help(format!(
            "what waits for an answer: gtd inbox --kind question   \
             say something all the same: gtd tell {bead} TEXT"
        )));
    }
    if args.dry_run {
        return Ok(super::would(ctx, &[format!("answer {bead}")]));
    }
    client
        .answer(&bead, text, WriteContext::default())
        .await
        .doing(|| format!("answer {bead}"))?;
    if ctx.screen.is_json() {
        ctx.screen.document(&client.get(bead.as_str()).await?);
    } else if ctx.screen.is_quiet() {
        ctx.screen.line(bead.as_str());
    } else {
        ctx.screen.line(format!("{bead} is answered and goes on"));
        ctx.screen
            .next(&[format!("gtd logs {bead} -f"), "gtd inbox".to_owned()]);
    }
    Ok(Exit::Done)
}
