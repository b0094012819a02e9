//! Nothing is lost: uncommitted work goes to a hidden ref before a worktree is
//! used for something else.
//!
//! A snapshot is a commit on top of the head, with the content of the working
//! tree (ignored files aside). When something else was staged, a second parent
//! holds that. Neither the worktree nor its index is touched.

use std::{
    ffi::OsString,
    fs,
    os::unix::ffi::OsStringExt,
    path::{Path, PathBuf},
};

use gtd_core::Oid;

use crate::{
    error::GitError,
    index,
    marker::Owner,
    message::{Author, message},
    operation::autostashes,
    refs::{Expect, RefMove},
    repository::{Repository, parse_oid, path_bytes},
    run::LONG,
    status::Ignored,
    tree::Tree,
};

/// Saves uncommitted work; none when there is none.
pub(crate) fn snapshot(
    repository: &Repository,
    tree: &Tree,
    owner: &Owner,
    scratch: &Path,
) -> Result<Option<String>, GitError> {
    let is_plain = index::marks(&tree.index()).is_some_and(|marks| !marks.is_hiding);
    if is_plain && !tree.status(Ignored::Passed)?.is_dirty {
        return Ok(None);
    }
    snapshot_of_dirty(repository, tree, owner, scratch)
}

/// Saves uncommitted work where there is some, or where nobody has looked.
pub(crate) fn snapshot_of_dirty(
    repository: &Repository,
    tree: &Tree,
    owner: &Owner,
    scratch: &Path,
) -> Result<Option<String>, GitError> {
    copy_index(tree, scratch)?;
    let saved = save(repository, tree, owner, scratch);
    remove(scratch)?;
    saved
}

/// Puts refs on the commits that only this worktree reaches, but for the one
/// that was checked out for its owner: that is nobody's work.
pub(crate) fn keep_commits(
    repository: &Repository,
    tree: &Tree,
    owner: &Owner,
    given: Option<&Oid>,
) -> Result<(), GitError> {
    let mut commits: Vec<Oid> = autostashes(&tree.git_dir)
        .iter()
        .filter_map(|name| Oid::parse(name).ok())
        .collect();
    if tree.branch()?.is_none() {
        commits.extend(tree.head_in(repository)?.filter(|head| Some(head) != given));
    }
    for commit in commits {
        if repository.resolve(commit.as_str())?.is_some()
            && !repository.is_kept_by_a_ref(&commit)?
        {
            put_ref(repository, &owner.label, &commit)?;
        }
    }
    Ok(())
}

impl Repository {
    /// Keeps a commit at `refs/gtd/snap/<label>/<n>` and returns that name; one of that
    /// label that is at the commit already is taken.
    ///
    /// # Errors
    /// When git fails.
    pub fn keep_commit(&self, label: &str, commit: &Oid) -> Result<String, GitError> {
        let known = self.list_refs(&folder_of(label))?;
        match known.into_iter().find(|(_, kept)| kept == commit) {
            Some((name, _)) => Ok(name),
            None => put_ref(self, label, commit),
        }
    }
}

fn save(
    repository: &Repository,
    tree: &Tree,
    owner: &Owner,
    scratch: &Path,
) -> Result<Option<String>, GitError> {
    let head = tree.head_in(repository)?;
    let head_tree = match &head {
        Some(head) => Some(repository.tree_of(head)?),
        None => None,
    };
    // An index with conflicts cannot be written as a tree; the files can.
    let staged = in_scratch(tree, scratch).arg("write-tree").run()?;
    let staged = if staged.code == 0 {
        Some(parse_oid("write-tree", &staged.stdout)?)
    } else {
        None
    };
    let content = write_content(tree, scratch)?;
    if Some(&content) == head_tree.as_ref()
        && staged.as_ref().is_none_or(|staged| *staged == content)
    {
        return Ok(None);
    }
    let mut parents: Vec<Oid> = head.iter().cloned().collect();
    if let Some(staged) =
        staged.filter(|staged| *staged != content && Some(staged) != head_tree.as_ref())
    {
        let text = message("gtd snapshot: what was staged", "", &[]);
        parents.push(write_commit(repository, &staged, &parents, &text)?);
    }
    let text = message(
        &format!("gtd snapshot of {}", owner.label),
        "Uncommitted work, saved before its worktree was used for something else.",
        &[
            ("Gtd-Snapshot".to_owned(), owner.label.clone()),
            ("Gtd-Owner".to_owned(), owner.key.clone()),
            ("Gtd-Epoch".to_owned(), owner.epoch.to_string()),
        ],
    );
    if let Some((name, _)) = latest(repository, &owner.label)?.filter(|(_, oid)| {
        repository
            .commit(oid)
            .is_ok_and(|commit| commit.tree == content && commit.parents.first() == parents.first())
    }) {
        return Ok(Some(name));
    }
    let commit = write_commit(repository, &content, &parents, &text)?;
    put_ref(repository, &owner.label, &commit).map(Some)
}

/// Copies the index, with its date: git trusts an entry only if the index is younger.
fn copy_index(tree: &Tree, scratch: &Path) -> Result<(), GitError> {
    remove(scratch)?;
    let index = tree.index();
    let copy = || -> std::io::Result<()> {
        fs::copy(&index, scratch)?;
        let date = fs::metadata(&index)?.modified()?;
        fs::File::options()
            .write(true)
            .open(scratch)?
            .set_modified(date)
    };
    if copy().is_ok() && tree.unhide(scratch).is_ok() {
        return Ok(());
    }
    // No index, or one that cannot be read: begin from the head.
    remove(scratch)?;
    if tree.head()?.is_some() {
        in_scratch(tree, scratch).args(["read-tree", "HEAD"]).ok()?;
    }
    Ok(())
}

fn write_content(tree: &Tree, scratch: &Path) -> Result<Oid, GitError> {
    let mut add = in_scratch(tree, scratch).args(["add", "-A"]);
    for argument in outside(tree.nested(scratch)?) {
        add = add.arg(argument);
    }
    add.limit(LONG).ok()?;
    let output = in_scratch(tree, scratch).arg("write-tree").ok()?;
    parse_oid("write-tree", &output)
}

/// Lists the arguments that keep `git add` out of repositories inside the tree.
pub(crate) fn outside(nested: Vec<PathBuf>) -> Vec<OsString> {
    if nested.is_empty() {
        return Vec::new();
    }
    let mut arguments = vec!["--".into(), ":/".into()];
    for path in nested {
        let mut argument = b":(top,exclude,literal)".to_vec();
        argument.extend_from_slice(path_bytes(&path));
        arguments.push(OsString::from_vec(argument));
    }
    arguments
}

fn in_scratch(tree: &Tree, scratch: &Path) -> crate::run::Git {
    tree.git().env("GIT_INDEX_FILE", scratch)
}

fn write_commit(
    repository: &Repository,
    tree: &Oid,
    parents: &[Oid],
    text: &str,
) -> Result<Oid, GitError> {
    let mut git = repository.git().args(["commit-tree", tree.as_str()]);
    for parent in parents {
        git = git.args(["-p", parent.as_str()]);
    }
    for (name, value) in Author::salvage().env() {
        git = git.env(name, value);
    }
    let output = git.args(["-F", "-"]).input(text).ok()?;
    parse_oid("commit-tree", &output)
}

fn latest(repository: &Repository, label: &str) -> Result<Option<(String, Oid)>, GitError> {
    let mut refs = repository.list_refs(&folder_of(label))?;
    refs.sort_by_key(|(name, _)| number_of(name));
    Ok(refs.pop())
}

/// Puts the next free ref of a label on a commit.
fn put_ref(repository: &Repository, label: &str, commit: &Oid) -> Result<String, GitError> {
    let mut number = latest(repository, label)?.map_or(0, |(name, _)| number_of(&name));
    loop {
        number += 1;
        let name = format!("{}/{number}", folder_of(label));
        match repository.move_ref(&name, commit, &Expect::Missing)? {
            RefMove::Moved | RefMove::AlreadyThere => return Ok(name),
            RefMove::Elsewhere(_) => {}
        }
    }
}

fn number_of(name: &str) -> u64 {
    name.rsplit('/')
        .next()
        .and_then(|number| number.parse().ok())
        .unwrap_or(0)
}

/// Turns a label into a folder of refs, whatever marks are in it.
fn folder_of(label: &str) -> String {
    let mut part: String = label
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || c == '-' || c == '_' || c == '.' {
                c
            } else {
                '-'
            }
        })
        .collect();
    while part.contains("..") {
        part = part.replace("..", ".");
    }
    let part = part.trim_matches('.');
    let part = part.strip_suffix(".lock").unwrap_or(part);
    let part = if part.is_empty() { "unnamed" } else { part };
    format!("refs/gtd/snap/{part}")
}

fn remove(scratch: &Path) -> Result<(), GitError> {
    for path in [scratch.to_owned(), scratch.with_extension("index.lock")] {
        match fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(GitError::io("remove", path)(error));
            }
            _ => {}
        }
    }
    Ok(())
}
