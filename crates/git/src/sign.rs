//! Signatures of the refinery's commits, with a key of SSH and without anybody being asked.

use std::{path::Path, time::Duration};

use gtd_core::Oid;

use crate::{
    error::GitError,
    message::Author,
    repository::{Repository, lossy, parse_oid},
};

/// How long a signature may take: a key that asks for something never answers.
const LIMIT: Duration = Duration::from_secs(20);

impl Repository {
    /// Makes the signed commit that says the same as a commit of the refinery; one that is signed
    /// stays as it is.
    ///
    /// # Errors
    /// When the repository does not hold it, or the key does not sign without a question.
    pub fn signed(&self, commit: &Oid, key: &Path) -> Result<Oid, GitError> {
        let raw = match self.contents(commit.as_str()) {
            Some((_, raw)) => raw,
            None => self
                .git()
                .args(["cat-file", "commit", commit.as_str()])
                .ok()
                .map_err(|failure| self.missing_or(&[commit], failure))?,
        };
        let text = lossy(&raw);
        let header = text.split("\n\n").next().unwrap_or_default();
        if header.lines().any(|line| line.starts_with("gpgsig")) {
            return Ok(commit.clone());
        }
        let known = self.commit(commit)?;
        let mut git = self
            .git()
            .args(["-c", "gpg.format=ssh"])
            // A program of the person's own may open a window and wait for them.
            .args(["-c", "gpg.ssh.program=ssh-keygen", "-c"])
            .arg(format!("user.signingKey={}", key.display()))
            .args(["commit-tree", "-S", known.tree.as_str()]);
        for parent in &known.parents {
            git = git.args(["-p", parent.as_str()]);
        }
        for (name, value) in Author::refinery().env() {
            git = git.env(name, value);
        }
        let date = format!("@{} +0000", known.committed);
        let output = git
            .env("GIT_AUTHOR_DATE", &date)
            .env("GIT_COMMITTER_DATE", &date)
            // Whatever would ask a person gets no for an answer.
            .env("SSH_ASKPASS", "false")
            .env("SSH_ASKPASS_REQUIRE", "force")
            .args(["-F", "-"])
            .input(known.message)
            .limit(LIMIT)
            .ok()?;
        parse_oid("commit-tree", &output)
    }
}
