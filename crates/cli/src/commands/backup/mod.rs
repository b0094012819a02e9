//! `gtd backup`: made by the daemon; listed, checked and restored without it, by verbs of `gtdd`.

mod schedule;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use gtd_core::Moment;
use serde_json::Value;

use super::would;
use crate::{
    clock,
    context::Context,
    daemon_program::DaemonProgram,
    error::{CliError, Doing, Kind},
    exit::Exit,
    output::{Cell, Table, ago},
    town,
};

/// How long `gtdd` may take to read or restore a backup.
const LONG: Duration = Duration::from_secs(3600);

/// Make, check and restore backups of the town
///
/// A backup is one plain tar: the event log, the rigs, the trusted
/// configurations and the roles, with a digest of each. Keys and repositories
/// are not in it: branches gtd/* and refs refs/gtd/* stay where they are.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
#[command(defer = true)]
enum Verb {
    /// Make a backup, also while agents are at work
    Create {
        /// Where; by default a dated name in the folder of backups
        file: Option<PathBuf>,
    },
    /// The backups of this town, the newest last
    List,
    /// Have the daemon make backups by itself; without a wish, tell when it does
    ///
    /// Each is verified when it is made. Only what the daemon made by itself is ever deleted.
    Schedule(schedule::Args),
    /// Check every digest and every line of the log, without a daemon
    Verify {
        /// A file, or a name that `gtd backup list` shows
        file: PathBuf,
    },
    /// Put the town back to where a backup was made, without a daemon
    ///
    /// Goals go on from there. Work that landed later stays landed in the
    /// repository; what the town does not know of it is done again under a new
    /// epoch. Every token of before is void.
    Restore {
        /// A file, or a name that `gtd backup list` shows
        file: PathBuf,
        /// Make a backup of what is there, keep it aside, and take its place
        #[arg(long)]
        replace: bool,
        /// Check the backup and change nothing
        #[arg(short = 'n', long)]
        dry_run: bool,
    },
}

pub(crate) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    match args.verb {
        Verb::Create { file } => create(ctx, file.as_deref()).await,
        Verb::List => list(ctx),
        Verb::Schedule(args) => schedule::run(ctx, args).await,
        Verb::Verify { file } => verify(ctx, &file),
        Verb::Restore {
            file,
            replace,
            dry_run,
        } => restore(ctx, &file, replace, dry_run),
    }
}

async fn create(ctx: &Context, file: Option<&Path>) -> Result<Exit, CliError> {
    let file = file.map(|file| ctx.path(file));
    let client = town::reach(ctx)
        .await
        .doing(|| "make a backup".to_owned())?;
    let document = client
        .backup(file.as_deref())
        .await
        .doing(|| "make a backup".to_owned())?;
    if ctx.screen.is_json() {
        ctx.screen.document(&document);
    } else if ctx.screen.is_quiet() {
        ctx.screen.line(word(&document, "path"));
    } else {
        ctx.screen.line(format!(
            "{}   {}, up to record {}",
            word(&document, "path"),
            size(&document),
            document["head"]
        ));
        ctx.screen
            .say("repositories are not in it: gtd/* branches and refs/gtd/* stay in them");
    }
    Ok(Exit::Done)
}

fn list(ctx: &Context) -> Result<Exit, CliError> {
    let document = gtdd(ctx, &["backup", "list"], "list the backups")?;
    if ctx.screen.is_json() {
        ctx.screen.document(&document);
        return Ok(Exit::Done);
    }
    let items = document["items"].as_array().cloned().unwrap_or_default();
    if ctx.screen.is_quiet() {
        for item in &items {
            ctx.screen.line(word(item, "name"));
        }
        return Ok(Exit::Done);
    }
    if items.is_empty() {
        let folder = ctx.places.backups();
        ctx.screen.say(format!("no backup in {}", folder.display()));
        return Ok(Exit::Done);
    }
    let mut table = Table::new(&["NAME", "MADE", "SIZE", "HEAD", "VERIFIED"], &["VERIFIED"]);
    for item in &items {
        let state = match (item["problem"].as_str(), item["verified"].as_bool()) {
            (Some(problem), _) => problem.to_owned(),
            (None, Some(true)) => "yes".to_owned(),
            (None, _) => "no".to_owned(),
        };
        let exact = word(item, "created_at");
        // A program gets the moment, a person how long ago it was.
        let made = match clock::behind(exact) {
            Ok(at) if ctx.screen.look.terminal => ago(Moment(at), clock::now()),
            _ => exact.to_owned(),
        };
        let head = item["head"].as_u64().map(|head| head.to_string());
        table.row([
            Cell::from(word(item, "name")),
            Cell::from(made),
            Cell::from(size(item)),
            Cell::from(head.unwrap_or_default()),
            Cell::from(state),
        ]);
    }
    for line in table.render(ctx.screen.look) {
        ctx.screen.line(line);
    }
    Ok(Exit::Done)
}

fn verify(ctx: &Context, file: &Path) -> Result<Exit, CliError> {
    let file = find(ctx, file);
    let text = file.to_string_lossy();
    let document = gtdd(ctx, &["backup", "verify", &text], "verify the backup")?;
    if ctx.screen.is_json() {
        ctx.screen.document(&document);
    } else {
        ctx.screen.line(format!(
            "whole: {}   {}, up to record {}",
            word(&document, "path"),
            size(&document),
            document["head"]
        ));
    }
    Ok(Exit::Done)
}

fn restore(ctx: &Context, file: &Path, replace: bool, dry_run: bool) -> Result<Exit, CliError> {
    let file = find(ctx, file);
    let text = file.to_string_lossy();
    if dry_run {
        gtdd(ctx, &["backup", "verify", &text], "verify the backup")?;
        return Ok(would(ctx, &[format!("restore {}", file.display())]));
    }
    let mut words = vec!["backup", "restore", text.as_ref()];
    if replace {
        words.push("--replace");
    }
    let document = gtdd(ctx, &words, "restore the backup")?;
    for unseen in document["unseen"].as_array().into_iter().flatten() {
        ctx.screen.warn(format!(
            "the repository of {} could not be looked at ({}): epochs that were used in it are not known",
            word(unseen, "rig"),
            word(unseen, "why")
        ));
    }
    if ctx.screen.is_json() {
        ctx.screen.document(&document);
        return Ok(Exit::Done);
    }
    ctx.screen.line(format!(
        "restored up to record {}, as of {}",
        document["head"],
        word(&document, "created_at")
    ));
    for (key, what) in [
        ("before", "a backup of what was there"),
        ("aside", "what was there"),
    ] {
        if let Some(path) = document[key].as_str() {
            ctx.screen.say(format!("{what}: {path}"));
        }
    }
    ctx.screen.next(&["gtd up".to_owned()]);
    Ok(Exit::Done)
}

/// Completes a path; a bare name that is not here may be one in the folder of backups.
fn find(ctx: &Context, file: &Path) -> PathBuf {
    let path = ctx.path(file);
    let kept = ctx.places.backups().join(file);
    if !path.exists() && kept.exists() {
        kept
    } else {
        path
    }
}

/// Runs a verb of `gtdd` that works without a daemon, and reads its document.
fn gtdd(ctx: &Context, words: &[&str], act: &str) -> Result<Value, CliError> {
    let output = DaemonProgram::find(&ctx.places)?.run(words, LONG)?;
    if output.status.success() {
        return serde_json::from_slice(&output.stdout).map_err(|error| {
            CliError::new(Kind::Daemon(format!("cannot {act}: gtdd said {error}")))
        });
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let (message, help) = match said.trim().split_once("\n  help: ") {
        Some((message, help)) => (message, Some(help)),
        None => (said.trim(), None),
    };
    let message = message.strip_prefix("gtdd: ").unwrap_or(message).to_owned();
    let kind = match output.status.code() {
        Some(7) => Kind::State(message),
        Some(3) => Kind::NotFound {
            kind: "backup",
            name: words.get(2).copied().unwrap_or_default().to_owned(),
        },
        _ => Kind::Daemon(message),
    };
    let error = CliError::new(kind);
    Err(match help {
        Some(help) => error.help(help),
        None => error,
    })
}

fn word<'a>(document: &'a Value, key: &str) -> &'a str {
    document[key].as_str().unwrap_or_default()
}

fn size(document: &Value) -> String {
    match document["size"].as_u64().unwrap_or_default() {
        bytes @ 0..10_000 => format!("{bytes} B"),
        bytes @ 10_000..10_000_000 => format!("{} kB", bytes / 1000),
        bytes => format!("{} MB", bytes / 1_000_000),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn sizes_are_short() {
        let shown = |bytes: u64| size(&json!({"size": bytes}));
        assert_eq!(shown(999), "999 B");
        assert_eq!(shown(123_456), "123 kB");
        assert_eq!(shown(12_345_678), "12 MB");
    }
}
