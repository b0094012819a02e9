//! Rules that hold for every file of the repository.

use std::{collections::BTreeSet, fs, path::PathBuf};

use crate::tree::{crates, files, names_in, read, relative, root, sources};

#[test]
fn unsafe_code_is_forbidden_in_every_crate() {
    assert!(read("Cargo.toml").contains("unsafe_code = \"forbid\""));
    for name in crates() {
        let manifest = read(&format!("crates/{name}/Cargo.toml"));
        let mut lines = manifest.lines().skip_while(|line| line.trim() != "[lints]");
        assert_eq!(
            (lines.next(), lines.next().map(str::trim)),
            (Some("[lints]"), Some("workspace = true")),
            "crates/{name}/Cargo.toml does not take the lints of the workspace"
        );
    }
}

#[test]
fn nothing_is_left_to_do_later() {
    // Put together here, so that this file does not find itself.
    let marks = ["ignore", "should_panic", "allow("].map(|word| format!("#[{word}"));
    let calls = ["todo", "unimplemented"].map(|word| format!("{word}!"));
    for (path, text) in sources("crates") {
        // Generated code, and the module that declares it, answer to their generator.
        if path.starts_with("crates/wire/src/gen/") || path == "crates/wire/src/pb.rs" {
            continue;
        }
        for mark in marks.iter().chain(&calls) {
            assert!(!text.contains(mark.as_str()), "{path} has `{mark}`");
        }
    }
}

#[test]
fn no_file_names_a_place_on_somebodys_machine() {
    let home = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let mut places: Vec<String> = [
        Some(root()),
        home("HOME"),
        home("CARGO_HOME"),
        home("RUSTUP_HOME"),
    ]
    .into_iter()
    .flatten()
    // A folder such as `/` says nothing about a machine.
    .filter(|path| path.components().count() > 1)
    .map(|path| format!("{}/", path.display()))
    .collect();
    places.extend(["Users", "root", "builds", "workspace"].map(|name| format!("/{name}/")));
    for path in files("") {
        if path.ends_with("Cargo.lock") {
            continue;
        }
        let bytes = fs::read(&path).expect("read a file of the repository");
        let text = String::from_utf8_lossy(&bytes);
        for place in &places {
            let found = text.match_indices(place.as_str()).any(|(at, _)| {
                // A longer path that goes on from there is another one.
                !text[..at].ends_with(|c: char| c.is_alphanumeric() || "._-}".contains(c))
            });
            assert!(!found, "{} names {place}", relative(&path));
        }
    }
}

#[test]
fn the_top_of_the_tree_holds_what_it_should() {
    let names = names_in(&root());
    let present: BTreeSet<&str> = names
        .iter()
        .map(String::as_str)
        .filter(|name| !name.starts_with('.') && *name != "target")
        .collect();
    let expected = BTreeSet::from([
        "Cargo.lock",
        "Cargo.toml",
        "LICENSE",
        "README.md",
        "clippy.toml",
        "crates",
        "docs",
        "proto",
        "roles",
        "rustfmt.toml",
        "scripts",
    ]);
    assert_eq!(present, expected);
}

#[test]
fn every_script_can_be_run_and_says_what_runs_it() {
    use std::os::unix::fs::PermissionsExt as _;
    for path in files("scripts").into_iter().chain([root().join(".ci/run")]) {
        let text = fs::read_to_string(&path).expect("a script is text");
        assert!(
            text.starts_with("#!/"),
            "{} has no first line",
            relative(&path)
        );
        let mode = fs::metadata(&path).expect("a script").permissions().mode();
        assert!(mode & 0o111 != 0, "{} is not executable", relative(&path));
    }
}
