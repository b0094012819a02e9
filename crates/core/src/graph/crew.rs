//! Standing members: what is known of them, and what events make of them.

use super::Graph;
use crate::{
    Admits, CrewAgent, CrewMember, CrewOutcome, CrewState, CrewTurn, Note, PauseScope, Purse,
    RunId, RuntimeName, SeatName, Timestamp,
};

impl Graph {
    /// Lists the crew members, by name.
    pub fn crew(&self) -> impl Iterator<Item = &CrewMember> {
        self.facts.crew.values()
    }

    /// Finds a crew member.
    #[must_use]
    pub fn crew_member(&self, name: &SeatName) -> Option<&CrewMember> {
        self.facts.crew.get(name)
    }

    /// Tells whether a run is the last turn of a standing member, or the one that goes on: what
    /// comes next is read off it.
    #[must_use]
    pub fn is_turn_of_crew(&self, run: &RunId) -> bool {
        let mut agents = self.crew().filter_map(|member| member.agent.as_deref());
        agents.any(|agent| {
            let goes_on = agent.turn.as_ref().map(|turn| &turn.run);
            goes_on == Some(run) || agent.last.as_ref() == Some(run)
        })
    }

    /// Says why the agent of a standing member begins no turn now, whatever it is told.
    #[must_use]
    pub fn why_crew_waits(&self, member: &CrewMember, now: Timestamp) -> Option<String> {
        let agent = member.agent.as_deref()?;
        if self.stop().is_some() {
            return Some("everything is stopped: gtd resume --all".to_owned());
        }
        let of_place = self.pauses().iter().find(|pause| match &pause.scope {
            PauseScope::Town => true,
            PauseScope::Rig(rig) => *rig == member.rig,
            PauseScope::Role(role) => role.as_str() == "crew",
            PauseScope::Runtime(runtime) => *runtime == agent.runtime,
            PauseScope::Bead(_) => false,
        });
        if let Some(pause) = of_place.or_else(|| self.revoked(&member.rig)) {
            let text = format!("held back by {}: {}", pause.by, pause.why);
            return Some(text.trim_end_matches([':', ' ']).to_owned());
        }
        let runtime = agent.runtime.as_str();
        if self.runtime_admits(runtime, now) == Admits::Nobody {
            let hold = self.runtime_hold(runtime);
            let text = hold.map_or_else(String::new, |hold| hold.text.clone());
            return Some(format!("{text}: gtd resume {runtime}"));
        }
        let rules = &self.rig(&member.rig)?.rules.budget;
        if !rules.costs(runtime) {
            return None;
        }
        let caps = Purse::new(self, now).caps_of_rig(&member.rig);
        let full = caps.iter().find(|cap| cap.free() == 0)?;
        Some(format!("{} is used up: gtd cost budget", full.name()))
    }

    fn change_crew_agent(&mut self, name: &SeatName, change: impl FnOnce(&mut CrewAgent)) {
        let member = self.facts.crew.get_mut(name);
        if let Some(agent) = member.and_then(|member| member.agent.as_deref_mut()) {
            change(agent);
        }
    }

    pub(super) fn start_crew(&mut self, name: &SeatName, runtime: &RuntimeName) {
        let Some(member) = self.facts.crew.get_mut(name) else {
            return;
        };
        let agent = member
            .agent
            .get_or_insert_with(|| Box::new(CrewAgent::new(runtime.clone())));
        agent.stopped = false;
        if agent.runtime != *runtime {
            agent.runtime = runtime.clone();
            (agent.session, agent.last) = (None, None);
            // A new session knows of nothing.
            agent.given.clear();
        }
    }

    pub(super) fn stop_crew(&mut self, name: &SeatName) {
        self.change_crew_agent(name, |agent| agent.stopped = true);
    }

    pub(super) fn tell_crew(&mut self, name: &SeatName, note: &Note) {
        self.change_crew_agent(name, |agent| agent.unheard.push(note.clone()));
    }

    pub(super) fn begin_crew_turn(&mut self, name: &SeatName, turn: CrewTurn, told: u32) {
        self.change_crew_agent(name, |agent| {
            let told = usize::try_from(told).unwrap_or(usize::MAX);
            let told = told.min(agent.unheard.len());
            agent.turns = turn.number;
            agent.given.extend(turn.bead.clone());
            agent.turn = Some(CrewTurn {
                told: agent.unheard.drain(..told).collect(),
                ..turn
            });
        });
    }

    pub(super) fn end_crew_turn(
        &mut self,
        name: &SeatName,
        session: Option<&String>,
        fault: Option<&String>,
        unsaid: bool,
    ) {
        self.change_crew_agent(name, |agent| {
            let Some(turn) = agent.turn.take() else {
                return;
            };
            if unsaid {
                if let Some((bead, _)) = &turn.bead {
                    agent.given.remove(bead);
                }
                agent.unheard.splice(0..0, turn.told);
            }
            if unsaid && session.is_none() {
                agent.given.clear();
            }
            agent.session = session.cloned();
            agent.fault = fault.cloned();
            // What the session used before is read off its last run: one that never was has none.
            if !(unsaid && session.is_some()) {
                agent.last = Some(turn.run);
            }
        });
    }

    pub(super) fn put_crew_member(&mut self, member: CrewMember) {
        self.facts.crew.insert(member.name.clone(), member);
    }

    pub(super) fn note_leaving(&mut self, name: &SeatName, discard: bool) {
        if let Some(member) = self.facts.crew.get_mut(name) {
            member.state = CrewState::Leaving { discard };
        }
    }

    pub(super) fn conclude_crew(&mut self, name: &SeatName, outcome: CrewOutcome, why: &str) {
        let state = match outcome {
            CrewOutcome::Gone => {
                self.facts.crew.remove(name);
                return;
            }
            CrewOutcome::Ready => CrewState::Here { kept: None },
            CrewOutcome::Kept => CrewState::Here {
                kept: Some(why.to_owned()),
            },
        };
        if let Some(member) = self.facts.crew.get_mut(name) {
            member.state = state;
        }
    }
}
