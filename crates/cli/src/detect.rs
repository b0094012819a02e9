//! Proposes gates for a repository, from the files at its top. Looks, and runs nothing.

use std::{fs, path::Path};

use gtd_core::GateName;
use serde_json::Value;

/// A gate that the repository seems to want.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Proposal {
    /// Its name.
    pub(crate) name: GateName,
    /// The command.
    pub(crate) run: String,
}

/// Looks for tool chains at the top of a repository.
pub(crate) fn gates(top: &Path) -> Vec<Proposal> {
    let mut found: Vec<(&str, String)> = Vec::new();
    let has = |name: &str| top.join(name).is_file();
    if has("Cargo.toml") {
        if has("rustfmt.toml") || has(".rustfmt.toml") {
            found.push(("fmt", "cargo fmt --check".to_owned()));
        }
        found.push(("test", "cargo test".to_owned()));
    }
    if has("package.json") && has_npm_test(top) {
        found.push(("npm-test", "npm test".to_owned()));
    }
    if has("pytest.ini") || has("tox.ini") || mentions(top, "pyproject.toml", "pytest") {
        found.push(("pytest", "python3 -m pytest -q".to_owned()));
    }
    if has("go.mod") {
        found.push(("go-test", "go test ./...".to_owned()));
    }
    if found.is_empty() {
        if let Some(file) = ["justfile", "Justfile", ".justfile"]
            .into_iter()
            .find(|name| has(name))
            && has_target(top, file)
        {
            found.push(("test", "just test".to_owned()));
        } else if let Some(file) = ["GNUmakefile", "makefile", "Makefile"]
            .into_iter()
            .find(|name| has(name))
            && has_target(top, file)
        {
            found.push(("test", "make test".to_owned()));
        }
    }
    // One tool chain: its test is simply called test.
    if found.len() == 1 {
        found[0].0 = "test";
    }
    found
        .into_iter()
        .map(|(name, run)| Proposal {
            name: GateName::parse(name).expect("these names are valid"),
            run,
        })
        .collect()
}

fn has_npm_test(top: &Path) -> bool {
    fs::read_to_string(top.join("package.json"))
        .ok()
        .and_then(|text| serde_json::from_str::<Value>(&text).ok())
        .and_then(|package| Some(package.get("scripts")?.get("test")?.as_str()?.to_owned()))
        // What `npm init` writes is not a test.
        .is_some_and(|script| !script.is_empty() && !script.contains("no test specified"))
}

fn mentions(top: &Path, file: &str, word: &str) -> bool {
    fs::read_to_string(top.join(file)).is_ok_and(|text| text.contains(word))
}

fn has_target(top: &Path, file: &str) -> bool {
    fs::read_to_string(top.join(file)).is_ok_and(|text| {
        text.lines().any(|line| {
            line.strip_prefix("test").is_some_and(|rest| {
                let rest = rest.trim_start_matches(|c: char| !matches!(c, ':' | '='));
                rest.starts_with(':') && !rest.starts_with(":=")
            })
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(files: &[(&str, &str)]) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        gates(folder.path())
            .into_iter()
            .map(|gate| format!("{}: {}", gate.name, gate.run))
            .collect()
    }

    #[test]
    fn each_tool_chain_brings_its_test() {
        assert_eq!(check(&[("Cargo.toml", "")]), ["test: cargo test"]);
        assert_eq!(
            check(&[("Cargo.toml", ""), ("rustfmt.toml", "")]),
            ["fmt: cargo fmt --check", "test: cargo test"]
        );
        assert_eq!(
            check(&[("package.json", r#"{"scripts":{"test":"vitest"}}"#)]),
            ["test: npm test"]
        );
        assert_eq!(
            check(&[("pyproject.toml", "[tool.pytest.ini_options]")]),
            ["test: python3 -m pytest -q"]
        );
        assert_eq!(
            check(&[("go.mod", ""), ("Cargo.toml", "")]),
            ["test: cargo test", "go-test: go test ./..."]
        );
        assert_eq!(
            check(&[("Makefile", "all:\ntest: all\n\ttrue\n")]),
            ["test: make test"]
        );
        assert_eq!(
            check(&[("justfile", "test *args:\n  true\n")]),
            ["test: just test"]
        );
    }

    #[test]
    fn nothing_is_proposed_where_nothing_can_be_seen() {
        assert_eq!(check(&[("README.md", "test:")]), Vec::<String>::new());
        assert_eq!(
            check(&[("Makefile", "tests := 1\ntest := 2\nall:\n")]),
            Vec::<String>::new()
        );
        let unset = r#"{"scripts":{"test":"echo \"Error: no test specified\" && exit 1"}}"#;
        assert_eq!(check(&[("package.json", unset)]), Vec::<String>::new());
    }
}
