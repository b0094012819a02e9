//! `gtd gate`: commands whose exit code is proof. One file for each verb.

mod list;
mod run;
mod show;

use gtd_client::Client;
use gtd_core::RigName;
use gtd_wire::pb::merge::v1::GateHistoryRequest;
use serde::Deserialize;

pub(crate) use self::show::{Shown, TestShown};
use crate::{context::Context, error::CliError, exit::Exit, town};

/// The gates: what they are, what they say, what they said
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
#[command(defer = true)]
enum Verb {
    /// List the gates, each with what it said last
    #[command(visible_alias = "ls")]
    List(list::Args),
    /// Have a gate run, in the same surroundings as in the merge queue
    Run(run::Args),
    /// Show one gate, with what it said last
    Show(show::Args),
    /// Show what a gate said, the newest first
    History(show::HistoryArgs),
}

impl Args {
    /// Tells whether the command waits.
    pub(crate) fn waits(&self) -> bool {
        matches!(self.verb, Verb::Run(_))
    }
}

pub(crate) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    match args.verb {
        Verb::List(args) => list::run(ctx, args).await,
        Verb::Run(args) => run::run(ctx, args).await,
        Verb::Show(args) => show::run(ctx, args).await,
        Verb::History(args) => show::run_history(ctx, args).await,
    }
}

/// What a gate said, as the daemon tells it.
#[derive(Debug, Deserialize)]
struct History {
    flaky: bool,
    pending: Vec<Pending>,
    items: Vec<Shown>,
    #[serde(default)]
    tests: Vec<TestShown>,
}

#[derive(Debug, Deserialize)]
struct Pending {
    number: u64,
}

/// Reads what a gate said.
async fn history(
    client: &Client,
    rig: &RigName,
    gate: &str,
    limit: u32,
) -> Result<serde_json::Value, CliError> {
    let request = GateHistoryRequest {
        rig: rig.to_string(),
        gate: gate.to_owned(),
        limit,
    };
    match client.read(request).await {
        Ok(document) => Ok(document),
        Err(error) => {
            let error = CliError::from(error);
            let gates = client.gates(Some(rig)).await;
            let names = gates.ok().and_then(|gates| {
                let items = gates["items"].as_array()?;
                let names: Vec<&str> = items.iter().filter_map(|g| g["name"].as_str()).collect();
                Some(names.join(" "))
            });
            Err(match names {
                Some(names) if !names.is_empty() => error.help(format!("gates of {rig}: {names}")),
                _ => error.help(format!(
                    "{rig} has no gates: [[gate]] in gtd.toml, then gtd trust"
                )),
            })
        }
    }
}

/// Reads the typed part of it.
fn read(document: &serde_json::Value) -> Result<History, CliError> {
    town::read(document)
}
