//! A git process that is kept and asked again and again, one question at a time.
//!
//! Whatever it does, an answer comes or does not come within a limit: a process
//! that hangs, dies or answers by halves is an error, and whoever kept it drops
//! it, which kills it. What the answers mean is the caller's matter.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    os::fd::AsFd,
    process::{Child, ChildStdin, ChildStdout},
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::signal::{Signal, killpg},
    unistd::Pid,
};

use crate::run::Git;

/// The longest line that is read as an answer: names and numbers.
const LINE_MAX: u64 = 64 * 1024;

/// A process that answers questions.
#[derive(Debug)]
pub(crate) struct Asked {
    child: Child,
    questions: ChildStdin,
    answers: BufReader<Timed>,
    limit: Duration,
    since: Instant,
}

/// A pipe whose reads end in an error once the time is up.
#[derive(Debug)]
struct Timed {
    pipe: ChildStdout,
    until: Instant,
}

impl Asked {
    /// Starts a process each of whose answers may take so long.
    pub(crate) fn start(git: &Git, limit: Duration) -> io::Result<Self> {
        let mut child = git.spawn_asked()?;
        let (Some(questions), Some(pipe)) = (child.stdin.take(), child.stdout.take()) else {
            unreachable!("both were asked for");
        };
        let since = Instant::now();
        Ok(Self {
            child,
            questions,
            answers: BufReader::new(Timed { pipe, until: since }),
            limit,
            since,
        })
    }

    /// Returns how long it has been kept.
    pub(crate) fn age(&self) -> Duration {
        self.since.elapsed()
    }

    /// Asks a question, which ends with a line end; the time for its answer begins.
    ///
    /// A question must fit into a pipe: one that nobody reads would block.
    pub(crate) fn ask(&mut self, question: &[u8]) -> io::Result<()> {
        debug_assert!(question.len() <= 4096);
        self.answers.get_mut().until = Instant::now() + self.limit;
        if !self.answers.buffer().is_empty() {
            return Err(io::Error::other("git said more than it was asked"));
        }
        self.questions.write_all(question)
    }

    /// Reads one line of the answer, without its end.
    pub(crate) fn line(&mut self) -> io::Result<Vec<u8>> {
        let mut line = Vec::new();
        (&mut self.answers)
            .take(LINE_MAX)
            .read_until(b'\n', &mut line)?;
        match line.pop() {
            Some(b'\n') => Ok(line),
            _ => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    /// Reads so many bytes of the answer.
    pub(crate) fn bytes(&mut self, n_bytes: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; n_bytes];
        self.answers.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).expect("a process id fits in an i32"))
    }
}

impl Read for Timed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let left = self.until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            // Rounded up, so that the last part of a millisecond is no busy wait.
            let wait = PollTimeout::try_from(left.as_millis() + 1).unwrap_or(PollTimeout::MAX);
            match poll(
                &mut [PollFd::new(self.pipe.as_fd(), PollFlags::POLLIN)],
                wait,
            ) {
                Ok(0) | Err(Errno::EINTR) => {}
                Ok(_) => return self.pipe.read(buffer),
                Err(errno) => return Err(errno.into()),
            }
        }
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        // It has a group of its own, and its child is not reaped yet: the number is still its.
        let _ = killpg(self.pid(), Signal::SIGKILL);
        drop(self.child.wait());
    }
}
