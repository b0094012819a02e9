//! What somebody set and nothing acts on yet: whole keys, and words of keys that act in part.

use super::{
    key::{Effect, Key},
    keys::WAITING,
    layer::{Origin, Setting},
    merge::Config,
    policies::Policy,
    value::Value,
};
use crate::diagnostic::Diagnostic;

/// The roles whose runtimes, models and budgets are looked at.
const RUN_ROLES: [&str; 3] = ["mayor", "worker", "reviewer"];

/// Tells whether anything acts on a key at this path.
pub(super) fn works(path: &str, key: &Key) -> bool {
    let segments: Vec<&str> = path.split('.').collect();
    let is_read = match segments.as_slice() {
        ["roles", role, "use" | "model" | "usd"] => *role == "*" || RUN_ROLES.contains(role),
        _ => true,
    };
    key.effect == Effect::Works && is_read
}

impl Config {
    /// Returns the keys that somebody set and nothing acts on yet, or not on all that they say.
    pub fn without_effect(&self) -> impl Iterator<Item = (&str, &Origin)> {
        self.settings
            .iter()
            .filter(|(path, setting)| {
                let is_idle = !works(path, setting.key) || !idle_words(path, setting).is_empty();
                is_idle && setting.origin != Origin::Default
            })
            .map(|(path, setting)| (path.as_str(), &setting.origin))
    }

    /// Warns of what a policy lets wait for a person and nothing lets wait yet, where it was
    /// written down, or where such a policy of gtd's own was chosen.
    pub(super) fn idle_words(&self) -> Vec<Diagnostic> {
        let is_set = |setting: &Setting| setting.origin != Origin::Default;
        let written = self
            .settings
            .iter()
            .filter(|(_, setting)| is_set(setting))
            .map(|(path, setting)| (path.as_str(), setting, setting));
        let below = Policy::usual(self).key("approve");
        let chosen = self.settings.get("policy.default").zip(below.as_deref());
        let chosen = chosen.and_then(|(choice, path)| {
            let setting = self.settings.get(path)?;
            (is_set(choice) && !is_set(setting)).then_some((path, setting, choice))
        });
        written
            .chain(chosen)
            .filter_map(|(path, setting, at)| {
                let words = idle_words(path, setting);
                let message = format!(
                    "`{path}` has {}, for which nothing waits yet: it goes on without you",
                    words.join(", ")
                );
                if path.ends_with(".land") {
                    let message = format!("`{path}` is none, which has no effect yet: work lands");
                    return (!words.is_empty()).then(|| at.place.saying(&message));
                }
                let help = "only `plan` and `protected-paths` wait for you so far";
                (!words.is_empty()).then(|| at.place.saying(&message).with_help(help))
            })
            .collect()
    }
}

/// Lists the words of a setting that nothing acts on.
fn idle_words<'s>(path: &str, setting: &'s Setting) -> Vec<&'s str> {
    if path.starts_with("policies.") && path.ends_with(".land") {
        let word = setting.value.as_str().filter(|word| *word == "none");
        return word.into_iter().collect();
    }
    let is_approve = path.starts_with("policies.") && path.ends_with(".approve");
    let words = setting.value.as_list().filter(|_| is_approve);
    let words = words.unwrap_or_default().iter().filter_map(Value::as_str);
    words.filter(|word| !WAITING.contains(word)).collect()
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::config::{LayerKind, layer_from_toml};

    fn check(text: &str, expected: &Expect) {
        let layer = layer_from_toml(LayerKind::User, "config.toml", text).unwrap();
        let config = Config::merge([layer]);
        let idle = config.without_effect().map(|(key, _)| key.to_owned());
        let warned = config.warnings().iter().map(ToString::to_string);
        let all: Vec<String> = idle.chain(warned).collect();
        expected.assert_eq(&all.join("\n"));
    }

    #[test]
    fn nobody_is_left_to_believe_that_merges_wait_for_them() {
        let own = "[policies.mine]\napprove = [\"plan\", \"merge\"]\n";
        check(
            own,
            &expect![[r#"
            policies.mine.approve
            config.toml: `policies.mine.approve` has merge, for which nothing waits yet: it goes on without you"#]],
        );
        check(
            "[policy]\ndefault = \"review-all\"\n",
            &expect![
                "config.toml: `policies.review-all.approve` has merge, new-dependency, for which nothing waits yet: it goes on without you"
            ],
        );
        check(
            "[policy]\ndefault = \"mine\"\n[policies.mine]\nextends = \"overnight\"\n",
            &expect![
                "config.toml: `policies.overnight.approve` has new-dependency, for which nothing waits yet: it goes on without you"
            ],
        );
    }

    #[test]
    fn what_acts_in_full_is_not_warned_of() {
        check("", &expect![""]);
        check("[policies.mine]\napprove = [\"plan\"]\n", &expect![""]);
        check("[policies.free]\nextends = \"yolo\"\n", &expect![""]);
        check("[roles.mayor]\nuse = [\"claude\"]\n", &expect![""]);
    }

    #[test]
    fn a_runtime_of_a_role_that_runs_none_is_known_to_do_nothing_yet() {
        let of_refinery = "[roles.refinery]\nuse = [\"claude\"]\n";
        check(of_refinery, &expect!["roles.refinery.use"]);
        let explained = Config::merge([]).explain("roles.refinery.use").unwrap();
        assert!(!explained[0].works);
    }
}
