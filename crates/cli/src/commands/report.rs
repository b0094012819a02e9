//! `gtd report`: what happened, from evidence.

use std::path::PathBuf;

use gtd_core::{ReportDoc, TimelineDoc};

use crate::{clock, context::Context, error::CliError, exit::Exit, output::Look, show, town};

/// How the report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For a terminal.
    Text,
    /// Markdown.
    Md,
    /// One page that needs nothing else, with a timeline.
    Html,
    /// One document.
    Json,
}

/// What happened, from evidence
///
/// In this order: outcome, needs you, landed, not done, proof, look at, time,
/// cost, next. Every number comes from the log, and can be worked out again from
/// `gtd export json` alone.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only this goal
    id: Option<String>,
    /// From then on: 22:00, 8h, yesterday, or RFC 3339
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,
    /// Up to then
    #[arg(long, value_name = "WHEN")]
    until: Option<String>,
    /// How to write it
    #[arg(long, value_name = "FORMAT")]
    format: Option<Format>,
    /// Write it to this file
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(crate) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    let since = args.since.as_deref().map(clock::behind).transpose()?;
    let until = args.until.as_deref().map(clock::behind).transpose()?;
    let client = town::reach(ctx).await?;
    let goal = match &args.id {
        Some(id) => Some(town::find(&client, id).await?.bead()?),
        None => None,
    };
    let document = client.report(since, until, goal.as_ref()).await?;
    let is_file = args.output.is_some();
    let format = args.format.unwrap_or_else(|| {
        if ctx.screen.is_json() {
            return Format::Json;
        }
        let extension = args.output.as_deref().and_then(|path| path.extension());
        match extension.and_then(|extension| extension.to_str()) {
            Some("md") => Format::Md,
            Some("html") => Format::Html,
            Some("json") => Format::Json,
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
        Format::Text => {
            let report: ReportDoc = town::read(&document)?;
            show::report(&report, clock::now(), look).join("\n") + "\n"
        }
        Format::Md => {
            let report: ReportDoc = town::read(&document)?;
            show::markdown(&report).join("\n") + "\n"
        }
        Format::Html => {
            let report: ReportDoc = town::read(&document)?;
            let id = goal.as_ref().map(gtd_core::BeadId::as_str);
            let timeline = client.timeline(id, None, Some(report.since.0)).await?;
            let timeline: TimelineDoc = town::read(&timeline)?;
            show::report_html(&report, &timeline, clock::now(), look)
        }
    };
    ctx.deliver(args.output.as_deref(), &text)?;
    if is_file && ctx.screen.is_json() {
        ctx.screen.document(&document);
    }
    Ok(Exit::Done)
}
