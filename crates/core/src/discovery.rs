//! What agents may find on the way, as the policy and the configuration of a rig say.

use serde::{Deserialize, Serialize};

/// What happens to a bead that an agent found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnDiscovery {
    /// It waits for a person.
    #[default]
    Triage,
    /// It joins the goal at whose work it was found, and begins.
    Join,
}

/// How much agents may find, and what happens to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiscoveryRules {
    /// What happens to what was found.
    pub on: OnDiscovery,
    /// How often what was found may find something in its turn.
    pub depth: u32,
    /// Beads that may be found at one bead, over all of its attempts.
    pub per_bead: u32,
    /// Beads that may be found at one goal within an hour.
    pub per_hour: u32,
}

impl Default for DiscoveryRules {
    fn default() -> Self {
        Self {
            on: OnDiscovery::default(),
            depth: 3,
            per_bead: 10,
            per_hour: 30,
        }
    }
}

impl DiscoveryRules {
    /// Tells whether they are what holds when nobody says otherwise.
    #[must_use]
    pub fn is_usual(&self) -> bool {
        *self == Self::default()
    }
}
