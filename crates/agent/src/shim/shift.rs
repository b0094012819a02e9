//! The working hours of a shim: from the start of the agent to its end.
//!
//! One thread and one `poll`: signals come through a signalfd, output through
//! two pipes, time through the timeout. One thread also because the agent is
//! told to die with the *thread* that started it.
//!
//! | while | on | does |
//! |---|---|---|
//! | not yet | SIGTERM | TERM to the agent's group, then soon |
//! | not yet | time limit | the same, with a grace of two seconds |
//! | soon | another SIGTERM | the nearer of both deadlines holds |
//! | soon | deadline | kills everything below, then killed |
//! | any | main process gone | kills what it left, drains, leaves the last word |

use std::{
    fs::File,
    io::Read as _,
    os::fd::AsFd as _,
    time::{Duration, Instant},
};

use gtd_core::Timestamp;
use nix::{
    poll::PollTimeout,
    sys::{
        signal::{Signal, killpg},
        signalfd::SignalFd,
    },
    unistd::Pid,
};

use crate::{
    folder::{self, Folder},
    shim::{
        begin::Agent,
        finish::{Ended, finish},
        output::Output,
        ready::{Ready, wait_for},
        reap::{Pause, Reaped, reap, sweep, wake_all},
        report::Expected,
    },
    spec::RunSpec,
    state::{End, Kind, StopOrder},
};

const DEFAULT_GRACE: Duration = Duration::from_secs(10);
const GRACE_AT_LIMIT: Duration = Duration::from_secs(2);
const CHUNK: usize = 64 * 1024;
/// Enough for what dead writers left in two pipes of the largest size.
const LAST_CHUNKS: usize = 64;

/// What the run was told to do about its end.
#[derive(Debug, Clone, Copy)]
enum Ending {
    NotYet,
    Soon { kill_at: Instant },
    Killed,
}

/// All that the shim has in hand while the run lasts.
pub(super) struct Shift<'a> {
    folder: &'a Folder,
    started_at: Timestamp,
    signals: SignalFd,
    output: Output,
    report: Option<Expected>,
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
    pub(super) fn new(
        folder: &'a Folder,
        spec: &RunSpec,
        started_at: Timestamp,
        signals: SignalFd,
        output: Output,
        agent: Agent,
        report: Option<Expected>,
    ) -> Self {
        Self {
            folder,
            started_at,
            signals,
            output,
            report,
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

    pub(super) fn work(mut self) -> Result<(), String> {
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
            self.out.as_ref().map(std::os::fd::AsFd::as_fd),
            self.err.as_ref().map(std::os::fd::AsFd::as_fd),
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
                self.out.as_ref().map(std::os::fd::AsFd::as_fd),
                self.err.as_ref().map(std::os::fd::AsFd::as_fd),
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
            report: self.report.take().map(|report| report.keep(self.folder)),
        };
        finish(self.folder, self.started_at, &mut self.output, &ended)
    }
}
