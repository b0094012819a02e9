//! The files of a project that count only in the text that a person trusted.
//!
//! Both ends read them: one shows what changed, the other gives the trust, and
//! the digests must agree. Nothing here knows what the texts mean.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use gtd_core::config::{digest_text, digest_with_roles};

/// The project's own file.
pub const PROJECT_FILE: &str = "gtd.toml";
/// The file beside it that is never committed.
pub const LOCAL_FILE: &str = "gtd.local.toml";
/// The folder of a project's role files and their prompts.
const ROLES: &str = ".gtd/roles";
/// How the names of role files and of prompts end.
const ROLE_ENDS: [&str; 2] = [".toml", ".j2"];
/// More than any configuration has, and little enough to be read again and again.
const LONGEST_FILE: u64 = 1 << 20;

/// Says which file could not be read or kept.
#[derive(Debug, thiserror::Error)]
#[error("{act} {}", path.display())]
pub struct ProjectError {
    /// What was being done.
    pub act: &'static str,
    /// The file.
    pub path: PathBuf,
    /// Why.
    #[source]
    pub source: io::Error,
}

/// The texts that trust is given to: `gtd.toml`, `gtd.local.toml` and the files in `.gtd/roles`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProjectTexts {
    /// By their names from the top of the repository.
    texts: BTreeMap<String, String>,
}

impl ProjectTexts {
    /// Reads what is below a folder now.
    ///
    /// # Errors
    /// When a file that is there cannot be read as text.
    pub fn read(folder: &Path) -> Result<Self, ProjectError> {
        let mut texts = BTreeMap::new();
        for name in [PROJECT_FILE, LOCAL_FILE] {
            if let Some(text) = read(&folder.join(name))? {
                texts.insert(name.to_owned(), text);
            }
        }
        for (name, text) in read_roles(&folder.join(ROLES))? {
            texts.insert(format!("{ROLES}/{name}"), text);
        }
        Ok(Self { texts })
    }

    /// Returns the text of a file.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.texts.get(name).map(String::as_str)
    }

    /// Returns the role files and prompts, by their names from the top of the repository.
    pub fn roles(&self) -> impl Iterator<Item = (&str, &str)> {
        self.texts
            .iter()
            .filter(|(name, _)| name.starts_with(ROLES))
            .map(|(name, text)| (name.as_str(), text.as_str()))
    }

    /// Returns the names of the files that are not the same in both.
    #[must_use]
    pub fn changed<'t>(&'t self, other: &'t Self) -> Vec<&'t str> {
        let mut names: Vec<&str> = self
            .texts
            .keys()
            .chain(other.texts.keys())
            .map(String::as_str)
            .filter(|name| self.get(name) != other.get(name))
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Returns the digest that trust is given to; nothing when there are no files.
    #[must_use]
    pub fn digest(&self) -> String {
        if self.texts.is_empty() {
            return String::new();
        }
        let text = |name| self.get(name).unwrap_or_default();
        let (project, local) = (text(PROJECT_FILE), text(LOCAL_FILE));
        if self.roles().next().is_none() {
            return digest_text(project, local);
        }
        digest_with_roles(project, local, self.roles())
    }

    /// Keeps a copy below a folder, in the place of an earlier one.
    ///
    /// # Errors
    /// When a file cannot be written or taken away.
    pub fn keep(&self, folder: &Path) -> Result<(), ProjectError> {
        let before = Self::read(folder).unwrap_or_default();
        for (name, text) in &self.texts {
            let path = folder.join(name);
            let parent = path.parent().unwrap_or(folder);
            fs::create_dir_all(parent).map_err(failed("make", parent))?;
            let fresh = folder.join(format!("{name}.new"));
            fs::write(&fresh, text)
                .and_then(|()| fs::rename(&fresh, &path))
                .map_err(failed("keep", &path))?;
        }
        for name in before.texts.keys() {
            if !self.texts.contains_key(name) {
                let path = folder.join(name);
                fs::remove_file(&path).map_err(failed("remove", &path))?;
            }
        }
        Ok(())
    }
}

/// Reads the role files and prompts of a folder, in the order of their names; no folder has none.
///
/// # Errors
/// When one that is there cannot be read as text.
pub fn read_roles(folder: &Path) -> Result<Vec<(String, String)>, ProjectError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if is_absent(&error) => return Ok(Vec::new()),
        Err(source) => return Err(failed("read", folder)(source)),
    };
    let mut found = BTreeMap::new();
    for entry in entries {
        let entry = entry.map_err(failed("read", folder))?;
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        let is_role = ROLE_ENDS.iter().any(|end| name.ends_with(end));
        // A name is shown to a person who decides about it.
        if name.starts_with('.') || name.contains(char::is_control) || !is_role {
            continue;
        }
        if let Some(text) = read(&entry.path())? {
            found.insert(name, text);
        }
    }
    Ok(found.into_iter().collect())
}

/// Reads a file; one that is not there is nothing.
pub(crate) fn read(path: &Path) -> Result<Option<String>, ProjectError> {
    let refuse = |why: &str| failed("read", path)(io::Error::new(io::ErrorKind::InvalidData, why));
    match fs::metadata(path) {
        // To open a pipe is to wait for its other end.
        Ok(metadata) if !metadata.is_file() => return Err(refuse("it is no file")),
        Ok(metadata) if metadata.len() > LONGEST_FILE => {
            return Err(refuse("it is longer than 1 MiB"));
        }
        Ok(_) => {}
        Err(error) if is_absent(&error) => return Ok(None),
        Err(source) => return Err(failed("read", path)(source)),
    }
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if is_absent(&error) => Ok(None),
        Err(source) => Err(failed("read", path)(source)),
    }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

fn failed(act: &'static str, path: &Path) -> impl FnOnce(io::Error) -> ProjectError {
    let path = path.to_owned();
    move |source| ProjectError { act, path, source }
}

#[cfg(test)]
mod tests {

    use super::*;

    fn write(folder: &Path, files: &[(&str, &str)]) {
        for (name, text) in files {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
    }

    fn names(texts: &ProjectTexts) -> Vec<&str> {
        texts.texts.keys().map(String::as_str).collect()
    }

    #[test]
    fn the_files_that_trust_is_given_to_are_these_and_no_others() {
        let folder = tempfile::tempdir().unwrap();
        write(
            folder.path(),
            &[
                ("gtd.toml", "a"),
                ("README", "b"),
                (".gtd/roles/worker.toml", "c"),
                (".gtd/roles/worker.md.j2", "d"),
                (".gtd/roles/notes.md", "e"),
                (".gtd/roles/.worker.toml", "f"),
                (".gtd/roles/a\nb.toml", "f"),
                (".gtd/other.toml", "g"),
            ],
        );
        let texts = ProjectTexts::read(folder.path()).unwrap();
        assert_eq!(
            names(&texts),
            [
                ".gtd/roles/worker.md.j2",
                ".gtd/roles/worker.toml",
                "gtd.toml"
            ]
        );
        assert_eq!(texts.roles().count(), 2);
    }

    #[test]
    fn a_change_of_any_file_changes_the_digest() {
        let folder = tempfile::tempdir().unwrap();
        let digest = || ProjectTexts::read(folder.path()).unwrap().digest();
        let mut seen = vec![digest()];
        assert_eq!(seen, [""]);
        for change in [
            ("gtd.toml", "a"),
            (".gtd/roles/worker.toml", "b"),
            (".gtd/roles/worker.toml", "c"),
            (".gtd/roles/worker.md.j2", "c"),
            ("gtd.local.toml", "d"),
        ] {
            write(folder.path(), &[change]);
            assert!(!seen.contains(&digest()), "{change:?}");
            seen.push(digest());
        }
        fs::remove_dir_all(folder.path().join(".gtd")).unwrap();
        assert_eq!(digest(), digest_text("a", "d"));
    }

    #[test]
    fn a_kept_copy_is_the_same_and_holds_nothing_of_an_earlier_one() {
        let folder = tempfile::tempdir().unwrap();
        let copy = tempfile::tempdir().unwrap();
        write(
            folder.path(),
            &[("gtd.toml", "a"), (".gtd/roles/worker.toml", "b")],
        );
        let first = ProjectTexts::read(folder.path()).unwrap();
        first.keep(copy.path()).unwrap();
        assert_eq!(ProjectTexts::read(copy.path()).unwrap(), first);
        fs::remove_file(folder.path().join(".gtd/roles/worker.toml")).unwrap();
        write(
            folder.path(),
            &[("gtd.toml", "c"), (".gtd/roles/docs.toml", "d")],
        );
        let second = ProjectTexts::read(folder.path()).unwrap();
        second.keep(copy.path()).unwrap();
        assert_eq!(ProjectTexts::read(copy.path()).unwrap(), second);
        assert_eq!(
            first.changed(&second),
            [".gtd/roles/docs.toml", ".gtd/roles/worker.toml", "gtd.toml"]
        );
    }

    #[test]
    fn what_is_no_file_is_refused_and_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join(".gtd/roles/worker.toml")).unwrap();
        let error = ProjectTexts::read(folder.path()).unwrap_err();
        assert!(error.path.ends_with(".gtd/roles/worker.toml"), "{error}");
    }
}
