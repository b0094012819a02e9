//! The worktrees of one rig, outside the repository.
//!
//! | file in the pool's folder | is |
//! |---|---|
//! | `<slot>/` | a worktree |
//! | `.owners/<slot>.json` | whom it is for and how far it is |
//! | `.locks/<slot>`, `.locks/.repository` | locks of threads and processes |
//! | `.lost/<slot>-<n>` | what lay where a worktree should be |
//!
//! A slot is made ready in steps, each marked first: *fresh* (being made;
//! nothing of worth in it), *preparing* (an earlier owner's work is saved, the
//! tree is being put right), *ready*, *released*. A crash between two steps is
//! mended by the next `ensure`. Adding worktrees is serial for each
//! repository, since git fails when many are added at once; files are written
//! in parallel.
//!
//! The pool does not decide when a slot is given back, and never deletes a
//! branch.

use std::{
    fs,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use gtd_core::Oid;

use crate::{
    environment::agent_git_env,
    error::GitError,
    index,
    lock::{Hold, clear_stale},
    marker::{Marker, Owner, State},
    message::Author,
    operation::Operation,
    process,
    repository::{Repository, canonical},
    run::RunFailure,
    salvage,
    status::{Ignored, surely_lacks_nested},
    tree::{Found, Litter, Tree, delete_folder, inspect},
};

/// The worktrees of one rig.
#[derive(Debug, Clone)]
pub struct Pool {
    pub(crate) repository: Repository,
    pub(crate) folder: PathBuf,
}

/// What a worktree is to have checked out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checkout {
    /// A branch below `gtd/`, as it is; made at `start` if it does not exist.
    Branch {
        /// Its short name, `gtd/<bead>/e<epoch>`.
        name: String,
        /// Where it begins.
        start: Oid,
    },
    /// A commit.
    Detached(Oid),
}

/// What a reused worktree keeps from before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tidy {
    /// Ignored files, such as build caches.
    KeepIgnored,
    /// Nothing.
    Everything,
}

/// What a worktree is like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorktreeState {
    /// The commit at its head; none on a branch without commits.
    pub head: Option<Oid>,
    /// The short name of the branch that its head is on.
    pub branch: Option<String>,
    /// Whether [`Held::commit_all`] has something to commit.
    pub dirty: bool,
    /// What it is in the middle of.
    pub operation: Option<Operation>,
    /// Whom it is for, unless it was released.
    pub owner: Option<Owner>,
    /// Whether an `ensure` came to its end for that owner.
    pub ready: bool,
}

/// What became of a removal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Removal {
    /// The worktree is gone; uncommitted work is at this ref.
    Removed {
        /// The snapshot, if there was uncommitted work.
        snapshot: Option<String>,
    },
    /// There was none.
    Absent,
}

impl Pool {
    /// Opens a pool in a folder, which is made if need be.
    ///
    /// # Errors
    /// When the folder lies inside the repository or cannot be made.
    pub fn open(repository: Repository, folder: &Path) -> Result<Self, GitError> {
        let make = |path: &Path| {
            fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(path)
                .map_err(GitError::io("make", path))
        };
        make(folder)?;
        let folder = canonical(folder)?;
        if folder.starts_with(repository.root()) || folder.starts_with(repository.common_dir()) {
            return Err(GitError::PoolInsideRepository { path: folder });
        }
        for name in [".owners", ".locks", ".lost"] {
            make(&folder.join(name))?;
        }
        Ok(Self { repository, folder })
    }

    /// Returns the repository that the worktrees belong to.
    #[must_use]
    pub fn repository(&self) -> &Repository {
        &self.repository
    }

    /// Returns where the worktree of a slot is or will be.
    #[must_use]
    pub fn path(&self, slot: &str) -> PathBuf {
        self.folder.join(slot)
    }

    /// Lists the slots that have a marker or a folder, by name.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn slots(&self) -> Result<Vec<String>, GitError> {
        let mut slots = Vec::new();
        for folder in [self.folder.clone(), self.folder.join(".owners")] {
            let entries = fs::read_dir(&folder).map_err(GitError::io("list", &folder))?;
            for entry in entries.flatten() {
                let name = entry.file_name().to_string_lossy().into_owned();
                let name = name.strip_suffix(".json").unwrap_or(&name);
                if check_slot(name).is_ok() {
                    slots.push(name.to_owned());
                }
            }
        }
        slots.sort();
        slots.dedup();
        Ok(slots)
    }

    /// Sees to it that a slot has a worktree with this checkout for this owner.
    ///
    /// For the owner that has it already nothing is touched. What another
    /// owner left uncommitted goes to `refs/gtd/snap/<its label>/<n>` first. A
    /// folder that cannot be used or saved is moved aside, not deleted.
    ///
    /// # Errors
    /// When the start is no commit, the branch is checked out where it must
    /// stay, a living git holds the worktree's lock, or git fails.
    pub fn ensure(
        &self,
        slot: &str,
        checkout: &Checkout,
        tidy: Tidy,
        owner: &Owner,
    ) -> Result<PathBuf, GitError> {
        check_slot(slot)?;
        let (Checkout::Branch { start: oid, .. } | Checkout::Detached(oid)) = checkout;
        if let Checkout::Branch { name, .. } = checkout {
            check_branch(name)?;
        }
        let _hold = self.hold(slot)?;
        let marker = Marker::read(&self.marker_path(slot))?;
        let mut found = inspect(&self.repository, &self.path(slot))?;
        if matches!(&marker, Some(marker) if marker.state == State::Fresh) {
            self.discard(slot, found)?;
            found = Found::Absent;
        }
        if let Found::Unlinked(tree) = &found {
            tree.link()?;
        }
        if let (Found::Tree(tree) | Found::Unlinked(tree), Some(marker)) = (&found, &marker)
            && Self::is_at_home(tree, marker, checkout, owner)?
        {
            // A lock that a living git holds is the owner's own business.
            clear_stale(&tree.path, &tree.git_dir)?;
            return Ok(tree.path.clone());
        }
        if self.repository.resolve(oid.as_str())?.is_none() {
            return Err(GitError::MissingCommit { oid: oid.clone() });
        }
        if let Checkout::Branch { name, .. } = checkout {
            self.free_branch(slot, name, owner)?;
        }
        let earlier = marker.clone().unwrap_or_else(|| Marker::of_nobody(slot));
        match found {
            Found::Tree(tree) | Found::Unlinked(tree) => {
                tree.clear_locks()?;
                let is_saved = matches!(&marker, Some(m) if m.state == State::Preparing);
                let ignored = match tidy {
                    Tidy::KeepIgnored => Ignored::Passed,
                    Tidy::Everything => Ignored::Told,
                };
                let reused = if is_saved {
                    Ok(Litter::Maybe)
                } else {
                    let saved = self.save(slot, &tree, &earlier, ignored);
                    saved.map(|saved| saved.litter)
                }
                .and_then(|litter| {
                    self.mark(slot, owner, State::Preparing, checkout)?;
                    gtd_fault::point("git.after-salvage");
                    tree.put(&self.repository, checkout, tidy, litter)
                });
                match reused {
                    Ok(()) => {}
                    Err(error) if is_damage(&error) => {
                        self.put_aside(slot, Some(&tree.git_dir), &earlier)?;
                        self.create(slot, checkout, owner)?;
                    }
                    Err(error) => return Err(error),
                }
            }
            Found::Absent => self.create(slot, checkout, owner)?,
            Found::Gone { git_dir } => {
                self.forget(&git_dir, &earlier)?;
                self.create(slot, checkout, owner)?;
            }
            Found::Foreign { git_dir, .. } => {
                self.put_aside(slot, git_dir.as_deref(), &earlier)?;
                self.create(slot, checkout, owner)?;
            }
        }
        self.mark(slot, owner, State::Ready, checkout)?;
        Ok(self.path(slot))
    }

    /// Looks at a slot without touching it; none when it has no worktree.
    ///
    /// # Errors
    /// When something else is in its place, or git fails.
    pub fn look(&self, slot: &str) -> Result<Option<WorktreeState>, GitError> {
        check_slot(slot)?;
        let tree = match self.tree(slot) {
            Ok(tree) => tree,
            Err(GitError::NoSuchSlot { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let marker = Marker::read(&self.marker_path(slot))?;
        let ready = matches!(&marker, Some(marker) if marker.state == State::Ready);
        Ok(Some(WorktreeState {
            head: tree.head_in(&self.repository)?,
            branch: tree.branch()?,
            dirty: tree.status(Ignored::Passed)?.has_changes
                || tree.operation() == Some(Operation::Merge),
            operation: tree.operation(),
            owner: self.owner(slot)?,
            ready,
        }))
    }

    /// Returns whom a worktree is for that an `ensure` has made ready, without asking git.
    ///
    /// # Errors
    /// When something else is in its place, or the marker cannot be read.
    pub fn ready_for(&self, slot: &str) -> Result<Option<Owner>, GitError> {
        check_slot(slot)?;
        match self.tree(slot) {
            Ok(_) => {}
            Err(GitError::NoSuchSlot { .. }) => return Ok(None),
            Err(error) => return Err(error),
        }
        let marker = Marker::read(&self.marker_path(slot))?;
        Ok(marker
            .filter(|marker| marker.state == State::Ready && !marker.is_nobodys())
            .map(|marker| marker.owner))
    }

    /// Returns whom a slot is for, unless it was released; whatever state it is in.
    ///
    /// # Errors
    /// When the marker cannot be read.
    pub fn owner(&self, slot: &str) -> Result<Option<Owner>, GitError> {
        check_slot(slot)?;
        let marker = Marker::read(&self.marker_path(slot))?;
        Ok(marker
            .filter(|marker| marker.state != State::Released && !marker.is_nobodys())
            .map(|marker| marker.owner))
    }

    /// Lists what the environment of an agent in one of the worktrees gets: that of
    /// [`agent_git_env`], and that its git never looks for a repository above the pool.
    #[must_use]
    pub fn agent_git_env(&self) -> Vec<(String, String)> {
        let mut env = agent_git_env();
        env.push((
            "GIT_CEILING_DIRECTORIES".to_owned(),
            self.folder.to_string_lossy().into_owned(),
        ));
        env
    }

    /// Keeps a slot for the owner that `is_owner` knows by its key, until the answer is dropped.
    ///
    /// None when the slot is ready for somebody else or for nobody: whoever comes late
    /// does nothing in a worktree that has passed on.
    ///
    /// # Errors
    /// When the lock or the marker cannot be used.
    pub fn hold_for(
        &self,
        slot: &str,
        is_owner: impl Fn(&str) -> bool,
    ) -> Result<Option<Held<'_>>, GitError> {
        check_slot(slot)?;
        let hold = self.hold(slot)?;
        let is_theirs = Marker::read(&self.marker_path(slot))?
            .is_some_and(|marker| marker.state == State::Ready && is_owner(&marker.owner.key));
        Ok(is_theirs.then(|| Held {
            pool: self,
            slot: slot.to_owned(),
            _hold: hold,
        }))
    }

    /// Lists the processes that work in the worktree of a slot.
    ///
    /// # Errors
    /// When the name is none of a slot.
    pub fn processes_in(&self, slot: &str) -> Result<Vec<u32>, GitError> {
        check_slot(slot)?;
        Ok(process::processes_in(&self.path(slot)).unwrap_or_default())
    }

    /// Saves uncommitted work to `refs/gtd/snap/<label>/<n>` and returns that name.
    ///
    /// Worktree and index stay as they are. None when there is none.
    ///
    /// # Errors
    /// When git fails.
    pub fn snapshot(&self, slot: &str, label: &str) -> Result<Option<String>, GitError> {
        check_slot(slot)?;
        let _hold = self.hold(slot)?;
        let tree = self.tree(slot)?;
        let mut marker = self.marker_or_nobody(slot)?;
        label.clone_into(&mut marker.owner.label);
        salvage::snapshot(&self.repository, &tree, &marker.owner, &self.scratch(slot))
    }

    /// Notes that the owner has gone, once its uncommitted work is saved.
    ///
    /// The worktree stays as it is, for the next owner or to be looked at. A
    /// slot that `owner` does not own is left alone.
    ///
    /// # Errors
    /// When git fails.
    pub fn release(&self, slot: &str, owner: &str) -> Result<Option<String>, GitError> {
        check_slot(slot)?;
        let _hold = self.hold(slot)?;
        let Some(marker) = Marker::read(&self.marker_path(slot))? else {
            return Ok(None);
        };
        if marker.owner.key != owner || marker.state == State::Released {
            return Ok(None);
        }
        let found = inspect(&self.repository, &self.path(slot))?;
        match marker.state {
            State::Fresh => {
                self.discard(slot, found)?;
                self.unmark(slot)?;
                return Ok(None);
            }
            State::Preparing => {
                // What is in it was saved before; half a checkout is nobody's work.
                let nobody = Marker {
                    state: State::Preparing,
                    ..Marker::of_nobody(slot)
                };
                nobody.write(&self.marker_path(slot))?;
                return Ok(None);
            }
            State::Ready | State::Released => {}
        }
        let saved = match found {
            Found::Tree(tree) => {
                salvage::snapshot(&self.repository, &tree, &marker.owner, &self.scratch(slot))?
            }
            _ => None,
        };
        self.release_marker(slot, marker)?;
        Ok(saved)
    }

    /// Removes the worktree of a released slot, once uncommitted work is saved.
    ///
    /// # Errors
    /// When the slot has an owner, processes work in it, its content cannot be
    /// saved, or git fails.
    pub fn remove(&self, slot: &str) -> Result<Removal, GitError> {
        check_slot(slot)?;
        let _hold = self.hold(slot)?;
        let marker = Marker::read(&self.marker_path(slot))?;
        let found = inspect(&self.repository, &self.path(slot))?;
        match &marker {
            Some(marker)
                if matches!(marker.state, State::Ready | State::Preparing)
                    && !marker.is_nobodys() =>
            {
                return Err(GitError::SlotOwned {
                    slot: slot.to_owned(),
                    owner: marker.owner.key.clone(),
                });
            }
            Some(marker) if marker.state == State::Fresh => {
                self.discard(slot, found)?;
                self.unmark(slot)?;
                return Ok(Removal::Absent);
            }
            _ => {}
        }
        let marker = marker.unwrap_or_else(|| Marker::of_nobody(slot));
        let removal = match found {
            Found::Absent => Removal::Absent,
            Found::Gone { git_dir } => {
                self.forget(&git_dir, &marker)?;
                Removal::Absent
            }
            Found::Foreign { git_dir, .. } => {
                self.put_aside(slot, git_dir.as_deref(), &marker)?;
                Removal::Removed { snapshot: None }
            }
            Found::Tree(tree) | Found::Unlinked(tree) => {
                let pids = process::processes_in(&tree.path).unwrap_or_default();
                if !pids.is_empty() {
                    return Err(GitError::SlotBusy {
                        slot: slot.to_owned(),
                        pids,
                    });
                }
                let snapshot = self.save(slot, &tree, &marker, Ignored::Passed)?.snapshot;
                gtd_fault::point("git.after-salvage");
                delete_folder(&tree.path)?;
                self.unregister(&tree.git_dir)?;
                Removal::Removed { snapshot }
            }
        };
        self.unmark(slot)?;
        Ok(removal)
    }

    /// Says whether the owner that asks has what it asks for.
    fn is_at_home(
        tree: &Tree,
        marker: &Marker,
        checkout: &Checkout,
        owner: &Owner,
    ) -> Result<bool, GitError> {
        if marker.owner.key != owner.key || marker.state != State::Ready {
            return Ok(false);
        }
        if tree.stands_at(checkout)? {
            return Ok(true);
        }
        // An agent at work may be on whatever branch it likes for a while.
        Ok(matches!(checkout, Checkout::Branch { .. })
            && process::processes_in(&tree.path).is_some_and(|pids| !pids.is_empty()))
    }
}

/// A slot that its owner keeps: nobody else gets it meanwhile.
#[derive(Debug)]
pub struct Held<'a> {
    pool: &'a Pool,
    slot: String,
    _hold: Hold,
}

impl Held<'_> {
    /// Commits whatever was changed, ignored files and nested repositories aside.
    ///
    /// A merge in progress is ended by the commit.
    ///
    /// The repository's hooks do not run. None when nothing was changed.
    ///
    /// # Errors
    /// When conflicts are unresolved, a rebase or the like was left unfinished, or git fails.
    pub fn commit_all(&self, message: &str, author: &Author) -> Result<Option<Oid>, GitError> {
        let tree = self.pool.tree(&self.slot)?;
        if !tree.path.join(".git").exists() {
            tree.link()?;
        }
        tree.unhide(&tree.index())?;
        let nested = match index::marks(&tree.index()) {
            // The usual case needs no look by git.
            Some(marks) if !marks.is_unmerged && surely_lacks_nested(&tree.path) => Vec::new(),
            _ => {
                let status = tree.status(Ignored::Passed)?;
                if !status.unmerged.is_empty() {
                    return Err(GitError::Unmerged {
                        path: tree.path,
                        files: status.unmerged,
                    });
                }
                status.nested
            }
        };
        if let Some(operation) = tree.operation().filter(Operation::moves_the_head) {
            return Err(GitError::Unfinished {
                path: tree.path,
                operation,
            });
        }
        let outside = salvage::outside(nested);
        tree.write(|git| git.args(["add", "-A"]).args(&outside))?;
        let committed = tree.write(|git| {
            let git = author
                .env()
                .into_iter()
                .fold(git, |git, (name, value)| git.env(name, value));
            git.args(["commit", "--quiet", "--no-verify", "--no-gpg-sign"])
                .args(["--cleanup=verbatim", "--allow-empty-message", "-F", "-"])
                .input(message)
        });
        if let Err(error) = committed {
            let is_nothing = tree.operation() != Some(Operation::Merge) && !tree.has_staged()?;
            return if is_nothing { Ok(None) } else { Err(error) };
        }
        tree.head_in(&self.pool.repository)
    }
}

/// Says whether a worktree is to blame, and not the machine or the question.
fn is_damage(error: &GitError) -> bool {
    match error {
        GitError::Run(run) => matches!(run.failure, RunFailure::Exit { .. }),
        GitError::Io { .. } | GitError::Unreadable { .. } => true,
        _ => false,
    }
}

pub(crate) fn check_slot(slot: &str) -> Result<(), GitError> {
    let refuse = |why| {
        Err(GitError::InvalidName {
            kind: "slot",
            name: slot.chars().take(60).collect(),
            why,
        })
    };
    if slot.is_empty() || slot.len() > 150 {
        return refuse("it must be 1 to 150 bytes long");
    }
    if slot.starts_with(['.', '-']) {
        return refuse("it must not begin with a dot or dash");
    }
    if slot.contains('/') || slot.chars().any(char::is_control) {
        return refuse("it must not hold a slash or control character");
    }
    Ok(())
}

pub(crate) fn check_branch(name: &str) -> Result<(), GitError> {
    if name.starts_with("gtd/") {
        Ok(())
    } else {
        Err(GitError::InvalidName {
            kind: "branch of a worktree",
            name: name.to_owned(),
            why: "it does not begin with gtd/",
        })
    }
}
