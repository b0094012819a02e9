//! What an attempt changed, asked of git in the repository. Only reads.

use std::{path::Path, process::Command};

use gtd_core::{ReviewDoc, names_needs};
use serde::Serialize;

use crate::{commands::asked_git::ask, error::CliError, exit::Exit};

/// One file that the work changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct FileChanged {
    /// Its path in the repository.
    pub(super) path: String,
    /// Lines that came; none for a file that is no text.
    pub(super) added: Option<u64>,
    /// Lines that went.
    pub(super) removed: Option<u64>,
    /// Whether the bead may touch it.
    pub(super) in_scope: bool,
}

/// A line that came into a file which names what the program needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Dependency {
    /// The file.
    pub(super) file: String,
    /// The line.
    pub(super) line: String,
}

/// What an attempt changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Work {
    /// The commit that it began from.
    pub(super) base: String,
    /// The commit that it ends with.
    pub(super) head: String,
    /// The files.
    pub(super) files: Vec<FileChanged>,
    /// What it needs anew.
    pub(super) dependencies: Vec<Dependency>,
    /// All of it, as git writes it.
    pub(super) diff: Vec<u8>,
}

impl Work {
    /// Lists the files that the bead may not touch.
    pub(super) fn outside_scope(&self) -> impl Iterator<Item = &str> {
        let files = self.files.iter().filter(|file| !file.in_scope);
        files.map(|file| file.path.as_str())
    }
}

/// Finds what the attempt changed; none when it left no commit.
pub(super) fn work(folder: &Path, review: &ReviewDoc) -> Result<Option<Work>, CliError> {
    let branch = review.branch.as_ref();
    let names = [
        review.head.as_ref().map(ToString::to_string),
        branch.map(|branch| format!("refs/heads/{branch}")),
    ];
    let Some(head) = names
        .into_iter()
        .flatten()
        .find_map(|name| commit(folder, &name))
    else {
        return Ok(None);
    };
    let base = review
        .base
        .as_ref()
        .and_then(|base| commit(folder, base.as_str()));
    let Some(base) = base.or_else(|| parting(folder, review, &head)) else {
        return Ok(None);
    };
    if base == head {
        return Ok(None);
    }
    let diff = |options: &[&str], paths: &[String]| {
        let mut words = vec!["diff", "--no-ext-diff", "--no-textconv", "--no-color"];
        words.extend(options);
        words.extend([base.as_str(), head.as_str(), "--"]);
        words.extend(paths.iter().map(String::as_str));
        ask(folder, &words)
    };
    let scope: Vec<String> = review
        .scope
        .iter()
        .map(|glob| format!(":(glob){glob}"))
        .collect();
    let inside = match scope.is_empty() {
        true => None,
        false => Some(diff(&["--name-only", "--no-renames", "-z"], &scope)?),
    };
    let inside = inside
        .as_deref()
        .map(|names| fields(names).collect::<Vec<_>>());
    let counts = diff(&["--numstat", "--no-renames", "-z"], &[])?;
    let files: Vec<FileChanged> = fields(&counts)
        .filter_map(|line| {
            let mut parts = line.splitn(3, '\t');
            let (added, removed) = (parts.next()?, parts.next()?);
            let path = parts.next()?.to_owned();
            Some(FileChanged {
                added: added.parse().ok(),
                removed: removed.parse().ok(),
                in_scope: inside.as_ref().is_none_or(|inside| inside.contains(&path)),
                path,
            })
        })
        .collect();
    let manifests: Vec<&FileChanged> = files
        .iter()
        .filter(|file| names_needs(&file.path))
        .collect();
    let mut dependencies = Vec::new();
    for file in manifests {
        let literal = [format!(":(literal){}", file.path)];
        let text = diff(&["-U0", "--no-renames"], &literal)?;
        dependencies.extend(needed_anew(&file.path, &String::from_utf8_lossy(&text)));
    }
    Ok(Some(Work {
        diff: diff(&["--patch"], &[])?,
        files,
        dependencies,
        base,
        head,
    }))
}

/// Shows the work in the tool that the person's git is set to.
pub(super) fn difftool(folder: &Path, work: &Work) -> Result<Exit, CliError> {
    let mut command = Command::new("git");
    command
        .arg("-C")
        .arg(folder)
        .args(["difftool", &work.base, &work.head]);
    let status = command
        .status()
        .map_err(|error| CliError::io("start git difftool", error))?;
    Ok(if status.success() {
        Exit::Done
    } else {
        Exit::Failed
    })
}

fn commit(folder: &Path, name: &str) -> Option<String> {
    let words = ["rev-parse", "--verify", "--quiet", "--end-of-options"];
    let name = format!("{name}^{{commit}}");
    let said = ask(folder, &[&words[..], &[name.as_str()]].concat()).ok()?;
    let said = String::from_utf8(said).ok()?;
    Some(said.trim().to_owned()).filter(|oid| !oid.is_empty())
}

/// Finds where the work parted from its target.
fn parting(folder: &Path, review: &ReviewDoc, head: &str) -> Option<String> {
    let target = review.target.as_ref()?;
    let refs = [
        target.r#ref.clone(),
        format!("refs/heads/{}", target.branch),
    ];
    refs.iter().find_map(|name| {
        let tip = commit(folder, name)?;
        let said = ask(folder, &["merge-base", head, &tip]).ok()?;
        Some(String::from_utf8(said).ok()?.trim().to_owned())
    })
}

fn fields(bytes: &[u8]) -> impl Iterator<Item = String> {
    bytes
        .split(|byte| *byte == 0)
        .filter(|field| !field.is_empty())
        .map(|field| String::from_utf8_lossy(field).into_owned())
}

/// Picks the lines of a diff that name something needed.
///
/// Of a lock file only the names; of a manifest every line that came and says something.
fn needed_anew(file: &str, diff: &str) -> Vec<Dependency> {
    let name = file.rsplit('/').next().unwrap_or(file);
    let is_lock = name.ends_with(".lock") && name != "flake.lock" && name != "yarn.lock";
    diff.lines()
        .skip_while(|line| !line.starts_with("@@"))
        .filter_map(|line| line.strip_prefix('+'))
        .map(str::trim)
        .filter(|line| {
            line.len() > 1 && !line.starts_with(['#', '[', '}', ']']) && !line.starts_with("//")
        })
        .filter(|line| !is_lock || line.starts_with("name = "))
        .filter(|line| name != "package-lock.json" || line.starts_with("\"node_modules/"))
        .filter(|line| name != "go.sum" || !line.contains("/go.mod "))
        .map(|line| Dependency {
            file: file.to_owned(),
            line: line.to_owned(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_needed_anew_is_picked_from_manifests_and_locks() {
        let picked = |file: &str, added: &str| -> Vec<String> {
            let diff = format!("--- a/{file}\n+++ b/{file}\n@@ -1 +1 @@\n{added}");
            let found = needed_anew(file, &diff).into_iter();
            found.map(|need| need.line).collect()
        };
        assert_eq!(
            picked(
                "Cargo.toml",
                "+[dependencies]\n+serde = \"1\"\n-rand = \"0\"\n+# why\n"
            ),
            ["serde = \"1\""]
        );
        assert_eq!(
            picked(
                "a/Cargo.lock",
                "+[[package]]\n+name = \"serde\"\n+version = \"1\"\n"
            ),
            ["name = \"serde\""]
        );
        assert_eq!(
            picked(
                "package-lock.json",
                "+    \"node_modules/left-pad\": {\n+      \"version\": \"1\"\n"
            ),
            ["\"node_modules/left-pad\": {"]
        );
        assert!(names_needs("web/package.json") && names_needs("requirements-dev.txt"));
        assert!(!names_needs("src/Cargo.rs"));
    }
}
