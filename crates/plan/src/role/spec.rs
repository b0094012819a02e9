//! A role with every default filled in.

use std::collections::BTreeMap;

use gtd_core::{RoleName, RuntimeName};
use serde::Serialize;

use super::{
    narrow::verb_covers,
    set::Layer,
    template::Template,
    words::{EscalateTo, HandoverItem, Instances, Network, RoleKind, Sandbox, Session, WakeEvent},
};

/// A role in effect.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RoleSpec {
    /// Its name.
    pub name: RoleName,
    /// The highest layer that says something about it.
    pub layer: Layer,
    /// What it inherits from, as its file says it.
    pub extends: Option<String>,
    /// What it is for.
    pub kind: RoleKind,
    /// What it does, in one line.
    pub summary: String,
    /// How many of it there are.
    pub instances: Instances,
    /// What it runs on.
    pub runtime: RoleRuntime,
    /// What wakes it.
    pub wake: RoleWake,
    /// How much it may take.
    pub limits: RoleLimits,
    /// What it may touch.
    pub access: RoleAccess,
    /// What it must hand over.
    pub handover: RoleHandover,
    /// Whom it asks.
    pub escalate: RoleEscalate,
    /// What it is told.
    pub prompt: RolePrompt,
}

/// What a role runs on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RoleRuntime {
    /// Runtimes, in order of preference; none leaves the choice to the configuration.
    #[serde(rename = "use")]
    pub preferred: Vec<RuntimeName>,
    /// A name of the runtime's `models`, or the id of a model.
    pub model: Option<String>,
    /// Whether a new attempt begins a new session.
    pub session: Session,
    /// The share of the context window at which a fresh session takes over.
    pub refresh_at: f64,
}

/// What wakes a role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RoleWake {
    /// The events.
    pub on: Vec<WakeEvent>,
    /// A timer, in milliseconds; it costs even when nothing happens.
    pub every_ms: Option<u64>,
    /// The shortest time between two wakes, in milliseconds.
    pub min_interval_ms: u64,
}

/// How much a role may take; what is none is not limited here.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct RoleLimits {
    /// Silence after which it counts as stuck, in milliseconds.
    pub turn_ms: Option<u64>,
    /// The longest that one attempt at a bead may take, in milliseconds.
    pub bead_ms: Option<u64>,
    /// Attempts at one bead before a person is asked.
    pub attempts: Option<u32>,
    /// What one bead may cost, in millionths of a dollar.
    pub usd_micros: Option<u64>,
    /// Lines of a diff over which the bead is to be split.
    pub diff_lines: Option<u32>,
}

/// What a role may touch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RoleAccess {
    /// Globs of what it may write.
    pub write: Vec<String>,
    /// Globs of what it may not write, even so.
    pub deny: Vec<String>,
    /// What of the network it reaches.
    pub network: Network,
    /// Commands that it may not run.
    pub commands_deny: Vec<String>,
    /// What keeps it in.
    pub sandbox: Sandbox,
    /// The verbs of gtd that it may use.
    pub gtd: Vec<String>,
    /// MCP servers of the runtime that it may use.
    pub mcp: Vec<String>,
}

/// What a role must hand over.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct RoleHandover {
    /// All of these.
    pub require: Vec<HandoverItem>,
}

/// Whom a role asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RoleEscalate {
    /// With a question.
    pub question: EscalateTo,
    /// When it is stuck.
    pub stuck: EscalateTo,
}

/// What a role is told.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RolePrompt {
    /// The template; a role that is code has none.
    pub template: Option<Template>,
    /// Variables of the template, as `vars`.
    pub vars: BTreeMap<String, RoleVar>,
    /// The most that the rendered prompt may have, in tokens.
    pub max_tokens: u32,
}

/// A variable of a role file.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum RoleVar {
    /// A text.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// A number with a fraction.
    Number(f64),
    /// True or false.
    Bool(bool),
    /// Several.
    List(Vec<RoleVar>),
}

impl RoleAccess {
    /// Tells whether the role may use a verb of gtd, such as `bead note`.
    #[must_use]
    pub fn allows_verb(&self, verb: &str) -> bool {
        self.gtd.iter().any(|granted| verb_covers(granted, verb))
    }
}

impl RoleSpec {
    /// Makes what a role is whose file says nothing: careful, and asleep.
    pub(super) fn blank(name: RoleName, layer: Layer) -> Self {
        Self {
            name,
            layer,
            extends: None,
            kind: RoleKind::Custom,
            summary: String::new(),
            instances: Instances::Rig,
            runtime: RoleRuntime {
                preferred: Vec::new(),
                model: None,
                session: Session::Fresh,
                refresh_at: 0.70,
            },
            wake: RoleWake {
                on: Vec::new(),
                every_ms: None,
                min_interval_ms: 30_000,
            },
            limits: RoleLimits {
                turn_ms: Some(15 * 60_000),
                bead_ms: Some(2 * 3_600_000),
                attempts: Some(3),
                usd_micros: None,
                diff_lines: None,
            },
            access: RoleAccess {
                write: Vec::new(),
                deny: Vec::new(),
                network: Network::None,
                commands_deny: Vec::new(),
                sandbox: Sandbox::Auto,
                gtd: Vec::new(),
                mcp: Vec::new(),
            },
            handover: RoleHandover::default(),
            escalate: RoleEscalate {
                question: EscalateTo::Human,
                stuck: EscalateTo::Witness,
            },
            prompt: RolePrompt {
                template: None,
                vars: BTreeMap::new(),
                max_tokens: 6_000,
            },
        }
    }
}

/// Writes a time the way that `parse_duration` reads it.
pub(super) fn duration_text(ms: u64) -> String {
    let mut rest = ms;
    let mut parts = Vec::new();
    for (unit, length) in [
        ("d", 86_400_000),
        ("h", 3_600_000),
        ("m", 60_000),
        ("s", 1_000),
        ("ms", 1),
    ] {
        if rest >= length {
            parts.push(format!("{}{unit}", rest / length));
            rest %= length;
        }
    }
    if parts.is_empty() {
        "0s".to_owned()
    } else {
        parts.join(" ")
    }
}
