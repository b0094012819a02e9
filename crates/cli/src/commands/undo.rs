//! `gtd undo`: take back what a person did last.

use gtd_client::{Client, Rehearsal, WriteContext};
use gtd_core::{Document, ListDoc, OpDoc, Revision};

use super::would;
use crate::{
    clock,
    context::Context,
    error::{CliError, Doing, Kind},
    exit::Exit,
    output::{Cell, Ink, Table, ago},
    town,
};

/// Take back what a person did last
///
/// Making, editing, linking, noting, closing, stopping, parking, retrying,
/// answering, approving and pausing are undone; what somebody else built upon
/// meanwhile is not taken away: that is refused, with another way. Work that an
/// operation ended goes back to the line. Undoing an undo does it again. A commit
/// that has landed is taken back by gtd merge revert. Configuration is in files and
/// not in the log: what gtd config set changed, the command takes back that it
/// names at its end.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The number of the operation; without one, the last that was not undone
    #[arg(value_name = "OP")]
    op: Option<u64>,
    /// List what people did, the newest first
    #[arg(long, conflicts_with_all = ["op", "dry_run"])]
    list: bool,
    /// How many to list
    #[arg(
        short = 'L',
        long,
        value_name = "N",
        requires = "list",
        default_value = "20"
    )]
    limit: u32,
    /// Check everything and change nothing
    #[arg(short = 'n', long)]
    dry_run: bool,
}

pub(crate) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    let client = town::reach(ctx).await?;
    if args.list {
        return list(ctx, &client, args.limit).await;
    }
    let op = match args.op {
        Some(op) => Revision(op),
        None => last(&client).await?,
    };
    let rehearsal = if args.dry_run {
        Rehearsal::Only
    } else {
        Rehearsal::No
    };
    let document = client
        .undo(op, rehearsal, WriteContext::default())
        .await
        .doing(|| format!("undo {op}"))?;
    let made: OpDoc = town::read(&document)?;
    if args.dry_run {
        return Ok(would(ctx, &[made.what]));
    }
    if ctx.screen.is_json() {
        ctx.screen.document(&document);
    } else if ctx.screen.is_quiet() {
        ctx.screen.line(made.id.to_string());
    } else {
        let what = made.what.strip_prefix("undo ").unwrap_or(&made.what);
        ctx.screen.line(format!("undone  {what}"));
        ctx.screen
            .next(&[format!("gtd undo {}  (do it again)", made.id)]);
    }
    Ok(Exit::Done)
}

/// Finds the last operation that was neither undone nor is an undo.
async fn last(client: &Client) -> Result<Revision, CliError> {
    let list: Document<ListDoc<OpDoc>> = read(client, 500).await?;
    list.body
        .items
        .iter()
        .find(|op| op.undoes.is_none() && op.undone_by.is_none())
        .map(|op| op.id)
        .ok_or_else(|| {
            CliError::new(Kind::State("there is nothing to undo".to_owned()))
                .help("what people did: gtd undo --list")
        })
}

async fn read(client: &Client, limit: u32) -> Result<Document<ListDoc<OpDoc>>, CliError> {
    let document = client.operations(limit).await?;
    let body = town::read(&document)?;
    Ok(Document::new("OpList", body))
}

async fn list(ctx: &Context, client: &Client, limit: u32) -> Result<Exit, CliError> {
    if ctx.screen.is_json() {
        ctx.screen.document(&client.operations(limit).await?);
        return Ok(Exit::Done);
    }
    let list = read(client, limit).await?;
    let mut table = Table::new(&["OP", "WHEN", "BY", "WHAT", ""], &["WHAT"]);
    let now = clock::now();
    for op in list.body.items {
        if ctx.screen.is_quiet() {
            ctx.screen.line(op.id.to_string());
            continue;
        }
        let (ink, fate) = match (op.undone_by, op.undoes) {
            (Some(by), _) => (Ink::Faint, format!("undone by {by}")),
            (None, Some(_)) => (Ink::Faint, String::new()),
            (None, None) => (Ink::Plain, String::new()),
        };
        table.row([
            Cell::inked(op.id.to_string(), Ink::Strong),
            Cell::from(if ctx.screen.look.terminal {
                ago(op.at, now)
            } else {
                op.at.to_string()
            }),
            Cell::from(op.by),
            Cell::inked(op.what, ink),
            Cell::inked(fate, Ink::Faint),
        ]);
    }
    for line in table.render(ctx.screen.look) {
        ctx.screen.line(line);
    }
    Ok(Exit::Done)
}
