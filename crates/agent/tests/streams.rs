//! What real programs printed is understood: how each run ended, and what it used.
//!
//! The recordings below `tests/streams` are of the real programs against a model server on
//! loopback, which wrote down what it billed.

#![expect(clippy::unwrap_used, reason = "a test says so when it fails")]

use std::{fs, path::PathBuf};

use expect_test::{Expect, expect};
use gtd_agent::stream::{Dialect, Ending, Reader, Tariff};
use gtd_core::Usage;
use serde_json::Value;

fn folder(program: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/streams")
        .join(program)
}

fn scenarios(program: &str) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder(program))
        .unwrap()
        .filter_map(|entry| {
            let name = entry.unwrap().file_name().into_string().unwrap();
            name.strip_suffix(".jsonl").map(str::to_owned)
        })
        .collect();
    names.sort();
    names
}

fn read(program: &str, dialect: Dialect, scenario: &str) -> (Reader, Value) {
    let folder = folder(program);
    let meta = fs::read_to_string(folder.join(format!("{scenario}.meta.json"))).unwrap();
    let meta: Value = serde_json::from_str(&meta).unwrap();
    let mut reader = Reader::new(dialect, Usage::default(), Tariff::default());
    let text = fs::read_to_string(folder.join(format!("{scenario}.jsonl"))).unwrap();
    for line in text.lines() {
        reader.read(line);
    }
    (reader, meta)
}

/// Lists how each recording ended: the exit code of the program beside what was understood.
#[expect(clippy::needless_pass_by_value, reason = "as expectations are written")]
fn check(program: &str, dialect: Dialect, expected: Expect) {
    let mut lines = String::new();
    for scenario in scenarios(program) {
        let (reader, meta) = read(program, dialect, &scenario);
        let account = reader.account();
        let end = match &account.end {
            Some(Ending::Done) => "done".to_owned(),
            Some(Ending::Fault { fault, .. }) => fault.word().to_owned(),
            None => match reader.struggle() {
                Some(fault) => format!("nothing said, after {}", fault.word()),
                None => "nothing said".to_owned(),
            },
        };
        let code = match (&meta["exit_code"], &meta["signal"]) {
            (Value::Null, signal) => format!("signal {signal}"),
            (code, _) => format!("exit {code}"),
        };
        assert!(
            account.session.is_some(),
            "{program} {scenario}: no session"
        );
        lines.push_str(&format!("{scenario}: {end} ({code})\n"));
    }
    expected.assert_eq(&lines);
}

/// Nothing that a server billed for an answer is missed or counted twice.
fn check_usage(program: &str, dialect: Dialect) {
    for scenario in scenarios(program) {
        let (reader, meta) = read(program, dialect, &scenario);
        let billed = &meta["billed"];
        let number = |key: &str| billed[key].as_u64().unwrap_or(0);
        // What was cut in the middle, or never answered, is known to the server alone.
        if number("cut") + number("hung") > 0 || reader.account().end.is_none() {
            continue;
        }
        // Codex tells what a turn used only when it ended well, and counts a resumed thread from
        // its beginning; what that had used before stands in no recording.
        let is_resumed = !meta["before"].is_null();
        if program == "codex" && (is_resumed || reader.account().end != Some(Ending::Done)) {
            continue;
        }
        let usage = reader.account().usage;
        // Only Anthropic's protocol tells what was written to the cache; elsewhere it is input.
        let read = (
            usage.input + usage.cache_write,
            usage.cache_read,
            usage.output,
        );
        let of_server = (
            number("input") + number("cache_write"),
            number("cache_read"),
            number("output"),
        );
        assert_eq!(read, of_server, "{program} {scenario}");
    }
}

/// Its messages tell one token of output each, whatever they say.
#[test]
fn what_claude_wrote_counts_by_its_length_where_no_result_tells_it() {
    for scenario in ["killed", "sigterm"] {
        let (reader, _) = read("claude", Dialect::Claude, scenario);
        let account = reader.account();
        assert!(
            account.usage.output >= 10,
            "{scenario}: {:?}",
            account.usage
        );
        let of_models: u64 = account.by_model.values().map(|usage| usage.output).sum();
        assert_eq!(of_models, account.usage.output, "{scenario}");
    }
}

#[test]
fn the_end_of_each_recorded_run_of_claude_is_understood() {
    check(
        "claude",
        Dialect::Claude,
        expect![[r#"
            400-credit: billing (exit 1)
            400-long: context_full (exit 1)
            401: auth (exit 1)
            403: auth (exit 1)
            404: model_missing (exit 1)
            429: rate_limited (exit 1)
            429-after: rate_limited (exit 1)
            429-limit: rate_limited (exit 1)
            429-limit-subscription: rate_limited (exit 1)
            429-quota: rate_limited (exit 1)
            500: overloaded (exit 1)
            529: overloaded (exit 1)
            ask: done (exit 0)
            commit: done (exit 0)
            denied: done (exit 0)
            drop: network (exit 1)
            edit: done (exit 0)
            empty: done (exit 0)
            fails: done (exit 0)
            killed: nothing said (signal "SIGKILL")
            lie: done (exit 0)
            max-tokens: limit_reached (exit 1)
            max-turns: limit_reached (exit 1)
            overload: overloaded (exit 1)
            refuse: refusal (exit 1)
            resume: done (exit 0)
            retried: done (exit 0)
            sigint: interrupted (exit 0)
            sigterm: nothing said (exit 143)
            write: done (exit 0)
            write-subscription: done (exit 0)
        "#]],
    );
}

#[test]
fn the_end_of_each_recorded_run_of_codex_is_understood() {
    check(
        "codex",
        Dialect::Codex,
        expect![[r#"
            400-credit: billing (exit 1)
            400-long: context_full (exit 1)
            401: auth (exit 1)
            403: auth (exit 1)
            404: model_missing (exit 1)
            429: rate_limited (exit 1)
            429-after: rate_limited (exit 1)
            429-limit: rate_limited (exit 1)
            429-quota: billing (exit 1)
            500: overloaded (exit 1)
            529: overloaded (exit 1)
            ask: done (exit 0)
            commit: done (exit 0)
            drop: network (exit 1)
            edit: done (exit 0)
            empty: done (exit 0)
            fails: done (exit 0)
            killed: nothing said (signal "SIGKILL")
            lie: done (exit 0)
            max-tokens: limit_reached (exit 1)
            overload: overloaded (exit 1)
            refuse: done (exit 0)
            resume: done (exit 0)
            retried: done (exit 0)
            sigint: nothing said (exit 1)
            sigterm: nothing said (signal "SIGTERM")
            write: done (exit 0)
        "#]],
    );
}

#[test]
fn what_claude_used_is_what_the_server_billed() {
    check_usage("claude", Dialect::Claude);
}

#[test]
fn what_codex_used_is_what_the_server_billed() {
    check_usage("codex", Dialect::Codex);
}
