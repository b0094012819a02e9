//! `gtd trust`: put the configuration of a rig into effect as it is now.

mod report;

use std::path::PathBuf;

use gtd_client::{ProjectTexts, WriteContext};
use gtd_core::{
    Command, RigName,
    config::{LayerKind, layer_from_toml},
};
use serde_json::json;

use super::would;
use crate::{
    args::Change,
    context::Context,
    error::{CliError, Doing, Kind},
    exit::Exit,
    output::Ink,
    place,
    settings::{self, LOCAL, PROJECT},
    town,
};

/// Put the configuration of a rig into effect as it is now
///
/// gtd.toml can name commands, and the role files in .gtd/roles say how agents
/// work, so they take effect only after this: a copy of what you trust is kept
/// outside of the repository. Shows what changed.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Option<Verb>,
    /// The repository; by default the one around the present folder
    path: Option<PathBuf>,
    /// Show what changed, and change nothing
    #[arg(long)]
    show: bool,
    /// Do not trust it any more: nothing of the rig begins until it is trusted again
    #[arg(long, conflicts_with = "show")]
    revoke: bool,
    #[command(flatten)]
    change: Change,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// What became of the work of each runtime
    Report(report::Args),
}

pub(crate) async fn run(ctx: &Context, mut args: Args) -> Result<Exit, CliError> {
    if let Some(Verb::Report(args)) = args.verb.take() {
        return report::run(ctx, args).await;
    }
    let rig = rig(ctx, &args)?;
    if args.revoke {
        return revoke(ctx, &rig, &args.change).await;
    }
    let folder = ctx.folder_of(&rig)?;
    let now = settings::project_texts(&folder)?;
    if now.get(PROJECT).is_none() {
        let text = format!("there is no {PROJECT} in {}", folder.display());
        return Err(CliError::new(Kind::State(text))
            .help(format!("git restore {PROJECT}, or a new one: gtd init")));
    }
    let before = settings::project_texts(&settings::trusted_folder(ctx, &rig))?;
    let digest = now.digest();
    let changes = changes(&before, &now);
    // The copy of what was trusted says nothing once the trust was taken back.
    let is_revoked = is_revoked(ctx, &rig).await;
    let is_same = before == now && !is_revoked;
    let only_shows = args.show || args.change.dry_run;
    let mut document = json!({"kind": "Trust", "api": gtd_core::API, "rig": rig,
        "path": folder.to_string_lossy(), "digest": digest,
        "trusted_digest": before.digest(), "changed": !is_same,
        "changes": changes, "trusted": is_same});
    if !ctx.screen.is_json() {
        print_changes(ctx, &changes);
    }
    for (kind, name) in [(LayerKind::Project, PROJECT), (LayerKind::Local, LOCAL)] {
        if let Some(text) = now.get(name) {
            layer_from_toml(kind, name, text).map_err(settings::wrong)?;
        }
    }
    if only_shows {
        if ctx.screen.is_json() {
            ctx.screen.document(&document);
        } else {
            let short = short(&digest);
            ctx.screen.line(if is_revoked {
                format!("the trust in {rig} was taken back ({short}).   gtd trust")
            } else if is_same {
                format!("{rig} is trusted as it is ({short})")
            } else {
                format!("{rig} is not trusted as it is now ({short}).   gtd trust")
            });
        }
        return Ok(Exit::Done);
    }
    let receipt = town::reach_or_start(ctx)
        .await?
        .trust_rig(&rig, Some(&digest), WriteContext::default())
        .await
        .doing(|| format!("trust {rig}"))?;
    if ctx.screen.is_json() {
        document["trusted"] = json!(true);
        document["rig_document"] = receipt.document;
        ctx.screen.document(&document);
    } else {
        for warning in settings::warnings_of(&receipt.document) {
            ctx.screen.warn(warning);
        }
        let what = if is_same { "as before" } else { "as it is now" };
        ctx.screen
            .line(format!("trusted {rig} {what} ({})", short(&digest)));
    }
    Ok(Exit::Done)
}

/// Takes the trust back. What is at work goes on: it began while it was trusted.
async fn revoke(ctx: &Context, rig: &RigName, change: &Change) -> Result<Exit, CliError> {
    let client = town::reach_for(ctx, change).await?;
    if change.dry_run {
        return Ok(would(ctx, &[format!("take the trust in {rig} back")]));
    }
    let command = Command::RevokeTrust {
        rig: rig.clone(),
        why: change.why(),
    };
    client
        .tell(command)
        .await
        .doing(|| format!("take the trust in {rig} back"))?;
    if ctx.screen.is_json() {
        ctx.screen.document(&client.get(rig.as_str()).await?);
    } else if ctx.screen.is_quiet() {
        ctx.screen.line(rig.as_str());
    } else {
        ctx.screen.line(format!(
            "{rig} is not trusted any more: nothing of it begins, and what is at work goes on"
        ));
        ctx.screen
            .next(&["gtd ps".to_owned(), format!("gtd trust -r {rig}")]);
    }
    Ok(Exit::Done)
}

/// Lists by which lines the files of a rig differ from what was trusted.
pub(crate) fn since_trust(ctx: &Context, rig: &RigName) -> Result<Vec<String>, CliError> {
    let now = settings::project_texts(&ctx.folder_of(rig)?)?;
    let before = settings::project_texts(&settings::trusted_folder(ctx, rig))?;
    Ok(changes(&before, &now))
}

/// Prints lines that went and came.
pub(crate) fn print_changes(ctx: &Context, changes: &[String]) {
    for line in changes {
        let ink = match line.chars().next() {
            Some('+') => Ink::Good,
            Some('-') => Ink::Bad,
            _ => Ink::Faint,
        };
        ctx.screen.line(ctx.screen.look.paint(ink, line));
    }
}

/// Asks whether the trust was taken back; a daemon that is away says nothing.
async fn is_revoked(ctx: &Context, rig: &RigName) -> bool {
    let Ok(client) = town::reach(ctx).await else {
        return false;
    };
    let shown = client.get(rig.as_str()).await;
    shown.is_ok_and(|document| document["revoked"].is_object())
}

/// Says which texts it is about, in few characters.
fn short(digest: &str) -> String {
    match digest.get(..12) {
        Some(digest) => format!("digest {digest}"),
        None => "no files".to_owned(),
    }
}

fn rig(ctx: &Context, args: &Args) -> Result<RigName, CliError> {
    let Some(path) = &args.path else {
        return ctx.need_rig();
    };
    let folder = std::fs::canonicalize(ctx.path(path))
        .map_err(|error| CliError::given(format!("enter {}", path.display()), error))?;
    place::rig_of(ctx.rig_folders()?, &folder)
        .ok_or_else(|| CliError::new(Kind::NotARig(folder.clone())))
}

/// Lists the lines that went and came, file by file.
fn changes(before: &ProjectTexts, now: &ProjectTexts) -> Vec<String> {
    let mut lines = Vec::new();
    for name in before.changed(now) {
        lines.push(format!("{name}:"));
        let text = |texts: &ProjectTexts| texts.get(name).unwrap_or_default().to_owned();
        lines.extend(difference(&text(before), &text(now)));
    }
    lines
}

/// Compares two texts line by line, over their longest common part.
fn difference(before: &str, now: &str) -> Vec<String> {
    let before: Vec<&str> = before.lines().collect();
    let now: Vec<&str> = now.lines().collect();
    // Far more lines than any configuration has: say it in one.
    if before.len().saturating_mul(now.len()) > 4_000_000 {
        return vec![format!("~{} lines became {}", before.len(), now.len())];
    }
    let mut common = vec![vec![0_u32; now.len() + 1]; before.len() + 1];
    for (i, old) in before.iter().enumerate().rev() {
        for (j, new) in now.iter().enumerate().rev() {
            common[i][j] = if old == new {
                common[i + 1][j + 1] + 1
            } else {
                common[i + 1][j].max(common[i][j + 1])
            };
        }
    }
    let mut lines = Vec::new();
    let (mut i, mut j) = (0, 0);
    while i < before.len() || j < now.len() {
        if i < before.len() && j < now.len() && before[i] == now[j] {
            i += 1;
            j += 1;
        } else if j < now.len() && (i == before.len() || common[i][j + 1] > common[i + 1][j]) {
            lines.push(format!("+ {}", now[j]));
            j += 1;
        } else {
            lines.push(format!("- {}", before[i]));
            i += 1;
        }
    }
    lines
        .into_iter()
        .map(|line| line.replace(|c: char| c.is_control(), "\u{fffd}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_lines_that_changed_are_shown() {
        assert_eq!(
            difference("a\nb\nc\n", "a\nx\nc\nd\n"),
            ["- b", "+ x", "+ d"]
        );
        assert_eq!(difference("a\n", "a\n"), Vec::<String>::new());
        assert_eq!(difference("", "a\n"), ["+ a"]);
    }
}
