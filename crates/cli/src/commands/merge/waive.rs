//! `gtd merge waive`: a person takes something as it is, in one commit.

use gtd_client::WriteContext;
use gtd_core::{Command, Guard, Oid, ReviewDoc, Revision, Waived};
use serde_json::json;

use super::super::review::bound;
use super::would;
use crate::{
    context::Context,
    error::{CliError, Doing, Kind},
    exit::Exit,
    last,
    output::State,
    town,
};

/// Take what gtd's own gates found, or a criterion without proof, as it is in one commit
///
/// It holds for the commit that is handed in now, and for no later one. Who said it and why stands
/// in the evidence of the landing. What came back for it goes into the queue again with `gtd merge
/// retry`.
///
/// A gate that is a command cannot be waived: what is on a branch is green in it.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("what").required(true))]
pub(super) struct Args {
    /// A bead or the beginning of its id
    #[arg(value_name = "BEAD")]
    bead: String,
    /// The gate of gtd's own whose findings are taken as they are, such as test-guard
    #[arg(long, value_name = "NAME", group = "what")]
    gate: Option<String>,
    /// The criterion, by its words or its number in `gtd review`
    #[arg(long, value_name = "TEXT", group = "what")]
    criterion: Option<String>,
    /// Why; it stands in the evidence
    #[arg(short = 'm', long, visible_alias = "why", value_name = "TEXT")]
    reason: String,
    /// Only while the work is at this commit
    #[arg(long, value_name = "COMMIT")]
    at: Option<String>,
    /// Check everything and change nothing
    #[arg(short = 'n', long)]
    dry_run: bool,
}

pub(super) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    let client = town::reach(ctx).await?;
    let found = town::find(&client, &last::named(args.bead.trim())?).await?;
    let bead = found.bead()?;
    let review: ReviewDoc = town::read(&client.review(bead.as_str()).await?)?;
    if let Some(at) = &args.at {
        bound(&review, at)?;
    }
    let what = what(&args, &review)?;
    let head = handed_in(&review)?;
    if args.dry_run {
        let act = format!(
            "take {} of {bead} as it is at {}",
            what.told(),
            head.short()
        );
        return Ok(would(ctx, &[act]));
    }
    let command = Command::Waive {
        bead: bead.clone(),
        head: head.clone(),
        what: what.clone(),
        why: args.reason.clone(),
    };
    let context = WriteContext {
        expected: Some(Revision(review.revision)),
        ..WriteContext::default()
    };
    client
        .tell_as(command, context)
        .await
        .doing(|| format!("waive {} of {bead}", what.told()))?;
    if ctx.screen.is_json() {
        ctx.screen.document(&json!({
            "kind": "Waiver",
            "api": gtd_core::API,
            "bead": bead,
            "commit": head,
            "what": what,
            "why": args.reason,
        }));
    } else if ctx.screen.is_quiet() {
        ctx.screen.line(bead.as_str());
    } else {
        ctx.screen.line(format!(
            "{bead} at {}: {} is taken as it is",
            head.short(),
            what.told()
        ));
        ctx.screen.next(&[match review.is_queued {
            false => format!("gtd merge retry {bead}"),
            true => format!("gtd merge show {bead}"),
        }]);
    }
    Ok(Exit::Done)
}

/// Finds out what is meant.
fn what(args: &Args, review: &ReviewDoc) -> Result<Waived, CliError> {
    if let Some(gate) = &args.gate {
        let guard = Guard::from_word(gate.trim()).ok_or_else(|| {
            let all: Vec<&str> = Guard::ALL.into_iter().map(Guard::word).collect();
            CliError::usage(format!(
                "`{gate}` is no gate of gtd's own, and nobody can waive another"
            ))
            .help(format!("these can be: {}", all.join(", ")))
        })?;
        return Ok(Waived::Guard(guard));
    }
    let wanted = args.criterion.as_deref().unwrap_or_default().trim();
    let criteria = &review.acceptance;
    let by_number = wanted.parse::<usize>().ok();
    let by_number = by_number.and_then(|n| criteria.get(n.checked_sub(1)?));
    let found = criteria.iter().find(|one| one.text == wanted).or(by_number);
    match found {
        Some(criterion) => Ok(Waived::Criterion(criterion.text.clone())),
        None => Err(CliError::new(Kind::NotFound {
            kind: "criterion",
            name: wanted.to_owned(),
        })
        .help(format!("all of them: gtd review {}", review.bead))),
    }
}

fn handed_in(review: &ReviewDoc) -> Result<&Oid, CliError> {
    let id = &review.bead;
    review.head.as_ref().ok_or_else(|| {
        CliError::new(Kind::State(format!(
            "{id} is {}, and nothing was handed in for it",
            State::of(&review.state).word
        )))
        .help(format!("gtd why {id}"))
    })
}
