//! Keeps the machine from falling asleep while work goes on, where `systemd-inhibit` can.
//!
//! The lock is a process that reads from a pipe of the daemon's, so it ends with the daemon, however
//! that ends. Where none can be had that is told once, and work goes on.

use std::{
    env,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use gtd_core::{Revision, View, stands_still};

use crate::town::Town;

const PROGRAM: &str = "systemd-inhibit";

/// The lock on sleep.
#[derive(Debug)]
pub(super) struct Awake {
    /// What takes it; none when there is nothing that could.
    program: Option<PathBuf>,
    held: Option<Child>,
    /// What was looked at last, when nothing went on then.
    idle_at: Option<Revision>,
}

impl Awake {
    /// Looks for what takes the lock.
    pub(super) fn find() -> Self {
        let folders = env::var_os("PATH").unwrap_or_default();
        let mut programs = env::split_paths(&folders).map(|folder| folder.join(PROGRAM));
        Self {
            program: programs.find(|path| path.is_file()),
            held: None,
            idle_at: None,
        }
    }

    /// Takes the lock when work goes on, and lets go of it when none does.
    pub(super) fn look(&mut self, town: &Town) {
        let Some(program) = self.program.clone() else {
            return;
        };
        if let Some(held) = &mut self.held
            && let Ok(Some(status)) = held.try_wait()
        {
            tracing::warn!(%status, "the machine may fall asleep under the agents: systemd-inhibit ended");
            (self.program, self.held) = (None, None);
            return;
        }
        let revision = town.ledger.graph().revision();
        if self.held.is_none() && self.idle_at == Some(revision) {
            return;
        }
        let is_wanted = town.view(goes_on) && wants_it(town);
        self.idle_at = (!is_wanted).then_some(revision);
        match (is_wanted, self.held.is_some()) {
            (true, false) => self.take(program),
            (false, true) => self.release(),
            _ => {}
        }
    }

    fn take(&mut self, program: PathBuf) {
        let taken = Command::new(program)
            .args(["--what=sleep:idle", "--mode=block", "--who=gtd"])
            .args(["--why=agents are at work", "cat"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        match taken {
            Ok(child) => self.held = Some(child),
            Err(why) => {
                tracing::warn!(%why, "the machine may fall asleep under the agents");
                self.program = None;
            }
        }
    }

    fn release(&mut self) {
        let Some(mut held) = self.held.take() else {
            return;
        };
        // Its `cat` hears of the end by the pipe, and it itself by this.
        drop(held.stdin.take());
        drop(held.kill());
        drop(held.wait());
    }
}

impl Drop for Awake {
    fn drop(&mut self) {
        self.release();
    }
}

/// Tells whether something is at work, or will be by itself: a wait for the reset of a limit ends
/// only on a machine that is awake.
fn goes_on(view: View<'_>) -> bool {
    let is_still = |id| stands_still(view.graph, view.observations, id, view.now);
    view.graph.stop().is_none()
        && (view.graph.leased().next().is_some()
            || view.graph.open_goals().any(|(id, _)| !is_still(id)))
}

fn wants_it(town: &Town) -> bool {
    let config = town.rigs.config(None).ok();
    let said = config
        .as_ref()
        .and_then(|config| config.get("town.keep_awake"));
    said.and_then(|(value, _)| value.as_bool()) != Some(false)
}
