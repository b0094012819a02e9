//! What the configuration means for a rig.

use super::{
    check::is_prefix,
    duration::parse_duration,
    gate::{builtin_policy, gates},
    merge::Config,
    planning::{protected_globs, question_rules, replan_rules},
    policies::{Policy, policies},
    runtimes::{ConfiguredRuntime, configured_runtimes},
    schedule::schedules,
    value::Value,
};
use crate::{
    BudgetRules, Diagnostic, DiscoveryRules, Guard, GuardPolicy, MergeRules, PushRules,
    ReviewRules, RigName, RigRules, SignPolicy, WorkerRules, usd_of_number,
};

const BRANCH: &str = "main";
const PREFIX: &str = "gtd";
const NAME: &str = "rig";
const LONGEST_PREFIX: usize = 8;
const LONGEST_NAME: usize = 60;

/// Returns the rules of a rig in a folder of this name; `branch` is `main` unless the configuration names one.
///
/// # Errors
/// When a name in the configuration cannot be one.
pub fn rig_rules(config: &Config, folder_name: &str) -> Result<RigRules, Diagnostic> {
    let text = |key: &str| config.get(key).and_then(|(value, _)| value.as_str());
    let rows = |key: &str| {
        config
            .get(key)
            .and_then(|(value, _)| value.as_list())
            .unwrap_or_default()
    };
    Ok(RigRules {
        prefix: match text("rig.prefix") {
            Some(prefix) => prefix.to_owned(),
            None => default_prefix(rig_name(config, folder_name)?.as_str()),
        },
        branch: text("rig.branch").unwrap_or(BRANCH).to_owned(),
        gates: gates(rows("gate")).map_err(|error| mistake(config, "gate", &error.to_string()))?,
        worker: worker_rules(config),
        merge: MergeRules {
            batch: number(config, "merge.batch").unwrap_or(MergeRules::default().batch),
            flakes: number(config, "merge.flakes").unwrap_or(MergeRules::default().flakes),
            backlog: number(config, "merge.backlog").unwrap_or(MergeRules::default().backlog),
            proof_of_test: guard_policy(
                config,
                Guard::ProofOfTest,
                "merge.proof_of_test",
                rows("gate"),
            ),
            test_guard: guard_policy(config, Guard::TestGuard, "merge.test_guard", rows("gate")),
            kept_lines: text("merge.kept_lines")
                .and_then(GuardPolicy::from_word)
                .unwrap_or_default(),
            protect: protected_globs(config),
            review: review_rules(config),
            sign: text("merge.sign")
                .and_then(SignPolicy::from_word)
                .unwrap_or_default(),
            push: push_rules(config),
        },
        schedules: schedules(rows("schedule")),
        questions: question_rules(config),
        discovery: discovery_rules(config),
        budget: budget_rules(config),
        replans: replan_rules(config),
        policies: policies(config),
    })
}

/// Returns what the configuration lets be spent on a rig. What role files and the user's own
/// configuration say comes later, and so does the zone.
fn budget_rules(config: &Config) -> BudgetRules {
    let free = configured_runtimes(config)
        .into_iter()
        .filter(ConfiguredRuntime::is_free)
        .map(|runtime| runtime.name);
    BudgetRules {
        bead: dollars(config, "budget.bead_usd"),
        plan: None,
        review: None,
        convoy: dollars(config, "budget.convoy_usd"),
        day: dollars(config, "budget.day_usd"),
        town_day: None,
        tokens_per_hour: config
            .get("budget.tokens_per_hour")
            .and_then(|(value, _)| u64::try_from(value.as_integer()?).ok()),
        offset_s: 0,
        free: free.collect(),
    }
}

/// Returns what is wanted of a gate that gtd brings along: what its row says, else its key.
fn guard_policy(config: &Config, guard: Guard, key: &str, rows: &[Value]) -> GuardPolicy {
    let word = config.get(key).and_then(|(value, _)| value.as_str());
    let of_row = builtin_policy(rows, guard);
    of_row
        .or_else(|| GuardPolicy::from_word(word?))
        .unwrap_or_default()
}

/// Reads an amount of money, in millionths of a dollar.
#[must_use]
pub fn dollars(config: &Config, key: &str) -> Option<u64> {
    usd_of_number(config.get(key)?.0.as_number()?)
}

/// Returns the name of a rig in a folder of this name.
///
/// # Errors
/// When the name in the configuration cannot be one.
pub fn rig_name(config: &Config, folder_name: &str) -> Result<RigName, Diagnostic> {
    let name = match config.get("rig.name").and_then(|(value, _)| value.as_str()) {
        Some(name) => name.to_owned(),
        None => default_name(folder_name),
    };
    RigName::parse(&name).map_err(|error| mistake(config, "rig.name", &error.to_string()))
}

fn worker_rules(config: &Config) -> WorkerRules {
    let usual = WorkerRules::default();
    let count =
        |key: &str, usual: u32| number(config, &format!("roles.worker.{key}")).unwrap_or(usual);
    let millis = |key: &str, usual: u64| {
        config
            .get(&format!("roles.worker.{key}"))
            .and_then(|(value, _)| parse_duration(value.as_str()?).ok())
            .and_then(|time| u64::try_from(time.as_millis()).ok())
            .unwrap_or(usual)
    };
    WorkerRules {
        max: count("max", usual.max),
        attempts: count("attempts", usual.attempts),
        backoff_ms: millis("backoff", usual.backoff_ms),
        silence_ms: millis("silence", usual.silence_ms),
        limit_ms: millis("limit", usual.limit_ms),
        repeats: count("repeats", usual.repeats),
        breaker: count("breaker", usual.breaker),
        refresh_percent: config
            .get("roles.worker.refresh_at")
            .and_then(|(value, _)| value.as_number())
            .map_or(usual.refresh_percent, percent),
    }
}

/// Says what is pushed by itself: the branches that are listed, else that of the rig.
fn push_rules(config: &Config) -> PushRules {
    let text = |key: &str| config.get(key).and_then(|(value, _)| value.as_str());
    let remote = text("rig.remote").unwrap_or_default();
    let named = if remote == PushRules::REMOTE {
        ""
    } else {
        remote
    };
    if text("merge.push") != Some("on-green") || remote.is_empty() {
        return PushRules {
            remote: named.to_owned(),
            branches: Vec::new(),
        };
    }
    let listed = config.get("merge.push_branches");
    let listed = listed.and_then(|(value, _)| value.as_list());
    let listed = listed.unwrap_or_default().iter().filter_map(Value::as_str);
    let mut branches: Vec<String> = listed.map(str::to_owned).collect();
    if branches.is_empty() {
        branches.push(text("rig.branch").unwrap_or(BRANCH).to_owned());
    }
    PushRules {
        remote: named.to_owned(),
        branches,
    }
}

/// Takes a share as percent.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it was put between 0 and 100"
)]
#[must_use]
pub fn percent(share: f64) -> u32 {
    (share * 100.0).round().clamp(0.0, 100.0) as u32
}

fn review_rules(config: &Config) -> ReviewRules {
    let usual = ReviewRules::default();
    ReviewRules {
        policy: Policy::usual(config).review(),
        lines: number(config, "merge.risky_lines").map_or(usual.lines, u64::from),
        max: number(config, "roles.reviewer.max").unwrap_or(usual.max),
    }
}

fn discovery_rules(config: &Config) -> DiscoveryRules {
    let usual = DiscoveryRules::default();
    let count =
        |key: &str, usual: u32| number(config, &format!("discovered.{key}")).unwrap_or(usual);
    DiscoveryRules {
        on: Policy::usual(config).discovery(),
        depth: count("depth", usual.depth),
        per_bead: count("per_bead", usual.per_bead),
        per_hour: count("per_hour", usual.per_hour),
    }
}

fn number(config: &Config, key: &str) -> Option<u32> {
    config
        .get(key)
        .and_then(|(value, _)| value.as_integer())
        .and_then(|number| u32::try_from(number).ok())
}

fn mistake(config: &Config, key: &str, message: &str) -> Diagnostic {
    match config.settings.get(key) {
        Some(setting) => setting.place.saying(message),
        None => Diagnostic::without_line(key, message),
    }
}

/// Makes a name of what a folder is called: lower case, with `-` for what may not stand in it.
fn default_name(folder_name: &str) -> String {
    let mut name = String::new();
    for c in folder_name.chars().take(LONGEST_NAME) {
        match c.to_ascii_lowercase() {
            c if c.is_ascii_lowercase() || c.is_ascii_digit() => name.push(c),
            '_' => name.push('_'),
            _ if !name.ends_with('-') => name.push('-'),
            _ => {}
        }
    }
    let name = name.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    if name.is_empty() {
        NAME.to_owned()
    } else {
        name.to_owned()
    }
}

/// Makes a prefix of the rig's name: its first letters and digits.
fn default_prefix(name: &str) -> String {
    let prefix: String = name
        .chars()
        .filter(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
        .take(LONGEST_PREFIX)
        .collect();
    if is_prefix(&prefix) {
        prefix
    } else {
        PREFIX.to_owned()
    }
}
