//! Circles over every edge that readiness hangs on: acting needs and parents.

use std::collections::BTreeSet;

use super::Graph;
use crate::BeadId;

impl Graph {
    /// Finds the circle that a new dependence of `from` on `to` would close.
    ///
    /// The path begins and ends with `from`. A child hangs on its parent's
    /// needs, so the parent counts as an edge; a self-edge is the shortest circle.
    #[must_use]
    pub fn cycle_through(&self, from: &BeadId, to: &BeadId) -> Option<Vec<BeadId>> {
        let mut path = vec![from.clone()];
        let mut seen = BTreeSet::new();
        self.walk(to, from, &mut path, &mut seen).then_some(path)
    }

    fn walk(
        &self,
        at: &BeadId,
        goal: &BeadId,
        path: &mut Vec<BeadId>,
        seen: &mut BTreeSet<BeadId>,
    ) -> bool {
        // An explicit stack: a chain may be as long as the town.
        let mut stack: Vec<(BeadId, usize)> = vec![(at.clone(), 0)];
        path.push(at.clone());
        if at == goal {
            return true;
        }
        seen.insert(at.clone());
        while let Some((here, next_edge)) = stack.last_mut() {
            let edges = self.hangs_on(here);
            let Some(next) = edges.get(*next_edge).cloned() else {
                stack.pop();
                path.pop();
                continue;
            };
            *next_edge += 1;
            if next == *goal {
                path.push(next);
                return true;
            }
            if seen.insert(next.clone()) {
                path.push(next.clone());
                stack.push((next, 0));
            }
        }
        false
    }

    /// Lists what a bead's readiness hangs on, one step away.
    fn hangs_on(&self, id: &BeadId) -> Vec<BeadId> {
        let Some(bead) = self.bead(id) else {
            return Vec::new();
        };
        bead.needs
            .iter()
            .filter(|need| need.acts())
            .map(|need| need.on.clone())
            .chain(bead.spec.parent.clone())
            .collect()
    }
}
