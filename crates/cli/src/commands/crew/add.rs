//! `gtd crew add`.

use std::time::Duration;

use gtd_core::{Command, SeatName};

use super::{document, folder, look_for, would};
use crate::{
    args::Change,
    context::Context,
    error::{CliError, Doing},
    exit::Exit,
    follow, town,
};

/// How long one waits for a worktree, unless --timeout says.
const LIMIT: Duration = Duration::from_secs(30);

/// Have a member join, with a worktree of its own
///
/// The rig is that of the present folder, or of --rig. The worktree stands on the branch
/// gtd/crew/NAME, which begins where work of the rig lands; a branch of that name that is there
/// already is taken as it is.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Its name, once per town
    #[arg(value_name = "NAME", value_parser = name)]
    name: SeatName,
    #[command(flatten)]
    change: Change,
}

fn name(text: &str) -> Result<SeatName, String> {
    SeatName::parse(text).map_err(|error| error.to_string())
}

pub(super) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    let rig = ctx.need_rig()?;
    let name = args.name;
    let client = town::reach_for(ctx, &args.change).await?;
    if args.change.dry_run {
        return Ok(would(ctx, &[format!("add {name} to the crew of {rig}")]));
    }
    client
        .tell(Command::AddCrew {
            rig,
            member: name.clone(),
        })
        .await
        .doing(|| format!("add {name} to the crew"))?;
    let settled = follow::until_some(&client, async || {
        let member = look_for(&client, name.as_str()).await?;
        Ok(member.filter(|member| member.state != "coming"))
    });
    let limit = ctx.wait_limit.unwrap_or(LIMIT);
    let Ok(member) = tokio::time::timeout(limit, settled).await else {
        ctx.screen.insist(format!(
            "the worktree of {name} is not ready yet.   gtd crew list; gtd logs crew"
        ));
        return Ok(Exit::StillGoing);
    };
    let member = member?;
    if ctx.screen.is_json() {
        ctx.screen.document(&document(ctx, &member));
        return Ok(Exit::Done);
    }
    if ctx.screen.is_quiet() {
        ctx.screen.line(name.as_str());
        return Ok(Exit::Done);
    }
    let (rig, branch) = (&member.rig, &member.branch);
    ctx.screen
        .line(format!("added {name} to the crew of {rig}, on {branch}"));
    ctx.screen
        .line(format!("  {}", folder(ctx, &member).display()));
    ctx.screen.next(&[
        format!("cd \"$(gtd crew path {name})\""),
        "gtd bead claim ID".to_owned(),
    ]);
    Ok(Exit::Done)
}
