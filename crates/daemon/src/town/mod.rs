//! What the services share: the ledger, what is seen, the rigs, the hosts, the way out.

mod config;
mod hosts;
mod rigs;
mod roles;
mod target;

use std::{
    path::PathBuf,
    sync::{Arc, atomic::AtomicU64},
    time::Instant,
};

use gtd_client::{Places, TownKey};
use gtd_core::{BeadId, Rig, Timestamp, View};
use gtd_host::Runs;
use tokio_util::sync::CancellationToken;

pub(crate) use self::{
    config::{MAYOR, REFINERY, REVIEWER, WORKER},
    hosts::{BUILT_IN, Hosts, LastPass, ROLES, Told},
    rigs::{OrderFrame, Rigs},
    target::{Chosen, choose_target, resolve_wish},
};
use crate::{board::Board, ledger::Ledger};

/// What the services share.
#[derive(Debug)]
pub(crate) struct Town {
    /// The folders.
    pub(crate) places: Places,
    /// The town's key.
    pub(crate) key: TownKey,
    /// The id that the log bears.
    pub(crate) id: String,
    /// The one writer.
    pub(crate) ledger: Ledger,
    /// What is seen of the world.
    pub(crate) board: Arc<Board>,
    /// The rigs and their configuration.
    pub(crate) rigs: Rigs,
    /// The role hosts.
    pub(crate) hosts: Hosts,
    /// The supervised processes.
    pub(crate) runs: Runs,
    /// When the daemon started.
    pub(crate) started_at: Timestamp,
    /// The same by a clock that nobody sets.
    pub(crate) started: Instant,
    /// Asks for the end.
    pub(crate) leaving: CancellationToken,
    /// Ends every stream.
    pub(crate) closing: CancellationToken,
    /// One stop or thaw at a time.
    pub(crate) stopping: tokio::sync::Mutex<()>,
    /// How often the user's files were read.
    pub(crate) config_reads: AtomicU64,
    /// One change of the plan of backups at a time.
    pub(crate) backing_up: std::sync::Mutex<()>,
}

impl Town {
    /// Looks at the graph and at what is seen, for as long as `look` takes.
    pub(crate) fn view<T>(&self, look: impl FnOnce(View<'_>) -> T) -> T {
        let graph = self.ledger.graph();
        let observations = self.board.read();
        look(View {
            graph: &graph,
            observations: &observations,
            now: self.ledger.now(),
        })
    }

    /// Tells whether an agent that holds a bead may use a verb of gtd, as its role file says.
    pub(crate) fn allows_verb(&self, bead: &BeadId, verb: &str) -> bool {
        let graph = self.ledger.graph();
        let rig = graph.bead(bead).map(|bead| bead.rig.clone());
        let name = match graph.goal(bead) {
            Some(_) => MAYOR,
            None => WORKER,
        };
        let roles = match rig {
            Some(rig) => self.rigs.roles().of_rig(&rig),
            None => self.rigs.roles().of_town(),
        };
        let role = roles.set().get(name);
        role.is_some_and(|role| role.access.allows_verb(verb))
    }

    /// Looks whether the files of the rigs are as they were trusted, and says so. Reads files.
    pub(crate) fn look_at_trust(&self) {
        let rigs: Vec<Rig> = self.ledger.graph().rigs().cloned().collect();
        let (observer, seen) = self.rigs.observe(&rigs, self.ledger.now());
        self.board.publish(observer, seen);
    }

    /// Returns the folder of the runs, as it stands in the words of their shims.
    pub(crate) fn runs_folder(&self) -> PathBuf {
        let runs = self.places.runs();
        runs.canonicalize().unwrap_or(runs)
    }

    /// Returns the folder of the logs.
    pub(crate) fn logs(&self) -> PathBuf {
        self.places.logs()
    }
}
