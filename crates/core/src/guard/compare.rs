//! What makes tests say less: the files as they were against the files as they are.
//!
//! A test is the same one where its file and its name are; else where its name is; else where
//! its lines are for the most part. What moved or got another name is therefore not gone.

use std::collections::BTreeMap;

use super::{
    language::{Language, is_test_path},
    report::{Finding, FindingKind},
    scan::{Assertion, Helper, Scan, Source, Strength, TestCase},
};

/// A file at one of the two commits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileText {
    /// Its path.
    pub path: String,
    /// What is in it.
    pub text: String,
}

/// So many of a hundred lines are the same in a test that only got another name.
const ALIKE: usize = 60;
/// The longest text of an assertion that is told, in characters.
const TOLD: usize = 120;

/// Lists what makes the tests in the files that changed say less than before, the gravest first.
///
/// `before` are these files at the base, as far as they were there; `after` are those at the head.
#[must_use]
pub fn weaker_tests(before: &[FileText], after: &[FileText]) -> Vec<Finding> {
    let (was, is) = (scans(before), scans(after));
    let pairs = pairs(&was, &is);
    let mut findings = Vec::new();
    let gone_files = gone_files(before, after, &was, &pairs, &mut findings);
    for (old, new) in &pairs {
        let test = &old.test;
        match new {
            None if gone_files.contains(&old.path) => {}
            None => findings.push(Finding {
                kind: FindingKind::TestRemoved,
                file: old.path.to_owned(),
                line: test.line,
                test: test.name.clone(),
                text: "the test is gone".to_owned(),
            }),
            Some(new) => weaker(new.path, test, new.test, &mut findings),
        }
    }
    for scan in &is {
        for test in &scan.tests {
            let old = pairs
                .iter()
                .find(|(_, new)| new.is_some_and(|new| std::ptr::eq(new.test, test)));
            let known = old.map_or(&[][..], |(old, _)| &old.test.assertions);
            findings.extend(always_true(&scan.path, test, known));
        }
    }
    weaker_helpers(&was, &is, &gone_files, &mut findings);
    findings.sort();
    findings.dedup();
    findings
}

/// Lists the tests that are new in files that are for tests alone, each as the finding that it is
/// when it proves nothing.
#[must_use]
pub fn new_tests(before: &[FileText], after: &[FileText]) -> Vec<Finding> {
    let (was, is) = (scans(before), scans(after));
    let pairs = pairs(&was, &is);
    let finding = |file: &str, line: u32, test: &str| Finding {
        kind: FindingKind::ProvesNothing,
        file: file.to_owned(),
        line,
        test: test.to_owned(),
        text: "is green without the work".to_owned(),
    };
    let mut found = Vec::new();
    for new in all(&is).into_iter().filter(|new| is_test_path(new.path)) {
        let mut known = pairs.iter().filter_map(|(_, new)| new.as_ref());
        if !known.any(|known| std::ptr::eq(known.test, new.test)) && !new.test.is_skipped {
            found.push(finding(new.path, new.test.line, &new.test.name));
        }
    }
    // In a language that nobody reads here, a file of tests that is new.
    for file in after.iter().filter(|file| is_test_path(&file.path)) {
        let is_new = before.iter().all(|old| old.path != file.path);
        if is_new && Language::of(&file.path).is_none() {
            found.push(finding(&file.path, 0, ""));
        }
    }
    found
}

fn scans(files: &[FileText]) -> Vec<Scan> {
    let sources = files
        .iter()
        .filter_map(|file| Source::read(&file.path, &file.text));
    let sources: Vec<Source<'_>> = sources.collect();
    let mut helpers: Vec<Helper> = sources.iter().flat_map(Source::helpers).collect();
    helpers.retain(|helper| !helper.name.is_empty());
    sources.iter().map(|source| source.scan(&helpers)).collect()
}

/// A test in its file.
#[derive(Clone, Copy)]
struct InFile<'a> {
    path: &'a str,
    test: &'a TestCase,
}

fn all(scans: &[Scan]) -> Vec<InFile<'_>> {
    let tests = scans.iter().flat_map(|scan| {
        let path = scan.path.as_str();
        scan.tests.iter().map(move |test| InFile { path, test })
    });
    tests.collect()
}

/// Finds for each test of before the one that it is now.
fn pairs<'a>(was: &'a [Scan], is: &'a [Scan]) -> Vec<(InFile<'a>, Option<InFile<'a>>)> {
    let mut left: Vec<Option<InFile<'a>>> = all(is).into_iter().map(Some).collect();
    let mut take = |fits: &dyn Fn(&InFile<'a>) -> bool| {
        let found = left.iter_mut().find(|new| new.as_ref().is_some_and(fits));
        found.and_then(Option::take)
    };
    let mut pairs: Vec<(InFile<'a>, Option<InFile<'a>>)> = Vec::new();
    for old in all(was) {
        let same = take(&|new| new.path == old.path && new.test.name == old.test.name);
        pairs.push((old, same));
    }
    for (old, new) in pairs.iter_mut().filter(|(_, new)| new.is_none()) {
        let language = Language::of(old.path);
        *new = take(&|new| new.test.name == old.test.name && Language::of(new.path) == language);
    }
    for (old, new) in pairs.iter_mut().filter(|(_, new)| new.is_none()) {
        *new = take(&|new| alike(&old.test.body, &new.test.body) >= ALIKE);
    }
    pairs
}

/// Counts how many of a hundred lines are in both.
fn alike(one: &[String], other: &[String]) -> usize {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for line in one {
        *counts.entry(line).or_default() += 1;
    }
    let both = other
        .iter()
        .filter(|line| match counts.get_mut(line.as_str()) {
            Some(count) if *count > 0 => {
                *count -= 1;
                true
            }
            _ => false,
        });
    match one.len().max(other.len()) {
        0 => 0,
        most => both.count() * 100 / most,
    }
}

/// Finds test files of which nothing is left, and returns their paths.
fn gone_files<'a>(
    before: &'a [FileText],
    after: &[FileText],
    was: &[Scan],
    pairs: &[(InFile<'_>, Option<InFile<'_>>)],
    findings: &mut Vec<Finding>,
) -> Vec<&'a str> {
    let mut gone = Vec::new();
    for file in before {
        let is_there = after.iter().any(|other| other.path == file.path);
        let scan = was.iter().find(|scan| scan.path == file.path);
        let n_tests = scan.map_or(0, |scan| scan.tests.len());
        let is_left = pairs
            .iter()
            .any(|(old, new)| old.path == file.path && new.is_some());
        let lines = |file: &FileText| -> Vec<String> {
            let lines = file.text.lines().map(|line| line.trim().to_owned());
            lines.filter(|line| !line.is_empty()).collect()
        };
        let has_moved = || {
            let new = after
                .iter()
                .filter(|new| before.iter().all(|old| old.path != new.path));
            let own = lines(file);
            new.map(lines).any(|new| alike(&own, &new) >= ALIKE)
        };
        let is_test = n_tests > 1 || is_test_path(&file.path);
        if is_there || is_left || !is_test || has_moved() {
            continue;
        }
        gone.push(file.path.as_str());
        findings.push(Finding {
            kind: FindingKind::FileRemoved,
            file: file.path.clone(),
            line: 0,
            test: String::new(),
            text: match n_tests {
                0 => "is gone".to_owned(),
                1 => "is gone with 1 test".to_owned(),
                n => format!("is gone with {n} tests"),
            },
        });
    }
    gone
}

/// Lists what makes one test say less.
fn weaker(path: &str, old: &TestCase, new: &TestCase, findings: &mut Vec<Finding>) {
    let mut found = |kind, line, text: String| {
        findings.push(Finding {
            kind,
            file: path.to_owned(),
            line,
            test: new.name.clone(),
            text,
        });
    };
    if new.is_skipped && !old.is_skipped {
        let text = "the test is skipped now, always or at times";
        found(FindingKind::TestSkipped, new.line, text.to_owned());
    }
    if new.is_focused && !old.is_focused {
        let text = "only this runs: the other tests are left out";
        found(FindingKind::TestFocused, new.line, text.to_owned());
    }
    let fewer = old.n_assertions().saturating_sub(new.n_assertions());
    if fewer > 0 {
        let text = match (fewer, lost(&old.assertions, &new.assertions).first()) {
            (1, None) => "an assertion is gone".to_owned(),
            (1, Some(first)) => format!("an assertion is gone: {}", told(&first.text)),
            (n, Some(first)) => format!("{n} assertions are gone, such as {}", told(&first.text)),
            (n, None) => format!("{n} assertions are gone"),
        };
        found(FindingKind::AssertionsRemoved, new.line, text);
    }
    let exact = |test: &TestCase| test.n_of(Strength::Exact);
    let loose = |test: &TestCase| test.n_of(Strength::Loose);
    if exact(new) < exact(old) && loose(new) > loose(old) {
        let came = lost(&new.assertions, &old.assertions);
        let came = came.into_iter().find(|one| one.strength == Strength::Loose);
        let went = lost(&old.assertions, &new.assertions);
        let went = went.into_iter().find(|one| one.strength == Strength::Exact);
        if let (Some(came), Some(went)) = (came, went) {
            let text = format!(
                "an assertion says less: {} was {}",
                told(&came.text),
                told(&went.text)
            );
            found(FindingKind::AssertionsLoosened, came.line, text);
        }
    }
}

/// Lists the assertions of the one side that the other does not have.
fn lost<'a>(of: &'a [Assertion], other: &[Assertion]) -> Vec<&'a Assertion> {
    let mut texts: Vec<&str> = other.iter().map(|one| one.text.as_str()).collect();
    let mut lost = Vec::new();
    for assertion in of {
        match texts.iter().position(|text| *text == assertion.text) {
            Some(at) => {
                texts.swap_remove(at);
            }
            None => lost.push(assertion),
        }
    }
    lost
}

fn always_true(path: &str, test: &TestCase, known: &[Assertion]) -> Vec<Finding> {
    let new = lost(&test.assertions, known);
    let new = new
        .into_iter()
        .filter(|one| one.strength == Strength::Empty);
    new.map(|one| Finding {
        kind: FindingKind::AlwaysTrue,
        file: path.to_owned(),
        line: one.line,
        test: test.name.clone(),
        text: format!("is true whatever happens: {}", told(&one.text)),
    })
    .collect()
}

/// Finds helpers that assert less, where not less is asserted elsewhere in their file.
fn weaker_helpers(was: &[Scan], is: &[Scan], gone: &[&str], findings: &mut Vec<Finding>) {
    let n = |scan: &Scan| -> usize {
        let of_helpers = scan.helpers.iter().map(|helper| helper.n_assertions);
        let of_tests = scan.tests.iter().flat_map(|test| &test.assertions);
        of_helpers.sum::<usize>() + of_tests.count()
    };
    for old in was.iter().filter(|scan| is_test_path(&scan.path)) {
        let new = is.iter().find(|new| new.path == old.path);
        let Some(new) = new.filter(|new| !gone.contains(&old.path.as_str()) && n(new) < n(old))
        else {
            continue;
        };
        for helper in &old.helpers {
            let now = new.helpers.iter().find(|other| other.name == helper.name);
            let now = now.map_or(0, |other| other.n_assertions);
            if now < helper.n_assertions {
                findings.push(Finding {
                    kind: FindingKind::AssertionsRemoved,
                    file: old.path.clone(),
                    line: 0,
                    test: String::new(),
                    text: format!(
                        "`{}` asserts less: {now} of {} assertions are left",
                        helper.name, helper.n_assertions
                    ),
                });
            }
        }
    }
}

fn told(text: &str) -> String {
    match text.char_indices().nth(TOLD) {
        Some((at, _)) => format!("{} …", &text[..at]),
        None => text.to_owned(),
    }
}
