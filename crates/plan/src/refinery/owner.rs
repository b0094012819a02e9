//! Whose work a red output speaks of.
//!
//! A guess that costs one run when it is wrong and saves several when it is
//! right. It names somebody only when the output speaks more of their files
//! than of anybody else's, and nobody is sent back for it: what it says is
//! which part of a red batch is tried next.

use std::collections::{BTreeMap, BTreeSet};

/// What a whole path in the output says, against a name alone.
const PATH: usize = 3;
/// Names of files that say nothing of what is in them.
const USUAL: &[&str] = &[
    "main", "mod", "lib", "index", "test", "tests", "init", "__init__", "setup", "conftest",
    "readme", "makefile", "package", "cargo", "src", "util", "utils", "types",
];

/// Finds the one member whose own files the output names most; `files` are those of each.
pub(super) fn owner_of(output: &str, files: &[&[String]]) -> Option<usize> {
    let mut owners: BTreeMap<&str, usize> = BTreeMap::new();
    for file in files.iter().copied().flatten() {
        *owners.entry(file.as_str()).or_default() += 1;
    }
    let paths: BTreeSet<&str> = words(output, |c| "/._-".contains(c)).collect();
    let names: BTreeSet<String> = words(output, |c| c == '_')
        .map(str::to_ascii_lowercase)
        .collect();
    let said = |file: &String| {
        // What two of them changed tells them not apart.
        if owners.get(file.as_str()) != Some(&1) {
            return 0;
        }
        let mut named = paths.iter().map(|path| path.trim_start_matches("./"));
        if file.contains('.') && named.any(|path| path == file) {
            return PATH;
        }
        usize::from(stem(file).is_some_and(|stem| names.contains(&stem)))
    };
    let scores = files.iter().map(|files| files.iter().map(said).sum());
    let scores: Vec<usize> = scores.collect();
    let best = scores.iter().copied().max().filter(|best| *best > 0)?;
    let mut named = scores.iter().enumerate().filter(|(_, n)| **n == best);
    let (owner, _) = named.next()?;
    named.next().is_none().then_some(owner)
}

/// Returns the name of a file without its folder and ending, when it says something.
fn stem(file: &str) -> Option<String> {
    let name = file.rsplit('/').next()?;
    let stem = name.split('.').next()?.to_ascii_lowercase();
    (stem.len() >= 3 && !USUAL.contains(&stem.as_str())).then_some(stem)
}

/// Splits a text at what is neither a letter, a digit, nor one of some more.
fn words(text: &str, more: impl Fn(char) -> bool) -> impl Iterator<Item = &str> {
    text.split(move |c: char| !c.is_alphanumeric() && !more(c))
        .map(|word| word.trim_end_matches('.'))
        .filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(output: &str, files: &[&[&str]]) -> Option<usize> {
        let files: Vec<Vec<String>> = files
            .iter()
            .map(|files| files.iter().map(|&file| file.to_owned()).collect())
            .collect();
        let files: Vec<&[String]> = files.iter().map(Vec::as_slice).collect();
        owner_of(output, &files)
    }

    const FILES: &[&[&str]] = &[
        &["src/parser.rs", "src/lib.rs"],
        &["src/printer.rs", "src/lib.rs"],
        &["docs/guide.md"],
    ];

    #[test]
    fn the_output_names_whose_tests_are_red() {
        let cargo = "---- printer::tests::long_lines stdout ----\nthread panicked at src/printer.rs:40:9:\nassertion failed";
        assert_eq!(owner(cargo, FILES), Some(1));
        let pytest = "FAILED tests/test_api.py::test_login - AssertionError";
        let python: &[&[&str]] = &[&["api/models.py"], &["tests/test_api.py"]];
        assert_eq!(owner(pytest, python), Some(1));
        let module = "test parser::tests::numbers ... FAILED";
        assert_eq!(owner(module, FILES), Some(0));
    }

    #[test]
    fn nobody_is_named_when_the_output_does_not_tell() {
        assert_eq!(owner("assertion failed", FILES), None);
        assert_eq!(owner("", FILES), None);
        // The file of both of them.
        assert_eq!(owner("panicked at src/lib.rs:3", FILES), None);
        assert_eq!(owner("parser and printer", FILES), None);
        assert_eq!(
            owner("the test in main failed", &[&["src/main.rs"], &["b.rs"]]),
            None
        );
    }
}
