//! A git repository in miniature: commits, trees, three-way merges, refs.
//!
//! A tree maps files to sets of changes. Two sides conflict where both changed
//! one file differently, as git's own merge does. A tree can be red although
//! every change in it is fine alone: two changes may not go together.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    rc::Rc,
};

use gtd_core::{Oid, RunId};

use super::rng::hash;

/// One change in one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Change {
    /// What a bead asks for, written without knowledge of its neighbours.
    Plain(u16),
    /// The same, written by somebody who saw what it must go together with.
    Aware(u16),
    /// An attempt at it that breaks the build.
    Broken(u16),
    /// Something else than what was asked for.
    Junk(u16),
    /// What a person pushed.
    Push(u16),
    /// What a person pushed and what breaks the build.
    Red,
}

/// The files of a commit.
pub(super) type Tree = Rc<BTreeMap<u8, BTreeSet<Change>>>;

#[derive(Debug)]
pub(super) struct Commit {
    pub(super) oid: Oid,
    pub(super) tree: Tree,
    pub(super) depth: u32,
    /// Every run that wrote something of it.
    pub(super) authors: Rc<BTreeSet<RunId>>,
    ancestors: Vec<u64>,
}

impl Commit {
    /// Tells whether the commit with this number is this one or behind it.
    fn has(&self, index: usize) -> bool {
        self.ancestors
            .get(index / 64)
            .is_some_and(|word| word >> (index % 64) & 1 == 1)
    }
}

/// The object database and the refs.
#[derive(Debug, Default)]
pub(super) struct Git {
    commits: Vec<Commit>,
    by_oid: HashMap<Oid, usize>,
    pub(super) refs: BTreeMap<String, Oid>,
    /// Beads whose plain changes break each other.
    pub(super) clashes: Vec<(u16, u16)>,
}

/// What several submissions on a base are.
#[derive(Debug)]
pub(super) struct Assembled<K> {
    pub(super) already: Vec<K>,
    pub(super) joined: Vec<K>,
    pub(super) conflicts: Vec<(K, Vec<String>)>,
    pub(super) commit: Oid,
    pub(super) tree: Oid,
}

fn oid_of(text: &str) -> Oid {
    let part = |salt: u64| hash(salt, text);
    let digits = format!("{:016x}{:016x}{:08x}", part(1), part(2), part(3) >> 32);
    Oid::parse(&digits).expect("forty hex digits")
}

/// Names a tree after what is in it.
pub(super) fn tree_oid(tree: &Tree) -> Oid {
    oid_of(&format!("tree {tree:?}"))
}

/// Lists the changes of a tree with their files.
pub(super) fn changes(tree: &Tree) -> BTreeSet<(u8, Change)> {
    tree.iter()
        .flat_map(|(file, set)| set.iter().map(|change| (*file, *change)))
        .collect()
}

impl Git {
    fn at(&self, oid: &Oid) -> &Commit {
        &self.commits[self.by_oid[oid]]
    }

    pub(super) fn tree(&self, oid: &Oid) -> Tree {
        self.at(oid).tree.clone()
    }

    pub(super) fn commit_of(&self, oid: &Oid) -> Option<&Commit> {
        self.by_oid.get(oid).map(|index| &self.commits[*index])
    }

    pub(super) fn commits(&self) -> &[Commit] {
        &self.commits
    }

    pub(super) fn is_ancestor(&self, ancestor: &Oid, of: &Oid) -> bool {
        match (self.by_oid.get(ancestor), self.commit_of(of)) {
            (Some(index), Some(commit)) => commit.has(*index),
            _ => false,
        }
    }

    /// Lists the commits of `to` that `from` does not have.
    pub(super) fn since(&self, from: &Oid, to: &Oid) -> impl Iterator<Item = &Commit> {
        let (from, to) = (self.at(from), self.at(to));
        self.commits
            .iter()
            .enumerate()
            .filter(move |(index, _)| to.has(*index) && !from.has(*index))
            .map(|(_, commit)| commit)
    }

    /// Writes a commit; the same inputs give the same commit.
    pub(super) fn commit(
        &mut self,
        parents: &[&Oid],
        tree: Tree,
        authors: Rc<BTreeSet<RunId>>,
        label: &str,
    ) -> Oid {
        let oid = oid_of(&format!("commit {parents:?} {} {label}", tree_oid(&tree)));
        if self.by_oid.contains_key(&oid) {
            return oid;
        }
        let index = self.commits.len();
        let mut ancestors = vec![0_u64; index / 64 + 1];
        let mut depth = 0;
        for parent in parents {
            let parent = self.at(parent);
            depth = depth.max(parent.depth + 1);
            for (word, of_parent) in ancestors.iter_mut().zip(&parent.ancestors) {
                *word |= of_parent;
            }
        }
        ancestors[index / 64] |= 1 << (index % 64);
        self.by_oid.insert(oid.clone(), index);
        self.commits.push(Commit {
            oid: oid.clone(),
            tree,
            depth,
            authors,
            ancestors,
        });
        oid
    }

    fn merge_base(&self, ours: &Oid, theirs: &Oid) -> Option<&Commit> {
        let (ours, theirs) = (self.at(ours), self.at(theirs));
        self.commits
            .iter()
            .enumerate()
            .filter(|(index, _)| ours.has(*index) && theirs.has(*index))
            .map(|(_, commit)| commit)
            .max_by_key(|commit| commit.depth)
    }

    /// Merges two commits into a tree, or lists the files in conflict.
    fn merge(&self, ours: &Oid, theirs: &Oid) -> Result<Tree, Vec<String>> {
        let base = self
            .merge_base(ours, theirs)
            .map(|commit| commit.tree.clone())
            .unwrap_or_default();
        let (ours, theirs) = (self.tree(ours), self.tree(theirs));
        let files: BTreeSet<u8> = base
            .keys()
            .chain(ours.keys())
            .chain(theirs.keys())
            .copied()
            .collect();
        let mut merged = BTreeMap::new();
        let mut conflicts = Vec::new();
        for file in files {
            let (was, our, their) = (base.get(&file), ours.get(&file), theirs.get(&file));
            let kept = if our == their || their == was {
                our
            } else if our == was {
                their
            } else {
                conflicts.push(format!("file{file}"));
                continue;
            };
            if let Some(kept) = kept {
                merged.insert(file, kept.clone());
            }
        }
        if conflicts.is_empty() {
            Ok(Rc::new(merged))
        } else {
            Err(conflicts)
        }
    }

    /// Puts submissions onto a base, as `gtd-git` does. `adopts` says whether it looks for
    /// heads that the base holds already.
    pub(super) fn assemble<K: Clone>(
        &mut self,
        base: &Oid,
        members: &[(K, Oid)],
        adopts: bool,
    ) -> Assembled<K> {
        let mut done = Assembled {
            already: Vec::new(),
            joined: Vec::new(),
            conflicts: Vec::new(),
            commit: base.clone(),
            tree: tree_oid(&self.tree(base)),
        };
        let nobody = Rc::new(BTreeSet::new());
        let mut tip = base.clone();
        for (key, head) in members {
            if adopts && self.is_ancestor(head, base) {
                done.already.push(key.clone());
                continue;
            }
            match self.merge(&tip, head) {
                Ok(tree) => {
                    let label = format!("merge {head}");
                    tip = self.commit(&[&tip, head], tree, nobody.clone(), &label);
                    done.joined.push(key.clone());
                }
                Err(files) => {
                    if tip == *base || self.merge(base, head).is_err() {
                        done.conflicts.push((key.clone(), files));
                    }
                }
            }
        }
        if !done.joined.is_empty() {
            let tree = self.tree(&tip);
            done.tree = tree_oid(&tree);
            done.commit = self.commit(&[base, &tip], tree, nobody, "candidate");
        }
        done
    }

    /// Says why the build of a tree is red, if it is.
    pub(super) fn red(&self, tree: &Tree) -> Option<String> {
        let has = |wanted: Change| tree.values().any(|set| set.contains(&wanted));
        let broken = tree
            .values()
            .flatten()
            .find(|change| matches!(change, Change::Broken(_) | Change::Red));
        if let Some(broken) = broken {
            return Some(format!("{broken:?}"));
        }
        self.clashes
            .iter()
            .find(|(a, b)| has(Change::Plain(*a)) && has(Change::Plain(*b)))
            .map(|(a, b)| format!("{a} and {b} do not go together"))
    }
}
