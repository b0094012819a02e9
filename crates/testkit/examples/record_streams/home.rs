//! A place of its own for each recording: a home and a git worktree.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::Outcome;

/// The folders of one recording, which vanish with it.
pub(crate) struct Home {
    folder: tempfile::TempDir,
}

impl Home {
    /// Makes the folders.
    ///
    /// They are not below the system's temporary folder: codex would find its
    /// helper programs nowhere and fail in silence.
    pub(crate) fn make() -> Outcome<Self> {
        let cache = env::var_os("XDG_CACHE_HOME")
            .map(PathBuf::from)
            .or_else(|| Some(Path::new(&env::var_os("HOME")?).join(".cache")))
            .ok_or("neither XDG_CACHE_HOME nor HOME is set")?
            .join("gtd");
        fs::create_dir_all(&cache)?;
        let folder = tempfile::Builder::new()
            .prefix("recording-")
            .tempdir_in(cache)?;
        let home = Self { folder };
        for path in [home.config(), home.work(), home.temporary()] {
            fs::create_dir(path)?;
        }
        home.git(&["init", "--quiet", "--initial-branch=main"])?;
        home.git(&["config", "user.name", "An Agent"])?;
        home.git(&["config", "user.email", "agent@example.invalid"])?;
        fs::write(home.work().join("README.md"), "# A project\n")?;
        home.git(&["add", "README.md"])?;
        home.git(&["commit", "--quiet", "--message=Begin"])?;
        Ok(home)
    }

    /// The folder that holds the others.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Where the program keeps what is its own.
    pub(crate) fn config(&self) -> PathBuf {
        self.folder().join("home")
    }

    /// Where it works.
    pub(crate) fn work(&self) -> PathBuf {
        self.folder().join("repo")
    }

    /// Where it puts what it needs for a moment.
    pub(crate) fn temporary(&self) -> PathBuf {
        self.folder().join("tmp")
    }

    fn git(&self, arguments: &[&str]) -> Outcome<()> {
        let status = Command::new("git")
            .args(arguments)
            .current_dir(self.work())
            .status()?;
        match status.success() {
            true => Ok(()),
            false => Err(format!("git {arguments:?}: {status}").into()),
        }
    }
}
