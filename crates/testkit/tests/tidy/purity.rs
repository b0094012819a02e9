//! The rules of the town are pure: `core` and `plan` know of the world only what they are told.

use std::collections::BTreeSet;

use crate::{
    imports::manifests,
    tree::{sources, tests},
};

/// The crates that reach nothing, with all that they may import from elsewhere.
const PURE: [(&str, &[&str]); 2] = [
    (
        "core",
        &[
            "croner",
            "jiff",
            "serde",
            "serde_json",
            "sha2",
            "strsim",
            "thiserror",
            "toml",
        ],
    ),
    (
        "plan",
        &[
            "minijinja",
            "serde",
            "serde_json",
            "strsim",
            "thiserror",
            "toml",
        ],
    ),
];

/// Modules of the standard library that reach the world.
const REACHING: [&str; 7] = ["fs", "process", "env", "thread", "net", "os", "io"];

/// Words that only a clock, a runtime or a door to the world has.
const WORDS: [&str; 7] = [
    "SystemTime",
    "Instant",
    "tokio",
    "println",
    "eprintln",
    "option_env",
    "RandomState",
];

/// Calls by which a crate for dates and times reaches the clock or the zone of the machine.
const CALLS: [&str; 3] = ["Zoned::now", "Timestamp::now", "TimeZone::"];

/// What may stand behind `TimeZone::`: rules that come as an argument, and UTC.
const ZONES: [&str; 3] = ["UTC", "posix", "fixed"];

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_')
}

/// Lists the places where a source reaches the world.
fn reaches(text: &str) -> Vec<String> {
    let code: String = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join(" ");
    let mut found = Vec::new();
    let used: BTreeSet<&str> = words(&code).collect();
    found.extend(
        WORDS
            .iter()
            .filter(|word| used.contains(*word))
            .map(|word| (*word).to_owned()),
    );
    for call in CALLS {
        let is_harmless = |rest: &str| ZONES.iter().any(|zone| rest.starts_with(zone));
        if code.split(call).skip(1).any(|rest| !is_harmless(rest)) {
            found.push(call.to_owned());
        }
    }
    for place in code.split("std::").skip(1) {
        let names: Vec<&str> = match place.strip_prefix('{') {
            None => words(place).take(1).collect(),
            Some(group) => top_names(group),
        };
        for name in names {
            // The traits of `io` are for errors and buffers; only its handles reach the world.
            let is_harmless = name == "io" && !code.contains("stdout") && !code.contains("stdin");
            if REACHING.contains(&name) && !is_harmless {
                found.push(format!("std::{name}"));
            }
        }
    }
    found
}

/// Lists the first names in a group of imports, up to its closing brace.
fn top_names(group: &str) -> Vec<&str> {
    let (mut depth, mut start, mut names) = (0_u32, 0, Vec::new());
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                names.push(&group[start..at]);
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                names.push(&group[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    names
        .into_iter()
        .filter_map(|name| words(name.trim()).next())
        .collect()
}

#[test]
fn a_reach_into_the_world_is_found_in_every_spelling() {
    for text in [
        "fn f() { std::fs::read(\"x\"); }",
        "use std::{collections::BTreeMap, env};",
        "use std::{\n    collections::{BTreeMap, BTreeSet},\n    thread::{self, sleep},\n};",
        "use std::time::{Duration, Instant};",
        "let now = SystemTime::now();",
        "std::io::stdout().lock()",
        "let now = jiff::Zoned::now();",
        "jiff::tz::TimeZone::system()",
    ] {
        assert!(!reaches(text).is_empty(), "{text}");
    }
    for text in [
        "// std::fs is not reached here",
        "use std::{collections::BTreeMap, time::Duration};",
        "use std::{fmt, str::FromStr};",
        "jiff::tz::TimeZone::UTC",
        "const TEXT: &str = include_str!(\"x\");",
    ] {
        assert_eq!(reaches(text), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn law_5_plan_pure() {
    let manifests = manifests();
    for (name, allowed) in PURE {
        for (path, text) in sources(&format!("crates/{name}/src")) {
            let found = reaches(&text);
            assert!(
                found.is_empty(),
                "{path} reaches {}: what it needs comes in as an argument",
                found.join(", ")
            );
        }
        for foreign in &manifests[name].foreign {
            assert!(
                allowed.contains(&foreign.as_str()),
                "`{name}` imports {foreign}; a pure crate imports only {allowed:?}"
            );
        }
    }
}

#[test]
fn a_role_is_woken_without_data() {
    for name in ["plan", "host"] {
        for (path, text) in sources(&format!("crates/{name}/src")) {
            let used: BTreeSet<&str> = words(&text).collect();
            for word in ["Event", "Envelope", "mpsc"] {
                assert!(
                    !used.contains(word),
                    "{path} has `{word}`: roles look at the state and hear no event"
                );
            }
        }
    }
}

#[test]
fn tests_are_found_by_their_names() {
    let tests = tests();
    assert!(tests.contains("tests_are_found_by_their_names"));
    assert!(!tests.contains("reaches"));
}
