//! `gtd rig`: the repositories of the town. One file for each verb.

mod add;
mod gc;
mod list;
mod remove;
mod set;
mod show;

use super::would;
use crate::{context::Context, error::CliError, exit::Exit};

/// The repositories of the town
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
#[command(defer = true)]
enum Verb {
    /// List the rigs
    #[command(visible_alias = "ls")]
    List(list::Args),
    /// Show a rig: its folder, its rules, its gates
    Show(show::Args),
    /// Make a repository a rig as it is; gtd init also writes a gtd.toml
    Add(add::Args),
    /// Take a rig out of the town; its repository stays as it is
    Remove(remove::Args),
    /// Take away what gtd made for attempts that have ended
    Gc(gc::Args),
    /// Set keys in gtd.toml of the rig
    Set(set::Args),
}

pub(crate) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    match args.verb {
        Verb::List(args) => list::run(ctx, args).await,
        Verb::Show(args) => show::run(ctx, args).await,
        Verb::Add(args) => add::run(ctx, args).await,
        Verb::Remove(args) => remove::run(ctx, args).await,
        Verb::Gc(args) => gc::run(ctx, args).await,
        Verb::Set(args) => set::run(ctx, args).await,
    }
}
