//! `gtd completions`: write completions for a shell.

use clap::CommandFactory;
use clap_complete::Shell;
use serde_json::json;

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
    if ctx.screen.is_json() {
        ctx.screen
            .document(&json!({"kind": "Completions", "api": gtd_core::API,
            "shell": args.shell.to_string(), "text": String::from_utf8_lossy(&text)}));
    } else {
        ctx.screen.write(&text);
    }
    Ok(Exit::Done)
}
