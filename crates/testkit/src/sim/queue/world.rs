//! The world of one queue: changes, the line of the target, runs of the gate.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use gtd_core::{BeadId, Oid, RunId, Target};
use gtd_plan::{
    Answer, AssemblyOrder, AssemblySeen, Checkout, ConflictSeen, Effect, EndSeen, LiveSeen,
    OwnerSeen, Question, RunSeen, TipSeen,
};

use super::{
    super::rng::{Rng, hash, stir},
    load::{Figures, Load},
};

/// One change that is handed in.
#[derive(Debug, Default)]
pub(super) struct Change {
    /// It is red by itself.
    pub(super) is_wrong: bool,
    /// Changes that it merges with and is red with.
    partners: Vec<usize>,
    /// The line that it shares with others, if it does.
    line: Option<u64>,
    /// Where in the line of the target it began.
    base: usize,
    /// Where in the line of the target it landed.
    pub(super) landed: Option<usize>,
}

#[derive(Debug, Clone, Default)]
struct Commit {
    /// Its tree: a sum over all that is in it, in whatever order it came.
    tree: u128,
    /// Where in the line of the target it begins.
    base: usize,
    members: Vec<usize>,
}

#[derive(Debug)]
enum State {
    Live { until: u64, end: EndSeen },
    Vanishes { at: u64 },
}

/// The world.
pub(super) struct World {
    pub(super) load: Load,
    pub(super) rng: Rng,
    pub(super) now: u64,
    pub(super) changes: Vec<Change>,
    pub(super) figures: Figures,
    heads: HashMap<Oid, usize>,
    commits: HashMap<Oid, Commit>,
    /// The line of first parents, and whether somebody made it red there.
    line: Vec<(Oid, bool)>,
    places: HashMap<Oid, usize>,
    runs: HashMap<RunId, State>,
    slots: BTreeMap<String, (String, Oid)>,
    assemblies: BTreeMap<AssemblyOrder, AssemblySeen>,
    notes: BTreeSet<Oid>,
}

fn oid(what: &str) -> Oid {
    let part = |salt: u64| hash(salt, what);
    let digits = format!("{:016x}{:016x}{:08x}", part(1), part(2), part(3) >> 32);
    Oid::parse(&digits).expect("forty hex digits")
}

fn share(what: u64) -> u128 {
    u128::from(stir(what)) << 64 | u128::from(stir(!what))
}

/// A shared line is one of so many.
const LINES: u64 = 6;
/// Changes handed in so shortly before another may not go together with it.
const NEIGHBOURS: usize = 30;

impl World {
    pub(super) fn new(load: &Load) -> Self {
        let root = oid("root");
        Self {
            load: load.clone(),
            rng: Rng::new(load.seed),
            now: 0,
            changes: Vec::new(),
            figures: Figures::default(),
            heads: HashMap::new(),
            commits: HashMap::from([(root.clone(), Commit::default())]),
            line: vec![(root.clone(), false)],
            places: HashMap::from([(root, 0)]),
            runs: HashMap::new(),
            slots: BTreeMap::new(),
            assemblies: BTreeMap::new(),
            notes: BTreeSet::new(),
        }
    }

    pub(super) fn tip(&self) -> &Oid {
        &self.line[self.line.len() - 1].0
    }

    /// Tells whether somebody made the target red.
    pub(super) fn is_red(&self) -> bool {
        self.line[self.line.len() - 1].1
    }

    /// Makes one more change; returns its number, its commit and where it began.
    pub(super) fn draw_change(&mut self) -> (usize, Oid, Oid) {
        let n = self.changes.len();
        let is_wrong = self.rng.chance(self.load.wrong);
        let mut partners = Vec::new();
        for other in n.saturating_sub(NEIGHBOURS)..n {
            if self.load.pairs > 0 && self.rng.below(1_000_000) < self.load.pairs {
                partners.push(other);
                self.changes[other].partners.push(n);
            }
        }
        let line = (self.load.lines > 0 && self.rng.chance(self.load.lines))
            .then(|| self.rng.below(LINES));
        let base = self.line.len() - 1;
        let back = usize::try_from(self.rng.below(4)).unwrap_or(0);
        let base = base.saturating_sub(back);
        self.changes.push(Change {
            is_wrong,
            partners,
            line,
            base,
            landed: None,
        });
        let head = oid(&format!("change {n}"));
        self.heads.insert(head.clone(), n);
        (n, head, self.line[base].0.clone())
    }

    /// Tells whether a change could not have landed by now, for something that is in it.
    pub(super) fn is_at_fault(&self, n: usize) -> bool {
        let change = &self.changes[n];
        let mut partners = change.partners.iter();
        change.is_wrong || partners.any(|other| self.changes[*other].landed.is_some())
    }

    /// Lists who makes a commit red, by the truth that the gate knows.
    fn culprits(&self, commit: &Commit) -> Vec<usize> {
        let members = commit.members.iter().enumerate();
        let at_fault = members.filter(|(at, n)| {
            let change = &self.changes[**n];
            change.is_wrong
                || change.partners.iter().any(|other| {
                    let landed = self.changes[*other].landed;
                    landed.is_some_and(|place| place <= commit.base)
                        || commit.members[..*at].contains(other)
                })
        });
        at_fault.map(|(_, n)| *n).collect()
    }

    /// Somebody else pushes to the target.
    pub(super) fn push(&mut self, is_red: bool) {
        self.figures.pushes += 1;
        let label = u64::MAX - self.figures.pushes;
        let tree = self.commits[self.tip()].tree ^ share(label);
        let base = self.line.len() - 1;
        let new = oid(&format!("push {label}"));
        let commit = Commit {
            tree,
            base,
            members: Vec::new(),
        };
        self.commits.insert(new.clone(), commit);
        self.grow(new, is_red);
    }

    fn grow(&mut self, tip: Oid, is_red: bool) {
        self.places.insert(tip.clone(), self.line.len());
        self.line.push((tip, is_red));
        self.assemblies.clear();
    }

    pub(super) fn forget(&mut self) {
        self.assemblies.clear();
    }

    /// Returns when the next run ends.
    pub(super) fn next_end(&self) -> Option<u64> {
        let ends = self.runs.values().map(|state| match state {
            State::Live { until, .. } => *until,
            State::Vanishes { at } => *at,
        });
        ends.filter(|end| *end > self.now).min()
    }

    pub(super) fn see(&mut self, question: &Question) -> Option<Answer> {
        Some(match question {
            Question::Run(run) => Answer::Run(match self.runs.get(run) {
                None => RunSeen::Absent { for_ms: 0 },
                Some(State::Live { until, end }) if *until <= self.now => {
                    RunSeen::Ended(end.clone())
                }
                Some(State::Vanishes { at }) if *at <= self.now => RunSeen::Lost,
                Some(_) => RunSeen::Live(LiveSeen::default()),
            }),
            Question::Tip(_) => Answer::Tip(TipSeen {
                at: Some(self.tip().clone()),
                branch: Some(self.tip().clone()),
                branch_is_ahead: false,
            }),
            Question::Contains { commit, .. } => Answer::Contains(self.places.contains_key(commit)),
            Question::Owner { slot, .. } => {
                let slot = self.slots.get(slot);
                Answer::Owner(slot.map(|(owner, start)| OwnerSeen {
                    owner: owner.clone(),
                    start: Some(start.clone()),
                }))
            }
            Question::Assembly(order) => {
                if let Some(known) = self.assemblies.get(order) {
                    return Some(Answer::Assembly(known.clone()));
                }
                let seen = self.assemble(order);
                self.assemblies.insert(order.clone(), seen.clone());
                Answer::Assembly(seen)
            }
            Question::Changed { to, .. } => {
                let n = self.heads.get(to);
                Answer::Changed(n.map(|n| vec![format!("part/p{n}.rs")]).unwrap_or_default())
            }
            Question::Line { .. } => Answer::Line(vec![]),
            _ => return None,
        })
    }

    fn assemble(&mut self, order: &AssemblyOrder) -> AssemblySeen {
        let base = self.places.get(&order.base).copied().unwrap_or(0);
        let mut tree = self.commits[&order.base].tree;
        let mut members: Vec<usize> = Vec::new();
        let mut joined: Vec<BeadId> = Vec::new();
        let mut conflicts = Vec::new();
        let mut behind = Vec::new();
        for member in &order.members {
            let n = self.heads[&member.head];
            let change = &self.changes[n];
            let meets = |other: &Change| other.line.is_some() && other.line == change.line;
            let is_later = |other: &Change| {
                let place = other.landed;
                place.is_some_and(|place| place > change.base && place <= base)
            };
            let files = || vec![format!("line{}", change.line.unwrap_or(0))];
            let meets_base = change.line.is_some()
                && self
                    .changes
                    .iter()
                    .any(|other| meets(other) && is_later(other));
            if meets_base {
                conflicts.push(ConflictSeen {
                    bead: member.bead.clone(),
                    files: files(),
                    theirs: vec![],
                    diff: String::new(),
                });
            } else if members.iter().any(|other| meets(&self.changes[*other])) {
                behind.push((member.bead.clone(), files()));
            } else {
                tree ^= share(u64::try_from(n).unwrap_or(u64::MAX));
                members.push(n);
                joined.push(member.bead.clone());
            }
        }
        let commit = oid(&format!("{} {members:?}", order.base));
        let seen = AssemblySeen {
            joined,
            conflicts,
            behind,
            commit: commit.clone(),
            tree: oid(&format!("tree {tree}")),
        };
        if !members.is_empty() {
            let made = Commit {
                tree,
                base,
                members,
            };
            self.commits.insert(commit, made);
        }
        seen
    }

    /// Performs one effect; a refusal ends the pass.
    pub(super) fn perform(&mut self, effect: &Effect, target: &Target) -> Result<bool, String> {
        match effect {
            Effect::EnsureWorktree { slot, checkout, .. } => {
                if let Checkout::Exact { commit, owner } = checkout {
                    let place = (owner.clone(), commit.clone());
                    self.slots.insert(slot.clone(), place);
                }
            }
            Effect::EnsureRun(order) => {
                if !self.runs.contains_key(&order.run) {
                    let Some((_, commit)) = self.slots.get(&order.slot) else {
                        return Ok(false);
                    };
                    let commit = commit.clone();
                    let state = self.begin(&commit, order.limit_ms);
                    self.runs.insert(order.run.clone(), state);
                }
            }
            Effect::EnsureRef { name, new, old, .. } if *name == target.r#ref => {
                if self.tip() == new {
                    return Ok(true);
                }
                if old.as_ref() != Some(self.tip()) {
                    return Ok(false);
                }
                self.move_to(new)?;
            }
            Effect::EnsureNote { commit, .. } => {
                self.notes.insert(commit.clone());
            }
            Effect::SweepLost { .. } | Effect::EnsureRef { .. } => {}
            other => return Err(format!("the refinery wants {}", other.key())),
        }
        Ok(true)
    }

    /// Moves the target: to what is green, and to nothing that has landed.
    fn move_to(&mut self, new: &Oid) -> Result<(), String> {
        let commit = self.commits[new].clone();
        let before = self.line.len() - 1;
        if commit.base != before {
            return Err(format!("{new} is not on the tip of the target"));
        }
        let culprits = self.culprits(&commit);
        if !culprits.is_empty() || self.is_red() {
            return Err(format!("{new} lands and is red by {culprits:?}"));
        }
        if !self.notes.contains(new) {
            return Err(format!("{new} lands without evidence"));
        }
        let place = self.line.len();
        for n in &commit.members {
            if self.changes[*n].landed.replace(place).is_some() {
                return Err(format!("change {n} lands twice"));
            }
        }
        self.figures.landings += 1;
        self.grow(new.clone(), false);
        Ok(())
    }

    fn begin(&mut self, on: &Oid, limit: u64) -> State {
        self.figures.runs += 1;
        let took = self.load.gate_ms;
        if self.load.faults && self.rng.chance(30) {
            self.figures.bad_runs += 1;
            let vanishes = self.rng.below(took.max(1));
            return match self.rng.below(4) {
                // Its process vanished, or the machine went down below it.
                0 => State::Vanishes {
                    at: self.now + vanishes,
                },
                // It could not begin.
                1 => self.ends(0, |end| end.infra = Some("no such program".to_owned())),
                // It hung, or forked and forked, until its time was over and all of it was ended.
                _ => self.ends(limit, |end| {
                    end.timed_out = true;
                    end.signal = Some(9);
                }),
            };
        }
        let commit = self.commits[on].clone();
        let culprits = self.culprits(&commit);
        let place = self.places.get(on).unwrap_or(&commit.base);
        let is_flake = self.rng.chance(self.load.flakes);
        let is_red = self.line[*place].1 || !culprits.is_empty() || is_flake;
        let tail = self.tail(&culprits, &commit.members);
        self.ends(took, |end| {
            end.code = Some(i32::from(is_red));
            if is_red {
                end.tail = tail;
            }
        })
    }

    fn ends(&self, took: u64, with: impl FnOnce(&mut EndSeen)) -> State {
        let mut end = EndSeen {
            took_ms: took,
            ..EndSeen::default()
        };
        with(&mut end);
        State::Live {
            until: self.now + took,
            end,
        }
    }

    /// Writes what a red gate prints.
    fn tail(&mut self, culprits: &[usize], members: &[usize]) -> String {
        let drawn = self.rng.below(1_000);
        let named = if drawn < self.load.named {
            self.rng.pick(culprits).copied()
        } else if drawn < self.load.named + (1_000 - self.load.named) / 3 {
            // Somebody else's test breaks.
            self.rng
                .pick(members)
                .copied()
                .filter(|_| self.load.named > 0)
        } else {
            None
        };
        named.map_or_else(
            || "it is red".to_owned(),
            |n| format!("panicked at part/p{n}.rs:7:1"),
        )
    }
}
