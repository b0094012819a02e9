//! What single tests showed in a run of a gate that leaves a report.
//!
//! A report explains a verdict and never makes one: a gate is green by its exit
//! code alone. What is kept of a report is bounded: counts, the tests that were
//! red, and those that were red and then green on one tree.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use crate::{BeadId, GateRun, RunId, Timestamp, diagnostic::shorten};

/// The most that is told of red tests, in bytes: a report is written by what is tested.
const TOLD: usize = 2_500;
/// The most of one name, or of what a test said, in characters.
const NAME: usize = 200;

/// All that a report tells.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TestResults {
    /// The tests, in the order of the report.
    pub cases: Vec<TestCase>,
    /// Why it is not all, or nothing at all; empty when it is all.
    pub remark: String,
}

/// One test, as a report tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestCase {
    /// Its whole name, with that of what it belongs to.
    pub name: String,
    /// The file that it is in; empty when the report does not tell.
    pub file: String,
    /// What it showed.
    pub outcome: TestOutcome,
    /// What it said when it was red; empty otherwise.
    pub message: String,
}

/// What one test showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TestOutcome {
    /// Green.
    Passed,
    /// Red.
    Failed,
    /// It did not run.
    Skipped,
    /// Red and then green, within this run.
    Flaky,
}

/// What is kept of the report of one run.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TestReport {
    /// How many tests were green.
    #[serde(default)]
    pub passed: u32,
    /// How many were red.
    #[serde(default)]
    pub failed: u32,
    /// How many did not run.
    #[serde(default)]
    pub skipped: u32,
    /// The first of those that were red.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub red: Vec<RedTest>,
    /// Those that are green and were red on the same tree before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flaky: Vec<String>,
    /// Why there is nothing of a report, or not all of it; empty when there is all.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub remark: String,
}

/// How many tests of a run showed what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TestCounts {
    /// Green, flaky ones included.
    pub passed: u32,
    /// Red.
    pub failed: u32,
    /// Not run.
    pub skipped: u32,
    /// Green, and red on the same tree before.
    pub flaky: u32,
}

impl TestCounts {
    /// Says it in one line.
    #[must_use]
    pub fn told(self) -> String {
        let mut text = format!("{} passed", self.passed);
        for (n, word) in [
            (self.failed, "failed"),
            (self.skipped, "skipped"),
            (self.flaky, "flaky"),
        ] {
            if n > 0 {
                text.push_str(&format!(", {n} {word}"));
            }
        }
        text
    }
}

/// A test that was red.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RedTest {
    /// Its whole name.
    pub name: String,
    /// The file that it is in, when the report tells.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub file: String,
    /// What it said, shortened.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
}

impl TestReport {
    /// So many red tests are kept by name: when more are red at once, no single one is at fault.
    pub const KEPT: usize = 30;

    /// Takes what is kept of a report; `before` is what earlier runs on the same tree showed.
    #[must_use]
    pub fn of(results: &TestResults, before: &[GateRun]) -> Self {
        let n = |wanted: &[TestOutcome]| {
            let cases = results.cases.iter();
            let found = cases.filter(|case| wanted.contains(&case.outcome)).count();
            u32::try_from(found).unwrap_or(u32::MAX)
        };
        let is_red = |case: &&TestCase| case.outcome == TestOutcome::Failed;
        let mut red: Vec<RedTest> = Vec::new();
        for case in results.cases.iter().filter(is_red) {
            if red.len() < Self::KEPT && red.iter().all(|known| known.name != case.name) {
                red.push(RedTest {
                    name: case.name.clone(),
                    file: case.file.clone(),
                    message: case.message.clone(),
                });
            }
        }
        Self {
            passed: n(&[TestOutcome::Passed, TestOutcome::Flaky]),
            failed: n(&[TestOutcome::Failed]),
            skipped: n(&[TestOutcome::Skipped]),
            red,
            flaky: flaky(results, before),
            remark: results.remark.clone(),
        }
    }

    /// Counts what its tests showed.
    #[must_use]
    pub fn counts(&self) -> TestCounts {
        TestCounts {
            passed: self.passed,
            failed: self.failed,
            skipped: self.skipped,
            flaky: u32::try_from(self.flaky.len()).unwrap_or(u32::MAX),
        }
    }

    /// Says which tests were red, one a line and in no more than some 2,500 bytes; empty when none
    /// was and the report was whole.
    #[must_use]
    pub fn told(&self) -> String {
        let mut text = String::new();
        if self.failed > 0 {
            let are = if self.failed == 1 {
                "test is"
            } else {
                "tests are"
            };
            text.push_str(&format!("{} {are} red:\n", self.failed));
        }
        let mut named = 0;
        for test in &self.red {
            let mut line = format!("  {}", shorten(&test.name, NAME));
            if !test.file.is_empty() {
                line.push_str(&format!(" ({})", shorten(&test.file, NAME)));
            }
            if let Some(message) = test.message.lines().next() {
                line.push_str(&format!(": {}", shorten(message, NAME)));
            }
            if text.len() + line.len() > TOLD {
                break;
            }
            text.push_str(&line);
            text.push('\n');
            named += 1;
        }
        if self.failed > named && named > 0 {
            text.push_str(&format!("  and {} more\n", self.failed - named));
        }
        if !self.remark.is_empty() {
            text.push_str(&format!("its report of single tests: {}\n", self.remark));
        }
        text
    }
}

/// Finds the tests that were red on a tree and are green on it now.
fn flaky(results: &TestResults, before: &[GateRun]) -> Vec<String> {
    // A name may stand for several tests: it is green when all of them are.
    let mut by_name: BTreeMap<&str, bool> = BTreeMap::new();
    let mut within: Vec<&str> = Vec::new();
    for case in &results.cases {
        let is_green = match case.outcome {
            TestOutcome::Passed => true,
            TestOutcome::Failed => false,
            TestOutcome::Skipped => continue,
            TestOutcome::Flaky => {
                within.push(&case.name);
                true
            }
        };
        *by_name.entry(&case.name).or_insert(true) &= is_green;
    }
    let reports = before.iter().filter_map(|run| run.tests.as_deref());
    let was_red = reports
        .flat_map(|report| &report.red)
        .map(|red| red.name.as_str());
    let mut found: Vec<String> = Vec::new();
    for name in was_red.chain(within) {
        let is_green = by_name.get(name) == Some(&true);
        if is_green && found.len() < TestReport::KEPT && found.iter().all(|known| known != name) {
            found.push(name.to_owned());
        }
    }
    found
}

/// What a test of a gate has shown over time, when it was ever red.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TestRecord {
    /// In how many runs it was red.
    #[serde(default)]
    pub red: u32,
    /// How often it was red and then green on one tree.
    #[serde(default)]
    pub flaky: u32,
    /// When it last was one of both.
    pub last: Timestamp,
    /// When it was red and then green, since the last bead about it.
    #[serde(default, skip_serializing_if = "VecDeque::is_empty")]
    pub flips: VecDeque<Timestamp>,
    /// The bead that asks to mend it or to set it aside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bead: Option<BeadId>,
    /// The runs that were counted last: none is counted twice.
    #[serde(default, skip_serializing_if = "VecDeque::is_empty")]
    pub runs: VecDeque<RunId>,
}

impl TestRecord {
    /// Flips that are older tell nothing of today.
    pub const DAYS: i64 = 7;
    /// So many tests of one gate are remembered.
    pub const KEPT: usize = 500;
    const FLIPS: usize = 100;
    const RUNS: usize = 8;

    /// Counts the flips that still tell something at `now`.
    #[must_use]
    pub fn recent_flips(&self, now: Timestamp) -> usize {
        const DAY_MS: i64 = 24 * 3_600_000;
        let since = now.0.saturating_sub(Self::DAYS * DAY_MS);
        self.flips.iter().filter(|flip| flip.0 >= since).count()
    }

    /// Takes what a run showed of the test.
    pub(crate) fn note(&mut self, run: &RunId, is_flip: bool, at: Timestamp) {
        if self.runs.contains(run) {
            return;
        }
        if self.runs.len() == Self::RUNS {
            self.runs.pop_front();
        }
        self.runs.push_back(run.clone());
        self.last = at;
        if !is_flip {
            self.red += 1;
            return;
        }
        self.flaky += 1;
        if self.flips.len() == Self::FLIPS {
            self.flips.pop_front();
        }
        self.flips.push_back(at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{GateName, Oid, Verdict};

    #[test]
    fn what_is_told_of_red_tests_is_short_whatever_they_are_called() {
        let red = (0..TestReport::KEPT).map(|n| RedTest {
            name: format!("{n} {}", "ё".repeat(300)),
            file: "ё".repeat(400),
            message: "ё".repeat(400),
        });
        let mut report = TestReport::of(&results(&[]), &[]);
        report.red = red.collect();
        report.failed = 30;
        let told = report.told();
        assert!(told.len() < TOLD + 200, "{}", told.len());
        assert!(told.contains("  0 ") && told.contains(" more"), "{told}");
    }

    fn case(name: &str, outcome: TestOutcome) -> TestCase {
        TestCase {
            name: name.to_owned(),
            file: String::new(),
            outcome,
            message: String::new(),
        }
    }

    fn results(cases: &[(&str, TestOutcome)]) -> TestResults {
        TestResults {
            cases: cases
                .iter()
                .map(|(name, outcome)| case(name, *outcome))
                .collect(),
            remark: String::new(),
        }
    }

    fn run(report: TestReport) -> GateRun {
        GateRun {
            gate: GateName::parse("test").expect("a name"),
            commit: Oid::parse(&"0".repeat(40)).expect("an oid"),
            verdict: Verdict::Failed,
            detail: "exit 1".to_owned(),
            took_ms: 1,
            run: RunId::parse("r").expect("a name"),
            evidence: String::new(),
            code: Some(1),
            output: String::new(),
            tests: Some(Box::new(report)),
        }
    }

    use TestOutcome::{Failed, Flaky, Passed, Skipped};

    #[test]
    fn a_test_is_flaky_when_it_was_red_and_is_green_on_the_same_tree() {
        let first = TestReport::of(
            &results(&[("a", Failed), ("b", Failed), ("c", Passed)]),
            &[],
        );
        assert_eq!((first.passed, first.failed), (1, 2));
        assert!(first.flaky.is_empty());
        let second = results(&[("a", Passed), ("b", Failed), ("c", Failed), ("d", Flaky)]);
        let second = TestReport::of(&second, &[run(first)]);
        // `c` was green and is red: which of both it is, the next run tells.
        assert_eq!(second.flaky, ["a", "d"]);
        assert_eq!(second.counts().told(), "2 passed, 2 failed, 2 flaky");
    }

    #[test]
    fn what_did_not_run_again_is_not_flaky() {
        let first = TestReport::of(&results(&[("a", Failed), ("b", Failed)]), &[]);
        let second = results(&[("a", Skipped)]);
        assert!(
            TestReport::of(&second, &[run(first.clone())])
                .flaky
                .is_empty()
        );
        // Of two tests with one name one is red still.
        let twice = results(&[("a", Passed), ("a", Failed)]);
        assert!(TestReport::of(&twice, &[run(first)]).flaky.is_empty());
    }

    #[test]
    fn only_so_many_red_tests_are_kept() {
        let many: Vec<String> = (0..100).map(|n| format!("t{n}")).collect();
        let many: Vec<_> = many.iter().map(|name| (name.as_str(), Failed)).collect();
        let report = TestReport::of(&results(&many), &[]);
        assert_eq!((report.red.len(), report.failed), (TestReport::KEPT, 100));
        assert!(
            report.told().ends_with("  and 70 more\n"),
            "{}",
            report.told()
        );
    }
}
