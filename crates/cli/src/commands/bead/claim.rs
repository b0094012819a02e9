//! `gtd bead claim`.

use gtd_core::{Command, SeatName};
use serde_json::json;

use super::{find, would};
use crate::{
    args::Change,
    context::Context,
    error::{CliError, Doing},
    exit::Exit,
    town,
};

/// Take a ready bead for yourself
///
/// Prints the epoch and the token that writes under the lease carry:
/// GTD_BEAD, GTD_EPOCH and GTD_TOKEN of `gtd brief`, `gtd done` and `gtd ask`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The bead, or the beginning of its id
    id: String,
    /// Your name; in the worktree of a crew member that of the member
    #[arg(long = "as", value_name = "NAME")]
    name: Option<String>,
    #[command(flatten)]
    change: Change,
}

pub(super) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    let client = town::reach_for(ctx, &args.change).await?;
    let bead = find(&client, &args.id).await?;
    let name = args
        .name
        .clone()
        .or_else(|| member_here(ctx))
        .unwrap_or_else(login);
    let name = SeatName::parse(&name)
        .map_err(|error| CliError::usage(error.to_string()).help("give one with --as NAME"))?;
    if args.change.dry_run {
        return Ok(would(ctx, &[format!("claim {bead} for {name}")]));
    }
    let written = client
        .tell(Command::Claim {
            bead: bead.clone(),
            name: name.clone(),
        })
        .await
        .doing(|| format!("claim {bead}"))?;
    let epoch = written.epoch.map_or(0, |epoch| epoch.0);
    let token = written.lease_token.as_ref().map(gtd_client::Token::as_str);
    if ctx.screen.is_json() {
        ctx.screen
            .document(&json!({"kind": "Lease", "api": gtd_core::API, "bead": bead,
            "holder": name, "epoch": epoch, "token": token}));
        return Ok(Exit::Done);
    }
    ctx.screen.say(format!("{bead} is yours"));
    ctx.screen.line(format!("GTD_BEAD={bead}"));
    ctx.screen.line(format!("GTD_EPOCH={epoch}"));
    if let Some(token) = token {
        ctx.screen.line(format!("GTD_TOKEN={token}"));
    }
    Ok(Exit::Done)
}

/// Returns whose worktree the present folder is in, when it is that of a crew member.
fn member_here(ctx: &Context) -> Option<String> {
    let rig = ctx.rig().ok()??;
    let pool = std::fs::canonicalize(ctx.places.worktrees(&rig)).ok()?;
    let here = std::fs::canonicalize(&ctx.folder).ok()?;
    let slot = here.strip_prefix(pool).ok()?.components().next()?;
    let name = slot.as_os_str().to_str()?.strip_prefix("crew-")?;
    Some(name.to_owned())
}

fn login() -> String {
    match town::person() {
        gtd_client::Caller::Person { name } => name.to_ascii_lowercase(),
        _ => String::new(),
    }
}
