//! `gtd pause`: begin no new work; what is at work goes on.

use gtd_client::Client;
use gtd_core::{Command, PauseScope, RigName, RoleName, RuntimeName, config::configured_runtimes};
use serde_json::json;

use super::would;
use crate::{
    args::Change,
    context::Context,
    error::{CliError, Doing, Kind},
    exit::Exit,
    town,
};

/// The roles that gtd brings along.
pub(crate) const ROLES: [&str; 7] = [
    "mayor", "crew", "worker", "refinery", "witness", "reviewer", "deacon",
];

/// Begin no new work; what is at work goes on
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A goal, a bead, a role, a rig or a runtime; without one, the rig of the present folder or the town
    scope: Option<String>,
    #[command(flatten)]
    change: Change,
}

pub(crate) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    let client = town::reach_for(ctx, &args.change).await?;
    let scope = match &args.scope {
        Some(word) => scope_of(ctx, &client, word).await?,
        None => match ctx.rig()? {
            Some(rig) => PauseScope::Rig(rig),
            None => PauseScope::Town,
        },
    };
    let name = name_of(&scope);
    if args.change.dry_run {
        return Ok(would(ctx, &[format!("pause {name}")]));
    }
    let why = args.change.why();
    client
        .tell(Command::Pause { scope, why })
        .await
        .doing(|| format!("pause {name}"))?;
    if ctx.screen.is_json() {
        ctx.screen
            .document(&json!({"kind": "Pause", "api": gtd_core::API,
            "scope": name, "paused": true}));
    } else {
        ctx.screen.line(format!(
            "paused {name}: what is at work goes on, nothing new begins"
        ));
        ctx.screen.next(&["gtd resume".to_owned()]);
    }
    Ok(Exit::Done)
}

/// Finds what a word means: a role, a rig, a runtime, or the id of a goal or bead.
pub(crate) async fn scope_of(
    ctx: &Context,
    client: &Client,
    word: &str,
) -> Result<PauseScope, CliError> {
    if let (Ok(role), true) = (RoleName::parse(word), ROLES.contains(&word)) {
        return Ok(PauseScope::Role(role));
    }
    if word == "town" {
        return Ok(PauseScope::Town);
    }
    if let Ok(rig) = RigName::parse(word)
        && ctx.rig_folders()?.folder(&rig).is_some()
    {
        return Ok(PauseScope::Rig(rig));
    }
    if let Some(runtime) = runtime(ctx, word) {
        return Ok(PauseScope::Runtime(runtime));
    }
    match town::find(client, word).await {
        Ok(found) => Ok(PauseScope::Bead(found.bead()?)),
        Err(error) if matches!(error.kind, Kind::Rejected(_)) => {
            Err(error.help("name a goal, a bead, a role, a rig or a runtime"))
        }
        Err(error) => Err(error),
    }
}

/// Finds a runtime of the configuration; one that cannot be read has none.
fn runtime(ctx: &Context, word: &str) -> Option<RuntimeName> {
    let config = gtd_client::town_config(&ctx.places).ok()?;
    let mut runtimes = configured_runtimes(&config).into_iter();
    let found = runtimes.find(|runtime| runtime.name.as_str() == word)?;
    Some(found.name)
}

/// Returns the name of a scope.
pub(crate) fn name_of(scope: &PauseScope) -> String {
    match scope {
        PauseScope::Town => "the town".to_owned(),
        PauseScope::Rig(rig) => rig.to_string(),
        PauseScope::Bead(bead) => bead.to_string(),
        PauseScope::Role(role) => role.to_string(),
        PauseScope::Runtime(runtime) => runtime.to_string(),
    }
}
