//! One git repository, by its common folder.

use std::{
    ffi::OsString,
    fs,
    os::unix::ffi::{OsStrExt, OsStringExt},
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use gtd_core::Oid;

use crate::{
    error::GitError,
    made::{CommitKey, Made, MergeKey},
    objects::{Object, Objects},
    run::{Git, GitRun, RunFailure},
};

/// The oldest git that has `merge-tree --write-tree`.
const OLDEST: (u32, u32, u32) = (2, 38, 0);

/// One git repository; cheap to clone.
#[derive(Debug, Clone)]
pub struct Repository {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    root: PathBuf,
    common_dir: PathBuf,
    objects: Objects,
    merges: Made<MergeKey>,
    commits: Made<CommitKey>,
}

impl Inner {
    fn new(root: PathBuf, common_dir: PathBuf) -> Self {
        Self {
            root,
            common_dir,
            objects: Objects::default(),
            merges: Made::default(),
            commits: Made::default(),
        }
    }
}

impl Repository {
    /// Opens the repository that `path` lies in; bare ones too.
    ///
    /// # Errors
    /// When there is none, or git is missing or too old.
    pub fn open(path: &Path) -> Result<Self, GitError> {
        need_new_enough()?;
        let not_a_repository = || GitError::NotARepository {
            path: path.to_owned(),
        };
        let folder = fs::canonicalize(path).map_err(|_| not_a_repository())?;
        let folder = if folder.is_dir() {
            folder.as_path()
        } else {
            folder.parent().ok_or_else(not_a_repository)?
        };
        let asked = Places::ask(folder, not_a_repository)?;
        let common_dir = canonical(&asked.common_dir)?;
        let is_linked = canonical(&asked.git_dir)? != common_dir;
        let bare = Self {
            inner: Arc::new(Inner::new(common_dir.clone(), common_dir.clone())),
        };
        let root = match &asked.top {
            Some(top) if !is_linked => canonical(top)?,
            _ => {
                let main = bare.worktrees()?.into_iter().next();
                main.map_or(common_dir.clone(), |main| main.path)
            }
        };
        Ok(Self {
            inner: Arc::new(Inner::new(root, common_dir)),
        })
    }

    /// Returns the version of the git program.
    ///
    /// # Errors
    /// When git cannot be started or its version not be read.
    pub fn version() -> Result<(u32, u32, u32), GitError> {
        let text = Git::at(Path::new("/")).arg("version").text()?;
        let unreadable = || GitError::unreadable("version", text.as_bytes());
        let number = text.split_whitespace().nth(2).ok_or_else(unreadable)?;
        let mut parts = number
            .split(|c: char| !c.is_ascii_digit())
            .map_while(|part| part.parse().ok());
        let major = parts.next().ok_or_else(unreadable)?;
        let minor = parts.next().ok_or_else(unreadable)?;
        Ok((major, minor, parts.next().unwrap_or(0)))
    }

    /// Returns the top folder of the main worktree, or of a bare repository itself.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.inner.root
    }

    /// Returns the folder that holds objects and refs.
    #[must_use]
    pub fn common_dir(&self) -> &Path {
        &self.inner.common_dir
    }

    /// Returns the branch that work lands on by default: what `origin` calls
    /// its head, else the branch of the main worktree, else `main`.
    ///
    /// # Errors
    /// When git fails.
    pub fn default_branch(&self) -> Result<String, GitError> {
        if let Some(name) = self.symbolic("refs/remotes/origin/HEAD")?
            && let Some(branch) = name.strip_prefix("refs/remotes/origin/")
        {
            return Ok(branch.to_owned());
        }
        if let Some(name) = self.symbolic("HEAD")?
            && let Some(branch) = name.strip_prefix("refs/heads/")
        {
            return Ok(branch.to_owned());
        }
        Ok("main".to_owned())
    }

    /// Returns the commit at the head of the main worktree.
    ///
    /// # Errors
    /// When its branch has no commit yet.
    pub fn head(&self) -> Result<Oid, GitError> {
        self.resolve("HEAD")?.ok_or_else(|| GitError::UnbornBranch {
            path: self.root().to_owned(),
        })
    }

    /// Returns the commit that a name stands for, if there is one.
    ///
    /// # Errors
    /// When git fails.
    pub fn resolve(&self, name: &str) -> Result<Option<Oid>, GitError> {
        if name.is_empty() || name.contains('\0') {
            return Ok(None);
        }
        if let Some(object) = self.object(&format!("{name}^{{commit}}")) {
            return Ok(Some(object.oid));
        }
        if self.surely_lacks_ref(name) {
            return Ok(None);
        }
        let output = self
            .git()
            .args(["rev-parse", "--verify", "--quiet", "--end-of-options"])
            .arg(format!("{name}^{{commit}}"))
            .run()?;
        match output.code {
            0 => parse_oid("rev-parse", &output.stdout).map(Some),
            1 => Ok(None),
            _ => Err(output.failed().into()),
        }
    }

    /// Returns the commit with its tree.
    ///
    /// # Errors
    /// When the repository does not hold the commit.
    pub fn tree_of(&self, commit: &Oid) -> Result<Oid, GitError> {
        Ok(self.commit(commit)?.tree)
    }

    /// Says whether `a` is `b` or reachable from it.
    ///
    /// # Errors
    /// When the repository does not hold one of them.
    pub fn is_ancestor(&self, a: &Oid, b: &Oid) -> Result<bool, GitError> {
        if let (Some(one), Some(other)) = (self.known_commit(a), self.known_commit(b)) {
            if a == b || other.parents.contains(a) {
                return Ok(true);
            }
            if one.parents.contains(b) {
                return Ok(false);
            }
        }
        let output = self
            .git()
            .args(["merge-base", "--is-ancestor", a.as_str(), b.as_str()])
            .run()?;
        match output.code {
            0 => Ok(true),
            1 => Ok(false),
            _ => Err(self.missing_or(&[a, b], output.failed())),
        }
    }

    /// Tells which object a name stands for, if the git that is kept knows.
    pub(crate) fn object(&self, name: &str) -> Option<Object> {
        self.inner.objects.info(|| self.asked(), name)
    }

    /// Reads an object, if the git that is kept knows it.
    pub(crate) fn contents(&self, name: &str) -> Option<(Object, Vec<u8>)> {
        self.inner.objects.contents(|| self.asked(), name)
    }

    /// Returns the clean merges that were made lately.
    pub(crate) fn merges(&self) -> &Made<MergeKey> {
        &self.inner.merges
    }

    /// Returns the commits that were made lately.
    pub(crate) fn commits_made(&self) -> &Made<CommitKey> {
        &self.inner.commits
    }

    /// Says whether the repository surely holds an object.
    pub(crate) fn surely_has(&self, oid: &Oid) -> bool {
        self.object(oid.as_str()).is_some()
    }

    fn asked(&self) -> Git {
        self.git().args(["cat-file", "--batch-command"])
    }

    /// Says whether there is certainly no ref of this full name, without a process.
    ///
    /// The loose one is looked for first: whoever packs refs writes the packed one before.
    pub(crate) fn surely_lacks_ref(&self, name: &str) -> bool {
        let is_plain = name.starts_with("refs/")
            && name.split('/').all(|part| {
                !part.is_empty()
                    && !part.starts_with('.')
                    && part
                        .bytes()
                        .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
            });
        if !is_plain || !self.common_dir().join("refs/heads").is_dir() {
            return false;
        }
        let is_missing = |path: &Path| {
            fs::symlink_metadata(path).is_err_and(|error| {
                matches!(
                    error.kind(),
                    std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory
                )
            })
        };
        if !is_missing(&self.common_dir().join(name)) {
            return false;
        }
        let packed = match fs::read(self.common_dir().join("packed-refs")) {
            Ok(packed) => packed,
            Err(error) => return error.kind() == std::io::ErrorKind::NotFound,
        };
        !packed
            .split(|byte| *byte == b'\n')
            .any(|line| line.ends_with(name.as_bytes()))
    }

    /// A run on the repository as such: no working tree, no index of anybody.
    pub(crate) fn git(&self) -> Git {
        Git::at(self.common_dir()).env("GIT_DIR", self.common_dir())
    }

    /// Names the first commit that is missing as the cause of a failure.
    pub(crate) fn missing_or(&self, commits: &[&Oid], failure: GitRun) -> GitError {
        if !matches!(failure.failure, RunFailure::Exit { .. }) {
            return failure.into();
        }
        for oid in commits {
            if let Ok(None) = self.resolve(oid.as_str()) {
                return GitError::MissingCommit {
                    oid: (*oid).clone(),
                };
            }
        }
        failure.into()
    }

    fn symbolic(&self, name: &str) -> Result<Option<String>, GitError> {
        let output = self.git().args(["symbolic-ref", "--quiet", name]).run()?;
        match output.code {
            0 => Ok(Some(
                String::from_utf8_lossy(&output.stdout)
                    .trim_end()
                    .to_owned(),
            )),
            1 => Ok(None),
            _ => Err(output.failed().into()),
        }
    }
}

/// Looks once whether git is new enough: it was, so it is.
fn need_new_enough() -> Result<(), GitError> {
    static IS_NEW_ENOUGH: OnceLock<()> = OnceLock::new();
    if IS_NEW_ENOUGH.get().is_some() {
        return Ok(());
    }
    let version = Repository::version()?;
    if version < OLDEST {
        return Err(GitError::TooOld {
            found: format!("{}.{}.{}", version.0, version.1, version.2),
            needed: "2.38",
        });
    }
    let _known = IS_NEW_ENOUGH.set(());
    Ok(())
}

/// Where git says that a repository is.
struct Places {
    common_dir: PathBuf,
    git_dir: PathBuf,
    /// The top of the worktree, unless there is none.
    top: Option<PathBuf>,
}

impl Places {
    fn ask(folder: &Path, not_a_repository: impl Fn() -> GitError) -> Result<Self, GitError> {
        let ask = |questions: &[&str]| {
            Git::at(folder)
                .args(["rev-parse", "--path-format=absolute"])
                .args(questions.iter().copied())
                .run()
        };
        let all = ["--git-common-dir", "--git-dir", "--show-toplevel"];
        // A name may hold a line's end, and a bare repository has no top: then each by itself.
        let together = ask(&all)?;
        let lines: Vec<&[u8]> = together.stdout.split(|byte| *byte == b'\n').collect();
        if let (0, [common, own, top, b""]) = (together.code, lines.as_slice()) {
            return Ok(Self {
                common_dir: path_of(common),
                git_dir: path_of(own),
                top: Some(path_of(top)),
            });
        }
        let [common, own, top] = all.map(|question| ask(&[question]));
        let common = common?;
        if common.code != 0 {
            return Err(if common.stderr.contains("not a git repository") {
                not_a_repository()
            } else {
                GitError::Run(common.failed())
            });
        }
        let top = top?;
        Ok(Self {
            common_dir: path_of(&common.stdout),
            git_dir: path_of(&own?.stdout),
            top: (top.code == 0).then(|| path_of(&top.stdout)),
        })
    }
}

pub(crate) fn parse_oid(command: &'static str, output: &[u8]) -> Result<Oid, GitError> {
    std::str::from_utf8(output)
        .ok()
        .and_then(|text| Oid::parse(text.trim_end_matches(['\n', '\0'])).ok())
        .ok_or_else(|| GitError::unreadable(command, output))
}

/// Splits the output of a `-z` command.
pub(crate) fn fields(output: &[u8]) -> impl Iterator<Item = &[u8]> {
    output
        .strip_suffix(b"\0")
        .into_iter()
        .flat_map(|output| output.split(|byte| *byte == 0))
}

pub(crate) fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

pub(crate) fn path_of(bytes: &[u8]) -> PathBuf {
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    PathBuf::from(OsString::from_vec(bytes.to_vec()))
}

pub(crate) fn path_bytes(path: &Path) -> &[u8] {
    path.as_os_str().as_bytes()
}

pub(crate) fn canonical(path: &Path) -> Result<PathBuf, GitError> {
    fs::canonicalize(path).map_err(GitError::io("find", path))
}
