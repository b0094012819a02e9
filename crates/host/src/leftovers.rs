//! What gtd made in a rig for attempts that have ended: told, and taken away when a person says so.
//!
//! Nothing is lost by it. A worktree goes once what is uncommitted in it is
//! saved; a branch goes only where a target holds all of its commits. What is
//! not an attempt's, such as the worktrees of the refinery and of crew members,
//! is left alone, and so is what belongs to a bead that the town does not know.

use std::{
    collections::{BTreeSet, HashSet},
    path::PathBuf,
};

use gtd_client::{Places, RigFolders};
use gtd_core::{BeadId, Oid, Rig, Target};
use gtd_git::{GitError, Pool, RefMove, Removal, Repository};
use gtd_plan::{attempt_of_branch, attempt_of_owner};

use crate::HostError;

const HEADS: &str = "refs/heads/";
/// Where the branches of attempts are.
const BRANCHES: &str = "refs/heads/gtd/";

/// Whether leftovers are only told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sweep {
    /// They stay.
    Rehearse,
    /// They are taken away.
    Remove,
}

/// One thing that gtd made and that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftover {
    /// `worktree` or `branch`.
    pub kind: &'static str,
    /// The slot, or the name of the branch.
    pub name: String,
    /// The bead that it was for; none for a worktree that waits for its next owner.
    pub bead: Option<BeadId>,
    /// Why it stays; nothing when it goes.
    pub stays: Option<String>,
    /// Where what was uncommitted in it is saved.
    pub snapshot: Option<String>,
}

/// Finds what has ended in a rig, and takes it away where that is wished. Blocks.
///
/// `is_spent` is asked anew of each attempt just before it is touched: work goes on meanwhile.
///
/// # Errors
/// When the rig has no folder, or git fails as a whole; what fails for one thing keeps that.
pub fn sweep_leftovers(
    places: &Places,
    rig: &Rig,
    targets: &[Target],
    is_spent: impl Fn(&BeadId) -> bool,
    sweep: Sweep,
) -> Result<Vec<Leftover>, HostError> {
    let folders = RigFolders::load(&places.rigs_file()).map_err(HostError::Rigs)?;
    let folder = folders
        .folder(&rig.name)
        .ok_or_else(|| HostError::NoFolder {
            rig: rig.name.clone(),
        })?;
    let swept = || -> Result<Vec<Leftover>, GitError> {
        let repository = Repository::open(folder)?;
        let pool = Pool::open(repository.clone(), &places.worktrees(&rig.name))?;
        let landed = landed(&repository, rig, targets)?;
        let mut found = worktrees(&pool, &is_spent, sweep)?;
        let goes = |leftover: &&Leftover| leftover.stays.is_none();
        let free: HashSet<PathBuf> = found
            .iter()
            .filter(goes)
            .map(|leftover| pool.path(&leftover.name))
            .collect();
        found.extend(branches(&repository, &landed, &is_spent, &free, sweep)?);
        Ok(found)
    };
    swept().map_err(|source| HostError::Git {
        rig: rig.name.clone(),
        source,
    })
}

fn worktrees(
    pool: &Pool,
    is_spent: &impl Fn(&BeadId) -> bool,
    sweep: Sweep,
) -> Result<Vec<Leftover>, GitError> {
    let mut found = Vec::new();
    for slot in pool.slots()? {
        let owner = pool.owner(&slot)?;
        let bead = match &owner {
            None => None,
            Some(owner) => match attempt_of_owner(&owner.key) {
                Some((bead, _)) if is_spent(&bead) => Some(bead),
                _ => continue,
            },
        };
        let mut leftover = Leftover {
            kind: "worktree",
            name: slot.clone(),
            bead,
            stays: None,
            snapshot: None,
        };
        let removed = match sweep {
            Sweep::Rehearse => would_go(pool, &slot),
            Sweep::Remove => remove(pool, &slot, owner.as_ref().map(|owner| owner.key.as_str())),
        };
        match removed {
            Ok(None) => continue,
            Ok(Some(snapshot)) => leftover.snapshot = snapshot,
            Err(error) => leftover.stays = Some(error.to_string()),
        }
        found.push(leftover);
    }
    Ok(found)
}

/// Looks whether a worktree could go; nothing when there is none.
fn would_go(pool: &Pool, slot: &str) -> Result<Option<Option<String>>, GitError> {
    if pool.look(slot)?.is_none() {
        return Ok(None);
    }
    let pids = pool.processes_in(slot)?;
    if pids.is_empty() {
        return Ok(Some(None));
    }
    Err(GitError::SlotBusy {
        slot: slot.to_owned(),
        pids,
    })
}

/// Takes a worktree away and tells where what was uncommitted is; nothing when there was none.
fn remove(
    pool: &Pool,
    slot: &str,
    owner: Option<&str>,
) -> Result<Option<Option<String>>, GitError> {
    if would_go(pool, slot)?.is_none() {
        return Ok(None);
    }
    // Somebody who took it meanwhile keeps it: it is released for this owner only.
    let released = match owner {
        Some(owner) => pool.release(slot, owner)?,
        None => None,
    };
    match pool.remove(slot)? {
        Removal::Absent => Ok(None),
        Removal::Removed { snapshot } => Ok(Some(snapshot.or(released))),
    }
}

fn branches(
    repository: &Repository,
    landed: &BTreeSet<String>,
    is_spent: &impl Fn(&BeadId) -> bool,
    free: &HashSet<PathBuf>,
    sweep: Sweep,
) -> Result<Vec<Leftover>, GitError> {
    let mut found = Vec::new();
    for (name, at) in repository.list_refs(BRANCHES)? {
        let short = name.strip_prefix(HEADS).unwrap_or(&name).to_owned();
        let Some((bead, _)) = attempt_of_branch(&short) else {
            continue;
        };
        if !is_spent(&bead) {
            continue;
        }
        let stays = match landed.contains(&name) {
            true => take_branch(repository, &name, &at, free, sweep)?,
            false => Some("it holds commits that have not landed".to_owned()),
        };
        found.push(Leftover {
            kind: "branch",
            name: short,
            bead: Some(bead),
            stays,
            snapshot: None,
        });
    }
    Ok(found)
}

/// Lists the branches of attempts that a target of the rig holds wholly.
fn landed(
    repository: &Repository,
    rig: &Rig,
    targets: &[Target],
) -> Result<BTreeSet<String>, GitError> {
    let mut names: BTreeSet<String> = targets.iter().map(|target| target.r#ref.clone()).collect();
    names.insert(format!("{HEADS}{}", rig.rules.branch));
    let mut landed = BTreeSet::new();
    for target in names {
        if let Some(tip) = repository.resolve(&target)? {
            landed.extend(repository.refs_within(BRANCHES, &tip)?);
        }
    }
    Ok(landed)
}

/// Takes a branch away, or says why it stays.
fn take_branch(
    repository: &Repository,
    name: &str,
    at: &Oid,
    free: &HashSet<PathBuf>,
    sweep: Sweep,
) -> Result<Option<String>, GitError> {
    let held = repository.checked_out_at(name)?;
    if let Some(path) = held.filter(|path| !free.contains(path)) {
        return Ok(Some(format!("it is checked out at {}", path.display())));
    }
    if sweep == Sweep::Rehearse {
        return Ok(None);
    }
    // One that moved meanwhile stays: somebody is at work on it.
    Ok(match repository.delete_ref(name, at)? {
        RefMove::Elsewhere(_) => Some("somebody moved it just now".to_owned()),
        _ => None,
    })
}
