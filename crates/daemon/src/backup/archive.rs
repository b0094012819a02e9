//! The file itself: its manifest, and reading it back with every digest checked.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufReader, Read, Write},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Component, Path, PathBuf},
};

use gtd_core::Revision;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::BackupError;

/// The format that is written, and the newest that is read.
pub(super) const FORMAT: u32 = 1;
pub(super) const MANIFEST: &str = "manifest.json";
pub(super) const README: &str = "README.txt";
pub(super) const JOURNAL: &str = "journal.jsonl";
pub(super) const RIGS: &str = "rigs.json";
pub(super) const TRUST: &str = "trust";
pub(super) const ROLES: &str = "roles";
/// No manifest is longer.
const MANIFEST_MAX: u64 = 16 * 1024 * 1024;

/// What a backup says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Manifest {
    /// The format of the file.
    pub(crate) format: u32,
    /// The name of the town.
    pub(crate) town: String,
    /// The id that the log bears.
    pub(crate) town_id: String,
    /// The last record in it.
    pub(crate) head: Revision,
    /// When it was made.
    pub(crate) created_at: String,
    /// Which version made it.
    pub(crate) version: String,
    /// Every other member, in the order of the file.
    pub(crate) members: Vec<Member>,
    /// What one might look for in vain.
    pub(crate) not_included: Vec<String>,
}

/// One member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Member {
    /// Its path in the file.
    pub(crate) name: String,
    /// Its length in bytes.
    pub(crate) size: u64,
    /// Its digest, in hexadecimal digits.
    pub(crate) sha256: String,
}

/// Reads only the manifest.
pub(super) fn manifest(path: &Path) -> Result<Manifest, BackupError> {
    let mut archive = open(path)?;
    let mut entries = archive.entries().map_err(|e| torn(path, &e))?;
    let first = entries.next();
    read_manifest(path, first)
}

/// Unpacks a backup into a folder, which is made; every digest is checked, and so is every line of the log.
pub(super) fn unpack(path: &Path, into: &Path) -> Result<Manifest, BackupError> {
    let mut archive = open(path)?;
    let mut entries = archive.entries().map_err(|e| torn(path, &e))?;
    let manifest = read_manifest(path, entries.next())?;
    make_folder(into)?;
    let mut expected = manifest.members.iter();
    for entry in entries {
        let mut entry = entry.map_err(|e| torn(path, &e))?;
        let name = name_of(&entry);
        let member = expected.next().filter(|member| member.name == name);
        let Some(member) = member.filter(|member| is_known(&member.name)) else {
            return Err(garbled(path, &name, "the manifest does not name it here"));
        };
        let target = into.join(&member.name);
        let (size, sha256) = keep(&mut entry, &target)?;
        if (size, sha256.as_str()) != (member.size, member.sha256.as_str()) {
            let mut why = "it is not what the manifest says (sha256)".to_owned();
            if name == JOURNAL
                && let Err(error) = gtd_store::check_journal(&target)
            {
                why = format!("{why}; {}", place_of(&error));
            }
            return Err(garbled(path, &name, &why));
        }
    }
    if let Some(missing) = expected.next() {
        return Err(garbled(path, &missing.name, "it is missing"));
    }
    let journal = into.join(JOURNAL);
    let report = gtd_store::check_journal(&journal)
        .map_err(|error| garbled(path, JOURNAL, &place_of(&error)))?;
    if report.head != manifest.head || report.town_id != manifest.town_id {
        let why = format!(
            "it is the log of town {} up to record {}, and the manifest says town {} up to {}",
            report.town_id, report.head, manifest.town_id, manifest.head
        );
        return Err(garbled(path, JOURNAL, &why));
    }
    Ok(manifest)
}

/// Says where a journal is damaged, without the name of a file that nobody knows.
fn place_of(error: &gtd_store::StoreError) -> String {
    match error {
        gtd_store::StoreError::JournalDamaged { at, why, .. } => format!("at byte {at}: {why}"),
        other => crate::ledger::chain(other),
    }
}

fn open(path: &Path) -> Result<tar::Archive<BufReader<File>>, BackupError> {
    let file = File::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => BackupError::Absent {
            path: path.to_owned(),
        },
        _ => BackupError::file("read the backup", path)(error),
    })?;
    Ok(tar::Archive::new(BufReader::new(file)))
}

fn read_manifest<R: Read>(
    path: &Path,
    entry: Option<io::Result<tar::Entry<'_, R>>>,
) -> Result<Manifest, BackupError> {
    let entry = entry
        .ok_or_else(|| garbled(path, MANIFEST, "the file is empty"))?
        .map_err(|e| torn(path, &e))?;
    if name_of(&entry) != MANIFEST {
        return Err(garbled(path, MANIFEST, "it is not the first member"));
    }
    let mut text = Vec::new();
    entry
        .take(MANIFEST_MAX)
        .read_to_end(&mut text)
        .map_err(|e| torn(path, &e))?;
    let manifest: Manifest = serde_json::from_slice(&text)
        .map_err(|error| garbled(path, MANIFEST, &error.to_string()))?;
    if manifest.format > FORMAT {
        let format = manifest.format;
        let why = format!("format {format} is newer than this program");
        return Err(garbled(path, MANIFEST, &why));
    }
    Ok(manifest)
}

fn keep(from: &mut impl Read, target: &Path) -> Result<(u64, String), BackupError> {
    if let Some(folder) = target.parent() {
        make_folder(folder)?;
    }
    let fail = || BackupError::file("write", target);
    let file = create_private(target).map_err(fail())?;
    let mut hashing = Hashing::new(file);
    io::copy(from, &mut hashing).map_err(fail())?;
    let (file, size, sha256) = hashing.finish();
    file.sync_all().map_err(fail())?;
    Ok((size, sha256))
}

/// Tells whether a name may be unpacked: nothing outside of what this format has.
fn is_known(name: &str) -> bool {
    let path = Path::new(name);
    let is_plain = path
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    let top = path.components().next();
    let top = top.and_then(|part| part.as_os_str().to_str());
    is_plain
        && match top {
            Some(README | JOURNAL | RIGS) => path.components().count() == 1,
            Some(TRUST | ROLES) => path.components().count() > 1,
            _ => false,
        }
}

fn name_of<R: Read>(entry: &tar::Entry<'_, R>) -> String {
    String::from_utf8_lossy(&entry.path_bytes()).into_owned()
}

fn torn(path: &Path, error: &io::Error) -> BackupError {
    garbled(path, "the archive", &error.to_string())
}

fn garbled(path: &Path, what: &str, why: &str) -> BackupError {
    BackupError::Garbled {
        path: path.to_owned(),
        what: what.to_owned(),
        why: why.to_owned(),
    }
}

/// Makes a folder that only its owner may enter.
pub(super) fn make_folder(path: &Path) -> Result<(), BackupError> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(BackupError::file("make the folder", path))
}

/// Makes a file that is not there yet and that only its owner may read.
pub(super) fn create_private(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}

/// Makes the names in a folder durable.
pub(super) fn sync_folder(path: &Path) -> Result<(), BackupError> {
    File::open(path)
        .and_then(|folder| folder.sync_all())
        .map_err(BackupError::file("sync", path))
}

/// Lists the plain files below a folder, as paths below it, in order; links are left out.
pub(super) fn files_below(root: &Path) -> Result<Vec<PathBuf>, BackupError> {
    let mut found = Vec::new();
    let mut open = vec![root.to_owned()];
    while let Some(folder) = open.pop() {
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(BackupError::file("list", folder)(error)),
        };
        for entry in entries {
            let entry = entry.map_err(BackupError::file("list", &folder))?;
            let kind = entry
                .file_type()
                .map_err(BackupError::file("look at", entry.path()))?;
            if kind.is_dir() {
                open.push(entry.path());
            } else if kind.is_file()
                && let Ok(below) = entry.path().strip_prefix(root)
            {
                found.push(below.to_owned());
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Counts and hashes what is written through it.
pub(super) struct Hashing<W> {
    inner: W,
    size: u64,
    hasher: Sha256,
}

impl<W> Hashing<W> {
    pub(super) fn new(inner: W) -> Self {
        Self {
            inner,
            size: 0,
            hasher: Sha256::new(),
        }
    }

    pub(super) fn finish(self) -> (W, u64, String) {
        let digest = self.hasher.finalize();
        let text = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        (self.inner, self.size, text)
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        self.size += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_unpacked_outside_of_its_folder() {
        for name in ["journal.jsonl", "trust/api/gtd.toml", "roles/a/b.toml"] {
            assert!(is_known(name), "{name}");
        }
        for name in [
            "/etc/passwd",
            "../journal.jsonl",
            "trust/../../x",
            "trust",
            "key",
            "journal.jsonl/x",
            "",
        ] {
            assert!(!is_known(name), "{name}");
        }
    }
}
