//! What a commit object says.

use gtd_core::Oid;

use crate::{error::GitError, repository::Repository};

/// One commit, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Its name.
    pub oid: Oid,
    /// The name of its tree.
    pub tree: Oid,
    /// Its parents in order.
    pub parents: Vec<Oid>,
    /// When it was committed: seconds since 1970.
    pub committed: i64,
    /// Its message.
    pub message: String,
}

impl Commit {
    /// Returns the first line of the message.
    #[must_use]
    pub fn subject(&self) -> &str {
        self.message.lines().next().unwrap_or_default()
    }
}

impl Repository {
    /// Reads one commit.
    ///
    /// # Errors
    /// When the repository does not hold it.
    pub fn commit(&self, oid: &Oid) -> Result<Commit, GitError> {
        let mut commits = self.commits(&[oid])?;
        Ok(commits.remove(0))
    }

    /// Reads several commits with one process, in the order asked.
    pub(crate) fn commits(&self, oids: &[&Oid]) -> Result<Vec<Commit>, GitError> {
        let known: Option<Vec<Commit>> = oids.iter().map(|oid| self.known_commit(oid)).collect();
        if let Some(known) = known {
            return Ok(known);
        }
        let mut names = String::new();
        for oid in oids {
            names.push_str(oid.as_str());
            names.push('\n');
        }
        let output = self.git().args(["cat-file", "--batch"]).input(names).ok()?;
        let mut rest = output.as_slice();
        let mut commits = Vec::new();
        for oid in oids {
            let (commit, after) =
                read_one(oid, rest).ok_or_else(|| GitError::unreadable("cat-file", rest))?;
            commits.push(commit.ok_or_else(|| GitError::MissingCommit {
                oid: (*oid).clone(),
            })?);
            rest = after;
        }
        Ok(commits)
    }
}

impl Repository {
    /// Reads one commit, if the git that is kept knows it.
    pub(crate) fn known_commit(&self, oid: &Oid) -> Option<Commit> {
        let (object, content) = self.contents(oid.as_str())?;
        (object.kind == "commit").then(|| parse(&object.oid, &content))?
    }
}

/// Reads one answer of `cat-file --batch`: `None` inside when it is no commit.
fn read_one<'a>(oid: &Oid, output: &'a [u8]) -> Option<(Option<Commit>, &'a [u8])> {
    let end = output.iter().position(|byte| *byte == b'\n')?;
    let header = std::str::from_utf8(&output[..end]).ok()?;
    let body = &output[end + 1..];
    let mut words = header.split(' ').skip(1);
    let kind = words.next()?;
    let Some(size) = words.next() else {
        return Some((None, body));
    };
    let size: usize = size.parse().ok()?;
    let content = body.get(..size)?;
    let after = body.get(size + 1..)?;
    if kind != "commit" {
        return Some((None, after));
    }
    Some((Some(parse(oid, content)?), after))
}

fn parse(oid: &Oid, content: &[u8]) -> Option<Commit> {
    let text = String::from_utf8_lossy(content);
    let (header, message) = text.split_once("\n\n").unwrap_or((&text, ""));
    let mut tree = None;
    let mut parents = Vec::new();
    let mut committed = 0;
    for line in header.lines() {
        match line.split_once(' ') {
            Some(("tree", name)) => tree = Oid::parse(name).ok(),
            Some(("parent", name)) => parents.push(Oid::parse(name).ok()?),
            Some(("committer", who)) => {
                committed = who.rsplit(' ').nth(1)?.parse().unwrap_or(0);
            }
            _ => {}
        }
    }
    Some(Commit {
        oid: oid.clone(),
        tree: tree?,
        parents,
        committed,
        message: message.to_owned(),
    })
}
