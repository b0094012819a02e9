//! `gtd inbox`: the decisions that wait for a person, and nothing else.
//!
//! It shows what `gtd status` counts as needing you; the two never differ.

use gtd_core::NeedsYou;
use serde_json::json;

use crate::{
    clock,
    context::Context,
    error::{CliError, Kind},
    exit::Exit,
    filter::ListArgs,
    lists, show, town,
};

/// Decisions that wait for you
///
/// Those that most work waits for come first. Each names the command that
/// answers it.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only the one of this number, or those about this goal, bead, rig or role
    subject: Option<String>,
    /// Only of these kinds
    #[arg(
        long,
        value_name = "KIND",
        value_delimiter = ',',
        value_parser = ["plan", "question", "failure", "gate", "pause", "stop", "alert"]
    )]
    kind: Vec<String>,
    /// Of all rigs, also in a rig
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    list: ListArgs,
    /// Exit with 4 when something waits
    #[arg(long)]
    exit_code: bool,
}

pub(crate) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    let client = town::reach(ctx).await?;
    let rig = if args.all { None } else { ctx.rig()? };
    let items: Vec<NeedsYou> = lists::all(&client, &lists::inbox(rig.as_ref())).await?;
    let is_wanted = |item: &NeedsYou| args.kind.is_empty() || args.kind.contains(&item.kind);
    let items = items.into_iter().filter(is_wanted).collect();
    let items = match &args.subject {
        None => items,
        Some(subject) => about(items, subject)?,
    };
    let items = args.list.apply(items)?;
    if ctx.screen.is_json() {
        ctx.screen
            .document(&json!({"kind": "Inbox", "api": gtd_core::API, "items": items, "next": ""}));
    } else if ctx.screen.is_quiet() {
        for item in &items {
            ctx.screen.line(&item.subject);
        }
    } else if items.is_empty() {
        ctx.screen.say("nothing waits for you");
    } else {
        for line in items
            .iter()
            .flat_map(|item| show::needs_you(item, clock::now(), ctx.screen.look))
        {
            ctx.screen.line(line);
        }
    }
    Ok(if args.exit_code && !items.is_empty() {
        Exit::NeedsYou
    } else {
        Exit::Done
    })
}

fn about(items: Vec<NeedsYou>, subject: &str) -> Result<Vec<NeedsYou>, CliError> {
    let found: Vec<NeedsYou> = items
        .into_iter()
        .filter(|item| {
            let number = item.n.map(|n| n.to_string());
            item.subject.starts_with(subject) || number.as_deref() == Some(subject)
        })
        .collect();
    if found.is_empty() {
        return Err(CliError::new(Kind::NotFound {
            kind: "decision about",
            name: subject.to_owned(),
        })
        .help("gtd inbox"));
    }
    Ok(found)
}
