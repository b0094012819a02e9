//! `gtd rig gc`.

use std::time::Duration;

use gtd_client::Rehearsal;
use serde::Deserialize;

use crate::{
    context::Context,
    error::{CliError, Doing},
    exit::Exit,
    output::{Cell, Ink, Table},
    town,
};

/// How long the daemon may look through a repository.
const PATIENCE: Duration = Duration::from_mins(10);

/// Take away what gtd made for attempts that have ended
///
/// Without --yes it only says what would go. Worktrees go once what is
/// uncommitted in them is saved, branches where a target holds all of their
/// commits. Everything else stays, and so do worktrees in which a process works.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only say what would go; that is so without --yes, too
    #[arg(short = 'n', long, conflicts_with = "yes")]
    dry_run: bool,
    /// Take it away
    #[arg(short, long)]
    yes: bool,
}

#[derive(Debug, Deserialize)]
struct Leftovers {
    items: Vec<Leftover>,
}

#[derive(Debug, Deserialize)]
struct Leftover {
    #[serde(rename = "type")]
    kind: String,
    name: String,
    bead: Option<String>,
    stays: Option<String>,
    snapshot: Option<String>,
}

pub(super) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    let rig = ctx.need_rig()?;
    let (client, rehearsal) = match args.yes {
        true => (town::reach_or_start(ctx).await?, Rehearsal::No),
        false => (town::reach(ctx).await?, Rehearsal::Only),
    };
    let client = client.with_deadline(ctx.deadline.unwrap_or(PATIENCE));
    let document = client
        .sweep_rig(&rig, rehearsal)
        .await
        .doing(|| format!("look for leftovers of {rig}"))?;
    if ctx.screen.is_json() {
        ctx.screen.document(&document);
        return Ok(Exit::Done);
    }
    let found: Leftovers = town::read(&document)?;
    let going = || {
        found
            .items
            .iter()
            .filter(|leftover| leftover.stays.is_none())
    };
    if ctx.screen.is_quiet() {
        for leftover in going() {
            ctx.screen.line(&leftover.name);
        }
        return Ok(Exit::Done);
    }
    let mut table = Table::new(&["FATE", "TYPE", "NAME", "BEAD", "WHY"], &["WHY", "NAME"]);
    for leftover in &found.items {
        let (fate, why) = match (&leftover.stays, args.yes) {
            (Some(why), _) => ("stays", why.clone()),
            (None, false) => ("goes", String::new()),
            (None, true) => (
                "gone",
                match &leftover.snapshot {
                    Some(snapshot) => format!("saved at {snapshot}"),
                    None => String::new(),
                },
            ),
        };
        table.row([
            Cell::from(fate),
            Cell::from(leftover.kind.as_str()),
            Cell::inked(leftover.name.as_str(), Ink::Strong),
            Cell::from(leftover.bead.as_deref().unwrap_or("–")),
            Cell::from(why),
        ]);
    }
    if !found.items.is_empty() {
        for line in table.render(ctx.screen.look) {
            ctx.screen.line(line);
        }
    }
    ctx.screen.say(match (going().count(), args.yes) {
        (0, _) => format!("nothing of {rig} is left over that could go"),
        (n, true) => format!("{n} taken away"),
        (n, false) => format!("{n} would go: gtd rig gc --yes"),
    });
    Ok(Exit::Done)
}
