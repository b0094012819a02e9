//! `gtd crew start`.

use gtd_core::{Command, CrewDoc, RuntimeName};

use super::{document, find, would};
use crate::{
    args::Change,
    commands::runtime,
    context::Context,
    error::{CliError, Doing, Kind},
    exit::Exit,
    town,
};

/// Start the agent of a member, or let it go on
///
/// It works in the worktree of the member, in turns of one session: what it is told, and each bead
/// that is claimed under its name, begins one. Between them no process runs and no model is called.
/// The session is kept over stops and restarts; another runtime begins another one.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The member
    #[arg(value_name = "NAME")]
    name: String,
    /// The agent's program; the one that it had, or the only one that there is
    #[arg(long, value_name = "RUNTIME")]
    runtime: Option<String>,
    #[command(flatten)]
    change: Change,
}

pub(super) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    let client = town::reach_for(ctx, &args.change).await?;
    let member = find(&client, &args.name).await?;
    let runtime = chosen(ctx, &member, args.runtime.as_deref())?;
    let name = &member.name;
    if args.change.dry_run {
        return Ok(would(ctx, &[format!("start {name} with {runtime}")]));
    }
    client
        .tell(Command::StartCrew {
            member: name.clone(),
            runtime: runtime.clone(),
        })
        .await
        .doing(|| format!("start {name}"))?;
    let member = find(&client, &args.name).await?;
    if ctx.screen.is_json() {
        ctx.screen.document(&document(ctx, &member));
        return Ok(Exit::Done);
    }
    let goes_on = member
        .agent
        .as_ref()
        .is_some_and(|agent| agent.session.is_some());
    ctx.screen.line(match goes_on {
        true => format!("{name} goes on with {runtime}, in its session"),
        false => {
            format!("{name} is started with {runtime}; its first turn begins with what you say")
        }
    });
    ctx.screen.next(&[format!("gtd crew attach {name}")]);
    Ok(Exit::Done)
}

/// Finds the runtime that is meant.
fn chosen(ctx: &Context, member: &CrewDoc, wished: Option<&str>) -> Result<RuntimeName, CliError> {
    let agents: Vec<RuntimeName> = runtime::all(ctx)?
        .into_iter()
        .filter(|runtime| runtime.usable && runtime.preset.is_some())
        .map(|runtime| runtime.name)
        .collect();
    let had = member.agent.as_ref().map(|agent| agent.runtime.as_str());
    if let Some(name) = wished.or(had) {
        let known = agents.iter().find(|known| known.as_str() == name);
        return known.cloned().ok_or_else(|| {
            CliError::new(Kind::NotFound {
                kind: "agent program",
                name: name.to_owned(),
            })
            .doing(format!("start {}", member.name))
            .help("runtimes: gtd runtime list")
        });
    }
    match agents.as_slice() {
        [only] => Ok(only.clone()),
        [] => Err(
            CliError::new(Kind::State("no agent program is configured".to_owned()))
                .doing(format!("start {}", member.name))
                .help("name one: gtd config set runtimes.claude.preset claude-code"),
        ),
        several => {
            let names: Vec<&str> = several.iter().map(RuntimeName::as_str).collect();
            Err(
                CliError::usage("there are several agent programs: --runtime NAME")
                    .help(format!("runtimes: {}", names.join(" "))),
            )
        }
    }
}
