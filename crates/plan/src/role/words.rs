//! The words of role files, each of them one value of an enum.

use std::fmt;

use gtd_core::{GateName, GateWhen, SeatName};
use serde::{Deserialize, Serialize, Serializer};

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$of_value:meta])* $value:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$of_value])* #[serde(rename = $word)] $value,)+
        }

        impl $name {
            /// Every word with its value.
            pub const WORDS: &'static [(&'static str, Self)] = &[$(($word, Self::$value),)+];

            /// Returns the word.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$value => $word,)+
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}

words!(
    /// What a role is for, and so which pen it holds.
    RoleKind {
        /// Plans goals.
        Mayor = "mayor",
        /// Keeps the roster; its standing members work too.
        Crew = "crew",
        /// Builds one bead.
        Worker = "worker",
        /// Proves and merges.
        Refinery = "refinery",
        /// Keeps everyone honest.
        Witness = "witness",
        /// Judges what others built.
        Reviewer = "reviewer",
        /// Keeps the roles alive.
        Deacon = "deacon",
        /// One of the user's own.
        Custom = "custom",
    }
);

impl RoleKind {
    /// Tells whether the role is code, which may do without a prompt.
    #[must_use]
    pub fn is_code(self) -> bool {
        matches!(self, Self::Refinery | Self::Witness | Self::Deacon)
    }
}

words!(
    /// How many of a role there are: one for each of these.
    Instances {
        /// One in the whole town.
        Town = "town",
        /// One for each rig.
        Rig = "rig",
        /// One for each bead in work.
        Bead = "bead",
        /// One for each candidate.
        Merge = "merge",
        /// One for each name, such as a standing crew member.
        Name = "name",
    }
);

words!(
    /// Whether a new attempt begins a new session of the runtime.
    Session {
        /// It does.
        Fresh = "fresh",
        /// It goes on where the last one ended.
        Resume = "resume",
    }
);

words!(
    /// What of the network a role reaches; each reaches what the ones before it do.
    Network {
        /// Nothing.
        None = "none",
        /// Package registries.
        Registries = "registries",
        /// Everything.
        Full = "full",
    }
);

words!(
    /// What keeps a role's processes in.
    Sandbox {
        /// The best that the machine has.
        Auto = "auto",
        /// Bubblewrap, or no run at all.
        Bubblewrap = "bubblewrap",
        /// A container, or no run at all.
        Container = "container",
        /// Nothing.
        None = "none",
    }
);

words!(
    /// What wakes a role. It filters wakes and carries nothing: a role looks at the whole state.
    WakeEvent {
        /// A person submitted a goal.
        GoalOpened = "goal.opened",
        /// A person changed a goal.
        GoalAmended = "goal.amended",
        /// An agent asked a question.
        QuestionAsked = "question.asked",
        /// A question was answered.
        QuestionAnswered = "question.answered",
        /// Nothing of a convoy can move.
        ConvoyBlocked = "convoy.blocked",
        /// All beads of a convoy have ended.
        ConvoyEnded = "convoy.ended",
        /// A bead needs nothing any more.
        BeadReady = "bead.ready",
        /// A seat got a bead.
        BeadAssigned = "bead.assigned",
        /// A bead was handed in.
        BeadSubmitted = "bead.submitted",
        /// A bead came back.
        BeadReturned = "bead.returned",
        /// A bead is in the target.
        BeadLanded = "bead.landed",
        /// A bead needs a person.
        BeadParked = "bead.parked",
        /// A gate failed.
        GateFailed = "gate.failed",
        /// A policy wants a review.
        ReviewRequested = "review.requested",
        /// A review wants changes.
        ReviewChangesRequested = "review.changes_requested",
        /// A candidate was formed.
        MergeFormed = "merge.formed",
        /// Submissions do not fit together.
        MergeConflict = "merge.conflict",
        /// A candidate failed a gate.
        MergeRed = "merge.red",
        /// A candidate is in the target.
        MergeLanded = "merge.landed",
        /// A lease is silent.
        LeaseSilent = "lease.silent",
        /// A run ended.
        RunEnded = "run.ended",
        /// A message came in.
        MailReceived = "mail.received",
        /// Somebody waits for an answer.
        AskReceived = "ask.received",
        /// Somebody told something.
        TellReceived = "tell.received",
        /// The disk is nearly full.
        DiskLow = "disk.low",
        /// The town has started.
        TownStarted = "town.started",
    }
);

/// What a role must hand over. Checked by gtd, not believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HandoverItem {
    /// Nothing uncommitted.
    CleanTree,
    /// At least one commit.
    Commits,
    /// The checks of the bead's acceptance criteria pass.
    Acceptance,
    /// The gates of this place pass.
    Gates(GateWhen),
    /// This gate passes.
    Gate(GateName),
    /// A few words on what was done.
    Summary,
    /// A plan that follows the schema.
    Plan,
    /// A judgement: approved, or what must change.
    Verdict,
}

impl HandoverItem {
    /// The items, as people write them; `gate:NAME` stands for any gate.
    pub const WORDS: &'static [&'static str] = &[
        "clean-tree",
        "commits",
        "acceptance",
        "gates:worker",
        "gates:merge",
        "gates:goal",
        "gate:NAME",
        "summary",
        "plan",
        "verdict",
    ];

    pub(super) fn from_word(word: &str) -> Option<Self> {
        Some(match word {
            "clean-tree" => Self::CleanTree,
            "commits" => Self::Commits,
            "acceptance" => Self::Acceptance,
            "gates:worker" => Self::Gates(GateWhen::Worker),
            "gates:merge" => Self::Gates(GateWhen::Merge),
            "gates:goal" => Self::Gates(GateWhen::Goal),
            "summary" => Self::Summary,
            "plan" => Self::Plan,
            "verdict" => Self::Verdict,
            other => Self::Gate(GateName::parse(other.strip_prefix("gate:")?).ok()?),
        })
    }
}

impl fmt::Display for HandoverItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CleanTree => f.write_str("clean-tree"),
            Self::Commits => f.write_str("commits"),
            Self::Acceptance => f.write_str("acceptance"),
            Self::Gates(GateWhen::Worker) => f.write_str("gates:worker"),
            Self::Gates(GateWhen::Merge) => f.write_str("gates:merge"),
            Self::Gates(GateWhen::Both) => f.write_str("gates:both"),
            Self::Gates(GateWhen::Goal) => f.write_str("gates:goal"),
            Self::Gate(name) => write!(f, "gate:{name}"),
            Self::Summary => f.write_str("summary"),
            Self::Plan => f.write_str("plan"),
            Self::Verdict => f.write_str("verdict"),
        }
    }
}

impl Serialize for HandoverItem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Who is asked when a role cannot go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EscalateTo {
    /// The mayor.
    Mayor,
    /// The witness.
    Witness,
    /// A standing member of the crew.
    Crew(SeatName),
    /// A person.
    Human,
}

impl EscalateTo {
    /// The words, as people write them; `crew:NAME` stands for any member.
    pub const WORDS: &'static [&'static str] = &["mayor", "witness", "crew:NAME", "human"];

    pub(super) fn from_word(word: &str) -> Option<Self> {
        Some(match word {
            "mayor" => Self::Mayor,
            "witness" => Self::Witness,
            "human" => Self::Human,
            other => Self::Crew(SeatName::parse(other.strip_prefix("crew:")?).ok()?),
        })
    }
}

impl fmt::Display for EscalateTo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mayor => f.write_str("mayor"),
            Self::Witness => f.write_str("witness"),
            Self::Crew(name) => write!(f, "crew:{name}"),
            Self::Human => f.write_str("human"),
        }
    }
}

impl Serialize for EscalateTo {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
