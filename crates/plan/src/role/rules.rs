//! What a role file says about the rules that workers of a rig work by.

use gtd_core::{
    WorkerRules,
    config::{Config, Origin, percent},
};

use super::spec::{RoleLimits, RoleSpec};

/// The rules that a role file sets; what is none is left as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RoleRules {
    /// Attempts at one bead before a person is asked.
    pub attempts: Option<u32>,
    /// Silence after which the witness looks.
    pub silence_ms: Option<u64>,
    /// The longest that one attempt may take.
    pub limit_ms: Option<u64>,
    /// How full the context of a session may be before a fresh one takes over, in percent.
    pub refresh_percent: Option<u32>,
}

/// Returns the rules that the limits of a role mean.
#[must_use]
pub fn worker_rules(spec: &RoleSpec) -> RoleRules {
    RoleRules {
        attempts: spec.limits.attempts,
        silence_ms: spec.limits.turn_ms,
        limit_ms: spec.limits.bead_ms,
        refresh_percent: Some(percent(spec.runtime.refresh_at)),
    }
}

impl RoleRules {
    /// Puts these rules below the configuration: what somebody set in `roles.ROLE` of it wins.
    #[must_use]
    pub fn below(&self, config: &Config, role: &str, rules: WorkerRules) -> WorkerRules {
        let is_said = |key: &str| {
            config
                .get(&format!("roles.{role}.{key}"))
                .is_some_and(|(_, origin)| *origin != Origin::Default)
        };
        let pick = |key: &str, own: Option<u64>, configured: u64| {
            own.filter(|_| !is_said(key)).unwrap_or(configured)
        };
        let attempts = self.attempts.filter(|_| !is_said("attempts"));
        let refresh = self.refresh_percent.filter(|_| !is_said("refresh_at"));
        WorkerRules {
            refresh_percent: refresh.unwrap_or(rules.refresh_percent),
            attempts: attempts.unwrap_or(rules.attempts),
            silence_ms: pick("silence", self.silence_ms, rules.silence_ms),
            limit_ms: pick("limit", self.limit_ms, rules.limit_ms),
            ..rules
        }
    }
}

impl RoleLimits {
    /// Returns these limits with the rules in effect, for a prompt that names them.
    #[must_use]
    pub fn under(&self, rules: &WorkerRules) -> Self {
        Self {
            attempts: Some(rules.attempts),
            turn_ms: Some(rules.silence_ms),
            bead_ms: Some(rules.limit_ms),
            ..self.clone()
        }
    }
}
