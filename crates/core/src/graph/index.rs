//! What is derived from the facts: who is ready, who waits for whom.
//!
//! A change of one bead costs the size of its own neighbourhood, never the
//! size of the town.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{Facts, Graph};
use crate::{Bead, BeadId, BeadType, Phase, Priority, RigName, SatisfiedBy, Target, Timestamp};

/// The order in which ready beads are taken: urgency, then age.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReadyKey {
    /// The urgency.
    pub priority: Priority,
    /// The place in the order of creation.
    pub ordinal: u64,
    /// The bead.
    pub bead: BeadId,
}

/// The order in which submissions are merged: urgency, then time of handing in.
type QueueKey = (Priority, Timestamp, u64, BeadId);

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Index {
    ready: BTreeMap<RigName, BTreeSet<ReadyKey>>,
    timed: BTreeMap<RigName, BTreeSet<(Timestamp, ReadyKey)>>,
    dependents: HashMap<BeadId, BTreeSet<BeadId>>,
    children: HashMap<BeadId, BTreeSet<BeadId>>,
    leased: BTreeSet<BeadId>,
    queued: BTreeMap<String, BTreeSet<QueueKey>>,
    unfinished: BTreeSet<BeadId>,
    open_goals: BTreeSet<BeadId>,
    open_in_goal: HashMap<BeadId, u32>,
    spent: BTreeSet<BeadId>,
    parked: BTreeSet<BeadId>,
    prefixes: HashMap<String, usize>,
    landed: HashMap<crate::CandidateId, BTreeSet<BeadId>>,
}

/// The queue of a bead that was handed in, as [`Graph::target_of`] tells it.
fn queue_key(facts: &Facts, bead: &Bead) -> Option<String> {
    if let Some(goal) = bead.goal.as_ref().and_then(|goal| facts.goals.get(goal)) {
        return Some(goal.target.key());
    }
    let rig = facts.rigs.get(&bead.rig)?;
    Some(format!(
        "{} refs/heads/gtd/integration/{}",
        rig.name, rig.rules.branch
    ))
}

fn is_satisfied(facts: &Facts, need: &crate::Need) -> bool {
    let Some(other) = facts.beads.get(&need.on) else {
        return true;
    };
    match need.satisfied_by {
        SatisfiedBy::Success => other.phase.is_good(),
        SatisfiedBy::Failure => other.phase.is_finished() && !other.phase.is_good(),
        SatisfiedBy::Finish => other.phase.is_finished(),
    }
}

/// Lists the beads that hold `bead` back: its own needs, and those of its parents.
fn blockers<'a>(facts: &'a Facts, bead: &'a Bead) -> Vec<&'a BeadId> {
    let mut found: Vec<&BeadId> = Vec::new();
    let mut next = Some(bead);
    let mut depth = 0;
    while let Some(bead) = next {
        found.extend(
            bead.needs
                .iter()
                .filter(|need| need.acts() && !is_satisfied(facts, need))
                .map(|need| &need.on),
        );
        depth += 1;
        next = bead
            .spec
            .parent
            .as_ref()
            .and_then(|parent| facts.beads.get(parent))
            .filter(|_| depth < 64);
    }
    found
}

fn attempts_spent(facts: &Facts, bead: &Bead) -> bool {
    facts
        .rigs
        .get(&bead.rig)
        .is_some_and(|rig| bead.spent >= rig.rules.worker.attempts)
}

fn id_prefix(id: &BeadId) -> &str {
    id.as_str()
        .rsplit_once('-')
        .map_or("", |(prefix, _)| prefix)
}

impl Index {
    /// Derives the whole index.
    pub(super) fn of(facts: &Facts) -> Self {
        let mut index = Self::default();
        for bead in facts.beads.values() {
            index.link(bead);
        }
        for bead in facts.beads.values() {
            index.insert(facts, bead);
        }
        index
    }

    /// Notes the edges of a bead that did not exist before.
    pub(super) fn link(&mut self, bead: &Bead) {
        for need in bead.needs.iter().filter(|need| need.acts()) {
            self.add_edge(&need.on, &bead.id);
        }
        if let Some(parent) = &bead.spec.parent {
            self.children
                .entry(parent.clone())
                .or_default()
                .insert(bead.id.clone());
        }
        *self
            .prefixes
            .entry(id_prefix(&bead.id).to_owned())
            .or_default() += 1;
    }

    pub(super) fn add_edge(&mut self, on: &BeadId, dependent: &BeadId) {
        self.dependents
            .entry(on.clone())
            .or_default()
            .insert(dependent.clone());
    }

    pub(super) fn remove_edge(&mut self, on: &BeadId, dependent: &BeadId) {
        if let Some(set) = self.dependents.get_mut(on) {
            set.remove(dependent);
            if set.is_empty() {
                self.dependents.remove(on);
            }
        }
    }

    pub(super) fn remove_child(&mut self, parent: &BeadId, child: &BeadId) {
        if let Some(set) = self.children.get_mut(parent) {
            set.remove(child);
            if set.is_empty() {
                self.children.remove(parent);
            }
        }
    }

    pub(super) fn add_child(&mut self, parent: &BeadId, child: &BeadId) {
        self.children
            .entry(parent.clone())
            .or_default()
            .insert(child.clone());
    }

    /// Puts a bead into every set that it belongs to.
    pub(super) fn insert(&mut self, facts: &Facts, bead: &Bead) {
        let id = &bead.id;
        if let Phase::Landed { candidate, .. } = &bead.phase {
            self.landed
                .entry(candidate.clone())
                .or_default()
                .insert(id.clone());
        }
        if bead.phase.is_finished() {
            return;
        }
        self.unfinished.insert(id.clone());
        if let Some(goal) = &bead.goal {
            *self.open_in_goal.entry(goal.clone()).or_default() += 1;
        }
        if bead.spec.kind == BeadType::Goal {
            self.open_goals.insert(id.clone());
            return;
        }
        match &bead.phase {
            Phase::Leased(_) => {
                self.leased.insert(id.clone());
            }
            Phase::Submitted { .. } => {
                if let Some(key) = queue_key(facts, bead) {
                    self.queued.entry(key).or_default().insert((
                        bead.spec.priority,
                        bead.since,
                        bead.ordinal,
                        id.clone(),
                    ));
                }
            }
            Phase::Parked { .. } => {
                self.parked.insert(id.clone());
            }
            Phase::Open | Phase::Returned { .. } => {
                if attempts_spent(facts, bead) {
                    self.spent.insert(id.clone());
                } else if blockers(facts, bead).is_empty() {
                    let key = ReadyKey {
                        priority: bead.spec.priority,
                        ordinal: bead.ordinal,
                        bead: id.clone(),
                    };
                    match bead.waits_until() {
                        Some(until) => {
                            self.timed
                                .entry(bead.rig.clone())
                                .or_default()
                                .insert((until, key));
                        }
                        None => {
                            self.ready.entry(bead.rig.clone()).or_default().insert(key);
                        }
                    }
                }
            }
            Phase::Draft | Phase::Landed { .. } | Phase::Closed { .. } => {}
        }
    }

    /// Takes a bead out of every set, as it was before a change.
    pub(super) fn remove(&mut self, facts: &Facts, bead: &Bead) {
        let id = &bead.id;
        if bead.phase.is_finished() {
            return;
        }
        self.unfinished.remove(id);
        if let Some(goal) = &bead.goal
            && let Some(count) = self.open_in_goal.get_mut(goal)
        {
            *count -= 1;
            if *count == 0 {
                self.open_in_goal.remove(goal);
            }
        }
        self.open_goals.remove(id);
        self.leased.remove(id);
        self.parked.remove(id);
        self.spent.remove(id);
        if let Some(key) = queue_key(facts, bead)
            && let Some(set) = self.queued.get_mut(&key)
        {
            set.remove(&(bead.spec.priority, bead.since, bead.ordinal, id.clone()));
            if set.is_empty() {
                self.queued.remove(&key);
            }
        }
        let key = ReadyKey {
            priority: bead.spec.priority,
            ordinal: bead.ordinal,
            bead: id.clone(),
        };
        if let Some(set) = self.ready.get_mut(&bead.rig) {
            set.remove(&key);
            if set.is_empty() {
                self.ready.remove(&bead.rig);
            }
        }
        if let Some(until) = bead.waits_until()
            && let Some(set) = self.timed.get_mut(&bead.rig)
        {
            set.remove(&(until, key));
            if set.is_empty() {
                self.timed.remove(&bead.rig);
            }
        }
    }

    /// Lists the beads whose readiness hangs on `id`: dependents, and the children of all of these.
    pub(super) fn affected(&self, id: &BeadId) -> Vec<BeadId> {
        let mut found: BTreeSet<BeadId> = BTreeSet::new();
        let mut open: Vec<BeadId> = Vec::new();
        if let Some(dependents) = self.dependents.get(id) {
            open.extend(dependents.iter().cloned());
        }
        if let Some(children) = self.children.get(id) {
            open.extend(children.iter().cloned());
        }
        while let Some(next) = open.pop() {
            if let Some(children) = self.children.get(&next) {
                open.extend(children.iter().filter(|c| !found.contains(*c)).cloned());
            }
            found.insert(next);
        }
        found.remove(id);
        found.into_iter().collect()
    }

    pub(super) fn landed_by(
        &self,
        candidate: &crate::CandidateId,
    ) -> impl Iterator<Item = &BeadId> {
        self.landed.get(candidate).into_iter().flatten()
    }

    pub(super) fn prefix_count(&self, prefix: &str) -> usize {
        self.prefixes.get(prefix).copied().unwrap_or(0)
    }
}

impl Graph {
    /// Lists the ready beads of a rig: those without a wait first, then those whose wait is over.
    pub fn ready<'a>(&'a self, rig: &RigName, now: Timestamp) -> impl Iterator<Item = &'a Bead> {
        let due = self.index.timed.get(rig).into_iter().flat_map(move |set| {
            set.iter()
                .take_while(move |(until, _)| *until <= now)
                .map(|(_, key)| key)
        });
        let mut keys: Vec<&ReadyKey> = due.collect();
        keys.sort();
        let ready = self.index.ready.get(rig).into_iter().flatten();
        MergedKeys {
            left: ready.peekable(),
            right: keys.into_iter().peekable(),
        }
        .filter_map(|key| self.bead(&key.bead))
    }

    /// Tells whether a bead is ready, apart from pauses.
    #[must_use]
    pub fn is_ready(&self, bead: &Bead, now: Timestamp) -> bool {
        bead.spec.kind != BeadType::Goal
            && bead.phase.is_open()
            && !attempts_spent(&self.facts, bead)
            && bead.waits_until().is_none_or(|until| until <= now)
            && blockers(&self.facts, bead).is_empty()
    }

    /// Tells whether all attempts at a bead are spent.
    #[must_use]
    pub fn is_spent(&self, bead: &Bead) -> bool {
        attempts_spent(&self.facts, bead)
    }

    /// Returns the first moment after `now` at which a wait on a rig ends.
    #[must_use]
    pub fn next_due(&self, now: Timestamp) -> Option<Timestamp> {
        self.index
            .timed
            .values()
            .filter_map(|set| {
                set.iter()
                    .map(|(until, _)| *until)
                    .find(|until| *until > now)
            })
            .min()
    }

    /// Lists the beads that hold a bead back.
    #[must_use]
    pub fn blockers(&self, bead: &Bead) -> Vec<&Bead> {
        let mut found: Vec<&Bead> = blockers(&self.facts, bead)
            .into_iter()
            .filter_map(|id| self.bead(id))
            .collect();
        found.dedup_by(|a, b| a.id == b.id);
        found
    }

    /// Lists the beads that need this one.
    pub fn dependents(&self, id: &BeadId) -> impl Iterator<Item = &BeadId> {
        self.index.dependents.get(id).into_iter().flatten()
    }

    /// Lists the beads that are parts of this one.
    pub fn children(&self, id: &BeadId) -> impl Iterator<Item = &BeadId> {
        self.index.children.get(id).into_iter().flatten()
    }

    /// Lists the beads that somebody works on.
    pub fn leased(&self) -> impl Iterator<Item = &Bead> {
        self.index.leased.iter().filter_map(|id| self.bead(id))
    }

    /// Lists the submissions of a target, in merge order.
    pub fn queued(&self, target: &Target) -> impl Iterator<Item = &Bead> {
        self.index
            .queued
            .get(&target.key())
            .into_iter()
            .flatten()
            .filter_map(|(_, _, _, id)| self.bead(id))
    }

    /// Lists the targets that something was handed in for.
    pub fn targets_with_submissions(&self) -> impl Iterator<Item = Target> {
        self.index
            .queued
            .values()
            .filter_map(|set| set.first())
            .filter_map(|(_, _, _, id)| self.target_of(self.bead(id)?))
    }

    /// Lists the beads that have not ended.
    pub fn unfinished(&self) -> impl Iterator<Item = &Bead> {
        self.index.unfinished.iter().filter_map(|id| self.bead(id))
    }

    /// Lists the goals that have not ended.
    pub fn open_goals(&self) -> impl Iterator<Item = (&BeadId, &crate::Goal)> {
        self.index
            .open_goals
            .iter()
            .filter_map(|id| Some((id, self.goal(id)?)))
    }

    /// Counts the beads of a goal that have not ended.
    #[must_use]
    pub fn open_in_goal(&self, goal: &BeadId) -> u32 {
        self.index.open_in_goal.get(goal).copied().unwrap_or(0)
    }

    /// Lists the open beads whose attempts are spent.
    pub fn spent(&self) -> impl Iterator<Item = &Bead> {
        self.index.spent.iter().filter_map(|id| self.bead(id))
    }

    /// Lists the parked beads.
    pub fn parked(&self) -> impl Iterator<Item = &Bead> {
        self.index.parked.iter().filter_map(|id| self.bead(id))
    }

    /// Counts the beads under an id prefix.
    #[must_use]
    pub fn n_with_prefix(&self, prefix: &str) -> usize {
        self.index.prefix_count(prefix)
    }
}

/// Two sorted runs of keys, read as one.
struct MergedKeys<L: Iterator, R: Iterator> {
    left: std::iter::Peekable<L>,
    right: std::iter::Peekable<R>,
}

impl<'a, L, R> Iterator for MergedKeys<L, R>
where
    L: Iterator<Item = &'a ReadyKey>,
    R: Iterator<Item = &'a ReadyKey>,
{
    type Item = &'a ReadyKey;

    fn next(&mut self) -> Option<Self::Item> {
        match (self.left.peek(), self.right.peek()) {
            (Some(left), Some(right)) if right < left => self.right.next(),
            (Some(_), _) => self.left.next(),
            (None, _) => self.right.next(),
        }
    }
}
