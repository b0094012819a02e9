//! What an index file says about its entries, read without a process.
//!
//! Only two things are asked: whether a mark makes git blind for changes of a
//! file, and whether conflicts are unresolved. Whatever is not understood to
//! its last byte (a split index, SHA-256, a format of later years) is no answer,
//! and the caller asks git.

use std::{fs, path::Path};

/// The part of an entry in front of the object's name.
const STAT_LEN: usize = 40;
const ASSUME_VALID: u16 = 0x8000;
const EXTENDED: u16 = 0x4000;
const STAGE: u16 = 0x3000;
const SKIP_WORKTREE: u16 = 0x4000;
/// The length of a SHA-1 name, and of the sum at the end.
const HASH: usize = 20;

/// What the entries of an index have, taken together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Marks {
    /// Some entry is marked so that git does not look at its file.
    pub(crate) is_hiding: bool,
    /// Some entry is one side of a conflict.
    pub(crate) is_unmerged: bool,
}

/// Reads the marks of an index; none when only git can tell.
pub(crate) fn marks(index: &Path) -> Option<Marks> {
    parse(&fs::read(index).ok()?)
}

fn parse(bytes: &[u8]) -> Option<Marks> {
    let bytes = &bytes[..bytes.len().checked_sub(HASH)?];
    let word = |at: usize| -> Option<u32> {
        Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
    };
    let version = word(4)?;
    if bytes.get(..4)? != b"DIRC" || !(2..=4).contains(&version) {
        return None;
    }
    let mut marks = Marks::default();
    let mut at = 12;
    for _ in 0..word(8)? {
        let begin = at;
        at += STAT_LEN + HASH;
        let flags = half(bytes, at)?;
        at += 2;
        marks.is_hiding |= flags & ASSUME_VALID != 0;
        marks.is_unmerged |= flags & STAGE != 0;
        if flags & EXTENDED != 0 {
            marks.is_hiding |= half(bytes, at)? & SKIP_WORKTREE != 0;
            at += 2;
        }
        if version == 4 {
            // How much of the name before is left out, in as many bytes as it takes.
            while bytes.get(at)? & 0x80 != 0 {
                at += 1;
            }
            at += 1;
        }
        at += bytes.get(at..)?.iter().position(|byte| *byte == 0)? + 1;
        if version < 4 {
            at = begin + (at - begin).next_multiple_of(8);
        }
    }
    while at < bytes.len() {
        let name = bytes.get(at..at + 4)?;
        // A split index keeps entries elsewhere.
        if name == b"link" || !name.iter().all(u8::is_ascii_alphanumeric) {
            return None;
        }
        at = at
            .checked_add(8)?
            .checked_add(usize::try_from(word(at + 4)?).ok()?)?;
    }
    (at == bytes.len()).then_some(marks)
}

fn half(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::Git;

    struct Repo(tempfile::TempDir);

    impl Repo {
        fn new(format: &str) -> Self {
            let repo = Self(tempfile::TempDir::new().unwrap());
            repo.git(&["init", "-q", "-b", "main", "--object-format", format]);
            for name in ["a", "some/long/name/that/is/shared", "some/long/name/too"] {
                let path = repo.0.path().join(name);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, name).unwrap();
            }
            repo.git(&["add", "-A"]);
            repo.git(&[
                "-c",
                "user.name=x",
                "-c",
                "user.email=x",
                "commit",
                "-qm",
                "x",
            ]);
            repo
        }

        fn git(&self, args: &[&str]) {
            Git::at(self.0.path()).args(args).run().unwrap();
        }

        fn marks(&self) -> Option<Marks> {
            marks(&self.0.path().join(".git/index"))
        }
    }

    fn hiding() -> Marks {
        Marks {
            is_hiding: true,
            is_unmerged: false,
        }
    }

    #[test]
    fn marks_are_seen_in_each_version() {
        let repo = Repo::new("sha1");
        for version in ["2", "3", "4"] {
            repo.git(&["update-index", "--index-version", version]);
            assert_eq!(repo.marks(), Some(Marks::default()), "version {version}");
            for mark in ["assume-unchanged", "skip-worktree"] {
                let file = "some/long/name/too";
                repo.git(&["update-index", &format!("--{mark}"), file]);
                assert_eq!(repo.marks(), Some(hiding()), "version {version} {mark}");
                repo.git(&["update-index", &format!("--no-{mark}"), file]);
                assert_eq!(repo.marks(), Some(Marks::default()), "version {version}");
            }
        }
    }

    #[test]
    fn a_conflict_is_seen() {
        let repo = Repo::new("sha1");
        let who = ["-c", "user.name=x", "-c", "user.email=x"];
        let commit = |text: &str| {
            fs::write(repo.0.path().join("a"), text).unwrap();
            repo.git(&[&who[..], &["commit", "-qam", text]].concat());
        };
        repo.git(&["checkout", "-q", "-b", "side"]);
        commit("theirs");
        repo.git(&["checkout", "-q", "main"]);
        commit("ours");
        repo.git(&[&who[..], &["merge", "-q", "side"]].concat());
        let seen = repo.marks().unwrap();
        assert!(seen.is_unmerged && !seen.is_hiding, "{seen:?}");
    }

    #[test]
    fn what_is_not_understood_is_no_answer() {
        let repo = Repo::new("sha1");
        let path = repo.0.path().join(".git/index");
        // The last of its entries is marked: whatever is cut off, it never says that none is.
        repo.git(&["update-index", "--assume-unchanged", "some/long/name/too"]);
        let whole = fs::read(&path).unwrap();
        for cut in 0..whole.len() {
            fs::write(&path, &whole[..cut]).unwrap();
            let seen = repo.marks();
            assert!(
                seen.is_none() || seen == Some(hiding()),
                "cut to {cut}: {seen:?}"
            );
        }
        fs::write(&path, [&whole[..], b"more"].concat()).unwrap();
        assert_eq!(repo.marks(), None);
        fs::write(&path, whole).unwrap();
        repo.git(&["update-index", "--split-index"]);
        assert_eq!(repo.marks(), None, "a split index");
        fs::remove_file(&path).unwrap();
        assert_eq!(repo.marks(), None, "no index");
        assert_eq!(Repo::new("sha256").marks(), None, "another hash");
    }
}
