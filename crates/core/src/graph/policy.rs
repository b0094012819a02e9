//! Which policy a bead or a goal follows, and what of it is derived.

use super::Graph;
use crate::{
    Bead, BeadId, OnRateLimit, PolicyName, PolicyRules, RuntimeHold, RuntimeName, Timestamp,
};

impl Graph {
    /// Returns what the policy says that a goal, or the goal of a bead, follows.
    #[must_use]
    pub fn policy_of(&self, bead: &Bead) -> PolicyRules {
        let rig = self.rig(&bead.rig);
        rig.map_or_else(PolicyRules::default, |rig| {
            rig.rules.policy(self.policy_name(bead))
        })
    }

    /// Returns the policy that a goal, or the goal of a bead, names.
    #[must_use]
    pub fn policy_name<'a>(&'a self, bead: &'a Bead) -> Option<&'a PolicyName> {
        let goal = bead.goal.as_ref().and_then(|goal| self.bead(goal));
        goal.unwrap_or(bead).spec.policy.as_ref()
    }

    /// Returns how many seats a goal may have at once: the smaller of what was said of it and of
    /// what its policy says.
    #[must_use]
    pub fn seats_of(&self, goal: &BeadId) -> Option<u32> {
        let said = self.goal(goal)?.max;
        let allowed = self.policy_of(self.bead(goal)?).max_parallel;
        match (said, allowed) {
            (Some(said), Some(allowed)) => Some(said.min(allowed)),
            (said, allowed) => said.or(allowed),
        }
    }

    /// Says why the policy of a goal stops it now: too many attempts failed in a row, or a runtime
    /// of its beads has reached a limit since it was stopped last.
    #[must_use]
    pub fn stops_goal(&self, id: &BeadId, now: Timestamp) -> Option<String> {
        let (bead, goal) = (self.bead(id)?, self.goal(id)?);
        let rules = self.policy_of(bead);
        if bead.phase.is_finished() || self.pause_of(bead).is_some() {
            return None;
        }
        if rules.failures.is_some_and(|most| goal.failures >= most) {
            let n = goal.failures;
            return Some(match n {
                1 => "an attempt failed".to_owned(),
                n => format!("{n} attempts in a row failed and none succeeded"),
            });
        }
        if rules.on_rate_limit != OnRateLimit::Stop {
            return None;
        }
        let is_new = |hold: &RuntimeHold| goal.stopped.is_none_or(|stopped| stopped < hold.last);
        let (runtime, hold) = self.limits(now).find(|(runtime, hold)| {
            let mut open = self.open_beads_of(id);
            is_new(hold) && open.any(|open| open.wished_runtime() == Some(runtime.as_str()))
        })?;
        Some(format!("{runtime} is at a limit: {}", hold.text))
    }

    /// Lists the runtimes that have reached a limit of their provider and do not go yet.
    pub(super) fn limits(
        &self,
        now: Timestamp,
    ) -> impl Iterator<Item = (&RuntimeName, &RuntimeHold)> {
        let holds = self.runtime_holds();
        holds.filter(move |(_, hold)| hold.is_limit() && !hold.is_over(now))
    }
}
