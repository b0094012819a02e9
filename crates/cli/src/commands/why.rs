//! `gtd why`: why is this waiting, failed or slow.

use gtd_client::Client;
use gtd_core::{BeadRow, NeedsYou, Standing, Why};

use crate::{
    clock,
    context::Context,
    error::CliError,
    exit::Exit,
    lists,
    show::{self, Waiting},
    town,
};

/// Why is this waiting, failed or slow
///
/// Every bead that has not ended has exactly one reason, says whether it clears
/// by itself, and names the command to run next. Without an id: the whole rig.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A goal or a bead, or the beginning of its id
    id: Option<String>,
    /// Exit 0 when it is done, 8 while it waits, 4 when it needs you, 5 when it failed
    #[arg(long)]
    exit_code: bool,
}

pub(crate) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    let client = town::reach(ctx).await?;
    let standing = match &args.id {
        Some(id) => one(ctx, &client, id).await?,
        None => all(ctx, &client).await?,
    };
    Ok(match standing {
        _ if !args.exit_code => Exit::Done,
        Standing::Ok => Exit::Done,
        Standing::Waiting => Exit::StillGoing,
        Standing::NeedsYou => Exit::NeedsYou,
        Standing::Failed => Exit::WorkFailed,
    })
}

async fn one(ctx: &Context, client: &Client, id: &str) -> Result<Standing, CliError> {
    let id = town::find(client, id).await?.id;
    crate::last::remember(&id);
    let document = client.why(Some(&id)).await?;
    let why: Why = town::read(&document)?;
    if ctx.screen.is_json() {
        ctx.screen.document(&document);
    } else {
        for line in show::why(&why, clock::now(), ctx.screen.look) {
            ctx.screen.line(line);
        }
    }
    Ok(why.verdict)
}

async fn all(ctx: &Context, client: &Client) -> Result<Standing, CliError> {
    let rig = ctx.rig()?;
    let rows: Vec<BeadRow> = lists::all(client, &lists::unfinished(rig.as_ref())).await?;
    let mut needs_you: Vec<NeedsYou> = lists::all(client, &lists::inbox(rig.as_ref())).await?;
    needs_you.retain(|item| !item.is_snoozed());
    let waiting = Waiting::of(rows);
    if ctx.screen.is_json() {
        let rig = rig.as_ref().map(gtd_core::RigName::as_str);
        ctx.screen.document(&waiting.document(rig, &needs_you));
    } else {
        for line in show::waiting(&waiting, &needs_you, ctx.screen.look) {
            ctx.screen.line(line);
        }
    }
    Ok(if !needs_you.is_empty() {
        Standing::NeedsYou
    } else if waiting == Waiting::default() {
        Standing::Ok
    } else {
        Standing::Waiting
    })
}
