//! Leftovers of a rig: what gtd made for attempts that have ended.

use std::sync::Arc;

use gtd_core::{BeadId, RigName, Target};
use gtd_host::{Leftover, Sweep};
use gtd_wire::pb::town::v1::{SweepRigRequest, SweepRigResponse};
use serde::Serialize;
use tonic::{Response, Status};

use super::{Api, document, town::blocking};

/// What was found, and whether it is gone.
#[derive(Debug, Serialize)]
struct LeftoversDoc {
    rig: RigName,
    /// Whether what could go is gone.
    removed: bool,
    items: Vec<LeftoverDoc>,
}

#[derive(Debug, Serialize)]
struct LeftoverDoc {
    /// `worktree` or `branch`.
    #[serde(rename = "type")]
    kind: &'static str,
    name: String,
    bead: Option<BeadId>,
    /// Why it stays; null when it goes.
    stays: Option<String>,
    /// Where what was uncommitted in it is saved.
    snapshot: Option<String>,
}

impl Api {
    /// Finds the leftovers of a rig, and takes them away but in a rehearsal.
    pub(super) async fn sweep(
        &self,
        request: SweepRigRequest,
    ) -> Result<Response<SweepRigResponse>, Status> {
        let rig = self.rig(&request.rig)?;
        let sweep = match request.validate_only {
            true => Sweep::Rehearse,
            false => Sweep::Remove,
        };
        let targets: Vec<Target> = {
            let graph = self.town.ledger.graph();
            let of_rig = graph.queues().filter(|queue| queue.target.rig == rig.name);
            of_rig.map(|queue| queue.target.clone()).collect()
        };
        let (town, name) = (Arc::clone(&self.town), rig.name.clone());
        let found = blocking(move || {
            let is_spent = |bead: &BeadId| gtd_host::is_spent_attempt(&town.ledger.graph(), bead);
            gtd_host::sweep_leftovers(&town.places, &rig, &targets, is_spent, sweep)
        })
        .await?;
        let doc = LeftoversDoc {
            rig: name,
            removed: sweep == Sweep::Remove,
            items: found.into_iter().map(LeftoverDoc::of).collect(),
        };
        document("RigLeftovers", doc, self.revision())
    }
}

impl LeftoverDoc {
    fn of(leftover: Leftover) -> Self {
        let Leftover {
            kind,
            name,
            bead,
            stays,
            snapshot,
        } = leftover;
        Self {
            kind,
            name,
            bead,
            stays,
            snapshot,
        }
    }
}
