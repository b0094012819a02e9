//! `gtd agent kill` and `gtd agent restart`: the end of a run by a person's word.
//!
//! The lease ends in the log, and whoever keeps the runs ends the process; its
//! worktree is saved before anybody else gets it.

use gtd_core::Command;

use super::{Whose, find, would};
use crate::{
    args::Change,
    context::Context,
    error::{CliError, Doing, Kind},
    exit::Exit,
    town,
};

/// End the run of an agent; what it left in its worktree is kept
///
/// Commits stay on the branch of the attempt, and what is uncommitted goes to a snapshot before
/// the worktree is used again. kill sets the bead aside; restart lets it begin anew, with all of
/// its attempts.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The agent, or the bead that it holds
    #[arg(value_name = "AGENT")]
    agent: String,
    #[command(flatten)]
    change: Change,
}

/// What becomes of the bead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    /// A person decides.
    SetAside,
    /// The next attempt begins.
    BeginAnew,
}

pub(super) async fn run(
    ctx: &Context,
    args: Args,
    whose: Whose,
    then: Then,
) -> Result<Exit, CliError> {
    let client = town::reach_for(ctx, &args.change).await?;
    let agent = find(&client, &args.agent, whose).await?;
    let name = &agent.name;
    let verb = match then {
        Then::SetAside => "kill",
        Then::BeginAnew => "restart",
    };
    let Some(bead) = agent.bead.clone() else {
        let why = format!("{name} is not at work");
        return Err(CliError::new(Kind::State(why))
            .doing(format!("{verb} {name}"))
            .help("who is: gtd ps"));
    };
    if args.change.dry_run {
        let after = match then {
            Then::SetAside => "set it aside",
            Then::BeginAnew => "let it begin anew",
        };
        let act = format!("end the work of {name} at {bead} and {after}");
        return Ok(would(ctx, &[act]));
    }
    let why = match args.change.why() {
        why if why.trim().is_empty() => format!("its agent {name} was ended by hand"),
        why => why,
    };
    client
        .tell(Command::ParkBead {
            bead: bead.clone(),
            why,
        })
        .await
        .doing(|| format!("{verb} {name}"))?;
    if then == Then::BeginAnew {
        client
            .tell(Command::RetryBead { bead: bead.clone() })
            .await
            .doing(|| format!("{verb} {name}"))?;
    }
    if ctx.screen.is_json() {
        ctx.screen.document(&client.get(bead.as_str()).await?);
    } else if ctx.screen.is_quiet() {
        ctx.screen.line(name);
    } else {
        ctx.screen.line(match then {
            Then::SetAside => {
                format!("{name} ended; {bead} is set aside, and what it left is kept")
            }
            Then::BeginAnew => {
                format!("{name} ended; {bead} begins anew, and what it left is kept")
            }
        });
    }
    ctx.screen.next(&match then {
        Then::SetAside => vec![format!("gtd bead retry {bead}")],
        Then::BeginAnew => vec![format!("gtd why {bead}")],
    });
    Ok(Exit::Done)
}
