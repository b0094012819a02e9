//! `gtd bead split`.

use std::path::PathBuf;

use gtd_core::{BeadDoc, BeadSpec, Command, PlannedBead};

use super::{find, goal::PlanText, would};
use crate::{
    args::Change,
    context::Context,
    error::{CliError, Doing},
    exit::Exit,
    output::Ink,
    settings, town, wishes,
};

/// Have parts of a bead done one by one
///
/// The bead then needs its parts, and is itself what is left when they have
/// landed: it keeps its acceptance, and whatever waits for it goes on waiting.
/// An attempt at the whole that is at work ends; its work is kept in a snapshot.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The bead, or the beginning of its id
    id: String,
    /// The parts; what one does not say is as the bead says
    #[arg(
        value_name = "TITLE[=SCRIPT]",
        required_unless_present = "plan",
        conflicts_with = "plan"
    )]
    parts: Vec<String>,
    /// A plan file with the parts as its beads; `-` reads it from stdin
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
    /// Each part needs the one before it
    #[arg(long, conflicts_with = "plan")]
    in_order: bool,
    /// What is left of a bead that a script does; without it, only its checks
    #[arg(long, value_name = "SCRIPT", value_parser = wishes::script)]
    rest: Option<String>,
    #[command(flatten)]
    change: Change,
}

pub(super) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    let runtimes = settings::runtimes(&settings::effective(ctx, ctx.rig()?.as_ref())?);
    let given = match &args.plan {
        Some(path) => Some(PlanText::read(ctx, path, &runtimes)?),
        None => None,
    };
    let named = named(&args.parts, args.in_order)?;
    let client = town::reach_for(ctx, &args.change).await?;
    let bead = find(&client, &args.id).await?;
    let whole: BeadDoc = town::read(&client.get(bead.as_str()).await?).map_err(|_| {
        gtd_core::Rejection::WrongPhase {
            bead: bead.clone(),
            state: "a goal".to_owned(),
            next: format!("gtd convoy show {bead}"),
        }
    })?;
    let parts = match given {
        Some(given) => {
            let plan = given.check_needs(&client, &runtimes).await?;
            if !plan.acceptance.is_empty() {
                let text = format!("the acceptance of the whole is that of {bead}");
                return Err(CliError::usage(text).help(format!(
                    "leave it out of the plan, or: gtd bead edit {bead} --accept …"
                )));
            }
            plan.beads
        }
        None => named,
    };
    check_scripts(&whole, &parts)?;
    if args.change.dry_run {
        let acts: Vec<String> = parts
            .iter()
            .map(|part| format!("make the part `{}` of {bead}", part.spec.title))
            .collect();
        return Ok(would(ctx, &acts));
    }
    let titles: Vec<String> = parts.iter().map(|part| part.spec.title.clone()).collect();
    let command = Command::SplitBead {
        bead: bead.clone(),
        parts,
        rest: args.rest,
    };
    let written = client
        .tell(command)
        .await
        .doing(|| format!("split {bead}"))?;
    if ctx.screen.is_json() {
        ctx.screen.document(&client.get(bead.as_str()).await?);
        return Ok(Exit::Done);
    }
    for (id, title) in written.ids.iter().zip(&titles) {
        match ctx.screen.is_quiet() {
            true => ctx.screen.line(id),
            false => ctx.screen.line(format!("{id}  {title}")),
        }
    }
    ctx.screen.say(ctx.screen.look.paint_err(
        Ink::Faint,
        &format!("{bead} is what is left when they have landed"),
    ));
    ctx.screen.next(&[format!("gtd why {bead}")]);
    Ok(Exit::Done)
}

/// Makes the parts that were named on the command line.
fn named(parts: &[String], in_order: bool) -> Result<Vec<PlannedBead>, CliError> {
    let mut made: Vec<PlannedBead> = Vec::new();
    for (place, part) in (1..).zip(parts) {
        let (title, run) = match part.split_once('=') {
            Some((title, script)) => (
                title.trim(),
                Some(wishes::script(script).map_err(CliError::usage)?),
            ),
            None => (part.trim(), None),
        };
        if title.is_empty() {
            return Err(CliError::usage("a part needs words: TITLE or TITLE=SCRIPT"));
        }
        let before = made.last().filter(|_| in_order);
        made.push(PlannedBead {
            needs: before
                .map(|part| part.local_id.clone())
                .into_iter()
                .collect(),
            local_id: format!("part-{place}"),
            spec: BeadSpec {
                run,
                ..wishes::titled(title)
            },
        });
    }
    Ok(made)
}

/// Refuses a part that nothing would do, of a whole that a script does.
fn check_scripts(whole: &BeadDoc, parts: &[PlannedBead]) -> Result<(), CliError> {
    let is_without = |part: &&PlannedBead| part.spec.run.is_none() && part.spec.runtime.is_none();
    match parts.iter().find(is_without) {
        Some(part) if whole.run.is_some() => Err(CliError::usage(format!(
            "{} is done by a script, and `{}` has none",
            whole.id, part.spec.title
        ))
        .help("write each part as TITLE=SCRIPT, or as [[bead]] with run in a --plan FILE")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_has_a_title_and_perhaps_a_script() {
        let parts = ["schema".to_owned(), "handlers = make handlers".to_owned()];
        let made = named(&parts, true).unwrap();
        assert_eq!(made[0].spec.run, None);
        assert_eq!(made[1].spec.title, "handlers");
        assert_eq!(made[1].spec.run.as_deref(), Some(" make handlers"));
        assert_eq!(made[1].needs, [made[0].local_id.clone()]);
        assert!(named(&["=true".to_owned()], false).is_err());
        assert!(named(&["x=".to_owned()], false).is_err());
    }
}
