//! What differs in a worktree, by one `git status`.

use std::{
    fs::{self, DirEntry},
    io,
    path::{Path, PathBuf},
};

use crate::{
    error::GitError,
    repository::{fields, lossy, path_of},
    run::LONG,
    tree::Tree,
};

/// What a status is to say about ignored files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ignored {
    /// Nothing.
    Passed,
    /// Whether there are any.
    Told,
}

/// What differs between head, index and files.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Status {
    /// Anything but ignored files differs from the head.
    pub(crate) is_dirty: bool,
    /// A commit of everything would hold something new.
    ///
    /// A repository that somebody made inside, or changes inside a submodule, cannot be
    /// committed here and do not count.
    pub(crate) has_changes: bool,
    /// Files with conflicts.
    pub(crate) unmerged: Vec<String>,
    /// Repositories that somebody made inside; git would not keep their content.
    pub(crate) nested: Vec<PathBuf>,
    /// Files lie about that git does not know; ignored ones only when they were to be told.
    pub(crate) has_unknown: bool,
}

impl Tree {
    /// Tells what differs; files that an index mark hides do not show.
    pub(crate) fn status(&self, ignored: Ignored) -> Result<Status, GitError> {
        let mut git = self
            .git()
            .args(["status", "--porcelain=v2", "-z", "--no-renames"])
            .args(["--untracked-files=all", "--ignore-submodules=none"]);
        if ignored == Ignored::Told {
            git = git.arg("--ignored=matching");
        }
        let output = git.limit(LONG).ok()?;
        let mut status = Status::default();
        for line in fields(&output) {
            status
                .read(line)
                .ok_or_else(|| GitError::unreadable("status", line))?;
        }
        Ok(status)
    }
}

impl Status {
    fn read(&mut self, line: &[u8]) -> Option<()> {
        let (kind, rest) = (line.first()?, line.get(2..)?);
        match kind {
            b'!' => self.has_unknown = true,
            b'?' => {
                self.is_dirty = true;
                self.has_unknown = true;
                match rest.strip_suffix(b"/") {
                    Some(folder) => self.nested.push(path_of(folder)),
                    None => self.has_changes = true,
                }
            }
            b'u' => {
                self.is_dirty = true;
                self.has_changes = true;
                self.unmerged.push(lossy(rest.splitn(10, is_space).nth(9)?));
            }
            b'1' => {
                let mut words = rest.splitn(8, is_space);
                let (what, submodule) = (words.next()?, words.next()?);
                self.is_dirty = true;
                // `S.` without a `C`: only what is inside the submodule has changed.
                let is_inside = what == b".M" && submodule.starts_with(b"S.");
                self.has_changes |= !is_inside;
            }
            _ => return None,
        }
        Some(())
    }
}

fn is_space(byte: &u8) -> bool {
    *byte == b' '
}

/// Says whether there surely is no folder without a file in it; a large tree is not searched.
pub(crate) fn surely_lacks_empty_folder(top: &Path) -> bool {
    no_folder_is(top, |_, entries| entries.is_empty())
}

/// Says whether there surely is no repository below a folder; a large tree is not searched.
pub(crate) fn surely_lacks_nested(top: &Path) -> bool {
    no_folder_is(top, |folder, entries| {
        folder != top && entries.iter().any(|entry| entry.file_name() == ".git")
    })
}

fn no_folder_is(top: &Path, is_one: impl Fn(&Path, &[DirEntry]) -> bool) -> bool {
    /// Folders that are opened at most: beyond, a git is the cheaper one.
    const OPENED_MAX: usize = 500;
    let mut open = vec![top.to_owned()];
    let mut n_opened = 0;
    while let Some(folder) = open.pop() {
        n_opened += 1;
        let Ok(entries) = fs::read_dir(&folder).and_then(Iterator::collect::<io::Result<Vec<_>>>)
        else {
            return false;
        };
        if n_opened > OPENED_MAX || is_one(&folder, &entries) {
            return false;
        }
        for entry in entries {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => open.push(entry.path()),
                Ok(_) => {}
                Err(_) => return false,
            }
        }
    }
    true
}
