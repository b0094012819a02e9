//! `gtd crew remove`.

use std::time::Duration;

use gtd_core::{Command, CrewDoc};
use serde_json::json;

use super::{find, look_for, would};
use crate::{
    args::Change,
    context::Context,
    error::{CliError, Doing, Kind},
    exit::Exit,
    follow, town,
};

/// How long one waits until a worktree is put away, unless --timeout says.
const LIMIT: Duration = Duration::from_secs(30);

/// Have a member leave, unless work in its worktree would be lost
///
/// Files that are not committed, and commits that have not landed, keep the member where it is.
/// With --discard NAME they go too, once they are saved below refs/gtd/snap/crew-NAME in the
/// repository. Files that git ignores are not saved.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The member
    #[arg(value_name = "NAME")]
    name: String,
    /// Give up what has not landed: the member's name once more
    #[arg(long, value_name = "NAME")]
    discard: Option<String>,
    #[command(flatten)]
    change: Change,
}

pub(super) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    if let Some(other) = args.discard.as_ref().filter(|other| **other != args.name) {
        return Err(CliError::usage(format!(
            "--discard names {other}, and the member to remove is {}",
            args.name
        ))
        .help(format!("to give up its work: --discard {}", args.name)));
    }
    let client = town::reach_for(ctx, &args.change).await?;
    let member = find(&client, &args.name).await?;
    let name = &member.name;
    if args.change.dry_run {
        let what = match args.discard {
            Some(_) => format!("remove {name} from the crew, with what has not landed"),
            None => {
                format!("remove {name} from the crew, if nothing in its worktree would be lost")
            }
        };
        return Ok(would(ctx, &[what]));
    }
    client
        .tell(Command::RemoveCrew {
            member: name.clone(),
            discard: args.discard.is_some(),
        })
        .await
        .doing(|| format!("remove {name} from the crew"))?;
    let settled = follow::until_some(&client, async || {
        let now = look_for(&client, name.as_str()).await?;
        let is_settled = now.as_ref().is_none_or(|member| member.state != "leaving");
        Ok(is_settled.then_some(now))
    });
    let limit = ctx.wait_limit.unwrap_or(LIMIT);
    let Ok(settled) = tokio::time::timeout(limit, settled).await else {
        ctx.screen.insist(format!(
            "the worktree of {name} is not put away yet.   gtd crew list; gtd logs crew"
        ));
        return Ok(Exit::StillGoing);
    };
    match settled? {
        Some(stays) => Err(stays_because(&stays)),
        None => {
            tell(ctx, &member);
            Ok(Exit::Done)
        }
    }
}

fn stays_because(member: &CrewDoc) -> CliError {
    let name = &member.name;
    let kept = member.kept.as_deref().unwrap_or("somebody added it again");
    CliError::new(Kind::State(format!("its worktree holds back: {kept}")))
        .doing(format!("remove {name} from the crew"))
        .help(format!(
            "see it: cd \"$(gtd crew path {name})\"; save it and give it up: gtd crew remove {name} --discard {name}"
        ))
}

fn tell(ctx: &Context, member: &CrewDoc) {
    let name = &member.name;
    if ctx.screen.is_json() {
        ctx.screen
            .document(&json!({"kind": "CrewMember", "api": gtd_core::API,
            "name": name, "rig": member.rig, "removed": true}));
    } else {
        ctx.screen.line(format!("removed {name} from the crew"));
    }
}
