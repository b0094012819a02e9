//! Where branches are checked out, and the one act on a person's checkout:
//! a fast-forward that the person asked for.

use std::{
    fs,
    path::{Path, PathBuf},
};

use gtd_core::Oid;

use crate::{
    error::GitError,
    operation::{self, Head, Operation, plain_head},
    repository::{Repository, canonical, fields, lossy, parse_oid, path_of},
    run::{Git, LONG},
};

/// What became of a fast-forward.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FastForward {
    /// The checkout is at the commit, or was ahead of it already.
    Done,
    /// These files stand in the way; nothing was touched.
    NotClean(Vec<String>),
    /// The checkout is in the middle of something; nothing was touched.
    InProgress(Operation),
    /// The checkout has commits of its own; nothing was touched.
    NotFastForward,
}

/// One worktree, as `git worktree list` tells it.
#[derive(Debug)]
pub(crate) struct Worktree {
    pub(crate) path: PathBuf,
    /// The full name of the branch.
    pub(crate) branch: Option<String>,
    /// Its folder is gone.
    is_gone: bool,
}

impl Repository {
    /// Returns a worktree that has the branch checked out, or is rebasing or bisecting it.
    ///
    /// A worktree whose folder was deleted does not count.
    ///
    /// # Errors
    /// When git fails.
    pub fn checked_out_at(&self, branch_ref: &str) -> Result<Option<PathBuf>, GitError> {
        Ok(self.holders(branch_ref)?.into_iter().next())
    }

    /// Lists all worktrees that hold a branch, by full ref name.
    pub(crate) fn holders(&self, branch_ref: &str) -> Result<Vec<PathBuf>, GitError> {
        let dirs = self.git_dirs()?;
        let mut holders = match Self::on_branch_by_files(branch_ref, &dirs) {
            Some(holders) => holders,
            None => self.on_branch(branch_ref)?,
        };
        for (git_dir, path) in dirs {
            if path.exists()
                && !holders.contains(&path)
                && operation::uses_branch(&git_dir, branch_ref)
            {
                holders.push(path);
            }
        }
        Ok(holders)
    }

    fn on_branch(&self, branch_ref: &str) -> Result<Vec<PathBuf>, GitError> {
        Ok(self
            .worktrees()?
            .into_iter()
            .filter(|worktree| !worktree.is_gone && worktree.branch.as_deref() == Some(branch_ref))
            .map(|worktree| worktree.path)
            .collect())
    }

    /// Reads off the heads which worktrees are on a branch; none when a head is not plain.
    fn on_branch_by_files(branch_ref: &str, dirs: &[(PathBuf, PathBuf)]) -> Option<Vec<PathBuf>> {
        let branch = branch_ref.strip_prefix("refs/heads/")?;
        let mut holders = Vec::new();
        for (index, (git_dir, path)) in dirs.iter().enumerate() {
            let is_there = match index {
                // A bare repository has a head and no worktree.
                0 => path != git_dir,
                _ if git_dir.join("locked").exists() => path.exists(),
                _ => path.join(".git").exists(),
            };
            if is_there && plain_head(git_dir)? == Head::Branch(branch.to_owned()) {
                holders.push(path.clone());
            }
        }
        Some(holders)
    }

    /// Lists all worktrees, the main one first.
    pub(crate) fn worktrees(&self) -> Result<Vec<Worktree>, GitError> {
        let output = self
            .git()
            .args(["worktree", "list", "--porcelain", "-z"])
            .ok()?;
        let mut worktrees: Vec<Worktree> = Vec::new();
        for line in fields(&output) {
            if let Some(path) = line.strip_prefix(b"worktree ") {
                worktrees.push(Worktree {
                    path: path_of(path),
                    branch: None,
                    is_gone: false,
                });
            } else if let Some(worktree) = worktrees.last_mut() {
                if let Some(branch) = line.strip_prefix(b"branch ") {
                    worktree.branch = Some(lossy(branch));
                } else if line.starts_with(b"prunable") {
                    worktree.is_gone = true;
                } else if line.starts_with(b"locked") {
                    worktree.is_gone = !worktree.path.exists();
                }
            }
        }
        Ok(worktrees)
    }

    /// Lists the git folder and top folder of each worktree, the main one first.
    pub(crate) fn git_dirs(&self) -> Result<Vec<(PathBuf, PathBuf)>, GitError> {
        let mut dirs = vec![(self.common_dir().to_owned(), self.root().to_owned())];
        let folder = self.common_dir().join("worktrees");
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(dirs),
            Err(error) => return Err(GitError::io("list", folder)(error)),
        };
        for entry in entries.flatten() {
            let git_dir = entry.path();
            let Ok(link) = fs::read(git_dir.join("gitdir")) else {
                continue;
            };
            let link = git_dir.join(path_of(&link));
            if let Some(path) = link.parent() {
                let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
                dirs.push((git_dir, path));
            }
        }
        Ok(dirs)
    }

    /// Brings a checkout forward to a commit, when it is clean and behind it.
    ///
    /// Files that are neither tracked nor in the way may lie about; an ignored
    /// file that the commit would overwrite is in the way.
    ///
    /// # Errors
    /// When the folder is no checkout of this repository, the commit is
    /// missing, or git fails (for example because its index is locked).
    pub fn fast_forward_checkout(
        &self,
        worktree: &Path,
        to: &Oid,
    ) -> Result<FastForward, GitError> {
        let (git_dir, top) = self.checkout_at(worktree)?;
        let git = || {
            Git::at(&top)
                .env("GIT_DIR", &git_dir)
                .env("GIT_WORK_TREE", &top)
        };
        let target = self
            .resolve(to.as_str())?
            .ok_or_else(|| GitError::MissingCommit { oid: to.clone() })?;
        let head = git()
            .args(["rev-parse", "--verify", "--quiet", "HEAD^{commit}"])
            .run()?;
        if head.code != 0 {
            return Err(GitError::UnbornBranch { path: top });
        }
        let head = parse_oid("rev-parse", &head.stdout)?;
        if self.is_ancestor(&target, &head)? {
            return Ok(FastForward::Done);
        }
        if let Some(operation) = operation::operation(&git_dir) {
            return Ok(FastForward::InProgress(operation));
        }
        if !self.is_ancestor(&head, &target)? {
            return Ok(FastForward::NotFastForward);
        }
        let status = git()
            .args(["status", "--porcelain", "-z", "--no-renames"])
            .args(["--untracked-files=no", "--ignore-submodules=none"])
            .ok()?;
        let mut in_the_way: Vec<String> = fields(&status)
            .map(|line| lossy(line.get(3..).unwrap_or(line)))
            .collect();
        let added = self.diff(&head, &target, &["--name-only", "--diff-filter=A"])?;
        in_the_way.extend(
            fields(&added)
                .filter(|name| fs::symlink_metadata(top.join(path_of(name))).is_ok())
                .map(lossy),
        );
        if !in_the_way.is_empty() {
            return Ok(FastForward::NotClean(in_the_way));
        }
        let merged = git()
            .args(["merge", "--ff-only", "--no-stat", "--quiet"])
            .args(["--no-verify-signatures", "--no-overwrite-ignore"])
            .args(["--end-of-options", target.as_str()])
            .limit(LONG)
            .run()?;
        if merged.code == 0 {
            return Ok(FastForward::Done);
        }
        let refused: Vec<String> = merged
            .stderr
            .lines()
            .filter_map(|line| Some(line.strip_prefix('\t')?.to_owned()))
            .collect();
        if refused.is_empty() {
            Err(merged.failed().into())
        } else {
            Ok(FastForward::NotClean(refused))
        }
    }

    /// Finds git folder and top folder of a checkout that must be this repository's.
    fn checkout_at(&self, folder: &Path) -> Result<(PathBuf, PathBuf), GitError> {
        let foreign = || GitError::NotARepository {
            path: folder.to_owned(),
        };
        let folder = fs::canonicalize(folder).map_err(|_| foreign())?;
        let ask = |question: &str| -> Result<PathBuf, GitError> {
            let output = Git::at(&folder)
                .args(["rev-parse", "--path-format=absolute", question])
                .run()?;
            if output.code == 0 {
                canonical(&path_of(&output.stdout))
            } else {
                Err(foreign())
            }
        };
        if ask("--git-common-dir")? != self.common_dir() {
            return Err(foreign());
        }
        Ok((ask("--git-dir")?, ask("--show-toplevel")?))
    }
}
