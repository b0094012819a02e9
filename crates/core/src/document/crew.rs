//! A crew member, as a list shows it.

use serde::{Deserialize, Serialize};

use super::View;
use crate::{BeadId, CrewMember, CrewState, Moment, RigName, SeatName};

/// A crew member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CrewDoc {
    /// Its name.
    pub name: SeatName,
    /// The rig.
    pub rig: RigName,
    /// `coming` until its worktree is ready, `idle`, `working` while it holds a bead, `leaving`.
    pub state: String,
    /// The beads that are claimed under its name.
    pub beads: Vec<BeadId>,
    /// The branch that its worktree stands on at first.
    pub branch: String,
    /// The name of its worktree among those of the rig.
    pub slot: String,
    /// Why it was not put away when a person wanted that last.
    pub kept: Option<String>,
    /// Who made it.
    pub by: String,
    /// When.
    pub since: Moment,
}

/// Makes the documents of the crew members of one rig, or of all.
#[must_use]
pub fn crew_docs(view: View<'_>, rig: Option<&RigName>) -> Vec<CrewDoc> {
    view.graph
        .crew()
        .filter(|member| rig.is_none_or(|rig| *rig == member.rig))
        .map(|member| doc(view, member))
        .collect()
}

fn doc(view: View<'_>, member: &CrewMember) -> CrewDoc {
    let beads: Vec<BeadId> = view
        .graph
        .leased()
        .filter(|bead| {
            let lease = bead.phase.lease();
            lease.is_some_and(|lease| *lease.holder.name() == member.name)
        })
        .map(|bead| bead.id.clone())
        .collect();
    let (state, kept) = match &member.state {
        CrewState::Coming => ("coming", None),
        CrewState::Here { kept } if beads.is_empty() => ("idle", kept.clone()),
        CrewState::Here { kept } => ("working", kept.clone()),
        CrewState::Leaving { .. } => ("leaving", None),
    };
    CrewDoc {
        name: member.name.clone(),
        rig: member.rig.clone(),
        state: state.to_owned(),
        beads,
        branch: member.branch(),
        slot: member.slot(),
        kept,
        by: member.by.to_string(),
        since: Moment(member.since),
    }
}
