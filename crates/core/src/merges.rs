//! A person's hand on the merge queues of a rig: what is held, what is first, which gates are asked for.

use serde::{Deserialize, Serialize};

use crate::{
    Actor, BeadId, GateName, GateRun, Oid, Rejection, RigName, RunId, TestCounts, TestReport,
    Timestamp, Verdict,
};

/// What a person holds back in the merges of a rig.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldKind {
    /// No new candidate is formed; the one in test goes on, and lands.
    Pause,
    /// No ref moves; candidates are formed and proven meanwhile.
    Freeze,
}

impl HoldKind {
    /// Returns the word for what is held.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Pause => "paused",
            Self::Freeze => "frozen",
        }
    }
}

/// A hold on the merges of a rig.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MergeHold {
    /// The rig.
    pub rig: RigName,
    /// What is held.
    pub kind: HoldKind,
    /// Who holds it.
    pub by: Actor,
    /// Since when.
    pub since: Timestamp,
    /// When it ends by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Why.
    pub why: String,
}

impl MergeHold {
    /// Tells whether it still holds at `now`.
    #[must_use]
    pub fn holds_at(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| until > now)
    }

    /// Makes the refusal of what it forbids.
    #[must_use]
    pub fn refusal(&self) -> Rejection {
        Rejection::MergesHeld {
            rig: self.rig.clone(),
            how: self.kind.word().to_owned(),
            why: self.blame(),
        }
    }

    /// Says who holds it, why and how long, for a sentence.
    #[must_use]
    pub fn blame(&self) -> String {
        crate::explain::blame(&self.by, &self.why)
    }
}

/// A gate that a person asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateAsk {
    /// Its number in the town.
    pub number: u64,
    /// The rig.
    pub rig: RigName,
    /// The gate.
    pub gate: GateName,
    /// The commit that it runs on.
    pub commit: Oid,
    /// The bead whose work that is, when one was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bead: Option<BeadId>,
    /// Who asked.
    pub by: Actor,
    /// When.
    pub since: Timestamp,
}

/// What a gate says of a commit, over all runs that were made to know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GateOutcome {
    /// Green.
    Passed,
    /// Red, and red again.
    Failed,
    /// It could not run: this says nothing about the commit.
    Infra,
    /// Red and green on the same commit.
    Flaky,
}

impl GateOutcome {
    /// Returns the word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Infra => "infra",
            Self::Flaky => "flaky",
        }
    }

    /// Sums up what one gate said of one commit, run by run; none without a run.
    #[must_use]
    pub fn over(verdicts: impl IntoIterator<Item = Verdict>) -> Option<Self> {
        verdicts.into_iter().fold(None, |outcome, verdict| {
            Some(match (outcome, verdict) {
                (None | Some(Self::Infra), Verdict::Passed) => Self::Passed,
                (None | Some(Self::Infra), Verdict::Failed) => Self::Failed,
                (Some(Self::Failed), Verdict::Passed) => Self::Flaky,
                (Some(Self::Passed), Verdict::Failed) => Self::Flaky,
                (None, Verdict::Infra) => Self::Infra,
                (Some(known), _) => known,
            })
        })
    }
}

/// What one run of a gate showed, in the history of the gate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateShown {
    /// When it was recorded.
    pub at: Timestamp,
    /// What it ran for.
    pub purpose: GatePurpose,
    /// The commit.
    pub commit: Oid,
    /// The verdict.
    pub verdict: Verdict,
    /// The exit code or what stood in its place.
    pub detail: String,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// The run.
    pub run: RunId,
    /// The number of what a person had asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<u64>,
    /// How many of its tests showed what, when it leaves a report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tests: Option<TestCounts>,
}

/// What a run of a gate was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GatePurpose {
    /// A candidate that would land.
    Candidate,
    /// The target by itself.
    Base,
    /// A person wanted to know.
    Asked,
}

impl GatePurpose {
    /// Returns the word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Candidate => "candidate",
            Self::Base => "base",
            Self::Asked => "asked",
        }
    }
}

impl GateShown {
    /// So many of one gate are kept.
    pub const KEPT: usize = 50;

    /// Takes what a run showed; its output stays in the log.
    #[must_use]
    pub fn of(run: &GateRun, purpose: GatePurpose, at: Timestamp) -> Self {
        Self {
            at,
            purpose,
            commit: run.commit.clone(),
            verdict: run.verdict,
            detail: run.detail.clone(),
            took_ms: run.took_ms,
            run: run.run.clone(),
            asked: None,
            tests: run.tests.as_deref().map(TestReport::counts),
        }
    }
}
