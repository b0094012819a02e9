//! What a key is for, what it takes, and what it is now.

use std::fmt;

use serde::Serialize;

use super::{
    check::wanted,
    find::{Found, find, starts_with},
    idle::works,
    key::{Key, Kind, Who},
    keys::KEYS,
    layer::Origin,
    merge::{Config, built_in},
    value::Value,
};
use crate::toml_text::{nearest, quoted};

/// All about one key.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation {
    /// The key; `*` stands for a name of one's own, `[]` for each row of a list.
    pub key: String,
    /// What it is for.
    pub doc: &'static str,
    /// What it takes.
    pub takes: String,
    /// Who may set it.
    pub who: &'static str,
    /// Whether anything acts on it yet.
    pub works: bool,
    /// What gtd brings along.
    pub default: Option<Value>,
    /// What it is now.
    pub value: Option<Value>,
    /// Where that comes from.
    pub origin: Option<Origin>,
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}. {}", self.takes, self.doc)?;
        if let (Some(value), Some(origin)) = (&self.value, &self.origin)
            && *origin != Origin::Default
        {
            write!(f, " Now: {} ({origin}).", Plain(value))?;
        }
        if let Some(default) = &self.default {
            write!(f, " Default: {}.", Plain(default))?;
        }
        if !self.works {
            write!(f, " Accepted; nothing acts on it yet.")?;
        }
        Ok(())
    }
}

struct Plain<'a>(&'a Value);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Value::Text(text) if !text.is_empty() => f.write_str(text),
            value => value.fmt(f),
        }
    }
}

/// A key that is not in the table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no key {}", quoted(key))]
pub struct UnknownKey {
    /// What was asked for.
    pub key: String,
    /// What may have been meant.
    pub similar: Option<String>,
}

impl Config {
    /// Explains a key, or all keys of a table; the empty text is the whole table of keys.
    ///
    /// # Errors
    /// When there is no such key and no such table.
    pub fn explain(&self, key: &str) -> Result<Vec<Explanation>, UnknownKey> {
        let defaults = built_in();
        let asked: Vec<&str> = key.split('.').filter(|part| !part.is_empty()).collect();
        let mut found = Vec::new();
        for (path, key) in rows() {
            let plain = path.replace("[]", "");
            if !starts_with(&plain, &asked) {
                continue;
            }
            let mut parts: Vec<&str> = path.split('.').collect();
            for (part, asked) in parts.iter_mut().zip(&asked) {
                if *part == "*" {
                    *part = asked;
                }
            }
            let path = parts.join(".");
            found.push(Explanation {
                doc: key.doc,
                takes: wanted(key.kind),
                who: who(key.who),
                works: works(&path, key),
                default: defaults
                    .settings
                    .get(&path)
                    .map(|setting| setting.value.clone()),
                value: self.get(&path).map(|(value, _)| value.clone()),
                origin: self.get(&path).map(|(_, origin)| origin.clone()),
                key: path,
            });
        }
        if found.is_empty() {
            return Err(UnknownKey {
                key: key.to_owned(),
                similar: suggest(key),
            });
        }
        Ok(found)
    }
}

/// Returns the paths of all keys; `*` stands for a name of one's own, `[]` for each row of a list.
pub fn known_keys() -> impl Iterator<Item = String> {
    rows().into_iter().map(|(path, _)| path)
}

/// Tells whether a key belongs to one project, and so never to the user's own file.
#[must_use]
pub fn is_of_project_alone(key: &str) -> bool {
    let segments: Vec<&str> = key.split('.').collect();
    matches!(find(&segments), Found::Leaf(key) if key.who == Who::ProjectOnly)
}

/// Finds the key that was probably meant, with the names that were given.
pub(super) fn suggest(key: &str) -> Option<String> {
    let asked: Vec<&str> = key.split('.').collect();
    let candidates: Vec<String> = KEYS
        .iter()
        .map(|known| {
            let parts: Vec<&str> = known.path.split('.').collect();
            let filled = parts
                .iter()
                .enumerate()
                .map(|(at, part)| match asked.get(at) {
                    Some(name) if *part == "*" => name,
                    _ => part,
                });
            filled.copied().collect::<Vec<_>>().join(".")
        })
        .collect();
    let by_name = || {
        candidates
            .iter()
            .find(|path| path.rsplit('.').next() == asked.last().copied())
            .map(String::as_str)
    };
    nearest(key, candidates.iter().map(String::as_str))
        .or_else(by_name)
        .map(str::to_owned)
}

fn rows() -> Vec<(String, &'static Key)> {
    let mut all = Vec::new();
    for key in KEYS {
        all.push((key.path.to_owned(), key));
        if let Kind::Rows(keys) = key.kind {
            let inner = keys
                .iter()
                .map(|row| (format!("{}[].{}", key.path, row.path), row));
            all.extend(inner);
        }
    }
    all
}

fn who(who: Who) -> &'static str {
    match who {
        Who::Anyone => "user or project",
        Who::UserOnly => "user only",
        Who::ProjectOnly => "project only",
        Who::AtMostTheUser => "user, or project at most the user's",
        Who::AmongTheUsers => "user, or project among the user's",
        Who::AllOfTheUsers => "user, or project with all of the user's",
        Who::NotFreer(_) => "user, or project no freer than the user",
        Who::UserOnlyWord(_) => "user or project, the freest only the user",
    }
}
