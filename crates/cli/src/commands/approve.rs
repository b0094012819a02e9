//! `gtd approve`: say yes to a plan.

use gtd_core::{Command, ConvoyDoc};

use super::{print_documents, would};
use crate::{
    args::Change,
    context::Context,
    error::{CliError, Doing},
    exit::Exit,
    output::{Ink, State},
    town,
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

pub(crate) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    let client = town::reach_for(ctx, &args.change).await?;
    let mut goals = Vec::new();
    for id in &args.ids {
        goals.push(town::find(&client, id).await?.bead()?);
    }
    if args.change.dry_run {
        let acts: Vec<String> = goals.iter().map(|goal| format!("approve {goal}")).collect();
        return Ok(would(ctx, &acts));
    }
    let mut documents = Vec::new();
    for goal in &goals {
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
            let n = convoy.beads.len();
            ctx.screen
                .line(format!("{mark} {goal} approved: {n} beads may begin"));
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
