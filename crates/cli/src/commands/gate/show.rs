//! `gtd gate show` and `gtd gate history`.

use gtd_core::{BeadId, Moment, Oid, TestCounts, Verdict};
use serde::{Deserialize, Serialize};
use serde_json::json;

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
    /// How many of its tests showed what.
    #[serde(default)]
    pub(crate) tests: Option<TestCounts>,
}

/// What one test of a gate has shown over time.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct TestShown {
    /// Its whole name.
    pub(crate) test: String,
    /// In how many runs it was red.
    pub(crate) red: u32,
    /// How often it was red and then green on one tree.
    pub(crate) flaky: u32,
    /// How often of late.
    pub(crate) recent: u32,
    /// When it last was one of both.
    pub(crate) last: Moment,
    /// The bead that asks for it to be mended.
    pub(crate) bead: Option<BeadId>,
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
/// The last fifty runs are remembered; the log has all of them. With --tests: which of its single
/// tests were ever red, how often one was red and then green on one tree, and which bead asks for
/// it to be mended. That needs a gate that leaves a JUnit report (junit = "PATH" in gtd.toml).
#[derive(Debug, clap::Args)]
pub(super) struct HistoryArgs {
    /// The gate
    #[arg(value_name = "GATE")]
    gate: String,
    /// Show its single tests instead of its runs
    #[arg(long)]
    tests: bool,
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
    if args.tests {
        return tell_tests(ctx, &document, &args);
    }
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

fn tell_tests(
    ctx: &Context,
    document: &serde_json::Value,
    args: &HistoryArgs,
) -> Result<Exit, CliError> {
    let said = town::read::<super::History>(document)?;
    let tests = args.list.apply(said.tests)?;
    if ctx.screen.is_json() {
        ctx.screen.document(
            &json!({"kind": "GateTests", "api": gtd_core::API, "rig": document["rig"],
            "gate": args.gate, "items": tests}),
        );
    } else if ctx.screen.is_quiet() {
        for test in &tests {
            ctx.screen.line(&test.test);
        }
    } else if tests.is_empty() {
        ctx.screen.say(match document["junit"].is_string() {
            true => format!("no test of gate {} was red yet", args.gate),
            false => format!(
                "gate {} leaves no report of its single tests.   junit = \"PATH\" in gtd.toml, then gtd trust",
                args.gate
            ),
        });
    } else {
        for line in show::gate_tests(&tests, clock::now(), ctx.screen.look) {
            ctx.screen.line(line);
        }
    }
    Ok(Exit::Done)
}
