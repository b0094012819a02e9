//! `gtd merge verify`: whether what landed is proven, asked of git alone.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use gtd_core::{LandedCommit, MemberProof, NOTES_REF, Oid, Proven, Signature, prove};
use serde_json::{Value, json};

use crate::{
    commands::asked_git::ask,
    context::Context,
    error::{CliError, Kind},
    exit::Exit,
    output::State,
    place::Repository,
};

/// Check against git alone that each landing is proven
///
/// Looks at the first-parent commits of the range. Each must carry a note below refs/notes/gtd
/// that is about this commit, this tree and the commits that stand behind it, and says that every
/// gate was green on the tree, and that somebody said yes to what was to be reviewed. What was to be
/// signed must be: by whom is told where gpg.ssh.allowedSignersFile names the key. A commit that
/// somebody made by hand has no note, and is told as such. Needs no daemon.
///
/// Exit 0 when all are proven, 5 when one is not.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What git takes for a range, such as v1.0..main; one name means all that leads to it
    #[arg(value_name = "RANGE")]
    range: String,
    /// Take commits that somebody made by hand as they are
    #[arg(long)]
    allow_by_hand: bool,
}

/// One line of the answer.
struct Row {
    commit: LandedCommit,
    proven: Proven,
}

impl Row {
    fn word(&self) -> &'static str {
        match self.proven {
            Proven::ByEvidence(_) => "proven",
            Proven::ByHand => "by_hand",
            Proven::Not(_) => "unproven",
        }
    }

    /// Says what it is proven by, or why it is not.
    fn text(&self) -> String {
        match &self.proven {
            Proven::ByEvidence(evidence) => {
                let gates: Vec<&str> = evidence.gates.iter().map(|g| g.gate.as_str()).collect();
                let beads: Vec<&str> = evidence.members.iter().map(|m| m.bead.as_str()).collect();
                let members = evidence.members.iter();
                let waived: Vec<String> = members.flat_map(waived).collect();
                let waived = match waived.as_slice() {
                    [] => String::new(),
                    some => format!(" · {}", some.join("; ")),
                };
                let signature = self.commit.signature.as_ref();
                let signed = signature
                    .filter(|signature| signature.holds())
                    .map_or(String::new(), |signature| {
                        format!(" · {}", signature.told())
                    });
                format!("{} · {}{waived}{signed}", gates.join(" "), beads.join(" "))
            }
            Proven::ByHand => format!("made by {}, not by a refinery", self.commit.author),
            Proven::Not(why) => why.join("; "),
        }
    }

    fn document(&self) -> Value {
        let evidence = match &self.proven {
            Proven::ByEvidence(evidence) => Some(evidence),
            _ => None,
        };
        let why = match &self.proven {
            Proven::Not(why) => why.as_slice(),
            _ => &[],
        };
        json!({
            "commit": self.commit.oid,
            "tree": self.commit.tree,
            "subject": self.commit.subject,
            "author": self.commit.author,
            "state": self.word(),
            "signature": self.commit.signature.as_ref().map(signature),
            "why": why,
            "evidence": evidence,
        })
    }
}

fn signature(signature: &Signature) -> Value {
    let (state, by, key) = match signature {
        Signature::Missing => ("none", "", ""),
        Signature::By { who, key } => ("good", who.as_str(), key.as_str()),
        Signature::Unknown { key } => ("unknown_key", "", key.as_str()),
        Signature::Bad => ("bad", "", ""),
        Signature::Unchecked => ("unchecked", "", ""),
    };
    json!({"state": state, "by": by, "key": key})
}

/// Says what of a member a person took as it is.
fn waived(member: &MemberProof) -> impl Iterator<Item = String> {
    let guards = member.guards.iter().map(|guard| &guard.waived);
    let criteria = member.acceptance.iter().map(|criterion| &criterion.waived);
    let waivers = guards.chain(criteria).flatten();
    waivers.map(|waiver| format!("{} {}", waiver.what.told(), waiver.told()))
}

pub(super) fn run(ctx: &Context, args: &Args) -> Result<Exit, CliError> {
    let folder = folder(ctx)?;
    let commits = first_parents(&folder, &args.range)?;
    let parents = parents(&folder, &args.range)?;
    let mut signatures = signatures(&folder, &args.range)?;
    let rows: Vec<Row> = commits
        .into_iter()
        .map(|mut commit| {
            commit.look_behind(&parents);
            commit.signature = signatures.remove(&commit.oid);
            Row {
                proven: prove(&commit),
                commit,
            }
        })
        .collect();
    let count = |word: &str| rows.iter().filter(|row| row.word() == word).count();
    let (n_proven, n_by_hand, n_unproven) = (count("proven"), count("by_hand"), count("unproven"));
    let is_proven = n_unproven == 0 && (args.allow_by_hand || n_by_hand == 0);
    if ctx.screen.is_json() {
        let items: Vec<Value> = rows.iter().map(Row::document).collect();
        ctx.screen.document(
            &json!({"kind": "MergeVerified", "api": gtd_core::API, "range": args.range,
            "verified": is_proven, "proven": n_proven, "by_hand": n_by_hand,
            "unproven": n_unproven, "items": items}),
        );
    } else {
        let look = ctx.screen.look;
        for row in &rows {
            let state = State::of(row.word());
            if ctx.screen.is_quiet() && matches!(row.proven, Proven::ByEvidence(_)) {
                continue;
            }
            ctx.screen.line(format!(
                "{}  {}  {}  {}",
                row.commit.oid.short(),
                look.paint(state.ink, &state.text(look)),
                look.title(&row.commit.subject),
                row.text()
            ));
        }
        ctx.screen.say(format!(
            "{n_proven} proven · {n_by_hand} by hand · {n_unproven} unproven"
        ));
    }
    Ok(match is_proven {
        true => Exit::Done,
        false => Exit::WorkFailed,
    })
}

/// Finds the repository: that of the rig that is named, else the one around.
fn folder(ctx: &Context) -> Result<PathBuf, CliError> {
    match Repository::around(&ctx.folder) {
        Some(repository) if !ctx.names_a_rig() => Ok(repository.top),
        None if !ctx.names_a_rig() => Err(CliError::new(Kind::NotARepository(ctx.folder.clone()))),
        _ => ctx.folder_of(&ctx.need_rig()?),
    }
}

/// Reads the first-parent commits of a range with their notes, newest first.
fn first_parents(folder: &Path, range: &str) -> Result<Vec<LandedCommit>, CliError> {
    let nothing = || {
        CliError::new(Kind::NotFound {
            kind: "range of commits",
            name: range.to_owned(),
        })
        .help("such as main~10..main, v1.0..main, or main")
    };
    // A name that begins with a dash would be an option.
    if range.trim().is_empty() || range.starts_with('-') {
        return Err(nothing());
    }
    let notes = format!("--notes={NOTES_REF}");
    let format = format!("--format={}", LandedCommit::FORMAT);
    let said = ask(
        folder,
        &[
            "log",
            "-z",
            "--first-parent",
            "--no-show-signature",
            "--no-color",
            "--no-notes",
            &notes,
            &format,
            range,
            "--",
        ],
    )
    .map_err(|error| match error.kind {
        Kind::Io { .. } => nothing(),
        _ => error,
    })?;
    LandedCommit::read(&said).ok_or_else(nothing)
}

/// Reads the parents of all commits of a range.
fn parents(folder: &Path, range: &str) -> Result<BTreeMap<Oid, Vec<Oid>>, CliError> {
    let said = ask(folder, &["rev-list", "--parents", range, "--"])?;
    let text = String::from_utf8_lossy(&said);
    let lines = text.lines().filter_map(|line| {
        let mut oids = line.split(' ').map(Oid::parse);
        let commit = oids.next()?.ok()?;
        Some((commit, oids.collect::<Result<_, _>>().ok()?))
    });
    Ok(lines.collect())
}

/// Reads how the first-parent commits of a range are signed. Only signatures of SSH are checked, and
/// by no program that the repository names.
fn signatures(folder: &Path, range: &str) -> Result<BTreeMap<Oid, Signature>, CliError> {
    let signers = ask(folder, &["config", "--get", "gpg.ssh.allowedSignersFile"]);
    let signers = signers.unwrap_or_default();
    let signers = match String::from_utf8_lossy(&signers).trim() {
        "" => "gpg.ssh.allowedSignersFile=/dev/null".to_owned(),
        named => format!("gpg.ssh.allowedSignersFile={named}"),
    };
    let format = format!("--format={}", Signature::FORMAT);
    let said = ask(
        folder,
        &[
            "-c",
            &signers,
            "-c",
            "gpg.ssh.program=ssh-keygen",
            "-c",
            "gpg.program=false",
            "-c",
            "gpg.x509.program=false",
            "log",
            "-z",
            "--first-parent",
            "--no-show-signature",
            "--no-notes",
            &format,
            range,
            "--",
        ],
    )?;
    Ok(Signature::read(&said))
}
