//! The scenarios that have names.

use super::script::{Script, ScriptError};

/// What each name stands for.
const SCRIPTS: [(&str, &str); 27] = [
    (
        "write",
        "write hello.txt Hello from the model. ;; say I wrote hello.txt.",
    ),
    (
        "commit",
        "write hello.txt Hello from the model. ;; run git add hello.txt && git commit -qm 'Say hello' ;; say I wrote hello.txt and committed it.",
    ),
    (
        "edit",
        "write notes.txt one\\ntwo ;; read notes.txt ;; edit notes.txt two => three ;; say I changed notes.txt.",
    ),
    (
        "ask",
        "ask Which database should it use: sqlite or postgres?",
    ),
    (
        "lie",
        "say I wrote hello.txt, ran all tests and committed the work.",
    ),
    ("loop", "loop cat hello.txt"),
    ("sleep", "run touch started && sleep 600 ;; say I waited."),
    ("refuse", "refuse"),
    ("empty", "empty"),
    ("max-tokens", "max-tokens"),
    ("401", "fail 401"),
    ("403", "fail 403"),
    ("404", "fail 404"),
    ("400-credit", "fail 400-credit"),
    ("400-long", "fail 400-long"),
    ("413", "fail 413"),
    ("429", "fail 429"),
    ("429-after", "fail 429 after=1"),
    ("429-limit", "fail 429-limit"),
    ("429-quota", "fail 429-quota"),
    ("500", "fail 500"),
    ("529", "fail 529"),
    ("drop", "drop"),
    ("overload", "overload"),
    ("stall", "stall"),
    ("hang", "hang"),
    (
        "held",
        "hold held ;; write hello.txt Hello from the model. ;; say I wrote hello.txt.",
    ),
];

/// The names of all scenarios.
pub const NAMES: [&str; SCRIPTS.len()] = {
    let mut names = [""; SCRIPTS.len()];
    let mut index = 0;
    while index < SCRIPTS.len() {
        names[index] = SCRIPTS[index].0;
        index += 1;
    }
    names
};

/// Reads what a prompt or a caller chose: a name, `NAME:K` for K times that
/// scenario's first step before `write`, or steps.
pub(super) fn choose(chosen: &str) -> Result<Script, ScriptError> {
    let named = |name: &str| {
        SCRIPTS
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, text)| *text)
    };
    if let Some(text) = named(chosen) {
        return Script::parse(text);
    }
    if let Some((name, count)) = chosen.split_once(':')
        && let (Some(text), Ok(count)) = (named(name), count.parse::<usize>())
    {
        let first = text.split(";;").next().unwrap_or(text).trim();
        let write = named("write").unwrap_or("empty");
        return Script::parse(&format!("{first} x{count} ;; {write}"));
    }
    Script::parse(chosen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_named_scenario_is_a_script() {
        for name in NAMES {
            assert!(choose(name).is_ok(), "{name}: {:?}", choose(name));
        }
    }

    #[test]
    fn a_count_behind_a_name_fails_that_often_and_writes_then() {
        assert_eq!(
            choose("429:2"),
            Script::parse(
                "fail 429 ;; fail 429 ;; write hello.txt Hello from the model. ;; say I wrote hello.txt."
            )
        );
    }
}
