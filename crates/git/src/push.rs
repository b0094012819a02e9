//! Pushing a branch: never by force, never more than one, and without anybody being asked.

use std::time::Duration;

use gtd_core::Oid;

use crate::{
    error::GitError,
    refs::Expect,
    repository::{Repository, lossy},
    run::Git,
};

/// The longest that a push may take.
const LIMIT: Duration = Duration::from_secs(120);

/// What became of a push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Push {
    /// The remote has it.
    Done,
    /// The remote does not take it, with what it said.
    Refused(String),
}

impl Repository {
    /// Tells which commit was pushed last to a branch of a remote.
    ///
    /// # Errors
    /// When git fails.
    pub fn pushed(&self, remote: &str, name: &str) -> Result<Option<Oid>, GitError> {
        self.resolve(&mark("pushed", remote, name))
    }

    /// Makes a branch of a remote hold a commit, and remembers that it does.
    ///
    /// # Errors
    /// When git cannot be run, or the repository does not hold the commit.
    pub fn push(&self, remote: &str, name: &str, commit: &Oid) -> Result<Push, GitError> {
        let output = self
            .talking()?
            .args(["push", "--porcelain", "--no-verify", "--", remote])
            .arg(format!("{commit}:{name}"))
            .limit(LIMIT)
            .run()?;
        if output.code != 0 {
            let refused = refusal(&lossy(&output.stdout), &output.stderr);
            if !self.has_more(remote, name, commit)? {
                return Ok(Push::Refused(refused));
            }
        }
        gtd_fault::point("git.after-push");
        let mark = mark("pushed", remote, name);
        let expect = self.resolve(&mark)?.map_or(Expect::Missing, Expect::At);
        self.move_ref(&mark, commit, &expect)?;
        Ok(Push::Done)
    }

    /// Tells whether the branch of the remote has a commit and more.
    fn has_more(&self, remote: &str, name: &str, commit: &Oid) -> Result<bool, GitError> {
        let seen = mark("seen", remote, name);
        let output = self
            .talking()?
            .args(["fetch", "--quiet", "--no-tags", "--no-write-fetch-head"])
            .args(["--no-recurse-submodules", "--", remote])
            .arg(format!("+{name}:{seen}"))
            .limit(LIMIT)
            .run()?;
        match self.resolve(&seen)? {
            Some(there) if output.code == 0 => self.is_ancestor(commit, &there),
            _ => Ok(false),
        }
    }

    /// A git that speaks with a remote, and to nobody else.
    fn talking(&self) -> Result<Git, GitError> {
        let mut git = self
            .git()
            .env("SSH_ASKPASS", "false")
            .env("SSH_ASKPASS_REQUIRE", "force")
            .args(["-c", "core.askPass=false"])
            .args(["-c", "credential.interactive=false"])
            .args(["-c", "push.followTags=false", "-c", "push.gpgSign=false"])
            .args(["-c", "push.recurseSubmodules=no"]);
        let is_chosen = ["GIT_SSH", "GIT_SSH_COMMAND"]
            .iter()
            .any(|name| std::env::var_os(name).is_some());
        let own = self
            .git()
            .args(["config", "--get", "core.sshCommand"])
            .run()?;
        if !is_chosen && own.code != 0 {
            git = git.args(["-c", "core.sshCommand=ssh -o BatchMode=yes"]);
        }
        Ok(git)
    }
}

/// Names the ref that keeps what is known of a branch of a remote.
fn mark(what: &str, remote: &str, name: &str) -> String {
    let branch = name.strip_prefix("refs/heads/").unwrap_or(name);
    format!("refs/gtd/{what}/{remote}/{branch}")
}

/// Takes what tells most of what git said: the line about the ref, else the first complaint.
fn refusal(stdout: &str, stderr: &str) -> String {
    let of_ref = stdout.lines().find_map(|line| {
        let (_, said) = line.strip_prefix("!\t")?.split_once('\t')?;
        Some(said.to_owned())
    });
    let remote = stderr
        .lines()
        .find_map(|line| line.strip_prefix("remote: "));
    let remote = remote.map(str::trim).filter(|line| !line.is_empty());
    match (of_ref, remote) {
        (Some(of_ref), Some(remote)) => format!("{of_ref}: {remote}"),
        (Some(of_ref), None) => of_ref,
        (None, _) => {
            let mut lines = stderr.lines().map(str::trim);
            let line =
                lines.find(|line| line.starts_with("fatal: ") || line.starts_with("error: "));
            line.unwrap_or("nothing was said").to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_remote_says_is_told_in_one_line() {
        let porcelain =
            "To /x\n!\tabc:refs/heads/main\t[remote rejected] (pre-receive hook declined)\nDone\n";
        let said = "remote: main is closed        \nerror: failed to push some refs to '/x'\n";
        assert_eq!(
            refusal(porcelain, said),
            "[remote rejected] (pre-receive hook declined): main is closed"
        );
        let gone =
            "fatal: '/nowhere' does not appear to be a git repository\nfatal: Could not read\n";
        assert_eq!(
            refusal("", gone),
            "fatal: '/nowhere' does not appear to be a git repository"
        );
    }
}
