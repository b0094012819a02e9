//! The one place where a git process is started.
//!
//! A run has a scrubbed environment, no standard input unless it is given one,
//! a time limit, and ends in a typed error that carries what was asked and
//! what git said. It does not know what the answer means.

use std::{
    ffi::{OsStr, OsString},
    io::{self, Read, Write},
    os::unix::process::{CommandExt, ExitStatusExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};

use crate::{
    environment::{OWN, OWN_CONFIG, is_scrubbed},
    error::GitError,
};

/// A run that only asks or writes objects.
const SHORT: Duration = Duration::from_secs(120);
/// A run that writes a whole working tree.
pub(crate) const LONG: Duration = Duration::from_secs(900);
/// How often a git is run that met a worktree which is just being added.
const MET_HALF_ADDED_TRIES: u64 = 20;
/// How much of standard error is kept.
const STDERR_KEPT: usize = 64 * 1024;

/// A git command that did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[error("run `git {command}` in {at}")]
pub struct GitRun {
    /// The arguments, without gtd's own configuration.
    pub command: String,
    /// The folder that it ran in.
    pub at: PathBuf,
    /// How it failed.
    #[source]
    pub failure: RunFailure,
}

/// How a git command failed.
#[derive(Debug, thiserror::Error)]
pub enum RunFailure {
    /// The program could not be started.
    #[error("git could not be started")]
    NotStarted(#[source] io::Error),
    /// The input could not be handed over, or the output not be read.
    #[error("the pipes to git broke")]
    Pipe(#[source] io::Error),
    /// Git ended with an exit code other than zero.
    #[error("exit code {code}: {}", stderr.trim())]
    Exit {
        /// The exit code.
        code: i32,
        /// What git said.
        stderr: String,
    },
    /// Git was killed.
    #[error("killed by signal {signal}")]
    Signal {
        /// The signal.
        signal: i32,
    },
    /// Git took too long and was killed.
    #[error("no answer within {limit:?}")]
    TimedOut {
        /// The time that it had.
        limit: Duration,
    },
}

impl GitRun {
    /// Returns what git said on standard error, if it ran to an exit code.
    #[must_use]
    pub fn stderr(&self) -> &str {
        match &self.failure {
            RunFailure::Exit { stderr, .. } => stderr,
            _ => "",
        }
    }
}

/// A git command that was run to an exit code.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) code: i32,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
    command: String,
    at: PathBuf,
}

impl Output {
    /// Turns an exit code that the caller has no meaning for into an error.
    pub(crate) fn failed(self) -> GitRun {
        GitRun {
            command: self.command,
            at: self.at,
            failure: RunFailure::Exit {
                code: self.code,
                stderr: self.stderr,
            },
        }
    }
}

/// A git command to be run.
#[derive(Debug)]
pub(crate) struct Git {
    at: PathBuf,
    args: Vec<OsString>,
    env: Vec<(&'static str, OsString)>,
    input: Option<Vec<u8>>,
    limit: Duration,
}

impl Git {
    pub(crate) fn at(folder: &Path) -> Self {
        Self {
            at: folder.to_owned(),
            args: Vec::new(),
            env: Vec::new(),
            input: None,
            limit: SHORT,
        }
    }

    pub(crate) fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    pub(crate) fn args<I, S>(mut self, args: I) -> Self
    where
        I: IntoIterator<Item = S>,
        S: AsRef<OsStr>,
    {
        self.args
            .extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    pub(crate) fn env(mut self, name: &'static str, value: impl AsRef<OsStr>) -> Self {
        self.env.push((name, value.as_ref().to_owned()));
        self
    }

    pub(crate) fn input(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.input = Some(bytes.into());
        self
    }

    pub(crate) fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Runs it; any exit code is an answer.
    ///
    /// A git that lists worktrees dies when it meets one that another git is
    /// just adding, before it has done anything: then it is run again.
    pub(crate) fn run(self) -> Result<Output, GitRun> {
        let mut n_tries = 0;
        loop {
            let output = self.run_once()?;
            n_tries += 1;
            if n_tries == MET_HALF_ADDED_TRIES || !met_half_added_worktree(&output) {
                return Ok(output);
            }
            thread::sleep(Duration::from_millis(5 * n_tries));
        }
    }

    fn run_once(&self) -> Result<Output, GitRun> {
        let command = self.shown();
        let at = self.at.clone();
        let fail = |failure| GitRun {
            command: command.clone(),
            at: at.clone(),
            failure,
        };
        let mut child = self
            .command()
            .spawn()
            .map_err(|source| fail(RunFailure::NotStarted(source)))?;
        let group = Pid::from_raw(i32::try_from(child.id()).expect("a process id fits in an i32"));
        let (done, results) = mpsc::channel();
        let mut stdin = child.stdin.take();
        let mut stdout = child.stdout.take().expect("standard output is piped");
        let mut stderr = child.stderr.take().expect("standard error is piped");
        let out_done = done.clone();
        thread::spawn(move || {
            let mut bytes = Vec::new();
            let read = stdout.read_to_end(&mut bytes).map(|_| bytes);
            drop(out_done.send(Pipe::Out(read)));
        });
        thread::spawn(move || drop(done.send(Pipe::Err(read_capped(&mut stderr)))));
        if let (Some(stdin), Some(input)) = (stdin.as_mut(), self.input.as_deref()) {
            // A git that dies early closes the pipe; its exit code tells more than that.
            if let Err(source) = stdin.write_all(input)
                && source.kind() != io::ErrorKind::BrokenPipe
            {
                let _ = killpg(group, Signal::SIGKILL);
                drop(child.wait());
                return Err(fail(RunFailure::Pipe(source)));
            }
        }
        drop(stdin);
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let deadline = std::time::Instant::now() + self.limit;
        for _ in 0..2 {
            let left = deadline.saturating_duration_since(std::time::Instant::now());
            match results.recv_timeout(left) {
                Ok(Pipe::Out(read)) => {
                    out = read.map_err(|source| fail(RunFailure::Pipe(source)))?;
                }
                Ok(Pipe::Err(read)) => err = read,
                Err(_) => {
                    let _ = killpg(group, Signal::SIGKILL);
                    drop(child.wait());
                    return Err(fail(RunFailure::TimedOut { limit: self.limit }));
                }
            }
        }
        let status = child
            .wait()
            .map_err(|source| fail(RunFailure::Pipe(source)))?;
        let Some(code) = status.code() else {
            let signal = status.signal().unwrap_or(0);
            return Err(fail(RunFailure::Signal { signal }));
        };
        Ok(Output {
            code,
            stdout: out,
            stderr: String::from_utf8_lossy(&err).into_owned(),
            command,
            at,
        })
    }

    /// Runs it and returns its standard output; any exit code but zero is an error.
    pub(crate) fn ok(self) -> Result<Vec<u8>, GitRun> {
        let output = self.run()?;
        if output.code == 0 {
            Ok(output.stdout)
        } else {
            Err(output.failed())
        }
    }

    /// Runs it and returns its standard output as text without the last line end.
    pub(crate) fn text(self) -> Result<String, GitError> {
        let mut text = String::from_utf8_lossy(&self.ok()?).into_owned();
        if text.ends_with('\n') {
            text.pop();
        }
        Ok(text)
    }

    /// Starts it with pipes for questions and answers; its talk goes nowhere.
    pub(crate) fn spawn_asked(&self) -> io::Result<Child> {
        self.command()
            .stdin(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
    }

    fn command(&self) -> Command {
        let mut command = Command::new("git");
        for (name, _) in std::env::vars_os() {
            if name.to_str().is_some_and(is_scrubbed) {
                command.env_remove(&name);
            }
        }
        command.envs(OWN.iter().copied());
        for (name, value) in &self.env {
            command.env(name, value);
        }
        for setting in OWN_CONFIG {
            command.arg("-c").arg(setting);
        }
        command
            .args(&self.args)
            .current_dir(&self.at)
            .process_group(0)
            .stdin(if self.input.is_some() {
                Stdio::piped()
            } else {
                Stdio::null()
            })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn shown(&self) -> String {
        let words: Vec<_> = self
            .args
            .iter()
            .map(|arg| arg.to_string_lossy().into_owned())
            .collect();
        words.join(" ")
    }
}

fn met_half_added_worktree(output: &Output) -> bool {
    output.code == 128
        && output.stderr.starts_with("fatal: failed to read ")
        && output.stderr.contains("/worktrees/")
}

enum Pipe {
    Out(io::Result<Vec<u8>>),
    Err(Vec<u8>),
}

/// Reads to the end, so that git never blocks, but keeps only the beginning.
fn read_capped(from: &mut impl Read) -> Vec<u8> {
    let mut kept = Vec::new();
    let mut chunk = [0; 8 * 1024];
    while let Ok(n_read) = from.read(&mut chunk) {
        if n_read == 0 {
            break;
        }
        let room = STDERR_KEPT.saturating_sub(kept.len());
        kept.extend_from_slice(&chunk[..n_read.min(room)]);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_git_that_hangs_is_killed_with_all_that_it_started() {
        let error = Git::at(Path::new("/"))
            .args(["-c", "alias.hang=!sleep 600 & sleep 600", "hang"])
            .limit(Duration::from_millis(100))
            .run()
            .unwrap_err();
        assert!(matches!(error.failure, RunFailure::TimedOut { .. }));
    }

    #[test]
    fn a_worktree_that_is_just_being_added_is_waited_for() {
        let folder = tempfile::TempDir::new().unwrap();
        let git = |args: &[&str]| Git::at(folder.path()).args(args).ok().unwrap();
        git(&["init", "-q"]);
        let half = folder.path().join(".git/worktrees/half");
        std::fs::create_dir_all(&half).unwrap();
        std::fs::write(half.join("gitdir"), "/nonexistent/half/.git\n").unwrap();
        std::fs::write(half.join("HEAD"), "ref: refs/heads/half\n").unwrap();
        std::fs::write(half.join("commondir"), "").unwrap();
        let list = || Git::at(folder.path()).args(["worktree", "list"]);
        assert!(met_half_added_worktree(&list().run_once().unwrap()));
        thread::scope(|scope| {
            let waiting = scope.spawn(|| list().ok());
            std::fs::write(half.join("commondir"), "../..\n").unwrap();
            assert!(waiting.join().unwrap().is_ok());
        });
    }

    #[test]
    fn a_failed_run_tells_what_was_asked_and_what_git_said() {
        let error = Git::at(Path::new("/"))
            .args(["hash-object", "/nonexistent"])
            .ok()
            .unwrap_err();
        assert_eq!(error.to_string(), "run `git hash-object /nonexistent` in /");
        assert!(error.stderr().contains("/nonexistent"), "{error:?}");
    }

    #[test]
    fn much_input_and_much_output_do_not_block_each_other() {
        let names = "missing\n".repeat(200_000);
        let output = Git::at(Path::new("/"))
            .args(["stripspace", "--comment-lines"])
            .input(names.clone())
            .ok()
            .unwrap();
        assert!(output.len() > names.len());
    }
}
