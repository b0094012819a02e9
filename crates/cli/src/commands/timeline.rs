//! `gtd timeline`: in whose hands each bead was, and when.

use std::path::PathBuf;

use gtd_core::TimelineDoc;

use crate::{clock, context::Context, error::CliError, exit::Exit, output::Look, show, town};

/// How the timeline is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For a terminal.
    Text,
    /// A picture that needs nothing else, for light and dark pages.
    Svg,
    /// One document.
    Json,
}

/// Where the time went: agent, gate, merge, queue, you
///
/// One line for each bead, with its attempts one after the other. Of a goal
/// or bead since it was made; of a rig, or elsewhere of the whole town, the
/// last 24 hours. A bead that waits for other beads is in nobody's hands.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only this goal or bead, or the beginning of its id
    id: Option<String>,
    /// From then on: 22:00, 8h, yesterday, or RFC 3339
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,
    /// Of all rigs, also in a rig
    #[arg(long)]
    all_rigs: bool,
    /// How to write it
    #[arg(long, value_name = "FORMAT")]
    format: Option<Format>,
    /// Write it to this file
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(crate) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    let since = args.since.as_deref().map(clock::behind).transpose()?;
    let client = town::reach(ctx).await?;
    let subject = town::subject(&client, args.id.as_deref(), "gtd timeline -r RIG").await?;
    let rig = match (&subject, args.all_rigs) {
        (None, false) => ctx.rig()?,
        _ => None,
    };
    let document = client
        .timeline(subject.as_deref(), rig.as_ref(), since)
        .await?;
    let timeline: TimelineDoc = town::read(&document)?;
    let is_file = args.output.is_some();
    let format = args.format.unwrap_or_else(|| {
        let extension = args.output.as_deref().and_then(|path| path.extension());
        match extension.and_then(|extension| extension.to_str()) {
            Some("svg") => Format::Svg,
            Some("json") => Format::Json,
            None if ctx.screen.is_json() => Format::Json,
            _ => Format::Text,
        }
    });
    let look = if is_file {
        Look::of_a_file()
    } else {
        ctx.screen.look
    };
    let text = match format {
        Format::Json if !is_file => {
            ctx.screen.document(&document);
            return Ok(Exit::Done);
        }
        Format::Json => format!("{document:#}\n"),
        Format::Svg => show::timeline_svg(&timeline, look),
        Format::Text if ctx.screen.is_quiet() => {
            let ids = timeline.rows.iter().map(|row| format!("{}\n", row.bead));
            ids.collect()
        }
        Format::Text => show::timeline(&timeline, look).join("\n") + "\n",
    };
    if timeline.rows.is_empty() && format == Format::Text && !is_file {
        ctx.screen.say("nothing happened in that time");
    } else {
        ctx.deliver(args.output.as_deref(), &text)?;
    }
    Ok(Exit::Done)
}
