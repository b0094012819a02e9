//! `gtd schedule add`.

use std::path::PathBuf;

use gtd_core::{Command, Cron, ScheduleName, ScheduledGoal};

use super::{document, find, goal, list::times, would};
use crate::{
    args::Change,
    context::Context,
    error::{CliError, Doing},
    exit::Exit,
    settings, town, wishes,
};

/// Have a goal come by the clock
///
/// The expression has five fields: minute, hour, day, month, weekday; with six the first is the
/// second. `0 6 * * MON` is Mondays at six, `*/30 * * * *` every half hour, `@daily` midnight. It is
/// read in the time zone of the daemon. The rig is that of the present folder, or of --rig.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Its name, once per rig
    #[arg(value_name = "NAME", value_parser = name)]
    name: ScheduleName,
    /// When
    #[arg(long, value_name = "EXPR", value_parser = cron)]
    cron: Cron,
    /// What is wanted; `-` reads it from stdin
    #[arg(long, value_name = "TEXT", required_unless_present = "plan")]
    goal: Option<String>,
    /// A plan file: the beads, in TOML; it is read now
    #[arg(long, value_name = "FILE", conflicts_with = "script")]
    plan: Option<PathBuf>,
    /// The one script that does it
    #[arg(long = "run", value_name = "SCRIPT", value_parser = wishes::script)]
    script: Option<String>,
    /// Seats at most
    #[arg(long, value_name = "N", allow_negative_numbers = true,
        value_parser = clap::value_parser!(u32).range(1..))]
    max: Option<u32>,
    #[command(flatten)]
    change: Change,
}

fn name(text: &str) -> Result<ScheduleName, String> {
    ScheduleName::parse(text).map_err(|error| error.to_string())
}

fn cron(text: &str) -> Result<Cron, String> {
    Cron::parse(text).map_err(|error| error.to_string())
}

pub(super) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    let rig = ctx.need_rig()?;
    let runtimes = settings::runtimes(&settings::effective(ctx, Some(&rig))?);
    let given = match &args.plan {
        Some(path) => Some(goal::PlanText::read(ctx, path, &runtimes)?),
        None => None,
    };
    let text = match &args.goal {
        Some(text) => Some(goal::read_goal(text, args.plan.as_deref())?),
        None => None,
    };
    let client = town::reach_for(ctx, &args.change).await?;
    let plan = match &given {
        Some(given) => Some(given.check_needs(&client, &runtimes).await?),
        None => None,
    };
    let title = match (&text, &plan) {
        (Some(text), _) => text.clone(),
        (None, Some(plan)) if !plan.title.is_empty() => plan.title.clone(),
        (None, _) => args.name.to_string(),
    };
    let spec = wishes::titled(&title);
    let wish = ScheduledGoal {
        max: args.max,
        ..match (&args.script, plan) {
            (Some(script), _) => ScheduledGoal::of_script(spec, script),
            (None, plan) => ScheduledGoal {
                plan,
                ..ScheduledGoal::of_words(spec)
            },
        }
    };
    let Args { name, cron, .. } = args;
    if args.change.dry_run {
        return Ok(would(ctx, &[format!("schedule {name} for {rig}: {cron}")]));
    }
    client
        .tell(Command::AddSchedule {
            rig,
            schedule: name.clone(),
            cron,
            goal: wish,
        })
        .await
        .doing(|| format!("schedule {name}"))?;
    let made = find(ctx, &client, name.as_str()).await?;
    if ctx.screen.is_json() {
        ctx.screen.document(&document(&made));
        return Ok(Exit::Done);
    }
    if ctx.screen.is_quiet() {
        ctx.screen.line(name.as_str());
        return Ok(Exit::Done);
    }
    let (rig, cron, zone) = (&made.rig, &made.cron, &made.zone);
    ctx.screen
        .line(format!("scheduled {name} for {rig}: {cron} ({zone})"));
    ctx.screen
        .line(format!("  next  {}", times(ctx, &made.next)));
    ctx.screen.next(&[
        format!("gtd schedule run {name}"),
        "gtd schedule list".to_owned(),
    ]);
    Ok(Exit::Done)
}
