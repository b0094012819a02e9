//! `gtd convoy edit`.

use gtd_core::{Command, PolicyName, Timestamp};

use super::{
    super::bead::{Edit, edited},
    find,
};
use crate::{args::Change, clock, context::Context, error::CliError, exit::Exit, town, wishes};

/// Takes a limit away.
const NONE: &str = "none";

/// Change what is wanted of a goal, and its limits
///
/// What is not named stays as it is. Refused when somebody else changed it meanwhile.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The goal, or the beginning of its id
    id: String,
    #[command(flatten)]
    anew: wishes::Anew,
    /// Seats at most, or none for no limit
    #[arg(long, value_name = "N", value_parser = seats)]
    max: Option<Seats>,
    /// What it may do without you from now on
    #[arg(long, value_name = "NAME", value_parser = wishes::policy)]
    policy: Option<PolicyName>,
    /// No new attempt after this: 07:00, 6h, RFC 3339, or none
    #[arg(long, value_name = "WHEN")]
    until: Option<String>,
    #[command(flatten)]
    change: Change,
}

/// A limit of seats, or that there is none.
#[derive(Debug, Clone, Copy)]
struct Seats(Option<u32>);

fn seats(text: &str) -> Result<Seats, String> {
    match text.parse() {
        _ if text == NONE => Ok(Seats(None)),
        Ok(number) if number > 0 => Ok(Seats(Some(number))),
        _ => Err("seats are a number from 1, or none for no limit".to_owned()),
    }
}

fn moment(text: &str) -> Result<Option<Timestamp>, CliError> {
    match text {
        NONE => Ok(None),
        when => clock::ahead(when).map(Some),
    }
}

pub(super) async fn run(ctx: &Context, mut args: Args) -> Result<Exit, CliError> {
    args.anew.read(ctx)?;
    let until = args.until.as_deref().map(moment).transpose()?;
    let client = town::reach_for(ctx, &args.change).await?;
    let id = find(&client, &args.id).await?;
    // The documents leave a few wishes out, so the graph itself is asked.
    let graph = client.snapshot().await?;
    let (Some(bead), Some(goal)) = (graph.bead(&id), graph.goal(&id)) else {
        return Err(gtd_core::Rejection::NotAGoal { bead: id }.into());
    };
    let mut spec = bead.spec.clone();
    args.anew.put(&mut spec);
    if let Some(policy) = args.policy {
        spec.policy = Some(policy);
    }
    let max = args.max.map_or(goal.max, |Seats(max)| max);
    let until = until.unwrap_or(goal.until);
    if spec == bead.spec && (max, until) == (goal.max, goal.until) {
        return Err(CliError::usage(format!("nothing of {id} would change"))
            .help("name what is to change, such as --until 07:00 or --title TEXT"));
    }
    let command = Command::EditGoal {
        goal: id.clone(),
        spec: spec.clone(),
        max,
        until,
    };
    let edit = Edit {
        command,
        made_from: graph.revision(),
        is_rehearsal: args.change.dry_run,
    };
    edited(ctx, &client, &id, &spec, edit).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_a_number_or_none() {
        let read = |text| seats(text).map(|Seats(max)| max);
        assert_eq!(read("3"), Ok(Some(3)));
        assert_eq!(read("none"), Ok(None));
        assert!(read("0").is_err() && read("some").is_err());
    }
}
