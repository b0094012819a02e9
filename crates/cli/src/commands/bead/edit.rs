//! `gtd bead edit`.

use gtd_client::WriteContext;
use gtd_core::{BeadType, Command, Criterion, Priority, RuntimeName};

use super::{changed, find, would};
use crate::{
    args::Change,
    clock,
    context::Context,
    error::{CliError, Doing},
    exit::Exit,
    town, wishes,
};

/// Change what is wanted of a bead
///
/// What is not named stays as it is. Refused when somebody else changed it meanwhile.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The bead, or the beginning of its id
    id: String,
    /// One line
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,
    /// The whole story; `-` reads it from stdin, `@FILE` from a file
    #[arg(short, long, value_name = "TEXT")]
    description: Option<String>,
    /// The kind of work
    #[arg(short = 't', long = "type", value_name = "TYPE", value_parser = wishes::kind)]
    kind: Option<BeadType>,
    /// The urgency, 0 (critical) to 4 (backlog)
    #[arg(short, long, value_name = "N", value_parser = wishes::priority)]
    priority: Option<Priority>,
    /// What must be true at the end; replaces what stood there
    #[arg(long, value_name = "TEXT[=CHECK]", value_parser = wishes::criterion)]
    accept: Vec<Criterion>,
    /// Files that the work may touch; replaces what stood there
    #[arg(long, value_name = "GLOB")]
    scope: Vec<String>,
    /// A free word to add
    #[arg(short, long, value_name = "LABEL")]
    label: Vec<String>,
    /// A free word to take away
    #[arg(long, value_name = "LABEL")]
    unlabel: Vec<String>,
    /// The script that does it
    #[arg(long = "run", value_name = "SCRIPT")]
    script: Option<String>,
    /// The runtime that works on it
    #[arg(long, value_name = "NAME", value_parser = wishes::runtime)]
    runtime: Option<RuntimeName>,
    /// Not before this: 07:00, 6h, RFC 3339, or none
    #[arg(long, value_name = "WHEN")]
    defer: Option<String>,
    #[command(flatten)]
    change: Change,
}

pub(super) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    let description = match &args.description {
        Some(text) => Some(wishes::text(ctx, text)?),
        None => None,
    };
    let client = town::reach_for(ctx, &args.change).await?;
    let bead = find(&client, &args.id).await?;
    // The documents leave a few wishes out, so the graph itself is asked.
    let graph = client.snapshot().await?;
    let known = graph
        .bead(&bead)
        .ok_or_else(|| gtd_core::Rejection::NoBead {
            bead: bead.to_string(),
            similar: Vec::new(),
        })?;
    let mut spec = known.spec.clone();
    if let Some(title) = args.title {
        spec.title = title.trim().to_owned();
    }
    if let Some(description) = description {
        spec.description = description;
    }
    spec.kind = args.kind.unwrap_or(spec.kind);
    spec.priority = args.priority.unwrap_or(spec.priority);
    if !args.accept.is_empty() {
        spec.acceptance = args.accept;
    }
    if !args.scope.is_empty() {
        spec.scope = args.scope;
    }
    spec.labels.extend(args.label);
    for label in &args.unlabel {
        spec.labels.remove(label);
    }
    spec.run = args.script.or(spec.run);
    spec.runtime = args.runtime.or(spec.runtime);
    match args.defer.as_deref() {
        None => {}
        Some("none") => spec.defer_until = None,
        Some(when) => spec.defer_until = Some(clock::ahead(when)?),
    }
    if spec == known.spec {
        return Err(CliError::usage(format!("nothing of {bead} would change"))
            .help("name what is to change, such as -p 1 or --title TEXT"));
    }
    if args.change.dry_run {
        gtd_core::check_spec(&spec).doing(|| format!("change {bead}"))?;
        return Ok(would(ctx, &[format!("change {bead}")]));
    }
    let context = WriteContext {
        request: None,
        expected: Some(graph.revision()),
    };
    let command = Command::EditBead {
        bead: bead.clone(),
        spec,
    };
    client
        .tell_as(command, context)
        .await
        .doing(|| format!("change {bead}"))?;
    changed(ctx, &client, &bead, &format!("{bead} changed")).await?;
    Ok(Exit::Done)
}
