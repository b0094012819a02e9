//! A real repository in a temporary folder.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use gtd_core::{Epoch, Oid};
use gtd_git::{Author, Checkout, GitError, Owner, Pool, Repository};
use tempfile::TempDir;

pub(crate) struct Rig {
    pub(crate) folder: TempDir,
    pub(crate) path: PathBuf,
}

impl Rig {
    /// A repository with one commit on `main`.
    pub(crate) fn new() -> Self {
        Self::with(&["init", "-q", "-b", "main"])
    }

    pub(crate) fn with(init: &[&str]) -> Self {
        let rig = Self::empty(init);
        rig.write("f", "one\n");
        rig.write(".gitignore", "*.ignored\n/target/\n");
        rig.commit("first");
        rig
    }

    pub(crate) fn empty(init: &[&str]) -> Self {
        let folder = TempDir::new().unwrap();
        let path = fs::canonicalize(folder.path()).unwrap().join("repo");
        fs::create_dir(&path).unwrap();
        let rig = Self { folder, path };
        rig.git(init);
        rig
    }

    pub(crate) fn open(&self) -> Repository {
        Repository::open(&self.path).unwrap()
    }

    pub(crate) fn pool(&self) -> Pool {
        Pool::open(self.open(), &self.pool_folder()).unwrap()
    }

    pub(crate) fn pool_folder(&self) -> PathBuf {
        fs::canonicalize(self.folder.path()).unwrap().join("pool")
    }

    pub(crate) fn git(&self, args: &[&str]) -> String {
        git(&self.path, args)
    }

    pub(crate) fn write(&self, name: &str, content: &str) {
        write(&self.path, name, content);
    }

    pub(crate) fn commit(&self, message: &str) -> Oid {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", message]);
        self.oid("HEAD")
    }

    /// A commit on a branch of its own off `from`, without leaving `main`.
    pub(crate) fn branch(&self, name: &str, from: &str, file: &str, content: &str) -> Oid {
        self.git(&["checkout", "-q", "-b", name, from]);
        self.write(file, content);
        let oid = self.commit(name);
        self.git(&["checkout", "-q", "main"]);
        oid
    }

    pub(crate) fn oid(&self, name: &str) -> Oid {
        Oid::parse(&self.git(&["rev-parse", name])).unwrap()
    }

    pub(crate) fn show(&self, object: &str) -> String {
        self.git(&["show", object])
    }
}

pub(crate) fn git(at: &Path, args: &[&str]) -> String {
    let (code, out, err) = try_git(at, args);
    assert_eq!(code, 0, "git {args:?}: {err}");
    out
}

pub(crate) fn try_git(at: &Path, args: &[&str]) -> (i32, String, String) {
    let output = command(at, args).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
    (
        output.status.code().unwrap_or(-1),
        text(&output.stdout),
        text(&output.stderr),
    )
}

pub(crate) fn command(at: &Path, args: &[&str]) -> Command {
    let mut command = Command::new("git");
    command
        .args(args)
        .current_dir(at)
        .env("HOME", "/nonexistent")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_EDITOR", ":")
        .env("GIT_AUTHOR_NAME", "Ada")
        .env("GIT_AUTHOR_EMAIL", "ada@example.invalid")
        .env("GIT_AUTHOR_DATE", "@1700000000 +0000")
        .env("GIT_COMMITTER_NAME", "Ada")
        .env("GIT_COMMITTER_EMAIL", "ada@example.invalid")
        .env("GIT_COMMITTER_DATE", "@1700000000 +0000");
    for name in [
        "GIT_DIR",
        "GIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "GIT_OBJECT_DIRECTORY",
        "GIT_NAMESPACE",
        "GIT_CONFIG_COUNT",
    ] {
        command.env_remove(name);
    }
    command
}

pub(crate) fn write(at: &Path, name: &str, content: &str) {
    let path = at.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

pub(crate) fn read(at: &Path, name: &str) -> String {
    fs::read_to_string(at.join(name)).unwrap()
}

pub(crate) fn owner(key: &str) -> Owner {
    Owner {
        key: key.to_owned(),
        label: key.split('/').next().unwrap().to_owned(),
        epoch: Epoch(1),
    }
}

/// Commits everything in a slot in the name of whoever owns it.
pub(crate) fn commit_all(
    pool: &Pool,
    slot: &str,
    message: &str,
    author: &Author,
) -> Result<Option<Oid>, GitError> {
    let held = pool
        .hold_for(slot, |_| true)?
        .expect("a slot with an owner");
    held.commit_all(message, author)
}

pub(crate) fn on_branch(name: &str, start: &Oid) -> Checkout {
    Checkout::Branch {
        name: name.to_owned(),
        start: start.clone(),
    }
}

/// All files below a folder with content and mode, but those that gtd may change.
pub(crate) fn picture(folder: &Path) -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
    let mut files = BTreeMap::new();
    collect(folder, folder, &mut files);
    files
}

fn collect(root: &Path, folder: &Path, files: &mut BTreeMap<PathBuf, (u32, Vec<u8>)>) {
    const MAY_CHANGE: &[&str] = &[
        ".git/objects",
        ".git/worktrees",
        ".git/refs/gtd",
        ".git/refs/heads/gtd",
        ".git/logs/refs/heads/gtd",
        ".git/logs/refs/gtd",
    ];
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.strip_prefix(root).unwrap().to_owned();
        if MAY_CHANGE.iter().any(|may| name.starts_with(may)) {
            continue;
        }
        let meta = fs::symlink_metadata(&path).unwrap();
        let content = if meta.is_dir() {
            collect(root, &path, files);
            Vec::new()
        } else if meta.is_symlink() {
            fs::read_link(&path)
                .unwrap()
                .to_string_lossy()
                .as_bytes()
                .to_vec()
        } else {
            fs::read(&path).unwrap()
        };
        files.insert(name, (meta.permissions().mode(), content));
    }
}
