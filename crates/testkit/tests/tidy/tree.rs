//! The files of this repository, as the other tests read them.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Returns the folder of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("this crate lies in crates/")
        .to_owned()
}

/// Reads a file of the repository.
pub(crate) fn read(path: &str) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("read {}: {error}", path.display()))
}

/// Lists the crates by the names of their folders.
pub(crate) fn crates() -> BTreeSet<String> {
    names_in(&root().join("crates"))
}

/// Lists the names in a folder.
pub(crate) fn names_in(folder: &Path) -> BTreeSet<String> {
    fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("list {}: {error}", folder.display()))
        .map(|entry| {
            let name = entry.expect("an entry of a folder").file_name();
            name.into_string().expect("names are UTF-8 here")
        })
        .collect()
}

/// Lists all files below a folder of the repository; of the root, without what git and cargo keep.
pub(crate) fn files(below: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![root().join(below)];
    while let Some(folder) = open.pop() {
        for name in names_in(&folder) {
            let path = folder.join(&name);
            let is_link = path.is_symlink();
            if path.is_dir() && !is_link {
                let is_kept_by_tools = folder == root() && (name == ".git" || name == "target");
                if !is_kept_by_tools {
                    open.push(path);
                }
            } else if path.is_file() {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// Lists the Rust sources below a folder with their texts.
pub(crate) fn sources(below: &str) -> Vec<(String, String)> {
    files(below)
        .into_iter()
        .filter(|path| path.extension().is_some_and(|end| end == "rs"))
        .map(|path| {
            let text = fs::read_to_string(&path).expect("a Rust source is text");
            (relative(&path), text)
        })
        .collect()
}

/// Returns a path as it is told to people.
pub(crate) fn relative(path: &Path) -> String {
    let below = path.strip_prefix(root()).unwrap_or(path);
    below.display().to_string()
}

/// Lists the names of all tests of the repository.
pub(crate) fn tests() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (_, text) in sources("crates") {
        let mut is_test = false;
        for line in text.lines().map(str::trim) {
            if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
                is_test = true;
            } else if let Some(rest) = line
                .strip_prefix("async fn ")
                .or_else(|| line.strip_prefix("fn "))
            {
                let name = rest
                    .split(|c: char| !c.is_alphanumeric() && c != '_')
                    .next();
                if let (true, Some(name)) = (is_test, name) {
                    names.insert(name.to_owned());
                }
                is_test = false;
            }
        }
    }
    names
}

/// One row of a markdown table: its cells, trimmed.
pub(crate) type Row = Vec<String>;

/// Reads the rows of the table of a document whose header line begins with these words.
pub(crate) fn tables(document: &str, header: &[&str]) -> Vec<Row> {
    let text = read(document);
    let mut rows = Vec::new();
    let mut is_inside = false;
    for line in text.lines().map(str::trim) {
        let Some(inner) = line
            .strip_prefix('|')
            .and_then(|rest| rest.strip_suffix('|'))
        else {
            is_inside = false;
            continue;
        };
        let cells: Row = inner
            .split('|')
            .map(|cell| cell.trim().to_owned())
            .collect();
        if is_inside {
            if !cells
                .iter()
                .all(|cell| cell.chars().all(|c| "-: ".contains(c)))
            {
                rows.push(cells);
            }
        } else {
            is_inside = cells
                .iter()
                .map(String::as_str)
                .take(header.len())
                .eq(header.iter().copied());
        }
    }
    assert!(
        !rows.is_empty(),
        "{document} has no table that begins with {header:?}"
    );
    rows
}

/// Lists what stands between backticks.
pub(crate) fn quoted(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}
