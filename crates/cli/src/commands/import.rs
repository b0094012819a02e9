//! `gtd import`: beads that another tracker keeps.

use std::{collections::BTreeSet, path::PathBuf};

use gtd_core::{BeadId, BeadsFile, Command, Graph, ImportedBead, Phase, read_beads};
use serde_json::json;

use crate::{
    context::Context,
    error::{CliError, Doing},
    exit::Exit,
    output::Ink,
    town, wishes,
};

/// Take in what another tracker keeps
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    format: Format,
}

#[derive(Debug, clap::Subcommand)]
#[command(defer = true)]
enum Format {
    /// Take in a file of beads: one issue a line, as JSON
    ///
    /// Ids, relations and remarks come in as they are, all or none; what is not
    /// known here is kept, and `gtd export beads` gives it back. Taken in again, it
    /// changes only what has changed in the file. No script comes in by a file.
    Beads {
        /// The file; `-` reads it from stdin
        file: PathBuf,
        /// Those that are closed, too
        #[arg(long)]
        closed: bool,
        /// Say what would come in, and change nothing
        #[arg(short = 'n', long)]
        dry_run: bool,
    },
}

/// What becomes of a file.
struct Outlook {
    beads: Vec<ImportedBead>,
    new: usize,
    changed: usize,
    same: usize,
    closed: usize,
    changes: Vec<String>,
    skipped: Vec<String>,
}

pub(crate) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    let Format::Beads {
        file,
        closed,
        dry_run,
    } = args.format;
    let text = wishes::file(ctx, &file)?;
    let read = read_beads(&file.display().to_string(), &text)
        .map_err(|mistake| CliError::usage(mistake.render()))?;
    let rig = ctx.need_rig()?;
    let client = match dry_run {
        true => town::reach(ctx).await?,
        false => town::reach_or_start(ctx).await?,
    };
    let outlook = Outlook::of(read, &client.snapshot().await?, closed);
    if !dry_run {
        let command = Command::ImportBeads {
            rig: rig.clone(),
            beads: outlook.beads.clone(),
        };
        client
            .tell(command)
            .await
            .doing(|| format!("take {} in", file.display()))?;
    }
    outlook.tell(ctx, dry_run);
    if !dry_run && outlook.new > 0 {
        ctx.screen.next(&["gtd bead list".to_owned()]);
    }
    Ok(Exit::Done)
}

impl Outlook {
    fn of(file: BeadsFile, graph: &Graph, with_closed: bool) -> Self {
        let mut outlook = Self {
            beads: Vec::new(),
            new: 0,
            changed: 0,
            same: 0,
            closed: 0,
            changes: file.changes,
            skipped: file.skipped,
        };
        for bead in file.beads {
            match graph.bead(&bead.id) {
                None if bead.end.is_some() && !with_closed => {
                    outlook.closed += 1;
                    continue;
                }
                None => outlook.new += 1,
                Some(known) if known.spec.extra.is_empty() => outlook.same += 1,
                Some(known) if known.spec.extra == bead.spec.extra => outlook.same += 1,
                Some(known)
                    if matches!(known.phase, Phase::Landed { .. } | Phase::Closed { .. }) =>
                {
                    outlook.same += 1;
                }
                Some(_) => outlook.changed += 1,
            }
            outlook.beads.push(bead);
        }
        // What is told of a bead that stays out says nothing.
        let taken: BTreeSet<&BeadId> = outlook.beads.iter().map(|bead| &bead.id).collect();
        let is_taken = |text: &String| {
            let id = text.split(':').next().unwrap_or_default();
            BeadId::parse(id).is_ok_and(|id| taken.contains(&id))
        };
        outlook.changes.retain(is_taken);
        outlook
    }

    fn tell(&self, ctx: &Context, dry_run: bool) {
        if ctx.screen.is_json() {
            ctx.screen.document(
                &json!({"kind": "Import", "api": gtd_core::API, "dry_run": dry_run,
                "created": self.new, "updated": self.changed, "unchanged": self.same,
                "skipped_closed": self.closed, "changes": self.changes, "skipped": self.skipped,
                "ids": self.beads.iter().map(|bead| &bead.id).collect::<Vec<_>>()}),
            );
            return;
        }
        if ctx.screen.is_quiet() {
            for bead in &self.beads {
                ctx.screen.line(bead.id.as_str());
            }
            return;
        }
        let verbs = match dry_run {
            true => ["would create", "update", "leave"],
            false => ["created", "updated", "left"],
        };
        let [create, update, leave] = verbs;
        let closed = match self.closed {
            0 => String::new(),
            n => format!(", {n} closed stayed out (--closed)"),
        };
        ctx.screen.line(format!(
            "{create} {}, {update} {}, {leave} {} as they are{closed}",
            self.new, self.changed, self.same
        ));
        for text in self.changes.iter().chain(&self.skipped) {
            ctx.screen.say(format!(
                "{}  {text}",
                ctx.screen.look.paint_err(Ink::Faint, "note")
            ));
        }
    }
}
