//! `gtd bead edit`.

use gtd_core::{BeadType, Command, RuntimeName};

use super::{Edit, edited, find};
use crate::{args::Change, clock, context::Context, error::CliError, exit::Exit, town, wishes};

/// Change what is wanted of a bead
///
/// What is not named stays as it is. Refused when somebody else changed it meanwhile.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The bead, or the beginning of its id
    id: String,
    #[command(flatten)]
    anew: wishes::Anew,
    /// The kind of work
    #[arg(short = 't', long = "type", value_name = "TYPE", value_parser = wishes::kind)]
    kind: Option<BeadType>,
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

pub(super) async fn run(ctx: &Context, mut args: Args) -> Result<Exit, CliError> {
    args.anew.read(ctx)?;
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
    args.anew.put(&mut spec);
    spec.kind = args.kind.unwrap_or(spec.kind);
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
    let command = Command::EditBead {
        bead: bead.clone(),
        spec: spec.clone(),
    };
    let edit = Edit {
        command,
        made_from: graph.revision(),
        is_rehearsal: args.change.dry_run,
    };
    edited(ctx, &client, &bead, &spec, edit).await
}
