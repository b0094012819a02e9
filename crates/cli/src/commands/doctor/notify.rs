//! Whether a person can be told what needs them, while they are away.

use gtd_client::{Client, Rehearsal, town_config};
use gtd_core::{
    ListDoc,
    config::{Channel, Way, notify_rules},
};

use super::check::Check;
use crate::{
    commands::{notify, runtime::program},
    context::Context,
    town,
};

/// What a check of a channel offers.
const TEST: &str = "gtd notify test";

/// Looks at each channel: whether what it needs is there, and how it did last.
pub(super) async fn notify(ctx: &Context) -> Vec<Check> {
    let Ok(config) = town_config(&ctx.places) else {
        // The configuration has a check of its own.
        return Vec::new();
    };
    let channels = notify_rules(&config).channels;
    let failed = match channels.is_empty() {
        true => Vec::new(),
        false => failed(ctx).await,
    };
    let checks = channels.iter().map(|channel| {
        let name = channel.name();
        let id = format!("notify.{name}");
        let why = failed.iter().find(|(failed, _)| *failed == name);
        match (missing(channel), why) {
            (Some(program), _) => {
                let text = format!("{name} tells nobody: {program} is not on PATH");
                Check::warn(id, text, format!("install {program}"))
            }
            (None, Some((_, why))) => Check::warn(
                id,
                format!("{name} failed when it was used last: {why}"),
                TEST,
            ),
            (None, None) => Check::good(id, format!("{name} is there")),
        }
    });
    checks.collect()
}

/// Says that nobody is told of anything in the night.
pub(super) fn night(ctx: &Context) -> Option<Check> {
    let config = town_config(&ctx.places).ok()?;
    let is_silent = notify_rules(&config).channels.is_empty();
    let text = "nobody is told when something needs you: no channel is configured";
    is_silent.then(|| Check::warn("night.notify", text, "gtd help overnight"))
}

/// Finds the program that a channel needs and that is not there.
fn missing(channel: &Channel) -> Option<&str> {
    let program = match &channel.way {
        Way::Desktop => "notify-send",
        Way::Ntfy { .. } => "curl",
        Way::Exec { command } => command.first()?,
    };
    program::find(program).is_none().then_some(program)
}

/// Lists the channels that failed when they were used last, as far as the daemon knows.
async fn failed(ctx: &Context) -> Vec<(String, String)> {
    let client = Client::open(ctx.places.socket(), town::person());
    let Ok(document) = client.try_channels(None, Rehearsal::Only).await else {
        return Vec::new();
    };
    let list = town::read::<ListDoc<notify::Channel>>(&document);
    let items = list.map_or_else(|_| Vec::new(), |list| list.items);
    let failed = items.into_iter();
    failed
        .filter_map(|channel| Some((channel.name, channel.why?)))
        .collect()
}
