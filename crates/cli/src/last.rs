//! `@`: the last object that was created or looked at in this shell.
//!
//! It is kept in a small file for each login session, so that two terminals do not
//! meddle with each other. An agent has none.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::OnceLock,
    time::{Duration, SystemTime},
};

use crate::error::{CliError, Kind};

/// The word that stands for it.
const WORD: &str = "@";
/// How long one that nobody used is kept.
const KEPT: Duration = Duration::from_secs(7 * 24 * 3_600);

static FOLDER: OnceLock<PathBuf> = OnceLock::new();

/// Says in which folder of the town it is kept.
pub(crate) fn keep_below(state: &Path) {
    FOLDER.get_or_init(|| state.join("last"));
}

/// Remembers an object; that it cannot be is no reason to fail.
pub(crate) fn remember(id: &str) {
    if std::env::var_os("GTD_RUN").is_some() || std::env::var_os("GTD_AGENT").is_some() {
        return;
    }
    let Some(file) = file() else { return };
    let Some(folder) = file.parent() else { return };
    if fs::read_to_string(&file).is_ok_and(|known| known == id) {
        return;
    }
    if keep(&file, id).is_err() {
        // The first of this session: what sessions of long ago left goes with it.
        drop(fs::create_dir_all(folder));
        forget_old(folder);
        drop(fs::write(&file, id));
    }
}

/// Writes over what a known session keeps.
///
/// Cut only where the new one is shorter: a file that is emptied and written again is
/// brought to the disk when it is closed, which costs more than all else here.
fn keep(file: &Path, id: &str) -> io::Result<()> {
    let mut kept = fs::OpenOptions::new().write(true).open(file)?;
    let known = kept.metadata()?.len();
    kept.write_all(id.as_bytes())?;
    let length = id.len() as u64;
    if length < known {
        kept.set_len(length)?;
    }
    Ok(())
}

/// Returns what a word names: itself, or the last object for `@`.
pub(crate) fn named(word: &str) -> Result<String, CliError> {
    if word != WORD {
        return Ok(word.to_owned());
    }
    file()
        .and_then(|file| fs::read_to_string(file).ok())
        .filter(|id| !id.is_empty())
        .ok_or_else(|| {
            CliError::new(Kind::NotFound {
                kind: "last object of this shell:",
                name: WORD.to_owned(),
            })
            .help("look at one first: gtd bead list, then gtd why ID")
        })
}

fn file() -> Option<PathBuf> {
    let session = nix::unistd::getsid(None).ok()?;
    // With its start, because the numbers of processes come again.
    let stat = fs::read_to_string(format!("/proc/{session}/stat")).unwrap_or_default();
    let began = stat
        .rsplit(')')
        .next()
        .and_then(|rest| rest.split_whitespace().nth(19))
        .unwrap_or("0");
    Some(FOLDER.get()?.join(format!("{session}-{began}")))
}

fn forget_old(folder: &Path) {
    let now = SystemTime::now();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let modified = entry.metadata().and_then(|about| about.modified());
        let age = modified.ok().and_then(|at| now.duration_since(at).ok());
        if age.is_some_and(|age| age > KEPT) {
            drop(fs::remove_file(entry.path()));
        }
    }
}
