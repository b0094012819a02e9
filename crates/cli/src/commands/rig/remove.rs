//! `gtd rig remove`.

use gtd_core::{BeadRow, Command, RigName};

use super::would;
use crate::{
    args::Change,
    context::Context,
    error::{CliError, Doing, Kind},
    exit::Exit,
    lists, town,
};

/// Beads that a refusal names.
const NAMED: usize = 8;

/// Take a rig out of the town
///
/// Its repository stays as it is, with every branch and snapshot of gtd, and so do its worktrees.
/// Refused while something of it has not ended, unless --discard names the rig again.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The rig
    #[arg(id = "name", value_name = "RIG")]
    rig: String,
    /// Also with beads that have not ended: the name of the rig, once more
    #[arg(long, value_name = "NAME")]
    discard: Option<String>,
    #[command(flatten)]
    change: Change,
}

pub(super) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    let rig = RigName::parse(&args.rig).map_err(|error| CliError::usage(error.to_string()))?;
    let client = town::reach_for(ctx, &args.change).await?;
    let request = lists::unfinished(Some(&rig));
    let open: Vec<BeadRow> = lists::all(&client, &request).await?;
    if args.discard.as_deref().is_some_and(|name| name != args.rig) {
        return Err(CliError::usage("--discard names another rig")
            .help(format!("gtd rig remove {rig} --discard {rig}")));
    }
    if !open.is_empty() && args.discard.is_none() {
        let n = open.len();
        let named: Vec<String> = open
            .iter()
            .take(NAMED)
            .map(|row| format!("{} {} ({})", row.id, row.title, row.state))
            .collect();
        let more = if n > NAMED { ", …" } else { "" };
        let why = format!(
            "{n} of its beads {} not ended: {}{more}",
            if n == 1 { "has" } else { "have" },
            named.join(", ")
        );
        return Err(CliError::new(Kind::State(why))
            .doing(format!("remove {rig}"))
            .help(format!(
                "all the same, and nothing of the repository is lost: gtd rig remove {rig} --discard {rig}"
            )));
    }
    if args.change.dry_run {
        return Ok(would(ctx, &[format!("take {rig} out of the town")]));
    }
    client
        .tell(Command::RemoveRig { rig: rig.clone() })
        .await
        .doing(|| format!("remove {rig}"))?;
    if ctx.screen.is_json() {
        ctx.screen.document(&client.rigs().await?);
    } else if ctx.screen.is_quiet() {
        ctx.screen.line(rig.as_str());
    } else {
        ctx.screen.line(format!(
            "{rig} is no rig any more; its repository is as it was"
        ));
    }
    Ok(Exit::Done)
}
