//! `gtd convoy`: goals with the beads that answer them.

mod add;
mod create;
mod edit;

use gtd_core::{Command, ConvoyDoc, ConvoyRow, GoalState, RigName};
use serde_json::json;

use super::{status, stop, would};
use crate::{
    args::Change,
    clock,
    context::Context,
    error::{CliError, Doing, Kind},
    exit::Exit,
    filter::ListArgs,
    follow, lists, show,
    town::{self, DocumentKind, Found},
};

/// Goals that are listed at most, unless another number is wished.
const LISTED: usize = 100;
/// How long a landing is waited for.
const LAND: std::time::Duration = std::time::Duration::from_secs(60);

/// Goals with the beads that answer them
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
#[command(defer = true)]
enum Verb {
    /// List goals
    #[command(visible_alias = "ls")]
    List {
        /// Those that have ended, too
        #[arg(short, long)]
        all: bool,
        /// Of all rigs, also in a rig
        #[arg(long)]
        all_rigs: bool,
        #[command(flatten)]
        list: ListArgs,
    },
    /// Show a goal with its beads
    Show {
        /// The goal, or the beginning of its id
        id: String,
    },
    /// Make a goal of beads that exist
    Create(create::Args),
    /// Have more beads answer a goal
    Add(add::Args),
    /// Change what is wanted of a goal, and its limits
    Edit(edit::Args),
    /// End goals that are not wanted any more, with their beads
    Cancel {
        /// The goals, or the beginnings of their ids
        #[arg(required = true)]
        ids: Vec<String>,
        #[command(flatten)]
        change: Change,
    },
    /// Bring the integration branch of a goal into its branch
    ///
    /// By fast-forward, when the checkout is clean. Exit 7 when it cannot be done.
    Land {
        /// The goal, or the beginning of its id
        id: String,
        /// Only ask for it, and do not wait
        #[arg(long)]
        no_wait: bool,
        #[command(flatten)]
        change: Change,
    },
}

pub(crate) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    match args.verb {
        Verb::List {
            all,
            all_rigs,
            list: wish,
        } => list(ctx, all, all_rigs, &wish).await,
        Verb::Show { id } => {
            let client = town::reach(ctx).await?;
            let found = goal(town::find(&client, &id).await?)?;
            crate::last::remember(&found.id);
            status::card(ctx, &client, &found).await?;
            Ok(Exit::Done)
        }
        Verb::Create(args) => create::run(ctx, args).await,
        Verb::Add(args) => add::run(ctx, args).await,
        Verb::Edit(args) => edit::run(ctx, args).await,
        Verb::Cancel { ids, change } => {
            let client = town::reach_for(ctx, &change).await?;
            let mut goals = Vec::new();
            for id in &ids {
                goals.push(find(&client, id).await?);
            }
            stop::cancel(ctx, &client, goals, &change).await
        }
        Verb::Land {
            id,
            no_wait,
            change,
        } => land(ctx, &id, no_wait, &change).await,
    }
}

/// Finds the goal that an id, or the beginning of one, means.
async fn find(client: &gtd_client::Client, id: &str) -> Result<gtd_core::BeadId, CliError> {
    goal(town::find(client, id).await?)?.bead()
}

fn goal(found: Found) -> Result<Found, CliError> {
    if found.kind == DocumentKind::Convoy {
        return Ok(found);
    }
    Err(match found.bead() {
        Ok(bead) => gtd_core::Rejection::NotAGoal { bead }.into(),
        Err(error) => error,
    })
}

async fn list(ctx: &Context, all: bool, all_rigs: bool, wish: &ListArgs) -> Result<Exit, CliError> {
    let client = town::reach(ctx).await?;
    let rig: Option<RigName> = if all_rigs { None } else { ctx.rig()? };
    let mut rows: Vec<ConvoyRow> = lists::all(&client, &lists::convoys(rig.as_ref())).await?;
    let ended = [GoalState::Closed, GoalState::Failed, GoalState::Cancelled];
    rows.retain(|row| all || !ended.iter().any(|state| state.word() == row.state));
    rows.sort_by_key(|row| std::cmp::Reverse(row.created_at));
    let mut rows = wish.narrowed(rows)?;
    rows.truncate(wish.limit.unwrap_or(LISTED));
    if ctx.screen.is_json() {
        ctx.screen.document(
            &json!({"kind": "ConvoyList", "api": gtd_core::API, "items": rows, "next": ""}),
        );
    } else if ctx.screen.is_quiet() {
        for row in &rows {
            ctx.screen.line(row.id.as_str());
        }
    } else if rows.is_empty() {
        ctx.screen.say(if all {
            "no goals"
        } else {
            "no goals that have not ended.   all: gtd convoy list --all"
        });
    } else {
        for line in show::convoy_table(&rows, clock::now(), ctx.screen.look) {
            ctx.screen.line(line);
        }
    }
    Ok(Exit::Done)
}

async fn land(ctx: &Context, id: &str, no_wait: bool, change: &Change) -> Result<Exit, CliError> {
    let client = town::reach_for(ctx, change).await?;
    let found = goal(town::find(&client, id).await?)?;
    let id = found.bead()?;
    if change.dry_run {
        let target = town::read::<ConvoyDoc>(&found.document)?.target;
        let act = format!(
            "bring {} into {} by fast-forward",
            target.branch, target.into
        );
        return Ok(would(ctx, &[act]));
    }
    let doing = || format!("land {id}");
    client
        .tell(Command::RequestLanding { goal: id.clone() })
        .await
        .doing(doing)?;
    let limit = ctx.deadline.unwrap_or(LAND);
    let landed = tokio::select! {
        landed = tokio::time::timeout(limit, landing(&client, id.as_str(), no_wait)) => landed,
        _ = tokio::signal::ctrl_c() => {
            ctx.screen.insist(format!("detached: the landing goes on.  gtd convoy show {id}"));
            return Err(CliError::new(Kind::Interrupted));
        }
    };
    let Ok(landed) = landed else {
        let document = client.get(id.as_str()).await?;
        if ctx.screen.is_json() {
            ctx.screen.document(&document);
        }
        ctx.screen.say(format!(
            "the refinery has not done it yet.   gtd convoy show {id}"
        ));
        return Ok(Exit::StillGoing);
    };
    let found = landed?;
    let convoy: ConvoyDoc = town::read(&found.document)?;
    if is_refused(&convoy) {
        let why = convoy.landing_text.unwrap_or_default();
        return Err(CliError::new(Kind::State(why))
            .doing(doing())
            .help(format!("when that is mended: gtd convoy land {id}")));
    }
    if ctx.screen.is_json() {
        ctx.screen.document(&found.document);
    } else if ctx.screen.is_quiet() {
        ctx.screen.line(id.as_str());
    } else {
        for line in show::convoy(&convoy, clock::now(), ctx.screen.look) {
            ctx.screen.line(line);
        }
    }
    Ok(Exit::Done)
}

async fn landing(client: &gtd_client::Client, id: &str, no_wait: bool) -> Result<Found, CliError> {
    follow::until(client, id, |document| {
        let convoy: ConvoyDoc = town::read(document)?;
        Ok(no_wait || convoy.landing != "asked")
    })
    .await
}

fn is_refused(convoy: &ConvoyDoc) -> bool {
    convoy.landing == "refused"
}
