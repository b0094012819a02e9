//! The one program that gtd may start: `gtdd`. Finds it, starts it apart, and runs its emergency verbs.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom},
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use gtd_client::Places;

use crate::{
    error::{CliError, Kind},
    exit::Exit,
};

const NAME: &str = "gtdd";
const LOG: &str = "gtdd.out";
const SHOWN_LINES: usize = 12;

/// The program of the daemon, for one town.
#[derive(Debug, Clone)]
pub(crate) struct DaemonProgram {
    path: PathBuf,
    places: Places,
}

/// How a daemon ended before it was ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// Another one has the town.
    Beaten,
    /// It could not be one.
    Failed,
}

/// A daemon that was started and may not be ready yet.
#[derive(Debug)]
pub(crate) struct Started {
    child: Child,
    log: PathBuf,
    /// Where this start begins in the log.
    from: u64,
}

impl DaemonProgram {
    /// Finds the program: `GTD_GTDD`, beside this one, on `PATH`.
    pub(crate) fn find(places: &Places) -> Result<Self, CliError> {
        let named = std::env::var_os("GTD_GTDD").filter(|path| !path.is_empty());
        let path = match named {
            Some(path) => {
                let path = PathBuf::from(path);
                if !is_program(&path) {
                    return Err(CliError::new(Kind::NoDaemonProgram)
                        .help(format!("GTD_GTDD is {}: no program", path.display())));
                }
                path
            }
            None => beside()
                .or_else(on_path)
                .ok_or_else(|| CliError::new(Kind::NoDaemonProgram))?,
        };
        Ok(Self {
            path,
            places: places.clone(),
        })
    }

    /// Returns where the program is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.path);
        command.env("GTD_TOWN", &self.places.town);
        if let Some(home) = std::env::var_os("GTD_HOME").filter(|home| !home.is_empty())
            && let Ok(home) = std::path::absolute(home)
        {
            command.env("GTD_HOME", home);
        }
        command
    }

    /// Starts the daemon apart from this terminal.
    pub(crate) fn start(&self) -> Result<Started, CliError> {
        self.places.prepare()?;
        let log = self.places.logs().join(LOG);
        let open = || -> io::Result<(File, File, u64)> {
            let file = OpenOptions::new().create(true).append(true).open(&log)?;
            let from = file.metadata()?.len();
            Ok((file.try_clone()?, file, from))
        };
        let (out, err, from) =
            open().map_err(|error| CliError::io(format!("write {}", log.display()), error))?;
        let child = self
            .command()
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            .current_dir("/")
            .process_group(0)
            .spawn()
            .map_err(|error| CliError::io(format!("start {}", self.path.display()), error))?;
        Ok(Started { child, log, from })
    }

    /// Becomes the daemon. Returns only when that fails.
    pub(crate) fn become_daemon(&self) -> CliError {
        let error = self.command().exec();
        CliError::io(format!("start {}", self.path.display()), error)
    }

    /// Runs a verb that works without a daemon, for at most so long.
    pub(crate) fn run(&self, words: &[&str], within: Duration) -> Result<Output, CliError> {
        let act = || format!("run {} {}", self.path.display(), words.join(" "));
        let failed = |error| CliError::io(act(), error);
        let child = self
            .command()
            .args(words)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        // Read while it runs: what it says may be more than a pipe holds.
        let (done, ended) = mpsc::channel();
        thread::spawn(move || done.send(child.wait_with_output()));
        match ended.recv_timeout(within) {
            Ok(output) => output.map_err(failed),
            // It goes on by itself; only the wait for it ends.
            Err(_) => Err(CliError::io(
                act(),
                io::Error::new(io::ErrorKind::TimedOut, "it did not end in time"),
            )),
        }
    }
}

impl Started {
    /// Tells how the process ended, once it has.
    pub(crate) fn ended(&mut self) -> Option<Ended> {
        match self.child.try_wait() {
            Ok(None) => None,
            Ok(Some(status)) if status.code() == Some(Exit::State.code().into()) => {
                Some(Ended::Beaten)
            }
            _ => Some(Ended::Failed),
        }
    }

    /// Makes the error that shows what the daemon said last.
    pub(crate) fn failure(&self) -> CliError {
        let said = self.said().unwrap_or_default();
        let lines: Vec<&str> = said.lines().collect();
        let last = &lines[lines.len().saturating_sub(SHOWN_LINES)..];
        let text = match last {
            [] => String::new(),
            last => format!("; it said:\n   {}", last.join("\n   ")),
        };
        CliError::new(Kind::DidNotStart(text))
            .help(format!("its output is in {}", self.log.display()))
    }

    fn said(&self) -> io::Result<String> {
        let mut file = File::open(&self.log)?;
        file.seek(SeekFrom::Start(self.from))?;
        let mut bytes = Vec::new();
        file.take(64 * 1024).read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

fn beside() -> Option<PathBuf> {
    let here = std::env::current_exe().ok()?;
    let real = fs::canonicalize(&here).unwrap_or_else(|_| here.clone());
    [here, real]
        .into_iter()
        .filter_map(|path| Some(path.parent()?.join(NAME)))
        .find(|path| is_program(path))
}

fn on_path() -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?)
        .map(|folder| folder.join(NAME))
        .find(|path| is_program(path))
}

fn is_program(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}
