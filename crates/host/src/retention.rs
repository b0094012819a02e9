//! The deacon's second errand: traces of what has ended long ago are removed.
//!
//! What may go is decided by `gtd_plan`; here it is looked up and taken away,
//! oldest first. A run is moved out of sight before it is removed, and a ref is
//! deleted only where it was seen, so that a death in between costs nothing.

use std::{
    fs,
    path::Path,
    time::{Duration, UNIX_EPOCH},
};

use gtd_agent::{RunState, Runs};
use gtd_client::{Places, RigFolders, UserTexts};
use gtd_core::{
    BeadId, Graph, RunId, Timestamp,
    config::{Config, Retention, retention},
};
use gtd_git::{GitError, Repository};
use gtd_plan::{KeptRun, is_spent_candidate, spent_runs};
use tracing::{info, warn};

/// The folder of the refs that keep candidates.
const CANDIDATES: &str = "refs/gtd/candidates";
/// Refs looked at in one repository each time: the rest has time.
const REFS_MAX: usize = 500;

/// Removes what may go.
pub(crate) fn prune(places: &Places, runs: &Runs, graph: &Graph, now: Timestamp) {
    let rules = rules(places);
    prune_runs(runs, graph, &rules, now);
    let folders = match RigFolders::load(&places.rigs_file()) {
        Ok(folders) => folders,
        Err(error) => {
            warn!(%error, "the rigs are not known, and no candidate is removed");
            return;
        }
    };
    for rig in graph.rigs() {
        let Some(folder) = folders.folder(&rig.name) else {
            continue;
        };
        match prune_candidates(folder, graph, &rules, now) {
            Ok(0) => {}
            Ok(n) => info!(rig = %rig.name, n, "refs of old candidates were removed"),
            Err(error) => warn!(rig = %rig.name, %error, "old candidates could not be removed"),
        }
    }
}

/// Reads how long things are kept; a configuration that is wrong is told where it matters.
fn rules(places: &Places) -> Retention {
    let configured = UserTexts::read(places)
        .ok()
        .and_then(|texts| texts.config().ok());
    retention(&configured.unwrap_or_else(|| Config::merge([])))
}

fn prune_runs(runs: &Runs, graph: &Graph, rules: &Retention, now: Timestamp) {
    let list = match runs.list() {
        Ok(list) => list,
        Err(error) => {
            warn!(%error, "the runs could not be listed");
            return;
        }
    };
    let kept: Vec<KeptRun> = list
        .into_iter()
        .filter_map(|run| look_at(runs, run))
        .collect();
    let (mut n, mut bytes) = (0_u64, 0);
    for run in spent_runs(graph, &kept, rules, now) {
        match runs.prune(&run) {
            Ok(()) => {
                n += 1;
                let size = kept.iter().find(|known| known.run == run);
                bytes += size.map_or(0, |known| known.bytes);
            }
            Err(error) => warn!(run = %run, %error, "the run could not be removed"),
        }
    }
    if n > 0 {
        info!(n, bytes, "runs of what has ended were removed");
    }
}

/// Looks at a run that has ended; nothing while it has not, or when it cannot be told.
fn look_at(runs: &Runs, run: RunId) -> Option<KeptRun> {
    let folder = runs.run_dir(&run);
    let ended_at = match runs.state(&run).ok()? {
        RunState::Exited(exit) => exit.ended_at,
        RunState::Lost => modified(&folder)?,
        RunState::Absent | RunState::Prepared | RunState::Live(_) => return None,
    };
    let spec = runs.spec(&run).ok()?;
    let bead = match spec.labels.get("bead") {
        Some(bead) => Some(BeadId::parse(bead).ok()?),
        None => None,
    };
    Some(KeptRun {
        bytes: size_of(&folder),
        run,
        bead,
        ended_at,
    })
}

fn modified(folder: &Path) -> Option<Timestamp> {
    let at = fs::metadata(folder)
        .and_then(|found| found.modified())
        .ok()?;
    let since = at.duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(since.as_millis()).ok().map(Timestamp)
}

/// Sums up the files of a run; its folder has no folders of its own.
fn size_of(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.metadata().ok())
        .map(|found| found.len())
        .sum()
}

fn prune_candidates(
    folder: &Path,
    graph: &Graph,
    rules: &Retention,
    now: Timestamp,
) -> Result<u64, GitError> {
    let repository = Repository::open(folder)?;
    let mut n = 0;
    for (name, oid) in repository.list_refs(CANDIDATES)?.into_iter().take(REFS_MAX) {
        let candidate = name.rsplit('/').next().unwrap_or(&name);
        if !is_spent_candidate(graph, candidate) {
            continue;
        }
        let committed = u64::try_from(repository.commit(&oid)?.committed).unwrap_or(0);
        let age = Duration::from_millis(u64::try_from(now.0).unwrap_or(0))
            .saturating_sub(Duration::from_secs(committed));
        if age >= rules.age {
            repository.delete_ref(&name, &oid)?;
            n += 1;
        }
    }
    Ok(n)
}
