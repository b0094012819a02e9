//! Imports only point down, and the table of the architecture says which there are.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    process::Command,
};

use serde_json::Value;

use crate::tree::{crates, quoted, root, tables};

const TABLE: &str = "docs/ARCHITECTURE.md";

/// One crate as its manifest says.
pub(crate) struct Manifest {
    /// The crates of this repository that it imports, for tests too.
    pub(crate) imports: BTreeSet<String>,
    /// All other crates that it imports outside tests.
    pub(crate) foreign: BTreeSet<String>,
    /// All other crates that only its tests import.
    pub(crate) foreign_in_tests: BTreeSet<String>,
}

/// Reads what cargo knows of the crates, by the names of their folders.
pub(crate) fn manifests() -> BTreeMap<String, Manifest> {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--format-version",
            "1",
            "--no-deps",
            "--offline",
        ])
        .current_dir(root())
        .output()
        .expect("start cargo");
    assert!(
        output.status.success(),
        "cargo metadata: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo prints JSON");
    let folder = |path: &str| {
        let name = Path::new(path).file_name().expect("a folder has a name");
        name.to_str().expect("names are UTF-8 here").to_owned()
    };
    let mut found = BTreeMap::new();
    for package in metadata["packages"].as_array().expect("packages") {
        let path = package["manifest_path"].as_str().expect("a path");
        let path = path.strip_suffix("/Cargo.toml").expect("a manifest's path");
        let mut manifest = Manifest {
            imports: BTreeSet::new(),
            foreign: BTreeSet::new(),
            foreign_in_tests: BTreeSet::new(),
        };
        for dependency in package["dependencies"].as_array().expect("dependencies") {
            let name = dependency["name"].as_str().expect("a name").to_owned();
            match (dependency["path"].as_str(), dependency["kind"].as_str()) {
                (Some(path), _) => manifest.imports.insert(folder(path)),
                (None, Some("dev")) => manifest.foreign_in_tests.insert(name),
                (None, _) => manifest.foreign.insert(name),
            };
        }
        found.insert(folder(path), manifest);
    }
    found
}

/// One row of the table of crates.
struct Place {
    level: u32,
    /// None means any.
    imports: Option<BTreeSet<String>>,
}

fn places() -> BTreeMap<String, Place> {
    let rows = tables(
        TABLE,
        &["level", "crate", "one responsibility", "workspace imports"],
    );
    let mut places = BTreeMap::new();
    for row in rows {
        let name = quoted(&row[1])
            .first()
            .copied()
            .unwrap_or_default()
            .to_owned();
        let level = row[0]
            .parse()
            .unwrap_or_else(|_| panic!("{TABLE}: `{name}` has no level"));
        let imports = match row[3].as_str() {
            "any" => None,
            "–" => Some(BTreeSet::new()),
            names => Some(names.split_whitespace().map(str::to_owned).collect()),
        };
        places.insert(name, Place { level, imports });
    }
    places
}

#[test]
fn every_crate_has_its_row_in_the_architecture() {
    let rows: BTreeSet<String> = places().into_keys().collect();
    assert_eq!(
        rows,
        crates(),
        "left: the table in {TABLE}; right: the folders in crates/"
    );
    let known: BTreeSet<String> = manifests().into_keys().collect();
    assert_eq!(
        known,
        crates(),
        "left: the workspace; right: the folders in crates/"
    );
}

#[test]
fn imports_only_point_down() {
    let places = places();
    let mut wrong = Vec::new();
    for (name, manifest) in manifests() {
        let here = &places[&name];
        for import in &manifest.imports {
            let there = &places[import];
            if there.level >= here.level {
                wrong.push(format!(
                    "`{name}` (level {}) imports `{import}` (level {}): imports only point down",
                    here.level, there.level
                ));
            }
            if here
                .imports
                .as_ref()
                .is_some_and(|known| !known.contains(import))
            {
                wrong.push(format!(
                    "`{name}` imports `{import}`, which its row in {TABLE} does not say: \
                     a new arrow needs that row and a record in docs/decisions/"
                ));
            }
        }
        for import in here.imports.iter().flatten() {
            if !manifest.imports.contains(import) {
                wrong.push(format!(
                    "{TABLE}: `{name}` does not import `{import}` any more"
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn each_gate_to_the_world_has_one_owner() {
    let owners: [(&str, &[&str]); 5] = [
        ("sled", &["store"]),
        ("prost", &["wire"]),
        ("tonic", &["wire", "client", "daemon"]),
        ("clap", &["cli", "daemon"]),
        ("tokio", &["client", "host", "daemon", "cli"]),
    ];
    let manifests = manifests();
    for (foreign, allowed) in owners {
        let users: Vec<&String> = manifests
            .iter()
            .filter(|(name, manifest)| *name != "testkit" && manifest.foreign.contains(foreign))
            .map(|(name, _)| name)
            .collect();
        for user in users {
            assert!(
                allowed.contains(&user.as_str()),
                "`{user}` imports {foreign}; only {allowed:?} may"
            );
        }
    }
}
