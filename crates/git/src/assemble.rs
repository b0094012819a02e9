//! Candidates, made without any checkout.
//!
//! Members are merged onto the base in order: M₀ is the base, Mᵢ has the
//! parents Mᵢ₋₁ and the member's head. The candidate has the parents base and
//! Mₖ and the tree of Mₖ, so that it lands as one first-parent commit while
//! the chain behind its second parent holds one merge for each member.
//!
//! The same inputs give the same hash at any time in any process: author,
//! committer and message come from the inputs, and the date is the latest
//! committer date among the base and the heads that joined.
//!
//! It moves no ref and reads no index and no working file.

use gtd_core::Oid;

use crate::{
    error::GitError,
    message::{Author, Trailer, message},
    repository::{Repository, fields, lossy, parse_oid},
};

/// What a candidate is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssemblySpec {
    /// The tip that it is to land on.
    pub base: Oid,
    /// The subject of its commit.
    pub subject: String,
    /// The trailers of its commit.
    pub trailers: Vec<Trailer>,
    /// The submissions, in order.
    pub members: Vec<Member>,
}

/// One submission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The caller's name for it.
    pub key: String,
    /// Its last commit.
    pub head: Oid,
    /// The subject of its merge commit.
    pub title: String,
    /// The trailers of its merge commit.
    pub trailers: Vec<Trailer>,
}

/// A candidate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assembly {
    /// The keys that are in it, in order.
    pub joined: Vec<String>,
    /// The keys whose heads the base holds already.
    pub already: Vec<String>,
    /// Those left out because they do not merge.
    pub conflicts: Vec<Conflict>,
    /// The candidate; the base itself when nothing joined.
    pub commit: Oid,
    /// Its tree: what the gates must pass on.
    pub tree: Oid,
}

/// A member that does not merge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// The member's key.
    pub key: String,
    /// The files in conflict.
    pub files: Vec<String>,
    /// What git says about it.
    pub detail: String,
    /// What it does not merge with.
    pub against: Against,
}

/// What a member does not merge with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Against {
    /// The base: it must be reworked.
    Base,
    /// Only members before it: it may fit if those do not land.
    Earlier,
}

enum Merge {
    Clean(Oid),
    Conflicting { files: Vec<String>, detail: String },
}

impl Repository {
    /// Makes a candidate from the members that merge.
    ///
    /// # Errors
    /// When the repository does not hold the base or a head, or git fails.
    pub fn assemble(&self, spec: &AssemblySpec) -> Result<Assembly, GitError> {
        let mut asked = vec![&spec.base];
        asked.extend(spec.members.iter().map(|member| &member.head));
        let commits = self.commits(&asked)?;
        let base = &commits[0];
        let mut assembly = Assembly {
            joined: Vec::new(),
            already: Vec::new(),
            conflicts: Vec::new(),
            commit: base.oid.clone(),
            tree: base.tree.clone(),
        };
        let mut tip = base.oid.clone();
        let mut date = base.committed;
        let mut contents = Vec::new();
        for (member, head) in spec.members.iter().zip(&commits[1..]) {
            match self.merge(&spec.base, &tip, &member.head)? {
                // What the base has already changes nothing; what changes something is new.
                Merge::Clean(tree)
                    if tree == assembly.tree && self.is_ancestor(&member.head, &spec.base)? =>
                {
                    assembly.already.push(member.key.clone());
                }
                Merge::Clean(tree) => {
                    date = date.max(head.committed);
                    let text = message(&member.title, "", &member.trailers);
                    tip = self.write_commit_at(&tree, &[&tip, &member.head], &text, date)?;
                    assembly.tree = tree;
                    assembly.joined.push(member.key.clone());
                    contents.push(format!("- {}: {}", member.key, member.title));
                }
                Merge::Conflicting { files, detail } => {
                    let against = if tip == spec.base {
                        Against::Base
                    } else {
                        match self.merge(&spec.base, &spec.base, &member.head)? {
                            Merge::Clean(_) => Against::Earlier,
                            Merge::Conflicting { .. } => Against::Base,
                        }
                    };
                    assembly.conflicts.push(Conflict {
                        key: member.key.clone(),
                        files,
                        detail,
                        against,
                    });
                }
            }
        }
        if !assembly.joined.is_empty() {
            let text = message(&spec.subject, &contents.join("\n"), &spec.trailers);
            assembly.commit =
                self.write_commit_at(&assembly.tree, &[&spec.base, &tip], &text, date)?;
            gtd_fault::point("git.after-candidate");
        }
        Ok(assembly)
    }

    /// Merges two commits into a tree, with the attributes that `base` has.
    fn merge(&self, base: &Oid, ours: &Oid, theirs: &Oid) -> Result<Merge, GitError> {
        let key = (base.clone(), ours.clone(), theirs.clone());
        if let Some(tree) = self.merges().find(&key, |tree| self.surely_has(tree)) {
            return Ok(Merge::Clean(tree));
        }
        let merge = self.merge_anew(base, ours, theirs)?;
        if let Merge::Clean(tree) = &merge {
            self.merges().note(key, tree);
        }
        Ok(merge)
    }

    fn merge_anew(&self, base: &Oid, ours: &Oid, theirs: &Oid) -> Result<Merge, GitError> {
        let output = self
            .git()
            .env("GIT_ATTR_SOURCE", base.as_str())
            .args(["merge-tree", "--write-tree", "-z", "--name-only"])
            .args(["--messages", ours.as_str(), theirs.as_str()])
            .run()?;
        match output.code {
            0 => {
                let end = output.stdout.iter().position(|byte| *byte == 0);
                let tree = &output.stdout[..end.unwrap_or(output.stdout.len())];
                parse_oid("merge-tree", tree).map(Merge::Clean)
            }
            1 if !output.stdout.is_empty() => Ok(read_conflicts(&output.stdout)),
            _ if output.stderr.contains("unrelated histories") => Ok(Merge::Conflicting {
                files: Vec::new(),
                detail: "it shares no history with the base".to_owned(),
            }),
            _ => Err(self.missing_or(&[ours, theirs], output.failed())),
        }
    }

    /// Writes a commit of the refinery; the same inputs give the same one.
    pub(crate) fn write_commit_at(
        &self,
        tree: &Oid,
        parents: &[&Oid],
        text: &str,
        date: i64,
    ) -> Result<Oid, GitError> {
        let all: Vec<Oid> = parents.iter().map(|parent| (*parent).clone()).collect();
        let key = (tree.clone(), all, text.to_owned(), date);
        if let Some(commit) = self.commits_made().find(&key, |oid| self.surely_has(oid)) {
            return Ok(commit);
        }
        let mut git = self.git().args(["commit-tree", tree.as_str()]);
        for parent in parents {
            git = git.args(["-p", parent.as_str()]);
        }
        for (name, value) in Author::refinery().env() {
            git = git.env(name, value);
        }
        let date = format!("@{date} +0000");
        let output = git
            .env("GIT_AUTHOR_DATE", &date)
            .env("GIT_COMMITTER_DATE", &date)
            .args(["-F", "-"])
            .input(text)
            .ok()?;
        let commit = parse_oid("commit-tree", &output)?;
        self.commits_made().note(key, &commit);
        Ok(commit)
    }
}

/// Reads `merge-tree -z --name-only --messages`: the tree, the files, an empty
/// field, then for each message its number of paths, the paths, its type and
/// its text.
fn read_conflicts(output: &[u8]) -> Merge {
    let mut fields = fields(output).skip(1);
    let mut files: Vec<String> = fields
        .by_ref()
        .take_while(|field| !field.is_empty())
        .map(lossy)
        .collect();
    files.dedup();
    let mut detail = String::new();
    while let Some(n_paths) = fields.next() {
        let n_paths = lossy(n_paths).parse().unwrap_or(0);
        let mut rest = fields.by_ref().skip(n_paths);
        let (Some(kind), Some(text)) = (rest.next(), rest.next()) else {
            break;
        };
        if kind.starts_with(b"CONFLICT") {
            detail.push_str(&lossy(text));
        }
    }
    let detail = detail.trim_end().to_owned();
    Merge::Conflicting { files, detail }
}
