//! Answers about objects and refs from one git process that is kept, where a
//! process for each question would cost more than its answer.
//!
//! Only what it affirms is believed: what it does not know, a process that
//! broke, or one that does not answer in time is no answer, and the caller asks
//! a git of its own, whose error is the one to tell. Refs are read anew at each
//! question; objects never change. A process is given up after a while, so that
//! nothing is held open for long, and at once when it breaks.

use std::{
    io,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use gtd_core::Oid;

use crate::{asked::Asked, run::Git};

/// How long one process is asked.
const KEPT_FOR: Duration = Duration::from_secs(60);
/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(10);
/// The largest object that is read this way, in bytes: others wait meanwhile.
const CONTENT_MAX: usize = 1 << 20;
/// The longest name that is asked for, in bytes.
const NAME_MAX: usize = 2048;

/// The process that is kept, while there is one.
#[derive(Debug)]
pub(crate) struct Objects {
    kept: Mutex<Option<Asked>>,
    answer: Duration,
}

/// An object, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Object {
    pub(crate) oid: Oid,
    pub(crate) kind: String,
    size: usize,
}

impl Default for Objects {
    fn default() -> Self {
        Self {
            kept: Mutex::default(),
            answer: ANSWER,
        }
    }
}

impl Objects {
    /// Tells which object a name stands for, and of which kind it is.
    pub(crate) fn info(&self, git: impl Fn() -> Git, name: &str) -> Option<Object> {
        self.ask(git, name, |process| info(process, name))
    }

    /// Reads an object, unless it is huge.
    pub(crate) fn contents(&self, git: impl Fn() -> Git, name: &str) -> Option<(Object, Vec<u8>)> {
        self.ask(git, name, |process| {
            let Some(object) = info(process, name)?.filter(|found| found.size <= CONTENT_MAX)
            else {
                return Ok(None);
            };
            process.ask(format!("contents {}\n", object.oid).as_bytes())?;
            let Some(object) = header(&process.line()?) else {
                return Ok(None);
            };
            let mut content = process.bytes(object.size + 1)?;
            content.pop();
            Ok(Some((object, content)))
        })
    }

    fn ask<T>(
        &self,
        git: impl Fn() -> Git,
        name: &str,
        question: impl FnOnce(&mut Asked) -> io::Result<Option<T>>,
    ) -> Option<T> {
        if name.is_empty() || name.len() > NAME_MAX || name.contains(char::is_whitespace) {
            return None;
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.as_ref().is_none_or(|asked| asked.age() > KEPT_FOR) {
            *kept = Asked::start(&git(), self.answer).ok();
        }
        let answer = question(kept.as_mut()?);
        if answer.is_err() {
            *kept = None;
        }
        answer.ok().flatten()
    }
}

fn info(process: &mut Asked, name: &str) -> io::Result<Option<Object>> {
    process.ask(format!("info {name}\n").as_bytes())?;
    Ok(header(&process.line()?))
}

/// Reads `<oid> <kind> <size>`; anything else says that it does not know.
fn header(line: &[u8]) -> Option<Object> {
    let words: Vec<&str> = std::str::from_utf8(line).ok()?.split(' ').collect();
    let [oid, kind, size] = words.as_slice() else {
        return None;
    };
    Some(Object {
        oid: Oid::parse(oid).ok()?,
        kind: (*kind).to_owned(),
        size: size.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path, time::Instant};

    use nix::sys::signal::{Signal, kill};

    use super::*;

    /// A repository with a commit at `refs/heads/main`, and one file of more than a mebibyte.
    fn repository() -> (tempfile::TempDir, Oid) {
        let folder = tempfile::TempDir::new().unwrap();
        let git = |args: &[&str]| Git::at(folder.path()).args(args).text().unwrap();
        git(&["init", "-q", "-b", "main"]);
        fs::write(folder.path().join("huge"), vec![b'x'; CONTENT_MAX + 1]).unwrap();
        git(&["add", "-A"]);
        let who = ["-c", "user.name=x", "-c", "user.email=x"];
        git(&[&who[..], &["commit", "-q", "-m", "begin"]].concat());
        let oid = Oid::parse(&git(&["rev-parse", "HEAD"])).unwrap();
        (folder, oid)
    }

    fn cat_file(folder: &Path) -> impl Fn() -> Git {
        let folder = folder.to_owned();
        move || Git::at(&folder).args(["cat-file", "--batch-command"])
    }

    /// A process in the place of git that does what a script says.
    fn stub(script: &'static str) -> impl Fn() -> Git {
        move || Git::at(Path::new("/")).args(["-c", &format!("alias.stub=!{script} #"), "stub"])
    }

    fn pid(objects: &Objects) -> Option<nix::unistd::Pid> {
        objects.kept.lock().unwrap().as_ref().map(Asked::pid)
    }

    #[test]
    fn one_process_answers_all_questions() {
        let (folder, oid) = repository();
        let (objects, git) = (Objects::default(), cat_file(folder.path()));
        let found = objects.info(&git, "refs/heads/main").unwrap();
        assert_eq!((&found.oid, found.kind.as_str()), (&oid, "commit"));
        let first = pid(&objects);
        let (same, content) = objects.contents(&git, oid.as_str()).unwrap();
        assert_eq!(same, found);
        assert!(content.ends_with(b"\n\nbegin\n"), "{content:?}");
        assert!(first.is_some());
        assert_eq!(pid(&objects), first);
    }

    #[test]
    fn what_is_missing_is_no_answer_and_the_next_question_has_its_own() {
        let (folder, oid) = repository();
        let (objects, git) = (Objects::default(), cat_file(folder.path()));
        let nothing = "0123456789012345678901234567890123456789";
        for name in [
            nothing,
            "refs/heads/none",
            "HEAD^9",
            "main:none",
            "two words",
            "a\nb",
            "",
        ] {
            assert_eq!(objects.info(&git, name), None, "{name}");
            assert_eq!(objects.contents(&git, name), None, "{name}");
        }
        assert_eq!(objects.info(&git, &"x".repeat(100_000)), None);
        assert_eq!(objects.info(&git, "HEAD").map(|found| found.oid), Some(oid));
    }

    #[test]
    fn a_ref_that_moved_is_read_anew() {
        let (folder, oid) = repository();
        let (objects, git) = (Objects::default(), cat_file(folder.path()));
        assert_eq!(objects.info(&git, "refs/heads/side"), None);
        let run = |args: &[&str]| Git::at(folder.path()).args(args).text().unwrap();
        run(&["update-ref", "refs/heads/side", oid.as_str()]);
        run(&["pack-refs", "--all"]);
        let side = objects.info(&git, "refs/heads/side");
        assert_eq!(side.map(|found| found.oid), Some(oid));
        run(&["update-ref", "-d", "refs/heads/side"]);
        assert_eq!(objects.info(&git, "refs/heads/side"), None);
    }

    #[test]
    fn a_huge_object_is_named_and_not_read() {
        let (folder, oid) = repository();
        let (objects, git) = (Objects::default(), cat_file(folder.path()));
        let huge = objects.info(&git, "HEAD:huge").unwrap();
        assert_eq!((huge.kind.as_str(), huge.size), ("blob", CONTENT_MAX + 1));
        assert_eq!(objects.contents(&git, "HEAD:huge"), None);
        assert_eq!(objects.info(&git, "HEAD").map(|found| found.oid), Some(oid));
    }

    #[test]
    fn a_process_that_was_killed_between_questions_is_followed_by_a_fresh_one() {
        let (folder, oid) = repository();
        let (objects, git) = (Objects::default(), cat_file(folder.path()));
        assert!(objects.info(&git, "HEAD").is_some());
        let first = pid(&objects).unwrap();
        kill(first, Signal::SIGKILL).unwrap();
        // The question that meets the dead one has no answer; the caller asks a git of its own.
        assert_eq!(objects.info(&git, "HEAD"), None);
        assert_eq!(objects.info(&git, "HEAD").map(|found| found.oid), Some(oid));
        assert_ne!(pid(&objects), Some(first));
    }

    #[test]
    fn an_answer_that_never_comes_ends_in_time_and_its_process_is_killed() {
        let (folder, oid) = repository();
        // Silent; half a line and silent; a header without its content.
        for script in [
            "sleep 600",
            "printf 01234 && sleep 600",
            "while read v n; do echo 0123456789012345678901234567890123456789 commit 9; done",
        ] {
            let objects = Objects {
                answer: Duration::from_millis(200),
                ..Objects::default()
            };
            let began = Instant::now();
            assert_eq!(objects.contents(stub(script), "HEAD"), None, "{script}");
            let took = began.elapsed();
            assert!(took >= Duration::from_millis(200), "{script}: {took:?}");
            assert!(took < Duration::from_secs(60), "{script}: {took:?}");
            assert_eq!(pid(&objects), None, "{script}");
            let found = objects.info(cat_file(folder.path()), "HEAD");
            assert_eq!(
                found.map(|found| found.oid).as_ref(),
                Some(&oid),
                "{script}"
            );
        }
    }

    #[test]
    fn a_process_that_says_more_than_it_was_asked_is_given_up() {
        let (folder, oid) = repository();
        let objects = Objects::default();
        let chatty = stub(r"while read v n; do printf 'x missing\ny missing\n'; done");
        assert_eq!(objects.info(&chatty, "HEAD"), None);
        assert!(pid(&objects).is_some());
        // What is left over must never be taken for the answer to the next question.
        assert_eq!(objects.info(&chatty, "HEAD"), None);
        assert_eq!(pid(&objects), None);
        let found = objects.info(cat_file(folder.path()), "HEAD");
        assert_eq!(found.map(|found| found.oid), Some(oid));
    }
}
