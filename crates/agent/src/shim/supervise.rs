//! Supervises one run from its start to its last word.
//!
//! One thread and one `poll`: signals come through a signalfd, output through
//! two pipes, time through the timeout. One thread also because the agent is
//! told to die with the *thread* that started it.
//!
//! | while | on | does |
//! |---|---|---|
//! | running | SIGTERM | TERM to the agent's group, KILL of everything after the grace |
//! | running | time limit | the same, with a grace of two seconds |
//! | ending | grace over | kills everything below |
//! | any | main process gone | kills what it left, drains, writes `exit.json`, ends |

use std::{
    fs::File,
    io::Read,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::process::CommandExt as _,
    },
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use gtd_core::{RunId, Timestamp};
use nix::{
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::{
        prctl,
        signal::{SigSet, Signal, killpg},
        signalfd::{SfdFlags, SignalFd},
    },
    unistd::{Pid, dup2_stdout, setsid},
};

use crate::{
    folder::{self, Folder, Keep},
    proc,
    shim::{
        CANNOT_START, STARTED, TAKEN, chain,
        output::Output,
        reap::{Pause, Reaped, reap, sweep, wake_all},
        say,
    },
    spec::{RunSpec, Stdin},
    state::{End, Exit, Kind, ShimRecord, StopOrder},
};

const DEFAULT_GRACE: Duration = Duration::from_secs(10);
const GRACE_AT_LIMIT: Duration = Duration::from_secs(2);
const CHUNK: usize = 64 * 1024;
/// Enough for what dead writers left in two pipes of the largest size.
const LAST_CHUNKS: usize = 64;

/// Supervises the run that is prepared in `dir`.
pub(super) fn run(dir: &Path) -> Result<(), String> {
    let signals = hear_signals().map_err(|error| format!("hear signals: {error}"))?;
    // It fails for the leader of a group, as from a terminal, and then it is not needed.
    let _ = setsid();
    prctl::set_child_subreaper(true).map_err(|error| format!("become a subreaper: {error}"))?;
    let folder = open(dir)?;
    let Some(_alone) = folder
        .try_lock(folder::SHIM_LOCK)
        .map_err(|error| chain(&error))?
    else {
        return say(TAKEN);
    };
    if folder.file(folder::SHIM).exists() || folder.file(folder::EXIT).exists() {
        return say(TAKEN);
    }
    let spec: RunSpec = folder
        .read(folder::SPEC)
        .map_err(|error| chain(&error))?
        .ok_or("there is no spec.json")?;
    let mut record = introduce().map_err(|error| format!("read /proc: {error}"))?;
    // From here on no other shim will begin this run, even after a power cut.
    folder
        .write(folder::SHIM, &record, Keep::Durably)
        .map_err(|error| chain(&error))?;
    gtd_fault::point("shim.before-child");

    let output = Output::create(&folder, spec.output_cap);
    let begun = begin(&folder, &spec, &mut record);
    tell_launcher();
    match begun {
        Ok(agent) => {
            let shift = Shift::new(&folder, &spec, record.started_at_ms, signals, output, agent);
            shift.work()
        }
        Err(why) => {
            let mut output = output;
            output.note(&why);
            finish(
                &folder,
                record.started_at_ms,
                &mut output,
                &Ended {
                    end: End::Code(i32::from(CANNOT_START)),
                    timed_out: false,
                    stopped: false,
                    left_behind: 0,
                },
            )
        }
    }
}

fn hear_signals() -> nix::Result<SignalFd> {
    let mut mask = SigSet::empty();
    for signal in [
        Signal::SIGTERM,
        Signal::SIGCHLD,
        Signal::SIGHUP,
        Signal::SIGINT,
        Signal::SIGQUIT,
        Signal::SIGUSR1,
        Signal::SIGUSR2,
    ] {
        mask.add(signal);
    }
    mask.thread_block()?;
    SignalFd::with_flags(&mask, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)
}

fn open(dir: &Path) -> Result<Folder, String> {
    let path = dir
        .canonicalize()
        .map_err(|error| format!("open {}: {error}", dir.display()))?;
    let run = path
        .file_name()
        .and_then(|name| name.to_str())
        .ok_or("the directory has no name")
        .and_then(|name| RunId::parse(name).map_err(|_| "the directory is not named as a run"))?;
    Ok(Folder::new(run, path))
}

fn introduce() -> std::io::Result<ShimRecord> {
    let pid = Pid::this().as_raw();
    let me = proc::read(pid)?.ok_or(std::io::ErrorKind::NotFound)?;
    Ok(ShimRecord {
        pid,
        pid_start_time: me.start,
        boot_id: proc::boot_id()?,
        child_pid: None,
        child_start_time: None,
        child_pgid: None,
        started_at_ms: crate::shim::now(),
    })
}

/// The launcher waits for the word and for the end of the pipe.
fn tell_launcher() {
    drop(say(STARTED));
    if let Ok(nowhere) = File::options().write(true).open("/dev/null") {
        let _ = dup2_stdout(&nowhere);
    }
}

/// The supervised process and the ends of its pipes.
struct Agent {
    pid: Pid,
    out: OwnedFd,
    err: OwnedFd,
}

fn begin(folder: &Folder, spec: &RunSpec, record: &mut ShimRecord) -> Result<Agent, String> {
    let stdin = match &spec.stdin {
        Stdin::Null => Stdio::null(),
        Stdin::File(name) => File::open(folder.file(name))
            .map_err(|error| format!("cannot open the input {name}: {error}"))?
            .into(),
    };
    // The program file may be replaced while this process runs; this name still finds ours.
    let mut child = Command::new("/proc/self/exe")
        .arg0("gtd-shim")
        .arg("--exec")
        .arg(record.pid.to_string())
        .arg(spec.nice.to_string())
        .arg(&folder.path)
        .arg(&spec.cwd)
        .arg(&spec.program)
        .args(&spec.args)
        .env_clear()
        .envs(&spec.env)
        .env("GTD_RUN", spec.run.as_str())
        .stdin(stdin)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .map_err(|error| format!("cannot start a process: {error}"))?;
    let pid = i32::try_from(child.id()).expect("a process id fits");
    record.child_pid = Some(pid);
    record.child_pgid = Some(pid);
    record.child_start_time = proc::read(pid).ok().flatten().map(|child| child.start);
    // Without the second record the run can still be stopped through the shim.
    drop(folder.write(folder::SHIM, record, Keep::Lightly));
    let (Some(out), Some(err)) = (child.stdout.take(), child.stderr.take()) else {
        unreachable!("both were asked for");
    };
    Ok(Agent {
        pid: Pid::from_raw(pid),
        out: out.into(),
        err: err.into(),
    })
}

/// What the run was told to do about its end.
#[derive(Debug, Clone, Copy)]
enum Ending {
    NotYet,
    Soon { kill_at: Instant },
    Killed,
}

/// How the run ended.
struct Ended {
    end: End,
    timed_out: bool,
    stopped: bool,
    left_behind: u32,
}

/// All that the shim has in hand while the run lasts.
struct Shift<'a> {
    folder: &'a Folder,
    started_at: Timestamp,
    signals: SignalFd,
    output: Output,
    main: Pid,
    out: Option<File>,
    err: Option<File>,
    limit_ms: Option<u64>,
    limit: Option<Instant>,
    paused_since: Option<Instant>,
    ending: Ending,
    timed_out: bool,
    stopped: bool,
    end: Option<End>,
}

impl<'a> Shift<'a> {
    fn new(
        folder: &'a Folder,
        spec: &RunSpec,
        started_at: Timestamp,
        signals: SignalFd,
        output: Output,
        agent: Agent,
    ) -> Self {
        Self {
            folder,
            started_at,
            signals,
            output,
            main: agent.pid,
            out: Some(File::from(agent.out)),
            err: Some(File::from(agent.err)),
            limit_ms: spec.limit_ms,
            // A limit beyond what the clock can hold is no limit.
            limit: spec
                .limit_ms
                .and_then(|ms| Instant::now().checked_add(Duration::from_millis(ms))),
            paused_since: None,
            ending: Ending::NotYet,
            timed_out: false,
            stopped: false,
            end: None,
        }
    }

    fn work(mut self) -> Result<(), String> {
        let mut chunk = vec![0; CHUNK];
        while self.end.is_none() {
            let ready = self.wait();
            for kind in [Kind::Out, Kind::Err] {
                if ready.has(kind) {
                    self.pump(kind, &mut chunk);
                }
            }
            if ready.signals {
                self.answer_signals();
            }
            self.watch_the_clock();
            self.output.tick();
        }
        self.close(&mut chunk)
    }

    fn wait(&self) -> Ready {
        wait_for(
            self.signals.as_fd(),
            self.out.as_ref().map(AsFd::as_fd),
            self.err.as_ref().map(AsFd::as_fd),
            self.timeout(),
        )
    }

    fn timeout(&self) -> PollTimeout {
        let end = match self.ending {
            Ending::NotYet if self.paused_since.is_none() => self.limit,
            Ending::NotYet => None,
            Ending::Soon { kill_at } => Some(kill_at),
            // What will not die at once is looked for again.
            Ending::Killed => Some(Instant::now() + Duration::from_millis(100)),
        };
        match end.into_iter().chain(self.output.due()).min() {
            None => PollTimeout::NONE,
            Some(at) => {
                let left = at.saturating_duration_since(Instant::now());
                let ms = left.as_millis().min(60_000) + 1;
                PollTimeout::try_from(ms).unwrap_or(PollTimeout::MAX)
            }
        }
    }

    /// Reads once; says whether there may be more.
    fn pump(&mut self, kind: Kind, chunk: &mut [u8]) -> bool {
        let stream = match kind {
            Kind::Err => &mut self.err,
            Kind::Out | Kind::Note => &mut self.out,
        };
        let n = match stream {
            Some(file) => file.read(chunk).unwrap_or(0),
            None => 0,
        };
        if n == 0 {
            *stream = None;
            return false;
        }
        self.output.take(kind, &chunk[..n]);
        true
    }

    fn answer_signals(&mut self) {
        let mut is_asked = false;
        while let Ok(Some(signal)) = self.signals.read_signal() {
            is_asked |= signal.ssi_signo == Signal::SIGTERM as u32;
        }
        let reaped = reap(self.main);
        self.note_reaped(&reaped);
        if is_asked && self.end.is_none() {
            self.stopped = true;
            let grace = match self.folder.read::<StopOrder>(folder::STOP) {
                Ok(Some(order)) => Duration::from_millis(order.grace_ms),
                _ => DEFAULT_GRACE,
            };
            self.output.note(&format!(
                "asked to stop: TERM now, KILL after {} ms",
                grace.as_millis()
            ));
            self.end_within(grace);
        }
    }

    fn note_reaped(&mut self, reaped: &Reaped) {
        self.end = self.end.or(reaped.end);
        match reaped.pause {
            // Only a freeze from outside stops the clock, not an agent that stops itself.
            Some(Pause::Stopped) if self.folder.file(folder::FROZEN).exists() => {
                self.paused_since.get_or_insert_with(Instant::now);
            }
            Some(Pause::Continued) => {
                if let (Some(since), Some(limit)) = (self.paused_since.take(), self.limit) {
                    self.limit = limit.checked_add(since.elapsed());
                }
            }
            Some(Pause::Stopped) | None => {}
        }
    }

    fn end_within(&mut self, grace: Duration) {
        let now = Instant::now();
        let asked = now.checked_add(grace);
        self.ending = match (self.ending, asked) {
            (Ending::Killed, _) => Ending::Killed,
            (Ending::Soon { kill_at }, Some(asked)) => Ending::Soon {
                kill_at: kill_at.min(asked),
            },
            (Ending::NotYet, Some(kill_at)) => Ending::Soon { kill_at },
            (earlier, None) => earlier,
        };
        // The main process has not been waited for, so its group is still its own.
        let _ = killpg(self.main, Signal::SIGTERM);
        wake_all();
    }

    fn watch_the_clock(&mut self) {
        if self.end.is_some() {
            return;
        }
        let now = Instant::now();
        match self.ending {
            Ending::NotYet => {
                let is_over = self.limit.is_some_and(|limit| limit <= now);
                if is_over && self.paused_since.is_none() {
                    self.timed_out = true;
                    self.output.note(&format!(
                        "over the time limit of {} ms: TERM now, KILL after {} ms",
                        self.limit_ms.unwrap_or_default(),
                        GRACE_AT_LIMIT.as_millis()
                    ));
                    self.end_within(GRACE_AT_LIMIT);
                }
            }
            Ending::Soon { kill_at } if kill_at <= now => {
                self.output.note("it did not end in time: KILL");
                self.kill();
            }
            Ending::Soon { .. } => {}
            Ending::Killed => self.kill(),
        }
    }

    fn kill(&mut self) {
        self.ending = Ending::Killed;
        let swept = sweep(self.main);
        self.end = self.end.or(swept.end);
        if swept.left > 0 {
            self.output
                .note(&format!("{} processes cannot be killed", swept.left));
        }
    }

    fn close(mut self, chunk: &mut [u8]) -> Result<(), String> {
        let swept = sweep(self.main);
        // Every writer is gone, so what the pipes hold is all there will ever be.
        for _ in 0..LAST_CHUNKS {
            let ready = wait_for(
                self.signals.as_fd(),
                self.out.as_ref().map(AsFd::as_fd),
                self.err.as_ref().map(AsFd::as_fd),
                PollTimeout::ZERO,
            );
            let mut is_more = false;
            for kind in [Kind::Out, Kind::Err] {
                is_more |= ready.has(kind) && self.pump(kind, chunk);
            }
            if !is_more {
                break;
            }
        }
        if let Ok(why) = std::fs::read_to_string(self.folder.file(folder::EXEC_ERROR)) {
            self.output.note(&why);
        }
        if swept.killed > 0 {
            self.output.note(&format!(
                "{} processes were left behind and killed",
                swept.killed
            ));
        }
        if swept.left > 0 {
            self.output
                .note(&format!("{} processes cannot be killed", swept.left));
        }
        let ended = Ended {
            end: self.end.unwrap_or(End::Signal(Signal::SIGKILL as i32)),
            timed_out: self.timed_out,
            stopped: self.stopped,
            left_behind: swept.killed,
        };
        finish(self.folder, self.started_at, &mut self.output, &ended)
    }
}

/// Writes the last word of the run.
fn finish(
    folder: &Folder,
    started_at: Timestamp,
    output: &mut Output,
    ended: &Ended,
) -> Result<(), String> {
    output.finish();
    let (output_bytes, dropped_bytes) = output.totals();
    let exit = Exit {
        end: ended.end,
        timed_out: ended.timed_out,
        stopped: ended.stopped,
        started_at,
        ended_at: crate::shim::now(),
        output_bytes,
        dropped_bytes,
        left_behind: ended.left_behind,
    };
    gtd_fault::point("shim.before-exit-file");
    // The last word is worth waiting for: a full disk may have room in a while.
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        match folder.write(folder::EXIT, &exit, Keep::Durably) {
            Ok(()) => return Ok(()),
            Err(error) if Instant::now() > until => return Err(chain(&error)),
            Err(_) => std::thread::sleep(Duration::from_millis(500)),
        }
    }
}

/// Which descriptors have something.
#[derive(Debug, Clone, Copy, Default)]
struct Ready {
    signals: bool,
    out: bool,
    err: bool,
}

impl Ready {
    fn has(self, kind: Kind) -> bool {
        match kind {
            Kind::Out => self.out,
            Kind::Err => self.err,
            Kind::Note => false,
        }
    }
}

fn wait_for(
    signals: BorrowedFd<'_>,
    out: Option<BorrowedFd<'_>>,
    err: Option<BorrowedFd<'_>>,
    timeout: PollTimeout,
) -> Ready {
    let mut fds = vec![PollFd::new(signals, PollFlags::POLLIN)];
    fds.extend(
        out.iter()
            .chain(err.iter())
            .map(|fd| PollFd::new(*fd, PollFlags::POLLIN)),
    );
    if poll(&mut fds, timeout).is_err() {
        return Ready::default();
    }
    let mut any = fds.iter().map(|fd| fd.any().unwrap_or(true));
    Ready {
        signals: any.next().unwrap_or(false),
        out: out.is_some() && any.next().unwrap_or(false),
        err: err.is_some() && any.next().unwrap_or(false),
    }
}
