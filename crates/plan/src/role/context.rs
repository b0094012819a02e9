//! What a prompt may speak about.
//!
//! The caller fills in what there is; a template that uses more than that is
//! refused when it is rendered. What comes from outside is a [`PromptText`] and
//! knows it.

use minijinja::Value;
use serde::{Serialize, Serializer};

use super::{spec::RoleLimits, untrusted::Foreign};

/// A text of a prompt: one's own, or somebody else's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PromptText {
    /// A person of this town, or gtd itself, wrote it.
    Own(String),
    /// It comes from outside: an import, an issue, the output of a program, a message.
    Foreign {
        /// Where it comes from, in a few words.
        origin: String,
        /// The text.
        text: String,
    },
}

impl PromptText {
    /// Takes a text from outside.
    #[must_use]
    pub fn foreign(origin: &str, text: &str) -> Self {
        Self::Foreign {
            origin: origin.to_owned(),
            text: text.to_owned(),
        }
    }
}

impl Default for PromptText {
    fn default() -> Self {
        Self::Own(String::new())
    }
}

impl From<&str> for PromptText {
    fn from(text: &str) -> Self {
        Self::Own(text.to_owned())
    }
}

impl From<String> for PromptText {
    fn from(text: String) -> Self {
        Self::Own(text)
    }
}

impl Serialize for PromptText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Own(text) => serializer.serialize_str(text),
            Self::Foreign { origin, text } => Value::from_object(Foreign {
                origin: origin.clone(),
                text: text.clone(),
            })
            .serialize(serializer),
        }
    }
}

/// Everything that the prompt of a role may speak about.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PromptContext {
    /// Who reads the prompt.
    pub agent: PromptAgent,
    /// The repository.
    pub rig: PromptRig,
    /// The town.
    pub town: PromptTown,
    /// The policy in effect.
    pub policy: PromptPolicy,
    /// The limits in effect; none takes those of the role.
    #[serde(skip)]
    pub limits: Option<RoleLimits>,
    /// What may still be spent.
    pub budget: PromptBudget,
    /// The gates that the work has to pass.
    pub gates: Vec<PromptGate>,
    /// The moment, as a person of this town would write it.
    pub now: String,

    /// The folder to work in.
    pub worktree: Option<String>,
    /// The branch to work on.
    pub branch: Option<String>,
    /// What the work stands on.
    pub base: Option<String>,

    /// The bead to do or to judge.
    pub bead: Option<PromptBead>,
    /// The attempt at it.
    pub attempt: Option<PromptAttempt>,
    /// The goal that the bead belongs to.
    pub convoy: Option<PromptConvoy>,
    /// The other beads of the convoy that are in work.
    pub siblings: Vec<PromptSibling>,

    /// The candidate to judge.
    pub merge: Option<PromptMerge>,
    /// What is known of what was handed in, when that is to be judged.
    pub submission: Option<PromptSubmission>,
    /// The beads in it.
    pub batch: Vec<PromptSibling>,
    /// What does not fit together in it.
    pub conflict: Option<PromptConflict>,

    /// The message that came in.
    pub mail: Option<PromptMail>,

    /// The goal to plan.
    pub goal: Option<PromptGoal>,
    /// The beads in whose place a new plan is to put others; empty for a first plan.
    pub parked: Vec<PromptParked>,
    /// What has landed of the goal already, where it is planned anew.
    pub landed: Vec<PromptSibling>,
    /// Other work of the rig that has not ended.
    pub open_beads: Vec<PromptSibling>,
    /// The specification that came with it.
    pub spec: Option<PromptText>,
    /// What is where in the repository.
    pub repo_map: Option<PromptText>,
    /// What was tried before.
    pub history: Option<PromptText>,
}

/// Who reads a prompt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PromptAgent {
    /// The name of the seat.
    pub name: String,
}

/// A repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PromptRig {
    /// Its name.
    pub name: String,
    /// The branch that work lands on.
    pub branch: String,
    /// Files with the instructions of the repository.
    pub instructions: Vec<String>,
}

/// A town.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PromptTown {
    /// Its name.
    pub name: String,
}

/// A policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PromptPolicy {
    /// Its name.
    pub name: String,
    /// What happens to a question: `ask`, `park` or `assume`.
    pub on_question: String,
}

/// What may still be spent.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PromptBudget {
    /// Dollars; infinite when nothing limits them.
    pub left_usd: f64,
}

/// A gate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PromptGate {
    /// Its name.
    pub name: String,
    /// The command.
    pub run: String,
    /// Where it runs: `worker`, `merge`, `both` or `goal`.
    pub when: String,
}

/// A bead.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct PromptBead {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: PromptText,
    /// What is to be done.
    pub description: PromptText,
    /// When it is done.
    pub acceptance: Vec<PromptText>,
    /// The files that it is about.
    pub scope: Vec<String>,
    /// Its labels.
    pub labels: Vec<String>,
    /// What was said to it since, oldest first.
    pub notes: Vec<PromptText>,
}

/// A bead whose attempts are spent.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct PromptParked {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: PromptText,
    /// What was to be done.
    pub description: PromptText,
    /// When it would have been done.
    pub acceptance: Vec<PromptText>,
    /// The files that it is about.
    pub scope: Vec<String>,
    /// Why it was set aside.
    pub reason: PromptText,
    /// What its attempts did, the latest first.
    pub tries: PromptText,
    /// What was said to it since, oldest first.
    pub notes: Vec<PromptText>,
}

/// An attempt at a bead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PromptAttempt {
    /// From 1.
    pub number: u32,
    /// What the last one failed at; empty when there was none.
    pub last_gate: String,
    /// What that said; empty when there was none.
    pub last_output: PromptText,
    /// What the last one said of its work; empty when it said nothing.
    pub last_summary: PromptText,
}

/// A goal, for one of its beads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PromptConvoy {
    /// Its id.
    pub id: String,
    /// What it is about.
    pub title: PromptText,
    /// What was said to it since, oldest first.
    pub notes: Vec<PromptText>,
}

/// Another bead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PromptSibling {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: PromptText,
    /// Its state, in a word.
    pub state: String,
    /// The files that it is about.
    pub scope: Vec<String>,
}

/// A candidate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PromptMerge {
    /// Its id.
    pub candidate: String,
    /// Where it is to land.
    pub target: String,
    /// The commit that would land.
    pub commit: String,
    /// What it changes.
    pub diff: PromptText,
}

/// What is known of what was handed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PromptSubmission {
    /// What whoever did it says about it; empty when nothing was said.
    pub claim: PromptText,
    /// What records show of it, one thing each.
    pub proof: Vec<PromptText>,
    /// What of it is risky, one thing each.
    pub risks: Vec<String>,
}

/// What does not fit together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PromptConflict {
    /// The files.
    pub paths: Vec<String>,
    /// What git said.
    pub output: PromptText,
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PromptMail {
    /// Its number.
    pub number: u64,
    /// Who wrote it.
    pub from: String,
    /// The words.
    pub text: PromptText,
    /// How the town stands, where somebody asks; empty for any other message.
    pub state: PromptText,
}

/// A goal to plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PromptGoal {
    /// Its id.
    pub id: String,
    /// What a person typed.
    pub title: PromptText,
    /// The rest of it.
    pub description: PromptText,
    /// When it is reached.
    pub acceptance: Vec<PromptText>,
    /// What was said to it since.
    pub notes: Vec<PromptText>,
}

impl PromptContext {
    /// Makes a context with nothing in it but where one is.
    #[must_use]
    pub fn new(agent: &str, rig: PromptRig, town: &str, now: &str) -> Self {
        Self {
            agent: PromptAgent {
                name: agent.to_owned(),
            },
            rig,
            town: PromptTown {
                name: town.to_owned(),
            },
            policy: PromptPolicy {
                name: "attended".to_owned(),
                on_question: "ask".to_owned(),
            },
            limits: None,
            budget: PromptBudget {
                left_usd: f64::INFINITY,
            },
            gates: Vec::new(),
            now: now.to_owned(),
            worktree: None,
            branch: None,
            base: None,
            bead: None,
            attempt: None,
            convoy: None,
            siblings: Vec::new(),
            merge: None,
            submission: None,
            batch: Vec::new(),
            conflict: None,
            mail: None,
            goal: None,
            parked: Vec::new(),
            landed: Vec::new(),
            open_beads: Vec::new(),
            spec: None,
            repo_map: None,
            history: None,
        }
    }
}
