//! One worktree of a pool, and how it is told from a damaged one.
//!
//! Git is always told both the git folder and the top folder, and both are
//! checked to belong together first: with discovery, a `.git` file that was
//! deleted or bent would turn a clean-up loose on some other repository.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use gtd_core::Oid;

use crate::{
    error::GitError,
    index,
    lock::{Locks, clear_stale},
    operation::{self, Head, Operation},
    pool::{Checkout, Tidy},
    repository::{Repository, fields, lossy, parse_oid, path_bytes, path_of},
    run::{Git, LONG},
    status::surely_lacks_empty_folder,
};

/// What was found at the place of a worktree.
#[derive(Debug)]
pub(crate) enum Found {
    /// Nothing, and nothing is registered.
    Absent,
    /// Nothing, but this git folder is registered for it.
    Gone { git_dir: PathBuf },
    /// A worktree.
    Tree(Tree),
    /// A worktree whose `.git` file is gone.
    Unlinked(Tree),
    /// Something else.
    Foreign {
        why: &'static str,
        git_dir: Option<PathBuf>,
    },
}

/// A worktree whose two folders are known to belong together.
#[derive(Debug, Clone)]
pub(crate) struct Tree {
    pub(crate) path: PathBuf,
    pub(crate) git_dir: PathBuf,
}

/// What lies about in a worktree and belongs to no commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Litter {
    /// No file that is to go.
    None,
    /// Nobody has looked, or there is some.
    Maybe,
}

/// Looks at the place of a worktree, without touching anything.
pub(crate) fn inspect(repository: &Repository, path: &Path) -> Result<Found, GitError> {
    let git_dir = repository
        .git_dirs()?
        .into_iter()
        .skip(1)
        .find(|(_, top)| top == path)
        .map(|(git_dir, _)| git_dir);
    let foreign = |why, git_dir| Ok(Found::Foreign { why, git_dir });
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(match git_dir {
                Some(git_dir) => Found::Gone { git_dir },
                None => Found::Absent,
            });
        }
        Err(error) => return Err(GitError::io("look at", path)(error)),
        Ok(meta) if !meta.is_dir() => return foreign("it is not a folder", git_dir),
        Ok(_) => {}
    }
    let Some(git_dir) = git_dir else {
        return foreign("it is not a worktree of this repository", None);
    };
    if !git_dir.join("HEAD").is_file() || !git_dir.join("commondir").is_file() {
        return foreign("its registration is incomplete", Some(git_dir));
    }
    let tree = Tree {
        path: path.to_owned(),
        git_dir: git_dir.clone(),
    };
    let link = path.join(".git");
    match fs::symlink_metadata(&link) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Unlinked(tree)),
        Ok(meta) if meta.is_file() => {}
        _ => return foreign("its .git is not a file", Some(git_dir)),
    }
    let text = fs::read(&link).map_err(GitError::io("read", &link))?;
    let target = text
        .strip_prefix(b"gitdir: ")
        .map(|target| path.join(path_of(target)))
        .and_then(|target| fs::canonicalize(target).ok());
    if target.is_some() && target == fs::canonicalize(&git_dir).ok() {
        Ok(Found::Tree(tree))
    } else {
        foreign("its .git file points elsewhere", Some(git_dir))
    }
}

impl Tree {
    /// A run in this worktree.
    pub(crate) fn git(&self) -> Git {
        Git::at(&self.path)
            .env("GIT_DIR", &self.git_dir)
            .env("GIT_WORK_TREE", &self.path)
    }

    /// Writes the `.git` file anew.
    pub(crate) fn link(&self) -> Result<(), GitError> {
        let mut text = b"gitdir: ".to_vec();
        text.extend_from_slice(path_bytes(&self.git_dir));
        text.push(b'\n');
        let link = self.path.join(".git");
        fs::write(&link, text).map_err(GitError::io("write", link))
    }

    /// Returns the commit at its head; none on a branch without commits.
    pub(crate) fn head(&self) -> Result<Option<Oid>, GitError> {
        let output = Git::at(&self.git_dir)
            .env("GIT_DIR", &self.git_dir)
            .args(["rev-parse", "--verify", "--quiet", "HEAD^{commit}"])
            .run()?;
        match output.code {
            0 => parse_oid("rev-parse", &output.stdout).map(Some),
            1 => Ok(None),
            _ => Err(output.failed().into()),
        }
    }

    /// Returns the commit at its head, by the git of the repository that is kept if it knows.
    pub(crate) fn head_in(&self, repository: &Repository) -> Result<Option<Oid>, GitError> {
        let name = match operation::plain_head(&self.git_dir) {
            Some(Head::Branch(name)) => format!("refs/heads/{name}^{{commit}}"),
            Some(Head::Commit(oid)) => format!("{oid}^{{commit}}"),
            None => return self.head(),
        };
        match repository.object(&name) {
            Some(commit) => Ok(Some(commit.oid)),
            None => self.head(),
        }
    }

    /// Returns the short name of the branch that its head is on.
    pub(crate) fn branch(&self) -> Result<Option<String>, GitError> {
        match operation::plain_head(&self.git_dir) {
            Some(Head::Branch(name)) => return Ok(Some(name)),
            Some(Head::Commit(_)) => return Ok(None),
            None => {}
        }
        let output = Git::at(&self.git_dir)
            .env("GIT_DIR", &self.git_dir)
            .args(["symbolic-ref", "--quiet", "HEAD"])
            .run()?;
        match output.code {
            0 => Ok(lossy(&output.stdout)
                .trim_end()
                .strip_prefix("refs/heads/")
                .map(str::to_owned)),
            1 => Ok(None),
            _ => Err(output.failed().into()),
        }
    }

    pub(crate) fn operation(&self) -> Option<Operation> {
        operation::operation(&self.git_dir)
    }

    /// Says whether the checkout that is asked for is the one that is there.
    pub(crate) fn stands_at(&self, checkout: &Checkout) -> Result<bool, GitError> {
        match checkout {
            Checkout::Branch { name, .. } => Ok(self.branch()?.as_ref() == Some(name)
                || operation::uses_branch(&self.git_dir, &format!("refs/heads/{name}"))),
            Checkout::Detached(oid) => {
                Ok(self.branch()?.is_none() && self.head()?.as_ref() == Some(oid))
            }
        }
    }

    /// Says whether the index holds anything that its head does not.
    pub(crate) fn has_staged(&self) -> Result<bool, GitError> {
        let staged = self
            .git()
            .args(["diff", "--cached", "--quiet", "--no-ext-diff"])
            .args(["--ignore-submodules=none"])
            .run()?;
        match staged.code {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(staged.failed().into()),
        }
    }

    /// Lists repositories that somebody made inside; git would not keep their content.
    pub(crate) fn nested(&self, index: &Path) -> Result<Vec<PathBuf>, GitError> {
        let output = self
            .git()
            .env("GIT_INDEX_FILE", index)
            .args(["ls-files", "-z", "--others", "--exclude-standard"])
            .limit(LONG)
            .ok()?;
        Ok(fields(&output)
            .filter_map(|name| name.strip_suffix(b"/"))
            .map(path_of)
            .collect())
    }

    /// Takes away the marks in an index that make git blind for changes of a file.
    pub(crate) fn unhide(&self, index: &Path) -> Result<bool, GitError> {
        if index::marks(index).is_some_and(|marks| !marks.is_hiding) {
            return Ok(false);
        }
        let listed = self
            .git()
            .env("GIT_INDEX_FILE", index)
            .args(["ls-files", "-v", "-z"])
            .ok()?;
        let mut unchanged = Vec::new();
        let mut skipped = Vec::new();
        for line in fields(&listed) {
            let Some((tag, name)) = line.split_first() else {
                continue;
            };
            let name = name.strip_prefix(b" ").unwrap_or(name);
            if tag.is_ascii_lowercase() {
                unchanged.extend_from_slice(name);
                unchanged.push(0);
            }
            // A file left out by a sparse checkout is not on disk.
            if tag.eq_ignore_ascii_case(&b'S')
                && fs::symlink_metadata(self.path.join(path_of(name))).is_ok()
            {
                skipped.extend_from_slice(name);
                skipped.push(0);
            }
        }
        let is_hiding = !unchanged.is_empty() || !skipped.is_empty();
        for (option, names) in [
            ("--no-assume-unchanged", unchanged),
            ("--no-skip-worktree", skipped),
        ] {
            if !names.is_empty() {
                self.git()
                    .env("GIT_INDEX_FILE", index)
                    .args(["update-index", "-z", option, "--stdin"])
                    .input(names)
                    .ok()?;
            }
        }
        Ok(is_hiding)
    }

    /// Runs a command that writes; when a lock file of a dead git is in the way, once more.
    pub(crate) fn write(&self, make: impl Fn(Git) -> Git) -> Result<Vec<u8>, GitError> {
        let failure = match make(self.git().limit(LONG)).ok() {
            Ok(output) => return Ok(output),
            Err(failure) => failure,
        };
        if !failure.stderr().contains(".lock': File exists") {
            return Err(failure.into());
        }
        self.clear_locks()?;
        Ok(make(self.git().limit(LONG)).ok()?)
    }

    /// Takes away lock files of dead processes; one of a living process is an error.
    pub(crate) fn clear_locks(&self) -> Result<(), GitError> {
        match clear_stale(&self.path, &self.git_dir)? {
            Locks::Clear => Ok(()),
            Locks::Held(lock) => Err(GitError::Locked {
                path: self.path.clone(),
                lock,
            }),
        }
    }

    /// Makes head, index and files what is asked for. What was there is lost.
    ///
    /// Where no litter was seen only empty folders are left to be swept, and mostly there are none.
    pub(crate) fn put(
        &self,
        repository: &Repository,
        checkout: &Checkout,
        tidy: Tidy,
        litter: Litter,
    ) -> Result<(), GitError> {
        operation::forget(&self.git_dir).map_err(GitError::io("tidy", &self.git_dir))?;
        let index = self.index();
        let is_readable = self.unhide(&index).is_ok();
        if !is_readable {
            self.drop_index(&index)?;
        }
        if self.switch(repository, checkout).is_err() {
            self.drop_index(&index)?;
            self.switch(repository, checkout)?;
        }
        if litter == Litter::None && surely_lacks_empty_folder(&self.path) {
            return Ok(());
        }
        self.clean(tidy)
    }

    /// Replaces an index that cannot be read by one of the head; files stay as they are.
    pub(crate) fn mend_index(&self) -> Result<(), GitError> {
        let index = self.index();
        if index::marks(&index).is_some() {
            return Ok(());
        }
        if self.git().args(["ls-files", "-z", "--cached"]).run()?.code == 0 {
            return Ok(());
        }
        self.drop_index(&index)?;
        if self.head()?.is_some() {
            self.write(|git| git.args(["read-tree", "HEAD"]))?;
        }
        Ok(())
    }

    pub(crate) fn index(&self) -> PathBuf {
        self.git_dir.join("index")
    }

    fn drop_index(&self, index: &Path) -> Result<(), GitError> {
        self.clear_locks()?;
        match fs::remove_file(index) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(GitError::io("remove", index)(error))
            }
            _ => Ok(()),
        }
    }

    fn switch(&self, repository: &Repository, checkout: &Checkout) -> Result<(), GitError> {
        const HOW: [&str; 3] = ["checkout", "--quiet", "--force"];
        match checkout {
            Checkout::Detached(oid) => {
                self.write(|git| git.args(HOW).args(["--detach", oid.as_str()]))?;
            }
            Checkout::Branch { name, start } => {
                let full = format!("refs/heads/{name}");
                if repository.resolve(&full)?.is_some() {
                    self.write(|git| git.args(HOW).args(["--no-guess", name.as_str(), "--"]))?;
                } else {
                    self.write(|git| {
                        git.args(HOW)
                            .args(["--no-track", "-b", name.as_str(), start.as_str()])
                    })?;
                }
            }
        }
        Ok(())
    }

    fn clean(&self, tidy: Tidy) -> Result<(), GitError> {
        let how = match tidy {
            Tidy::KeepIgnored => "-ffdq",
            Tidy::Everything => "-ffdxq",
        };
        let clean = |git: Git| git.args(["clean", how]);
        if self.write(clean).is_err() {
            make_writable(&self.path);
            self.write(clean)?;
        }
        Ok(())
    }
}

/// Deletes a folder with everything in it, folders that may not be written included.
pub(crate) fn delete_folder(path: &Path) -> Result<(), GitError> {
    let gone = |result: io::Result<()>| match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    };
    if gone(fs::remove_dir_all(path)).is_ok() {
        return Ok(());
    }
    make_writable(path);
    gone(fs::remove_dir_all(path)).map_err(GitError::io("delete", path))
}

/// Lets us delete below folders that were made read-only, as some package caches are.
fn make_writable(path: &Path) {
    let Ok(meta) = fs::symlink_metadata(path) else {
        return;
    };
    if !meta.is_dir() {
        return;
    }
    let mode = meta.permissions().mode();
    if mode & 0o700 != 0o700 {
        // What cannot be changed shows when the deletion fails.
        drop(fs::set_permissions(
            path,
            fs::Permissions::from_mode(mode | 0o700),
        ));
    }
    for entry in fs::read_dir(path).into_iter().flatten().flatten() {
        make_writable(&entry.path());
    }
}
