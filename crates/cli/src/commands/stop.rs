//! `gtd stop`: cancel one thing, or stop everything now.
//!
//! Stopping everything never waits for the daemon: `gtdd stop-all` freezes the
//! recorded process groups by itself, and only then the daemon is told, briefly.

use std::time::{Duration, Instant};

use gtd_client::Client;
use gtd_core::{Command, StatusDoc};
use serde::Deserialize;
use serde_json::json;

use super::{print_documents, would};
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
    let client = town::reach_for(ctx, &args.change).await?;
    let mut beads = Vec::new();
    for id in &args.ids {
        beads.push(find(&client, id).await?);
    }
    cancel(ctx, &client, beads, &args.change).await
}

/// Cancels goals and beads, and says so of each.
pub(super) async fn cancel(
    ctx: &Context,
    client: &Client,
    beads: Vec<gtd_core::BeadId>,
    change: &Change,
) -> Result<Exit, CliError> {
    if change.dry_run {
        let acts: Vec<String> = beads.iter().map(|bead| format!("cancel {bead}")).collect();
        return Ok(would(ctx, &acts));
    }
    let mut documents = Vec::new();
    for bead in beads {
        let why = change.why();
        client
            .tell(Command::Cancel {
                bead: bead.clone(),
                why,
            })
            .await
            .doing(|| format!("cancel {bead}"))?;
        if ctx.screen.is_json() {
            documents.push(client.get(bead.as_str()).await?);
        } else if ctx.screen.is_quiet() {
            ctx.screen.line(bead.as_str());
        } else {
            ctx.screen.line(format!("{bead} cancelled"));
        }
    }
    if ctx.screen.is_json() {
        print_documents(ctx, "BeadList", documents);
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
        let act = "freeze every agent, hold the queue and begin nothing";
        return Ok(would(ctx, &[act.to_owned()]));
    }
    town::need_person("stop everything")?;
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
    let report = Report::read(&said);
    let seconds = took.as_secs_f64();
    if ctx.screen.is_json() {
        ctx.screen.document(
            &json!({"kind": "Stop", "api": gtd_core::API, "stopped": true,
            "frozen": report.frozen, "in_flight": report.in_flight, "seconds": (seconds * 1e3).round() / 1e3, "reason": why,
            "daemon_told": told.is_ok()}),
        );
        return Ok(Exit::Done);
    }
    let head = ctx.screen.look.paint(Ink::Bad, "STOPPED");
    ctx.screen.line(format!(
        "{head} in {seconds:.1} s: {}.   gtd resume --all",
        report.text()
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

/// What the emergency verb says it did.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct Report {
    /// How many runs stand still now.
    frozen: usize,
    /// Whether one effect had begun and may still finish.
    in_flight: bool,
}

impl Report {
    fn read(said: &[u8]) -> Self {
        serde_json::from_slice(said).unwrap_or_default()
    }

    fn text(&self) -> String {
        let agents = match self.frozen {
            0 => "no agent was at work".to_owned(),
            1 => "1 agent frozen".to_owned(),
            n => format!("{n} agents frozen"),
        };
        let rest = if self.in_flight {
            "; one effect was in flight and may still finish"
        } else {
            ""
        };
        format!("{agents}, queue held, nothing new begins{rest}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_in_flight_is_told() {
        let report = Report::read(br#"{"kind":"StopAll","frozen":3,"in_flight":true}"#);
        assert_eq!(
            report.text(),
            "3 agents frozen, queue held, nothing new begins; one effect was in flight and may still finish"
        );
        assert_eq!(Report::read(b"odd"), Report::default());
    }
}
