//! Keeps the machine from falling asleep while work goes on.
//!
//! Where no lock can be had that is told once, and work goes on.

use std::path::PathBuf;

use gtd_core::{Revision, View, stands_still};
use gtd_host::SleepLock;

use crate::town::Town;

/// Whether the machine is kept awake.
#[derive(Debug)]
pub(super) struct Awake {
    /// What takes the lock; none when there is nothing that could.
    program: Option<PathBuf>,
    held: Option<SleepLock>,
    /// What was looked at last, when nothing went on then.
    idle_at: Option<Revision>,
}

impl Awake {
    /// Looks for what takes the lock.
    pub(super) fn find() -> Self {
        Self {
            program: SleepLock::program(),
            held: None,
            idle_at: None,
        }
    }

    /// Takes the lock when work goes on, and lets go of it when none does.
    pub(super) fn look(&mut self, town: &Town) {
        let Some(program) = self.program.clone() else {
            return;
        };
        if let Some(status) = self.held.as_mut().and_then(SleepLock::ended) {
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
        if !is_wanted {
            self.held = None;
        } else if self.held.is_none() {
            match SleepLock::take(program) {
                Ok(lock) => self.held = Some(lock),
                Err(why) => {
                    tracing::warn!(%why, "the machine may fall asleep under the agents");
                    self.program = None;
                }
            }
        }
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
