//! Putting the worktree of a standing member away, unless work in it would be lost.
//!
//! Whatever goes is saved below `refs/gtd/snap/crew-<member>` first: uncommitted files, and commits
//! that neither the target nor its branch holds.

use gtd_core::{Command, CrewOutcome, Oid, SeatName, Target};
use gtd_git::{GitError, Pool, Removal, Repository};

use super::{Hands, git};
use crate::HostError;

/// Commits that are named when a worktree stays.
const NAMED: usize = 5;

/// The worktree of a member.
pub(super) struct Place<'a> {
    pub(super) member: &'a SeatName,
    pub(super) target: &'a Target,
    pub(super) slot: &'a str,
    /// The branch that it was made on, without `refs/heads/`.
    pub(super) branch: &'a str,
}

impl Hands {
    /// Puts a worktree away, or tells why it stays.
    pub(super) fn put_away(
        &self,
        place: Place<'_>,
        discard: bool,
    ) -> Result<Vec<Command>, HostError> {
        let pool = self.pool(&place.target.rig)?;
        let (outcome, why) = place
            .put_away(&pool, discard)
            .map_err(git(&place.target.rig))?;
        Ok(vec![Command::ConcludeCrew {
            member: place.member.clone(),
            outcome,
            why,
        }])
    }
}

impl Place<'_> {
    fn put_away(&self, pool: &Pool, discard: bool) -> Result<(CrewOutcome, String), GitError> {
        let repository = pool.repository();
        let state = match pool.look(self.slot) {
            Ok(state) => state,
            // What somebody made of it is no worktree: it is moved aside whole.
            Err(GitError::DamagedSlot { .. }) => None,
            Err(error) => return Err(error),
        };
        let name = format!("refs/heads/{}", self.branch);
        let branch = repository.resolve(&name)?;
        let mut lost = Vec::new();
        if state.as_ref().is_some_and(|state| state.dirty) {
            lost.push("files that are not committed".to_owned());
        }
        if let Some(operation) = state.as_ref().and_then(|state| state.operation.clone()) {
            lost.push(format!("{operation} that is not finished"));
        }
        let head = state.as_ref().and_then(|state| state.head.clone());
        let mut heads: Vec<Oid> = branch.iter().cloned().chain(head).collect();
        heads.sort();
        heads.dedup();
        let ahead = self.unlanded(repository, &heads)?;
        if !ahead.is_empty() {
            lost.push(words_of(&ahead));
        }
        if !lost.is_empty() && !discard {
            return Ok((CrewOutcome::Kept, lost.join(", and ")));
        }
        let pids = pool.processes_in(self.slot)?;
        if !pids.is_empty() {
            let pids: Vec<String> = pids.iter().map(ToString::to_string).collect();
            let why = format!("processes work in it: {}", pids.join(" "));
            return Ok((CrewOutcome::Kept, why));
        }
        let mut saved = Vec::new();
        if !ahead.is_empty() {
            for head in &heads {
                saved.push(repository.keep_commit(self.slot, head)?);
            }
        }
        if let Some(owner) = pool.owner(self.slot)? {
            saved.extend(pool.release(self.slot, &owner.key)?);
        }
        // From here on the wish holds: what fails now is tried again.
        if let Removal::Removed { snapshot } = pool.remove(self.slot)? {
            saved.extend(snapshot);
        }
        if let Some(at) = branch {
            // A branch that moved meanwhile stays: somebody is at work on it.
            repository.delete_ref(&name, &at)?;
        }
        saved.sort();
        saved.dedup();
        Ok((CrewOutcome::Gone, saved.join(" ")))
    }

    /// Lists the commits that neither the target nor its branch holds, newest first.
    fn unlanded(&self, repository: &Repository, heads: &[Oid]) -> Result<Vec<String>, GitError> {
        let mut landed = Vec::new();
        let branch = format!("refs/heads/{}", self.target.branch);
        for name in [&self.target.r#ref, &branch] {
            landed.extend(repository.resolve(name)?);
        }
        repository.beyond(heads, &landed)
    }
}

fn words_of(commits: &[String]) -> String {
    let named = commits.iter().take(NAMED).map(String::as_str);
    let named: Vec<&str> = named.collect();
    let more = if commits.len() > NAMED { "; …" } else { "" };
    let noun = match commits.len() {
        1 => "1 commit that has not landed",
        _ => {
            return format!(
                "{} commits that have not landed ({}{more})",
                commits.len(),
                named.join("; ")
            );
        }
    };
    format!("{noun} ({})", named.join("; "))
}
