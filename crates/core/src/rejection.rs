//! Why the ledger says no: typed, with a stable code and the next step.

use serde::{Deserialize, Serialize};

use crate::{BeadId, CandidateId, Epoch, Revision, RigName, SeatName};

/// A refusal. Its text fits after "cannot …:".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "reason", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Rejection {
    /// No such bead.
    #[error("there is no bead `{bead}`")]
    NoBead {
        /// What was asked for.
        bead: String,
        /// What may have been meant.
        similar: Vec<String>,
    },
    /// The bead is no goal.
    #[error("{bead} is not a goal")]
    NotAGoal {
        /// The bead.
        bead: BeadId,
    },
    /// No such rig.
    #[error("there is no rig `{rig}`")]
    NoRig {
        /// What was asked for.
        rig: RigName,
    },
    /// No such seat.
    #[error("there is no seat `{seat}`")]
    NoSeat {
        /// What was asked for.
        seat: SeatName,
    },
    /// The seat holds a bead.
    #[error("seat {seat} holds {bead}")]
    SeatBusy {
        /// The seat.
        seat: SeatName,
        /// What it holds.
        bead: BeadId,
    },
    /// The seat exists already, elsewhere.
    #[error("seat {seat} exists on rig {rig}")]
    SeatTaken {
        /// The seat.
        seat: SeatName,
        /// Where.
        rig: RigName,
    },
    /// No such candidate in test.
    #[error("candidate {candidate} is not in test")]
    NoCandidate {
        /// The candidate.
        candidate: CandidateId,
    },
    /// The queue has another candidate in test.
    #[error("candidate {candidate} is in test on that target")]
    CandidateBusy {
        /// The one in test.
        candidate: CandidateId,
    },
    /// A candidate without a green verdict cannot land.
    #[error("candidate {candidate} has no green verdict")]
    NotProven {
        /// The candidate.
        candidate: CandidateId,
    },
    /// The bead's phase does not allow it.
    #[error("{bead} {} {state}", if matches!(state.as_str(), "landed" | "failed") { "has" } else { "is" })]
    WrongPhase {
        /// The bead.
        bead: BeadId,
        /// Its state, in a word.
        state: String,
        /// The command to run next.
        next: String,
    },
    /// The bead is not ready.
    #[error("{bead} is not ready: {why}")]
    NotReady {
        /// The bead.
        bead: BeadId,
        /// Why.
        why: String,
    },
    /// Nothing is ready.
    #[error("no bead is ready on rig {rig}")]
    NothingReady {
        /// The rig.
        rig: RigName,
    },
    /// The lease went to another holder, or ended.
    #[error("the lease of {bead} passed on (epoch {current}, yours {yours})")]
    StaleEpoch {
        /// The bead.
        bead: BeadId,
        /// The epoch now.
        current: Epoch,
        /// The caller's.
        yours: Epoch,
    },
    /// Somebody else holds the bead.
    #[error("{bead} is held by {holder}")]
    AlreadyHeld {
        /// The bead.
        bead: BeadId,
        /// The holder.
        holder: SeatName,
    },
    /// The edge would close a circle.
    #[error("that would make a circle: {}", path.iter().map(BeadId::as_str).collect::<Vec<_>>().join(" needs "))]
    Cycle {
        /// The circle, first bead again at the end.
        path: Vec<BeadId>,
    },
    /// A plan names something that is not there, or something twice.
    #[error("the plan does not hold together: {what}")]
    BadPlan {
        /// What is wrong.
        what: String,
    },
    /// Nothing here could do the bead.
    #[error("{what} has neither a script (`run`) nor a usable runtime")]
    NoRuntime {
        /// The bead or goal.
        what: String,
        /// The runtimes that are usable.
        usable: Vec<String>,
    },
    /// A text is empty or too long.
    #[error("{field} {why}")]
    BadText {
        /// The field.
        field: String,
        /// The rule.
        why: String,
    },
    /// The caller may not do that.
    #[error("{caller} may not {verb}")]
    NotYours {
        /// The caller.
        caller: String,
        /// What was asked.
        verb: String,
    },
    /// There has been as much of it as there may be.
    #[error("{bead} has {what}, and no more is taken")]
    Quota {
        /// The bead at work.
        bead: BeadId,
        /// What there has been, with its limit.
        what: String,
        /// What to do instead.
        instead: String,
    },
    /// Everything is stopped.
    #[error("everything is stopped: {why}")]
    IsStopped {
        /// Why.
        why: String,
    },
    /// The scope is paused.
    #[error("{scope} is paused")]
    IsPaused {
        /// What is paused.
        scope: String,
    },
    /// A budget has not enough left.
    #[error("{bead} cannot begin: {why}")]
    OverBudget {
        /// The bead or goal.
        bead: BeadId,
        /// Which budget, and how far it is used.
        why: String,
        /// The command that raises it.
        next: String,
    },
    /// The state of a standing member does not allow it.
    #[error("{member} {state}")]
    MemberState {
        /// The member.
        member: SeatName,
        /// How it is.
        state: String,
        /// The command to run next.
        next: String,
    },
    /// The merges of a rig are held.
    #[error("the merges of {rig} are {how} by {why}")]
    MergesHeld {
        /// The rig.
        rig: RigName,
        /// `paused` or `frozen`.
        how: String,
        /// Who holds them, and why.
        why: String,
    },
    /// The subject changed since the caller looked.
    #[error("{bead} changed at revision {changed}, you had seen {seen}")]
    Changed {
        /// The bead.
        bead: BeadId,
        /// When it changed.
        changed: Revision,
        /// What the caller had seen.
        seen: Revision,
    },
    /// Not all beads of the goal have ended.
    #[error("{goal} is not done: {open} of its beads have not ended")]
    GoalUnfinished {
        /// The goal.
        goal: BeadId,
        /// How many.
        open: u32,
    },
    /// The bead has attempts left.
    #[error("attempts at {bead} are not spent ({spent} of {limit})")]
    NotSpent {
        /// The bead.
        bead: BeadId,
        /// How many were spent.
        spent: u32,
        /// How many there are.
        limit: u32,
    },
    /// A project's configuration changed since it was trusted.
    #[error("the configuration of {rig} is not trusted as it is now")]
    Untrusted {
        /// The rig.
        rig: RigName,
    },
    /// The target is checked out somewhere.
    #[error("{branch} is checked out at {at}")]
    CheckedOut {
        /// The branch.
        branch: String,
        /// Where.
        at: String,
    },
    /// No id could be found.
    #[error("no free bead id under the prefix `{prefix}`")]
    NoFreeId {
        /// The prefix.
        prefix: String,
    },
    /// A file or a configuration is wrong.
    #[error("{what}")]
    BadConfig {
        /// What is wrong, with its place.
        what: String,
    },
    /// Something that a person named is not there.
    #[error("there is no {kind} `{name}`")]
    NotFound {
        /// The kind of thing.
        kind: String,
        /// Its name.
        name: String,
    },
    /// A beginning of an id that several things have.
    #[error("`{text}` matches {} things", candidates.len())]
    AmbiguousId {
        /// What was asked for.
        text: String,
        /// What it may mean.
        candidates: Vec<String>,
    },
    /// What a person did cannot be taken back.
    #[error("operation {op} ({what}) cannot be undone: {why}")]
    CannotUndo {
        /// The operation.
        op: Revision,
        /// What it did.
        what: String,
        /// Why it cannot.
        why: String,
        /// Another way.
        next: String,
    },
    /// The store takes no writes.
    #[error("the store takes no writes: {why}")]
    ReadOnly {
        /// Why.
        why: String,
    },
}

/// What a caller's program should take a refusal for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RejectionKind {
    /// The request itself is wrong.
    Usage,
    /// No such thing.
    NotFound,
    /// The state does not allow it.
    State,
    /// The configuration is wrong.
    Config,
    /// Not allowed, or untrusted.
    Permission,
    /// Try again later.
    Busy,
}

impl Rejection {
    /// Returns the stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoBead { .. } => "E0301",
            Self::NotAGoal { .. } => "E0302",
            Self::NoRig { .. } => "E0303",
            Self::NoSeat { .. } => "E0304",
            Self::NoCandidate { .. } => "E0305",
            Self::NotFound { .. } => "E0306",
            Self::AmbiguousId { .. } => "E0307",
            Self::WrongPhase { .. } => "E0201",
            Self::NotReady { .. } => "E0202",
            Self::NothingReady { .. } => "E0203",
            Self::StaleEpoch { .. } => "E0204",
            Self::AlreadyHeld { .. } => "E0205",
            Self::SeatBusy { .. } => "E0206",
            Self::SeatTaken { .. } => "E0207",
            Self::CandidateBusy { .. } => "E0208",
            Self::NotProven { .. } => "E0209",
            Self::Changed { .. } => "E0210",
            Self::GoalUnfinished { .. } => "E0211",
            Self::NotSpent { .. } => "E0212",
            Self::CheckedOut { .. } => "E0213",
            Self::IsStopped { .. } => "E0214",
            Self::IsPaused { .. } => "E0215",
            Self::MergesHeld { .. } => "E0218",
            Self::CannotUndo { .. } => "E0219",
            Self::OverBudget { .. } => "E0220",
            Self::MemberState { .. } => "E0221",
            Self::Cycle { .. } => "E0101",
            Self::BadPlan { .. } => "E0102",
            Self::BadText { .. } => "E0103",
            Self::NoRuntime { .. } => "E0104",
            Self::BadConfig { .. } => "E0105",
            Self::NotYours { .. } => "E0401",
            Self::Untrusted { .. } => "E0402",
            Self::Quota { .. } => "E0403",
            Self::NoFreeId { .. } => "E0501",
            Self::ReadOnly { .. } => "E0502",
        }
    }

    /// Returns the stable word.
    #[must_use]
    pub fn reason(&self) -> String {
        serde_json::to_value(self)
            .ok()
            .and_then(|value| Some(value.get("reason")?.as_str()?.to_owned()))
            .unwrap_or_default()
    }

    /// Returns what kind of refusal it is.
    #[must_use]
    pub fn kind(&self) -> RejectionKind {
        match self {
            Self::NoBead { .. }
            | Self::NotAGoal { .. }
            | Self::NoRig { .. }
            | Self::NoSeat { .. }
            | Self::NoCandidate { .. }
            | Self::NotFound { .. }
            | Self::AmbiguousId { .. } => RejectionKind::NotFound,
            Self::WrongPhase { .. }
            | Self::NotReady { .. }
            | Self::NothingReady { .. }
            | Self::StaleEpoch { .. }
            | Self::AlreadyHeld { .. }
            | Self::SeatBusy { .. }
            | Self::SeatTaken { .. }
            | Self::CandidateBusy { .. }
            | Self::NotProven { .. }
            | Self::Changed { .. }
            | Self::GoalUnfinished { .. }
            | Self::NotSpent { .. }
            | Self::CheckedOut { .. }
            | Self::IsStopped { .. }
            | Self::IsPaused { .. }
            | Self::MergesHeld { .. }
            | Self::OverBudget { .. }
            | Self::MemberState { .. }
            | Self::CannotUndo { .. } => RejectionKind::State,
            Self::Cycle { .. } | Self::BadPlan { .. } | Self::BadText { .. } => {
                RejectionKind::Usage
            }
            Self::NoRuntime { .. } | Self::BadConfig { .. } => RejectionKind::Config,
            Self::NotYours { .. } | Self::Untrusted { .. } | Self::Quota { .. } => {
                RejectionKind::Permission
            }
            Self::NoFreeId { .. } | Self::ReadOnly { .. } => RejectionKind::Busy,
        }
    }

    /// Returns the next step, as a sentence or a command.
    #[must_use]
    pub fn next(&self) -> String {
        match self {
            Self::NoBead { similar, .. } => match similar.first() {
                Some(near) => format!("did you mean `{near}`?  all beads: gtd bead list"),
                None => "all beads: gtd bead list".to_owned(),
            },
            Self::NotAGoal { bead } => format!("gtd bead show {bead}"),
            Self::NoRig { .. } => "in the repository: gtd init".to_owned(),
            Self::NoSeat { .. } | Self::SeatBusy { .. } | Self::SeatTaken { .. } => {
                "gtd ps".to_owned()
            }
            Self::NoCandidate { .. } | Self::CandidateBusy { .. } | Self::NotProven { .. } => {
                "gtd status".to_owned()
            }
            Self::WrongPhase { next, .. }
            | Self::CannotUndo { next, .. }
            | Self::OverBudget { next, .. }
            | Self::MemberState { next, .. } => next.clone(),
            Self::NotReady { bead, .. } | Self::AlreadyHeld { bead, .. } => {
                format!("gtd why {bead}")
            }
            Self::StaleEpoch { bead, .. }
            | Self::Changed { bead, .. }
            | Self::NotSpent { bead, .. } => format!("gtd bead show {bead}"),
            Self::NothingReady { .. } => "gtd why".to_owned(),
            Self::Cycle { .. } => "leave out one of these edges".to_owned(),
            Self::BadPlan { .. } | Self::BadText { .. } => "mend it and try again".to_owned(),
            Self::NoRuntime { usable, .. } => {
                let ways = "give it a script (`run = \"…\"` in a plan, or `gtd goal TITLE --run \
                            SCRIPT`), or name an agent program in config.toml: [runtimes.claude] and \
                            below it preset = \"claude-code\" (`gtd config path` shows where)";
                if usable.is_empty() {
                    ways.to_owned()
                } else {
                    format!("{ways}; usable runtimes: {}", usable.join(", "))
                }
            }
            Self::NotYours { .. } => "ask a person to do it".to_owned(),
            Self::Quota { instead, .. } => instead.clone(),
            Self::IsStopped { .. } => "gtd resume --all".to_owned(),
            Self::IsPaused { .. } => "gtd resume".to_owned(),
            Self::MergesHeld { rig, .. } => format!("gtd merge resume -r {rig}"),
            Self::GoalUnfinished { goal, .. } => format!("gtd why {goal}"),
            Self::Untrusted { .. } => "look at the change, then: gtd trust".to_owned(),
            Self::CheckedOut { .. } => {
                "leave out --land main: the work then lands on an integration branch, and `gtd convoy land` brings it further"
                    .to_owned()
            }
            Self::BadConfig { .. } => "mend the file, then: gtd trust".to_owned(),
            Self::NotFound { kind, .. } if kind == "branch" => {
                "work needs a branch with a commit; `git branch` lists them, and --branch NAME takes another"
                    .to_owned()
            }
            Self::NotFound { .. } => "gtd status".to_owned(),
            Self::AmbiguousId { candidates, .. } => {
                format!("use more characters: {}", candidates.join(", "))
            }
            Self::NoFreeId { .. } => "choose another prefix in gtd.toml".to_owned(),
            Self::ReadOnly { .. } => "gtd logs daemon".to_owned(),
        }
    }
}
