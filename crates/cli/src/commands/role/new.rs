//! `gtd role new`.

use super::file::{RoleFile, Whose};
use crate::{
    args::Change,
    context::Context,
    error::{CliError, Kind},
    exit::Exit,
};

/// Make a role of your own
///
/// A role is one file that says how it differs from another. The new one inherits everything,
/// its prompt too; gtd role edit or gtd role set change it.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Its name
    #[arg(value_name = "NAME")]
    name: String,
    /// What it inherits from
    #[arg(long, value_name = "ROLE", default_value = "builtin:worker")]
    from: String,
    /// What it does, in one line
    #[arg(long, value_name = "TEXT")]
    summary: Option<String>,
    #[command(flatten)]
    whose: Whose,
    #[command(flatten)]
    change: Change,
}

pub(super) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    let file = RoleFile::find(ctx, &args.name, args.whose)?;
    if file.text.is_some() {
        return Err(
            CliError::new(Kind::State(format!("{} is there already", file.name))).help(format!(
                "gtd role edit {}{}",
                file.role,
                file.flag()
            )),
        );
    }
    let from = if args.from.contains(':') {
        args.from.clone()
    } else {
        format!("builtin:{}", args.from)
    };
    let summary = args
        .summary
        .clone()
        .unwrap_or_else(|| format!("A {} of your own", args.name));
    let text = text(file.role.as_str(), &from, &summary);
    let act = format!("make the role {} of {from} in {}", file.role, file.name);
    let undo = format!("gtd role reset {}{}", file.role, file.flag());
    file.change(ctx, Some(&text), &act, &undo, &args.change)
        .await
}

/// Writes the file of a role that differs in nothing yet.
fn text(name: &str, from: &str, summary: &str) -> String {
    let quoted = |text: &str| gtd_core::config::Value::Text(text.to_owned()).to_string();
    format!(
        "schema = 1\nname = {}\nextends = {}   # write only what differs: gtd role show {name} --diff\nsummary = {}\n\n\
         # [limits]\n# attempts = 2\n\n# [prompt]\n# file = \"{name}.md.j2\"       # beside this file; without it the inherited prompt\n\
         # vars = {{ style = \"small commits\" }}\n",
        quoted(name),
        quoted(from),
        quoted(summary),
    )
}
