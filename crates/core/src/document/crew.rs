//! A crew member, as a list shows it.

use serde::{Deserialize, Serialize};

use super::View;
use crate::{
    BeadId, CrewAgent, CrewMember, CrewState, Moment, RigName, RunId, RuntimeName, SeatName,
};

/// A crew member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CrewDoc {
    /// Its name.
    pub name: SeatName,
    /// The rig.
    pub rig: RigName,
    /// `coming` until its worktree is ready, `idle`, `working` while it holds a bead or its agent is
    /// in a turn, `leaving`.
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
    /// Its agent; none where people work.
    #[serde(default)]
    pub agent: Option<CrewAgentDoc>,
}

/// The agent of a crew member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CrewAgentDoc {
    /// The runtime.
    pub runtime: RuntimeName,
    /// `quiet`, `in a turn`, `waiting` when it was told something and does not begin, `stopping` or
    /// `stopped`.
    pub state: String,
    /// Why it waits.
    pub waits: Option<String>,
    /// The session that goes on with its next turn.
    pub session: Option<String>,
    /// How many turns have begun.
    pub turns: u64,
    /// The run of the turn that goes on.
    pub run: Option<RunId>,
    /// The run of the last turn that ended.
    pub last: Option<RunId>,
    /// Why the last turn did not end well.
    pub fault: Option<String>,
    /// How many of the things that it was told no turn has begun with.
    pub unheard: usize,
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
        CrewState::Here { kept } if beads.is_empty() && !is_in_a_turn(member) => {
            ("idle", kept.clone())
        }
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
        agent: member
            .agent
            .as_deref()
            .map(|agent| agent_doc(view, member, agent)),
    }
}

fn is_in_a_turn(member: &CrewMember) -> bool {
    let agent = member.agent.as_ref();
    agent.is_some_and(|agent| agent.turn.is_some())
}

fn agent_doc(view: View<'_>, member: &CrewMember, agent: &CrewAgent) -> CrewAgentDoc {
    let waits = match &agent.turn {
        Some(turn) => {
            let wait = view.graph.back_off(&format!("run {}", turn.run));
            wait.map(|wait| wait.why.clone())
        }
        None if agent.unheard.is_empty() || agent.stopped => None,
        None => view.graph.why_crew_waits(member, view.now),
    };
    let state = match (&agent.turn, agent.stopped) {
        (Some(_), true) => "stopping",
        (Some(_), false) if waits.is_some() => "waiting",
        (Some(_), false) => "in a turn",
        (None, true) => "stopped",
        (None, false) if waits.is_some() => "waiting",
        (None, false) => "quiet",
    };
    CrewAgentDoc {
        runtime: agent.runtime.clone(),
        state: state.to_owned(),
        waits,
        session: agent.session.clone(),
        turns: agent.turns,
        run: agent.turn.as_ref().map(|turn| turn.run.clone()),
        last: agent.last.clone(),
        fault: agent.fault.clone(),
        unheard: agent.unheard.len(),
    }
}
