//! `gtd bead list` and `gtd bead ready`.

use gtd_core::{BeadRow, BeadState};
use gtd_wire::pb::graph::v1::QueryRequest;
use serde_json::json;

use crate::{context::Context, error::CliError, exit::Exit, filter::ListArgs, lists, show, town};

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
    #[command(flatten)]
    list: ListArgs,
}

impl Which {
    fn limit(&self, ctx: &Context) -> usize {
        let usual = if ctx.screen.is_json() || ctx.screen.is_quiet() {
            1000
        } else {
            200
        };
        self.list.limit.unwrap_or(usual)
    }
}

/// The beads that were asked for, and whether there are more.
struct Listed {
    rows: Vec<BeadRow>,
    has_more: bool,
}

impl Listed {
    fn cut(mut rows: Vec<BeadRow>, limit: usize) -> Self {
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        Self { rows, has_more }
    }
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
    let limit = args.which.limit(ctx);
    let wish = &args.which.list;
    let listed = if args.reason.is_none() && !wish.needs_all() {
        fetch(&client, request, limit).await?
    } else {
        let mut rows: Vec<BeadRow> = lists::all(&client, &request).await?;
        if let Some(code) = &args.reason {
            rows.retain(|row| row.reason.as_ref().is_some_and(|r| r.code == *code));
        }
        Listed::cut(wish.narrowed(rows)?, limit)
    };
    print(ctx, &listed);
    Ok(Exit::Done)
}

pub(super) async fn run_ready(ctx: &Context, args: ReadyArgs) -> Result<Exit, CliError> {
    let client = town::reach(ctx).await?;
    let request = request(ctx, &client, "ready", Vec::new(), &args.which).await?;
    let (wish, limit) = (&args.which.list, args.which.limit(ctx));
    let listed = if wish.needs_all() {
        let rows: Vec<BeadRow> = lists::all(&client, &request).await?;
        Listed::cut(wish.narrowed(rows)?, limit)
    } else {
        let mut listed = fetch(&client, request, limit).await?;
        listed.rows.sort_by_key(|row| row.priority);
        listed
    };
    print(ctx, &listed);
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

/// Reads pages until there are as many as wished.
async fn fetch(
    client: &gtd_client::Client,
    mut request: QueryRequest,
    limit: usize,
) -> Result<Listed, CliError> {
    let mut rows: Vec<BeadRow> = Vec::new();
    // One more than wished tells whether there are more.
    let wished = limit.saturating_add(1);
    loop {
        let left = u32::try_from(wished - rows.len()).unwrap_or(u32::MAX);
        request.limit = lists::PAGE.min(left);
        let page = client.query(request.clone()).await?;
        let list: gtd_core::ListDoc<BeadRow> = town::read(&page.document)?;
        rows.extend(list.items);
        match page.next {
            Some(next) if rows.len() < wished => request.page_token = next,
            _ => return Ok(Listed::cut(rows, limit)),
        }
    }
}

fn print(ctx: &Context, listed: &Listed) {
    let rows = &listed.rows;
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
    if listed.has_more {
        ctx.screen.warn(format!(
            "only the first {} are shown; more with -L N",
            rows.len()
        ));
    }
}
