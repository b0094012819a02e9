//! Keeps the report that a run leaves in its worktree, before somebody else gets the worktree.
//!
//! | at the end the file | is kept |
//! |---|---|
//! | is as it was at the start | no: it is not of this run |
//! | is no plain file, or outside of the worktree | no |
//! | is longer than [`LONGEST`] | no |
//! | is anything else | yes, without what is secret |

use std::{
    fs::{self, Metadata, OpenOptions},
    io::Read as _,
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use nix::libc;

use crate::{
    folder::{self, Folder, Keep},
    shim::redact::{Redactor, Secrets},
    spec::RunSpec,
    state::ReportEnd,
};

/// The longest report that is kept, in bytes.
const LONGEST: u64 = 16 * 1024 * 1024;

/// A report that is expected.
pub(super) struct Expected {
    cwd: PathBuf,
    path: PathBuf,
    before: Option<Stamp>,
    secrets: Secrets,
}

/// What tells one state of a file from another.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stamp {
    place: (u64, u64),
    size: u64,
    changed: (i64, i64),
}

impl Expected {
    /// Looks what is there before the run begins; none when no report is asked for.
    pub(super) fn of(spec: &RunSpec) -> Option<Self> {
        let name = spec.report.as_ref()?;
        let path = spec.cwd.join(name);
        Some(Self {
            before: fs::symlink_metadata(&path).ok().as_ref().map(stamp),
            cwd: spec.cwd.clone(),
            path,
            secrets: Secrets::of(spec),
        })
    }

    /// Keeps the report, or says why there is none.
    pub(super) fn keep(self, folder: &Folder) -> ReportEnd {
        match self.read() {
            Ok(bytes) => match folder.write_bytes(folder::REPORT, &bytes, Keep::Wholly) {
                Ok(()) => ReportEnd::Kept,
                Err(error) => ReportEnd::Missing(crate::shim::chain(&error)),
            },
            Err(why) => ReportEnd::Missing(why),
        }
    }

    fn read(self) -> Result<Vec<u8>, String> {
        let none = || "the gate left none".to_owned();
        let metadata = fs::symlink_metadata(&self.path).map_err(|_| none())?;
        if self.before.is_some_and(|before| before == stamp(&metadata)) {
            return Err("the file is older than the run".to_owned());
        }
        if !metadata.is_file() || !is_inside(&self.path, &self.cwd) {
            return Err("it is no plain file in the worktree".to_owned());
        }
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
            .open(&self.path)
            .map_err(|error| format!("it cannot be read: {error}"))?;
        let mut bytes = Vec::new();
        file.take(LONGEST + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| format!("it cannot be read: {error}"))?;
        if bytes.len() as u64 > LONGEST {
            return Err(format!("it is longer than {} MiB", LONGEST >> 20));
        }
        let mut redactor = Redactor::new(self.secrets);
        let mut clean = redactor.take(&bytes);
        clean.extend(redactor.finish());
        Ok(clean)
    }
}

fn stamp(metadata: &Metadata) -> Stamp {
    Stamp {
        place: (metadata.dev(), metadata.ino()),
        size: metadata.size(),
        // Nobody can set this back.
        changed: (metadata.ctime(), metadata.ctime_nsec()),
    }
}

fn is_inside(path: &Path, cwd: &Path) -> bool {
    match (path.canonicalize(), cwd.canonicalize()) {
        (Ok(path), Ok(cwd)) => path.starts_with(cwd),
        _ => false,
    }
}
