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

/// What is in files that changed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ChangedTexts {
    /// Each path with its text, as it was.
    pub before: Vec<(String, String)>,
    /// Each path with its text, as it is.
    pub after: Vec<(String, String)>,
    /// Paths of what is too large, or cannot be read.
    pub unread: Vec<String>,
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

    /// Lists the files that a commit changes since it parted from another; a rename is two files.
    /// Without shared history there are none.
    ///
    /// # Errors
    /// When the repository does not hold one of them.
    pub fn files_changed_since(&self, onto: &Oid, head: &Oid) -> Result<Vec<String>, GitError> {
        match self.merge_base(onto, head)? {
            Some(base) => self.changed_files(&base, head),
            None => Ok(Vec::new()),
        }
    }

    /// Reads the files that a commit changes since it parted from another, before and after: those
    /// of these paths. Without shared history nothing is read.
    ///
    /// # Errors
    /// When the repository does not hold one of them.
    pub fn changed_texts(
        &self,
        onto: &Oid,
        head: &Oid,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<ChangedTexts, GitError> {
        /// What is read at most, in bytes.
        const ALL: usize = 64 << 20;
        let mut read = 0;
        let mut changed = ChangedTexts::default();
        let Some(base) = self.merge_base(onto, head)? else {
            return Ok(changed);
        };
        let output = self.diff(&base, head, &["--raw", "--full-index"])?;
        let mut entries = fields(&output);
        while let (Some(facts), Some(path)) = (entries.next(), entries.next()) {
            let (facts, path) = (lossy(facts), lossy(path));
            if !wanted(&path) {
                continue;
            }
            // Two modes, two objects, and what happened.
            let facts: Vec<&str> = facts.trim_start_matches(':').split(' ').collect();
            let [old_mode, new_mode, old, new, ..] = facts.as_slice() else {
                return Err(GitError::unreadable(
                    "diff-tree",
                    facts.join(" ").as_bytes(),
                ));
            };
            let sides = [
                (old_mode, old, &mut changed.before),
                (new_mode, new, &mut changed.after),
            ];
            for (mode, object, texts) in sides {
                // What is read of a link is the name of its target.
                if !mode.starts_with("100") {
                    continue;
                }
                let text = match read < ALL {
                    true => self.text(object)?,
                    false => None,
                };
                match text {
                    Some(text) => {
                        read += text.len();
                        texts.push((path.clone(), text));
                    }
                    None => changed.unread.push(path.clone()),
                }
            }
        }
        changed.unread.dedup();
        Ok(changed)
    }

    /// Reads files as they are in a commit; what is not there, or is no text of a file, is left out.
    ///
    /// # Errors
    /// When git fails.
    pub fn texts_at(
        &self,
        commit: &Oid,
        paths: &[String],
    ) -> Result<Vec<(String, String)>, GitError> {
        let mut texts = Vec::new();
        for path in paths {
            let entry = self
                .git()
                .args(["ls-tree", "-z", commit.as_str(), "--"])
                .arg(format!(":(literal){path}"))
                .ok()
                .map_err(|failure| self.missing_or(&[commit], failure))?;
            let entry = lossy(&entry);
            // A mode, a kind, an object; then the path.
            let facts = entry.split('\t').next().unwrap_or_default();
            let mut facts = facts.split(' ');
            let (mode, object) = (facts.next().unwrap_or_default(), facts.nth(1));
            let Some(object) = object.filter(|_| mode.starts_with("100")) else {
                continue;
            };
            if let Some(text) = self.text(object)? {
                texts.push((path.clone(), text));
            }
        }
        Ok(texts)
    }

    /// Makes a commit of what a commit is based on, and of the files that it adds or changes whose
    /// paths are wanted; none when there are no such files. The same inputs give the same commit.
    ///
    /// # Errors
    /// When the repository does not hold one of them, or git fails.
    pub fn only_with(
        &self,
        onto: &Oid,
        head: &Oid,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<Option<Oid>, GitError> {
        let Some(base) = self.merge_base(onto, head)? else {
            return Ok(None);
        };
        let output = self.diff(&base, head, &["--raw", "--full-index", "--diff-filter=d"])?;
        let mut entries = fields(&output);
        let mut index = Vec::new();
        while let (Some(facts), Some(path)) = (entries.next(), entries.next()) {
            let facts = lossy(facts);
            let facts: Vec<&str> = facts.trim_start_matches(':').split(' ').collect();
            let [_, mode, _, object, ..] = facts.as_slice() else {
                return Err(GitError::unreadable(
                    "diff-tree",
                    facts.join(" ").as_bytes(),
                ));
            };
            if wanted(&lossy(path)) {
                index.extend_from_slice(format!("{mode} {object}\t").as_bytes());
                index.extend_from_slice(path);
                index.push(0);
            }
        }
        if index.is_empty() {
            return Ok(None);
        }
        let scratch = self.common_dir().join(format!("gtd-only-with-{head}"));
        let tree = self.tree_with(&base, &index, &scratch);
        // It was made for this alone.
        drop(std::fs::remove_file(&scratch));
        let text = crate::message::message("what proves the work, without the work", "", &[]);
        let date = self.commits(&[head])?[0].committed;
        self.write_commit_at(&tree?, &[&base], &text, date)
            .map(Some)
    }

    fn tree_with(
        &self,
        base: &Oid,
        index: &[u8],
        scratch: &std::path::Path,
    ) -> Result<Oid, GitError> {
        let git = || self.git().env("GIT_INDEX_FILE", scratch);
        git().args(["read-tree", base.as_str()]).ok()?;
        git()
            .args(["update-index", "-z", "--index-info"])
            .input(index)
            .ok()?;
        let tree = git().arg("write-tree").ok()?;
        crate::repository::parse_oid("write-tree", &tree)
    }

    /// Reads an object as text; none when it is too large.
    fn text(&self, object: &str) -> Result<Option<String>, GitError> {
        /// The largest that is read, in bytes.
        const MOST: u64 = 4 << 20;
        if let Some((_, content)) = self.contents(object) {
            return Ok(Some(lossy(&content)));
        }
        let size = self.git().args(["cat-file", "-s", object]).ok()?;
        let is_small = lossy(&size)
            .trim()
            .parse()
            .is_ok_and(|size: u64| size <= MOST);
        if !is_small {
            return Ok(None);
        }
        let content = self.git().args(["cat-file", "blob", object]).ok()?;
        Ok(Some(lossy(&content)))
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

    /// Writes what differs between two commits, cut when it is longer than so many bytes.
    ///
    /// # Errors
    /// When the repository does not hold one of them.
    pub fn patch(&self, a: &Oid, b: &Oid, most: usize) -> Result<String, GitError> {
        let diff = self
            .git()
            .args(["diff-tree", "-r", "-p", "--stat", "--no-renames"])
            .args(["--no-ext-diff", "--no-textconv", "--no-color"])
            .args([a.as_str(), b.as_str(), "--"])
            .ok()
            .map_err(|failure| self.missing_or(&[a, b], failure))?;
        let is_whole = diff.len() <= most;
        let mut text = lossy(&diff[..diff.len().min(most)]);
        if !is_whole {
            text.push_str("\n… (the rest is in the worktree)\n");
        }
        Ok(text)
    }

    /// Finds where two commits parted; none when they share no history.
    ///
    /// # Errors
    /// When the repository does not hold one of them.
    pub fn merge_base(&self, a: &Oid, b: &Oid) -> Result<Option<Oid>, GitError> {
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
