//! The hands: they look at the world and act on it. Everything here blocks.
//!
//! Each act adopts what is already true before it does anything, so a second
//! try, by this process or by the one after a crash, finds the first. What is
//! done in a worktree is done while its owner keeps it: whoever comes late
//! does nothing there.

mod act;
mod agent;
mod home;
mod look;
mod outside;
mod sign;
mod standing;

use std::{
    collections::{BTreeMap, HashMap},
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use gtd_agent::{Runs, stream::Reader};
use gtd_client::{Client, Places, RigFolders, TownKey};
use gtd_core::{GuardReport, Oid, RigName, RunId, TestResults};
use gtd_git::{GitError, Pool, Repository};
use gtd_plan::{AssemblyOrder, AssemblySeen};

use crate::{
    HostError,
    machine::Floors,
    processes::Processes,
    stillness::{Awake, Stillness},
};

pub(crate) use self::act::passed_on;

/// The hands of one role host. Clones share what they remember.
#[derive(Debug, Clone)]
pub(crate) struct Hands {
    places: Arc<Places>,
    runs: Runs,
    key: TownKey,
    memory: Arc<Mutex<Memory>>,
}

#[derive(Debug, Default)]
struct Memory {
    /// The way to the daemon, while the host is in the town.
    client: Option<Client>,
    pools: HashMap<RigName, (PathBuf, Pool)>,
    stillness: Stillness,
    awake: Awake,
    processes: Processes,
    floors: Floors,
    assemblies: BTreeMap<AssemblyOrder, AssemblySeen>,
    /// Which files differ between two commits.
    changes: BTreeMap<(Oid, Oid), Vec<String>>,
    /// What submissions do to tests, by the tip that they are to land on.
    weaker: BTreeMap<(Oid, Oid), GuardReport>,
    /// Commits of the refinery, each with the signed one.
    signed: BTreeMap<Oid, Oid>,
    /// Why the last signature failed, and when.
    unsigned: Option<(std::time::Instant, String)>,
    /// What single tests showed in a run.
    tests: BTreeMap<RunId, Arc<TestResults>>,
    /// How far live runs were read for what they use.
    meters: BTreeMap<RunId, Meter>,
}

/// How far a live run was read.
#[derive(Debug)]
struct Meter {
    /// None when it is no agent's.
    reader: Option<Reader>,
    /// The last line that was taken.
    line: u64,
    /// How much it had said then.
    bytes: u64,
}

impl Hands {
    pub(crate) fn new(places: Arc<Places>, runs: Runs, key: TownKey) -> Self {
        Self {
            places,
            runs,
            key,
            memory: Arc::default(),
        }
    }

    /// Takes the way to the daemon by which the hands ask whether they may act.
    pub(crate) fn speak_through(&self, client: Client) {
        self.memory().client = Some(client);
    }

    pub(crate) fn places(&self) -> &Places {
        &self.places
    }

    pub(crate) fn runs(&self) -> &Runs {
        &self.runs
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Finds the worktrees of a rig; a rig that moved is found anew.
    fn pool(&self, rig: &RigName) -> Result<Pool, HostError> {
        let folders = RigFolders::load(&self.places.rigs_file()).map_err(HostError::Rigs)?;
        let folder = folders
            .folder(rig)
            .ok_or_else(|| HostError::NoFolder { rig: rig.clone() })?
            .to_owned();
        if let Some((known, pool)) = self.memory().pools.get(rig)
            && *known == folder
        {
            return Ok(pool.clone());
        }
        let pool = Repository::open(&folder)
            .and_then(|repository| Pool::open(repository, &self.places.worktrees(rig)))
            .map_err(git(rig))?;
        self.memory()
            .pools
            .insert(rig.clone(), (folder, pool.clone()));
        Ok(pool)
    }
}

fn git(rig: &RigName) -> impl Fn(GitError) -> HostError + '_ {
    move |source| HostError::Git {
        rig: rig.clone(),
        source,
    }
}

/// Splits an owner's key into the owner and the commit that it began from.
fn split_key(key: &str) -> (String, Option<Oid>) {
    match key.rsplit_once('@') {
        Some((owner, start)) => (owner.to_owned(), Oid::parse(start).ok()),
        None => (key.to_owned(), None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_is_told_from_where_it_began() {
        let oid = "0123456789abcdef0123456789abcdef01234567";
        let (owner, start) = split_key(&format!("gt-7f3k.e2@{oid}"));
        assert_eq!(owner, "gt-7f3k.e2");
        assert_eq!(start, Oid::parse(oid).ok());
        assert_eq!(split_key("nobody"), ("nobody".to_owned(), None));
        assert_eq!(split_key("x@y"), ("x".to_owned(), None));
    }
}
