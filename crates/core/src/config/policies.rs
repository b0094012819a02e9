//! The policies of a configuration, each resolved through those that it begins from.

use std::collections::{BTreeMap, BTreeSet};

use super::{duration::parse_duration, merge::Config, value::Value};
use crate::{
    Approval, LandPolicy, OnDiscovery, OnQuestion, OnRateLimit, Policies, PolicyName, PolicyRules,
    QuestionRules, ReplanRules, ReviewPolicy,
};

/// The policy that asks nothing: whoever wants it says so each time.
pub(super) const ASKS_NOTHING: &str = "yolo";
/// Policies that one policy begins from, one after the other.
const DEEPEST: usize = 16;

/// Resolves all policies of a configuration.
#[must_use]
pub fn policies(config: &Config) -> Policies {
    let known = policy_names(config).into_iter().map(|name| {
        let rules = Policy::named(config, name.as_str()).rules();
        (name, rules)
    });
    Policies {
        usual: Policy::usual(config).name.parse().ok(),
        known: known.collect::<BTreeMap<_, _>>(),
    }
}

/// Lists the policies that a goal may name.
#[must_use]
pub fn policy_names(config: &Config) -> BTreeSet<PolicyName> {
    let names = config.list().filter_map(|(key, _, _)| {
        let mut words = key.split('.');
        (words.next() == Some("policies")).then(|| words.next())?
    });
    names.filter_map(|name| name.parse().ok()).collect()
}

/// Says where work lands when a goal does not say: the word of the policy that it names, or of the
/// usual one, else `pull-request` where that is what the rig pushes.
#[must_use]
pub fn landing<'c>(config: &'c Config, policy: Option<&'c PolicyName>) -> Option<&'c str> {
    let push = config
        .get("merge.push")
        .and_then(|(value, _)| value.as_str());
    let of_rig = push.filter(|push| *push == "pull-request");
    Policy::of_goal(config, policy).text("land").or(of_rig)
}

/// One policy of a configuration.
#[derive(Debug, Clone, Copy)]
pub(super) struct Policy<'c> {
    config: &'c Config,
    name: &'c str,
}

impl<'c> Policy<'c> {
    /// Takes the one of this name.
    pub(super) fn named(config: &'c Config, name: &'c str) -> Self {
        Self { config, name }
    }

    /// Takes the one of goals that name none.
    pub(super) fn usual(config: &'c Config) -> Self {
        let name = config.get("policy.default");
        let name = name.and_then(|(value, _)| value.as_str());
        Self::named(config, name.unwrap_or_default())
    }

    /// Takes the one that a goal names, or the usual one.
    pub(super) fn of_goal(config: &'c Config, named: Option<&'c PolicyName>) -> Self {
        named.map_or_else(
            || Self::usual(config),
            |name| Self::named(config, name.as_str()),
        )
    }

    /// Finds the key that says something of it: its own, or that of one below it.
    pub(super) fn key(self, of: &str) -> Option<String> {
        let text = |key: &str| self.config.get(key)?.0.as_str();
        let mut keys = lineage(self.name, text).map(|name| format!("policies.{name}.{of}"));
        keys.find(|key| self.config.get(key).is_some())
    }

    /// Returns what it says of something.
    pub(super) fn value(self, of: &str) -> Option<&'c Value> {
        self.config.get(&self.key(of)?).map(|(value, _)| value)
    }

    fn text(self, of: &str) -> Option<&'c str> {
        self.value(of)?.as_str()
    }

    fn number(self, of: &str) -> Option<u32> {
        u32::try_from(self.value(of)?.as_integer()?).ok()
    }

    /// Tells whether it lets something wait for a person. One that nobody has written down allows
    /// nothing.
    pub(super) fn waits(self, what: &str) -> Approval {
        let wanted = self.value("approve").is_none_or(|wanted| {
            let mut wanted = wanted.as_list().unwrap_or_default().iter();
            wanted.any(|word| word.as_str() == Some(what))
        });
        match wanted {
            true => Approval::Needed,
            false => Approval::NotNeeded,
        }
    }

    /// Finds what happens to questions. One that nobody has written down assumes nothing.
    pub(super) fn questions(self) -> QuestionRules {
        let usual = QuestionRules::default();
        QuestionRules {
            on: match self.text("on_question") {
                Some("park") => OnQuestion::Park,
                Some("assume") => OnQuestion::Assume,
                _ => OnQuestion::Ask,
            },
            wait_ms: self
                .text("answer_within")
                .and_then(|text| parse_duration(text).ok())
                .and_then(|time| u64::try_from(time.as_millis()).ok())
                .unwrap_or(usual.wait_ms),
        }
    }

    /// Finds whether what is left of a goal is planned anew. One that nobody has written down
    /// allows nothing.
    pub(super) fn replans(self) -> ReplanRules {
        ReplanRules {
            most: self.number("replans").unwrap_or(0),
            given: self.text("replan_of") == Some("any"),
            approval: self.waits("plan"),
        }
    }

    /// Finds what happens to what agents find. One that nobody has written down lets nothing begin.
    pub(super) fn discovery(self) -> OnDiscovery {
        match self.text("on_discovery") {
            Some("join") => OnDiscovery::Join,
            _ => OnDiscovery::Triage,
        }
    }

    /// Finds what a reviewer looks at.
    pub(super) fn review(self) -> ReviewPolicy {
        let word = self.text("review").and_then(ReviewPolicy::from_word);
        word.unwrap_or_default()
    }

    fn rules(self) -> PolicyRules {
        PolicyRules {
            plan: self.waits("plan"),
            questions: self.questions(),
            discovery: self.discovery(),
            replans: self.replans(),
            review: self.review(),
            on_rate_limit: match self.text("on_rate_limit") {
                Some("fallback") => OnRateLimit::Fallback,
                Some("stop") => OnRateLimit::Stop,
                _ => OnRateLimit::Wait,
            },
            max_parallel: self.number("max_parallel"),
            land: match self.text("land") {
                Some("main") => Some(LandPolicy::Main),
                Some("integration") => Some(LandPolicy::Integration),
                Some("pull-request") => Some(LandPolicy::PullRequest),
                Some("none") => Some(LandPolicy::Nowhere),
                _ => None,
            },
            failures: self.number("stop_after_failures"),
        }
    }
}

/// Lists a policy and those that it begins from; `text` is what a key says.
pub(super) fn lineage<'c>(
    name: &'c str,
    text: impl Fn(&str) -> Option<&'c str>,
) -> impl Iterator<Item = &'c str> {
    let next = move |name: &&'c str| text(&format!("policies.{name}.extends"));
    std::iter::successors(Some(name), next).take(DEEPEST)
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::config::{LayerKind, layer_from_toml};

    fn check(text: &str, name: &str, expected: &Expect) {
        let layer = layer_from_toml(LayerKind::User, "config.toml", text).unwrap();
        let policies = policies(&Config::merge([layer]));
        let rules = policies.known.get(name).copied();
        let rules = rules.map(|rules| serde_json::to_string(&rules).unwrap());
        expected.assert_eq(&rules.unwrap_or_default());
    }

    #[test]
    fn every_policy_is_resolved_through_those_that_it_begins_from() {
        check(
            "",
            "overnight",
            &expect![[
                r#"{"questions":{"on":"park","wait_ms":1800000},"discovery":"triage","replans":{"most":1,"given":false,"approval":"not_needed"},"review":"off","on_rate_limit":"wait","land":"integration","failures":5}"#
            ]],
        );
        let mine = "[policies.mine]\nextends = \"overnight\"\nmax_parallel = 2\nland = \"none\"\n";
        check(
            mine,
            "mine",
            &expect![[
                r#"{"questions":{"on":"park","wait_ms":1800000},"discovery":"triage","replans":{"most":1,"given":false,"approval":"not_needed"},"review":"off","on_rate_limit":"wait","max_parallel":2,"land":"nowhere","failures":5}"#
            ]],
        );
        check(
            "",
            "yolo",
            &expect![[
                r#"{"questions":{"on":"assume","wait_ms":1800000},"discovery":"join","replans":{"most":1,"given":false,"approval":"not_needed"},"review":"off","on_rate_limit":"fallback"}"#
            ]],
        );
        check(mine, "gone", &expect![""]);
    }

    #[test]
    fn a_goal_may_name_gtds_own_policies_and_those_of_the_configuration() {
        let text = "[policies.mine]\nextends = \"overnight\"\n";
        let layer = layer_from_toml(LayerKind::User, "config.toml", text).unwrap();
        let names = policy_names(&Config::merge([layer]));
        let names: Vec<&str> = names.iter().map(PolicyName::as_str).collect();
        assert_eq!(
            names,
            ["attended", "dry", "mine", "overnight", "review-all", "yolo"]
        );
    }

    #[test]
    fn a_policy_that_begins_from_itself_ends() {
        check(
            "[policies.a]\nextends = \"a\"\n",
            "a",
            &expect![[
                r#"{"plan":"needed","discovery":"triage","replans":{"most":0,"given":false,"approval":"needed"},"review":"off","on_rate_limit":"wait"}"#
            ]],
        );
    }
}
