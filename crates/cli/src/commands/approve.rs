//! `gtd approve`: say yes to a plan, or to work that waits for a yes.

use gtd_client::{Client, WriteContext};
use gtd_core::{
    BeadId, BeadState, Command, ConvoyBead, ConvoyDoc, GoalState, ReviewDoc, Revision, WaitReason,
};
use serde_json::Value;

use super::{print_documents, review, would};
use crate::{
    args::Change,
    context::Context,
    error::{CliError, Doing, Kind},
    exit::Exit,
    output::{Ink, State},
    town::{self, DocumentKind, Found},
};

/// Say yes: to a plan, to what an agent found, or to work that waits for you
///
/// The beads of a plan begin. What an agent found joins the goal at which it was
/// found, and begins. Work that changes protected files goes into the next
/// candidate, and so does work that came back or was set aside, as it is; its
/// gates say again what they say. A yes is to what is there now: with --at
/// only to the commit that was looked at, and it lapses when the work moved.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Goals or beads: numbers of the inbox, or beginnings of ids
    #[arg(required = true)]
    ids: Vec<String>,
    /// Only this time; no rule is made of it, which is the usual
    #[arg(long)]
    once: bool,
    /// Only while the work is at this commit
    #[arg(long, value_name = "COMMIT")]
    at: Option<String>,
    #[command(flatten)]
    change: Change,
}

/// How a goal stands before the yes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// Its plan waits for the yes, or there is none yet.
    Draft,
    /// It has had its yes.
    Begun,
    /// It is over.
    Ended,
}

fn standing(convoy: &ConvoyDoc) -> Standing {
    let is = |states: &[GoalState]| states.iter().any(|state| state.word() == convoy.state);
    if is(&[GoalState::Closed, GoalState::Failed, GoalState::Cancelled]) {
        Standing::Ended
    } else if is(&[GoalState::Draft, GoalState::Planning]) {
        Standing::Draft
    } else {
        Standing::Begun
    }
}

pub(crate) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    let client = town::reach_for(ctx, &args.change).await?;
    let mut all = Vec::new();
    for id in &args.ids {
        all.push(town::find(&client, id).await?);
    }
    if args.change.dry_run {
        let acts: Result<Vec<String>, CliError> = all
            .iter()
            .map(|found| Ok(format!("approve {}", found.bead()?)))
            .collect();
        return Ok(would(ctx, &acts?));
    }
    let mut documents = Vec::new();
    for found in &all {
        let id = found.bead()?;
        if found.kind == DocumentKind::Convoy {
            yes_to_plan(ctx, &client, found).await?;
        } else if is_found(&found.document) {
            yes_to_find(ctx, &client, &id).await?;
        } else {
            let why = args.change.reason.as_deref();
            yes_to_work(ctx, &client, &id, args.at.as_deref(), why).await?;
        }
        if let Some(text) = args.change.reason.clone().filter(|text| !text.is_empty()) {
            let bead = id.clone();
            client
                .tell(Command::AddNote { bead, text })
                .await
                .doing(|| format!("note why {id} was approved"))?;
        }
        documents.push(client.get(id.as_str()).await?);
    }
    if ctx.screen.is_json() {
        print_documents(ctx, "ConvoyList", documents);
    }
    ctx.screen
        .next(&["gtd wait".to_owned(), "gtd status".to_owned()]);
    Ok(Exit::Done)
}

/// Says yes to the plan of one goal, and shows the goal.
pub(super) async fn goal(
    ctx: &Context,
    client: &Client,
    found: &Found,
    dry_run: bool,
) -> Result<Exit, CliError> {
    let goal = found.bead()?;
    if dry_run {
        return Ok(would(ctx, &[format!("approve {goal}")]));
    }
    yes_to_plan(ctx, client, found).await?;
    if ctx.screen.is_json() {
        ctx.screen.document(&client.get(goal.as_str()).await?);
    }
    Ok(Exit::Done)
}

async fn yes_to_plan(ctx: &Context, client: &Client, found: &Found) -> Result<(), CliError> {
    let goal = found.bead()?;
    let convoy: ConvoyDoc = town::read(&found.document)?;
    let standing = standing(&convoy);
    if standing == Standing::Ended {
        return Err(CliError::new(Kind::State(format!(
            "{goal} has ended; its plan waits for nobody"
        )))
        .help(format!("gtd convoy show {goal}")));
    }
    // To the plan that was read here, and to no later one.
    let context = WriteContext {
        expected: (standing == Standing::Draft).then_some(Revision(convoy.revision)),
        ..WriteContext::default()
    };
    client
        .tell_as(Command::ApprovePlan { goal: goal.clone() }, context)
        .await
        .doing(|| format!("approve {goal}"))?;
    if ctx.screen.is_quiet() {
        ctx.screen.line(goal.as_str());
    } else if !ctx.screen.is_json() {
        let mark = State::of("ok").mark(ctx.screen.look);
        let mark = ctx.screen.look.paint(Ink::Good, mark);
        let drafts = convoy.beads.iter();
        let drafts = drafts.filter(|bead| bead.state == BeadState::Draft.word());
        let n = match drafts.count() {
            1 => "1 bead".to_owned(),
            n => format!("{n} beads"),
        };
        ctx.screen.line(match standing {
            Standing::Draft => format!("{mark} {goal} approved: {n} may begin"),
            _ => format!("{mark} the plan of {goal} was approved already"),
        });
        if standing == Standing::Begun {
            let approval = Some(WaitReason::Approval.code());
            let waits = |bead: &&ConvoyBead| bead.reason.as_deref() == approval;
            for bead in convoy.beads.iter().filter(waits) {
                let (id, text) = (&bead.id, &bead.text);
                ctx.screen.line(format!("  {id} {text}: gtd review {id}"));
            }
        }
    }
    Ok(())
}

/// Tells whether a bead is one that an agent found, and waits for its yes.
fn is_found(bead: &Value) -> bool {
    let text = |key: &str| bead.get(key).and_then(Value::as_str);
    text("state") == Some(BeadState::Draft.word()) && text("convoy").is_none()
}

/// Says yes to a bead that an agent found.
async fn yes_to_find(ctx: &Context, client: &Client, bead: &BeadId) -> Result<(), CliError> {
    let goal = bead.clone();
    client
        .tell(Command::ApprovePlan { goal })
        .await
        .doing(|| format!("approve {bead}"))?;
    if ctx.screen.is_quiet() {
        ctx.screen.line(bead.as_str());
    } else if !ctx.screen.is_json() {
        let mark = State::of("ok").mark(ctx.screen.look);
        let mark = ctx.screen.look.paint(Ink::Good, mark);
        ctx.screen
            .line(format!("{mark} {bead} approved: it may begin"));
    }
    Ok(())
}

async fn yes_to_work(
    ctx: &Context,
    client: &Client,
    bead: &BeadId,
    at: Option<&str>,
    why: Option<&str>,
) -> Result<(), CliError> {
    let document: ReviewDoc = town::read(&client.review(bead.as_str()).await?)?;
    if let Some(at) = at {
        review::bound(&document, at)?;
    }
    review::put_in_queue(client, &document, why).await?;
    if ctx.screen.is_quiet() {
        ctx.screen.line(bead.as_str());
    } else if !ctx.screen.is_json() {
        ctx.screen.line(review::in_queue(ctx, &document));
    }
    Ok(())
}
