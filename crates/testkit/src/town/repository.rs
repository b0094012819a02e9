//! The repository of a town, seen and changed as its person would.

use std::{fs, path::Path};

use super::{Output, Town};

impl Town {
    /// Runs git in the repository, which must succeed, and returns what it printed, trimmed.
    ///
    /// # Panics
    /// When git fails.
    pub fn git(&self, args: &[&str]) -> String {
        let output = Output::of(self.program("git").args(args));
        assert_eq!(output.code, Some(0), "git {args:?}: {output}");
        output.stdout.trim().to_owned()
    }

    pub(super) fn make_repository(&self) {
        self.git(&["init", "--quiet", "--initial-branch=main"]);
        fs::write(self.repo().join("README"), "a repository\n").expect("write a file");
        self.git(&["add", "-A"]);
        self.git(&["commit", "--quiet", "-m", "begin"]);
        self.git(&["checkout", "--quiet", "--detach"]);
    }

    /// Returns the content of a file on a branch; none when it is not there.
    #[must_use]
    pub fn file_on(&self, branch: &str, path: &str) -> Option<String> {
        let output = Output::of(
            self.program("git")
                .args(["show", &format!("{branch}:{path}")]),
        );
        (output.code == Some(0)).then_some(output.stdout)
    }

    /// Lists the first-parent commits of a branch, newest first.
    #[must_use]
    pub fn first_parents(&self, branch: &str) -> Vec<String> {
        self.git(&["rev-list", "--first-parent", branch])
            .lines()
            .map(str::to_owned)
            .collect()
    }

    /// Commits a file straight onto a branch that is not checked out, as somebody else would.
    ///
    /// # Panics
    /// When git fails.
    pub fn push(&self, branch: &str, path: &str, content: &str) -> String {
        let elsewhere = self.path("elsewhere");
        if !elsewhere.exists() {
            let (from, to) = (self.repo(), elsewhere.display().to_string());
            self.git(&["clone", "--quiet", &from.display().to_string(), &to]);
        }
        let git = |args: &[&str]| {
            let output = Output::of(self.program("git").args(args).current_dir(&elsewhere));
            assert_eq!(output.code, Some(0), "git {args:?}: {output}");
            output.stdout.trim().to_owned()
        };
        git(&["fetch", "--quiet", "origin"]);
        git(&[
            "checkout",
            "--quiet",
            "-B",
            "theirs",
            &format!("origin/{branch}"),
        ]);
        fs::write(elsewhere.join(path), content).expect("write a file");
        git(&["add", "-A"]);
        git(&["commit", "--quiet", "-m", "by somebody else"]);
        git(&["push", "--quiet", "origin", &format!("theirs:{branch}")]);
        git(&["rev-parse", "HEAD"])
    }

    /// Takes a picture of the person's own checkout: every file, the index, the head, the branch.
    #[must_use]
    pub fn picture(&self) -> Vec<(String, Vec<u8>)> {
        let mut files = Vec::new();
        picture_of(&self.repo(), &self.repo(), &mut files);
        for name in ["index", "HEAD", "config"] {
            let path = self.repo().join(".git").join(name);
            files.push((format!(".git/{name}"), fs::read(path).unwrap_or_default()));
        }
        files.sort();
        files
    }
}

fn picture_of(root: &Path, folder: &Path, files: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(folder).expect("list a folder").flatten() {
        let path = entry.path();
        if entry.file_name() == ".git" {
            continue;
        }
        if path.is_dir() {
            picture_of(root, &path, files);
        } else {
            let name = path.strip_prefix(root).expect("below the root").display();
            files.push((name.to_string(), fs::read(&path).expect("read a file")));
        }
    }
}
