//! What a worktree is in the middle of: a rebase, a merge, a bisection.
//!
//! Git keeps this in files of the worktree's own git folder. A branch that is
//! being rebased or bisected counts as checked out although the head is
//! detached.

use std::{fs, path::Path};

use gtd_core::Oid;

/// What a worktree is in the middle of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// A rebase, of this branch if it was on one.
    Rebase {
        /// The short name of the branch.
        branch: Option<String>,
    },
    /// A bisection, begun on this branch or commit.
    Bisect {
        /// The short name of the branch, or a commit.
        start: String,
    },
    /// Patches being applied from mails.
    ApplyMail,
    /// A merge with conflicts, or one that was not committed.
    Merge,
    /// A cherry-pick.
    CherryPick,
    /// A revert.
    Revert,
}

impl Operation {
    /// Says whether the head stands somewhere on the way, and not where the work is to end.
    #[must_use]
    pub fn moves_the_head(&self) -> bool {
        matches!(
            self,
            Self::Rebase { .. } | Self::Bisect { .. } | Self::ApplyMail
        )
    }
}

impl std::fmt::Display for Operation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Rebase { .. } => "a rebase",
            Self::Bisect { .. } => "a bisection",
            Self::ApplyMail => "patches from mails",
            Self::Merge => "a merge",
            Self::CherryPick => "a cherry-pick",
            Self::Revert => "a revert",
        })
    }
}

/// What a head says, where it is a file as git writes it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Head {
    /// The short name of a branch, which may have no commit yet.
    Branch(String),
    /// A commit.
    Commit(Oid),
}

/// Reads a head without a process; none when only git can tell.
pub(crate) fn plain_head(git_dir: &Path) -> Option<Head> {
    let text = fs::read_to_string(git_dir.join("HEAD")).ok()?;
    let line = text.strip_suffix('\n')?;
    match line.strip_prefix("ref: refs/heads/") {
        // Another format of refs keeps the real head elsewhere.
        Some(".invalid") => None,
        Some(name) => (!name.is_empty() && !name.contains(char::is_whitespace))
            .then(|| Head::Branch(name.to_owned())),
        None => Oid::parse(line).ok().map(Head::Commit),
    }
}

/// Reads what the worktree with this git folder is in the middle of.
pub(crate) fn operation(git_dir: &Path) -> Option<Operation> {
    let has = |name: &str| git_dir.join(name).exists();
    for folder in ["rebase-merge", "rebase-apply"] {
        if folder == "rebase-apply" && has("rebase-apply/applying") {
            return Some(Operation::ApplyMail);
        }
        if has(folder) {
            let branch = read(git_dir, &format!("{folder}/head-name"))
                .and_then(|name| Some(name.strip_prefix("refs/heads/")?.to_owned()));
            return Some(Operation::Rebase { branch });
        }
    }
    if let Some(start) = read(git_dir, "BISECT_START") {
        return Some(Operation::Bisect { start });
    }
    if has("MERGE_HEAD") {
        return Some(Operation::Merge);
    }
    if has("CHERRY_PICK_HEAD") {
        return Some(Operation::CherryPick);
    }
    has("REVERT_HEAD").then_some(Operation::Revert)
}

/// Says whether the operation in this git folder will move or return to a branch.
pub(crate) fn uses_branch(git_dir: &Path, branch_ref: &str) -> bool {
    let short = branch_ref.strip_prefix("refs/heads/").unwrap_or(branch_ref);
    let on_it = match operation(git_dir) {
        Some(Operation::Rebase { branch }) => branch.as_deref() == Some(short),
        Some(Operation::Bisect { start }) => start == short || start == branch_ref,
        _ => false,
    };
    on_it
        || read(git_dir, "rebase-merge/update-refs")
            .is_some_and(|text| text.lines().any(|line| line == branch_ref))
}

/// Lists the commits in which git has put uncommitted work aside.
pub(crate) fn autostashes(git_dir: &Path) -> Vec<String> {
    [
        "rebase-merge/autostash",
        "rebase-apply/autostash",
        "MERGE_AUTOSTASH",
    ]
    .iter()
    .filter_map(|name| read(git_dir, name))
    .collect()
}

/// Ends whatever operation there is, leaving head, index and files as they are.
pub(crate) fn forget(git_dir: &Path) -> std::io::Result<()> {
    const FOLDERS: &[&str] = &["rebase-merge", "rebase-apply", "sequencer", "refs/bisect"];
    const FILES: &[&str] = &[
        "MERGE_HEAD",
        "MERGE_MODE",
        "MERGE_MSG",
        "MERGE_RR",
        "MERGE_AUTOSTASH",
        "AUTO_MERGE",
        "CHERRY_PICK_HEAD",
        "REVERT_HEAD",
        "REBASE_HEAD",
        "SQUASH_MSG",
        "BISECT_ANCESTORS_OK",
        "BISECT_EXPECTED_REV",
        "BISECT_FIRST_PARENT",
        "BISECT_LOG",
        "BISECT_NAMES",
        "BISECT_RUN",
        "BISECT_TERMS",
        "BISECT_START",
    ];
    let gone = |result: std::io::Result<()>| match result {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        other => other,
    };
    for folder in FOLDERS {
        gone(fs::remove_dir_all(git_dir.join(folder)))?;
    }
    for file in FILES {
        gone(fs::remove_file(git_dir.join(file)))?;
    }
    Ok(())
}

fn read(git_dir: &Path, name: &str) -> Option<String> {
    let text = fs::read(git_dir.join(name)).ok()?;
    Some(String::from_utf8_lossy(&text).trim_end().to_owned())
}
