//! `gtd done`: for agents, hand work in.

use std::{fs, path::Path};

use gtd_core::{Command, Oid, Outcome};
use serde_json::json;

use super::brief::Lease;
use crate::{
    context::Context,
    error::{CliError, Doing},
    exit::Exit,
    place::Repository,
};

/// For agents: hand work in
///
/// The commit is the one that is checked out here, unless told. With
/// --no-change the bead ends well without a commit.
/// From inside of a seat this is a claim: the work is checked once the agent has stopped.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What was done
    #[arg(short, long, value_name = "TEXT")]
    summary: Option<String>,
    /// The commit
    #[arg(long, value_name = "COMMIT")]
    head: Option<String>,
    /// The commit that the work began from
    #[arg(long, value_name = "COMMIT")]
    base: Option<String>,
    /// Nothing had to change
    #[arg(long, conflicts_with_all = ["head", "base"])]
    no_change: bool,
    #[command(flatten)]
    lease: Lease,
}

pub(crate) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    let (bead, epoch) = args.lease.subject()?;
    let summary = args.summary.clone().unwrap_or_default();
    let command = if args.no_change {
        Command::Finish {
            bead: bead.clone(),
            epoch,
            outcome: Outcome::NoOp,
            why: summary,
        }
    } else {
        let head = match &args.head {
            Some(head) => oid(head)?,
            None => checked_out(&ctx.folder)
                .ok_or_else(|| CliError::usage("which commit? --head COMMIT"))?,
        };
        let base = match &args.base {
            Some(base) => oid(base)?,
            None => head.clone(),
        };
        Command::Submit {
            bead: bead.clone(),
            epoch,
            head,
            base,
            summary,
            checks: vec![],
        }
    };
    let client = args.lease.reach(ctx).await?;
    client
        .tell(command)
        .await
        .doing(|| format!("submit {bead}"))?;
    if ctx.screen.is_json() {
        ctx.screen
            .document(&json!({"kind": "Submission", "api": gtd_core::API,
            "bead": bead, "epoch": epoch, "changed": !args.no_change}));
    } else {
        // What the agent of a seat says is a claim; its work is looked at when it has stopped.
        let is_seat = std::env::var_os("GTD_AGENT").is_some();
        let what = match (is_seat, args.no_change) {
            (true, _) => "noted; the work is checked once you have stopped",
            (false, true) => "ended",
            (false, false) => "handed in",
        };
        ctx.screen.line(format!("{bead} {what}"));
    }
    Ok(Exit::Done)
}

fn oid(text: &str) -> Result<Oid, CliError> {
    Oid::parse(text).map_err(|error| CliError::usage(error.to_string()))
}

/// Reads which commit is checked out in the working tree around a folder.
fn checked_out(folder: &Path) -> Option<Oid> {
    let repository = Repository::around(folder)?;
    let dot_git = repository.top.join(".git");
    let private = if dot_git.is_dir() {
        dot_git
    } else {
        let text = fs::read_to_string(&dot_git).ok()?;
        repository.top.join(text.trim().strip_prefix("gitdir: ")?)
    };
    let head = fs::read_to_string(private.join("HEAD")).ok()?;
    let head = head.trim();
    let Some(name) = head.strip_prefix("ref: ") else {
        return Oid::parse(head).ok();
    };
    if let Ok(text) = fs::read_to_string(repository.common.join(name)) {
        return Oid::parse(text.trim()).ok();
    }
    let packed = fs::read_to_string(repository.common.join("packed-refs")).ok()?;
    packed.lines().find_map(|line| {
        let (commit, packed_name) = line.split_once(' ')?;
        (packed_name == name).then(|| Oid::parse(commit).ok())?
    })
}
