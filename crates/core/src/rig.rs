//! A rig and the rules that its trusted configuration sets.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    Approval, Bead, BudgetRules, DiscoveryRules, GateName, Guard, GuardPolicy, Oid, Pause,
    Policies, QuestionRules, ReviewRules, RigName, ScheduleRule, TestReport,
};

/// One git repository under gtd.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rig {
    /// Its name.
    pub name: RigName,
    /// The rules in effect.
    pub rules: RigRules,
    /// The digest of the trusted files; empty when there are none.
    pub digest: String,
    /// Who does not trust it any more; nothing of it begins until it is trusted again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked: Option<Pause>,
}

impl Rig {
    /// Returns where work lands that belongs to no goal.
    #[must_use]
    pub fn usual_target(&self) -> Target {
        Target {
            rig: self.name.clone(),
            r#ref: format!("refs/heads/gtd/integration/{}", self.rules.branch),
            mode: LandMode::Integration,
            branch: self.rules.branch.clone(),
        }
    }
}

/// What the trusted configuration of a rig says, with every default filled in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RigRules {
    /// The prefix of its bead ids.
    pub prefix: String,
    /// The branch that work lands on, such as `main`.
    pub branch: String,
    /// The gates, in the order in which they run.
    #[serde(default)]
    pub gates: Vec<Gate>,
    /// How workers work.
    pub worker: WorkerRules,
    /// How merges are batched.
    pub merge: MergeRules,
    /// Goals that come by the clock.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub schedules: Vec<ScheduleRule>,
    /// What happens to questions of agents.
    #[serde(default, skip_serializing_if = "QuestionRules::is_usual")]
    pub questions: QuestionRules,
    /// What agents may find on the way.
    #[serde(default, skip_serializing_if = "DiscoveryRules::is_usual")]
    pub discovery: DiscoveryRules,
    /// What may be spent.
    #[serde(default, skip_serializing_if = "BudgetRules::is_default")]
    pub budget: BudgetRules,
    /// Whether what is left of a goal is planned anew.
    #[serde(default, skip_serializing_if = "ReplanRules::is_off")]
    pub replans: ReplanRules,
    /// What goals may do without a person, by the policy that they follow.
    #[serde(default, skip_serializing_if = "Policies::is_empty")]
    pub policies: Policies,
}

/// Whether what is left of a goal is planned anew when the attempts at a bead of it are spent.
///
/// A log from before there were new plans says nothing of them: there are none then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ReplanRules {
    /// New plans of one goal at most; 0 for none.
    pub most: u32,
    /// Whether there are any for a goal that came with its plan.
    pub given: bool,
    /// Whether those wait for a person.
    pub approval: Approval,
}

impl ReplanRules {
    /// Tells whether they are what holds when nobody says otherwise.
    #[must_use]
    pub fn is_off(&self) -> bool {
        *self == Self::default()
    }
}

/// How workers of a rig work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerRules {
    /// Seats at most.
    pub max: u32,
    /// Attempts at one bead before a person is asked.
    pub attempts: u32,
    /// The wait after the first failed attempt; it doubles up to [`WorkerRules::BACKOFF_MAX_MS`].
    pub backoff_ms: u64,
    /// Output silence after which the witness looks.
    pub silence_ms: u64,
    /// The longest that one attempt may take.
    pub limit_ms: u64,
    /// How often the same output may come in a row.
    pub repeats: u32,
    /// Failed attempts in a row over the whole rig, without one success, that pause it.
    pub breaker: u32,
    /// How full the context of a session may be before a fresh one takes over, in percent.
    #[serde(
        default = "WorkerRules::usual_refresh",
        skip_serializing_if = "WorkerRules::is_usual_refresh"
    )]
    pub refresh_percent: u32,
}

impl WorkerRules {
    /// The longest back-off, in milliseconds.
    pub const BACKOFF_MAX_MS: u64 = 300_000;

    fn usual_refresh() -> u32 {
        Self::default().refresh_percent
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
    fn is_usual_refresh(percent: &u32) -> bool {
        *percent == Self::usual_refresh()
    }

    /// Returns the wait before the next attempt when `spent` attempts have failed.
    #[must_use]
    pub fn backoff(&self, spent: u32) -> Duration {
        let doublings = spent.saturating_sub(1).min(16);
        let millis = self
            .backoff_ms
            .saturating_mul(1 << doublings)
            .min(Self::BACKOFF_MAX_MS.max(self.backoff_ms));
        Duration::from_millis(millis)
    }
}

impl Default for WorkerRules {
    fn default() -> Self {
        Self {
            max: 4,
            attempts: 3,
            backoff_ms: 10_000,
            silence_ms: 15 * 60_000,
            limit_ms: 2 * 3_600_000,
            repeats: 200,
            breaker: 50,
            refresh_percent: 70,
        }
    }
}

/// How the refinery of a rig forms candidates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MergeRules {
    /// Submissions in one candidate at most.
    pub batch: u32,
    /// So often a test may be red and then green on one tree before a bead asks for it to be
    /// mended; 0 never asks.
    #[serde(default = "MergeRules::usual_flakes")]
    pub flakes: u32,
    /// With so many submissions in its queues a rig has one worker left, and with half of them all
    /// still; 0 holds nobody back.
    #[serde(
        default = "MergeRules::usual_backlog",
        skip_serializing_if = "MergeRules::is_usual_backlog"
    )]
    pub backlog: u32,
    /// What follows when a submission makes the tests say less.
    #[serde(default, skip_serializing_if = "GuardPolicy::is_off")]
    pub test_guard: GuardPolicy,
    /// What follows when tests that a submission adds are green without its work.
    #[serde(default, skip_serializing_if = "GuardPolicy::is_off")]
    pub proof_of_test: GuardPolicy,
    /// What follows when the repair of a conflict dropped lines of either side.
    #[serde(default, skip_serializing_if = "GuardPolicy::is_off")]
    pub kept_lines: GuardPolicy,
    /// Globs of the files that only a person lets through.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub protect: Vec<String>,
    /// What of it a reviewer looks at before.
    #[serde(default, skip_serializing_if = "ReviewRules::is_usual")]
    pub review: ReviewRules,
    /// How what lands is signed.
    #[serde(default, skip_serializing_if = "SignPolicy::is_off")]
    pub sign: SignPolicy,
    /// What of it is pushed, and where to.
    #[serde(default, skip_serializing_if = "PushRules::is_off")]
    pub push: PushRules,
}

/// Which branches are pushed when something proven has landed on them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PushRules {
    /// The remote, where it is not the usual one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub remote: String,
    /// Globs of the branches that are pushed by themselves; without any nothing is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub branches: Vec<String>,
}

impl PushRules {
    pub(crate) const REMOTE: &str = "origin";

    /// Tells whether nothing is said.
    #[must_use]
    pub fn is_off(&self) -> bool {
        *self == Self::default()
    }

    /// Returns the name of the remote.
    #[must_use]
    pub fn remote(&self) -> &str {
        match self.remote.as_str() {
            "" => Self::REMOTE,
            named => named,
        }
    }

    /// Tells whether a branch is pushed by itself: `*` is any run of characters of one name, `**` of
    /// any names.
    #[must_use]
    pub fn allows(&self, branch: &str) -> bool {
        let mut globs = self.branches.iter();
        globs.any(|glob| fits(glob.as_bytes(), branch.as_bytes()))
    }
}

fn fits(glob: &[u8], name: &[u8]) -> bool {
    match (glob, name) {
        ([], []) => true,
        ([b'*', b'*', rest @ ..], _) => (0..=name.len()).any(|at| fits(rest, &name[at..])),
        ([b'*', rest @ ..], _) => {
            let end = name.iter().position(|byte| *byte == b'/');
            (0..=end.unwrap_or(name.len())).any(|at| fits(rest, &name[at..]))
        }
        ([a, glob @ ..], [b, name @ ..]) => a == b && fits(glob, name),
        _ => false,
    }
}

/// How the refinery signs what lands. With which key is no matter of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignPolicy {
    /// It does not.
    #[default]
    Off,
    /// With a key of SSH.
    Ssh,
}

impl SignPolicy {
    /// Tells whether nothing is signed.
    #[must_use]
    pub fn is_off(&self) -> bool {
        *self == Self::Off
    }

    /// Finds the policy of a word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "off" => Some(Self::Off),
            "ssh" => Some(Self::Ssh),
            _ => None,
        }
    }
}

impl MergeRules {
    fn usual_flakes() -> u32 {
        Self::default().flakes
    }

    fn usual_backlog() -> u32 {
        Self::default().backlog
    }

    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "serde hands over a reference"
    )]
    fn is_usual_backlog(backlog: &u32) -> bool {
        *backlog == Self::usual_backlog()
    }

    /// Returns what is wanted of a gate that gtd brings along.
    #[must_use]
    pub fn policy_of(&self, guard: Guard) -> GuardPolicy {
        match guard {
            Guard::TestGuard => self.test_guard,
            Guard::ProofOfTest => self.proof_of_test,
            Guard::ProtectedPaths if self.protect.is_empty() => GuardPolicy::Off,
            Guard::ProtectedPaths => GuardPolicy::Block,
            Guard::KeptLines => self.kept_lines,
        }
    }

    /// Returns what is wanted of such a gate for the work on one bead: what mends nothing has
    /// dropped nothing.
    #[must_use]
    pub fn policy_for(&self, guard: Guard, bead: &Bead) -> GuardPolicy {
        match guard {
            Guard::KeptLines if bead.mended().is_none() => GuardPolicy::Off,
            guard => self.policy_of(guard),
        }
    }
}

impl Default for MergeRules {
    fn default() -> Self {
        Self {
            batch: 64,
            flakes: 3,
            backlog: 128,
            test_guard: GuardPolicy::Off,
            proof_of_test: GuardPolicy::Off,
            kept_lines: GuardPolicy::Off,
            protect: Vec::new(),
            review: ReviewRules::default(),
            sign: SignPolicy::Off,
            push: PushRules::default(),
        }
    }
}

/// A command whose exit code is proof.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gate {
    /// Its name.
    pub name: GateName,
    /// The command line, run by `sh` in a clean worktree.
    pub run: String,
    /// The command line that a worker runs in its place: less of it, for what its work touches.
    /// It says nothing about the merged tree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub affected: Option<String>,
    /// Where it runs.
    pub when: GateWhen,
    /// The longest that one run may take, in milliseconds.
    pub timeout_ms: u64,
    /// Environment variables that it gets besides the allow list.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// The JUnit report that it leaves, as a path in the worktree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub junit: Option<String>,
}

impl Gate {
    /// Returns the command line for the worktree of a worker.
    #[must_use]
    pub fn for_worker(&self) -> &str {
        self.affected.as_ref().unwrap_or(&self.run)
    }
}

/// Where a gate runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GateWhen {
    /// In the worker's worktree, before the work is handed in.
    Worker,
    /// On the merged tree.
    #[default]
    Merge,
    /// In both places.
    Both,
    /// On the target, when all beads of a goal have landed.
    Goal,
}

impl GateWhen {
    /// Tells whether the gate runs before the work is handed in.
    #[must_use]
    pub fn is_for_worker(self) -> bool {
        matches!(self, Self::Worker | Self::Both)
    }

    /// Tells whether the gate runs on the merged tree.
    #[must_use]
    pub fn is_for_merge(self) -> bool {
        matches!(self, Self::Merge | Self::Both)
    }
}

/// Where the work of a goal lands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Target {
    /// The repository.
    pub rig: RigName,
    /// The full name of the ref that moves, such as `refs/heads/main`.
    pub r#ref: String,
    /// How it lands.
    pub mode: LandMode,
    /// The branch that the work is meant for in the end; differs from `ref` in integration mode.
    pub branch: String,
}

impl Target {
    /// Returns the text that names this target among all of the town.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{} {}", self.rig, self.r#ref)
    }

    /// Returns the branch name of the ref that moves.
    #[must_use]
    pub fn short_ref(&self) -> &str {
        self.r#ref
            .strip_prefix("refs/heads/")
            .unwrap_or(&self.r#ref)
    }
}

/// How work lands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LandMode {
    /// Straight onto the branch.
    Local,
    /// Onto `gtd/integration/<branch>`; a person brings it further.
    Integration,
    /// Proposed to a host outside.
    PullRequest,
}

/// The verdict of a gate or of a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Exit code 0.
    Passed,
    /// The work is wrong.
    Failed,
    /// The machine or the set-up failed: this says nothing about the work.
    Infra,
}

impl Verdict {
    /// Returns the word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Infra => "infra",
        }
    }
}

/// What one run of one gate showed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateRun {
    /// The gate.
    pub gate: GateName,
    /// The commit that it ran on.
    pub commit: Oid,
    /// The verdict.
    pub verdict: Verdict,
    /// The exit code or what stood in its place.
    pub detail: String,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// The run.
    pub run: crate::RunId,
    /// The end of the output, when it was not green.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub evidence: String,
    /// The exit code, when it came to one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<i32>,
    /// The SHA-256 of all that it wrote, in hexadecimal digits; empty when nobody took it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub output: String,
    /// What its single tests showed, when it leaves a report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tests: Option<Box<TestReport>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_branches_that_are_listed_are_pushed() {
        let rules = |branches: &[&str]| PushRules {
            remote: String::new(),
            branches: branches.iter().map(|&text| text.to_owned()).collect(),
        };
        let some = rules(&["main", "release/*", "team/**"]);
        for good in ["main", "release/1.2", "team/a/b"] {
            assert!(some.allows(good), "{good}");
        }
        for bad in ["mainline", "main/x", "release/1/2", "x/main", "release", ""] {
            assert!(!some.allows(bad), "{bad}");
        }
        assert!(!rules(&[]).allows("main"));
        assert!(rules(&["*"]).allows("main"));
        assert_eq!(rules(&[]).remote(), "origin");
    }
}
