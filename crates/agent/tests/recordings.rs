//! The recorded streams of real programs are whole, and report what was billed.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

/// A recording: its name, its lines and how it ended.
struct Recording {
    name: String,
    lines: Vec<Value>,
    meta: Value,
}

fn recordings(program: &str) -> Vec<Recording> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/streams");
    let mut paths: Vec<PathBuf> = fs::read_dir(folder.join(program))
        .expect("the recordings of the program")
        .map(|entry| entry.expect("an entry of a folder").path())
        .filter(|path| path.extension().is_some_and(|end| end == "jsonl"))
        .collect();
    paths.sort();
    assert!(!paths.is_empty(), "{program} has no recordings");
    paths.iter().map(|path| read(path)).collect()
}

fn read(path: &Path) -> Recording {
    let name = path.display();
    let meta = path.with_extension("meta.json");
    let meta = fs::read_to_string(&meta).unwrap_or_else(|error| panic!("{name}: {error}"));
    let lines = fs::read_to_string(path).expect("a recording is text");
    Recording {
        name: name.to_string(),
        lines: lines
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{name}: {e}")))
            .collect(),
        meta: serde_json::from_str(&meta).unwrap_or_else(|error| panic!("{name}: {error}")),
    }
}

fn number(value: &Value, key: &str) -> u64 {
    value[key]
        .as_u64()
        .unwrap_or_else(|| panic!("{key} in {value}"))
}

/// Whether all that was billed was told to the program, too.
fn is_told(recording: &Recording) -> bool {
    number(&recording.meta["billed"], "cut") == 0
}

#[test]
fn every_recording_tells_how_it_ended() {
    for recording in ["claude", "codex"].into_iter().flat_map(recordings) {
        let (name, meta) = (&recording.name, &recording.meta);
        assert!(recording.lines.iter().all(Value::is_object), "{name}");
        let ends = [&meta["exit_code"], &meta["killed_by"]];
        assert!(
            ends.iter().filter(|end| end.is_i64()).count() == 1,
            "{name}: {ends:?}"
        );
        assert!(
            meta["prompt"]
                .as_str()
                .is_some_and(|prompt| prompt.contains("scenario: ")),
            "{name}"
        );
    }
}

#[test]
fn claude_reports_what_was_billed() {
    let mut compared = 0;
    for recording in recordings("claude").iter().filter(|one| is_told(one)) {
        let Some(end) = recording.lines.last().filter(|end| end["type"] == "result") else {
            continue;
        };
        let (usage, billed) = (&end["usage"], &recording.meta["billed"]);
        for (reported, key) in [
            ("input_tokens", "input"),
            ("cache_creation_input_tokens", "cache_write"),
            ("cache_read_input_tokens", "cache_read"),
            ("output_tokens", "output"),
        ] {
            assert_eq!(
                number(usage, reported),
                number(billed, key),
                "{}: {reported}",
                recording.name
            );
        }
        compared += 1;
    }
    assert!(compared > 15, "only {compared} were compared");
}

#[test]
fn codex_reports_what_was_billed_and_for_a_resumed_conversation_more() {
    let mut compared = 0;
    for recording in recordings("codex").iter().filter(|one| is_told(one)) {
        let Some(end) = recording
            .lines
            .last()
            .filter(|end| end["type"] == "turn.completed")
        else {
            continue;
        };
        let (usage, billed) = (&end["usage"], &recording.meta["billed"]);
        let prompt =
            number(billed, "input") + number(billed, "cache_write") + number(billed, "cache_read");
        let reported = (
            number(usage, "input_tokens"),
            number(usage, "output_tokens"),
        );
        let expected = (prompt, number(billed, "output"));
        match recording.meta["before"].is_null() {
            true => assert_eq!(reported, expected, "{}", recording.name),
            // Its sums are those of the whole conversation.
            false => assert!(reported > expected, "{}: {reported:?}", recording.name),
        }
        compared += 1;
    }
    assert!(compared > 6, "only {compared} were compared");
}
