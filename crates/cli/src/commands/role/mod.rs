//! `gtd role`: who works here, as the role files say it. One file for each verb.

mod edit;
mod file;
mod list;
mod new;
mod render;
mod reset;
mod set;
mod show;
mod validate;

use crate::{context::Context, error::CliError, exit::Exit};

/// The roles: who runs them, what their files say
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
#[command(defer = true)]
enum Verb {
    /// List the roles
    #[command(visible_alias = "ls")]
    List(list::Args),
    /// Show a role: its layer, its limits, its verbs, how its last pass went
    Show(show::Args),
    /// Check the role files as they are now, before they are trusted
    Validate(validate::Args),
    /// Show what an agent of a role would be told about a bead, word for word
    Render(render::Args),
    /// Make a role of your own
    New(new::Args),
    /// Open a role file in your editor
    Edit(edit::Args),
    /// Change what a role file says
    Set(set::Args),
    /// Take a role file of yours away
    Reset(reset::Args),
}

pub(crate) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    match args.verb {
        Verb::List(args) => list::run(ctx, args).await,
        Verb::Show(args) => show::run(ctx, args).await,
        Verb::Validate(args) => validate::run(ctx, args).await,
        Verb::Render(args) => render::run(ctx, args).await,
        Verb::New(args) => new::run(ctx, args).await,
        Verb::Edit(args) => edit::run(ctx, args).await,
        Verb::Set(args) => set::run(ctx, args).await,
        Verb::Reset(args) => reset::run(ctx, args).await,
    }
}
