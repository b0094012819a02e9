//! What is derived from the facts: who is ready, who waits for whom.
//!
//! A change of one bead costs the size of its own neighbourhood, never the
//! size of the town.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, HashMap},
    ops::Bound,
    time::Duration,
};

use super::{Facts, Graph, tally::Tally};
use crate::{
    Bead, BeadId, BeadType, EdgeKind, Landing, Need, Phase, Priority, RigName, SatisfiedBy, Target,
    Timestamp,
};

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

/// The order in which submissions are merged: time of handing in, later for what is less urgent.
type QueueKey = (Timestamp, Priority, u64, BeadId);

/// One level of urgency is worth so long a wait: what is urgent goes first, and nothing starves.
const LEVEL: Duration = Duration::from_mins(30);

fn queue_place(bead: &Bead) -> QueueKey {
    let priority = bead.spec.priority;
    (
        bead.since.plus(LEVEL * u32::from(priority.number())),
        priority,
        bead.ordinal,
        bead.id.clone(),
    )
}

impl ReadyKey {
    fn of(bead: &Bead) -> Self {
        Self {
            priority: bead.spec.priority,
            ordinal: bead.ordinal,
            bead: bead.id.clone(),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Index {
    ready: BTreeMap<RigName, BTreeSet<ReadyKey>>,
    hirable: BTreeMap<RigName, BTreeSet<ReadyKey>>,
    timed: BTreeMap<RigName, BTreeSet<(Timestamp, ReadyKey)>>,
    dependents: HashMap<BeadId, BTreeSet<BeadId>>,
    children: HashMap<BeadId, BTreeSet<BeadId>>,
    leased: BTreeSet<BeadId>,
    /// The goals whose plan is being made.
    planning: BTreeSet<BeadId>,
    queued: BTreeMap<String, BTreeSet<QueueKey>>,
    unfinished: BTreeSet<BeadId>,
    open_goals: BTreeSet<BeadId>,
    ended_goals: BTreeSet<(Reverse<Timestamp>, BeadId)>,
    open_in_goal: HashMap<BeadId, BTreeSet<(u64, BeadId)>>,
    pub(super) of_goal: HashMap<BeadId, Tally>,
    pub(super) of_rig: BTreeMap<RigName, Tally>,
    /// By target: the goals of which something landed there, by age.
    landed_goals: BTreeMap<String, BTreeSet<(u64, BeadId)>>,
    /// By target: the goals that a person has brought home from there.
    home_goals: BTreeMap<String, BTreeSet<BeadId>>,
    landing: BTreeSet<BeadId>,
    spent: BTreeSet<BeadId>,
    parked: BTreeSet<BeadId>,
    /// What has not ended and whose agent asked something.
    asked: BTreeSet<BeadId>,
    /// Of what a review goes on.
    pub(super) in_review: BTreeSet<BeadId>,
    /// What agents found and nobody has said yes to.
    found_drafts: BTreeSet<BeadId>,
    found: HashMap<BeadId, BTreeSet<BeadId>>,
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
    let Some(other) = facts.bead(&need.on) else {
        return true;
    };
    match need.wanted_end() {
        SatisfiedBy::Success => other.phase.is_good(),
        SatisfiedBy::Failure => other.phase.is_finished() && !other.phase.is_good(),
        SatisfiedBy::Finish => other.phase.is_finished(),
    }
}

/// Lists the edges that hold `bead` back: its own, then those of its parents, then its goal's.
fn unmet<'a>(facts: &'a Facts, bead: &'a Bead) -> impl Iterator<Item = (&'a Bead, &'a Need)> {
    let parent = |bead: &&'a Bead| facts.bead(bead.spec.parent.as_ref()?);
    let goal = bead.goal.as_ref().and_then(|goal| facts.bead(goal));
    std::iter::successors(Some(bead), parent)
        .chain(goal)
        .flat_map(|owner| owner.needs.iter().map(move |need| (owner, need)))
        .filter(|(_, need)| need.acts() && !is_satisfied(facts, need))
}

/// Tells whether nothing holds `bead` back.
fn is_free(facts: &Facts, bead: &Bead) -> bool {
    unmet(facts, bead).next().is_none()
}

fn attempts_spent(facts: &Facts, bead: &Bead) -> bool {
    facts
        .rigs
        .get(&bead.rig)
        .is_some_and(|rig| bead.spent >= rig.rules.worker.attempts)
}

/// Finds the goal that a bead answers.
fn goal_of<'a>(facts: &'a Facts, bead: &Bead) -> Option<(&'a Bead, &'a crate::Goal)> {
    let id = bead.goal.as_ref()?;
    Some((facts.bead(id)?, facts.goals.get(id)?))
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
        for need in &bead.needs {
            self.add_edge(need, &bead.id);
        }
        if let Some(parent) = &bead.spec.parent {
            self.add_child(parent, &bead.id);
        }
        *self
            .prefixes
            .entry(id_prefix(&bead.id).to_owned())
            .or_default() += 1;
    }

    pub(super) fn add_edge(&mut self, need: &Need, dependent: &BeadId) {
        if need.acts() {
            self.dependents
                .entry(need.on.clone())
                .or_default()
                .insert(dependent.clone());
        }
        if need.kind == EdgeKind::DiscoveredFrom {
            self.found
                .entry(need.on.clone())
                .or_default()
                .insert(dependent.clone());
        }
    }

    /// Forgets an edge; `left` are the edges that the dependent still has.
    pub(super) fn remove_edge(&mut self, need: &Need, dependent: &BeadId, left: &[Need]) {
        let mut left = left.iter().filter(|other| other.on == need.on);
        if need.acts() && !left.clone().any(Need::acts) {
            forget(&mut self.dependents, &need.on, dependent);
        }
        if need.kind == EdgeKind::DiscoveredFrom && !left.any(|other| other.kind == need.kind) {
            forget(&mut self.found, &need.on, dependent);
        }
    }

    pub(super) fn remove_child(&mut self, parent: &BeadId, child: &BeadId) {
        forget(&mut self.children, parent, child);
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
        self.count(bead, Tally::add);
        // Also of what has ended meanwhile: somebody has to end it.
        if bead.open_reviews().next().is_some() {
            self.in_review.insert(id.clone());
        }
        if let Phase::Landed { candidate, .. } = &bead.phase {
            self.landed
                .entry(candidate.clone())
                .or_default()
                .insert(id.clone());
            if let Some((goal, record)) = goal_of(facts, bead) {
                self.landed_goals
                    .entry(record.target.key())
                    .or_default()
                    .insert((goal.ordinal, goal.id.clone()));
            }
        }
        if let Some(goal) = facts.goals.get(id) {
            match goal.landing {
                Landing::Asked { .. } => {
                    self.landing.insert(id.clone());
                }
                Landing::Done { .. } => {
                    let home = self.home_goals.entry(goal.target.key()).or_default();
                    home.insert(id.clone());
                }
                Landing::Unasked | Landing::Refused { .. } => {}
            }
        }
        if bead.phase.is_finished() {
            if bead.spec.kind == BeadType::Goal {
                self.ended_goals.insert((Reverse(bead.since), id.clone()));
            }
            return;
        }
        self.unfinished.insert(id.clone());
        if bead.asked.is_some() {
            self.asked.insert(id.clone());
        }
        if bead.is_found_and_waits() {
            self.found_drafts.insert(id.clone());
        }
        if let Some(goal) = &bead.goal {
            self.open_in_goal
                .entry(goal.clone())
                .or_default()
                .insert((bead.ordinal, id.clone()));
        }
        if bead.spec.kind == BeadType::Goal {
            self.open_goals.insert(id.clone());
            self.insert_plan(facts, bead);
            return;
        }
        match &bead.phase {
            Phase::Leased(_) => {
                self.leased.insert(id.clone());
            }
            Phase::Submitted { .. } => {
                if let Some(key) = queue_key(facts, bead) {
                    self.queued
                        .entry(key)
                        .or_default()
                        .insert(queue_place(bead));
                }
            }
            Phase::Parked { .. } => {
                self.parked.insert(id.clone());
            }
            Phase::Open | Phase::Returned { .. } => {
                if attempts_spent(facts, bead) {
                    self.spent.insert(id.clone());
                } else if facts.rigs.contains_key(&bead.rig) && is_free(facts, bead) {
                    let key = ReadyKey::of(bead);
                    match bead.waits_until() {
                        Some(until) => {
                            self.timed
                                .entry(bead.rig.clone())
                                .or_default()
                                .insert((until, key));
                        }
                        None => {
                            if bead.wished_runtime().is_some() {
                                let hirable = self.hirable.entry(bead.rig.clone());
                                hirable.or_default().insert(key.clone());
                            }
                            self.ready.entry(bead.rig.clone()).or_default().insert(key);
                        }
                    }
                }
            }
            Phase::Draft | Phase::Landed { .. } | Phase::Closed { .. } => {}
        }
    }

    /// Puts a goal where the attempts at its plan belong.
    fn insert_plan(&mut self, facts: &Facts, goal: &Bead) {
        let set = match &goal.phase {
            Phase::Leased(_) => &mut self.planning,
            Phase::Parked { .. } => &mut self.parked,
            Phase::Open | Phase::Returned { .. } if attempts_spent(facts, goal) => &mut self.spent,
            _ => return,
        };
        set.insert(goal.id.clone());
    }

    /// Takes a bead out of every set, as it was before a change.
    pub(super) fn remove(&mut self, facts: &Facts, bead: &Bead) {
        let id = &bead.id;
        self.count(bead, Tally::subtract);
        self.in_review.remove(id);
        self.landing.remove(id);
        if let Some(goal) = facts.goals.get(id) {
            let key = goal.target.key();
            if let Some(home) = self.home_goals.get_mut(&key) {
                home.remove(id);
                if home.is_empty() {
                    self.home_goals.remove(&key);
                }
            }
        }
        if bead.phase.is_finished() {
            self.ended_goals.remove(&(Reverse(bead.since), id.clone()));
            return;
        }
        self.unfinished.remove(id);
        if let Some(goal) = &bead.goal
            && let Some(open) = self.open_in_goal.get_mut(goal)
        {
            open.remove(&(bead.ordinal, id.clone()));
            if open.is_empty() {
                self.open_in_goal.remove(goal);
            }
        }
        self.open_goals.remove(id);
        self.leased.remove(id);
        self.planning.remove(id);
        self.parked.remove(id);
        self.asked.remove(id);
        self.found_drafts.remove(id);
        self.spent.remove(id);
        if let Some(key) = queue_key(facts, bead)
            && let Some(set) = self.queued.get_mut(&key)
        {
            set.remove(&queue_place(bead));
            if set.is_empty() {
                self.queued.remove(&key);
            }
        }
        let key = ReadyKey::of(bead);
        for sets in [&mut self.ready, &mut self.hirable] {
            if let Some(set) = sets.get_mut(&bead.rig) {
                set.remove(&key);
                if set.is_empty() {
                    sets.remove(&bead.rig);
                }
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

    /// Counts a bead in or out, in its rig and in its goal.
    fn count(&mut self, bead: &Bead, change: fn(&mut Tally, &Phase)) {
        if bead.spec.kind != BeadType::Goal {
            let tally = self.of_rig.entry(bead.rig.clone()).or_default();
            change(tally, &bead.phase);
            if tally.total() == 0 {
                self.of_rig.remove(&bead.rig);
            }
        }
        if let Some(goal) = &bead.goal {
            let tally = self.of_goal.entry(goal.clone()).or_default();
            change(tally, &bead.phase);
            if tally.total() == 0 {
                self.of_goal.remove(goal);
            }
        }
    }

    /// Lists the beads whose readiness hangs on `id`: dependents, and the parts of all of these.
    pub(super) fn affected(&self, facts: &Facts, id: &BeadId) -> Vec<BeadId> {
        let mut found: BTreeSet<BeadId> = BTreeSet::new();
        let mut open: Vec<BeadId> = Vec::new();
        open.extend(self.dependents.get(id).into_iter().flatten().cloned());
        open.extend(self.parts(facts, id).cloned());
        while let Some(next) = open.pop() {
            if found.insert(next.clone()) {
                open.extend(self.parts(facts, &next).cloned());
            }
        }
        found.remove(id);
        found.into_iter().collect()
    }

    /// Lists the beads that inherit the needs of `id`: its children, and a goal's beads.
    fn parts<'a>(&'a self, facts: &'a Facts, id: &BeadId) -> impl Iterator<Item = &'a BeadId> {
        let of_goal = facts.goals.get(id).into_iter().flat_map(|goal| &goal.beads);
        self.children.get(id).into_iter().flatten().chain(of_goal)
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

fn forget(sets: &mut HashMap<BeadId, BTreeSet<BeadId>>, key: &BeadId, member: &BeadId) {
    if let Some(set) = sets.get_mut(key) {
        set.remove(member);
        if set.is_empty() {
            sets.remove(key);
        }
    }
}

impl Graph {
    /// Lists the beads of a rig that could begin, pauses aside: by urgency, then by age.
    pub fn ready<'a>(&'a self, rig: &RigName, now: Timestamp) -> impl Iterator<Item = &'a Bead> {
        self.merged(self.index.ready.get(rig), rig, now)
    }

    /// Lists those of [`Graph::ready`] that an agent of some runtime could take.
    pub fn hirable<'a>(&'a self, rig: &RigName, now: Timestamp) -> impl Iterator<Item = &'a Bead> {
        self.merged(self.index.hirable.get(rig), rig, now)
            .filter(|bead| bead.wished_runtime().is_some())
    }

    /// Reads a set of beads without a wait and the beads whose wait is over as one.
    fn merged<'a>(
        &'a self,
        set: Option<&'a BTreeSet<ReadyKey>>,
        rig: &RigName,
        now: Timestamp,
    ) -> impl Iterator<Item = &'a Bead> {
        let due = self.index.timed.get(rig).into_iter().flat_map(move |set| {
            set.iter()
                .take_while(move |(until, _)| *until <= now)
                .map(|(_, key)| key)
        });
        let mut keys: Vec<&ReadyKey> = due.collect();
        keys.sort();
        MergedKeys {
            left: set.into_iter().flatten().peekable(),
            right: keys.into_iter().peekable(),
        }
        .filter_map(|key| self.bead(&key.bead))
        .filter(move |bead| !self.is_over(bead, now))
    }

    /// Counts the beads that [`Graph::ready`] lists before `bead`, up to `most`.
    #[must_use]
    pub fn n_ready_before(&self, bead: &Bead, now: Timestamp, most: usize) -> usize {
        let key = ReadyKey::of(bead);
        let ready = self.index.ready.get(&bead.rig);
        let timed = self.index.timed.get(&bead.rig);
        let due = timed.into_iter().flatten();
        ready
            .into_iter()
            .flat_map(|set| set.range(..&key))
            .chain(
                due.take_while(|(until, _)| *until <= now)
                    .map(|(_, other)| other)
                    .filter(|other| **other < key),
            )
            .take(most)
            .count()
    }

    /// Tells whether the time of a bead's goal is over: no new attempt begins.
    #[must_use]
    pub fn is_over(&self, bead: &Bead, now: Timestamp) -> bool {
        bead.goal
            .as_ref()
            .and_then(|goal| self.goal(goal)?.until)
            .is_some_and(|until| until <= now)
    }

    /// Tells whether a bead is ready, apart from pauses.
    #[must_use]
    pub fn is_ready(&self, bead: &Bead, now: Timestamp) -> bool {
        self.is_listed_ready(bead, now) && !self.is_over(bead, now)
    }

    /// Counts the beads of a rig that could begin, apart from pauses and from the time of their goals.
    pub(super) fn n_listed_ready(&self, rig: &RigName, now: Timestamp) -> usize {
        let due = self.index.timed.get(rig).into_iter().flatten();
        self.index.ready.get(rig).map_or(0, BTreeSet::len)
            + due.take_while(|(until, _)| *until <= now).count()
    }

    /// Tells whether [`Graph::n_listed_ready`] counts a bead.
    pub(super) fn is_listed_ready(&self, bead: &Bead, now: Timestamp) -> bool {
        bead.spec.kind != BeadType::Goal
            && bead.phase.is_open()
            && self.facts.rigs.contains_key(&bead.rig)
            && !attempts_spent(&self.facts, bead)
            && bead.waits_until().is_none_or(|until| until <= now)
            && is_free(&self.facts, bead)
    }

    /// Tells whether all attempts at a bead are spent.
    #[must_use]
    pub fn is_spent(&self, bead: &Bead) -> bool {
        attempts_spent(&self.facts, bead)
    }

    /// Returns the first moment after `now` at which a wait on a rig or a runtime ends.
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
            .chain(self.holds().filter_map(|hold| hold.until))
            .chain(self.runtime_holds().filter_map(|(_, hold)| hold.until))
            .filter(|until| *until > now)
            .min()
    }

    /// Lists the beads that hold a bead back.
    #[must_use]
    pub fn blockers(&self, bead: &Bead) -> Vec<&Bead> {
        let mut seen = BTreeSet::new();
        self.unmet_needs(bead)
            .map(|(_, need)| &need.on)
            .filter(|id| seen.insert(*id))
            .filter_map(|id| self.bead(id))
            .collect()
    }

    /// Lists the edges that hold a bead back, each with the bead that it belongs to: itself, a parent or its goal.
    pub fn unmet_needs<'a>(&'a self, bead: &'a Bead) -> impl Iterator<Item = (&'a Bead, &'a Need)> {
        unmet(&self.facts, bead)
    }

    /// Lists the beads that need this one.
    pub fn dependents(&self, id: &BeadId) -> impl Iterator<Item = &BeadId> {
        self.index.dependents.get(id).into_iter().flatten()
    }

    /// Lists the beads that are parts of this one.
    pub fn children(&self, id: &BeadId) -> impl Iterator<Item = &BeadId> {
        self.index.children.get(id).into_iter().flatten()
    }

    /// Lists the beads that were found while working on this one.
    pub fn found_at(&self, id: &BeadId) -> impl Iterator<Item = &BeadId> {
        self.index.found.get(id).into_iter().flatten()
    }

    /// Lists the beads that somebody works on.
    pub fn leased(&self) -> impl Iterator<Item = &Bead> {
        self.index.leased.iter().filter_map(|id| self.bead(id))
    }

    /// Lists the goals whose plan is being made.
    pub fn planning(&self) -> impl Iterator<Item = &Bead> {
        self.index.planning.iter().filter_map(|id| self.bead(id))
    }

    /// Lists the submissions of a target, in merge order: what a person put first, then by
    /// time of handing in and urgency.
    pub fn queued(&self, target: &Target) -> impl Iterator<Item = &Bead> {
        let first = self.preferred(target);
        let rest = self.index.queued.get(&target.key()).into_iter().flatten();
        first
            .iter()
            .chain(
                rest.map(|(_, _, _, id)| id)
                    .filter(|id| !first.contains(id)),
            )
            .filter_map(|id| self.bead(id))
    }

    /// Returns the place of a submission in the queue of a target, and how long the queue is.
    #[must_use]
    pub fn place_in_queue(&self, target: &Target, bead: &Bead) -> (usize, usize) {
        self.index.queued.get(&target.key()).map_or((1, 1), |set| {
            let first = self.preferred(target);
            let before = match first.iter().position(|id| *id == bead.id) {
                Some(place) => place,
                None => {
                    let earlier = set.range(..queue_place(bead));
                    let usual = earlier.filter(|(_, _, _, id)| !first.contains(id));
                    first.len() + usual.count()
                }
            };
            (before + 1, set.len())
        })
    }

    /// Lists the targets that something was handed in for.
    pub fn targets_with_submissions(&self) -> impl Iterator<Item = Target> {
        self.index
            .queued
            .values()
            .filter_map(|set| set.first())
            .filter_map(|(_, _, _, id)| self.target_of(self.bead(id)?))
    }

    /// Counts what has not ended, goals among it.
    #[must_use]
    pub fn n_unfinished(&self) -> usize {
        self.index.unfinished.len()
    }

    /// Lists what has not ended with an id behind `after`, by id.
    pub fn unfinished_after(&self, after: &str) -> impl Iterator<Item = &Bead> {
        let behind = (Bound::Excluded(after), Bound::Unbounded);
        let ids = self.index.unfinished.range::<str, _>(behind);
        ids.filter_map(|id| self.bead(id))
    }

    /// Counts the goals that have not ended.
    #[must_use]
    pub fn n_open_goals(&self) -> usize {
        self.index.open_goals.len()
    }

    /// Lists the beads that have not ended.
    pub fn unfinished(&self) -> impl Iterator<Item = &Bead> {
        self.index.unfinished.iter().filter_map(|id| self.bead(id))
    }

    /// Tells whether what landed for a goal is proposed to a host outside.
    #[must_use]
    pub fn is_proposed(&self, goal: &crate::Goal) -> bool {
        let mut beads = goal.beads.iter().filter_map(|id| self.bead(id));
        goal.target.mode == crate::LandMode::PullRequest
            && beads.any(|bead| matches!(bead.phase, Phase::Landed { .. }))
    }

    /// Lists the goals whose integration branch a person wants to be brought further.
    pub fn landing_asked(&self) -> impl Iterator<Item = (&BeadId, &crate::Goal)> {
        self.index
            .landing
            .iter()
            .filter_map(|id| Some((id, self.goal(id)?)))
    }

    /// Lists the goals that have not ended.
    pub fn open_goals(&self) -> impl Iterator<Item = (&BeadId, &crate::Goal)> {
        self.index
            .open_goals
            .iter()
            .filter_map(|id| Some((id, self.goal(id)?)))
    }

    /// Lists the goals that have not ended with an id behind `after`, by id.
    pub fn open_goals_after(&self, after: &str) -> impl Iterator<Item = (&BeadId, &crate::Goal)> {
        let behind = (Bound::Excluded(after), Bound::Unbounded);
        let ids = self.index.open_goals.range::<str, _>(behind);
        ids.filter_map(|id| Some((id, self.goal(id)?)))
    }

    /// Lists the goals that have ended, the last one first.
    pub fn ended_goals(&self) -> impl Iterator<Item = (&BeadId, &crate::Goal)> {
        self.index
            .ended_goals
            .iter()
            .filter_map(|(_, id)| Some((id, self.goal(id)?)))
    }

    /// Returns the newest goal of which something landed on a target.
    #[must_use]
    pub fn newest_landed_goal(&self, target: &Target) -> Option<&BeadId> {
        let landed = self.index.landed_goals.get(&target.key())?;
        landed.last().map(|(_, id)| id)
    }

    /// Lists the goals that a person has brought home from an integration branch.
    pub fn goals_at_home(&self, target: &Target) -> impl Iterator<Item = &crate::Goal> {
        let home = self.index.home_goals.get(&target.key());
        home.into_iter().flatten().filter_map(|id| self.goal(id))
    }

    /// Counts the beads of a goal that have not ended.
    #[must_use]
    pub fn open_in_goal(&self, goal: &BeadId) -> u32 {
        let open = self.index.open_in_goal.get(goal).map_or(0, BTreeSet::len);
        u32::try_from(open).unwrap_or(u32::MAX)
    }

    /// Lists the beads of a goal that have not ended, in the order of their creation.
    pub fn open_beads_of(&self, goal: &BeadId) -> impl Iterator<Item = &Bead> {
        let open = self.index.open_in_goal.get(goal).into_iter().flatten();
        open.filter_map(|(_, id)| self.bead(id))
    }

    /// Lists the open beads, and the goals without a plan, whose attempts are spent.
    pub fn spent(&self) -> impl Iterator<Item = &Bead> {
        self.index.spent.iter().filter_map(|id| self.bead(id))
    }

    /// Lists what is parked: beads, and goals that have no plan.
    pub fn parked(&self) -> impl Iterator<Item = &Bead> {
        self.index.parked.iter().filter_map(|id| self.bead(id))
    }

    /// Lists what has not ended and whose agent asked something, answered or not.
    pub fn asked(&self) -> impl Iterator<Item = &Bead> {
        self.index.asked.iter().filter_map(|id| self.bead(id))
    }

    /// Lists what agents found and nobody has said yes to.
    pub fn found_drafts(&self) -> impl Iterator<Item = &Bead> {
        self.index
            .found_drafts
            .iter()
            .filter_map(|id| self.bead(id))
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
