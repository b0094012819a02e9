//! Finding keys: what a path leads to, what may follow it, which words are names of one's own.

use super::{key::Key, keys::KEYS};

/// What a path leads to.
#[derive(Debug, Clone, Copy)]
pub(super) enum Found {
    /// A key.
    Leaf(&'static Key),
    /// A table that holds keys.
    Table,
    /// Nothing.
    Nothing,
}

/// Finds what the segments lead to.
pub(super) fn find(segments: &[&str]) -> Found {
    let mut found = Found::Nothing;
    for key in KEYS {
        if starts_with(key.path, segments) {
            if key.path.split('.').count() == segments.len() {
                return Found::Leaf(key);
            }
            found = Found::Table;
        }
    }
    found
}

/// Tells whether the path begins with the segments; `*` is any of them.
pub(super) fn starts_with(path: &str, segments: &[&str]) -> bool {
    let mut parts = path.split('.');
    segments.iter().all(|segment| {
        parts
            .next()
            .is_some_and(|part| part == "*" || part == *segment)
    })
}

/// Returns the words that may follow the segments, and whether a name of one's own may.
pub(super) fn children(segments: &[&str]) -> (Vec<&'static str>, bool) {
    let mut words: Vec<&'static str> = Vec::new();
    let mut is_open = segments.is_empty();
    if is_open {
        words.push("schema");
        is_open = false;
    }
    for key in KEYS {
        if starts_with(key.path, segments) {
            match key.path.split('.').nth(segments.len()) {
                Some("*") => is_open = true,
                Some(word) if !words.contains(&word) => words.push(word),
                _ => {}
            }
        }
    }
    (words, is_open)
}

/// What kind of name stands at the place of a `*`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NameKind {
    /// The name of a role, a policy, a runtime or a model.
    Plain,
    /// The name of an environment variable.
    Variable,
}

/// Tells what kind of name comes after the segments, where a name of one's own may come.
pub(super) fn name_kind(segments: &[&str]) -> NameKind {
    match segments.last() {
        Some(&("env" | "secrets")) if segments.len() > 2 => NameKind::Variable,
        _ => NameKind::Plain,
    }
}
