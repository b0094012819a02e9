//! `gtd approve`: say yes to a plan.

use gtd_core::{Command, ConvoyDoc, GoalState};

use super::{print_documents, would};
use crate::{
    args::Change,
    context::Context,
    error::{CliError, Doing, Kind},
    exit::Exit,
    output::{Ink, State},
    town::{self, DocumentKind, Found},
};

/// Say yes to a plan: its beads begin
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The goal, or the beginning of its id
    #[arg(required = true)]
    ids: Vec<String>,
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

fn standing(found: &Found) -> Result<Standing, CliError> {
    if found.kind != DocumentKind::Convoy {
        return Ok(Standing::Draft);
    }
    let convoy: ConvoyDoc = town::read(&found.document)?;
    let is = |states: &[GoalState]| states.iter().any(|state| state.word() == convoy.state);
    Ok(
        if is(&[GoalState::Closed, GoalState::Failed, GoalState::Cancelled]) {
            Standing::Ended
        } else if is(&[GoalState::Draft, GoalState::Planning]) {
            Standing::Draft
        } else {
            Standing::Begun
        },
    )
}

pub(crate) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    let client = town::reach_for(ctx, &args.change).await?;
    let mut goals = Vec::new();
    for id in &args.ids {
        let found = town::find(&client, id).await?;
        goals.push((found.bead()?, standing(&found)?));
    }
    if args.change.dry_run {
        let acts: Vec<String> = goals
            .iter()
            .map(|(goal, _)| format!("approve {goal}"))
            .collect();
        return Ok(would(ctx, &acts));
    }
    let mut documents = Vec::new();
    for (goal, standing) in &goals {
        if *standing == Standing::Ended {
            return Err(CliError::new(Kind::State(format!(
                "{goal} has ended; its plan waits for nobody"
            )))
            .help(format!("gtd convoy show {goal}")));
        }
        client
            .tell(Command::ApprovePlan { goal: goal.clone() })
            .await
            .doing(|| format!("approve {goal}"))?;
        let found = town::find(&client, goal.as_str()).await?;
        if ctx.screen.is_quiet() {
            ctx.screen.line(goal.as_str());
        } else if !ctx.screen.is_json() {
            let convoy: ConvoyDoc = town::read(&found.document)?;
            let mark = State::of("ok").mark(ctx.screen.look);
            let mark = ctx.screen.look.paint(Ink::Good, mark);
            let n = match convoy.beads.len() {
                1 => "1 bead".to_owned(),
                n => format!("{n} beads"),
            };
            ctx.screen.line(match standing {
                Standing::Draft => format!("{mark} {goal} approved: {n} may begin"),
                _ => format!("{mark} {goal} was approved already"),
            });
        }
        documents.push(found.document);
    }
    if ctx.screen.is_json() {
        print_documents(ctx, "ConvoyList", documents);
    }
    ctx.screen
        .next(&["gtd wait".to_owned(), "gtd status".to_owned()]);
    Ok(Exit::Done)
}
