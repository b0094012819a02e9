//! `gtd role edit`.

use std::{fs, io::IsTerminal};

use super::file::{RoleFile, Whose};
use crate::{args::Change, commands::config::edit, context::Context, error::CliError, exit::Exit};

/// Open a role file in your editor; it is written only when all role files are right then
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The role
    #[arg(value_name = "ROLE")]
    role: String,
    #[command(flatten)]
    whose: Whose,
}

pub(super) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    let file = RoleFile::find(ctx, &args.role, args.whose)?;
    if !std::io::stdin().is_terminal() || ctx.no_input {
        return Err(CliError::usage("an editor needs a terminal").help(format!(
            "gtd role set {} KEY=VALUE{}",
            file.role,
            file.flag()
        )));
    }
    let draft = edit::draft(ctx, &file.draft_name(), &file.text_or_begin())?;
    edit::edit(ctx, &draft)?;
    let text = fs::read_to_string(&draft)
        .map_err(|error| CliError::io(format!("read {}", draft.display()), error))?;
    if text == file.text_or_begin() {
        drop(fs::remove_file(&draft));
        ctx.screen.say(format!("{} stays as it was", file.name));
        return Ok(Exit::Done);
    }
    let act = format!("write {}", file.name);
    let undo = format!("gtd role edit {}{}", file.role, file.flag());
    let change = Change {
        yes: true,
        ..Change::default()
    };
    let exit = file.change(ctx, Some(&text), &act, &undo, &change).await.inspect_err(|_| {
        ctx.screen.insist(format!("nothing was written; your text is kept, and the next gtd role edit {} goes on with it", file.role));
    })?;
    drop(fs::remove_file(&draft));
    Ok(exit)
}
