//! `gtd ask`: for agents, ask what only a person can know.

use gtd_client::{Client, WriteContext};
use gtd_core::{BeadId, Epoch};
use serde_json::json;

use super::brief::Lease;
use crate::{
    context::Context,
    error::{CliError, Doing},
    exit::Exit,
    wishes,
};

/// For agents: ask what only a person can know
///
/// End your turn after it. The answer comes as the next turn of the same session,
/// or in the brief of the next attempt where there is no session. Where the policy
/// wants no questions, this says so, and you go on with your best assumption.
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
    let then = put(&client, &bead, epoch, text).await?;
    if ctx.screen.is_json() {
        ctx.screen
            .document(&json!({"kind": "Question", "api": gtd_core::API,
            "bead": bead, "epoch": epoch, "then": then.word()}));
    } else {
        ctx.screen.line(then.text(&bead));
    }
    Ok(Exit::Done)
}

/// What whoever asked does now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    /// End the turn: the session goes on with the answer.
    EndTurn,
    /// Stop: the bead was given back.
    Stop,
    /// Go on with an assumption.
    Assume,
}

impl Then {
    fn word(self) -> &'static str {
        match self {
            Self::EndTurn => "end_turn",
            Self::Stop => "stop",
            Self::Assume => "assume",
        }
    }

    /// Says it to an agent.
    pub(crate) fn text(self, bead: &BeadId) -> String {
        match self {
            Self::EndTurn => format!(
                "{bead} waits for an answer; end your turn now, and the answer is your next one"
            ),
            Self::Stop => format!("{bead} waits for an answer; stop here"),
            Self::Assume => "noted; nobody answers questions here: go on with your best \
                             assumption, and say in your summary what you assumed"
                .to_owned(),
        }
    }
}

/// Puts a question, and tells what follows.
pub(crate) async fn put(
    client: &Client,
    bead: &BeadId,
    epoch: Epoch,
    text: String,
) -> Result<Then, CliError> {
    let context = WriteContext::default();
    let asked = client.ask(bead, epoch, text, context).await;
    asked.doing(|| format!("ask about {bead}"))?;
    let now = client.get(bead.as_str()).await?;
    let asks = now.get("question").is_some_and(|asked| !asked.is_null());
    let is_parked = now.get("state").and_then(serde_json::Value::as_str) == Some("parked");
    Ok(match (asks, is_parked) {
        (true, _) => Then::EndTurn,
        (false, true) => Then::Stop,
        (false, false) => Then::Assume,
    })
}
