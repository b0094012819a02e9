//! What a gate of gtd's own found, and what follows from it.

use serde::{Deserialize, Serialize};

/// A gate that gtd brings along.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Guard {
    /// Lists what makes the tests say less than before.
    TestGuard,
    /// Runs the tests that are new without the work: they must be red.
    ProofOfTest,
    /// Lists the files that only a person lets through.
    ProtectedPaths,
    /// Lists the lines of either side that the repair of a conflict dropped.
    KeptLines,
}

impl Guard {
    /// Every one of them.
    pub const ALL: [Self; 4] = [
        Self::TestGuard,
        Self::ProofOfTest,
        Self::ProtectedPaths,
        Self::KeptLines,
    ];

    /// Returns its name.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::TestGuard => "test-guard",
            Self::ProofOfTest => "proof-of-test",
            Self::ProtectedPaths => "protected-paths",
            Self::KeptLines => "kept-lines",
        }
    }

    /// Tells whether what it finds waits where it is for a person's yes, and is not sent back: the
    /// work is not wrong, and nobody could make it otherwise.
    #[must_use]
    pub fn asks(self) -> bool {
        self == Self::ProtectedPaths
    }

    /// Says in a few words what its findings mean.
    #[must_use]
    pub fn says(self) -> &'static str {
        match self {
            Self::TestGuard => "tests say less than before",
            Self::ProofOfTest => "new tests prove nothing",
            Self::ProtectedPaths => "files are changed that only a person lets through",
            Self::KeptLines => "the repair of a conflict dropped lines without a word",
        }
    }

    /// Finds the one of this name.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|guard| guard.word() == word)
    }
}

/// What a rig wants of such a gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GuardPolicy {
    /// It does not look.
    #[default]
    Off,
    /// What it finds is told, and holds nothing back.
    List,
    /// What it finds sends the work back, or lets it wait for a yes, unless a person takes it as
    /// it is.
    Block,
}

impl GuardPolicy {
    /// Tells whether it does not look.
    #[must_use]
    pub fn is_off(&self) -> bool {
        *self == Self::Off
    }

    /// Returns the word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::List => "list",
            Self::Block => "block",
        }
    }

    /// Finds the policy of a word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        let all = [Self::Off, Self::List, Self::Block];
        all.into_iter().find(|policy| policy.word() == word)
    }
}

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// A file of tests is gone.
    FileRemoved,
    /// A test is gone.
    TestRemoved,
    /// A test does not run any more.
    TestSkipped,
    /// Only this test runs.
    TestFocused,
    /// Assertions are gone.
    AssertionsRemoved,
    /// An exact comparison became a loose one.
    AssertionsLoosened,
    /// An assertion that is always true is new.
    AlwaysTrue,
    /// A new test is green without the work.
    ProvesNothing,
    /// A file is changed that only a person lets through.
    ProtectedPath,
    /// A line of one side of a conflict is gone.
    LineDropped,
}

impl FindingKind {
    /// Returns the word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::FileRemoved => "file_removed",
            Self::TestRemoved => "test_removed",
            Self::TestSkipped => "test_skipped",
            Self::TestFocused => "test_focused",
            Self::AssertionsRemoved => "assertions_removed",
            Self::AssertionsLoosened => "assertions_loosened",
            Self::AlwaysTrue => "always_true",
            Self::ProvesNothing => "proves_nothing",
            Self::ProtectedPath => "protected_path",
            Self::LineDropped => "line_dropped",
        }
    }
}

/// One thing that was found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Finding {
    /// What it is.
    pub kind: FindingKind,
    /// The file.
    pub file: String,
    /// The line: at the head, or at the base for what is gone; 0 for a whole file.
    pub line: u32,
    /// The test, when it is about one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub test: String,
    /// In words.
    pub text: String,
}

impl Finding {
    /// Says it in one line.
    #[must_use]
    pub fn told(&self) -> String {
        let Self {
            file, line, text, ..
        } = self;
        let at = if *line == 0 {
            file.clone()
        } else {
            format!("{file}:{line}")
        };
        match self.test.as_str() {
            "" => format!("{at} {text}"),
            test => format!("{at} {test}: {text}"),
        }
    }
}

/// Takes what the log does not take out of a text that an agent wrote, and shortens it.
fn plain(text: &str) -> String {
    /// Characters of one text; all that is kept of a report stays far below what a record may hold.
    const MOST: usize = 160;
    let clean = |c: char| if c.is_control() { ' ' } else { c };
    let mut plain: String = text.chars().map(clean).take(MOST).collect();
    if text.chars().nth(MOST).is_some() {
        plain.push('…');
    }
    plain
}

/// What a gate of gtd's own found in one submission.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuardReport {
    /// The gate.
    pub guard: Guard,
    /// What it found, the gravest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// What else it found that is not kept, and what it could not read.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub remark: String,
}

impl GuardReport {
    /// Findings that are kept.
    pub const KEPT: usize = 30;

    /// Makes a report of what was found and of what could not be read.
    #[must_use]
    pub fn new(guard: Guard, mut findings: Vec<Finding>, unread: &[String]) -> Self {
        for finding in &mut findings {
            finding.file = plain(&finding.file);
            finding.test = plain(&finding.test);
            finding.text = plain(&finding.text);
        }
        let mut remarks = Vec::new();
        let more = findings.len().saturating_sub(Self::KEPT);
        if more > 0 {
            remarks.push(format!("{more} more were found"));
            findings.truncate(Self::KEPT);
        }
        match unread {
            [] => {}
            [only] => remarks.push(format!("{} could not be read", plain(only))),
            [first, rest @ ..] => {
                let (first, more) = (plain(first), rest.len());
                remarks.push(format!("{first} and {more} more could not be read"));
            }
        }
        Self {
            guard,
            findings,
            remark: remarks.join("; "),
        }
    }

    /// Tells whether nothing was found.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }

    /// Says in a few words what was found.
    #[must_use]
    pub fn summary(&self) -> String {
        match self.findings.as_slice() {
            [] => "nothing".to_owned(),
            [only] => only.told(),
            [first, rest @ ..] => format!("{} and {} more", first.told(), rest.len()),
        }
    }

    /// Names the files in a few words.
    #[must_use]
    pub fn files(&self) -> String {
        /// Files that are named.
        const NAMED: usize = 3;
        let files: Vec<&str> = self.findings.iter().map(|one| one.file.as_str()).collect();
        let named = &files[..files.len().min(NAMED)];
        match (files.len() - named.len(), self.remark.is_empty()) {
            (0, _) => named.join(", "),
            (more, true) => format!("{} and {more} more", named.join(", ")),
            (more, false) => format!("{} and more than {more} others", named.join(", ")),
        }
    }

    /// Says all of it, a line for each finding.
    #[must_use]
    pub fn told(&self) -> String {
        let mut lines: Vec<String> = self.findings.iter().map(Finding::told).collect();
        if !self.remark.is_empty() {
            lines.push(format!("({})", self.remark));
        }
        lines.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_and_those_that_are_not_are_counted() {
        let files = |n: usize| {
            let finding = |i| Finding {
                kind: FindingKind::ProtectedPath,
                file: format!("f{i}"),
                line: 0,
                test: String::new(),
                text: "is protected".to_owned(),
            };
            let findings = (0..n).map(finding).collect();
            GuardReport::new(Guard::ProtectedPaths, findings, &[]).files()
        };
        assert_eq!(files(0), "");
        assert_eq!(files(3), "f0, f1, f2");
        assert_eq!(files(5), "f0, f1, f2 and 2 more");
        assert_eq!(files(40), "f0, f1, f2 and more than 27 others");
    }

    #[test]
    fn whatever_an_agent_writes_a_report_can_be_recorded() {
        let long = "\0\n\u{1b}[2J\u{1f980}".repeat(20_000);
        let finding = Finding {
            kind: FindingKind::TestRemoved,
            file: long.clone(),
            line: 1,
            test: long.clone(),
            text: long.clone(),
        };
        let findings = vec![finding; 2 * GuardReport::KEPT];
        let report = GuardReport::new(Guard::TestGuard, findings, &[long.clone(), long]);
        let told = report.told();
        assert!(told.len() < 64 * 1024, "{}", told.len());
        assert!(told.chars().all(|c| c == '\n' || !c.is_control()));
        assert_eq!(told.lines().count(), GuardReport::KEPT + 1);
    }
}
