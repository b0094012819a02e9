//! `gtd completions`: write completions for a shell.

use clap::CommandFactory;
use clap_complete::Shell;

use crate::{args::Cli, context::Context, error::CliError, exit::Exit};

/// Write completions for a shell to stdout
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The shell
    shell: Shell,
}

pub(crate) fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "gtd", &mut text);
    ctx.screen.write(&text);
    Ok(Exit::Done)
}
