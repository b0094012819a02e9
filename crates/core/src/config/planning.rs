//! Who makes plans, who does what they say, and whether a person sees them first.

use super::{
    merge::Config,
    policies::Policy,
    runtimes::{ConfiguredRuntime, configured_runtimes},
    value::Value,
};
use crate::{Approval, GATE_DEFINITIONS, PolicyName, QuestionRules, ReplanRules, RuntimeName};

/// What the plan of a goal can be made with.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PlanMeans {
    /// The runtime that makes it; none when nothing here can.
    pub mayor: Option<RuntimeName>,
    /// The runtime of a bead that names none.
    pub worker: Option<RuntimeName>,
    /// The runtimes that a bead may name.
    pub usable: Vec<RuntimeName>,
    /// The longest that one turn may take, in milliseconds.
    pub limit_ms: u64,
    /// Silence after which a turn is ended, in milliseconds.
    pub silence_ms: u64,
    /// The most beads that it may have.
    pub most_beads: u32,
    /// What reviews of what was handed in can be made with.
    pub review: ReviewMeans,
}

/// What a review of what was handed in can be made with.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReviewMeans {
    /// The runtimes that may look, in order of preference.
    pub runtimes: Vec<RuntimeName>,
    /// The longest that one turn may take, in milliseconds.
    pub limit_ms: u64,
    /// Silence after which a turn is ended, in milliseconds.
    pub silence_ms: u64,
}

impl ReviewMeans {
    /// Chooses who looks at what `author` has made: another runtime where there is one.
    #[must_use]
    pub fn runtime_for(&self, author: Option<&str>) -> Option<&RuntimeName> {
        let mut others = self.runtimes.iter();
        let other = others.find(|name| Some(name.as_str()) != author);
        other.or_else(|| self.runtimes.first())
    }
}

impl PlanMeans {
    /// Finds the runtimes among the agent programs of a configuration.
    ///
    /// The configuration goes before the role files, and both of the mayor before those of
    /// workers; who has one agent program alone has said enough.
    #[must_use]
    pub fn find(
        config: &Config,
        of_mayor: &[RuntimeName],
        of_worker: &[RuntimeName],
        of_reviewer: &[RuntimeName],
    ) -> Self {
        let usable: Vec<RuntimeName> = configured_runtimes(config)
            .into_iter()
            .filter(ConfiguredRuntime::is_agent)
            .map(|runtime| runtime.name)
            .collect();
        let wished = |key: &str, of_file: &[RuntimeName]| -> Vec<RuntimeName> {
            let list = config.get(key).and_then(|(value, _)| value.as_list());
            let of_config = list.unwrap_or_default().iter().filter_map(Value::as_str);
            let of_file = of_file.iter().map(RuntimeName::as_str);
            let names = of_config.chain(of_file);
            let known = names.filter_map(|name| usable.iter().find(|known| known.as_str() == name));
            known.cloned().collect()
        };
        let worker = wished("roles.worker.use", of_worker).into_iter().next();
        let mayor = wished("roles.mayor.use", of_mayor).into_iter().next();
        let mayor = mayor.or_else(|| worker.clone());
        let mayor = mayor.or_else(|| usable.first().cloned());
        // Who names nobody for it has every program look.
        let mut reviewers = wished("roles.reviewer.use", of_reviewer);
        if reviewers.is_empty() {
            reviewers.clone_from(&usable);
        }
        Self {
            worker: worker.or_else(|| mayor.clone()),
            mayor,
            usable,
            review: ReviewMeans {
                runtimes: reviewers,
                ..ReviewMeans::default()
            },
            ..Self::default()
        }
    }
}

/// Tells whether a plan that an agent made waits for a person, as the policy that the goal names
/// says, or the usual one.
#[must_use]
pub fn plan_approval(config: &Config, policy: Option<&PolicyName>) -> Approval {
    Policy::of_goal(config, policy).waits("plan")
}

/// Lists the globs of the files that only a person lets through: what says which gates there are,
/// and the rest where the usual policy says so.
pub(super) fn protected_globs(config: &Config) -> Vec<String> {
    let always = GATE_DEFINITIONS.iter().map(|&glob| glob.to_owned());
    let set = config.get("merge.protect");
    let set = set.filter(|_| Policy::usual(config).waits("protected-paths") == Approval::Needed);
    let set = set.and_then(|(value, _)| value.as_list());
    let set = set.unwrap_or_default().iter();
    let set = set.filter_map(|glob| Some(glob.as_str()?.to_owned()));
    let mut globs: Vec<String> = Vec::new();
    for glob in always.chain(set) {
        if !globs.contains(&glob) {
            globs.push(glob);
        }
    }
    globs
}

/// Finds what happens to questions of agents, as the usual policy says.
#[must_use]
pub fn question_rules(config: &Config) -> QuestionRules {
    Policy::usual(config).questions()
}

/// Finds whether what is left of a goal is planned anew, as the usual policy says.
#[must_use]
pub fn replan_rules(config: &Config) -> ReplanRules {
    Policy::usual(config).replans()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        OnQuestion,
        config::{LayerKind, layer_from_toml},
    };

    fn config(text: &str) -> Config {
        Config::merge([layer_from_toml(LayerKind::User, "config.toml", text).unwrap()])
    }

    fn check(roles: &str, of_mayor: &[&str]) -> String {
        let text = format!(
            "[runtimes.cheap]\npreset = \"codex\"\n[runtimes.dear]\npreset = \"claude-code\"\n{roles}"
        );
        let of_mayor: Vec<RuntimeName> = of_mayor
            .iter()
            .map(|name| RuntimeName::parse(name).unwrap())
            .collect();
        let means = PlanMeans::find(&config(&text), &of_mayor, &[], &[]);
        let word = |name: Option<RuntimeName>| name.map_or("-".to_owned(), |name| name.to_string());
        format!("{} plans, {} works", word(means.mayor), word(means.worker))
    }

    #[test]
    fn strong_programs_plan_and_cheap_ones_work_as_the_configuration_says() {
        assert_eq!(check("", &[]), "cheap plans, cheap works");
        assert_eq!(check("", &["dear"]), "dear plans, dear works");
        let of_worker = "[roles.worker]\nuse = [\"away\", \"cheap\"]\n";
        assert_eq!(check(of_worker, &["dear"]), "dear plans, cheap works");
        assert_eq!(check(of_worker, &[]), "cheap plans, cheap works");
        let both = format!("{of_worker}[roles.mayor]\nuse = [\"dear\"]\n");
        assert_eq!(check(&both, &["cheap"]), "dear plans, cheap works");
    }

    #[test]
    fn who_looks_is_another_program_than_who_worked_where_there_is_one() {
        let all = "[runtimes.one]\npreset = \"codex\"\n[runtimes.two]\npreset = \"claude-code\"\n";
        let chosen = |roles: &str, author: Option<&str>| {
            let config = config(&format!("{all}{roles}"));
            let means = PlanMeans::find(&config, &[], &[], &[]);
            let chosen = means.review.runtime_for(author);
            chosen.map_or("-".to_owned(), ToString::to_string)
        };
        assert_eq!(chosen("", Some("one")), "two");
        assert_eq!(chosen("", Some("two")), "one");
        assert_eq!(chosen("", Some("shell")), "one");
        let own = "[roles.reviewer]\nuse = [\"two\", \"away\"]\n";
        assert_eq!(chosen(own, Some("two")), "two");
        assert_eq!(chosen(own, None), "two");
        let none = PlanMeans::find(&config(""), &[], &[], &[]);
        assert_eq!(none.review.runtime_for(None), None);
    }

    #[test]
    fn scripts_plan_nothing() {
        let none = PlanMeans::find(
            &config("[roles.mayor]\nuse = [\"shell\", \"demo\"]\n"),
            &[],
            &[],
            &[],
        );
        assert_eq!(none, PlanMeans::default());
    }

    #[test]
    fn the_policy_says_what_a_question_does_and_how_long_it_waits() {
        let of = |text: &str| {
            let rules = question_rules(&config(text));
            (rules.on, rules.wait().as_secs() / 60)
        };
        assert_eq!(of(""), (OnQuestion::Ask, 30));
        let night = "[policy]\ndefault = \"overnight\"\n";
        assert_eq!(of(night), (OnQuestion::Park, 0));
        let yolo = "[policy]\ndefault = \"free\"\n[policies.free]\nextends = \"yolo\"\n";
        assert_eq!(of(yolo), (OnQuestion::Assume, 0));
        let own = "[policy]\ndefault = \"mine\"\n[policies.mine]\nextends = \"overnight\"\non_question = \"ask\"\nanswer_within = \"2h\"\n";
        assert_eq!(of(own), (OnQuestion::Ask, 120));
        let gone = "[policy]\ndefault = \"gone\"\n";
        assert_eq!(of(gone), (OnQuestion::Ask, 30));
    }

    #[test]
    fn the_policy_says_how_often_a_goal_is_planned_anew_and_which() {
        let of = |text: &str| replan_rules(&config(text));
        let usual = of("");
        assert_eq!((usual.most, usual.given), (1, false));
        assert_eq!(usual.approval, Approval::Needed);
        let night = of("[policy]\ndefault = \"overnight\"\n[policies.overnight]\nreplans = 2\n");
        assert_eq!((night.most, night.approval), (2, Approval::NotNeeded));
        let any = of("[policies.attended]\nreplan_of = \"any\"\n");
        assert!(any.given);
        assert_eq!(of("[policy]\ndefault = \"gone\"\n").most, 0);
    }

    #[test]
    fn gate_definitions_are_protected_and_the_rest_where_the_policy_says_so() {
        let own = GATE_DEFINITIONS.len();
        let of = |text: &str| protected_globs(&config(text));
        assert_eq!(of("")[..own], *GATE_DEFINITIONS);
        assert!(of("").contains(&".github/workflows/**".to_owned()));
        let night = "[policy]\ndefault = \"overnight\"\n";
        assert_eq!(of(night), of(""));
        let mine = "[merge]\nprotect = [\"a\", \"gtd.toml\", \"b/**\"]\n";
        assert_eq!(of(mine)[own..], ["a", "b/**"]);
        assert_eq!(of("[merge]\nprotect = []\n"), GATE_DEFINITIONS);
        let yolo = "[policy]\ndefault = \"free\"\n[policies.free]\nextends = \"yolo\"\n";
        let yolo = format!("{yolo}{mine}");
        assert_eq!(of(&yolo), GATE_DEFINITIONS);
        let gone = format!("[policy]\ndefault = \"gone\"\n{mine}");
        assert_eq!(of(&gone), of(mine));
    }

    #[test]
    fn the_policy_says_whether_a_person_sees_the_plan_first() {
        let of = |text: &str| plan_approval(&config(text), None);
        assert_eq!(of(""), Approval::Needed);
        assert_eq!(
            of("[policy]\ndefault = \"overnight\"\n"),
            Approval::NotNeeded
        );
        assert_eq!(of("[policy]\ndefault = \"dry\"\n"), Approval::Needed);
        let own = "[policy]\ndefault = \"mine\"\n[policies.mine]\nextends = \"overnight\"\n";
        assert_eq!(of(own), Approval::NotNeeded);
        assert_eq!(of("[policy]\ndefault = \"gone\"\n"), Approval::Needed);
        let circle = "[policy]\ndefault = \"a\"\n[policies.a]\nextends = \"a\"\n";
        assert_eq!(of(circle), Approval::Needed);
    }
}
