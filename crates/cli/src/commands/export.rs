//! `gtd export`: all that the town knows, as a stream of lines.

use std::{
    collections::BTreeSet,
    fs::File,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
};

use gtd_client::Client;
use gtd_core::{BEADS_HEADER, Phase, SPEC_TASK, beads_line, spec_task, tick_tasks};
use gtd_wire::pb::{common::v1::Record, graph::v1::LogRequest};

use super::{
    specification,
    tables::{self, Shape},
};
use crate::{
    context::Context,
    error::{CliError, Kind},
    exit::Exit,
    town, wishes,
};

/// Write out all that the town knows
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    format: Format,
}

#[derive(Debug, clap::Subcommand)]
#[command(defer = true)]
enum Format {
    /// The beads as other trackers read them: one issue a line, as JSON
    ///
    /// In the order of their ids; what came in by `gtd import beads` goes out as it
    /// stood, but for what has changed since. Scripts stay here.
    Beads {
        /// Write to this file
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
        /// Of all rigs, also in a rig
        #[arg(long)]
        all_rigs: bool,
    },
    /// The beads as a table of values separated by commas
    Csv(tables::Args),
    /// The beads as a table in markdown
    Markdown(tables::Args),
    /// What waits for what, as a digraph for Graphviz
    Dot(tables::Args),
    /// What waits for what, as a flowchart for Mermaid
    Mermaid(tables::Args),
    /// A task list of Spec Kit, with the boxes ticked of what has landed
    ///
    /// Of the goals that were set from it (`gtd goal --spec`). A box is ticked only
    /// when a proven commit landed its task as it stands there, and nothing else of the
    /// file changes. What was reverted later stays ticked.
    Speckit {
        /// The task list, or its folder
        #[arg(value_name = "tasks.md|DIR")]
        list: PathBuf,
        /// Write to this file; it may be the list itself
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// The event log, one JSON object on each line with its `seq`
    ///
    /// Ends at the record that was the last one when it began.
    Json {
        /// Write to this file
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
        /// Begin after this `seq`
        #[arg(long, value_name = "N", default_value_t = 0)]
        after: u64,
    },
}

pub(crate) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    let (output, after) = match args.format {
        Format::Json { output, after } => (output, after),
        Format::Beads { output, all_rigs } => {
            return beads(ctx, output.as_deref(), all_rigs).await;
        }
        Format::Speckit { list, output } => {
            return speckit(ctx, &list, output.as_deref()).await;
        }
        Format::Csv(args) => return tables::run(ctx, args, Shape::Csv).await,
        Format::Markdown(args) => return tables::run(ctx, args, Shape::Markdown).await,
        Format::Dot(args) => return tables::run(ctx, args, Shape::Dot).await,
        Format::Mermaid(args) => return tables::run(ctx, args, Shape::Mermaid).await,
    };
    let client = town::reach(ctx).await?;
    let Some(path) = output else {
        walk(&client, after, |line| ctx.screen.rendered(line)).await?;
        return Ok(Exit::Done);
    };
    let path = ctx.path(&path);
    let failed = |error| CliError::io(format!("write {}", path.display()), error);
    let part = beside(&path);
    let mut file = BufWriter::new(File::create(&part).map_err(failed)?);
    let written = walk(&client, after, |line| {
        file.write_all(line.as_bytes()).map_err(failed)
    })
    .await;
    let finished = written.and_then(|n_records| {
        file.flush()
            .and_then(|()| file.get_ref().sync_all())
            .and_then(|()| std::fs::rename(&part, &path))
            .map_err(failed)
            .map(|()| n_records)
    });
    match finished {
        Ok(n_records) => {
            ctx.screen
                .say(format!("wrote {n_records} records to {}", path.display()));
            Ok(Exit::Done)
        }
        Err(error) => {
            // The first failure is the one to tell.
            drop(std::fs::remove_file(&part));
            Err(error)
        }
    }
}

/// Names the file beside another one that becomes it when it is whole.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.part", std::process::id()));
    PathBuf::from(name)
}

/// Writes the beads in the interchange format of trackers.
async fn beads(ctx: &Context, output: Option<&Path>, all_rigs: bool) -> Result<Exit, CliError> {
    let client = town::reach(ctx).await?;
    let rig = if all_rigs { None } else { ctx.rig()? };
    let graph = client.snapshot().await?;
    let wanted = graph
        .beads()
        .filter(|bead| rig.as_ref().is_none_or(|rig| bead.rig == *rig));
    let mut n_beads = 0;
    let mut text = format!("{BEADS_HEADER}\n");
    for bead in wanted {
        text.push_str(&beads_line(bead));
        text.push('\n');
        n_beads += 1;
    }
    let Some(path) = output else {
        for line in text.lines() {
            ctx.screen.rendered(&format!("{line}\n"))?;
        }
        return Ok(Exit::Done);
    };
    let path = write_whole(ctx, path, &text)?;
    ctx.screen
        .say(format!("wrote {n_beads} beads to {}", path.display()));
    Ok(Exit::Done)
}

/// Writes a task list with the boxes ticked of what has landed.
async fn speckit(ctx: &Context, list: &Path, output: Option<&Path>) -> Result<Exit, CliError> {
    let list = specification::task_list(ctx, list);
    let place = specification::place(&ctx.path(&list));
    let rig = ctx.need_rig()?;
    let client = town::reach(ctx).await?;
    let graph = client.snapshot().await?;
    let landed: BTreeSet<(&str, &str)> = graph
        .beads()
        .filter(|bead| bead.rig == rig && matches!(bead.phase, Phase::Landed { .. }))
        .filter_map(|bead| {
            let task = bead.spec.metadata.get(SPEC_TASK)?.as_str()?;
            Some((task, bead.spec.title.as_str()))
        })
        .collect();
    // The list may be edited meanwhile: it is read as late as can be.
    let text = wishes::file(ctx, &list)?;
    let (text, ticked) = tick_tasks(&text, |id, title| {
        landed.contains(&(spec_task(&place, id).as_str(), title))
    });
    let Some(path) = output else {
        ctx.screen.write(text.as_bytes());
        return Ok(Exit::Done);
    };
    let path = write_whole(ctx, path, &text)?;
    let tasks = match ticked.as_slice() {
        [] => "no more box".to_owned(),
        ticked => ticked.join(" "),
    };
    ctx.screen
        .say(format!("ticked {tasks} in {}", path.display()));
    Ok(Exit::Done)
}

/// Writes a file so that it is never seen in part; returns its place.
fn write_whole(ctx: &Context, path: &Path, text: &str) -> Result<PathBuf, CliError> {
    let path = ctx.path(path);
    // What is written over stays what it was: the file that a link means, with its mode.
    let path = std::fs::canonicalize(&path).unwrap_or(path);
    let part = beside(&path);
    let write = || -> std::io::Result<()> {
        let mut file = File::create(&part)?;
        file.write_all(text.as_bytes())?;
        if let Ok(was) = std::fs::metadata(&path) {
            file.set_permissions(was.permissions())?;
        }
        file.sync_all()?;
        std::fs::rename(&part, &path)
    };
    if let Err(error) = write() {
        drop(std::fs::remove_file(&part));
        return Err(CliError::io(format!("write {}", path.display()), error));
    }
    Ok(path)
}

/// Shows every line after a record up to the present head; returns how many there were.
async fn walk(
    client: &Client,
    mut after: u64,
    mut show: impl FnMut(&str) -> Result<(), CliError>,
) -> Result<u64, CliError> {
    let until = client.hello().await?.revision.0;
    let mut n_records = 0;
    while after < until {
        let request = LogRequest {
            after_revision: after,
            limit: 0,
            until_revision: Some(until),
        };
        let page = client.call(request).await?;
        for record in &page.records {
            show(&line(record)?)?;
            after = record.revision;
            n_records += 1;
        }
        if page.records.is_empty() {
            let text = format!("the log ends at record {after} instead of {until}");
            return Err(CliError::new(Kind::Daemon(text)));
        }
    }
    Ok(n_records)
}

/// Makes one line: the envelope as it stands in the log, with its place in front.
fn line(record: &Record) -> Result<String, CliError> {
    let text = std::str::from_utf8(&record.envelope_json)
        .ok()
        .and_then(|text| text.strip_prefix('{'))
        .ok_or_else(|| {
            let text = format!("record {} is no JSON object", record.revision);
            CliError::new(Kind::Daemon(text))
        })?;
    let rev = record.revision;
    Ok(format!("{{\"seq\":{rev},\"rev\":{rev},{text}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_the_record_with_its_place() {
        let record = Record {
            revision: 12,
            envelope_json: b"{\"at\":1,\"event\":\"Thawed\"}".as_slice().into(),
        };
        assert_eq!(
            line(&record).unwrap(),
            "{\"seq\":12,\"rev\":12,\"at\":1,\"event\":\"Thawed\"}\n"
        );
    }
}
