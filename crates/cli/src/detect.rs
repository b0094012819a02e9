//! Proposes gates for a repository, from the files at its top. Looks, and runs nothing.

use std::{fs, path::Path};

use gtd_core::GateName;
use serde_json::{Value, json};

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

/// Variables that say where a tool chain is, and where it is without them, by program.
const ROOTS: [(&str, &[(&str, &str)]); 5] = [
    (
        "cargo",
        &[
            ("RUSTUP_HOME", ".rustup"),
            ("CARGO_HOME", ".cargo"),
            ("RUSTUP_TOOLCHAIN", ""),
        ],
    ),
    ("go", &[("GOPATH", "go"), ("GOROOT", "")]),
    ("gradle", &[("JAVA_HOME", "")]),
    ("mvn", &[("JAVA_HOME", "")]),
    ("python3", &[("PYENV_ROOT", ".pyenv")]),
];

/// Finds the variables that the programs of gates need here and that no gate gets.
pub(crate) fn missing_roots<'a>(
    runs: impl Iterator<Item = &'a str>,
    passed: &[String],
    variable: impl Fn(&str) -> Option<String>,
) -> Vec<&'static str> {
    let home = variable("HOME").unwrap_or_default();
    let mut missing = Vec::new();
    for run in runs {
        let program = run.split_whitespace().next().unwrap_or_default();
        let roots = ROOTS.iter().filter(|(name, _)| *name == program);
        for (name, usual) in roots.flat_map(|(_, roots)| *roots) {
            let is_usual = |value: &String| *value == format!("{home}/{usual}");
            let is_needed = variable(name).is_some_and(|value| !is_usual(&value));
            if is_needed && !passed.iter().any(|known| known == name) && !missing.contains(name) {
                missing.push(*name);
            }
        }
    }
    missing
}

/// Says what is missing, and the command that lets gates and agents have it.
pub(crate) fn pass_on(missing: &[&str], passed: &[String]) -> (String, String) {
    let text = format!(
        "gates and agents do not get {}, which is set here",
        missing.join(", ")
    );
    let names = passed.iter().map(String::as_str);
    let names: Vec<&str> = names.chain(missing.iter().copied()).collect();
    (
        text,
        format!("gtd config set --user town.env '{}'", json!(names)),
    )
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
    fn a_tool_chain_in_another_place_is_noticed_unless_gates_get_to_know_it() {
        let place = |name: &str| match name {
            "HOME" => Some("/home/ann".to_owned()),
            "CARGO_HOME" => Some("/home/ann/.cargo".to_owned()),
            "RUSTUP_HOME" => Some("/usr/local/rustup".to_owned()),
            _ => None,
        };
        let runs = || ["cargo test", "make", "cargo fmt"].into_iter();
        assert_eq!(missing_roots(runs(), &[], place), ["RUSTUP_HOME"]);
        let passed = ["RUSTUP_HOME".to_owned()];
        assert!(missing_roots(runs(), &passed, place).is_empty());
        assert!(missing_roots(["make"].into_iter(), &[], place).is_empty());
        let (_, fix) = pass_on(&["GOROOT"], &passed);
        assert_eq!(
            fix,
            r#"gtd config set --user town.env '["RUSTUP_HOME","GOROOT"]'"#
        );
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
