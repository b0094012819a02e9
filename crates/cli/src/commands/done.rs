//! `gtd done`: for agents, hand work in.

use std::{fs, path::Path};

use gtd_client::Client;
use gtd_core::{BeadId, Command, Epoch, Oid, Outcome};
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
    let handed = if args.no_change {
        Handed::NoChange
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
        Handed::Commit { head, base }
    };
    let client = args.lease.reach(ctx).await?;
    let text = hand_in(&client, &bead, epoch, summary, handed).await?;
    if ctx.screen.is_json() {
        ctx.screen
            .document(&json!({"kind": "Submission", "api": gtd_core::API,
            "bead": bead, "epoch": epoch, "changed": !args.no_change}));
    } else {
        ctx.screen.line(text);
    }
    Ok(Exit::Done)
}

/// What is handed in.
pub(crate) enum Handed {
    /// A commit, and the one that the work began from.
    Commit {
        /// The commit.
        head: Oid,
        /// Where the work began.
        base: Oid,
    },
    /// Nothing had to change.
    NoChange,
}

impl Handed {
    /// Hands in what is checked out around a folder.
    pub(crate) fn checked_out(folder: &Path) -> Option<Self> {
        let head = checked_out(folder)?;
        Some(Self::Commit {
            base: head.clone(),
            head,
        })
    }
}

/// Hands work in, and says what becomes of it.
pub(crate) async fn hand_in(
    client: &Client,
    bead: &BeadId,
    epoch: Epoch,
    summary: String,
    handed: Handed,
) -> Result<String, CliError> {
    // What the agent of a seat says is a claim; its work is looked at when it has stopped.
    let is_seat = std::env::var_os("GTD_AGENT").is_some();
    let what = match (is_seat, &handed) {
        (true, _) => "noted; the work is checked once you have stopped",
        (false, Handed::NoChange) => "ended",
        (false, Handed::Commit { .. }) => "handed in",
    };
    let command = match handed {
        Handed::NoChange => Command::Finish {
            bead: bead.clone(),
            epoch,
            outcome: Outcome::NoOp,
            why: summary,
        },
        Handed::Commit { head, base } => Command::Submit {
            bead: bead.clone(),
            epoch,
            head,
            base,
            summary,
            checks: vec![],
        },
    };
    let told = client.tell(command).await;
    told.doing(|| format!("submit {bead}"))?;
    Ok(format!("{bead} {what}"))
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
