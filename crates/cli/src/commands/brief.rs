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

    /// Tells whether nothing says whose lease it is.
    pub(crate) fn of_nobody(&self) -> bool {
        self.bead.is_none() && variable("GTD_BEAD").is_none()
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
        town::reach_as(ctx, self.caller()?).await
    }

    /// Returns the holder, or a person when there is no token.
    pub(crate) fn caller(&self) -> Result<Caller, CliError> {
        let Some(token) = self.token.clone().or_else(|| variable("GTD_TOKEN")) else {
            return Ok(town::person());
        };
        let token = Token::parse(&token).map_err(|error| CliError::usage(error.to_string()))?;
        let (bead, epoch) = self.subject()?;
        Ok(Caller::Lease { bead, epoch, token })
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
    for line in lines(&town::read(&document)?) {
        ctx.screen.line(line);
    }
    Ok(Exit::Done)
}

/// Tells the holder of a lease what there is to do.
pub(crate) async fn told(
    client: &Client,
    bead: &BeadId,
    epoch: Epoch,
) -> Result<Vec<String>, CliError> {
    Ok(lines(&town::read(&client.brief(bead, epoch).await?)?))
}

fn lines(brief: &Brief) -> Vec<String> {
    let bead = &brief.bead;
    let mut lines = vec![format!("{} {}", bead.id, bead.title)];
    if !bead.description.is_empty() {
        lines.push(bead.description.clone());
    }
    for criterion in &bead.acceptance {
        let check = criterion.check.as_deref();
        let check = check.map_or(String::new(), |check| format!("   check: {check}"));
        lines.push(format!("- {}{check}", criterion.text));
    }
    for gate in &brief.gates {
        lines.push(format!("gate {}: {}", gate.name, gate.run));
    }
    if !bead.scope.is_empty() {
        lines.push(format!("scope: {}", bead.scope.join(" ")));
    }
    if let Some(goal) = &brief.goal {
        lines.push(format!("for {} {}", goal.id, goal.title));
        for criterion in &goal.acceptance {
            lines.push(format!("  - {}", criterion.text));
        }
    }
    lines.push(format!(
        "attempt {}, {} left",
        brief.epoch, brief.attempts_left
    ));
    if let Some(fault) = bead.attempts.iter().rev().find_map(|a| a.fault.as_ref()) {
        lines.push(match fault.class {
            FaultClass::Person => format!("the last one was sent back: {}", fault.text),
            _ => format!("the last one failed: {}", fault.text),
        });
        lines.push(fault.evidence.clone());
    }
    for note in &bead.notes {
        lines.push(format!("note by {}: {}", note.by, note.text));
    }
    lines
}
