//! `gtd crew`: standing members, each with a worktree that stays.

mod add;
mod attach;
mod list;
mod path;
mod remove;
mod start;
mod stop;

use std::path::PathBuf;

use gtd_client::Client;
use gtd_core::{CrewDoc, RigName};
use serde_json::Value;

use super::would;
use crate::{
    context::Context,
    error::{CliError, Kind},
    exit::Exit,
    lists,
};

/// Standing members, each with a worktree that stays
///
/// A member is a place for a person or for an agent that stays: a worktree on the branch
/// gtd/crew/NAME, which gtd makes and then leaves alone. Work from there goes the way of all work:
/// `gtd bead claim ID` and `gtd done` in it hand it to the refinery. With `gtd crew start` an agent
/// works there, in turns of one session: `gtd crew attach` talks with it, and a bead that is claimed
/// under its name (`gtd bead claim ID --as NAME`) is its next turn.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// List the members with what they hold
    #[command(visible_alias = "ls")]
    List(list::Args),
    /// Have a member join, with a worktree of its own
    Add(add::Args),
    /// Print the folder that a member works in
    Path(path::Args),
    /// Start the agent of a member, or let it go on
    Start(start::Args),
    /// Talk with the agent of a member, and watch what it does
    Attach(attach::Args),
    /// Stop the agent of a member; its session and its worktree stay
    Stop(stop::Args),
    /// Have a member leave, unless work in its worktree would be lost
    #[command(visible_alias = "rm")]
    Remove(remove::Args),
}

pub(crate) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    match args.verb {
        Verb::List(args) => list::run(ctx, args).await,
        Verb::Add(args) => add::run(ctx, args).await,
        Verb::Path(args) => path::run(ctx, args).await,
        Verb::Start(args) => start::run(ctx, args).await,
        Verb::Attach(args) => attach::run(ctx, args).await,
        Verb::Stop(args) => stop::run(ctx, args).await,
        Verb::Remove(args) => remove::run(ctx, args).await,
    }
}

/// Asks for the members of a rig, or of all.
async fn all(client: &Client, rig: Option<&RigName>) -> Result<Vec<CrewDoc>, CliError> {
    lists::all(client, &lists::of_rig("crew", rig)).await
}

/// Finds a member by its name, if there is one.
pub(super) async fn look_for(client: &Client, name: &str) -> Result<Option<CrewDoc>, CliError> {
    let members = all(client, None).await?;
    Ok(members
        .into_iter()
        .find(|member| member.name.as_str() == name))
}

/// Finds a member by its name.
async fn find(client: &Client, name: &str) -> Result<CrewDoc, CliError> {
    look_for(client, name).await?.ok_or_else(|| {
        CliError::new(Kind::NotFound {
            kind: "crew member",
            name: name.to_owned(),
        })
        .help("members: gtd crew list")
    })
}

/// Returns where the worktree of a member is or will be.
fn folder(ctx: &Context, member: &CrewDoc) -> PathBuf {
    ctx.places.worktrees(&member.rig).join(&member.slot)
}

/// Makes the document of one member.
fn document(ctx: &Context, member: &CrewDoc) -> Value {
    let mut document =
        serde_json::to_value(gtd_core::Document::new("CrewMember", member)).unwrap_or_default();
    document["path"] = folder(ctx, member).to_string_lossy().into();
    document
}
