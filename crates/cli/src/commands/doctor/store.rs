//! The log with its two witnesses and its backups, and the daemon that holds it.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs::{self, File},
    io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom},
    os::unix::fs::PermissionsExt as _,
    path::Path,
    time::Duration,
};

use gtd_client::{Client, ClientError};
use serde_json::Value;

use super::check::{Check, Mend};
use crate::{context::Context, daemon_program::DaemonProgram, town};

/// How long the daemon has to answer.
const LOOK: Duration = Duration::from_secs(2);
/// A backup that is older than this should be renewed.
const BACKUP_WISH: Duration = Duration::from_secs(7 * 24 * 3600);
/// The longest line that the end of the journal is looked at for.
const TAIL: u64 = 4 << 20;
/// The newest format of the journal that this version reads.
const FORMAT: u64 = 2;

/// Looks at the log and the last backup; changes nothing and takes no lock.
pub(super) fn store(ctx: &Context) -> Vec<Check> {
    let folder = ctx.places.store();
    let (journal, sled) = (folder.join("journal.jsonl"), folder.join("sled"));
    if !journal.exists() && !sled.exists() {
        return vec![Check::good("store.log", "there is no log yet")];
    }
    let mut checks = Vec::new();
    checks.push(match (journal.is_file(), sled.is_dir()) {
        (true, true) => Check::good("store.witnesses", "both copies of the log are there"),
        (true, false) => Check::warn(
            "store.witnesses",
            "the database is gone; the next start makes it anew from the journal",
            "gtd down; gtd up",
        ),
        (false, _) => Check::warn(
            "store.witnesses",
            "the journal is gone; the next start makes it anew from the database",
            "gtd down; gtd up",
        ),
    });
    if journal.is_file() {
        checks.push(match format_of(&journal) {
            Some(known @ 1..=FORMAT) => {
                Check::good("store.format", format!("the journal has format {known}"))
            }
            Some(other) => Check::fail(
                "store.format",
                format!("the journal has format {other}; this version reads {FORMAT}"),
                "install the version of gtd that wrote it",
            ),
            None => Check::fail(
                "store.format",
                format!("the first line of {} cannot be read", journal.display()),
                "gtd backup list, then: gtd backup restore FILE --replace",
            ),
        });
        checks.push(match ends_whole(&journal) {
            true => Check::good("store.journal", "the journal ends with a whole record"),
            false => Check::warn(
                "store.journal",
                "the journal ends in half a record: it is being written, or the next start mends it",
                "gtd doctor --only store",
            ),
        });
    }
    checks.extend(segments(&folder));
    checks.extend(kept(&folder));
    checks.push(backup(ctx));
    checks.extend(backup_schedule(ctx));
    checks
}

/// Looks whether each sealed part of the log is there twice; nothing when nothing is sealed.
fn segments(folder: &Path) -> Option<Check> {
    let lengths = |name: &str| -> BTreeMap<OsString, u64> {
        let entries = fs::read_dir(folder.join(name)).into_iter().flatten();
        entries
            .flatten()
            .filter(|entry| entry.path().extension().is_some_and(|end| end == "gz"))
            .filter_map(|entry| Some((entry.file_name(), entry.metadata().ok()?.len())))
            .collect()
    };
    let (one, other) = (lengths("segments"), lengths("segments-copy"));
    let n_segments = one.len().max(other.len());
    if n_segments == 0 {
        return None;
    }
    Some(match one == other {
        true => Check::good(
            "store.segments",
            format!("both copies of {n_segments} sealed parts of the log are there"),
        ),
        false => Check::warn(
            "store.segments",
            "a sealed part of the log has only one whole copy; the next start makes the other anew",
            "gtd down; gtd up",
        ),
    })
}

/// Names what a start has set aside or kept, which nobody but a person removes.
fn kept(folder: &Path) -> Option<Check> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| name.contains(".broken-") || name.contains(".kept-"))
        .collect();
    names.sort();
    let first = names.first()?;
    Some(Check::good(
        "store.kept",
        format!(
            "{} kept aside in {}: {}; remove them when the town is well and backed up",
            names.len(),
            folder.display(),
            match names.len() {
                1 => first.clone(),
                _ => format!("{first} …"),
            }
        ),
    ))
}

fn backup(ctx: &Context) -> Check {
    let newest = fs::read_dir(ctx.places.backups())
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.path().extension().is_some_and(|end| end == "tar"))
        .filter_map(|entry| entry.metadata().ok()?.modified().ok())
        .max();
    let age = newest.map(|at| at.elapsed().unwrap_or_default());
    match age {
        None => Check::warn(
            "store.backup",
            "there is no backup of this town",
            "gtd backup create",
        ),
        Some(age) => {
            let text = format!("the last backup is {} hours old", age.as_secs() / 3600);
            match age > BACKUP_WISH {
                true => Check::warn("store.backup", text, "gtd backup create"),
                false => Check::good("store.backup", text),
            }
        }
    }
}

/// Looks how the last backup by the clock went; nothing when none is wanted.
fn backup_schedule(ctx: &Context) -> Option<Check> {
    let text = fs::read(ctx.places.backup_schedule()).ok()?;
    let Ok(plan) = serde_json::from_slice::<Value>(&text) else {
        return Some(Check::fail(
            "store.backup_schedule",
            format!("{} cannot be read", ctx.places.backup_schedule().display()),
            "gtd backup schedule off",
        ));
    };
    if plan["wish"].is_null() {
        return None;
    }
    Some(match plan["problem"]["why"].as_str() {
        Some(why) => Check::warn(
            "store.backup_schedule",
            format!("the last backup by the clock failed: {why}"),
            "gtd backup schedule",
        ),
        None => Check::good("store.backup_schedule", "backups are made by the clock"),
    })
}

fn format_of(journal: &Path) -> Option<u64> {
    let mut line = String::new();
    let file = BufReader::new(File::open(journal).ok()?);
    file.take(4096).read_line(&mut line).ok()?;
    serde_json::from_str::<Value>(&line)
        .ok()?
        .get("gtd_journal")?
        .as_u64()
}

fn ends_whole(journal: &Path) -> bool {
    let tail = || -> std::io::Result<Vec<u8>> {
        let mut file = File::open(journal)?;
        let size = file.metadata()?.len();
        file.seek(SeekFrom::Start(size.saturating_sub(TAIL)))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let Ok(bytes) = tail() else { return false };
    let Some(bytes) = bytes.strip_suffix(b"\n") else {
        return false;
    };
    let last = bytes
        .rsplit(|byte| *byte == b'\n')
        .next()
        .unwrap_or_default();
    serde_json::from_slice::<Value>(last).is_ok()
}

/// Looks at who runs, in which version, and who may reach it.
pub(super) async fn daemon(ctx: &Context) -> Vec<Check> {
    let mut checks = Vec::new();
    checks.push(match DaemonProgram::find(&ctx.places) {
        Ok(program) => Check::good(
            "daemon.program",
            format!("gtdd is {}", program.path().display()),
        ),
        Err(error) => Check::fail("daemon.program", error.message(), "install gtdd beside gtd"),
    });
    let own = env!("CARGO_PKG_VERSION");
    let hello = Client::open(ctx.places.socket(), town::person())
        .with_deadline(ctx.deadline.unwrap_or(LOOK))
        .hello()
        .await;
    match hello {
        Ok(hello) => {
            checks.push(Check::good(
                "daemon.running",
                format!("pid {} answers", hello.pid),
            ));
            if hello.opening {
                checks.push(Check::warn(
                    "daemon.log",
                    "the log is being opened: reads are answered, writes wait",
                    "gtd doctor --only daemon",
                ));
            }
            checks.push(match hello.version == own {
                true => Check::good("daemon.version", format!("gtd and gtdd are {own}")),
                false => Check::warn(
                    "daemon.version",
                    format!("gtdd is {}, gtd is {own}", hello.version),
                    "gtd down && gtd up",
                ),
            });
        }
        Err(ClientError::NotRunning { .. }) => {
            let check = Check::warn("daemon.running", "the daemon is not running", "gtd up");
            checks.push(match ctx.places.socket().exists() {
                true => check.mended_by(Mend::StaleSocket),
                false => check,
            });
        }
        Err(error) => checks.push(Check::fail(
            "daemon.running",
            format!("the daemon does not answer: {error}"),
            "gtd logs daemon; everything stops without it: gtd stop --all",
        )),
    }
    let folder = ctx.places.socket().parent().map(Path::to_owned);
    let private = [
        ("daemon.folder", folder, 0o700),
        ("daemon.socket", Some(ctx.places.socket().to_owned()), 0o600),
        ("daemon.key", Some(ctx.places.key_file()), 0o600),
    ];
    for (id, path, mode) in private {
        let Some(path) = path else { continue };
        let Ok(meta) = fs::metadata(&path) else {
            continue;
        };
        let has = meta.permissions().mode() & 0o777;
        checks.push(match has & 0o077 {
            0 => Check::good(id, format!("{} is closed to others", path.display())),
            _ => Check::fail(
                id,
                format!("{} is open to others ({has:o})", path.display()),
                format!("chmod {mode:o} {}", path.display()),
            )
            .mended_by(Mend::Close { path, mode }),
        });
    }
    checks
}
