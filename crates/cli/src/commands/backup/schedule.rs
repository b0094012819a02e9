//! `gtd backup schedule`: when the daemon makes backups by itself.

use std::{path::PathBuf, time::Duration};

use gtd_core::{Cron, Moment};
use gtd_wire::pb::town::v1::{BackupWish, backup_wish::When};
use serde_json::Value;

use super::{word, would};
use crate::{
    args::Change,
    clock,
    context::Context,
    error::{CliError, Doing},
    exit::Exit,
    output::{clock as at_clock, span},
    town,
};

/// How many are kept unless another number is asked for.
const KEEP: u32 = 7;

/// What is wanted.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Make none any more; what was made stays
    #[arg(value_name = "off", conflicts_with_all = ["cron", "every", "keep", "to"])]
    off: Option<Off>,
    /// When, as a cron expression: 0 3 * * *
    #[arg(long, value_name = "EXPR", value_parser = cron, conflicts_with = "every")]
    cron: Option<Cron>,
    /// So long after the last one: 6h
    #[arg(long, value_name = "DUR", value_parser = clock::duration)]
    every: Option<Duration>,
    /// How many of those that it makes are kept, 7 unless you say
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    keep: Option<u32>,
    /// Into this folder, in place of the folder of backups
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
    #[command(flatten)]
    change: Change,
}

/// The word that ends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Off {
    /// None any more.
    Off,
}

fn cron(text: &str) -> Result<Cron, String> {
    Cron::parse(text).map_err(|error| error.to_string())
}

pub(super) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    let when = match (&args.cron, args.every) {
        (Some(cron), _) => Some(When::Cron(cron.to_string())),
        (None, Some(every)) => Some(When::EveryMs(
            u64::try_from(every.as_millis()).unwrap_or(u64::MAX),
        )),
        (None, None) => None,
    };
    if when.is_none() && (args.keep.is_some() || args.to.is_some()) {
        return Err(CliError::usage("it is not said when")
            .help("gtd backup schedule --cron \"0 3 * * *\"   or: --every 6h"));
    }
    let folder = args.to.as_ref().map(|folder| ctx.path(folder));
    let wish = BackupWish {
        keep: args.keep.unwrap_or(KEEP),
        folder: folder.map_or_else(String::new, |path| path.to_string_lossy().into_owned()),
        when,
    };
    let changes = wish.when.is_some() || args.off.is_some();
    if changes && args.change.dry_run {
        town::reach(ctx).await?;
        return Ok(would(ctx, &[describe(&wish)]));
    }
    let client = if changes {
        town::reach_for(ctx, &args.change).await?
    } else {
        town::reach(ctx).await?
    };
    let document = client
        .schedule_backups(changes.then_some(wish))
        .await
        .doing(|| "schedule the backups".to_owned())?;
    if ctx.screen.is_json() {
        ctx.screen.document(&document);
        return Ok(Exit::Done);
    }
    for line in lines(ctx, &document) {
        ctx.screen.line(line);
    }
    if let Some(problem) = document["problem"].as_str() {
        ctx.screen.warn(problem);
    }
    Ok(Exit::Done)
}

fn describe(wish: &BackupWish) -> String {
    match &wish.when {
        None => "make no backups by itself any more".to_owned(),
        Some(When::Cron(cron)) => format!("make backups: {cron}, keep {}", wish.keep),
        Some(When::EveryMs(every)) => {
            let every = span(Duration::from_millis(*every));
            format!("make a backup every {every}, keep {}", wish.keep)
        }
    }
}

fn lines(ctx: &Context, document: &Value) -> Vec<String> {
    if document["on"] != true {
        return vec!["no backups are made by themselves".to_owned()];
    }
    let now = clock::now();
    let time = |value: &Value| -> Option<String> {
        let moment: Moment = serde_json::from_value(value.clone()).ok()?;
        Some(at_clock(moment, now, ctx.screen.look))
    };
    let when = match document["every_s"].as_u64() {
        Some(every) => format!("every {}", span(Duration::from_secs(every))),
        None => format!("{} ({})", word(document, "cron"), word(document, "zone")),
    };
    let next: Vec<String> = document["next"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(time)
        .collect();
    vec![
        format!(
            "backups: {when}, the newest {} stay in {}",
            document["keep"],
            word(document, "folder")
        ),
        format!(
            "  last  {}",
            time(&document["last"]).unwrap_or_else(|| "none yet".to_owned())
        ),
        format!("  next  {}", next.join(", ")),
    ]
}
