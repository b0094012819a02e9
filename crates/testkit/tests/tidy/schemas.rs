//! The JSON Schema of role files says what role files may say.
//!
//! It is written by hand, because the words of roles stand in `plan` and `gtd` does not import that.

use gtd_plan::{Instances, Network, RoleKind, Sandbox, Session, WakeEvent};
use serde_json::Value;

use crate::tree::root;

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn schema() -> Value {
    serde_json::from_str(&read("crates/cli/src/commands/config/role.schema.json"))
        .expect("a schema in JSON")
}

/// Returns the words of an enum.
fn names<T>(words: &[(&'static str, T)]) -> Vec<&'static str> {
    words.iter().map(|(word, _)| *word).collect()
}

#[test]
fn the_schema_of_roles_has_the_words_of_roles() {
    let schema = schema();
    for (pointer, words) in [
        ("/properties/kind/enum", names(RoleKind::WORDS)),
        ("/properties/instances/enum", names(Instances::WORDS)),
        (
            "/properties/runtime/properties/session/enum",
            names(Session::WORDS),
        ),
        (
            "/properties/access/properties/network/enum",
            names(Network::WORDS),
        ),
        (
            "/properties/access/properties/sandbox/enum",
            names(Sandbox::WORDS),
        ),
        (
            "/properties/wake/properties/on/items/enum",
            names(WakeEvent::WORDS),
        ),
    ] {
        let found = schema.pointer(pointer).and_then(Value::as_array);
        let found: Vec<&str> = found
            .unwrap_or_else(|| panic!("{pointer} is not in the schema"))
            .iter()
            .filter_map(Value::as_str)
            .collect();
        assert_eq!(found, words, "{pointer}");
    }
}

#[test]
fn the_schema_of_roles_has_the_keys_of_role_files() {
    let schema = schema();
    let text = read("crates/plan/src/role/file.rs");
    for (section, pointer) in [
        ("Sections", "/properties"),
        ("RuntimeSection", "/properties/runtime/properties"),
        ("WakeSection", "/properties/wake/properties"),
        ("LimitsSection", "/properties/limits/properties"),
        ("AccessSection", "/properties/access/properties"),
        ("HandoverSection", "/properties/handover/properties"),
        ("EscalateSection", "/properties/escalate/properties"),
        ("PromptSection", "/properties/prompt/properties"),
    ] {
        let begin = text
            .find(&format!("struct {section} {{"))
            .unwrap_or_else(|| panic!("no section {section}"));
        let mut keys: Vec<&str> = text[begin..]
            .lines()
            .skip(1)
            .take_while(|line| *line != "}")
            .filter(|line| !line.contains('#'))
            .filter_map(|line| line.trim().split_once(':'))
            .map(|(key, _)| key.trim_start_matches("pub(super) "))
            // It is written `use`, which is a word of the language.
            .map(|key| if key == "preferred" { "use" } else { key })
            .collect();
        keys.sort_unstable();
        let found = schema.pointer(pointer).and_then(Value::as_object);
        let mut found: Vec<&str> = found
            .unwrap_or_else(|| panic!("{pointer} is not in the schema"))
            .keys()
            .map(String::as_str)
            .collect();
        found.sort_unstable();
        assert_eq!(found, keys, "{section}");
    }
}
