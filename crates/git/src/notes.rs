//! Notes on commits, below a ref of our own.

use gtd_core::{LandedCommit, Oid};

use crate::{
    error::GitError,
    message::Author,
    repository::{Repository, lossy},
};

/// How deep git nests the tree of notes at most.
const DEEPEST: usize = 4;

impl Repository {
    /// Makes the note on a commit say `text`; a note that says so already stays as it is.
    ///
    /// # Errors
    /// When the repository does not hold the commit, or git fails.
    pub fn ensure_note(&self, notes: &str, commit: &Oid, text: &str) -> Result<(), GitError> {
        if self.note(notes, commit)?.as_deref() == Some(text) {
            return Ok(());
        }
        let mut git = self.git();
        for (name, value) in Author::refinery().env() {
            git = git.env(name, value);
        }
        git.arg("notes")
            .arg(format!("--ref={notes}"))
            .args(["add", "--force", "--file=-", commit.as_str()])
            .input(text)
            .ok()
            .map_err(|failure| self.missing_or(&[commit], failure))?;
        gtd_fault::point("git.after-note");
        Ok(())
    }

    /// Reads the first-parent line up to a commit with the notes on it, newest first, at most so
    /// many.
    ///
    /// # Errors
    /// When the repository does not hold the commit.
    pub fn landed(
        &self,
        tip: &Oid,
        notes: &str,
        max: usize,
    ) -> Result<Vec<LandedCommit>, GitError> {
        let output = self
            .git()
            .args(["log", "-z", "--first-parent", "--no-show-signature"])
            .args(["--no-color", "--no-notes"])
            .arg(format!("--notes={notes}"))
            .arg(format!("--format={}", LandedCommit::FORMAT))
            .arg(format!("--max-count={max}"))
            .args([tip.as_str(), "--"])
            .ok()
            .map_err(|failure| self.missing_or(&[tip], failure))?;
        LandedCommit::read(&output).ok_or_else(|| GitError::unreadable("log", &output))
    }

    /// Reads the note on a commit.
    ///
    /// # Errors
    /// When git fails.
    pub fn note(&self, notes: &str, commit: &Oid) -> Result<Option<String>, GitError> {
        if self.surely_lacks_ref(notes) {
            return Ok(None);
        }
        let known = (0..DEEPEST).find_map(|depth| {
            let place = format!("{notes}:{}", nested(commit.as_str(), depth));
            self.contents(&place)
        });
        if let Some((_, content)) = known {
            return Ok(Some(lossy(&content)));
        }
        let output = self
            .git()
            .arg("notes")
            .arg(format!("--ref={notes}"))
            .args(["show", commit.as_str()])
            .run()?;
        match output.code {
            0 => Ok(Some(lossy(&output.stdout))),
            1 => Ok(None),
            _ => Err(self.missing_or(&[commit], output.failed())),
        }
    }
}

/// Names the entry of a commit in a tree of notes that is nested so deep: `ab/cd/ef…`.
fn nested(commit: &str, depth: usize) -> String {
    let (folders, name) = commit.split_at(2 * depth);
    let mut place = String::new();
    for (at, digit) in folders.chars().enumerate() {
        place.push(digit);
        if at % 2 == 1 {
            place.push('/');
        }
    }
    place + name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_looked_for_where_git_nests_it() {
        assert_eq!(nested("abcdef", 0), "abcdef");
        assert_eq!(nested("abcdef", 2), "ab/cd/ef");
    }
}
