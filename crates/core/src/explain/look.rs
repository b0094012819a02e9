//! What an explanation looks at, and what it has found out on the way.

use std::collections::HashMap;

use super::{Observations, bead::find, goal::stands};
use crate::{BeadId, Graph, Timestamp};

/// What an explanation looks at.
#[derive(Clone, Copy)]
pub(super) struct Look<'a> {
    pub(super) graph: &'a Graph,
    pub(super) observations: &'a Observations,
    pub(super) now: Timestamp,
}

/// Which beads and goals go on by themselves, as far as that was looked at.
///
/// With it a whole goal costs one look at each of its beads, however long its
/// chains are.
#[derive(Default)]
pub(super) struct Memo {
    goes_on: HashMap<BeadId, bool>,
}

impl Memo {
    /// Tells whether a bead or goal that has not ended goes on without a person.
    pub(super) fn goes_on(&mut self, look: Look<'_>, id: &BeadId) -> bool {
        let mut path: Vec<BeadId> = Vec::new();
        let mut at = id.clone();
        let answer = loop {
            if let Some(known) = self.goes_on.get(&at) {
                break *known;
            }
            let Some(bead) = look.graph.bead(&at) else {
                break true;
            };
            // Until it is known; a circle of goals stands still.
            self.goes_on.insert(at.clone(), false);
            path.push(at);
            if let Some(goal) = look.graph.goal(&bead.id) {
                break !stands(look, self, bead, goal);
            }
            let found = find(look, bead);
            match found.on {
                Some(on) => at = on,
                None => break found.by_itself,
            }
        };
        for id in path {
            self.goes_on.insert(id, answer);
        }
        answer
    }
}
