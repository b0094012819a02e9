//! The swap at the end of a restore: one rename says that it counts, and whoever comes next finishes it.
//!
//! | folder in the data folder | is |
//! |---|---|
//! | `restore.new` | being built; worth nothing |
//! | `restore.ready` | whole: whatever of it is not in its place yet is put there, before anything else |
//! | `replaced-<date>` | what was there before; nobody needs it but a person |

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use gtd_client::Places;

use super::{
    BackupError,
    archive::{RIGS, ROLES, TRUST, files_below, make_folder, sync_folder},
    restore::remove,
};

pub(super) const STAGED: &str = "restore.new";
pub(super) const STOP: &str = "stop";
const READY: &str = "restore.ready";
const DONE: &str = "restore.done";
const ASIDE: &str = "aside";

/// Makes what was built count; returns where what was there before is now.
pub(super) fn commit(places: &Places, aside: &str) -> Result<Option<PathBuf>, BackupError> {
    let staged = places.data.join(STAGED);
    let note = staged.join(ASIDE);
    fs::write(&note, aside).map_err(BackupError::file("write", &note))?;
    make_folder(&staged.join(TRUST))?;
    let rigs = staged.join(RIGS);
    if !rigs.exists() {
        fs::write(&rigs, "{}\n").map_err(BackupError::file("write", &rigs))?;
    }
    sync_folder(&staged)?;
    let ready = places.data.join(READY);
    fs::rename(&staged, &ready).map_err(BackupError::file("finish", &ready))?;
    sync_folder(&places.data)?;
    gtd_fault::point("restore.after-commit");
    finish(places)?;
    let aside = places.data.join(aside);
    Ok(aside.exists().then_some(aside))
}

/// Finishes a restore that was begun; without one nothing happens.
///
/// # Errors
/// When a file cannot be moved; the next call goes on there.
pub(crate) fn finish(places: &Places) -> Result<(), BackupError> {
    let ready = places.data.join(READY);
    if !ready.exists() {
        return remove(&places.data.join(DONE));
    }
    let note = ready.join(ASIDE);
    let aside = fs::read_to_string(&note).map_err(BackupError::file("read", &note))?;
    let aside = places.data.join(aside);
    for (name, target) in [
        ("store", places.store()),
        (RIGS, places.rigs_file()),
        (TRUST, places.trust()),
    ] {
        let source = ready.join(name);
        if source.exists() {
            put_aside(&target, &aside, name)?;
            gtd_fault::point("restore.between-moves");
            fs::rename(&source, &target).map_err(BackupError::file("put in its place", &target))?;
        }
    }
    // The old key would make the old tokens good.
    put_aside(&places.key_file(), &aside, "key")?;
    put_back_roles(places, &ready.join(ROLES))?;
    let stop = ready.join(STOP);
    if stop.exists() && !places.stop_file().exists() {
        fs::copy(&stop, places.stop_file())
            .map_err(BackupError::file("write", places.stop_file()))?;
    }
    sync_folder(&places.data)?;
    let done = places.data.join(DONE);
    remove(&done)?;
    fs::rename(&ready, &done).map_err(BackupError::file("finish", &done))?;
    remove(&done)
}

fn put_aside(path: &Path, aside: &Path, name: &str) -> Result<(), BackupError> {
    if fs::symlink_metadata(path).is_err() {
        return Ok(());
    }
    make_folder(aside)?;
    fs::rename(path, aside.join(name)).map_err(BackupError::file("put aside", path))
}

/// Puts role files back where there is none: the folder may be shared by several towns.
fn put_back_roles(places: &Places, roles: &Path) -> Result<(), BackupError> {
    let root = places.config.join(ROLES);
    for below in files_below(roles)? {
        let target = root.join(&below);
        if let Some(folder) = target.parent() {
            make_folder(folder)?;
        }
        let fail = BackupError::file("write", &target);
        let draft = target.with_extension("restore");
        let written = match fs::symlink_metadata(&target) {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                fs::copy(roles.join(&below), &draft).and_then(|_| fs::rename(&draft, &target))
            }
            Err(error) => Err(error),
        };
        written.map_err(fail)?;
    }
    Ok(())
}
