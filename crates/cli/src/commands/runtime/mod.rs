//! `gtd runtime`: what agents run on. One file for each verb.

mod list;
mod price;
mod probe;
pub(super) mod program;
mod show;

use std::collections::BTreeMap;

use gtd_core::{
    LimitDoc, StatusDoc,
    config::{ConfiguredRuntime, configured_runtimes},
};
use serde_json::{Value, json};

use crate::{
    context::Context,
    error::{CliError, Kind},
    exit::Exit,
    settings, town,
};

/// What agents run on: which there are, what holds them up, do they answer
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
#[command(defer = true)]
enum Verb {
    /// List the runtimes with what holds them up
    #[command(visible_alias = "ls")]
    List(list::Args),
    /// Show one runtime: its program, its models, what was set
    Show(show::Args),
    /// Ask the programs for their versions, and look whether somebody is logged in
    Probe(probe::Args),
}

pub(crate) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    match args.verb {
        Verb::List(args) => list::run(ctx, args).await,
        Verb::Show(args) => show::run(ctx, &args).await,
        Verb::Probe(args) => probe::run(ctx, &args).await,
    }
}

/// Reads which runtimes there are for the rig one stands in, or for the town.
pub(super) fn all(ctx: &Context) -> Result<Vec<ConfiguredRuntime>, CliError> {
    let rig = ctx.rig()?;
    Ok(configured_runtimes(&settings::effective(
        ctx,
        rig.as_ref(),
    )?))
}

/// Finds a runtime by its name.
fn find(ctx: &Context, name: &str) -> Result<ConfiguredRuntime, CliError> {
    let all = all(ctx)?;
    let names: Vec<&str> = all.iter().map(|runtime| runtime.name.as_str()).collect();
    let help = format!(
        "runtimes: {}   another one: gtd config set runtimes.{name}.preset claude-code",
        names.join(" ")
    );
    let found = all
        .into_iter()
        .find(|runtime| runtime.name.as_str() == name);
    found.ok_or_else(|| {
        CliError::new(Kind::NotFound {
            kind: "runtime",
            name: name.to_owned(),
        })
        .help(help)
    })
}

/// Asks the daemon what holds runtimes up; without a daemon nobody knows.
async fn limits(ctx: &Context) -> Result<Option<BTreeMap<String, LimitDoc>>, CliError> {
    let client = match town::reach(ctx).await {
        Ok(client) => client,
        Err(error) if error.is_lost() => return Ok(None),
        Err(error) => return Err(error),
    };
    let status: StatusDoc = town::read(&client.status().await?)?;
    let limits = status.limits.into_iter();
    Ok(Some(
        limits
            .map(|limit| (limit.runtime.to_string(), limit))
            .collect(),
    ))
}

/// Makes the document of a runtime.
fn document(runtime: &ConfiguredRuntime, limit: Option<&LimitDoc>) -> Value {
    let variables: Vec<&String> = runtime.env.keys().collect();
    json!({
        "kind": "Runtime",
        "api": gtd_core::API,
        "name": runtime.name,
        "preset": runtime.preset,
        "command": runtime.command,
        "models": runtime.models,
        "env": variables,
        "secrets": runtime.secrets.keys().collect::<Vec<_>>(),
        "mcp": runtime.mcp,
        "max_parallel": runtime.max_parallel,
        "context": runtime.context,
        "price": runtime.price.map(price::document),
        "usable": runtime.usable,
        "limit": limit,
    })
}

/// Says what a runtime is: brought along, a known program, or a command.
fn what(runtime: &ConfiguredRuntime) -> String {
    match runtime.preset.as_deref() {
        None if runtime.usable => "built in".to_owned(),
        None => "no preset".to_owned(),
        Some(preset) => preset.to_owned(),
    }
}
