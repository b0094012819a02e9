//! Refs, moved by compare-and-swap and never by force.

use gtd_core::Oid;

use crate::{
    error::GitError,
    repository::{Repository, lossy},
};

/// What a ref must be before it is moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expect {
    /// It must not exist.
    Missing,
    /// It must be at this object.
    At(Oid),
}

/// What became of a move or deletion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefMove {
    /// It was done now.
    Moved,
    /// It was so already.
    AlreadyThere,
    /// The ref is neither where it was expected nor where it should go.
    Elsewhere(Option<Oid>),
}

impl Repository {
    /// Moves a ref to `new`, if it is as expected.
    ///
    /// Does not look whether a worktree has the branch checked out: see
    /// [`Repository::checked_out_at`].
    ///
    /// # Errors
    /// When the repository does not hold `new`, or git refuses the name.
    pub fn move_ref(&self, name: &str, new: &Oid, expect: &Expect) -> Result<RefMove, GitError> {
        let now = self.read_ref(name)?;
        if now.as_ref() == Some(new) {
            return Ok(RefMove::AlreadyThere);
        }
        let expected = match expect {
            Expect::Missing => None,
            Expect::At(oid) => Some(oid),
        };
        if now.as_ref() != expected {
            return Ok(RefMove::Elsewhere(now));
        }
        let output = self
            .git()
            .env("GIT_COMMITTER_NAME", "gtd")
            .env("GIT_COMMITTER_EMAIL", "gtd@gtd.invalid")
            .args(["update-ref", "--no-deref", "-m", "gtd", name, new.as_str()])
            .arg(expected.map_or("", Oid::as_str))
            .run()?;
        if output.code == 0 {
            gtd_fault::point("git.after-move");
            return Ok(RefMove::Moved);
        }
        let now = self.read_ref(name)?;
        if now.as_ref() == Some(new) {
            Ok(RefMove::AlreadyThere)
        } else if now.as_ref() == expected {
            Err(self.missing_or(&[new], output.failed()))
        } else {
            Ok(RefMove::Elsewhere(now))
        }
    }

    /// Deletes a ref, if it is at `expect`.
    ///
    /// # Errors
    /// When git fails.
    pub fn delete_ref(&self, name: &str, expect: &Oid) -> Result<RefMove, GitError> {
        let Some(now) = self.read_ref(name)? else {
            return Ok(RefMove::AlreadyThere);
        };
        if now != *expect {
            return Ok(RefMove::Elsewhere(Some(now)));
        }
        let output = self
            .git()
            .args(["update-ref", "--no-deref", "-d", name, expect.as_str()])
            .run()?;
        if output.code == 0 {
            return Ok(RefMove::Moved);
        }
        match self.read_ref(name)? {
            None => Ok(RefMove::AlreadyThere),
            Some(now) if now == *expect => Err(output.failed().into()),
            now => Ok(RefMove::Elsewhere(now)),
        }
    }

    /// Lists the refs below a prefix, such as `refs/gtd/snap`, by name.
    ///
    /// # Errors
    /// When git fails.
    pub fn list_refs(&self, prefix: &str) -> Result<Vec<(String, Oid)>, GitError> {
        let output = self
            .git()
            .args(["for-each-ref", "--format=%(objectname) %(refname)", "--"])
            .arg(prefix)
            .ok()?;
        lossy(&output)
            .lines()
            .map(|line| {
                line.split_once(' ')
                    .and_then(|(oid, name)| Some((name.to_owned(), Oid::parse(oid).ok()?)))
                    .ok_or_else(|| GitError::unreadable("for-each-ref", line.as_bytes()))
            })
            .collect()
    }

    /// Lists the refs below a prefix that a commit reaches, by name.
    ///
    /// # Errors
    /// When git fails.
    pub fn refs_within(&self, prefix: &str, commit: &Oid) -> Result<Vec<String>, GitError> {
        let output = self
            .git()
            .args(["for-each-ref", "--format=%(refname)"])
            .args(["--merged", commit.as_str(), "--"])
            .arg(prefix)
            .ok()?;
        Ok(lossy(&output).lines().map(str::to_owned).collect())
    }

    /// Says whether any ref reaches a commit; heads of worktrees do not count.
    pub(crate) fn is_kept_by_a_ref(&self, commit: &Oid) -> Result<bool, GitError> {
        let output = self
            .git()
            .args(["for-each-ref", "--count=1", "--format=%(refname)"])
            .args(["--contains", commit.as_str()])
            .ok()?;
        Ok(!output.is_empty())
    }

    /// Reads a full ref name, whatever object it is at.
    fn read_ref(&self, name: &str) -> Result<Option<Oid>, GitError> {
        if !name.starts_with("refs/") {
            return Err(GitError::InvalidName {
                kind: "ref",
                name: name.to_owned(),
                why: "it does not begin with refs/",
            });
        }
        if let Some(object) = self.object(name) {
            return Ok(Some(object.oid));
        }
        if self.surely_lacks_ref(name) {
            return Ok(None);
        }
        let output = self
            .git()
            .args(["rev-parse", "--verify", "--quiet", "--end-of-options", name])
            .run()?;
        match output.code {
            0 => crate::repository::parse_oid("rev-parse", &output.stdout).map(Some),
            1 => Ok(None),
            _ => Err(output.failed().into()),
        }
    }
}
