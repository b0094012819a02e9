//! Whether two scopes can mean the same file, and whether a file is in a scope.
//!
//! A scope is a glob: `*` is any run of characters of one name, `?` one of them,
//! `**` any names in a row. A folder without a wildcard means all that is in it.
//! In doubt two scopes meet: who is asked to join two beads loses little. There a
//! name with a dot is that of a file; a file that is asked about may lie below it.

/// Tells whether some file is in both scopes.
#[must_use]
pub fn may_meet(a: &str, b: &str) -> bool {
    let (a, b) = (names(a), names(b));
    let in_a = inside(&a).is_some_and(|inside| paths_meet(&inside, &b));
    let in_b = || inside(&b).is_some_and(|inside| paths_meet(&a, &inside));
    paths_meet(&a, &b) || in_a || in_b()
}

/// A scope that many files are compared with.
#[derive(Debug)]
pub(crate) struct Scope {
    names: Vec<String>,
    inside: Option<Vec<String>>,
}

impl Scope {
    pub(crate) fn new(scope: &str) -> Self {
        let names = names(scope);
        // A file has nothing in it, so whatever has no wildcard may be a folder, as `.github` is.
        let is_plain = names.last().is_some_and(|last| !last.contains(['*', '?']));
        Self {
            inside: is_plain.then(|| all_in(&names)),
            names,
        }
    }

    /// Tells whether a file, by its names, is in the scope.
    pub(crate) fn holds(&self, file: &[String]) -> bool {
        let is_plain = |name: &&String| !name.contains(['*', '?']);
        let first = self.names.first().filter(is_plain);
        if first.is_some_and(|first| Some(first) != file.first()) {
            return false;
        }
        let inside = self.inside.as_deref();
        paths_meet(&self.names, file) || inside.is_some_and(|inside| paths_meet(inside, file))
    }
}

/// Returns what lies in a scope that looks like a folder.
fn inside(names: &[String]) -> Option<Vec<String>> {
    let is_folder = names
        .last()
        .is_some_and(|last| !last.contains(['.', '*', '?']));
    is_folder.then(|| all_in(names))
}

fn all_in(folder: &[String]) -> Vec<String> {
    [folder, &["**".to_owned()]].concat()
}

fn paths_meet(a: &[String], b: &[String]) -> bool {
    meet(a, b, |name| name == "**", |a, b| names_meet(a, b))
}

fn names_meet(a: &str, b: &str) -> bool {
    let letters = |name: &str| name.chars().collect::<Vec<_>>();
    let is_one = |a: &char, b: &char| a == b || *a == '?' || *b == '?';
    meet(&letters(a), &letters(b), |c| *c == '*', is_one)
}

fn names(scope: &str) -> Vec<String> {
    let scope = scope.trim_start_matches("./");
    scope
        .split('/')
        .filter(|name| !name.is_empty())
        .map(|name| match name {
            // Sets and choices are not looked into.
            name if name.contains(['[', '{']) => "*".to_owned(),
            name => name.to_owned(),
        })
        .collect()
}

/// Tells whether two patterns have a word in common; `is_any` marks what stands for any run.
fn meet<T>(a: &[T], b: &[T], is_any: impl Fn(&T) -> bool, is_one: impl Fn(&T, &T) -> bool) -> bool {
    // Whether what is left of `a` from `i` meets what is left of `b` from `j`, row by row.
    let mut below: Vec<bool> = vec![false; b.len() + 1];
    for i in (0..=a.len()).rev() {
        let mut row = vec![false; b.len() + 1];
        for j in (0..=b.len()).rev() {
            let (x, y) = (a.get(i), b.get(j));
            row[j] = match (x, y) {
                (None, None) => true,
                (Some(x), y) if is_any(x) => below[j] || (y.is_some() && row[j + 1]),
                (x, Some(y)) if is_any(y) => row[j + 1] || (x.is_some() && below[j]),
                (Some(x), Some(y)) => is_one(x, y) && below[j + 1],
                _ => false,
            };
        }
        below = row;
    }
    below[0]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn two_scopes_meet_when_one_file_can_be_in_both() {
        for (a, b, expected) in [
            ("src/a.rs", "src/a.rs", true),
            ("src/a.rs", "src/b.rs", false),
            ("src/**", "src/auth/login.rs", true),
            ("src/**", "docs/**", false),
            ("**/*.rs", "src/x/y.rs", true),
            ("**/*.rs", "src/x/y.md", false),
            ("src/*.rs", "src/x/y.rs", false),
            ("src", "src/x/y.rs", true),
            ("src/auth/", "src/auth/login.rs", true),
            ("src/auth", "src/author.rs", false),
            ("src/a?.rs", "src/ab.rs", true),
            ("src/{a,b}.rs", "src/a.rs", true),
            ("./README.md", "README.md", true),
            ("**", "anything", true),
        ] {
            assert_eq!(may_meet(a, b), expected, "{a} and {b}");
            assert_eq!(may_meet(b, a), expected, "{b} and {a}");
        }
    }

    #[test]
    fn long_patterns_cost_little() {
        let many = ["**/a*b*c*"; 60].join("/");
        let other = ["**/*x*y*z"; 60].join("/");
        assert!(may_meet(&many, &other));
    }

    proptest! {
        #[test]
        fn a_scope_meets_itself_and_what_is_below_it(
            scope in "([a-c*?]{1,3}/){0,3}[a-c]{1,3}",
            below in "[a-c]{1,3}",
        ) {
            prop_assert!(may_meet(&scope, &scope));
            let inside = format!("{scope}/{below}");
            prop_assert!(may_meet(&scope, &inside));
        }
    }
}
