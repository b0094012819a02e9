//! `gtd gate run`: asks the refinery for it, and waits for the answer.

use gtd_client::Client;
use gtd_core::{GateOutcome, RigName, Verdict};
use gtd_wire::pb::merge::v1::AskGateRequest;
use serde_json::json;

use super::{super::logs, history, read, show::Shown};
use crate::{
    context::Context,
    error::{CliError, Doing, Kind},
    exit::Exit,
    follow,
    output::{State, span_ms},
    town,
};

/// Lines of a red gate's output that are shown at once: where most programs say what was wrong.
const LINES: u32 = 12;

/// Have a gate run, in the same surroundings as in the merge queue
///
/// The refinery runs it under a shim in a clean worktree that holds exactly one commit: the tip
/// that work lands on, what --at names, or what a bead handed in. A red gate runs once more: red
/// and green on the same commit is flaky, and the end of its output is shown. Nothing is moved. Exit 0 passed, 5 failed or flaky, 1
/// when it could not run.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The gate
    #[arg(value_name = "GATE")]
    gate: String,
    /// On this commit: a branch, a tag, a hash
    #[arg(long, value_name = "REF")]
    at: Option<String>,
    /// On what this bead handed in, or landed
    #[arg(long, value_name = "ID", conflicts_with = "at")]
    bead: Option<String>,
    /// Only ask for it, and do not wait
    #[arg(long)]
    no_wait: bool,
}

pub(super) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    let rig = ctx.need_rig()?;
    let client = town::reach_or_start(ctx).await?;
    // A gate that there is not is told with those that there are.
    history(&client, &rig, &args.gate, 1).await?;
    let bead = match &args.bead {
        Some(id) => town::find(&client, id).await?.bead()?.to_string(),
        None => String::new(),
    };
    let request = AskGateRequest {
        context: Some(gtd_wire::WriteContext::default().into()),
        rig: rig.to_string(),
        gate: args.gate.clone(),
        at: args.at.clone().unwrap_or_default(),
        bead,
    };
    let asked = client
        .call(request)
        .await
        .doing(|| format!("run gate {}", args.gate))?;
    let commit = asked.commit.get(..7).unwrap_or(&asked.commit).to_owned();
    if args.no_wait {
        if ctx.screen.is_json() {
            ctx.screen.document(
                &json!({"kind": "GateAsk", "api": gtd_core::API, "number": asked.number,
                "rig": rig, "gate": args.gate, "commit": asked.commit}),
            );
        } else {
            ctx.screen
                .line(format!("asked for gate {} on {commit}", args.gate));
        }
        return Ok(Exit::Done);
    }
    ctx.screen
        .say(format!("gate {} on {commit}, by the refinery", args.gate));
    let answered = follow::until_some(&client, async || {
        let said = read(&history(&client, &rig, &args.gate, 0).await?)?;
        if said.pending.iter().any(|ask| ask.number == asked.number) {
            return Ok(None);
        }
        let runs = said.items.into_iter().rev();
        let mine = runs.filter(|shown| shown.asked == Some(asked.number));
        Ok(Some(mine.collect::<Vec<Shown>>()))
    });
    let limit = ctx.wait_limit.unwrap_or(std::time::Duration::MAX);
    let runs = tokio::select! {
        answered = tokio::time::timeout(limit, answered) => match answered {
            Ok(runs) => runs?,
            Err(_) => {
                ctx.screen.insist(format!(
                    "it has not answered yet.   gtd gate history {}", args.gate
                ));
                return Ok(Exit::StillGoing);
            }
        },
        _ = tokio::signal::ctrl_c() => {
            ctx.screen.insist(format!(
                "detached: the gate goes on.   gtd gate history {}", args.gate
            ));
            return Err(CliError::new(Kind::Interrupted));
        }
    };
    tell(ctx, &client, &rig, &args.gate, &asked.commit, &runs).await
}

async fn tell(
    ctx: &Context,
    client: &Client,
    rig: &RigName,
    gate: &str,
    commit: &str,
    runs: &[Shown],
) -> Result<Exit, CliError> {
    let Some(outcome) = GateOutcome::over(runs.iter().map(|run| run.verdict)) else {
        let why = format!("gate {gate} is gone, or its rig is");
        return Err(CliError::new(Kind::State(why)).help("gtd gate list"));
    };
    let exit = match outcome {
        GateOutcome::Passed => Exit::Done,
        GateOutcome::Failed | GateOutcome::Flaky => Exit::WorkFailed,
        GateOutcome::Infra => Exit::Failed,
    };
    if ctx.screen.is_json() {
        ctx.screen.document(
            &json!({"kind": "GateVerdict", "api": gtd_core::API, "rig": rig,
            "gate": gate, "commit": commit, "verdict": outcome, "runs": runs}),
        );
        return Ok(exit);
    }
    if ctx.screen.is_quiet() {
        ctx.screen.line(outcome.word());
        return Ok(exit);
    }
    let look = ctx.screen.look;
    let state = State::of(outcome.word());
    let took: f64 = runs.iter().map(|run| run.seconds).sum();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "seconds for display"
    )]
    let took = (took * 1e3).max(0.0) as u64;
    let detail = runs.last().map_or("", |run| run.detail.as_str());
    let red = runs.iter().find(|run| run.verdict != Verdict::Passed);
    if let Some(run) = red {
        logs::show_end(ctx, client, &run.run, LINES).await?;
    }
    ctx.screen.line(format!(
        "{}  {gate}  {}  {}  {detail}",
        look.paint(state.ink, &state.text(look)),
        commit.get(..7).unwrap_or(commit),
        span_ms(took),
    ));
    if let Some(run) = red {
        ctx.screen.next_always(&[format!("gtd logs {}", run.run)]);
    }
    Ok(exit)
}
