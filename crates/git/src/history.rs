//! What differs between two commits, and the line of landings.

use gtd_core::Oid;

use crate::{
    error::GitError,
    repository::{Repository, fields, lossy},
};

/// How much differs between two commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DiffStat {
    /// Files that differ.
    pub files: u64,
    /// Lines added; none for binary files.
    pub added: u64,
    /// Lines removed; none for binary files.
    pub removed: u64,
}

/// What one side of a conflict changed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OtherSide {
    /// Its commits: the beginning of the name and the subject of each, newest first.
    pub commits: Vec<String>,
    /// What they changed, cut when it is long.
    pub diff: String,
}

impl Repository {
    /// Lists the files that differ between two commits; a rename is two files.
    ///
    /// # Errors
    /// When the repository does not hold one of them.
    pub fn changed_files(&self, a: &Oid, b: &Oid) -> Result<Vec<String>, GitError> {
        let output = self.diff(a, b, &["--name-only"])?;
        Ok(fields(&output).map(lossy).collect())
    }

    /// Counts what differs between two commits.
    ///
    /// # Errors
    /// When the repository does not hold one of them.
    pub fn diff_stat(&self, a: &Oid, b: &Oid) -> Result<DiffStat, GitError> {
        let output = self.diff(a, b, &["--numstat"])?;
        let mut stat = DiffStat::default();
        for line in fields(&output) {
            let text = lossy(line);
            let mut parts = text.splitn(3, '\t');
            let mut count = || parts.next().and_then(|part| part.parse().ok()).unwrap_or(0);
            stat.added += count();
            stat.removed += count();
            stat.files += 1;
        }
        Ok(stat)
    }

    /// Tells what `theirs` changed in some files that `ours` does not have: the other side of a
    /// conflict.
    ///
    /// # Errors
    /// When the repository does not hold one of them.
    pub fn other_side(
        &self,
        ours: &Oid,
        theirs: &Oid,
        files: &[String],
    ) -> Result<OtherSide, GitError> {
        /// Commits that are named.
        const NAMED: &str = "--max-count=10";
        /// Files that are looked at.
        const FILES: usize = 50;
        /// Bytes of the change that are kept.
        const KEPT: usize = 2_000;
        let (Some(since), false) = (self.merge_base(ours, theirs)?, files.is_empty()) else {
            return Ok(OtherSide::default());
        };
        let paths: Vec<String> = files
            .iter()
            .take(FILES)
            .map(|file| format!(":(literal){file}"))
            .collect();
        let commits = self
            .git()
            .args(["log", "--no-show-signature", "--no-merges", NAMED])
            .args(["--format=%h %s", theirs.as_str()])
            .arg(format!("^{since}"))
            .arg("--")
            .args(&paths)
            .ok()
            .map_err(|failure| self.missing_or(&[ours, theirs], failure))?;
        let diff = self
            .git()
            .args(["diff-tree", "-r", "-p", "-U1", "--no-renames"])
            .args(["--no-ext-diff", "--no-textconv", "--no-color"])
            .args([since.as_str(), theirs.as_str(), "--"])
            .args(&paths)
            .ok()
            .map_err(|failure| self.missing_or(&[theirs], failure))?;
        let whole = diff.len() <= KEPT;
        let mut diff = lossy(&diff[..diff.len().min(KEPT)]);
        if !whole {
            diff.push_str("\n…");
        }
        Ok(OtherSide {
            commits: lossy(&commits).lines().map(str::to_owned).collect(),
            diff,
        })
    }

    /// Finds where two commits parted; none when they share no history.
    fn merge_base(&self, a: &Oid, b: &Oid) -> Result<Option<Oid>, GitError> {
        let output = self
            .git()
            .args(["merge-base", a.as_str(), b.as_str()])
            .run()?;
        match output.code {
            0 => crate::repository::parse_oid("merge-base", &output.stdout).map(Some),
            1 => Ok(None),
            _ => Err(self.missing_or(&[a, b], output.failed())),
        }
    }

    /// Lists the first-parent line up to `to`, newest first, without what `from` reaches.
    ///
    /// # Errors
    /// When the repository does not hold one of them.
    pub fn first_parent(&self, from: Option<&Oid>, to: &Oid) -> Result<Vec<Oid>, GitError> {
        let mut git = self.git().args(["rev-list", "--first-parent", to.as_str()]);
        let mut asked = vec![to];
        if let Some(from) = from {
            git = git.arg(format!("^{from}"));
            asked.push(from);
        }
        let output = git
            .arg("--")
            .ok()
            .map_err(|failure| self.missing_or(&asked, failure))?;
        lossy(&output)
            .lines()
            .map(|line| {
                Oid::parse(line).map_err(|_| GitError::unreadable("rev-list", line.as_bytes()))
            })
            .collect()
    }

    /// Lists the commits that `heads` reach and none of `without` does, newest first: the
    /// beginning of the name and the subject of each.
    ///
    /// # Errors
    /// When the repository does not hold one of them.
    pub fn beyond(&self, heads: &[Oid], without: &[Oid]) -> Result<Vec<String>, GitError> {
        if heads.is_empty() {
            return Ok(Vec::new());
        }
        let asked: Vec<&Oid> = heads.iter().chain(without).collect();
        let output = self
            .git()
            .args(["log", "--no-show-signature", "--format=%h %s"])
            .args(heads.iter().map(Oid::as_str))
            .args(without.iter().map(|oid| format!("^{oid}")))
            .arg("--")
            .ok()
            .map_err(|failure| self.missing_or(&asked, failure))?;
        Ok(lossy(&output).lines().map(str::to_owned).collect())
    }

    /// Lists the last commits up to `to`, newest first: the beginning of the name and the subject.
    ///
    /// # Errors
    /// When the repository does not hold it.
    pub fn recent(&self, to: &Oid, most: usize) -> Result<Vec<String>, GitError> {
        let output = self
            .git()
            .args(["log", "--no-show-signature", "--format=%h %s"])
            .arg(format!("--max-count={most}"))
            .args([to.as_str(), "--"])
            .ok()
            .map_err(|failure| self.missing_or(&[to], failure))?;
        Ok(lossy(&output).lines().map(str::to_owned).collect())
    }

    /// Lists the files of a commit by path, with their sizes in bytes; symbolic links and
    /// submodules are none.
    ///
    /// # Errors
    /// When the repository does not hold it.
    pub fn files(&self, commit: &Oid) -> Result<Vec<(String, u64)>, GitError> {
        let output = self
            .git()
            .args(["ls-tree", "-r", "-z", "--long", commit.as_str(), "--"])
            .ok()
            .map_err(|failure| self.missing_or(&[commit], failure))?;
        // Each is: mode, kind, object, size, a tab, and the path.
        let file = |entry: &[u8]| {
            let text = lossy(entry);
            let (facts, path) = text.split_once('\t')?;
            // What is read of a link is the name of its target.
            if facts.starts_with("120000 ") {
                return None;
            }
            let size = facts.split_whitespace().nth(3)?.parse().ok()?;
            Some((path.to_owned(), size))
        };
        Ok(fields(&output).filter_map(file).collect())
    }

    /// Reads a file of a commit; none when there is no such file.
    ///
    /// # Errors
    /// When git cannot be run.
    pub fn file(&self, commit: &Oid, path: &str) -> Result<Option<Vec<u8>>, GitError> {
        let name = format!("{commit}:{path}");
        let output = self.git().args(["cat-file", "blob", &name]).run()?;
        Ok((output.code == 0).then_some(output.stdout))
    }

    pub(crate) fn diff(&self, a: &Oid, b: &Oid, how: &[&str]) -> Result<Vec<u8>, GitError> {
        self.git()
            .args(["diff-tree", "-r", "-z", "--no-renames", "--no-ext-diff"])
            .args(["--no-textconv", "--ignore-submodules=none"])
            .args(how)
            .args([a.as_str(), b.as_str(), "--"])
            .ok()
            .map_err(|failure| self.missing_or(&[a, b], failure))
    }
}
