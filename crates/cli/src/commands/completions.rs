//! `gtd completions`: write completions for a shell.

use clap_complete::Shell;
use serde_json::json;

use crate::{completion, context::Context, error::CliError, exit::Exit};

/// Write completions for a shell to stdout
///
/// They are for the start file of the shell, where they stay those of the version
/// that is installed:
///
///   bash  source <(gtd completions bash)
///   zsh   source <(gtd completions zsh)
///   fish  gtd completions fish | source
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Args {
    /// The shell
    shell: Shell,
}

pub(crate) fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    let text = completion::registration(&args.shell.to_string())
        .map_err(|error| CliError::io("write the completions", error))?;
    if ctx.screen.is_json() {
        ctx.screen
            .document(&json!({"kind": "Completions", "api": gtd_core::API,
            "shell": args.shell.to_string(), "text": String::from_utf8_lossy(&text)}));
    } else {
        ctx.screen.write(&text);
    }
    Ok(Exit::Done)
}
