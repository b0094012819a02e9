//! Circles over everything that a begin or an end hangs on.
//!
//! A bead has two moments. Its end hangs on its begin; a goal's end hangs on
//! the ends of its beads. Its begin hangs on the ends of what it needs, and on
//! the begin of its parent and of its goal, whose needs it inherits. Parents
//! and goals may therefore be needed by others without any circle.

use std::collections::BTreeSet;

use super::Graph;
use crate::BeadId;

/// The two moments of a bead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Side {
    Begin,
    End,
}

impl Graph {
    /// Finds the circle that a new dependence of `from` on `to` would close.
    ///
    /// The path begins and ends with `from`; a self-edge is the shortest circle.
    #[must_use]
    pub fn cycle_through(&self, from: &BeadId, to: &BeadId) -> Option<Vec<BeadId>> {
        self.circle(from, (to, Side::End), Side::Begin)
    }

    /// Finds the circle that `parent` as the new parent of `child` would close.
    #[must_use]
    pub fn cycle_by_parent(&self, child: &BeadId, parent: &BeadId) -> Option<Vec<BeadId>> {
        if child == parent {
            return Some(vec![child.clone(), parent.clone()]);
        }
        // A child of its own child would be no circle of waits, but no tree either.
        let mut next = Some(parent);
        let mut path = vec![child.clone()];
        while let Some(id) = next {
            path.push(id.clone());
            if id == child {
                return Some(path);
            }
            next = self.bead(id).and_then(|bead| bead.spec.parent.as_ref());
        }
        self.circle(child, (parent, Side::Begin), Side::Begin)
    }

    /// Finds the circle that a bead of `goal` that needs `to` would close.
    #[must_use]
    pub fn cycle_through_goal(&self, goal: &BeadId, to: &BeadId) -> Option<Vec<BeadId>> {
        self.circle(goal, (to, Side::End), Side::End)
    }

    /// Finds the circle that a bead of `goal` with `parent` would close.
    #[must_use]
    pub fn cycle_by_goal_and_parent(&self, goal: &BeadId, parent: &BeadId) -> Option<Vec<BeadId>> {
        self.circle(goal, (parent, Side::Begin), Side::End)
    }

    /// Finds the circle that `bead` would close as a bead of `goal`: the goal's end would hang on its
    /// end, and its begin on the goal's begin.
    #[must_use]
    pub fn cycle_by_joining(&self, bead: &BeadId, goal: &BeadId) -> Option<Vec<BeadId>> {
        self.circle(goal, (bead, Side::End), Side::End)
            .or_else(|| self.circle(bead, (goal, Side::Begin), Side::Begin))
    }

    /// Walks from `start` until it comes to the `side` of `goal`. A chain may be as long as the town.
    fn circle(&self, goal: &BeadId, start: (&BeadId, Side), side: Side) -> Option<Vec<BeadId>> {
        // Whoever waits for an end waits for the begin too.
        let closes = |id: &BeadId, at: Side| id == goal && at >= side;
        let mut path = vec![goal.clone(), start.0.clone()];
        if closes(start.0, start.1) {
            return Some(path);
        }
        let mut seen = BTreeSet::from([(start.0.clone(), start.1)]);
        let mut stack = vec![self.hangs_on(start.0, start.1).into_iter()];
        while let Some(edges) = stack.last_mut() {
            let Some((next, at)) = edges.next() else {
                stack.pop();
                path.pop();
                continue;
            };
            if closes(&next, at) {
                path.push(next);
                return Some(path);
            }
            if seen.insert((next.clone(), at)) {
                stack.push(self.hangs_on(&next, at).into_iter());
                path.push(next);
            }
        }
        None
    }

    /// Lists what one moment of a bead hangs on, one step away.
    fn hangs_on(&self, id: &BeadId, side: Side) -> Vec<(BeadId, Side)> {
        let Some(bead) = self.bead(id) else {
            return Vec::new();
        };
        let needs = bead
            .needs
            .iter()
            .filter(|need| need.acts())
            .map(|need| (need.on.clone(), Side::End));
        let above = bead
            .spec
            .parent
            .iter()
            .chain(&bead.goal)
            .map(|above| (above.clone(), Side::Begin));
        let beads = self
            .goal(id)
            .filter(|_| side == Side::End)
            .into_iter()
            .flat_map(|goal| &goal.beads)
            .map(|bead| (bead.clone(), Side::End));
        needs.chain(above).chain(beads).collect()
    }
}
