//! Putting a town back: build all of it beside the present one, then swap.
//!
//! What was leased after the backup is not in its log. So that no epoch is
//! granted twice, every run that lives is ended, the log goes on with
//! `TownRestored`, which ends every lease and lifts each bead to the highest
//! epoch that the repositories and the runs show, and the town makes a new
//! key: no token of before is worth anything.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use gtd_client::{Places, RigFolders};
use gtd_core::{Actor, BeadId, Envelope, Epoch, Event, Revision, Timestamp};
use gtd_host::{end_every_run, epochs_seen};
use gtd_store::{Options, Record, Store};
use serde_json::{Value, json};

use super::{
    BackupError, archive, create,
    list::summary,
    swap::{self, STAGED, STOP},
};
use crate::{
    boot::{self, BootError},
    ledger,
};

/// What to do where a log is already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Occupied {
    /// Refuse.
    Refuse,
    /// Keep it aside, and a backup of it where one can be made.
    Replace,
}

/// Restores a backup. Nobody may run the town meanwhile.
///
/// # Errors
/// When a daemon runs, the town holds a log and may not be replaced, or the
/// backup is not whole. The town is then as it was.
pub(crate) fn restore(
    places: &Places,
    file: &Path,
    occupied: Occupied,
) -> Result<Value, BackupError> {
    places.prepare()?;
    let _alone = boot::be_alone(places).map_err(|error| match error {
        BootError::Held { pid } => BackupError::Held { pid },
        BootError::File { act, path, source } => BackupError::File { act, path, source },
        other => BackupError::Garbled {
            path: places.lock(),
            what: "the lock".to_owned(),
            why: other.to_string(),
        },
    })?;
    swap::finish(places)?;
    let holds_log = holds_log(places);
    if holds_log && occupied == Occupied::Refuse {
        let path = places.store();
        return Err(BackupError::NotEmpty { path });
    }
    let staged = places.data.join(STAGED);
    remove(&staged)?;
    let manifest = archive::unpack(file, &staged)?;
    let runs = gtd_host::runs(places)?;
    let ended = end_every_run(&runs)?;
    let rigs = staged.join(archive::RIGS);
    let seen = epochs_seen(&RigFolders::load(&rigs)?, &runs)?;
    let (revision, now) = build(&staged, manifest.head, seen.epochs)?;
    let before = holds_log.then(|| backup_of_what_is_there(places, now));
    let aside = swap::commit(places, &format!("replaced-{}", create::stamp(now)))?;
    let mut document = summary(&manifest);
    document["path"] = json!(file.to_string_lossy());
    document["revision"] = json!(revision);
    document["ended_runs"] = json!(ended);
    document["aside"] = json!(aside.map(|path| path.to_string_lossy().into_owned()));
    document["before"] = match before {
        None => Value::Null,
        Some(Ok(path)) => json!(path.to_string_lossy()),
        Some(Err(error)) => json!({"problem": ledger::chain(&error)}),
    };
    document["unseen"] = seen
        .unseen
        .iter()
        .map(|(rig, why)| json!({"rig": rig, "why": why}))
        .collect();
    Ok(document)
}

/// Tells whether there is a log, or was one that is lost now.
fn holds_log(places: &Places) -> bool {
    let store = places.store();
    let lines = fs::read(store.join(archive::JOURNAL))
        .map(|bytes| bytes.iter().filter(|byte| **byte == b'\n').count())
        .unwrap_or_default();
    lines > 1 || store.join("initialised").exists()
}

/// Builds the store from the unpacked journal, and lets the log go on from there.
fn build(
    staged: &Path,
    head: Revision,
    epochs: BTreeMap<BeadId, Epoch>,
) -> Result<(Revision, Timestamp), BackupError> {
    let folder = staged.join("store");
    archive::make_folder(&folder)?;
    let journal = folder.join(archive::JOURNAL);
    fs::rename(staged.join(archive::JOURNAL), &journal)
        .map_err(BackupError::file("move", &journal))?;
    let options = Options {
        // The backup itself is the copy.
        keeps_older: false,
        ..Options::default()
    };
    let (mut store, opened) = Store::open(&folder, &options).map_err(BackupError::Log)?;
    if opened.head != head {
        return Err(BackupError::OtherHead {
            expected: head,
            found: opened.head,
        });
    }
    let (graph, now) = ledger::fold(&store).map_err(BackupError::Fold)?;
    if let Some(stop) = graph.stop() {
        // A person stopped it, and only a person ends that.
        let path = staged.join(STOP);
        fs::write(&path, &stop.why).map_err(BackupError::file("write", &path))?;
    }
    let envelope = Envelope {
        at: now,
        by: Actor::Daemon,
        request: None,
        cause: None,
        event: Event::TownRestored { epochs },
    };
    let body = serde_json::to_string(&envelope).expect("an envelope is always JSON");
    let revision = head.next();
    store
        .append(&[Record {
            revision,
            request: None,
            body: body.into(),
        }])
        .map_err(BackupError::Log)?;
    store.close();
    Ok((revision, now))
}

/// Makes a backup of the present log; a damaged one is only kept aside.
fn backup_of_what_is_there(places: &Places, now: Timestamp) -> Result<PathBuf, BackupError> {
    let report = gtd_store::check_log(&places.store()).map_err(BackupError::Log)?;
    create::create(places, report.head, None, now).map(|made| made.path)
}

pub(super) fn remove(path: &Path) -> Result<(), BackupError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(BackupError::file("remove", path)(error))
        }
        _ => Ok(()),
    }
}
