//! What was merged and committed lately, so that the members in front of a new
//! one are not put together again each time that one is handed in.
//!
//! A merge and a commit are functions of what is asked for; what is remembered
//! is therefore right for as long as the repository holds the object, which is
//! looked up before it is believed.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Mutex, PoisonError},
};

use gtd_core::Oid;

/// Things that are remembered at most; then all are forgotten.
const KEPT: usize = 1024;

/// Objects by what they were made from.
#[derive(Debug)]
pub(crate) struct Made<K>(Mutex<HashMap<K, Oid>>);

/// A clean merge: the commit whose attributes count, and the two sides.
pub(crate) type MergeKey = (Oid, Oid, Oid);

/// A commit: its tree, its parents, its message and its date.
pub(crate) type CommitKey = (Oid, Vec<Oid>, String, i64);

impl<K> Default for Made<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash> Made<K> {
    /// Finds what was made, if it is still there.
    pub(crate) fn find(&self, key: &K, is_there: impl Fn(&Oid) -> bool) -> Option<Oid> {
        let known = self.lock().get(key).cloned();
        known.filter(is_there)
    }

    /// Remembers what was made.
    pub(crate) fn note(&self, key: K, made: &Oid) {
        let mut all = self.lock();
        if all.len() >= KEPT {
            all.clear();
        }
        all.insert(key, made.clone());
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<K, Oid>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_gone_is_made_again_and_the_memory_has_an_end() {
        let oid = Oid::parse(&"1".repeat(40)).unwrap();
        let made = Made::default();
        made.note(0, &oid);
        assert_eq!(made.find(&0, |_| true), Some(oid.clone()));
        assert_eq!(made.find(&0, |_| false), None);
        assert_eq!(made.find(&1, |_| true), None);
        for key in 1..=KEPT {
            made.note(key, &oid);
        }
        assert_eq!(made.find(&0, |_| true), None);
        assert_eq!(made.find(&KEPT, |_| true), Some(oid));
    }
}
