//! Making a backup: parts beside each other first, then one file, then its name.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Seek as _, Write as _},
    path::{Path, PathBuf},
};

use gtd_client::Places;
use gtd_core::{Moment, Revision, Timestamp};

use serde_json::{Value, json};

use super::{
    BackupError, Manifest,
    archive::{
        FORMAT, Hashing, JOURNAL, MANIFEST, Member, README, RIGS, ROLES, TRUST, create_private,
        files_below, make_folder, sync_folder,
    },
    list::summary,
};

const NOT_INCLUDED: [&str; 4] = [
    "the repositories: branches gtd/* and hidden refs refs/gtd/* stay in them",
    "the files of runs: output and transcripts in the state folder",
    "worktrees",
    "keys: a restored town makes a new one, and every token of before is void",
];

const TEXT: &str = "\
This is a backup of a gtd town.

journal.jsonl  the event log: one JSON object on each line; all else follows from it
rigs.json      in which folder each rig is
trust/         the trusted copies of the rigs' configurations
roles/         the user's own role files
manifest.json  size and sha256 of each of these

Not in it: the git repositories. Work that has not landed is on branches gtd/* and
under hidden refs refs/gtd/* of each rig's repository; back those up as you back up
any repository (git clone --mirror takes them too).

Restore it without a daemon:  gtd backup restore FILE
";

/// A backup that was made.
#[derive(Debug)]
pub(crate) struct Made {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// Its length in bytes.
    pub(crate) size: u64,
    /// What it says of itself.
    pub(crate) manifest: Manifest,
}

/// Makes a backup of the log up to the record `until`, at `file` or under a dated name.
///
/// # Errors
/// When the file exists, the log is damaged, or the system refuses a read or a write.
pub(crate) fn create(
    places: &Places,
    until: Revision,
    file: Option<&Path>,
    now: Timestamp,
) -> Result<Made, BackupError> {
    let path = match file {
        Some(file) => file.to_owned(),
        None => return create_in(places, &places.backups(), until, now),
    };
    if fs::symlink_metadata(&path).is_ok() {
        return Err(BackupError::Exists { path });
    }
    let part = Part(beside(&path, "part"));
    let spool = Part(beside(&path, "journal"));
    let made = write(places, until, now, &part.0, &spool.0)?;
    fs::rename(&part.0, &path).map_err(BackupError::file("put in its place", &path))?;
    sync_folder(path.parent().unwrap_or(Path::new(".")))?;
    let size = fs::metadata(&path)
        .map_err(BackupError::file("look at", &path))?
        .len();
    Ok(Made {
        path,
        size,
        manifest: made,
    })
}

/// Makes a backup under a dated name in a folder.
///
/// # Errors
/// As [`create`].
pub(super) fn create_in(
    places: &Places,
    folder: &Path,
    until: Revision,
    now: Timestamp,
) -> Result<Made, BackupError> {
    make_folder(folder)?;
    let name = free_name(folder, &format!("{}-{}", places.town, stamp(now)));
    create(places, until, Some(&name), now)
}

impl Made {
    /// Returns what documents tell of it.
    pub(crate) fn document(&self) -> Value {
        let mut document = summary(&self.manifest);
        document["path"] = json!(self.path.to_string_lossy());
        document["size"] = json!(self.size);
        document["verified"] = json!(false);
        document
    }
}

fn write(
    places: &Places,
    until: Revision,
    now: Timestamp,
    part: &Path,
    spool: &Path,
) -> Result<Manifest, BackupError> {
    let written = |source| BackupError::File {
        act: "write",
        path: part.to_owned(),
        source,
    };
    // The log is copied first: what the other files say may be newer than it, never older.
    let file = create_private(spool).map_err(BackupError::file("write", spool))?;
    let mut copy = Hashing::new(BufWriter::new(file));
    let report =
        gtd_store::copy_log(&places.store(), until, &mut copy).map_err(BackupError::Log)?;
    let (copy, size, sha256) = copy.finish();
    let mut log = copy
        .into_inner()
        .map_err(|error| BackupError::file("write", spool)(error.into_error()))?;
    let log_member = Member {
        name: JOURNAL.to_owned(),
        size,
        sha256,
    };
    let small = small_members(places)?;
    let manifest = Manifest {
        format: FORMAT,
        town: places.town.clone(),
        town_id: report.town_id,
        head: report.head,
        created_at: Moment(now).to_string(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        members: small
            .iter()
            .map(|(name, bytes)| member(name, bytes))
            .chain([log_member])
            .collect(),
        not_included: NOT_INCLUDED.map(str::to_owned).into(),
    };
    let text = serde_json::to_vec_pretty(&manifest).map_err(|e| written(e.into()))?;
    let file = create_private(part).map_err(written)?;
    let mut tar = tar::Builder::new(BufWriter::new(file));
    let seconds = u64::try_from(now.0 / 1000).unwrap_or(0);
    append(&mut tar, MANIFEST, text.len() as u64, seconds, &text[..]).map_err(written)?;
    for (name, bytes) in &small {
        append(&mut tar, name, bytes.len() as u64, seconds, &bytes[..]).map_err(written)?;
    }
    log.rewind()
        .and_then(|()| append(&mut tar, JOURNAL, size, seconds, &mut log))
        .map_err(written)?;
    let mut file = tar.into_inner().map_err(written)?;
    file.flush().map_err(written)?;
    file.get_ref().sync_all().map_err(written)?;
    Ok(manifest)
}

/// Reads every member but the log.
fn small_members(places: &Places) -> Result<Vec<(String, Vec<u8>)>, BackupError> {
    let mut members = vec![(README.to_owned(), TEXT.as_bytes().to_vec())];
    match fs::read(places.rigs_file()) {
        Ok(bytes) => members.push((RIGS.to_owned(), bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(BackupError::file("read", places.rigs_file())(error)),
    }
    let roles = places.config.join(ROLES);
    for (top, root) in [(TRUST, places.trust()), (ROLES, roles)] {
        for below in files_below(&root)? {
            let path = root.join(&below);
            let Some(name) = below.to_str() else { continue };
            let bytes = fs::read(&path).map_err(BackupError::file("read", &path))?;
            members.push((format!("{top}/{name}"), bytes));
        }
    }
    Ok(members)
}

fn member(name: &str, bytes: &[u8]) -> Member {
    let mut hashing = Hashing::new(io::sink());
    hashing.write_all(bytes).expect("a sink takes everything");
    let (_, size, sha256) = hashing.finish();
    Member {
        name: name.to_owned(),
        size,
        sha256,
    }
}

fn append(
    tar: &mut tar::Builder<BufWriter<File>>,
    name: &str,
    size: u64,
    seconds: u64,
    from: impl io::Read,
) -> io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_size(size);
    header.set_mode(0o600);
    header.set_mtime(seconds);
    tar.append_data(&mut header, name, from.take(size))
}

/// Returns a moment as part of a file's name: `20261122T210405Z`.
pub(super) fn stamp(now: Timestamp) -> String {
    let text = Moment(now).to_string();
    let seconds = text.split('.').next().unwrap_or_default();
    let digits: String = seconds
        .chars()
        .filter(|c| c.is_ascii_digit() || *c == 'T')
        .collect();
    format!("{digits}Z")
}

fn free_name(folder: &Path, stem: &str) -> PathBuf {
    let more = (2..).map(|n| folder.join(format!("{stem}-{n}.tar")));
    std::iter::once(folder.join(format!("{stem}.tar")))
        .chain(more)
        .find(|path| fs::symlink_metadata(path).is_err())
        .expect("the numbers do not end")
}

fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.{end}", std::process::id()));
    PathBuf::from(name)
}

/// An unfinished file, removed when dropped.
struct Part(PathBuf);

impl Drop for Part {
    fn drop(&mut self) {
        // After the rename there is none.
        let _gone = fs::remove_file(&self.0);
    }
}
