//! `gtd bead list` and `gtd bead ready`.

use gtd_core::{BeadRow, BeadState};
use gtd_wire::pb::graph::v1::QueryRequest;
use serde_json::json;

use crate::{context::Context, error::CliError, exit::Exit, lists, show, town};

/// Reads a state.
fn state(text: &str) -> Result<BeadState, String> {
    BeadState::WORDS
        .iter()
        .find(|(word, _)| *word == text)
        .map(|(_, state)| *state)
        .ok_or_else(|| {
            let words: Vec<&str> = BeadState::WORDS.iter().map(|(word, _)| *word).collect();
            format!("states: {}", words.join(" "))
        })
}

/// List beads
///
/// Those that have not ended, unless --state or --all says otherwise.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only those in this state; may be given again
    #[arg(long, value_name = "STATE", value_parser = state, value_delimiter = ',')]
    state: Vec<BeadState>,
    /// Those that have ended, too
    #[arg(short, long, conflicts_with = "state")]
    all: bool,
    /// Only those that wait for this reason, such as dependency
    #[arg(long, value_name = "CODE")]
    reason: Option<String>,
    #[command(flatten)]
    which: Which,
}

/// List beads that could begin now
#[derive(Debug, clap::Args)]
pub(super) struct ReadyArgs {
    #[command(flatten)]
    which: Which,
}

/// What a list is narrowed to.
#[derive(Debug, clap::Args)]
struct Which {
    /// Only those with this label; may be given again
    #[arg(short, long, value_name = "LABEL")]
    label: Vec<String>,
    /// Only those of this goal
    #[arg(long, value_name = "ID", alias = "goal")]
    convoy: Option<String>,
    /// Of all rigs, also in a rig
    #[arg(long)]
    all_rigs: bool,
    /// How many at most
    #[arg(short = 'L', long, value_name = "N", default_value = "1000")]
    limit: usize,
}

pub(super) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    let client = town::reach(ctx).await?;
    let of = |states: &[BeadState]| states.iter().map(|s| s.word().to_owned()).collect();
    let states: Vec<String> = match (args.state.as_slice(), args.all, &args.which.convoy) {
        ([], false, None) => lists::unfinished(None).states,
        ([], _, _) => Vec::new(),
        (states, _, _) => of(states),
    };
    let request = request(ctx, &client, "beads", states, &args.which).await?;
    let mut rows = fetch(&client, request, args.which.limit, args.reason.is_some()).await?;
    if let Some(code) = &args.reason {
        rows.retain(|row| row.reason.as_ref().is_some_and(|r| r.code == *code));
        rows.truncate(args.which.limit);
    }
    print(ctx, &rows);
    Ok(Exit::Done)
}

pub(super) async fn run_ready(ctx: &Context, args: ReadyArgs) -> Result<Exit, CliError> {
    let client = town::reach(ctx).await?;
    let request = request(ctx, &client, "ready", Vec::new(), &args.which).await?;
    let mut rows = fetch(&client, request, args.which.limit, false).await?;
    rows.sort_by_key(|row| row.priority);
    print(ctx, &rows);
    Ok(Exit::Done)
}

async fn request(
    ctx: &Context,
    client: &gtd_client::Client,
    kind: &str,
    states: Vec<String>,
    which: &Which,
) -> Result<QueryRequest, CliError> {
    let goal = match &which.convoy {
        Some(id) => town::find(client, id).await?.id,
        None => String::new(),
    };
    // A goal's beads are in its own rig, wherever one stands.
    let rig = if which.all_rigs || which.convoy.is_some() {
        None
    } else {
        ctx.rig()?
    };
    Ok(QueryRequest {
        states,
        goal,
        labels: which.label.clone(),
        ..lists::of_rig(kind, rig.as_ref())
    })
}

async fn fetch(
    client: &gtd_client::Client,
    mut request: QueryRequest,
    limit: usize,
    narrows_later: bool,
) -> Result<Vec<BeadRow>, CliError> {
    if !narrows_later && let Ok(limit) = u32::try_from(limit) {
        request.limit = request.limit.min(limit.max(1));
        let page = client.query(request.clone()).await?;
        let list: gtd_core::ListDoc<BeadRow> = town::read(&page.document)?;
        if list.items.len() >= usize::try_from(limit).unwrap_or(usize::MAX) || page.next.is_none() {
            let mut rows = list.items;
            rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
            return Ok(rows);
        }
    }
    let mut rows = lists::all(client, &request).await?;
    if !narrows_later {
        rows.truncate(limit);
    }
    Ok(rows)
}

fn print(ctx: &Context, rows: &[BeadRow]) {
    if ctx.screen.is_json() {
        ctx.screen.document(
            &json!({"kind": "BeadList", "api": gtd_core::API, "items": rows, "next": ""}),
        );
    } else if ctx.screen.is_quiet() {
        for row in rows {
            ctx.screen.line(row.id.as_str());
        }
    } else if rows.is_empty() {
        ctx.screen.say("no beads");
    } else {
        for line in show::bead_table(rows, ctx.screen.look) {
            ctx.screen.line(line);
        }
    }
}
