//! Whose work a red output speaks of.
//!
//! A guess that costs one run when it is wrong and saves several when it is
//! right. It names somebody only when the output speaks more of their files
//! than of anybody else's, and nobody is sent back for it: what it says is
//! which part of a red batch is tried next.

use std::collections::{BTreeMap, BTreeSet};

use gtd_core::RedTest;

/// What a whole path in the output says, against a name alone.
const PATH: usize = 3;
/// Names of files that say nothing of what is in them.
const USUAL: &[&str] = &[
    "main", "mod", "lib", "index", "test", "tests", "init", "__init__", "setup", "conftest",
    "readme", "makefile", "package", "cargo", "src", "util", "utils", "types",
];

/// Finds the one member who owns the red tests: the files that they are in, or else the files
/// that what they are called and what they said names; `files` are those of each.
pub(super) fn owner_of_tests(red: &[&RedTest], files: &[&[String]]) -> Option<usize> {
    let owners = owners(files);
    // The place of a test in its tree of modules or packages, as paths would have it.
    let places: BTreeSet<String> = red.iter().map(|test| place(&test.name)).collect();
    let is_in = |file: &&String| {
        let without_ending = file
            .rsplit_once('.')
            .map_or(file.as_str(), |(path, _)| path);
        owners.get(file.as_str()) == Some(&1)
            && (red.iter().any(|test| is_path(&test.file, file))
                || places
                    .iter()
                    .any(|place| begins_with(place, without_ending)))
    };
    let scores = files.iter().map(|files| files.iter().filter(is_in).count());
    best(scores).or_else(|| {
        let said = red.iter().flat_map(|test| [&test.name, &test.message]);
        let said: Vec<&str> = said.map(String::as_str).collect();
        owner_of(&said.join("\n"), files)
    })
}

/// Writes the name of a test as a path: `a.b.TestC::test_d` is at `a/b/TestC/test_d`.
fn place(name: &str) -> String {
    let name = name.replace("::", "/");
    name.split(['.', ' ', '[', '(', ':'])
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join("/")
}

/// Tells whether a place lies in a file of this path, written without its ending.
fn begins_with(place: &str, file: &str) -> bool {
    // One folder at least: a bare name stands for too much.
    let is_told = file.contains('/');
    is_told
        && place
            .strip_prefix(file)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Tells whether a report means this file, whichever folder its paths begin from.
fn is_path(said: &str, file: &str) -> bool {
    let said = said.trim_start_matches("./");
    let ends_with = |long: &str, short: &str| {
        long.strip_suffix(short)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
    };
    !said.is_empty() && (ends_with(said, file) || ends_with(file, said))
}

/// Counts how many have changed each file.
fn owners<'a>(files: &[&'a [String]]) -> BTreeMap<&'a str, usize> {
    let mut owners: BTreeMap<&str, usize> = BTreeMap::new();
    for file in files.iter().copied().flatten() {
        *owners.entry(file.as_str()).or_default() += 1;
    }
    owners
}

/// Finds the place of the one highest score.
fn best(scores: impl Iterator<Item = usize>) -> Option<usize> {
    let scores: Vec<usize> = scores.collect();
    let best = scores.iter().copied().max().filter(|best| *best > 0)?;
    let mut named = scores.iter().enumerate().filter(|(_, n)| **n == best);
    let (owner, _) = named.next()?;
    named.next().is_none().then_some(owner)
}

/// Finds the one member whose own files the output names most; `files` are those of each.
pub(super) fn owner_of(output: &str, files: &[&[String]]) -> Option<usize> {
    let owners = owners(files);
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
    best(files.iter().map(|files| files.iter().map(said).sum()))
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

    fn owner_by_tests(red: &[(&str, &str, &str)], files: &[&[&str]]) -> Option<usize> {
        let red: Vec<RedTest> = red
            .iter()
            .map(|(name, file, message)| RedTest {
                name: (*name).to_owned(),
                file: (*file).to_owned(),
                message: (*message).to_owned(),
            })
            .collect();
        let files: Vec<Vec<String>> = files
            .iter()
            .map(|files| files.iter().map(|&file| file.to_owned()).collect())
            .collect();
        let files: Vec<&[String]> = files.iter().map(Vec::as_slice).collect();
        owner_of_tests(&red.iter().collect::<Vec<_>>(), &files)
    }

    #[test]
    fn red_tests_belong_to_who_changed_the_files_that_they_are_in() {
        let python: &[&[&str]] = &[&["api/models.py"], &["tests/test_api.py"], &["docs/a.md"]];
        let by_file = [("test_login", "tests/test_api.py", "")];
        assert_eq!(owner_by_tests(&by_file, python), Some(1));
        let by_class = [("tests.test_api.TestLogin::test_right", "", "")];
        assert_eq!(owner_by_tests(&by_class, python), Some(1));
        let below = [("sum adds", "/somewhere/web/src/sum.test.js", "")];
        let script: &[&[&str]] = &[&["src/sum.test.js"], &["src/sub.test.js"]];
        assert_eq!(owner_by_tests(&below, script), Some(0));
        // No file, but what it said names one.
        let nextest = [("core::rules::long", "", "panicked at src/printer.rs:40:9")];
        assert_eq!(owner_by_tests(&nextest, FILES), Some(1));
        let module = [("core::parser::tests::numbers", "", "boom")];
        assert_eq!(owner_by_tests(&module, FILES), Some(0));
        assert_eq!(owner_by_tests(&[("elsewhere", "", "")], FILES), None);
        assert_eq!(owner_by_tests(&[], FILES), None);
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
