//! One run of one program, and what came of it.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::Write as _,
    os::unix::process::{CommandExt as _, ExitStatusExt as _},
    path::Path,
    process::{Child, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use gtd_testkit::model::ModelServer;
use nix::{
    errno::Errno,
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;

use crate::{
    Outcome,
    home::Home,
    list::Recording,
    program::{Program, Talk},
};

/// The longest that a program may take.
const PATIENCE: Duration = Duration::from_secs(240);

/// How long what a program started may take to end after it.
const GRACE: Duration = Duration::from_secs(2);

/// The name of a conversation, where one can be chosen.
const CONVERSATION: &str = "5e551047-0000-4000-8000-000000000001";

/// The variable by which processes are found that a run left behind.
const MARK: &str = "GTD_RECORDING";

/// What came of a run.
pub(crate) struct Ran {
    pub(crate) arguments: Vec<String>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) end: ExitStatus,
    pub(crate) exit_code: Option<i32>,
    pub(crate) killed_by: Option<i32>,
    pub(crate) seconds: f64,
    /// What the service billed for this run.
    pub(crate) ledger: Value,
    /// The files that are in the worktree afterwards, beside those of the begin.
    pub(crate) files: BTreeMap<String, String>,
    /// The names of processes that still lived after it.
    pub(crate) left_behind: Vec<String>,
    pub(crate) port: u16,
}

/// Runs a program as a recording says.
pub(crate) fn run(program: &Program, recording: &Recording, home: &Home) -> Outcome<Ran> {
    let resumed = match &recording.before {
        None => None,
        Some(before) => {
            let server = ModelServer::start("empty")?;
            let talk = Talk::New(CONVERSATION);
            let ran = once(program, recording, before, talk, home, &server)?;
            let name = program.conversation(&ran.stdout);
            Some(name.ok_or("the run before named no conversation")?)
        }
    };
    let talk = resumed
        .as_deref()
        .map_or(Talk::New(CONVERSATION), Talk::Resumed);
    let server = ModelServer::start("empty")?;
    once(program, recording, &recording.prompt, talk, home, &server)
}

fn once(
    program: &Program,
    recording: &Recording,
    prompt: &str,
    talk: Talk<'_>,
    home: &Home,
    server: &ModelServer,
) -> Outcome<Ran> {
    let mut command = program.command(recording, talk, home, &server.url())?;
    let (out, err) = (home.folder().join("out"), home.folder().join("err"));
    let mark = home.folder().display().to_string();
    command
        .env(MARK, &mark)
        .stdin(Stdio::piped())
        .stdout(File::create(&out)?)
        .stderr(File::create(&err)?)
        .process_group(0);
    let arguments = command
        .get_args()
        .map(|text| text.to_string_lossy().into_owned())
        .collect();
    let began = Instant::now();
    let mut child = command.spawn()?;
    let mut stdin = child.stdin.take().ok_or("the program has no input")?;
    stdin.write_all(prompt.as_bytes())?;
    drop(stdin);
    let ended = follow(&mut child, recording, &home.work().join("started"), began);
    let seconds = began.elapsed().as_secs_f64();
    let left_behind = left_behind(&mark)?;
    let end = ended?;
    Ok(Ran {
        arguments,
        stdout: fs::read_to_string(&out)?,
        stderr: fs::read_to_string(&err)?,
        end,
        exit_code: end.code(),
        killed_by: end.signal(),
        seconds,
        ledger: server.ledger().to_json()["total"].clone(),
        files: files(&home.work())?,
        left_behind,
        port: server.port(),
    })
}

/// Waits until the program ends, and sends it the recording's signal once its tool runs.
fn follow(
    child: &mut Child,
    recording: &Recording,
    started: &Path,
    began: Instant,
) -> Outcome<ExitStatus> {
    let mut signal = recording.signal;
    loop {
        if let Some(end) = child.try_wait()? {
            return Ok(end);
        }
        if started.exists()
            && let Some(signal) = signal.take()
        {
            kill(pid(child.id())?, signal)?;
        }
        if began.elapsed() > PATIENCE {
            child.kill()?;
            child.wait()?;
            return Err("it did not end".into());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Returns the names of all processes that do not end after the program did, and ends them.
fn left_behind(mark: &str) -> Outcome<Vec<String>> {
    let until = Instant::now() + GRACE;
    while !marked(mark)?.is_empty() && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(20));
    }
    let left = marked(mark)?;
    for (id, _) in &left {
        match kill(*id, Signal::SIGKILL) {
            // It may have ended by itself meanwhile.
            Ok(()) | Err(Errno::ESRCH) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let mut names: Vec<String> = left.into_iter().map(|(_, name)| name).collect();
    names.sort();
    Ok(names)
}

/// Lists the processes that carry the mark.
fn marked(mark: &str) -> Outcome<Vec<(Pid, String)>> {
    let wanted = format!("{MARK}={mark}");
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let folder = entry?.path();
        let id = folder
            .file_name()
            .and_then(|name| name.to_str()?.parse().ok());
        let (Some(id), Ok(environment)) = (id, fs::read(folder.join("environ"))) else {
            continue;
        };
        let is_marked = environment
            .split(|byte| *byte == 0)
            .any(|variable| variable == wanted.as_bytes());
        if let (true, Ok(name)) = (is_marked, fs::read_to_string(folder.join("comm"))) {
            found.push((pid(id)?, name.trim().to_owned()));
        }
    }
    Ok(found)
}

fn pid(id: u32) -> Outcome<Pid> {
    Ok(Pid::from_raw(i32::try_from(id)?))
}

fn files(work: &Path) -> Outcome<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(work)? {
        let path = entry?.path();
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        if let (true, Some(name)) = (path.is_file(), name)
            && name != "README.md"
        {
            found.insert(name, fs::read_to_string(&path)?);
        }
    }
    Ok(found)
}
