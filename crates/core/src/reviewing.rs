//! What a reviewer says of a submission, and which submissions one looks at.
//!
//! A review is one look of an agent in the role `reviewer` at one commit that was handed in, after
//! the checks of its worker and before it may go into a candidate. It ends with an opinion, or it
//! fails. An opinion is about that commit alone.

use serde::{Deserialize, Serialize};

use crate::{
    BeadId, Epoch, Fault, FaultClass, HoldsUp, Reserved, RunId, RuntimeName, SeatName, Timestamp,
};

/// What work came back from that a reviewer wants otherwise. No gate has such a name.
pub const REVIEW: &str = "the review";

/// Turns of one review at most: its first, and what comes back to it because it cannot be read.
pub const REVIEW_TURNS: u32 = 3;

/// Reviews of one commit that may fail before a person is asked.
pub const REVIEW_TRIES: usize = 2;

/// Which submissions a reviewer looks at before they may merge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReviewPolicy {
    /// None.
    #[default]
    Off,
    /// Those in which something is risky.
    Risky,
    /// All.
    Always,
}

impl ReviewPolicy {
    /// Every one with its word.
    pub const WORDS: [(&'static str, Self); 3] = [
        ("off", Self::Off),
        ("risky", Self::Risky),
        ("always", Self::Always),
    ];

    /// Finds the policy of a word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        let mut known = Self::WORDS.iter().filter(|(name, _)| *name == word);
        known.next().map(|(_, policy)| *policy)
    }

    /// Returns the word.
    #[must_use]
    pub fn word(self) -> &'static str {
        let mut known = Self::WORDS.iter().filter(|(_, policy)| *policy == self);
        known.next().map_or("off", |(word, _)| word)
    }
}

/// How what was handed in is reviewed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewRules {
    /// What is reviewed.
    pub policy: ReviewPolicy,
    /// So many changed lines are risky.
    pub lines: u64,
    /// Reviews at once, at most.
    pub max: u32,
}

impl ReviewRules {
    /// Tells whether nothing was said.
    #[must_use]
    pub fn is_usual(&self) -> bool {
        *self == Self::default()
    }
}

impl Default for ReviewRules {
    fn default() -> Self {
        Self {
            policy: ReviewPolicy::Off,
            lines: 400,
            max: 2,
        }
    }
}

/// How much a submission changes, and what of that is risky.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Weight {
    /// Files that it changes.
    pub files: u64,
    /// Lines that came and went.
    pub lines: u64,
    /// The folders at the top that it changes something in; `.` for files that are in none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub areas: Vec<String>,
    /// What of it is risky, one thing each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub risks: Vec<String>,
}

impl Weight {
    /// Says how much it is, and what of it is risky.
    #[must_use]
    pub fn told(&self) -> String {
        let files = match self.files {
            1 => "1 file".to_owned(),
            n => format!("{n} files"),
        };
        match self.risks.as_slice() {
            [] => format!("{files}, {} lines, nothing risky", self.lines),
            risks => format!("{files}, {} lines; {}", self.lines, risks.join("; ")),
        }
    }
}

/// One look of a reviewer at what was handed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Review {
    /// Its number within the attempt, from 1.
    pub number: u32,
    /// The name of whoever looks, and of the worktree.
    pub seat: SeatName,
    /// The runtime that looks.
    pub runtime: RuntimeName,
    /// When it began.
    pub began: Timestamp,
    /// What it holds back from the budgets until it ends.
    #[serde(default)]
    pub reserved: Reserved,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// The model that looked, where its program says.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub model: String,
    /// What came of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<ReviewOutcome>,
}

impl Review {
    /// Tells whether it goes on.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.ended.is_none()
    }

    /// Returns what was said, when it came to that.
    #[must_use]
    pub fn opinion(&self) -> Option<&Opinion> {
        match &self.outcome {
            Some(ReviewOutcome::Said(opinion)) => Some(opinion),
            _ => None,
        }
    }

    /// Returns why it failed, if it did.
    #[must_use]
    pub fn fault(&self) -> Option<&Fault> {
        match &self.outcome {
            Some(ReviewOutcome::Failed(fault)) => Some(fault),
            _ => None,
        }
    }

    /// Names who looked: the runtime, and the model where it is known.
    #[must_use]
    pub fn by(&self) -> String {
        match self.model.as_str() {
            "" => self.runtime.to_string(),
            model => format!("{} ({model})", self.runtime),
        }
    }
}

/// What came of a review.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReviewOutcome {
    /// The reviewer said what it thinks.
    Said(Opinion),
    /// It said nothing that could be read, or did not come to its end.
    Failed(Fault),
}

impl ReviewOutcome {
    /// Tells whether a person decides now, however often it was tried: what a reviewer says cannot
    /// be read.
    #[must_use]
    pub fn is_unreadable(&self) -> bool {
        matches!(self, Self::Failed(fault) if matches!(fault.class, FaultClass::Check { .. }))
    }

    /// Tells whether it counts among the reviews that may fail: a limit that was reached and a
    /// provider that is away are waited for, and what was taken away from it says nothing.
    #[must_use]
    pub fn counts(&self) -> bool {
        match self {
            Self::Said(_) => false,
            Self::Failed(fault) => match &fault.class {
                // What nobody waits for would be tried again at once.
                FaultClass::Runtime { fault, .. } => {
                    fault.counts() || fault.holds_up() == HoldsUp::Work
                }
                FaultClass::Stopped => false,
                _ => true,
            },
        }
    }
}

/// What a reviewer thinks of one commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opinion {
    /// Whether it may land.
    pub verdict: OpinionVerdict,
    /// In a few sentences.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub summary: String,
    /// What is said of single lines.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub comments: Vec<ReviewComment>,
    /// What is said of each criterion, in the order of the bead.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub criteria: Vec<CriterionOpinion>,
}

impl Opinion {
    /// Tells what is to be otherwise, one thing a line: what is not met, then the comments.
    #[must_use]
    pub fn told(&self) -> String {
        let unmet = self.criteria.iter().filter(|criterion| !criterion.met);
        let unmet = unmet.map(|criterion| match criterion.why.as_str() {
            "" => format!("not met: {}", criterion.text),
            why => format!("not met: {} ({why})", criterion.text),
        });
        let comments = self.comments.iter().map(ReviewComment::told);
        unmet.chain(comments).collect::<Vec<_>>().join("\n")
    }

    /// Returns its first line.
    #[must_use]
    pub fn first_line(&self) -> &str {
        self.summary.trim().lines().next().unwrap_or_default()
    }
}

/// Whether a reviewer lets a commit land.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OpinionVerdict {
    /// It may land.
    Approve,
    /// It is to be otherwise.
    Changes,
}

impl OpinionVerdict {
    /// Returns the word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Changes => "changes",
        }
    }
}

/// What is said of one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewComment {
    /// The file, as a path in the repository.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// The words.
    pub text: String,
}

impl ReviewComment {
    /// Says it with its place.
    #[must_use]
    pub fn told(&self) -> String {
        format!("{}:{}: {}", self.file, self.line, self.text.trim())
    }
}

/// What is said of one criterion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CriterionOpinion {
    /// The criterion in words.
    pub text: String,
    /// Whether it is met.
    pub met: bool,
    /// How that can be seen.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
}

/// Tells whether a file names what a program needs.
#[must_use]
pub fn names_needs(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let known = [
        "Cargo.toml",
        "Cargo.lock",
        "package.json",
        "package-lock.json",
        "yarn.lock",
        "pnpm-lock.yaml",
        "pyproject.toml",
        "poetry.lock",
        "uv.lock",
        "go.mod",
        "go.sum",
        "Gemfile",
        "Gemfile.lock",
        "composer.json",
        "build.gradle",
        "build.gradle.kts",
        "pom.xml",
        "flake.lock",
        ".gitmodules",
    ];
    known.contains(&name) || (name.starts_with("requirements") && name.ends_with(".txt"))
}

/// Names the owner of the worktree of a review.
#[must_use]
pub fn review_owner(bead: &BeadId, epoch: Epoch, number: u32) -> String {
    format!("review-{bead}-e{epoch}.r{number}")
}

/// Names the run of one turn of a review.
///
/// # Panics
/// Never: it is made of valid names and short enough.
#[must_use]
pub fn review_run(bead: &BeadId, epoch: Epoch, number: u32, turn: u32) -> RunId {
    let owner = review_owner(bead, epoch, number);
    RunId::parse(&format!("{owner}.t{turn}")).expect("made of valid names and short enough")
}

/// Tells of which review a run is a turn; nothing when it is none.
#[must_use]
pub fn review_of_run(run: &RunId) -> Option<(BeadId, Epoch, u32)> {
    let (review, _) = run.as_str().strip_prefix("review-")?.rsplit_once(".t")?;
    let (attempt, number) = review.rsplit_once(".r")?;
    let (bead, epoch) = attempt.rsplit_once("-e")?;
    Some((
        BeadId::parse(bead).ok()?,
        Epoch(epoch.parse().ok()?),
        number.parse().ok()?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_run_of_a_review_says_whose_it_is() {
        let bead = BeadId::parse("gt-e1.2").expect("an id");
        let run = review_run(&bead, Epoch(3), 2, 1);
        assert_eq!(run.as_str(), "review-gt-e1.2-e3.r2.t1");
        assert_eq!(review_of_run(&run), Some((bead.clone(), Epoch(3), 2)));
        let work = RunId::parse("gt-e1.2.e3.work").expect("a name");
        assert_eq!(review_of_run(&work), None);
    }

    #[test]
    fn what_is_to_be_otherwise_is_told_with_its_place() {
        let opinion = Opinion {
            verdict: OpinionVerdict::Changes,
            summary: "Nearly.\nTwo things.".to_owned(),
            comments: vec![ReviewComment {
                file: "src/a.rs".to_owned(),
                line: 7,
                text: "why twice? ".to_owned(),
            }],
            criteria: vec![CriterionOpinion {
                text: "it is fast".to_owned(),
                met: false,
                why: "it sleeps".to_owned(),
            }],
        };
        assert_eq!(
            opinion.told(),
            "not met: it is fast (it sleeps)\nsrc/a.rs:7: why twice?"
        );
        assert_eq!(opinion.first_line(), "Nearly.");
    }
}
