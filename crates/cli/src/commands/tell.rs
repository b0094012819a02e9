//! `gtd tell`: say something to whoever works, without being asked.

use gtd_client::Client;
use gtd_core::{BeadId, Command, SeatName, StatusDoc};
use serde_json::{Value, json};

use super::{agent, crew, pause::ROLES, would};
use crate::{
    context::Context,
    error::{CliError, Doing, Kind},
    exit::Exit,
    town, wishes,
};

/// All agents that are at work on a bead.
const WORKERS: &str = "@workers";

/// Say something to whoever works on a bead or for a goal
///
/// It stays a note of yours. An agent that is at work begins its next turn with it, and hands
/// nothing in before it has heard; the brief of the next attempt has it in any case. What is told
/// to a goal is for the mayor and for all who work for it. Nobody is interrupted. A crew member whose
/// agent is started begins its next turn with it.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A bead, a goal, an agent, a crew member, a role with --about, or @workers for all agents at work
    #[arg(value_name = "WHO")]
    who: String,
    /// The words; `-` reads them from stdin
    text: String,
    /// What it is about, where WHO does not say it: a bead or a goal
    #[arg(long, value_name = "ID")]
    about: Option<String>,
    /// Check everything and change nothing
    #[arg(short = 'n', long)]
    dry_run: bool,
}

pub(crate) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    let text = wishes::text(ctx, &args.text)?;
    let client = town::reach(ctx).await?;
    if args.about.is_none()
        && let Some(member) = crew::look_for(&client, &args.who).await?
        && member.agent.is_some()
    {
        return tell_member(ctx, &client, member.name, text, args.dry_run).await;
    }
    let who = whom(&client, &args.who, args.about.as_deref()).await?;
    if args.dry_run {
        let acts: Vec<String> = who.iter().map(|bead| format!("tell {bead}")).collect();
        return Ok(would(ctx, &acts));
    }
    let mut told = Vec::new();
    for bead in who {
        let command = Command::Tell {
            bead: bead.clone(),
            text: text.clone(),
        };
        client
            .tell(command)
            .await
            .doing(|| format!("tell {bead}"))?;
        let document = client.get(bead.as_str()).await?;
        told.push((bead, heard(&document)));
    }
    show(ctx, &told);
    Ok(Exit::Done)
}

/// Tells something to a crew member: it begins its next turn.
async fn tell_member(
    ctx: &Context,
    client: &Client,
    member: SeatName,
    text: String,
    dry_run: bool,
) -> Result<Exit, CliError> {
    if dry_run {
        return Ok(would(ctx, &[format!("tell {member}")]));
    }
    let command = Command::TellCrew {
        member: member.clone(),
        text,
    };
    client
        .tell(command)
        .await
        .doing(|| format!("tell {member}"))?;
    if ctx.screen.is_json() {
        let to = json!([{"member": member, "heard": Heard::Turn.word()}]);
        ctx.screen
            .document(&json!({"kind": "Told", "api": gtd_core::API, "to": to}));
    } else if ctx.screen.is_quiet() {
        ctx.screen.line(member.as_str());
    } else {
        ctx.screen
            .line(format!("{member} is told: its next turn begins with it"));
        ctx.screen.next(&[format!("gtd crew attach {member}")]);
    }
    Ok(Exit::Done)
}

/// When what was told is heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Heard {
    /// With the next turn of whoever is at work.
    Turn,
    /// With the brief of the next attempt.
    Brief,
    /// By all who work for the goal.
    Goal,
}

impl Heard {
    fn word(self) -> &'static str {
        match self {
            Self::Turn => "turn",
            Self::Brief => "brief",
            Self::Goal => "goal",
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::Turn => "its agent hears it when its turn ends, before anything is handed in",
            Self::Brief => "the brief of the next attempt has it",
            Self::Goal => "the mayor and all who work for it hear it with their next turn or brief",
        }
    }
}

fn heard(document: &Value) -> Heard {
    if document["kind"] == "Convoy" {
        return Heard::Goal;
    }
    match document["unheard"].as_u64() {
        Some(0) | None => Heard::Brief,
        Some(_) => Heard::Turn,
    }
}

fn show(ctx: &Context, told: &[(BeadId, Heard)]) {
    if ctx.screen.is_json() {
        let to = told.iter();
        let to: Vec<Value> = to
            .map(|(bead, heard)| json!({"bead": bead, "heard": heard.word()}))
            .collect();
        ctx.screen
            .document(&json!({"kind": "Told", "api": gtd_core::API, "to": to}));
        return;
    }
    for (bead, heard) in told {
        ctx.screen.line(match ctx.screen.is_quiet() {
            true => bead.to_string(),
            false => format!("{bead} is told: {}", heard.text()),
        });
    }
}

/// Finds the beads and goals whose agents are meant.
async fn whom(client: &Client, who: &str, about: Option<&str>) -> Result<Vec<BeadId>, CliError> {
    if let Some(about) = about {
        return Ok(vec![town::find(client, about).await?.bead()?]);
    }
    if who == WORKERS {
        return workers(client).await;
    }
    let found = town::find(client, who).await;
    let no_bead = match found.and_then(|found| found.bead()) {
        Ok(bead) => return Ok(vec![bead]),
        Err(error) => error,
    };
    if ROLES.contains(&who) {
        return Err(
            CliError::usage(format!("{who} is a role: what is it about?"))
                .help(format!("gtd tell {who} TEXT --about ID")),
        );
    }
    let agent = agent::find(client, who, agent::Whose::Anybody).await;
    match agent.ok().map(|agent| agent.bead) {
        Some(Some(bead)) => Ok(vec![bead]),
        Some(None) => Err(
            CliError::new(Kind::State(format!("{who} is not at work on anything")))
                .help("who is: gtd ps"),
        ),
        None => Err(no_bead),
    }
}

/// Lists the beads that agents are at work on.
async fn workers(client: &Client) -> Result<Vec<BeadId>, CliError> {
    let status: StatusDoc = town::read(&client.status().await?)?;
    let workers = status.agents.into_iter();
    let beads: Vec<BeadId> = workers
        .filter(|agent| agent.role == "worker")
        .filter_map(|agent| agent.bead)
        .collect();
    match beads.is_empty() {
        true => {
            Err(CliError::new(Kind::State("nobody is at work".to_owned())).help("who is: gtd ps"))
        }
        false => Ok(beads),
    }
}
