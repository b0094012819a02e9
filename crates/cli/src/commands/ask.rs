//! `gtd ask`: for agents, give the bead back with a question.

use gtd_client::WriteContext;
use serde_json::json;

use super::brief::Lease;
use crate::{
    context::Context,
    error::{CliError, Doing},
    exit::Exit,
    wishes,
};

/// For agents: give the bead back with a question
///
/// The bead waits for a person; the attempt ends here.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The question; `-` reads it from stdin
    text: String,
    #[command(flatten)]
    lease: Lease,
}

pub(crate) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    let (bead, epoch) = args.lease.subject()?;
    let text = wishes::text(ctx, &args.text)?;
    let client = args.lease.reach(ctx).await?;
    client
        .ask(&bead, epoch, text, WriteContext::default())
        .await
        .doing(|| format!("ask about {bead}"))?;
    if ctx.screen.is_json() {
        ctx.screen
            .document(&json!({"kind": "Question", "api": gtd_core::API,
            "bead": bead, "epoch": epoch}));
    } else {
        ctx.screen
            .line(format!("{bead} waits for an answer; stop here"));
    }
    Ok(Exit::Done)
}
