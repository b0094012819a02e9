//! The steps that a pool's acts on one slot are made of: making, saving,
//! setting aside, unregistering, marking.
//!
//! Each expects that the caller holds the slot's lock.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::{
    error::GitError,
    index,
    lock::Hold,
    marker::{Marker, Owner, State},
    operation,
    pool::{Checkout, Pool, check_branch, check_slot},
    process, salvage,
    status::Ignored,
    tree::{Found, Litter, Tree, delete_folder, inspect},
};

/// What was saved of a worktree.
#[derive(Debug)]
pub(crate) struct Saved {
    /// The ref of uncommitted work.
    pub(crate) snapshot: Option<String>,
    /// What lies about in it still; ignored files count when they were to be told.
    pub(crate) litter: Litter,
}

impl Pool {
    /// Hands the worktree of a slot from one owner on to the next, as it is.
    ///
    /// Files, index and head stay; `branch` is made where the head is, and the head is on it from
    /// then on, unless the worktree is in the middle of a rebase or the like.
    ///
    /// # Errors
    /// When somebody other than `from` has the slot, a living git holds the worktree's lock, or
    /// git fails.
    pub fn hand_on(
        &self,
        slot: &str,
        from: &str,
        branch: &str,
        owner: &Owner,
    ) -> Result<PathBuf, GitError> {
        check_slot(slot)?;
        check_branch(branch)?;
        let _hold = self.hold(slot)?;
        let marker = self.marker_or_nobody(slot)?;
        if marker.owner.key != from || marker.state != State::Ready {
            return Err(GitError::NotTheirs {
                slot: slot.to_owned(),
                owner: marker.owner.key,
            });
        }
        let tree = self.tree(slot)?;
        tree.clear_locks()?;
        let Some(start) = tree.head_in(&self.repository)? else {
            return Err(GitError::DamagedSlot {
                slot: slot.to_owned(),
                path: tree.path,
                why: "it is on a branch without commits",
            });
        };
        let checkout = Checkout::Branch {
            name: branch.to_owned(),
            start,
        };
        if tree.operation().is_none() && !tree.stands_at(&checkout)? {
            // Whoever tried this before may have made the branch and come no further.
            let how = ["checkout", "--quiet", "--no-track", "-B", branch];
            tree.write(|git| git.args(how))?;
        }
        self.mark(slot, owner, State::Ready, &checkout)?;
        Ok(tree.path)
    }

    /// Makes a worktree where there is nothing.
    pub(crate) fn create(
        &self,
        slot: &str,
        checkout: &Checkout,
        owner: &Owner,
    ) -> Result<(), GitError> {
        self.mark(slot, owner, State::Fresh, checkout)?;
        let path = self.path(slot);
        let add = self
            .repository
            .git()
            .args(["worktree", "add", "--quiet", "--no-checkout", "--lock"])
            .arg("--reason")
            .arg(format!("gtd: slot {slot}"));
        let held = |error: GitError, branch: &str| match error {
            GitError::Run(failure)
                if failure.stderr().contains("already used by worktree")
                    || failure.stderr().contains("already checked out") =>
            {
                GitError::BranchHeld {
                    branch: branch.to_owned(),
                    at: path.clone(),
                }
            }
            other => other,
        };
        let hold = Hold::wait(&self.folder.join(".locks/.repository"))?;
        match checkout {
            Checkout::Detached(oid) => {
                add.arg("--detach").arg(&path).arg(oid.as_str()).ok()?;
            }
            Checkout::Branch { name, start } => {
                let full = format!("refs/heads/{name}");
                let add = if self.repository.resolve(&full)?.is_some() {
                    add.arg(&path).arg(name)
                } else {
                    add.args(["--no-track", "-b", name.as_str()])
                        .arg(&path)
                        .arg(start.as_str())
                };
                add.ok().map_err(|failure| held(failure.into(), name))?;
            }
        }
        drop(hold);
        gtd_fault::point("git.after-worktree-add");
        let tree = self.tree(slot)?;
        tree.write(|git| git.args(["reset", "--hard", "--quiet"]))?;
        Ok(())
    }

    /// Sees to it that no other slot has a branch checked out.
    pub(crate) fn free_branch(
        &self,
        slot: &str,
        branch: &str,
        owner: &Owner,
    ) -> Result<(), GitError> {
        for at in self.repository.holders(&format!("refs/heads/{branch}"))? {
            if at == self.path(slot) {
                continue;
            }
            let held = || GitError::BranchHeld {
                branch: branch.to_owned(),
                at: at.clone(),
            };
            let other = at
                .strip_prefix(&self.folder)
                .ok()
                .and_then(Path::to_str)
                .filter(|other| check_slot(other).is_ok())
                .ok_or_else(held)?;
            let _hold = Hold::take(&self.lock_path(other))?.ok_or_else(held)?;
            let Found::Tree(tree) = inspect(&self.repository, &at)? else {
                return Err(held());
            };
            let marker = Marker::read(&self.marker_path(other))?;
            let is_given_up = marker.as_ref().is_none_or(|marker| {
                marker.state == State::Released || marker.owner.key == owner.key
            });
            let is_empty = process::processes_in(&at).is_some_and(|pids| pids.is_empty());
            if !is_given_up && !is_empty {
                return Err(held());
            }
            tree.clear_locks()?;
            let marker = marker.unwrap_or_else(|| Marker::of_nobody(other));
            if !matches!(marker.state, State::Preparing | State::Fresh) {
                self.save(other, &tree, &marker, Ignored::Passed)?;
                self.release_marker(other, marker)?;
            }
            operation::forget(&tree.git_dir).map_err(GitError::io("tidy", &tree.git_dir))?;
            if let Some(head) = tree.head_in(&self.repository)? {
                tree.write(|git| {
                    git.args(["update-ref", "--no-deref", "-m", "gtd: detach", "HEAD"])
                        .arg(head.as_str())
                })?;
            }
        }
        Ok(())
    }

    /// Saves all that only this worktree holds, and tells what then lies about in it.
    pub(crate) fn save(
        &self,
        slot: &str,
        tree: &Tree,
        marker: &Marker,
        ignored: Ignored,
    ) -> Result<Saved, GitError> {
        let marks = index::marks(&tree.index());
        let status = match marks {
            Some(marks) if !marks.is_hiding => Some(tree.status(ignored)?),
            _ => None,
        };
        let snapshot = match &status {
            Some(status) if !status.is_dirty => None,
            _ => {
                tree.mend_index()?;
                let scratch = self.scratch(slot);
                salvage::snapshot_of_dirty(&self.repository, tree, &marker.owner, &scratch)?
            }
        };
        self.keep_commits(tree, marker)?;
        let is_tidy = status.as_ref().is_some_and(|status| !status.has_unknown);
        let nested = match status {
            Some(status) => status.nested,
            None => tree.nested(&tree.index())?,
        };
        self.move_aside(slot, tree, nested)?;
        Ok(Saved {
            snapshot,
            litter: if is_tidy { Litter::None } else { Litter::Maybe },
        })
    }

    pub(crate) fn keep_commits(&self, tree: &Tree, marker: &Marker) -> Result<(), GitError> {
        let given = marker.detached.as_ref();
        salvage::keep_commits(&self.repository, tree, &marker.owner, given)
    }

    /// Moves repositories that somebody made inside a worktree aside.
    fn move_aside(&self, slot: &str, tree: &Tree, nested: Vec<PathBuf>) -> Result<(), GitError> {
        if nested.is_empty() {
            return Ok(());
        }
        let lost = self.next_lost(slot)?;
        for path in nested {
            let target = lost.join(&path);
            let move_it = || -> io::Result<()> {
                if let Some(parent) = target.parent() {
                    fs::create_dir_all(parent)?;
                }
                fs::rename(tree.path.join(&path), &target)
            };
            move_it().map_err(GitError::io("move aside", tree.path.join(&path)))?;
        }
        Ok(())
    }

    /// Moves what is in a slot's place aside; an empty folder is just removed.
    pub(crate) fn put_aside(
        &self,
        slot: &str,
        git_dir: Option<&Path>,
        marker: &Marker,
    ) -> Result<(), GitError> {
        let path = self.path(slot);
        if fs::remove_dir(&path).is_err() {
            let lost = self.next_lost(slot)?;
            fs::rename(&path, lost).map_err(GitError::io("move aside", path))?;
        }
        if let Some(git_dir) = git_dir {
            self.forget(git_dir, marker)?;
        }
        Ok(())
    }

    /// Takes back a worktree that was never finished.
    pub(crate) fn discard(&self, slot: &str, found: Found) -> Result<(), GitError> {
        delete_folder(&self.path(slot))?;
        match found {
            Found::Tree(tree) | Found::Unlinked(tree) => self.unregister(&tree.git_dir),
            Found::Gone { git_dir }
            | Found::Foreign {
                git_dir: Some(git_dir),
                ..
            } => self.unregister(&git_dir),
            Found::Absent | Found::Foreign { git_dir: None, .. } => Ok(()),
        }
    }

    /// Unregisters a worktree that is gone, once its commits are kept.
    pub(crate) fn forget(&self, git_dir: &Path, marker: &Marker) -> Result<(), GitError> {
        let tree = Tree {
            path: git_dir.to_owned(),
            git_dir: git_dir.to_owned(),
        };
        // A registration that git cannot read holds no commit that could be kept.
        if git_dir.join("HEAD").is_file() && tree.branch().is_ok() {
            self.keep_commits(&tree, marker)?;
        }
        self.unregister(git_dir)
    }

    pub(crate) fn unregister(&self, git_dir: &Path) -> Result<(), GitError> {
        let all = self.repository.common_dir().join("worktrees");
        if git_dir.parent() != Some(all.as_path()) {
            return Ok(());
        }
        let _hold = Hold::wait(&self.folder.join(".locks/.repository"))?;
        // First what makes it a worktree, so that no other git meets half of it.
        let link = git_dir.join("gitdir");
        match fs::remove_file(&link) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(GitError::io("remove", link)(error));
            }
            _ => {}
        }
        delete_folder(git_dir)
    }

    pub(crate) fn tree(&self, slot: &str) -> Result<Tree, GitError> {
        let damaged = |why| GitError::DamagedSlot {
            slot: slot.to_owned(),
            path: self.path(slot),
            why,
        };
        match inspect(&self.repository, &self.path(slot))? {
            // Git is always told both folders, and so needs no `.git` file to work here.
            Found::Tree(tree) | Found::Unlinked(tree) => Ok(tree),
            Found::Absent | Found::Gone { .. } => Err(GitError::NoSuchSlot {
                slot: slot.to_owned(),
            }),
            Found::Foreign { why, .. } => Err(damaged(why)),
        }
    }

    pub(crate) fn next_lost(&self, slot: &str) -> Result<PathBuf, GitError> {
        for number in 1.. {
            let path = self.folder.join(format!(".lost/{slot}-{number}"));
            match fs::symlink_metadata(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(path),
                Err(error) => return Err(GitError::io("look at", path)(error)),
                Ok(_) => {}
            }
        }
        unreachable!("the numbers do not end")
    }

    pub(crate) fn marker_or_nobody(&self, slot: &str) -> Result<Marker, GitError> {
        let marker = Marker::read(&self.marker_path(slot))?;
        Ok(marker.unwrap_or_else(|| Marker::of_nobody(slot)))
    }

    pub(crate) fn mark(
        &self,
        slot: &str,
        owner: &Owner,
        state: State,
        checkout: &Checkout,
    ) -> Result<(), GitError> {
        let marker = Marker {
            owner: owner.clone(),
            state,
            detached: match checkout {
                Checkout::Detached(oid) => Some(oid.clone()),
                Checkout::Branch { .. } => None,
            },
        };
        marker.write(&self.marker_path(slot))
    }

    pub(crate) fn release_marker(&self, slot: &str, marker: Marker) -> Result<(), GitError> {
        let marker = Marker {
            state: State::Released,
            ..marker
        };
        marker.write(&self.marker_path(slot))
    }

    pub(crate) fn unmark(&self, slot: &str) -> Result<(), GitError> {
        let path = self.marker_path(slot);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(GitError::io("remove", path)(error))
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn hold(&self, slot: &str) -> Result<Hold, GitError> {
        Hold::wait(&self.lock_path(slot))
    }

    pub(crate) fn lock_path(&self, slot: &str) -> PathBuf {
        self.folder.join(".locks").join(slot)
    }

    pub(crate) fn marker_path(&self, slot: &str) -> PathBuf {
        self.folder.join(format!(".owners/{slot}.json"))
    }

    pub(crate) fn scratch(&self, slot: &str) -> PathBuf {
        self.folder.join(format!(".owners/{slot}.index"))
    }
}
