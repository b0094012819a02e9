//! Standing members: what is known of them, and what events make of them.

use super::Graph;
use crate::{CrewMember, CrewOutcome, CrewState, SeatName};

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
