//! `gtd schedule run`, `pause`, `resume` and `remove`.

use gtd_core::{Command, ScheduleDoc};
use serde_json::json;

use super::{document, find, list::times, would};
use crate::{
    args::Change,
    context::Context,
    error::{CliError, Doing, Kind},
    exit::Exit,
    last, town,
};

/// A schedule that is to be another.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The schedule
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    change: Change,
}

/// Make the goal of a schedule now, whatever the clock says
///
/// It does not count as one of its times, and a schedule that is held back stays so.
#[derive(Debug, clap::Args)]
pub(super) struct RunArgs {
    /// The schedule
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    change: Change,
}

pub(super) async fn run(ctx: &Context, args: RunArgs) -> Result<Exit, CliError> {
    let client = town::reach_for(ctx, &args.change).await?;
    let known = find(ctx, &client, &args.name).await?;
    if args.change.dry_run {
        return Ok(would(ctx, &[format!("set the goal `{}`", known.goal)]));
    }
    let written = client
        .tell(Command::FireSchedule {
            rig: known.rig.clone(),
            schedule: known.name.clone(),
            due: None,
            missed: 0,
            target: None,
        })
        .await
        .doing(|| format!("run {}", known.name))?;
    let Some(id) = written.ids.first() else {
        return Err(CliError::new(Kind::Daemon(
            "the daemon set the goal and did not name it".to_owned(),
        )));
    };
    last::remember(id);
    if ctx.screen.is_json() {
        ctx.screen.document(&client.get(id).await?);
    } else if ctx.screen.is_quiet() {
        ctx.screen.line(id);
    } else {
        ctx.screen.line(format!("{id}  {}", known.goal));
        ctx.screen
            .next(&[format!("gtd wait {id}"), "gtd status".to_owned()]);
    }
    Ok(Exit::Done)
}

pub(super) async fn pause(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    let why = args.change.why();
    let command = |known: &ScheduleDoc| Command::PauseSchedule {
        rig: known.rig.clone(),
        schedule: known.name.clone(),
        why,
    };
    let Some(known) = change(ctx, args, "pause", command).await? else {
        return Ok(Exit::Done);
    };
    tell(ctx, &known, &format!("paused {}", known.name));
    ctx.screen
        .next(&[format!("gtd schedule resume {}", known.name)]);
    Ok(Exit::Done)
}

pub(super) async fn resume(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    let command = |known: &ScheduleDoc| Command::ResumeSchedule {
        rig: known.rig.clone(),
        schedule: known.name.clone(),
    };
    let Some(known) = change(ctx, args, "resume", command).await? else {
        return Ok(Exit::Done);
    };
    let next = times(ctx, &known.next);
    tell(ctx, &known, &format!("resumed {}: {next}", known.name));
    Ok(Exit::Done)
}

pub(super) async fn remove(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    let client = town::reach_for(ctx, &args.change).await?;
    let known = find(ctx, &client, &args.name).await?;
    let name = &known.name;
    if args.change.dry_run {
        return Ok(would(ctx, &[format!("remove schedule {name}")]));
    }
    client
        .tell(Command::RemoveSchedule {
            rig: known.rig.clone(),
            schedule: name.clone(),
        })
        .await
        .doing(|| format!("remove schedule {name}"))?;
    if ctx.screen.is_json() {
        ctx.screen
            .document(&json!({"kind": "Schedule", "api": gtd_core::API,
            "name": name, "rig": known.rig, "removed": true}));
    } else {
        ctx.screen.line(format!("removed schedule {name}"));
        ctx.screen.next(&["gtd undo".to_owned()]);
    }
    Ok(Exit::Done)
}

/// Changes a schedule and looks at it again; nothing when that was only rehearsed.
async fn change(
    ctx: &Context,
    args: Args,
    verb: &str,
    command: impl FnOnce(&ScheduleDoc) -> Command,
) -> Result<Option<ScheduleDoc>, CliError> {
    let client = town::reach_for(ctx, &args.change).await?;
    let known = find(ctx, &client, &args.name).await?;
    if args.change.dry_run {
        would(ctx, &[format!("{verb} schedule {}", known.name)]);
        return Ok(None);
    }
    client
        .tell(command(&known))
        .await
        .doing(|| format!("{verb} schedule {}", known.name))?;
    let known = find(ctx, &client, &args.name).await?;
    Ok(Some(known))
}

fn tell(ctx: &Context, known: &ScheduleDoc, sentence: &str) {
    if ctx.screen.is_json() {
        ctx.screen.document(&document(known));
    } else {
        ctx.screen.line(sentence);
    }
}
