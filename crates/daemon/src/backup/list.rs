//! Looking at backups: which there are, and whether one is whole.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use gtd_client::Places;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{BackupError, Manifest, archive};

/// What was verified, to be known again.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Mark {
    size: u64,
    modified_ms: u128,
}

/// Lists the backups in the town's own folder, the newest last.
///
/// # Errors
/// When the folder cannot be read; a file that cannot be read is told with why.
pub(crate) fn list(places: &Places) -> Result<Vec<Value>, BackupError> {
    let folder = places.backups();
    let mut found = Vec::new();
    for below in archive::files_below(&folder)? {
        let path = folder.join(&below);
        if path.extension().is_none_or(|end| end != "tar") {
            continue;
        }
        let name = below.to_string_lossy();
        let mut item = match archive::manifest(&path) {
            Ok(manifest) => summary(&manifest),
            Err(error) => json!({"problem": crate::ledger::chain(&error)}),
        };
        let mark = mark_of(&path);
        item["name"] = json!(name);
        item["path"] = json!(path.to_string_lossy());
        item["size"] = json!(mark.as_ref().map(|mark| mark.size));
        item["verified"] = json!(mark.is_some() && mark == read_mark(&path));
        found.push(item);
    }
    found.sort_by_key(|item| item["created_at"].as_str().unwrap_or_default().to_owned());
    Ok(found)
}

/// Checks every digest, and every line of the log; remembers that it was so.
///
/// # Errors
/// With what is wrong and where.
pub(crate) fn verify(places: &Places, file: &Path) -> Result<Value, BackupError> {
    let folder = places
        .cache
        .join(format!("backup.{}.verify", std::process::id()));
    let unpacked = Unpacked(folder);
    let before = mark_of(file);
    let manifest = archive::unpack(file, &unpacked.0)?;
    let mark = mark_of(file);
    if let (true, Some(mark)) = (before == mark, &mark) {
        // Only `list` misses it.
        let text = serde_json::to_string(mark).unwrap_or_default();
        let _nobody_needs_it = fs::write(mark_file(file), text);
    }
    let mut document = summary(&manifest);
    document["path"] = json!(file.to_string_lossy());
    document["size"] = json!(mark.map(|mark| mark.size));
    document["verified"] = json!(true);
    Ok(document)
}

/// Makes what documents tell of a manifest.
pub(super) fn summary(manifest: &Manifest) -> Value {
    json!({
        "town": manifest.town,
        "town_id": manifest.town_id,
        "head": manifest.head,
        "created_at": manifest.created_at,
        "version": manifest.version,
        "members": manifest.members.len(),
        "not_included": manifest.not_included,
    })
}

fn mark_of(file: &Path) -> Option<Mark> {
    let metadata = fs::metadata(file).ok()?;
    let modified = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some(Mark {
        size: metadata.len(),
        modified_ms: modified.as_millis(),
    })
}

fn read_mark(file: &Path) -> Option<Mark> {
    serde_json::from_slice(&fs::read(mark_file(file)).ok()?).ok()
}

pub(super) fn mark_file(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".verified");
    PathBuf::from(name)
}

/// What was unpacked only to be looked at; removed when dropped.
struct Unpacked(PathBuf);

impl Drop for Unpacked {
    fn drop(&mut self) {
        let gone: io::Result<()> = fs::remove_dir_all(&self.0);
        drop(gone);
    }
}
