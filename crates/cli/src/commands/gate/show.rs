//! `gtd gate show` and `gtd gate history`.

use gtd_core::{Moment, Oid, Verdict};
use serde::{Deserialize, Serialize};

use super::{history, read};
use crate::{clock, context::Context, error::CliError, exit::Exit, filter::ListArgs, show, town};

/// Runs that `show` tells.
const SHOWN: u32 = 8;

/// What one run of a gate said.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Shown {
    /// When.
    pub(crate) at: Moment,
    /// `candidate`, `base` or `asked`.
    pub(crate) purpose: String,
    /// The commit.
    pub(crate) commit: Oid,
    /// What it said.
    pub(crate) verdict: Verdict,
    /// The exit code, in words.
    pub(crate) detail: String,
    /// How long it took.
    pub(crate) seconds: f64,
    /// The run.
    pub(crate) run: String,
    /// The number of what a person had asked.
    pub(crate) asked: Option<u64>,
}

/// Show one gate, with what it said last
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The gate
    #[arg(value_name = "GATE")]
    gate: String,
}

/// Show what a gate said, the newest first
///
/// The last fifty runs are remembered; the log has all of them.
#[derive(Debug, clap::Args)]
pub(super) struct HistoryArgs {
    /// The gate
    #[arg(value_name = "GATE")]
    gate: String,
    #[command(flatten)]
    list: ListArgs,
}

pub(super) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    let client = town::reach(ctx).await?;
    let rig = ctx.need_rig()?;
    let document = history(&client, &rig, &args.gate, SHOWN).await?;
    if ctx.screen.is_json() {
        ctx.screen.document(&document);
    } else if ctx.screen.is_quiet() {
        ctx.screen.line(&args.gate);
    } else {
        let said = read(&document)?;
        let (now, look) = (clock::now(), ctx.screen.look);
        for line in show::gate(&document, said.flaky, &said.items, now, look) {
            ctx.screen.line(line);
        }
    }
    Ok(Exit::Done)
}

pub(super) async fn run_history(ctx: &Context, args: HistoryArgs) -> Result<Exit, CliError> {
    let client = town::reach(ctx).await?;
    let rig = ctx.need_rig()?;
    let mut document = history(&client, &rig, &args.gate, 0).await?;
    let items: Vec<Shown> = args
        .list
        .apply(town::read::<super::History>(&document)?.items)?;
    if ctx.screen.is_json() {
        document["items"] = serde_json::to_value(&items).unwrap_or_default();
        ctx.screen.document(&document);
    } else if ctx.screen.is_quiet() {
        for shown in &items {
            ctx.screen.line(&shown.run);
        }
    } else if items.is_empty() {
        ctx.screen.say(format!(
            "gate {gate} has not run yet.   gtd gate run {gate}",
            gate = args.gate
        ));
    } else {
        for line in show::history(&items, clock::now(), ctx.screen.look) {
            ctx.screen.line(line);
        }
    }
    Ok(Exit::Done)
}
