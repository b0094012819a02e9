//! Answers about objects and refs from one git process that is kept, where a
//! process for each question would cost more than its answer.
//!
//! Only what it affirms is believed: what it does not know, or a process that
//! broke, is no answer, and the caller asks a git of its own. Refs are read
//! anew at each question; objects never change. A process is given up after a
//! while, so that nothing is held open for long.

use std::{
    io::{BufRead, BufReader, Read, Write},
    os::fd::AsFd,
    process::{Child, ChildStdin, ChildStdout},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use gtd_core::Oid;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::run::Git;

/// How long one process is asked.
const KEPT_FOR: Duration = Duration::from_secs(60);
/// How long an answer may take, in milliseconds.
const ANSWER_MS: u16 = 30_000;

/// The process that is kept, while there is one.
#[derive(Debug, Default)]
pub(crate) struct Objects {
    kept: Mutex<Option<Kept>>,
}

#[derive(Debug)]
struct Kept {
    child: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
    since: Instant,
}

/// One answer.
pub(crate) struct Object {
    pub(crate) oid: Oid,
    pub(crate) kind: String,
    pub(crate) content: Vec<u8>,
}

impl Objects {
    /// Tells which object a name stands for, and of which kind it is.
    pub(crate) fn info(&self, git: impl Fn() -> Git, name: &str) -> Option<Object> {
        self.ask(git, "info", name)
    }

    /// Reads an object.
    pub(crate) fn contents(&self, git: impl Fn() -> Git, name: &str) -> Option<Object> {
        self.ask(git, "contents", name)
    }

    fn ask(&self, git: impl Fn() -> Git, verb: &str, name: &str) -> Option<Object> {
        if name.is_empty() || name.contains(char::is_whitespace) {
            return None;
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.as_ref().is_none_or(|k| k.since.elapsed() > KEPT_FOR) {
            *kept = Kept::start(&git());
        }
        let answer = kept.as_mut()?.ask(verb, name);
        if answer.is_none() {
            *kept = None;
        }
        answer.flatten()
    }
}

impl Kept {
    fn start(git: &Git) -> Option<Self> {
        let mut child = git.spawn_asked().ok()?;
        let (questions, answers) = (child.stdin.take()?, child.stdout.take()?);
        Some(Self {
            child,
            questions,
            answers: BufReader::new(answers),
            since: Instant::now(),
        })
    }

    /// None when the process broke; none inside when it does not know.
    fn ask(&mut self, verb: &str, name: &str) -> Option<Option<Object>> {
        writeln!(self.questions, "{verb} {name}").ok()?;
        self.wait()?;
        let mut line = String::new();
        self.answers.read_line(&mut line).ok()?;
        let line = line.strip_suffix('\n')?;
        let words: Vec<&str> = line.split(' ').collect();
        let [oid, kind, size] = words.as_slice() else {
            return Some(None);
        };
        let (Ok(oid), Ok(size)) = (Oid::parse(oid), size.parse::<usize>()) else {
            return Some(None);
        };
        let mut content = Vec::new();
        if verb == "contents" {
            content.resize(size + 1, 0);
            self.answers.read_exact(&mut content).ok()?;
            content.pop();
        }
        Some(Some(Object {
            oid,
            kind: (*kind).to_owned(),
            content,
        }))
    }

    /// Waits until an answer begins.
    fn wait(&self) -> Option<()> {
        if !self.answers.buffer().is_empty() {
            return Some(());
        }
        let mut fds = [PollFd::new(
            self.answers.get_ref().as_fd(),
            PollFlags::POLLIN,
        )];
        loop {
            match poll(&mut fds, PollTimeout::from(ANSWER_MS)) {
                Ok(0) => return None,
                Ok(_) => return Some(()),
                Err(nix::errno::Errno::EINTR) => {}
                Err(_) => return None,
            }
        }
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
