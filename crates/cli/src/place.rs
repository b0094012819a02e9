//! Where one is: the repository around a folder, and its rig. Reads a few small files and never runs git.

use std::{
    fs,
    path::{Path, PathBuf},
};

use gtd_client::RigFolders;
use gtd_core::RigName;

/// A git repository around a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Repository {
    /// The top of this working tree.
    pub(crate) top: PathBuf,
    /// The folder of the main working tree: the same, unless this is a linked one.
    pub(crate) main: PathBuf,
    /// The git folder that all working trees share.
    pub(crate) common: PathBuf,
}

impl Repository {
    /// Walks up from a folder to the one that holds `.git`.
    pub(crate) fn around(folder: &Path) -> Option<Self> {
        folder.ancestors().find_map(|top| {
            let git = top.join(".git");
            let meta = fs::metadata(&git).ok()?;
            let common = if meta.is_dir() {
                git.join("HEAD").is_file().then_some(git)?
            } else {
                shared(&git)?
            };
            let main = match common.file_name() {
                Some(name) if name == ".git" => common.parent()?.to_owned(),
                _ => top.to_owned(),
            };
            Some(Self {
                top: top.to_owned(),
                main,
                common,
            })
        })
    }

    /// Returns the branch that work probably lands on: the remote's default, or the one checked out.
    pub(crate) fn branch(&self) -> Option<String> {
        let read = |name: &str, prefix: &str| {
            let text = fs::read_to_string(self.common.join(name)).ok()?;
            Some(
                text.trim()
                    .strip_prefix("ref: ")?
                    .strip_prefix(prefix)?
                    .to_owned(),
            )
        };
        read("refs/remotes/origin/HEAD", "refs/remotes/origin/")
            .filter(|branch| self.has_branch(branch))
            .or_else(|| read("HEAD", "refs/heads/"))
    }

    fn has_branch(&self, branch: &str) -> bool {
        let packed = fs::read_to_string(self.common.join("packed-refs")).unwrap_or_default();
        self.common.join("refs/heads").join(branch).is_file()
            || packed
                .lines()
                .any(|line| line.ends_with(&format!(" refs/heads/{branch}")))
    }
}

/// Follows a `.git` file to the git folder that all working trees share.
fn shared(file: &Path) -> Option<PathBuf> {
    let text = fs::read_to_string(file).ok()?;
    let folder = file.parent()?.join(text.trim().strip_prefix("gitdir: ")?);
    let common = match fs::read_to_string(folder.join("commondir")) {
        Ok(text) => folder.join(text.trim()),
        Err(_) => folder,
    };
    fs::canonicalize(common).ok()
}

/// Finds the rig of a folder: a repository inside a rig's folder that is not the rig's own is none of it.
pub(crate) fn rig_of(folders: &RigFolders, folder: &Path) -> Option<RigName> {
    match Repository::around(folder) {
        Some(repository) => folders
            .folders
            .iter()
            .find(|(_, known)| {
                let known = fs::canonicalize(known).unwrap_or_else(|_| (*known).clone());
                known == repository.main || known == repository.top
            })
            .map(|(rig, _)| rig.clone()),
        None => folders.rig_at(folder).cloned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repository() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let git = folder.path().join("api/.git");
        fs::create_dir_all(git.join("refs/heads")).unwrap();
        fs::write(git.join("HEAD"), "ref: refs/heads/main\n").unwrap();
        fs::create_dir_all(folder.path().join("api/src/deep")).unwrap();
        folder
    }

    fn folders(root: &Path) -> RigFolders {
        let mut folders = RigFolders::default();
        let name = RigName::parse("api").unwrap();
        folders.folders.insert(name, root.join("api"));
        folders
    }

    #[test]
    fn a_folder_deep_inside_belongs_to_its_rig() {
        let folder = repository();
        let root = folder.path().canonicalize().unwrap();
        let rig = rig_of(&folders(&root), &root.join("api/src/deep"));
        assert_eq!(rig.as_ref().map(RigName::as_str), Some("api"));
        assert_eq!(rig_of(&folders(&root), &root), None);
    }

    #[test]
    fn a_linked_worktree_belongs_to_the_rig_of_its_repository() {
        let folder = repository();
        let root = folder.path().canonicalize().unwrap();
        let private = root.join("api/.git/worktrees/w");
        fs::create_dir_all(&private).unwrap();
        fs::write(private.join("commondir"), "../..\n").unwrap();
        fs::create_dir(root.join("w")).unwrap();
        let pointer = format!("gitdir: {}\n", private.display());
        fs::write(root.join("w/.git"), pointer).unwrap();
        let rig = rig_of(&folders(&root), &root.join("w"));
        assert_eq!(rig.as_ref().map(RigName::as_str), Some("api"));
    }

    #[test]
    fn another_repository_inside_a_rig_is_not_that_rig() {
        let folder = repository();
        let root = folder.path().canonicalize().unwrap();
        let inner = root.join("api/vendor/.git");
        fs::create_dir_all(&inner).unwrap();
        fs::write(inner.join("HEAD"), "ref: refs/heads/main\n").unwrap();
        assert_eq!(rig_of(&folders(&root), &root.join("api/vendor")), None);
    }

    #[test]
    fn the_branch_of_the_remote_comes_before_the_one_checked_out() {
        let folder = repository();
        let root = folder.path().canonicalize().unwrap();
        let found = Repository::around(&root.join("api/src")).unwrap();
        assert_eq!(found.branch().as_deref(), Some("main"));
        let git = root.join("api/.git");
        fs::create_dir_all(git.join("refs/remotes/origin")).unwrap();
        let head = "ref: refs/remotes/origin/trunk\n";
        fs::write(git.join("refs/remotes/origin/HEAD"), head).unwrap();
        assert_eq!(found.branch().as_deref(), Some("main"));
        fs::write(git.join("packed-refs"), "0123 refs/heads/trunk\n").unwrap();
        assert_eq!(found.branch().as_deref(), Some("trunk"));
    }
}
