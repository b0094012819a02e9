//! `gtd brief`: for agents, what am I to do.

use gtd_client::{Caller, Client, Token};
use gtd_core::{BeadDoc, BeadId, Criterion, Epoch, FaultClass, Gate};
use serde::Deserialize;

use crate::{context::Context, error::CliError, exit::Exit, town};

/// Which lease the caller holds.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Lease {
    /// The bead [env: GTD_BEAD]
    #[arg(long, value_name = "ID")]
    bead: Option<String>,
    /// The epoch of the lease [env: GTD_EPOCH]
    #[arg(long, value_name = "N")]
    epoch: Option<u64>,
    /// The token of the lease, as `gtd bead claim` printed it [env: GTD_TOKEN]
    #[arg(long, value_name = "TOKEN")]
    token: Option<String>,
}

impl Lease {
    /// Returns the lease of the agent that calls, when one does: its run has it in the environment.
    pub(crate) fn of_agent() -> Option<Self> {
        let is_agent = ["GTD_AGENT", "GTD_TOKEN", "GTD_BEAD"]
            .into_iter()
            .all(|key| variable(key).is_some());
        is_agent.then_some(Self {
            bead: None,
            epoch: None,
            token: None,
        })
    }

    /// Returns the bead and the epoch.
    pub(crate) fn subject(&self) -> Result<(BeadId, Epoch), CliError> {
        let bead = self
            .bead
            .clone()
            .or_else(|| variable("GTD_BEAD"))
            .ok_or_else(|| CliError::usage("which bead? --bead ID, or GTD_BEAD"))?;
        let bead = BeadId::parse(&bead).map_err(|error| CliError::usage(error.to_string()))?;
        let epoch = match self.epoch {
            Some(epoch) => epoch,
            None => variable("GTD_EPOCH")
                .and_then(|epoch| epoch.parse().ok())
                .ok_or_else(|| CliError::usage("which epoch? --epoch N, or GTD_EPOCH"))?,
        };
        Ok((bead, Epoch(epoch)))
    }

    /// Reaches the daemon as the holder, or as a person when there is no token.
    pub(crate) async fn reach(&self, ctx: &Context) -> Result<Client, CliError> {
        let Some(token) = self.token.clone().or_else(|| variable("GTD_TOKEN")) else {
            return town::reach(ctx).await;
        };
        let token = Token::parse(&token).map_err(|error| CliError::usage(error.to_string()))?;
        let (bead, epoch) = self.subject()?;
        town::reach_as(ctx, Caller::Lease { bead, epoch, token }).await
    }
}

fn variable(key: &str) -> Option<String> {
    std::env::var(key).ok().filter(|value| !value.is_empty())
}

/// For agents: what am I to do
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    lease: Lease,
}

#[derive(Debug, Deserialize)]
struct Brief {
    bead: BeadDoc,
    epoch: u64,
    goal: Option<Goal>,
    #[serde(default)]
    gates: Vec<Gate>,
    #[serde(default)]
    attempts_left: u32,
}

#[derive(Debug, Deserialize)]
struct Goal {
    id: String,
    title: String,
    #[serde(default)]
    acceptance: Vec<Criterion>,
}

pub(crate) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    let (bead, epoch) = args.lease.subject()?;
    let client = args.lease.reach(ctx).await?;
    let document = client.brief(&bead, epoch).await?;
    if ctx.screen.is_json() {
        ctx.screen.document(&document);
        return Ok(Exit::Done);
    }
    let brief: Brief = town::read(&document)?;
    let screen = &ctx.screen;
    let bead = &brief.bead;
    screen.line(format!("{} {}", bead.id, bead.title));
    if !bead.description.is_empty() {
        screen.line(&bead.description);
    }
    for criterion in &bead.acceptance {
        let check = criterion.check.as_deref();
        let check = check.map_or(String::new(), |check| format!("   check: {check}"));
        screen.line(format!("- {}{check}", criterion.text));
    }
    for gate in &brief.gates {
        screen.line(format!("gate {}: {}", gate.name, gate.run));
    }
    if !bead.scope.is_empty() {
        screen.line(format!("scope: {}", bead.scope.join(" ")));
    }
    if let Some(goal) = &brief.goal {
        screen.line(format!("for {} {}", goal.id, goal.title));
        for criterion in &goal.acceptance {
            screen.line(format!("  - {}", criterion.text));
        }
    }
    screen.line(format!(
        "attempt {}, {} left",
        brief.epoch, brief.attempts_left
    ));
    if let Some(fault) = bead.attempts.iter().rev().find_map(|a| a.fault.as_ref()) {
        screen.line(match fault.class {
            FaultClass::Person => format!("the last one was sent back: {}", fault.text),
            _ => format!("the last one failed: {}", fault.text),
        });
        screen.line(&fault.evidence);
    }
    for note in &bead.notes {
        screen.line(format!("note by {}: {}", note.by, note.text));
    }
    Ok(Exit::Done)
}
