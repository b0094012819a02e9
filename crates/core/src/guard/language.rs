//! Which language a file is in, and whether its path says that it holds tests.

/// A language whose tests can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// Rust.
    Rust,
    /// Python.
    Python,
    /// JavaScript and TypeScript.
    Script,
    /// Go.
    Go,
}

impl Language {
    /// Tells the language by the ending of a path.
    #[must_use]
    pub fn of(path: &str) -> Option<Self> {
        let (_, ending) = name(path).rsplit_once('.')?;
        Some(match ending {
            "rs" => Self::Rust,
            "py" => Self::Python,
            "js" | "jsx" | "mjs" | "cjs" | "ts" | "tsx" | "mts" | "cts" => Self::Script,
            "go" => Self::Go,
            _ => return None,
        })
    }
}

/// Tells whether a path says that the file is for tests alone, and holds some.
#[must_use]
pub fn is_test_path(path: &str) -> bool {
    /// Endings of files that are no code and no test by themselves.
    const OTHER: [&str; 6] = ["md", "txt", "toml", "lock", "yml", "yaml"];
    let ending = name(path).rsplit_once('.').map_or("", |(_, ending)| ending);
    !OTHER.contains(&ending) && lies_with_tests(path)
}

/// Tells whether a path says that the file is for tests alone: a test, or what one reads.
#[must_use]
pub fn lies_with_tests(path: &str) -> bool {
    let name = name(path);
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let mut folders = path.split('/').rev().skip(1);
    let is_below =
        folders.any(|folder| matches!(folder, "test" | "tests" | "spec" | "specs" | "__tests__"));
    let begins = ["test_", "test-", "Test"];
    let ends = [
        "_test", "-test", ".test", "_spec", ".spec", "Test", "Tests", "_tests",
    ];
    is_below
        || stem == "tests"
        || stem == "test"
        || begins.iter().any(|begin| stem.starts_with(begin))
        || ends.iter().any(|end| stem.ends_with(end))
}

fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
