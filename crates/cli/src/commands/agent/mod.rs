//! `gtd agent`: who is at work, one by one. One file for each verb.

mod attach;
mod kill;
mod list;
mod path;
mod show;

pub(crate) use self::list::list;
use super::would;
use crate::{
    context::Context,
    error::{CliError, Kind},
    exit::Exit,
    town,
};
use gtd_client::Client;
use gtd_core::{AgentDoc, StatusDoc};

/// Who is at work, one by one
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
#[command(defer = true)]
enum Verb {
    /// List who is at work, and the empty seats
    #[command(visible_alias = "ls")]
    List(list::Args),
    /// Show one agent: what it holds, where it works, how to look on
    Show(show::Args),
    /// Watch what an agent writes until its run ends
    Attach(attach::Args),
    /// Print the folder that an agent works in
    Path(path::Args),
    /// End the run of an agent and set its bead aside; what it left is kept
    Kill(kill::Args),
    /// End the run of an agent and let its bead begin anew; what it left is kept
    Restart(kill::Args),
}

impl Args {
    /// Tells whether the command stays until a run has ended.
    pub(crate) fn waits(&self) -> bool {
        matches!(self.verb, Verb::Attach(_))
    }
}

/// Which agents a command is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whose {
    /// All of them.
    Anybody,
    /// Those of the role worker.
    Workers,
}

impl Whose {
    fn takes(self, agent: &AgentDoc) -> bool {
        self == Self::Anybody || agent.role == "worker"
    }
}

pub(crate) async fn run(ctx: &Context, args: Args, whose: Whose) -> Result<Exit, CliError> {
    match args.verb {
        Verb::List(args) => list::run(ctx, args, whose).await,
        Verb::Show(args) => show::run(ctx, args, whose).await,
        Verb::Attach(args) => attach::run(ctx, args, whose).await,
        Verb::Path(args) => path::run(ctx, args, whose).await,
        Verb::Kill(args) => kill::run(ctx, args, whose, kill::Then::SetAside).await,
        Verb::Restart(args) => kill::run(ctx, args, whose, kill::Then::BeginAnew).await,
    }
}

/// Finds an agent by its name, the beginning of it, or the bead that it holds.
pub(super) async fn find(client: &Client, name: &str, whose: Whose) -> Result<AgentDoc, CliError> {
    let status: StatusDoc = town::read(&client.status().await?)?;
    let agents: Vec<AgentDoc> = status
        .agents
        .into_iter()
        .filter(|agent| whose.takes(agent))
        .collect();
    // `rig/name` is a name too.
    let short = name.rsplit('/').next().unwrap_or(name);
    let holds = |agent: &AgentDoc| {
        agent
            .bead
            .as_ref()
            .is_some_and(|bead| bead.as_str() == short)
    };
    let exact = agents
        .iter()
        .find(|agent| agent.name == short || holds(agent));
    if let Some(exact) = exact {
        return Ok(exact.clone());
    }
    let begins: Vec<&AgentDoc> = agents
        .iter()
        .filter(|agent| !short.is_empty() && agent.name.starts_with(short))
        .collect();
    match begins.as_slice() {
        [one] => Ok((*one).clone()),
        [] => {
            let names: Vec<&str> = agents.iter().map(|agent| agent.name.as_str()).collect();
            let help = match names.as_slice() {
                [] => "nobody is at work:  gtd status".to_owned(),
                names => format!("agents: {}", names.join(" ")),
            };
            Err(CliError::new(Kind::NotFound {
                kind: "agent",
                name: name.to_owned(),
            })
            .help(help))
        }
        several => Err(gtd_core::Rejection::AmbiguousId {
            text: name.to_owned(),
            candidates: several.iter().map(|agent| agent.name.clone()).collect(),
        }
        .into()),
    }
}

/// Returns the folder that an agent works in: that of its seat; who claims works where they like.
fn worktree(ctx: &Context, agent: &AgentDoc) -> Option<std::path::PathBuf> {
    let folder = ctx.places.worktrees(&agent.rig).join(&agent.name);
    (agent.role == "worker" && folder.is_dir()).then_some(folder)
}
