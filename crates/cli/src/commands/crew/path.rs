//! `gtd crew path`: for `cd "$(gtd crew path ada)"`.

use serde_json::json;

use super::{find, folder};
use crate::{
    context::Context,
    error::{CliError, Kind},
    exit::Exit,
    town,
};

/// Print the folder that a member works in
///
/// As in: cd "$(gtd crew path ada)"
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The member
    #[arg(value_name = "NAME")]
    name: String,
}

pub(super) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    let client = town::reach(ctx).await?;
    let member = find(&client, &args.name).await?;
    let folder = folder(ctx, &member);
    if !folder.is_dir() || member.state == "coming" {
        let why = format!("the worktree of {} is not ready", member.name);
        return Err(CliError::new(Kind::State(why)).help("what the crew does: gtd logs crew"));
    }
    if ctx.screen.is_json() {
        ctx.screen
            .document(&json!({"kind": "CrewPath", "api": gtd_core::API,
            "name": member.name, "path": folder}));
    } else {
        ctx.screen.line(folder.to_string_lossy());
    }
    Ok(Exit::Done)
}
