//! `gtd stop`: cancel one thing, or stop everything now.
//!
//! Stopping everything never waits for the daemon: `gtdd stop-all` freezes the
//! recorded process groups by itself, and only then the daemon is told, briefly.

use std::time::{Duration, Instant};

use gtd_client::Client;
use gtd_core::{Command, StatusDoc};
use serde_json::{Value, json};

use crate::{
    args::Change,
    context::Context,
    daemon_program::DaemonProgram,
    error::{CliError, Doing, Kind},
    exit::Exit,
    output::Ink,
    town,
};

/// How long the emergency verb may take.
const STOP: Duration = Duration::from_secs(5);
/// How long the daemon may take to hear of it.
const TELL: Duration = Duration::from_millis(500);

/// Stop one thing, or everything now
///
/// A goal or a bead is cancelled; work of an agent at it is kept in a snapshot.
/// --all freezes every agent and holds the queue, within a second and also
/// when the daemon hangs; only a person ends that, with gtd resume --all.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Goals, beads or agents
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    ids: Vec<String>,
    /// Everything, now
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    change: Change,
}

pub(crate) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    if args.all {
        return stop_all(ctx, &args.change).await;
    }
    let client = town::reach_or_start(ctx).await?;
    let mut documents = Vec::new();
    for id in &args.ids {
        let bead = find(&client, id).await?;
        if args.change.dry_run {
            ctx.screen.line(format!("would cancel {bead}"));
            continue;
        }
        let why = args.change.why();
        client
            .tell(Command::Cancel {
                bead: bead.clone(),
                why,
            })
            .await
            .doing(|| format!("cancel {bead}"))?;
        if ctx.screen.is_json() {
            documents.push(client.get(bead.as_str()).await?);
        } else {
            ctx.screen.line(format!("{bead} cancelled"));
        }
    }
    match documents.as_slice() {
        [] => {}
        [document] => ctx.screen.document(document),
        _ => ctx
            .screen
            .document(&json!({"kind": "BeadList", "api": gtd_core::API,
            "items": documents, "next": ""})),
    }
    Ok(Exit::Done)
}

/// Finds the bead that an id means, or the one that an agent of that name holds.
async fn find(client: &Client, id: &str) -> Result<gtd_core::BeadId, CliError> {
    let refused = match town::find(client, id).await.and_then(|found| found.bead()) {
        Ok(bead) => return Ok(bead),
        Err(error) => error,
    };
    if !matches!(refused.kind, Kind::Rejected(_) | Kind::NotFound { .. }) {
        return Err(refused);
    }
    let status: StatusDoc = town::read(&client.status().await?)?;
    let short = id.rsplit('/').next().unwrap_or(id);
    status
        .agents
        .into_iter()
        .find(|agent| agent.name == short)
        .and_then(|agent| agent.bead)
        .ok_or(refused)
}

async fn stop_all(ctx: &Context, change: &Change) -> Result<Exit, CliError> {
    if change.dry_run {
        ctx.screen
            .line("would freeze every agent, hold the queue and begin nothing");
        return Ok(Exit::Done);
    }
    let began = Instant::now();
    let why = change.why();
    let mut words = vec!["stop-all"];
    if !why.is_empty() {
        words.extend(["-m", &why]);
    }
    let stopped = DaemonProgram::find(&ctx.places).and_then(|program| program.run(&words, STOP));
    let told = tell(ctx, why.clone()).await;
    let took = began.elapsed();
    let failure = match &stopped {
        Ok(output) if output.status.success() => None,
        Ok(output) => Some(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        Err(error) => Some(error.message()),
    };
    // One of the two ways is enough; both failing is an emergency of its own.
    if let Some(failure) = &failure {
        if told.is_err() {
            let text = format!("cannot stop everything: {failure}");
            return Err(CliError::new(Kind::Daemon(text))
                .help("end the agents by hand: their process groups are below the runs folder of `gtd config path`"));
        }
        ctx.screen.warn(failure);
    }
    let said = stopped.map(|output| output.stdout).unwrap_or_default();
    let said = String::from_utf8_lossy(&said).trim().to_owned();
    let (frozen, text) = frozen(&said);
    let seconds = took.as_secs_f64();
    if ctx.screen.is_json() {
        ctx.screen.document(
            &json!({"kind": "Stop", "api": gtd_core::API, "stopped": true,
            "frozen": frozen, "seconds": (seconds * 1e3).round() / 1e3, "reason": why,
            "daemon_told": told.is_ok()}),
        );
        return Ok(Exit::Done);
    }
    let head = ctx.screen.look.paint(Ink::Bad, "STOPPED");
    ctx.screen.line(format!(
        "{head} in {seconds:.1} s: {text}.   gtd resume --all"
    ));
    if told.is_err() {
        ctx.screen
            .say("the daemon did not answer; the stop holds without it");
    }
    Ok(Exit::Done)
}

async fn tell(ctx: &Context, why: String) -> Result<(), CliError> {
    let client = Client::open(ctx.places.socket(), town::person()).with_deadline(TELL);
    let written = client.tell(Command::Stop { why });
    match tokio::time::timeout(TELL, written).await {
        Ok(written) => Ok(written.map(drop)?),
        Err(_) => Err(CliError::new(Kind::Silent(
            "the daemon did not answer".to_owned(),
        ))),
    }
}

/// Reads how many agents were frozen from what the emergency verb said.
fn frozen(said: &str) -> (Option<u64>, String) {
    let number = match serde_json::from_str::<Value>(said) {
        Ok(document) => ["frozen", "agents", "stopped"].into_iter().find_map(|key| {
            let value = document.get(key)?;
            value
                .as_u64()
                .or_else(|| value.as_array().map(|list| list.len() as u64))
        }),
        Err(_) => said
            .split(|c: char| !c.is_ascii_digit())
            .find(|digits| !digits.is_empty())
            .and_then(|digits| digits.parse().ok()),
    };
    let text = match number {
        Some(1) => "1 agent frozen, queue held".to_owned(),
        Some(n) => format!("{n} agents frozen, queue held"),
        None => "queue held, nothing new begins".to_owned(),
    };
    (number, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_frozen_agents_is_read_from_either_form() {
        assert_eq!(frozen("{\"frozen\": 3}").0, Some(3));
        assert_eq!(frozen("{\"frozen\": [1, 2]}").0, Some(2));
        assert_eq!(frozen("froze 4 process groups").0, Some(4));
        assert_eq!(frozen("").0, None);
    }
}
