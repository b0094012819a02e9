//! What a goal may do without a person: the policies of a rig, and which of them a goal follows.
//!
//! A policy is configuration, and the rules of a rig hold every one as it is resolved, so that a
//! goal names one and nothing else. A goal that names none follows the usual one; so does what a
//! log says from before goals named any.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    Approval, OnDiscovery, PolicyName, QuestionRules, ReplanRules, ReviewPolicy, RigRules,
};

/// What happens when a runtime has reached a limit of its provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnRateLimit {
    /// Another runtime of the role takes the work, else it waits.
    Fallback,
    /// It waits until the limit is over.
    #[default]
    Wait,
    /// The goal stops until a person says otherwise.
    Stop,
}

/// Where a policy lets work land.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LandPolicy {
    /// On the branch itself.
    Main,
    /// On the integration branch.
    Integration,
    /// On a branch of its own, which is proposed to a host outside.
    PullRequest,
    /// Nowhere.
    Nowhere,
}

/// What one policy says, with everything filled in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PolicyRules {
    /// Whether plans wait for a person.
    #[serde(default, skip_serializing_if = "Approval::is_not_needed")]
    pub plan: Approval,
    /// What happens to questions.
    #[serde(default, skip_serializing_if = "QuestionRules::is_usual")]
    pub questions: QuestionRules,
    /// What happens to what agents find.
    #[serde(default)]
    pub discovery: OnDiscovery,
    /// Whether what is left of a goal is planned anew.
    #[serde(default, skip_serializing_if = "ReplanRules::is_off")]
    pub replans: ReplanRules,
    /// What a reviewer looks at.
    #[serde(default)]
    pub review: ReviewPolicy,
    /// What happens at a limit of a provider.
    #[serde(default)]
    pub on_rate_limit: OnRateLimit,
    /// Agents at one goal at once, at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_parallel: Option<u32>,
    /// Where work lands; without it, as the rig and its checkouts allow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub land: Option<LandPolicy>,
    /// Failed attempts at one goal in a row, without one success, that stop it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failures: Option<u32>,
}

impl PolicyRules {
    /// Tells whether nothing of it lands.
    #[must_use]
    pub fn lands_nothing(&self) -> bool {
        self.land == Some(LandPolicy::Nowhere)
    }
}

/// The policies of a rig.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Policies {
    /// The one that goals follow which name none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usual: Option<PolicyName>,
    /// All of them, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub known: BTreeMap<PolicyName, PolicyRules>,
}

impl Policies {
    /// Tells whether there are none, as in a log from before there were any.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.usual.is_none() && self.known.is_empty()
    }
}

impl RigRules {
    /// Returns what a goal may do that names this policy, or none.
    ///
    /// A policy that is not there any more is the usual one: nobody has said what it would be.
    #[must_use]
    pub fn policy(&self, name: Option<&PolicyName>) -> PolicyRules {
        let known = |name: &PolicyName| self.policies.known.get(name).copied();
        if let Some(named) = name.and_then(known) {
            return named;
        }
        let usual = self.policies.usual.as_ref().and_then(known);
        PolicyRules {
            plan: self.replans.approval,
            questions: self.questions,
            discovery: self.discovery.on,
            replans: self.replans,
            review: self.merge.review.policy,
            ..usual.unwrap_or_default()
        }
    }
}
