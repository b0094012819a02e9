//! Begins a run, or adopts it: exactly one process for one run id, for ever.
//!
//! | crash of the launcher | what the next `ensure` finds |
//! |---|---|
//! | before `mkdir` | absent: launches |
//! | after `mkdir` | prepared: launches into it |
//! | after the spawn | prepared or live: the shim goes on; a second shim gives way to `shim.lock` and `shim.json` |
//!
//! Launchers exclude each other with a lock file; the kernel frees it with its
//! holder. The shim tells its launcher through a pipe when it has taken over.

use std::{
    fs::OpenOptions,
    io::{self, Read as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::{
    error::RunError,
    folder::{self, Folder, Keep},
    runs::{Runs, state_of},
    shim::TAKEN,
    spec::RunSpec,
    state::RunState,
};

/// How long another shim, found at work without a record, may take to show one.
const PATIENCE: Duration = Duration::from_secs(10);

impl Runs {
    /// Makes sure that the run exists, and says where it stands: begins it once, adopts it after.
    ///
    /// # Errors
    /// When the specification is refused, or the run can be neither read nor
    /// launched. Calling again is always safe.
    pub fn ensure(&self, spec: &RunSpec) -> Result<RunState, RunError> {
        let folder = self.folder(&spec.run);
        match state_of(&folder)? {
            RunState::Absent | RunState::Prepared => self.launch(&folder, spec),
            adopted => Ok(adopted),
        }
    }

    fn launch(&self, folder: &Folder, spec: &RunSpec) -> Result<RunState, RunError> {
        spec.check_files()?;
        folder.create().map_err(|source| RunError::Create {
            run: spec.run.clone(),
            source,
        })?;
        gtd_fault::point("agent.after-mkdir");
        let _only_launcher = folder.lock(folder::LAUNCH_LOCK)?;
        let until = Instant::now() + PATIENCE;
        let mut is_written = false;
        loop {
            match state_of(folder)? {
                RunState::Prepared => {}
                RunState::Absent => {
                    return Err(RunError::Unknown {
                        run: spec.run.clone(),
                    });
                }
                begun => return Ok(begun),
            }
            if !is_written {
                prepare(folder, spec)?;
                is_written = true;
            }
            let said = self.spawn(folder, spec)?;
            let state = state_of(folder)?;
            if state != RunState::Prepared {
                return Ok(state);
            }
            // A shim of a launcher that died holds the lock and is about to show itself.
            if said.trim() != TAKEN || Instant::now() > until {
                return Err(RunError::Shim {
                    run: spec.run.clone(),
                    said: complaint(folder, &said),
                });
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Starts a shim and waits until it has taken over or given up; returns what it said.
    fn spawn(&self, folder: &Folder, spec: &RunSpec) -> Result<String, RunError> {
        let failed = |source| RunError::Spawn {
            run: folder.run.clone(),
            program: self.shim.clone(),
            source,
        };
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(folder.file(folder::SHIM_LOG))
            .map_err(failed)?;
        let mut command = Command::new(&self.shim);
        command
            .arg(&folder.path)
            .current_dir(&folder.path)
            .env_clear()
            .stdin(match spec.secret.is_empty() {
                true => Stdio::null(),
                false => Stdio::piped(),
            })
            .stdout(Stdio::piped())
            .stderr(log);
        if let Some(faults) = std::env::var_os("GTD_FAULT") {
            command.env("GTD_FAULT", faults);
        }
        let mut shim = command.spawn().map_err(failed)?;
        gtd_fault::point("agent.after-spawn");
        if let Some(mut pipe) = shim.stdin.take() {
            let secrets = serde_json::to_vec(spec.secrets.get()).expect("texts are JSON");
            // A shim that gives way to another one reads nothing.
            drop(pipe.write_all(&secrets));
        }
        let mut said = String::new();
        let heard = match shim.stdout.take() {
            Some(mut pipe) => pipe.read_to_string(&mut said),
            None => Ok(0),
        };
        // Somebody must wait for a child, or it stays a zombie for as long as we live.
        let reaper = thread::Builder::new()
            .name("reap-shim".to_owned())
            .stack_size(64 * 1024)
            .spawn(move || drop(shim.wait()));
        reaper.map_err(failed)?;
        heard.map_err(failed)?;
        Ok(said)
    }
}

fn prepare(folder: &Folder, spec: &RunSpec) -> Result<(), RunError> {
    for (name, content) in &spec.files {
        folder.write_bytes(name, content.as_bytes(), Keep::Lightly)?;
    }
    // After a power cut nobody begins it from this text: without the shim's record, which is
    // durable, it is written anew.
    folder.write(folder::SPEC, spec, Keep::Lightly)
}

fn complaint(folder: &Folder, said: &str) -> String {
    let log = std::fs::read(folder.file(folder::SHIM_LOG))
        .or_else(|error| match error.kind() {
            io::ErrorKind::NotFound => Ok(Vec::new()),
            _ => Err(error),
        })
        .unwrap_or_default();
    let text = format!("{}\n{}", said.trim(), String::from_utf8_lossy(&log));
    match text.lines().rfind(|line| !line.trim().is_empty()) {
        Some(line) => line.chars().take(300).collect(),
        None => "it said nothing".to_owned(),
    }
}
