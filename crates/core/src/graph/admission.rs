//! How many workers of a rig may be at work while its merge queue grows.
//!
//! Work that is done and does not land is worth little: it grows old, it conflicts, and the gates
//! take the machine from the workers that would make more of it. So the longer the queue is, the
//! fewer leases there are. One there always is: it may be what mends the queue.

use super::Graph;
use crate::{Holder, Rig};

/// The workers of a rig: how many there are, and how many there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Admission {
    /// Workers that are at work.
    pub busy: usize,
    /// Workers that may be at work now.
    pub may: usize,
    /// Workers that may be at work with a short queue.
    pub max: usize,
    /// Submissions that wait for the gates.
    pub queued: usize,
}

impl Admission {
    /// Tells how many may begin now.
    #[must_use]
    pub fn room(self) -> usize {
        self.may.saturating_sub(self.busy)
    }

    /// Tells whether the queue keeps somebody from beginning.
    #[must_use]
    pub fn is_held_by_queue(self) -> bool {
        self.may < self.max && self.room() == 0
    }

    /// Up to half of the backlog all may work; from there on fewer, down to one at all of it.
    fn may(max: usize, queued: usize, backlog: usize) -> usize {
        let free = backlog / 2;
        if backlog == 0 || queued <= free || max == 0 {
            return max;
        }
        let left = backlog.saturating_sub(queued);
        (max * left / (backlog - free)).max(1)
    }
}

impl Graph {
    /// Tells how many workers of a rig may be at work, by how much waits in its queues.
    #[must_use]
    pub fn admission(&self, rig: &Rig) -> Admission {
        let in_seats = self.leased().filter(|bead| {
            let lease = bead.phase.lease();
            bead.rig == rig.name
                && lease.is_some_and(|lease| matches!(lease.holder, Holder::Seat { .. }))
        });
        let targets = self.targets_with_submissions();
        let queued = targets
            .filter(|target| target.rig == rig.name)
            .map(|target| self.n_for_the_gates(&target))
            .sum();
        let number = |n: u32| usize::try_from(n).unwrap_or(usize::MAX);
        let max = number(rig.rules.worker.max);
        Admission {
            busy: in_seats.count(),
            may: Admission::may(max, queued, number(rig.rules.merge.backlog)),
            max,
            queued,
        }
    }

    /// What waits for the yes of a person costs the gates nothing.
    fn n_for_the_gates(&self, target: &crate::Target) -> usize {
        let queued = self.queued(target);
        queued
            .filter(|bead| self.unapproved(bead).is_none())
            .count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longer_the_queue_the_fewer_may_work_and_one_always_may() {
        let may = |queued| Admission::may(4, queued, 128);
        let seen: Vec<usize> = [0, 64, 65, 80, 96, 112, 127, 128, 10_000].map(may).to_vec();
        assert_eq!(seen, [4, 4, 3, 3, 2, 1, 1, 1, 1]);
        assert_eq!(Admission::may(4, 10_000, 0), 4);
        assert_eq!(Admission::may(0, 10_000, 128), 0);
        assert_eq!(Admission::may(2, 5, 1), 1);
    }
}
