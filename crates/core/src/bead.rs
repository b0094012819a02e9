//! The bead: one piece of work, what is wanted of it, and how far it is.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{
    Actor, Approved, Asked, BeadId, CandidateId, CheckRun, Epoch, Guard, GuardReport, HostName,
    Oid, OpinionVerdict, PolicyName, Refresh, Review, Revision, RigName, RoleName, RunId,
    RuntimeFault, RuntimeName, SeatName, Timestamp, Waived, Waiver, Weight,
};

/// What kind of work a bead is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum BeadType {
    /// A sentence that a person typed; the beads that answer it are its convoy.
    Goal,
    /// Plain work.
    #[default]
    Task,
    /// A defect.
    Bug,
    /// Something new for users.
    Feature,
    /// Upkeep.
    Chore,
    /// A parent of other beads.
    Epic,
    /// An investigation.
    Spike,
    /// A choice to record.
    Decision,
}

impl BeadType {
    /// Every type with its word.
    pub const WORDS: [(&'static str, Self); 8] = [
        ("goal", Self::Goal),
        ("task", Self::Task),
        ("bug", Self::Bug),
        ("feature", Self::Feature),
        ("chore", Self::Chore),
        ("epic", Self::Epic),
        ("spike", Self::Spike),
        ("decision", Self::Decision),
    ];

    /// Returns the word for this type.
    #[must_use]
    pub fn word(self) -> &'static str {
        Self::WORDS
            .iter()
            .find(|(_, kind)| *kind == self)
            .map_or("task", |(word, _)| word)
    }

    /// Finds the type of a word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::WORDS
            .iter()
            .find(|(known, _)| *known == word)
            .map(|(_, kind)| *kind)
    }
}

/// Urgency: 0 is critical, 4 is backlog, 2 is usual.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Priority(u8);

impl Priority {
    /// Makes a priority of 0 to 4.
    #[must_use]
    pub const fn new(number: u8) -> Option<Self> {
        if number <= 4 {
            Some(Self(number))
        } else {
            None
        }
    }

    /// Returns the number.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }
}

impl Default for Priority {
    fn default() -> Self {
        Self(2)
    }
}

impl<'de> Deserialize<'de> for Priority {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = u8::deserialize(deserializer)?;
        Self::new(number).ok_or_else(|| serde::de::Error::custom("a priority is 0 to 4"))
    }
}

/// One thing that must be true when the bead is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Criterion {
    /// The criterion in words.
    pub text: String,
    /// A command whose exit code 0 proves it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<String>,
}

/// How one bead relates to another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EdgeKind {
    /// The other must end well first.
    Blocks,
    /// The other must fail first.
    ConditionalBlocks,
    /// The children of the other must end first.
    WaitsFor,
    /// They belong together.
    Related,
    /// Found while working on the other.
    DiscoveredFrom,
    /// Says the same as the other.
    Duplicates,
    /// Takes the place of the other.
    Supersedes,
    /// A relation that another tool named; it never acts.
    #[serde(untagged)]
    Custom(String),
}

impl EdgeKind {
    /// The relation of a revert to what it takes back.
    pub const REVERTS: &'static str = "reverts";

    /// Finds the relation of a word, as it stands in the log; an unknown word is kept as it is.
    #[must_use]
    pub fn from_word(word: &str) -> Self {
        match word {
            "blocks" => Self::Blocks,
            "conditional-blocks" => Self::ConditionalBlocks,
            "waits-for" => Self::WaitsFor,
            "related" => Self::Related,
            "discovered-from" => Self::DiscoveredFrom,
            "duplicates" => Self::Duplicates,
            "supersedes" => Self::Supersedes,
            _ => Self::Custom(word.to_owned()),
        }
    }
}

/// Which ends of the other bead satisfy an edge.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum SatisfiedBy {
    /// Landed, or closed well.
    #[default]
    Success,
    /// Failed or cancelled.
    Failure,
    /// Any end.
    Finish,
}

/// One edge from a bead to what it depends on. Its key is the pair and the kind.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Need {
    /// The other bead.
    pub on: BeadId,
    /// The relation.
    pub kind: EdgeKind,
    /// The ends that satisfy it.
    #[serde(default)]
    pub satisfied_by: SatisfiedBy,
}

impl Need {
    /// Makes the usual edge: `on` must land or close well first.
    #[must_use]
    pub fn blocks(on: BeadId) -> Self {
        Self {
            on,
            kind: EdgeKind::Blocks,
            satisfied_by: SatisfiedBy::Success,
        }
    }

    /// Tells whether this edge holds a bead back until it is satisfied.
    #[must_use]
    pub fn acts(&self) -> bool {
        matches!(self.kind, EdgeKind::Blocks | EdgeKind::ConditionalBlocks)
    }

    /// Returns the ends that satisfy this edge; a conditional one that says nothing wants a failure.
    #[must_use]
    pub fn wanted_end(&self) -> SatisfiedBy {
        match (&self.kind, self.satisfied_by) {
            (EdgeKind::ConditionalBlocks, SatisfiedBy::Success) => SatisfiedBy::Failure,
            (_, wanted) => wanted,
        }
    }
}

/// Where a bead came from when no person typed it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Origin {
    /// The formula it was poured from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub formula: Option<String>,
    /// The step of that formula.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// The variables it was poured with.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub vars: BTreeMap<String, String>,
}

/// A map of foreign keys, kept so that interchange loses nothing.
pub type Extra = BTreeMap<String, serde_json::Value>;

/// What is wanted of a bead: everything that a person or a plan says about it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct BeadSpec {
    /// One line.
    pub title: String,
    /// The whole story.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// The kind of work.
    #[serde(default, rename = "type")]
    pub kind: BeadType,
    /// The urgency.
    #[serde(default)]
    pub priority: Priority,
    /// What must be true at the end.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub acceptance: Vec<Criterion>,
    /// Free words.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub labels: BTreeSet<String>,
    /// Globs of the files that the work may touch.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scope: Vec<String>,
    /// The script that does the work in the `shell` runtime. Only a person or an approved plan sets it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// The runtime that is wished for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runtime: Option<RuntimeName>,
    /// The role that is wished for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<RoleName>,
    /// The bead that this one is a part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<BeadId>,
    /// How long it may take, in minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimate_minutes: Option<u32>,
    /// Not before this moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub defer_until: Option<Timestamp>,
    /// What it may cost, in millionths of a dollar; of a goal, with its plan and its beads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget_micros: Option<u64>,
    /// Of a goal: the policy that it follows; without one, the usual one of its rig.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<PolicyName>,
    /// Where it came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Box<Origin>>,
    /// Keys of other programs.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: Extra,
    /// Unknown keys of an import.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub extra: Extra,
}

impl BeadSpec {
    /// The longest title that is made of what a person typed, in characters.
    const TYPED_TITLE: usize = 200;

    /// Splits what a person typed into a title and the whole story.
    #[must_use]
    pub fn titled(text: &str) -> Self {
        let text = text.trim();
        let first = text.lines().next().unwrap_or_default().trim();
        let cut = first.char_indices().nth(Self::TYPED_TITLE);
        let is_all = first.len() == text.len() && cut.is_none();
        let title = match cut {
            Some((at, _)) => {
                let cut = &first[..at];
                let cut = cut.rsplit_once(' ').map_or(cut, |(words, _)| words);
                format!("{cut}…")
            }
            None => first.to_owned(),
        };
        Self {
            title,
            description: if is_all {
                String::new()
            } else {
                text.to_owned()
            },
            ..Self::default()
        }
    }
}

/// A remark, kept in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// Who said it.
    pub by: Actor,
    /// When.
    pub at: Timestamp,
    /// The words.
    pub text: String,
}

/// What a lease holds back from the budgets until it is settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Reserved {
    /// Millionths of a dollar.
    pub usd_micros: u64,
    /// Model tokens.
    pub tokens: u64,
    /// Millionths of a provider's usage window.
    pub window: u64,
}

/// A seat's right to one bead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// Who holds it.
    pub holder: Holder,
    /// The epoch that every write under this lease must carry.
    pub epoch: Epoch,
    /// When it was granted.
    pub granted_at: Timestamp,
    /// For display; silence is what ends a lease.
    pub until: Timestamp,
    /// What it holds back from the budgets.
    #[serde(default)]
    pub reserved: Reserved,
    /// The run that was seen at work, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    /// The runtime that works under it, where the bead does not say it itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runtime: Option<RuntimeName>,
}

/// Who holds a lease.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Holder {
    /// An agent in a seat; gtd runs its process.
    Seat {
        /// The seat.
        seat: SeatName,
        /// The machine of the seat.
        host: HostName,
    },
    /// Somebody who claimed the bead and works on their own.
    Claimant {
        /// The name that the claim gave.
        name: SeatName,
    },
}

impl Holder {
    /// Returns the name of the seat or of the claimant.
    #[must_use]
    pub fn name(&self) -> &SeatName {
        match self {
            Self::Seat { seat, .. } => seat,
            Self::Claimant { name } => name,
        }
    }
}

/// Why an attempt did not lead to a landing, or why a bead stands still.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// The class, which decides what follows.
    pub class: FaultClass,
    /// One line for a person.
    pub text: String,
    /// The end of the output that shows it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub evidence: String,
    /// The run that produced the output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
}

/// The classes of faults.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultClass {
    /// The agent ended with a code other than 0.
    Exit {
        /// The exit code.
        code: i32,
    },
    /// An acceptance check was red.
    Check {
        /// The criterion.
        criterion: String,
    },
    /// A gate was red.
    Gate {
        /// The gate's name.
        gate: String,
    },
    /// The work does not merge onto the tip.
    Conflict {
        /// The files that conflict.
        files: Vec<String>,
    },
    /// A signal that gtd did not send ended the agent.
    Killed,
    /// The process vanished without an exit record.
    Lost,
    /// No output for longer than the role allows.
    Silent,
    /// The same output again and again.
    NoProgress,
    /// Longer at work than the role allows.
    TimedOut,
    /// A person stopped it.
    Stopped,
    /// The machine or the set-up failed, not the work.
    Infra,
    /// The agent asks and cannot go on.
    Question,
    /// The holder gave it back.
    GivenBack,
    /// All attempts are spent.
    Attempts,
    /// A person parked it.
    Person,
    /// The agent's program or its provider could not go on.
    Runtime {
        /// The runtime.
        runtime: RuntimeName,
        /// Why.
        fault: RuntimeFault,
    },
}

impl FaultClass {
    /// Tells whether an attempt that ends so is one of the bead's attempts.
    #[must_use]
    pub fn counts(&self) -> bool {
        match self {
            Self::Exit { .. }
            | Self::Check { .. }
            | Self::Gate { .. }
            | Self::Killed
            | Self::Silent
            | Self::NoProgress
            | Self::TimedOut => true,
            Self::Conflict { .. }
            | Self::Lost
            | Self::Stopped
            | Self::Infra
            | Self::Question
            | Self::GivenBack
            | Self::Attempts
            | Self::Person => false,
            Self::Runtime { fault, .. } => fault.counts(),
        }
    }

    /// Tells whether the next attempt waits for a back-off.
    #[must_use]
    pub fn backs_off(&self) -> bool {
        self.counts()
            || matches!(
                self,
                Self::Lost | Self::Infra | Self::GivenBack | Self::Runtime { .. }
            )
    }
}

/// How a bead without a landing ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Done without a change that gtd landed.
    Done,
    /// The checks are green and nothing had to change.
    NoOp,
    /// Another bead says the same.
    Duplicate {
        /// The other bead.
        of: BeadId,
    },
    /// Not wanted any more.
    Cancelled,
    /// It cannot be done.
    Failed,
}

impl Outcome {
    /// Tells whether what needed this bead may go on.
    #[must_use]
    pub fn is_good(&self) -> bool {
        match self {
            Self::Done | Self::NoOp | Self::Duplicate { .. } => true,
            Self::Cancelled | Self::Failed => false,
        }
    }
}

/// How far a bead is. Ready, blocked, queued and progress are computed from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Part of a plan that nobody approved yet.
    Draft,
    /// Waits for its turn.
    Open,
    /// Somebody works on it.
    Leased(Box<Lease>),
    /// Handed in; the refinery has it.
    Submitted {
        /// The epoch that handed it in.
        epoch: Epoch,
        /// The commit.
        head: Oid,
        /// The commit that the work began from.
        base: Oid,
    },
    /// On the target, proven.
    Landed {
        /// The candidate that carried it.
        candidate: CandidateId,
        /// The first-parent commit on the target.
        commit: Oid,
    },
    /// Came back; counts as open, with a story for the next attempt.
    Returned {
        /// Why it came back.
        why: Box<Fault>,
    },
    /// Needs a person.
    Parked {
        /// Why.
        why: Box<Fault>,
    },
    /// Ended without a landing.
    Closed {
        /// How.
        outcome: Outcome,
        /// In words.
        why: String,
    },
}

impl Phase {
    /// Tells whether the bead has ended.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        matches!(self, Self::Landed { .. } | Self::Closed { .. })
    }

    /// Tells whether the bead ended so that what needs it may go on.
    #[must_use]
    pub fn is_good(&self) -> bool {
        match self {
            Self::Landed { .. } => true,
            Self::Closed { outcome, .. } => outcome.is_good(),
            _ => false,
        }
    }

    /// Tells whether a lease could be granted, as far as the phase goes.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(self, Self::Open | Self::Returned { .. })
    }

    /// Returns the lease, if there is one.
    #[must_use]
    pub fn lease(&self) -> Option<&Lease> {
        match self {
            Self::Leased(lease) => Some(lease),
            _ => None,
        }
    }
}

/// One try of one holder at one bead: one epoch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// The epoch.
    pub epoch: Epoch,
    /// Who tried.
    pub holder: SeatName,
    /// When the lease was granted.
    pub began: Timestamp,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// What was handed in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<Oid>,
    /// The commit that what was handed in began from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<Oid>,
    /// What the holder said about it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub summary: String,
    /// The checks that were green on what was handed in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<CheckRun>,
    /// Who said yes to what was handed in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvals: Vec<Approved>,
    /// What gtd's own gates found in what was handed in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub guards: Vec<GuardReport>,
    /// What a person takes as it is in what was handed in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waivers: Vec<Waiver>,
    /// How much was handed in, and what of it is risky, once somebody has looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<Box<Weight>>,
    /// Each look of a reviewer at what was handed in, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reviews: Vec<Review>,
    /// Why it did not lead to a landing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<Box<Fault>>,
    /// Further turns that began with the answer to a question, or with what a person told.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub answered: u32,
    /// Each session of it that was full and had a successor, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refreshes: Vec<Refresh>,
}

impl Attempt {
    /// Returns what a gate of gtd's own found in this commit, once it has looked.
    #[must_use]
    pub fn guarded(&self, guard: Guard, head: &Oid) -> Option<&GuardReport> {
        let reports = (self.head.as_ref() == Some(head)).then_some(&self.guards)?;
        reports.iter().find(|report| report.guard == guard)
    }

    /// Returns the word of a person by which something in this commit is taken as it is.
    #[must_use]
    pub fn waived(&self, what: &Waived, head: &Oid) -> Option<&Waiver> {
        let waivers = (self.head.as_ref() == Some(head)).then_some(&self.waivers)?;
        waivers.iter().rev().find(|waiver| waiver.what == *what)
    }

    /// Returns what a gate of gtd's own found in this commit and no person takes as it is.
    #[must_use]
    pub fn held_by(&self, guard: Guard, head: &Oid) -> Option<&GuardReport> {
        let report = self.guarded(guard, head)?;
        let is_waived = self.waived(&Waived::Guard(guard), head).is_some();
        (!report.is_clean() && !is_waived).then_some(report)
    }

    /// Returns the look of a reviewer that goes on.
    #[must_use]
    pub fn open_review(&self) -> Option<&Review> {
        self.reviews.iter().find(|review| review.is_open())
    }

    /// Finds a review by its number.
    #[must_use]
    pub fn review(&self, number: u32) -> Option<&Review> {
        self.reviews.iter().find(|review| review.number == number)
    }

    /// Returns the number of the review that comes next.
    #[must_use]
    pub fn next_review(&self) -> u32 {
        self.reviews.last().map_or(1, |last| last.number + 1)
    }

    /// Tells whether a person or a reviewer has said yes to what was handed in.
    #[must_use]
    pub fn is_approved(&self) -> bool {
        let opinions = self.reviews.iter().rev().filter_map(Review::opinion);
        let last = opinions.map(|opinion| opinion.verdict).next();
        !self.approvals.is_empty() || last == Some(OpinionVerdict::Approve)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// One piece of work; the node of the work graph.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bead {
    /// Its name for ever.
    pub id: BeadId,
    /// The repository that it changes.
    pub rig: RigName,
    /// The goal that it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub goal: Option<BeadId>,
    /// Its name inside the plan that made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local_id: Option<String>,
    /// What is wanted.
    pub spec: BeadSpec,
    /// What it depends on and relates to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<Need>,
    /// Remarks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Note>,
    /// What people told whoever is at work on it, and no turn has begun with yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unheard: Vec<Note>,
    /// What its agent asked, until it has its answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<Box<Asked>>,
    /// How far it is.
    pub phase: Phase,
    /// Since when it is in this phase.
    pub since: Timestamp,
    /// The last epoch that was granted.
    pub epoch: Epoch,
    /// Attempts that count against the limit, since the last retry by a person.
    pub spent: u32,
    /// No new attempt before this moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
    /// The latest attempts, oldest first, at most [`Bead::ATTEMPTS_KEPT`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<Attempt>,
    /// Who made it.
    pub created_by: Actor,
    /// When it was made.
    pub created_at: Timestamp,
    /// Its place in the order of creation.
    pub ordinal: u64,
    /// The revision of its last change.
    #[serde(default)]
    pub changed: Revision,
}

impl Bead {
    /// Returns what an attempt before the present one handed in that did not merge, with the files:
    /// what the present one mends.
    #[must_use]
    pub fn mended(&self) -> Option<(&Oid, &[String])> {
        let before = self.attempts.iter().rev();
        let mut before = before.filter(|attempt| attempt.epoch < self.epoch);
        before.find_map(|attempt| match &attempt.fault.as_ref()?.class {
            FaultClass::Conflict { files } => Some((attempt.head.as_ref()?, files.as_slice())),
            _ => None,
        })
    }

    /// How many attempts a bead remembers; the log remembers all.
    pub const ATTEMPTS_KEPT: usize = 20;

    /// Gives back the room that its lists hold for more: there are many beads, and most have ended.
    pub(crate) fn pack(&mut self) {
        let Self {
            spec,
            needs,
            notes,
            unheard,
            attempts,
            ..
        } = self;
        spec.acceptance.shrink_to_fit();
        spec.scope.shrink_to_fit();
        needs.shrink_to_fit();
        notes.shrink_to_fit();
        unheard.shrink_to_fit();
        attempts.shrink_to_fit();
        for attempt in attempts {
            attempt.checks.shrink_to_fit();
            attempt.approvals.shrink_to_fit();
            attempt.guards.shrink_to_fit();
            attempt.waivers.shrink_to_fit();
            attempt.reviews.shrink_to_fit();
            attempt.refreshes.shrink_to_fit();
        }
    }

    /// Returns the moment before which no attempt may begin.
    #[must_use]
    pub fn waits_until(&self) -> Option<Timestamp> {
        self.not_before.max(self.spec.defer_until)
    }

    /// Returns the runtime that would work on this bead, if it can be told from the bead alone.
    #[must_use]
    pub fn wished_runtime(&self) -> Option<&str> {
        match (&self.spec.runtime, &self.spec.run) {
            (Some(runtime), _) => Some(runtime.as_str()),
            (None, Some(_)) => Some("shell"),
            (None, None) => None,
        }
    }

    /// Tells whether an agent program works on it, which has sessions, and no script.
    #[must_use]
    pub fn is_for_an_agent(&self) -> bool {
        let runtime = self.runtime_at_work();
        runtime.is_some_and(|runtime| !matches!(runtime, "shell" | "demo"))
    }

    /// Tells whether it is what a person asks the mayor: an answer ends it, and it has no plan.
    #[must_use]
    pub fn is_for_the_mayor(&self) -> bool {
        let role = self.spec.role.as_ref();
        self.spec.kind == BeadType::Goal && role.is_some_and(|role| role.as_str() == "mayor")
    }

    /// Tells whether an agent found it on the way, and nobody has said yes to it yet.
    #[must_use]
    pub fn is_found_and_waits(&self) -> bool {
        let mut needs = self.needs.iter();
        self.phase == Phase::Draft
            && self.goal.is_none()
            && needs.any(|need| need.kind == EdgeKind::DiscoveredFrom)
    }

    /// Returns the question that waits for a person.
    #[must_use]
    pub fn question(&self) -> Option<&Asked> {
        let is_open = match &self.phase {
            Phase::Leased(lease) => self.asked.as_ref()?.epoch == lease.epoch,
            Phase::Parked { why } => why.class == FaultClass::Question,
            _ => false,
        };
        let asked = self.asked.as_ref()?;
        (is_open && asked.answer.is_none()).then_some(asked)
    }

    /// Returns the question whose session is kept for its answer, while nobody works on the bead.
    #[must_use]
    pub fn kept_session(&self) -> Option<&Asked> {
        if self.phase.lease().is_some() || self.phase.is_finished() {
            return None;
        }
        let asked = self.asked.as_ref()?;
        (asked.answer.is_some() || self.question().is_some()).then_some(asked)
    }

    /// Finds an attempt that is remembered.
    #[must_use]
    pub fn attempt(&self, epoch: Epoch) -> Option<&Attempt> {
        let mut attempts = self.attempts.iter().rev();
        attempts.find(|attempt| attempt.epoch == epoch)
    }

    /// Lists the reviews that go on, each with the epoch that handed in what it is of.
    pub fn open_reviews(&self) -> impl Iterator<Item = (Epoch, &Review)> {
        let attempts = self.attempts.iter();
        attempts.filter_map(|attempt| Some((attempt.epoch, attempt.open_review()?)))
    }

    /// Counts the further turns of an attempt that began with what a person said.
    #[must_use]
    pub fn answered_in(&self, epoch: Epoch) -> u32 {
        let mut attempts = self.attempts.iter().rev();
        let attempt = attempts.find(|attempt| attempt.epoch == epoch);
        attempt.map_or(0, |attempt| attempt.answered)
    }

    /// Returns the changes of sessions within an attempt that is remembered.
    #[must_use]
    pub fn refreshes_in(&self, epoch: Epoch) -> &[Refresh] {
        let attempt = self.attempt(epoch);
        attempt.map_or(&[], |attempt| &attempt.refreshes)
    }

    /// Returns the runtime that works on this bead now, or would.
    #[must_use]
    pub fn runtime_at_work(&self) -> Option<&str> {
        let of_lease = self.phase.lease().and_then(|lease| lease.runtime.as_ref());
        of_lease.map_or_else(|| self.wished_runtime(), |name| Some(name.as_str()))
    }
}
