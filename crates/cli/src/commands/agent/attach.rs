//! `gtd agent attach`: the live output of an agent, until it has left its bead.

use gtd_wire::pb::run::v1::Attempt;

use super::{Whose, find};
use crate::{
    commands::logs,
    context::Context,
    error::{CliError, Kind},
    exit::Exit,
    town,
};

/// Watch what an agent writes until it has left its bead
///
/// Only looks on: nothing that is typed reaches the agent, and Ctrl-C ends the looking (exit 130)
/// while the agent goes on. All turns of its attempt are shown, and one that has not begun yet is
/// waited for. Exit 0 is the end of the attempt, whatever it came to, and 8 that it still went when
/// --timeout was over. With --json one object per line, as `gtd logs` writes them.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The agent, or the bead that it holds
    #[arg(value_name = "AGENT")]
    agent: String,
    /// How many of the last lines to begin with
    #[arg(short = 'n', long, value_name = "N", default_value = "50")]
    lines: u32,
}

pub(super) async fn run(ctx: &Context, args: Args, whose: Whose) -> Result<Exit, CliError> {
    let client = town::reach(ctx).await?;
    let agent = find(&client, &args.agent, whose).await?;
    let name = &agent.name;
    let Some(bead) = agent.bead else {
        return Err(CliError::new(Kind::State(format!("{name} is not at work")))
            .doing(format!("attach to {name}"))
            .help("who is: gtd ps"));
    };
    ctx.screen.say(format!(
        "watching {name} at {bead}; Ctrl-C leaves it running"
    ));
    // The attempt that it is at now: the next one is another run, perhaps of another agent.
    let attempt = Attempt {
        bead: bead.to_string(),
        epoch: agent.attempt,
    };
    logs::follow_attempt(ctx, &client, attempt, args.lines).await
}
