//! Which epochs the world has seen already: by the branches of attempts and by the directories of runs.
//!
//! Asked once, when a log goes on from a backup: it does not know them itself.

use std::{
    collections::BTreeMap,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use gtd_agent::{RunState, Runs};
use gtd_client::RigFolders;
use gtd_core::{BeadId, Epoch, RigName};
use gtd_git::Repository;

use crate::HostError;

const BRANCHES: &str = "refs/heads/gtd";
/// How long an agent has to end by itself.
const GRACE: Duration = Duration::from_secs(2);
/// How long all of them together may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the world shows of epochs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EpochsSeen {
    /// The highest epoch of each bead.
    pub epochs: BTreeMap<BeadId, Epoch>,
    /// The rigs whose repository could not be looked at, with why.
    pub unseen: Vec<(RigName, String)>,
}

/// Looks for the highest epoch of each bead in the repositories and among the runs. Blocks.
///
/// # Errors
/// When the runs cannot be listed; a repository that cannot be read is told, not refused.
pub fn epochs_seen(folders: &RigFolders, runs: &Runs) -> Result<EpochsSeen, HostError> {
    let mut seen = EpochsSeen::default();
    for (rig, folder) in &folders.folders {
        match branches(folder) {
            Ok(names) => names
                .iter()
                .filter_map(|name| of_branch(name))
                .for_each(|(bead, epoch)| seen.note(bead, epoch)),
            Err(error) => seen.unseen.push((rig.clone(), error.chain())),
        }
    }
    for run in runs.list().map_err(HostError::Run)? {
        if let Some((bead, epoch)) = of_run(run.as_str()) {
            seen.note(bead, epoch);
        }
    }
    Ok(seen)
}

impl EpochsSeen {
    fn note(&mut self, bead: BeadId, epoch: Epoch) {
        let known = self.epochs.entry(bead).or_insert(epoch);
        *known = (*known).max(epoch);
    }
}

fn branches(folder: &Path) -> Result<Vec<String>, HostError> {
    let wrong = |source| HostError::Repository {
        path: folder.to_owned(),
        source,
    };
    let repository = Repository::open(folder).map_err(wrong)?;
    let refs = repository.list_refs(BRANCHES).map_err(wrong)?;
    Ok(refs.into_iter().map(|(name, _)| name).collect())
}

/// Reads `refs/heads/gtd/<bead>/e<epoch>`.
fn of_branch(name: &str) -> Option<(BeadId, Epoch)> {
    let (bead, epoch) = name
        .strip_prefix(BRANCHES)?
        .strip_prefix('/')?
        .split_once('/')?;
    Some((BeadId::parse(bead).ok()?, epoch_of(epoch)?))
}

/// Reads `<bead>.e<epoch>.<purpose>`.
fn of_run(name: &str) -> Option<(BeadId, Epoch)> {
    let parts: Vec<&str> = name.split('.').collect();
    let (at, epoch) = parts
        .iter()
        .enumerate()
        .skip(1)
        .find_map(|(at, part)| Some((at, epoch_of(part)?)))?;
    Some((BeadId::parse(&parts[..at].join(".")).ok()?, epoch))
}

fn epoch_of(text: &str) -> Option<Epoch> {
    text.strip_prefix('e')?.parse().ok().map(Epoch)
}

/// Ends every run that lives, and waits until it has; returns how many there were. Blocks.
///
/// # Errors
/// When the runs cannot be reached, or one of them does not end.
pub fn end_every_run(runs: &Runs) -> Result<usize, HostError> {
    let mut living = Vec::new();
    for run in runs.list().map_err(HostError::Run)? {
        if matches!(
            runs.state(&run).map_err(HostError::Run)?,
            RunState::Live(_) | RunState::Prepared
        ) {
            runs.stop(&run, GRACE).map_err(HostError::Run)?;
            living.push(run);
        }
    }
    let until = Instant::now() + PATIENCE;
    for run in &living {
        while matches!(runs.state(run).map_err(HostError::Run)?, RunState::Live(_)) {
            if Instant::now() >= until {
                let what = format!("run {run} does not end");
                return Err(HostError::Broken { what });
            }
            thread::sleep(Duration::from_millis(20));
        }
    }
    Ok(living.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_branches_and_runs_tell_bead_and_epoch() {
        let found = |found: Option<(BeadId, Epoch)>| found.map(|(b, e)| format!("{b} {e}"));
        for (name, expected) in [
            ("refs/heads/gtd/gt-7f3k/e12", Some("gt-7f3k 12")),
            ("refs/heads/gtd/integration/main", None),
            ("refs/heads/gtd/gt-7f3k/ex", None),
        ] {
            assert_eq!(found(of_branch(name)).as_deref(), expected, "{name}");
        }
        for (name, expected) in [
            ("gt-7f3k.e2.work", Some("gt-7f3k 2")),
            ("gt-7f3k.e2.check0", Some("gt-7f3k 2")),
            ("cand-1.gate.test", None),
            ("e3", None),
        ] {
            assert_eq!(found(of_run(name)).as_deref(), expected, "{name}");
        }
    }
}
