//! `gtd config`: the configuration and the folders. One file for each verb.
//!
//! All of it works without a daemon; one that runs is told of a change.

mod diff;
pub(crate) mod edit;
mod explain;
pub(crate) mod file;
mod get;
mod list;
mod path;
pub(crate) mod schema;
pub(crate) mod set;
pub(crate) mod text;
mod unset;

use gtd_core::config::Origin;

use crate::{
    context::Context,
    error::{CliError, Kind},
    exit::Exit,
};

/// The configuration and the folders
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
#[command(defer = true)]
enum Verb {
    /// Where everything of this town is
    Path {
        /// Only this one, such as `socket` or `logs`
        name: Option<String>,
    },
    /// What a key is
    Get {
        /// The key, such as roles.worker.max
        key: String,
        /// Say where it comes from
        #[arg(long)]
        origin: bool,
    },
    /// Every key that is set
    List {
        /// Say where each comes from
        #[arg(long)]
        origin: bool,
    },
    /// What a key is for, or all keys of a table
    Explain {
        /// A key or a table; without one, all keys
        key: Option<String>,
    },
    /// Set a key in a file; its comments stay
    Set(set::Args),
    /// Take a key out of a file, so that a lower layer or the default holds
    Unset(unset::Args),
    /// Open a file in your editor; it is written only when it is right
    Edit(edit::Args),
    /// The JSON Schema of a file, for editors
    Schema(schema::Args),
    /// What is other than the defaults, or than what you trusted
    Diff(diff::Args),
}

pub(crate) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    match args.verb {
        Verb::Path { name } => path::run(ctx, name.as_deref()),
        Verb::Get { key, origin } => get::run(ctx, &key, origin),
        Verb::List { origin } => list::run(ctx, origin),
        Verb::Explain { key } => explain::run(ctx, key.as_deref().unwrap_or_default()),
        Verb::Set(args) => set::run(ctx, args).await,
        Verb::Unset(args) => unset::run(ctx, args).await,
        Verb::Edit(args) => edit::run(ctx, args).await,
        Verb::Schema(args) => schema::run(ctx, &args),
        Verb::Diff(args) => diff::run(ctx, &args),
    }
}

fn origin(from: Option<&Origin>) -> Option<String> {
    from.map(ToString::to_string)
}

fn no_key(unknown: &gtd_core::config::UnknownKey) -> CliError {
    let all = "all keys: gtd config explain";
    CliError::new(Kind::NoKey(unknown.key.clone())).help(match &unknown.similar {
        Some(near) => format!("did you mean `{near}`?   {all}"),
        None => all.to_owned(),
    })
}
