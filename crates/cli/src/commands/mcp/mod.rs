//! `gtd mcp`: the verbs of agents for programs that call tools by the Model Context Protocol.

mod serve;
mod tools;

use crate::{context::Context, error::CliError, exit::Exit};

/// The verbs of agents as tools
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
#[command(defer = true)]
enum Verb {
    /// For agents: offer the verbs of a lease as tools, on stdin and stdout
    Serve(serve::Args),
}

pub(crate) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    match args.verb {
        Verb::Serve(args) => serve::run(ctx, args).await,
    }
}
