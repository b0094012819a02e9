//! `gtd schedule`: goals that come by the clock.

mod add;
mod change;
mod list;

use gtd_client::Client;
use gtd_core::{RigName, ScheduleDoc};
use serde_json::Value;

use super::{goal, would};
use crate::{
    context::Context,
    error::{CliError, Kind},
    exit::Exit,
    lists,
};

/// Goals that come by the clock
///
/// A time that passes while the daemon is away, or while everything is stopped, is made up for once.
/// A goal whose last one has not ended waits for that.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// List the schedules with the next three times of each
    #[command(visible_alias = "ls")]
    List(list::Args),
    /// Have a goal come by the clock
    Add(add::Args),
    /// Make the goal of a schedule now, whatever the clock says
    Run(change::RunArgs),
    /// Hold a schedule back
    Pause(change::Args),
    /// Let a schedule go on, from its next time
    Resume(change::Args),
    /// Have a goal come by the clock no more
    #[command(visible_alias = "rm")]
    Remove(change::Args),
}

pub(crate) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    match args.verb {
        Verb::List(args) => list::run(ctx, args).await,
        Verb::Add(args) => add::run(ctx, args).await,
        Verb::Run(args) => change::run(ctx, args).await,
        Verb::Pause(args) => change::pause(ctx, args).await,
        Verb::Resume(args) => change::resume(ctx, args).await,
        Verb::Remove(args) => change::remove(ctx, args).await,
    }
}

/// Asks for the schedules of a rig, or of all.
async fn all(client: &Client, rig: Option<&RigName>) -> Result<Vec<ScheduleDoc>, CliError> {
    lists::all(client, &lists::of_rig("schedules", rig)).await
}

/// Finds a schedule by its name: on the rig that is named or that one stands in, else on any.
async fn find(ctx: &Context, client: &Client, name: &str) -> Result<ScheduleDoc, CliError> {
    let here = ctx.rig()?;
    let mut named = all(client, None).await?;
    named.retain(|schedule| schedule.name.as_str() == name);
    let on_this = named.iter().position(|doc| Some(&doc.rig) == here.as_ref());
    match (on_this, named.len()) {
        (Some(at), _) => Ok(named.swap_remove(at)),
        (None, 1) => Ok(named.swap_remove(0)),
        (None, 0) => Err(CliError::new(Kind::NotFound {
            kind: "schedule",
            name: name.to_owned(),
        })
        .help("schedules: gtd schedule list")),
        (None, _) => {
            let rigs: Vec<&str> = named.iter().map(|doc| doc.rig.as_str()).collect();
            Err(CliError::usage(format!(
                "several rigs have a schedule `{name}`: {}",
                rigs.join(" ")
            ))
            .help("name the rig: -r RIG"))
        }
    }
}

/// Makes the document of one schedule.
fn document(schedule: &ScheduleDoc) -> Value {
    serde_json::to_value(gtd_core::Document::new("Schedule", schedule)).unwrap_or_default()
}
