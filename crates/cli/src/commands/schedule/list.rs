//! `gtd schedule list`.

use gtd_core::{Moment, ScheduleDoc};
use serde_json::json;

use super::all;
use crate::{
    clock,
    context::Context,
    error::CliError,
    exit::Exit,
    filter::ListArgs,
    output::{Cell, Ink, Table, clock as at_clock},
    town,
};

/// List the schedules with the next three times of each
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    list: ListArgs,
}

pub(super) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    let client = town::reach(ctx).await?;
    let schedules = args.list.apply(all(&client, ctx.rig()?.as_ref()).await?)?;
    if ctx.screen.is_json() {
        ctx.screen
            .document(&json!({"kind": "ScheduleList", "api": gtd_core::API,
            "items": schedules, "next": ""}));
        return Ok(Exit::Done);
    }
    if ctx.screen.is_quiet() {
        for schedule in &schedules {
            ctx.screen.line(schedule.name.as_str());
        }
        return Ok(Exit::Done);
    }
    if schedules.is_empty() {
        ctx.screen
            .say("nothing comes by the clock.   gtd schedule add NAME --cron \"0 6 * * MON\" …");
        return Ok(Exit::Done);
    }
    let mut table = Table::new(
        &["SCHEDULE", "RIG", "STATE", "CRON", "NEXT", "GOAL", "FROM"],
        &["NEXT", "GOAL"],
    );
    for schedule in &schedules {
        let ink = match schedule.state.as_str() {
            "paused" => Ink::Warn,
            "running" => Ink::Good,
            _ => Ink::Plain,
        };
        let coming = match &schedule.paused {
            Some(by) => format!("paused by {by}"),
            None => times(ctx, &schedule.next),
        };
        table.row([
            Cell::inked(schedule.name.to_string(), Ink::Strong),
            Cell::from(schedule.rig.to_string()),
            Cell::inked(state(schedule), ink),
            Cell::from(schedule.cron.clone()),
            Cell::from(coming),
            Cell::from(schedule.goal.clone()),
            Cell::from(schedule.origin.clone()),
        ]);
    }
    for line in table.render(ctx.screen.look) {
        ctx.screen.line(line);
    }
    if let (Some(first), true) = (schedules.first(), ctx.screen.look.terminal) {
        ctx.screen.say(format!("times are those of {}", first.zone));
    }
    Ok(Exit::Done)
}

fn state(schedule: &ScheduleDoc) -> String {
    match (&schedule.last, schedule.state.as_str()) {
        (Some(last), "running") => format!("running {}", last.goal),
        (_, state) => state.to_owned(),
    }
}

/// Tells the coming times as a person reads them.
pub(super) fn times(ctx: &Context, coming: &[Moment]) -> String {
    let now = clock::now();
    let times: Vec<String> = coming
        .iter()
        .map(|moment| at_clock(*moment, now, ctx.screen.look))
        .collect();
    times.join(", ")
}
